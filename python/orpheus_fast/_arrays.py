"""Array-likes in, what `_native` accepts out: C-contiguous float32, converted once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from orpheus_fast.errors import ShapeError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["as_float32"]


def as_float32(values: ArrayLike, *, name: str, n_dims: tuple[int, ...]) -> NDArray[np.float32]:
    """Return `values` as a C-contiguous float32 array; one that already is comes back as it is.

    Parameters
    ----------
    values : array_like
        Real numbers. Integers are taken as they are: no scaling to full scale.
    name : str
        What the caller calls the array, for the message.
    n_dims : tuple of int
        Numbers of dimensions that are acceptable.

    Returns
    -------
    numpy.ndarray
        C-contiguous, float32, native byte order.

    Raises
    ------
    ShapeError
        If the values are not real numbers or have another number of dimensions.
    """
    array = np.asarray(values)
    if array.dtype.kind not in "fiub":
        message = f"{name} has dtype {array.dtype}, expected real numbers such as float32"
        raise ShapeError(message)
    if array.ndim not in n_dims:
        wanted = " or ".join(str(n) for n in n_dims)
        message = f"{name} has shape {array.shape}, expected {wanted} dimension(s)"
        raise ShapeError(message)
    return np.ascontiguousarray(array, dtype=np.float32)

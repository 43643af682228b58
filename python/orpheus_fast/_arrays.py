"""Array-likes in, what `_native` accepts out: C-contiguous float32, converted once."""

from __future__ import annotations

import operator
import sys
from typing import TYPE_CHECKING

import numpy as np

from orpheus_fast.errors import ParameterError, ShapeError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["as_allowed", "as_float32", "as_int64", "as_queries", "positive"]


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


def as_queries(queries: ArrayLike, dim: int) -> NDArray[np.float32]:
    """Return one query or several, each of `dim` values, as float32."""
    vectors = as_float32(queries, name="queries", n_dims=(1, 2))
    if vectors.shape[-1] != dim:
        message = f"queries has shape {vectors.shape}, expected ({dim},) or (n_queries, {dim})"
        raise ShapeError(message)
    return vectors


def positive(name: str, value: int) -> int:
    """Return a count that is at least 1 and fits the native type."""
    number = operator.index(value)
    if number < 1:
        message = f"{name} is {number}, expected at least 1"
        raise ParameterError(message)
    return min(number, sys.maxsize)


def within(name: str, value: int, lowest: int, highest: int) -> int:
    """Return a whole number of a range."""
    number = operator.index(value)
    if not lowest <= number <= highest:
        message = f"{name} is {number}, expected {lowest} to {highest}"
        raise ParameterError(message)
    return number


def as_allowed(allow: ArrayLike | None, *, name: str = "allow") -> NDArray[np.int64] | NDArray[np.uint8] | None:
    """Return ids as int64, a mask as one byte per vector, and None as it is."""
    if allow is None:
        return None
    array = np.asarray(allow)
    if array.dtype == np.bool_ and array.ndim == 1:
        return np.ascontiguousarray(array).view(np.uint8)
    return as_int64(name, array)


def as_int64(name: str, values: ArrayLike) -> NDArray[np.int64]:
    """Return whole numbers as a C-contiguous int64 vector."""
    array = np.asarray(values)
    if array.size == 0:
        array = array.astype(np.int64)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        message = f"{name} has dtype {array.dtype} and shape {array.shape}, expected one dimension of int64"
        raise ShapeError(message)
    if array.dtype == np.uint64 and array.size and int(array.max()) >= 2**63:
        message = f"{name} holds {array.max()}, expected values below 2**63"
        raise ParameterError(message)
    return np.ascontiguousarray(array, dtype=np.int64)

"""Several queries as one: more of this, less of that."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from orpheus_fast._arrays import as_float32
from orpheus_fast.errors import ParameterError, ShapeError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["blend"]


def blend(
    wanted: ArrayLike, unwanted: ArrayLike | None = None, *, weights: ArrayLike | None = None
) -> NDArray[np.float32]:
    """Return one query that lies towards some vectors and away from others.

    The sum of the directions of what is wanted, less those of what is not, scaled to length one: of all directions
    the one whose cosines with them have the largest weighted sum.

    Parameters
    ----------
    wanted : array_like, shape (n_wanted, dim) or (dim,)
        Vectors to be near to, of any length but zero.
    unwanted : array_like, shape (n_unwanted, dim) or (dim,), optional
        Vectors to be far from.
    weights : array_like, shape (n_wanted + n_unwanted,), optional
        How much each counts, first those that are wanted; positive. By default all count the same.

    Returns
    -------
    numpy.ndarray, shape (dim,)
        float32, of length one.

    Raises
    ------
    ShapeError
        If the arrays do not fit each other.
    ParameterError
        If a value is not finite, a weight not positive, a vector zero, or all cancel out.

    Examples
    --------
    >>> blend([[2.0, 0.0], [0.0, 3.0]]).round(3)
    array([0.707, 0.707], dtype=float32)
    >>> blend([3.0, 0.0], unwanted=[0.0, 1.0], weights=[2.0, 1.0]).round(3)
    array([ 0.894, -0.447], dtype=float32)
    """
    more = np.atleast_2d(as_float32(wanted, name="wanted", n_dims=(1, 2)))
    less = more[:0] if unwanted is None else np.atleast_2d(as_float32(unwanted, name="unwanted", n_dims=(1, 2)))
    if more.shape[1] != less.shape[1] or len(more) == 0:
        message = (
            f"wanted has shape {more.shape} and unwanted {less.shape}, expected one wanted vector and equal columns"
        )
        raise ShapeError(message)
    directions = _directions(np.concatenate([more, less]).astype(np.float64))
    signs = np.repeat([1.0, -1.0], [len(more), len(less)])
    total = (signs * _weights(weights, len(directions))) @ directions
    length = np.linalg.norm(total)
    # What is left of directions that cancel out is rounding.
    if not length > len(directions) * 1e-7:
        message = "wanted and unwanted cancel out, expected vectors whose directions have a sum"
        raise ParameterError(message)
    return (total / length).astype(np.float32)


def _directions(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    lengths = np.linalg.norm(vectors, axis=1)
    if not (np.isfinite(lengths) & (lengths > 0)).all():
        row = int(np.argmin(np.isfinite(lengths) & (lengths > 0)))
        message = f"vector {row} of those to be blended has length {lengths[row]}, expected a positive number"
        raise ParameterError(message)
    directions: NDArray[np.float64] = vectors / lengths[:, None]
    return directions


def _weights(weights: ArrayLike | None, n: int) -> NDArray[np.float64]:
    if weights is None:
        return np.ones(n)
    values = np.asarray(weights, dtype=np.float64)
    if values.shape != (n,):
        message = f"weights has shape {values.shape}, expected ({n},)"
        raise ShapeError(message)
    if not (np.isfinite(values) & (values > 0)).all():
        message = f"weights are {values.tolist()}, expected positive numbers"
        raise ParameterError(message)
    return values

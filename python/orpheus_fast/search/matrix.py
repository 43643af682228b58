"""Search over matrices in memory, and what makes their columns comparable."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from orpheus_fast import _native
from orpheus_fast._arrays import as_allowed, as_float32, as_int64, as_queries, positive
from orpheus_fast.search.answers import Neighbours, neighbours_of

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["Metric", "column_statistics", "inverse_norms", "search", "standardise_rows"]

Metric: TypeAlias = Literal["cosine", "inner_product", "l2"]


def search(
    matrix: ArrayLike,
    queries: ArrayLike,
    k: int,
    *,
    metric: Metric = "cosine",
    allow: ArrayLike | None = None,
    inverse_norms: ArrayLike | None = None,
    n_threads: int = 1,
) -> Neighbours:
    """Find the `k` rows of a matrix nearest to each query. Exact; the GIL is released.

    Parameters
    ----------
    matrix : array_like, shape (n_vectors, dim)
        C-contiguous float32 is searched where it lies, a memory-mapped file too; anything else is
        converted first. Row numbers are the ids. Must not change during the call.
    queries : array_like, shape (n_queries, dim) or (dim,)
        As for the matrix.
    k : int > 0
        Neighbours per query. More than there are gives all there are.
    metric : {"cosine", "inner_product", "l2"}
        Cosines are in [-1, 1]; a row or query of zeros has cosine 0 with everything. "l2" gives
        squared distances.
    allow : array_like of int or of bool, optional
        Which rows may be neighbours: their numbers, or one truth value per row.
    inverse_norms : array_like, shape (n_vectors,), optional
        What `inverse_norms(matrix)` returned. Spares each search by cosine to compute it.
    n_threads : int > 0
        At most this many threads, the caller's included.

    Returns
    -------
    Neighbours
        `(distances, ids)`; see there for their shape and order.

    Raises
    ------
    ShapeError
        If the arrays do not fit each other.
    ParameterError
        If `k` or `n_threads` is not positive, `metric` is unknown, or a query is not finite.

    Examples
    --------
    >>> search([[3.0, 0.0], [1.0, 1.0], [0.0, 2.0]], [1.0, 0.9], k=2).ids
    array([1, 0])
    """
    rows = as_float32(matrix, name="matrix", n_dims=(2,))
    lengths = None if inverse_norms is None else as_float32(inverse_norms, name="inverse_norms", n_dims=(1,))
    options = (positive("k", k), metric, positive("n_threads", n_threads))
    vectors = as_queries(queries, rows.shape[1])
    found = _native.search_rows(rows, vectors, as_allowed(allow), lengths, options)
    return neighbours_of(*found, is_single=vectors.ndim == 1)


def inverse_norms(matrix: ArrayLike) -> NDArray[np.float32]:
    """Return one over the length of each row, for `search` by cosine.

    Parameters
    ----------
    matrix : array_like, shape (n_vectors, dim)
        As for `search`.

    Returns
    -------
    numpy.ndarray, shape (n_vectors,)
        float32; 0 for a row whose length is below the smallest normal float32.

    Examples
    --------
    >>> inverse_norms([[3.0, 4.0], [0.0, 0.0]]).round(6).tolist()
    [0.20000000298023224, 0.0]
    """
    return _native.inverse_norms(as_float32(matrix, name="matrix", n_dims=(2,)))


def column_statistics(
    matrix: ArrayLike, *, rows: ArrayLike | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean and scale of each column: what makes columns of different units comparable.

    Parameters
    ----------
    matrix : array_like, shape (n_vectors, dim)
        As for `search`.
    rows : array_like of int, optional
        Numbers of the rows to look at; all of them by default.

    Returns
    -------
    mean, scale : numpy.ndarray, shape (dim,)
        float64. `scale` is the population standard deviation, or 1 where all rows agree.

    Raises
    ------
    ParameterError
        If there are no rows, one does not exist, or a value is not finite.

    Examples
    --------
    >>> mean, scale = column_statistics([[0.0, 7.0], [4.0, 7.0]])
    >>> mean.tolist(), scale.tolist()
    ([2.0, 7.0], [2.0, 1.0])
    """
    selected = None if rows is None else as_int64("rows", rows)
    return _native.column_statistics(as_float32(matrix, name="matrix", n_dims=(2,)), selected)


def standardise_rows(matrix: ArrayLike, mean: ArrayLike, scale: ArrayLike) -> NDArray[np.float32]:
    """Return `(row - mean) / scale` of each row, scaled to length one.

    Inner products of what this returns are cosines in the standardised space.

    Parameters
    ----------
    matrix : array_like, shape (n_vectors, dim)
        As for `search`.
    mean, scale : array_like, shape (dim,)
        As from `column_statistics`. Every scale is positive.

    Returns
    -------
    numpy.ndarray, shape (n_vectors, dim)
        float32. A row that equals the mean becomes zeros.

    Raises
    ------
    ShapeError
        If the arrays do not fit each other.
    ParameterError
        If a value is not finite or a scale not positive.

    Examples
    --------
    >>> standardise_rows([[5.0, 7.0]], mean=[2.0, 7.0], scale=[2.0, 1.0]).tolist()
    [[1.0, 0.0]]
    """
    rows = as_float32(matrix, name="matrix", n_dims=(2,))
    columns = [np.ascontiguousarray(values, dtype=np.float64) for values in (mean, scale)]
    return _native.standardise_rows(rows, columns[0], columns[1])

"""What searches answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["IndexDescription", "Neighbours", "RangeNeighbours", "neighbours_of"]


class Neighbours(NamedTuple):
    """The nearest vectors of each query, nearest first, ties by ascending id.

    Both arrays have shape `(n_queries, k)`, or `(k,)` for a single query that was given as one
    vector. `k` is what was asked for or, if that is less, the number of vectors that were allowed:
    fewer answers, never made-up ones. A row of several can be shorter than the others where stored
    vectors hold NaN, or where an index that is not searched exhaustively came across fewer; it ends
    with id -1 and distance NaN.

    Attributes
    ----------
    distances : numpy.ndarray of float32
        Squared L2 distances (ascending), or inner products or cosines (descending).
    ids : numpy.ndarray of int64
        The vectors they belong to.
    """

    distances: NDArray[np.float32]
    ids: NDArray[np.int64]


class RangeNeighbours(NamedTuple):
    """The vectors within a radius of each query, nearest first, ties by ascending id.

    Attributes
    ----------
    limits : numpy.ndarray of int64, shape (n_queries + 1,)
        Those of query `q` are `limits[q]:limits[q + 1]` of the other two.
    distances : numpy.ndarray of float32
        Squared L2 distances (ascending), or inner products (descending).
    ids : numpy.ndarray of int64
        The vectors they belong to.
    """

    limits: NDArray[np.int64]
    distances: NDArray[np.float32]
    ids: NDArray[np.int64]


class IndexDescription(NamedTuple):
    """What a FAISS file holds, or an index that another consists of.

    Attributes
    ----------
    kind : str
        As the string that makes such an index in `faiss.index_factory`, such as "IVF512,Flat" or
        "PCA64,IVF16,SQ8". What that cannot make, or what a file does not tell, has a name in the
        same manner: "Linear64" is any linear transform, that of an OPQ too.
    dim : int
        Values per vector.
    ntotal : int
        How many vectors there are.
    metric : {"l2", "inner_product"}
        How they are compared.
    is_trained : bool
        Whether what must be learned from vectors has been.
    settings : dict of str to float
        `nlist` and `nprobe`, `m`, `ef_construction` and `ef_search`, or `k_factor`, as they are
        stored.
    parts : dict of str to IndexDescription
        The indexes that it consists of, by what they do: "index" (behind ids or transforms),
        "quantizer", "storage", or "base" and "refine".
    """

    kind: str
    dim: int
    ntotal: int
    metric: Literal["inner_product", "l2"]
    is_trained: bool
    settings: dict[str, float]
    parts: dict[str, IndexDescription]


def neighbours_of(distances: NDArray[np.float32], ids: NDArray[np.int64], *, is_single: bool) -> Neighbours:
    """Return an answer of shape `(1, k)` as that to one query, without places that nothing was found for."""
    if not is_single:
        return Neighbours(distances, ids)
    found = ids[0] != -1
    return Neighbours(distances[0][found], ids[0][found])

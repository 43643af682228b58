"""Building indexes: vectors in, FAISS files out."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from orpheus_fast import _native
from orpheus_fast._arrays import as_float32, as_int64, positive, within

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike

__all__ = ["HNSWFlat", "IVFFlat", "build_index"]


@dataclass(frozen=True, slots=True)
class IVFFlat:
    """Vectors in lists, each by the nearest of some centroids: what `faiss.index_factory` calls "IVF512,Flat".

    Attributes
    ----------
    nlist : int > 0, optional
        How many lists. By default the power of two nearest to twice the square root of the number of
        vectors, but no more than one per 39 vectors.
    n_iterations : int > 0
        How often the centroids are moved to the middle of what is near to them.
    sample_per_list : int > 0
        The centroids are found from at most this many vectors per list.
    """

    nlist: int | None = None
    n_iterations: int = 10
    sample_per_list: int = 128


@dataclass(frozen=True, slots=True)
class HNSWFlat:
    """A graph of neighbours over the vectors: what `faiss.index_factory` calls "HNSW16,Flat".

    Attributes
    ----------
    m : int, 2 to 512
        Links per vector on the upper levels, and half of those on the lowest.
    ef_construction : int > 0
        Beam width of the search for a vector's neighbours.
    """

    m: int = 16
    ef_construction: int = 100


def build_index(  # noqa: PLR0913 -- keywords
    path: str | os.PathLike[str] | os.PathLike[bytes] | bytes,
    vectors: ArrayLike,
    *,
    kind: str | IVFFlat | HNSWFlat = "auto",
    metric: Literal["inner_product", "l2"] = "inner_product",
    ids: ArrayLike | None = None,
    n_threads: int | None = None,
    progress: Callable[[str, int, int], object] | None = None,
    seed: int = 0,
) -> None:
    rows = as_float32(vectors, name="vectors", n_dims=(2,))
    numbers = None if ids is None else as_int64("ids", ids)
    _native.build_index(os.fsdecode(path), rows, numbers, _native_kind(kind), metric, (n_threads or 1, seed, progress))


def _native_kind(kind: str | IVFFlat | HNSWFlat) -> str | tuple[int | None, int, int] | tuple[int, int]:
    if isinstance(kind, IVFFlat):
        return (kind.nlist, kind.n_iterations, kind.sample_per_list)
    if isinstance(kind, HNSWFlat):
        return (kind.m, kind.ef_construction)
    return kind

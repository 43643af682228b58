"""Building indexes: vectors in, FAISS files out."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from orpheus_fast import _native
from orpheus_fast._arrays import as_float32, as_int64, positive, within
from orpheus_fast.search.index import VectorIndex
from orpheus_fast.threads import lease

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import ArrayLike

__all__ = ["HNSWFlat", "IVFFlat", "add_to_index", "build_index"]


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
        Links per vector on the upper levels, and half of those on the lowest level.
    ef_construction : int > 0
        Beam width of the search for a vector's neighbours.
    """

    m: int = 16
    ef_construction: int = 100


def build_index(
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
    """Build an index of vectors and write it as a FAISS file, which `faiss.read_index` opens too.

    The file appears under its name when it is whole and on disk; until then the name keeps what it had. Beside it,
    unless there are few vectors, lie the codes that searches are faster with (see `VectorIndex.accelerate`). Building
    needs no more memory than the vectors, which may be a memory-mapped file, and for a graph its links and a quarter
    of the vectors' bytes. The GIL is released.

    Parameters
    ----------
    path : path-like
        Where to; an existing file is replaced.
    vectors : array_like, shape (n_vectors, dim)
        Stored as float32. Must not change during the call.
    kind : str, IVFFlat or HNSWFlat
        "auto": "Flat" up to 20,000 vectors, "IVF,Flat" beyond. Or a name as `faiss.index_factory` has it: "Flat",
        "IVF512,Flat", "HNSW32,Flat"; without the number the default. Or all the settings.
    metric : {"inner_product", "l2"}
        What the index compares by. For cosine, give vectors of length one.
    ids : array_like of int, shape (n_vectors,), optional
        The id of each vector, anything but -1. Without them ids are row numbers.
    n_threads : int > 0, optional
        At most this many threads; by default what is left of the budget of `orpheus_fast.threads`. Lists do not
        depend on it. A graph that several threads build differs from one time to the next.
    progress : callable, optional
        Called now and then as `progress(step, done, total)`; steps are "check", "train", "assign", "link" and
        "write", of which the last is told when it begins. What it raises ends the building, and nothing is written.
    seed : int >= 0
        What everything random depends on.

    Raises
    ------
    ShapeError
        If an array has the wrong shape.
    ParameterError
        If there are fewer vectors than lists, a value is not finite, an id is -1, or a setting is unknown or out of
        range.
    OSError
        If the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from orpheus_fast import VectorIndex
    >>> path = Path(tempfile.mkdtemp()) / "points.faiss"
    >>> vectors = np.eye(8, dtype=np.float32)
    >>> build_index(path, vectors, kind="Flat", metric="l2", ids=range(100, 108))
    >>> VectorIndex.open(path).search(vectors[3], k=1).ids
    array([103])
    """
    rows = as_float32(vectors, name="vectors", n_dims=(2,))
    numbers = None if ids is None else as_int64("ids", ids)
    settings = _settings(kind)
    with _threads(n_threads) as n:
        _native.build_index(os.fsdecode(path), rows, numbers, (settings, metric), (n, _seed(seed), progress))
        if len(rows):
            VectorIndex(path).accelerate(n_threads=n)


def add_to_index(
    path: str | os.PathLike[str] | os.PathLike[bytes] | bytes,
    vectors: ArrayLike,
    *,
    ids: ArrayLike | None = None,
    target: str | os.PathLike[str] | os.PathLike[bytes] | bytes | None = None,
    n_threads: int | None = None,
    progress: Callable[[str, int, int], object] | None = None,
    seed: int = 0,
) -> None:
    """Add vectors to an index without building it anew.

    Takes what `build_index` builds, and Flat, "IVF,Flat" and "HNSW,Flat" files that FAISS wrote. Lists keep their
    centroids; a graph keeps its links but for those that better ones replace. The file is written as a whole, under
    its name when it is on disk: who has the old one open keeps it.

    Parameters
    ----------
    path : path-like
        A FAISS file.
    vectors : array_like, shape (n_vectors, dim)
        As for `build_index`.
    ids : array_like of int, shape (n_vectors,), optional
        The id of each new vector. An index that was built with ids needs them, but for lists, where the ids of
        vectors without one count on from the number of vectors. An index that was built without takes none, but for
        lists.
    target : path-like, optional
        Where to write; by default `path`, which is replaced.
    n_threads : int > 0, optional
        As for `build_index`.
    progress : callable, optional
        As for `build_index`.
    seed : int >= 0
        As for `build_index`.

    Raises
    ------
    ShapeError
        If an array has the wrong shape.
    ParameterError
        If the index is of another kind, a value is not finite, or ids are missing or have no place.
    IndexFormatError
        If the file is not a FAISS file or is damaged.
    OSError
        If a file cannot be read or written.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from orpheus_fast import VectorIndex
    >>> path = Path(tempfile.mkdtemp()) / "points.faiss"
    >>> build_index(path, np.eye(4), kind="Flat")
    >>> add_to_index(path, [[0.0, 0.6, 0.8, 0.0]])
    >>> VectorIndex.open(path).search([0.0, 0.7, 0.7, 0.0], k=1).ids
    array([4])
    """
    rows = as_float32(vectors, name="vectors", n_dims=(2,))
    numbers = None if ids is None else as_int64("ids", ids)
    source = os.fsdecode(path)
    destination = source if target is None else os.fsdecode(target)
    with _threads(n_threads) as n:
        _native.add_to_index(source, destination, rows, numbers, (n, _seed(seed), progress))


def _settings(kind: str | IVFFlat | HNSWFlat) -> str | tuple[int | None, int, int] | tuple[int, int]:
    if isinstance(kind, IVFFlat):
        nlist = None if kind.nlist is None else positive("nlist", kind.nlist)
        samples = positive("sample_per_list", kind.sample_per_list)
        return (nlist, positive("n_iterations", kind.n_iterations), samples)
    if isinstance(kind, HNSWFlat):
        return (within("m", kind.m, 2, 512), positive("ef_construction", kind.ef_construction))
    return kind


def _seed(seed: int) -> int:
    return within("seed", seed, 0, 2**64 - 1)


@contextmanager
def _threads(n_threads: int | None) -> Iterator[int]:
    leased = lease(None if n_threads is None else positive("n_threads", n_threads))
    try:
        yield leased.n_threads
    finally:
        leased.release()

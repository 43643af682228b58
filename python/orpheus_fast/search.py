"""Vectors in, neighbours out: search over FAISS files and over matrices in memory."""

from __future__ import annotations

import operator
import os
from typing import TYPE_CHECKING, Literal, NamedTuple, Self, TypeAlias

import numpy as np

from orpheus_fast import _native
from orpheus_fast._arrays import as_allowed, as_float32, as_int64, as_queries, positive
from orpheus_fast.errors import ParameterError
from orpheus_fast.index_updates import Updates

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = [
    "IndexDescription",
    "Neighbours",
    "RangeNeighbours",
    "VectorIndex",
    "column_statistics",
    "copy_index",
    "describe",
    "inverse_norms",
    "search",
    "standardise_rows",
    "write_flat",
]

Metric: TypeAlias = Literal["cosine", "inner_product", "l2"]


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


class VectorIndex(Updates):
    """Nearest-neighbour index over a FAISS file.

    Reads Flat, ScalarQuantizer (SQ), PQ and RaBitQ files, the packed FastScan forms of PQ and
    RaBitQ, inverted lists (IVF) and graphs (HNSW) over these, with transforms before them
    (PreTransform: PCA, OPQ, rotations, normalisation, centring), candidates compared again (Refine)
    and maps of ids (IDMap, IDMap2), under L2 and inner product. The file is memory-mapped: opening
    copies no vectors, and processes that open the same file share its pages. Answers do not depend
    on the number of threads; those of Flat files are exact. Scores of the others are those that
    FAISS computes from the same codes, except that FAISS rounds the tables of FastScan to 8 bits
    and passes over vectors of RaBitQ with several bits that it estimates to be far. Searching is
    safe from several threads and releases the GIL.

    FAISS has no cosine. An index of vectors of length one under "inner_product" gives cosines for
    queries of length one.

    Vectors can be added and removed: see `add`, `remove` and `compact`. Opening and searching only
    read; the file itself is never changed. If there is a journal of updates beside it (`NAME.ofj`),
    they are part of the index.

    The file must not be shortened while it is open; files that orpheus_fast writes never are, a new
    version comes as a new file under the old name. A file that was shortened is refused at the next
    search, but one that is shortened during a search ends the process (SIGBUS).

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> path = Path(tempfile.mkdtemp()) / "catalogue.faiss"
    >>> write_flat(path, np.eye(4), metric="l2")
    >>> index = VectorIndex.open(path)
    >>> distances, ids = index.search([[0.9, 0.2, 0.0, 0.0]], k=2)
    >>> ids
    array([[0, 1]])
    >>> index.search([0.9, 0.2, 0.0, 0.0], k=2, allow=[1, 3]).ids
    array([1, 3])
    """

    __slots__ = ("_native", "_path")

    def __init__(self, path: str | os.PathLike[str] | os.PathLike[bytes] | bytes) -> None:
        self._path = os.fsdecode(path)
        self._native = _native.VectorIndex(self._path)

    @classmethod
    def open(cls, path: str | os.PathLike[str] | os.PathLike[bytes] | bytes) -> Self:
        """Map the file at `path`.

        Parameters
        ----------
        path : path-like
            A FAISS file.

        Returns
        -------
        VectorIndex
            Ready to be searched.

        Raises
        ------
        IndexFormatError
            If it is not a FAISS file, is damaged, or holds another kind of index, which is named.
        OSError
            If it cannot be opened: `FileNotFoundError`, `PermissionError`, ...
        """
        return cls(path)

    def search(
        self,
        queries: ArrayLike,
        k: int,
        *,
        allow: ArrayLike | None = None,
        deny: ArrayLike | None = None,
        nprobe: int | None = None,
        ef_search: int | None = None,
        n_threads: int = 1,
    ) -> Neighbours:
        """Find the `k` stored vectors nearest to each query.

        Parameters
        ----------
        queries : array_like, shape (n_queries, dim) or (dim,)
            Converted to C-contiguous float32; an array that already is one is not copied. Must not
            change during the call.
        k : int > 0
            Neighbours per query. More than there are gives all there are.
        allow : array_like of int or of bool, optional
            Which vectors may be neighbours: their ids in any order (ids that are not in the index
            allow nothing), or one truth value per stored vector, in the order of `ids`. Where so few
            are allowed that to compare them all is less work than to visit lists or a graph, the
            answer is that of comparing them all.
        deny : array_like of int or of bool, optional
            Which vectors may not, even if they are allowed, in the same form.
        nprobe : int > 0, optional
            Inverted lists visited per query, instead of what the file says; other kinds do without.
            More lists give better recall and take proportionally longer.
        ef_search : int > 0, optional
            Nodes of a graph (HNSW) kept in view, instead of what the file says; other kinds do
            without. More give better recall and take longer.
        n_threads : int > 0
            At most this many threads, the caller's included. A search that is too small to gain
            stays on the caller's thread.

        Returns
        -------
        Neighbours
            `(distances, ids)`.

        Raises
        ------
        ShapeError
            If an array does not fit the index.
        ParameterError
            If `k`, `nprobe`, `ef_search` or `n_threads` is not positive, or a query is not finite.
        IndexFormatError
            If the file has been shortened since it was opened, or the links of a graph, which are
            looked at when it is searched for the first time, lead astray.
        """
        vectors = as_queries(queries, self._native.dim)
        filters = (as_allowed(allow), as_allowed(deny, name="deny"))
        options = _options(n_threads, nprobe, ef_search)
        found = self._native.search(vectors, positive("k", k), filters, options)
        return _neighbours(vectors.ndim == 1, *found)

    def range_search(
        self,
        queries: ArrayLike,
        radius: float,
        *,
        allow: ArrayLike | None = None,
        deny: ArrayLike | None = None,
        nprobe: int | None = None,
        ef_search: int | None = None,
        n_threads: int = 1,
    ) -> RangeNeighbours:
        """Find all stored vectors within a radius of each query.

        Inverted lists and graphs give those that a search for the nearest comes across.

        Parameters
        ----------
        queries : array_like, shape (n_queries, dim) or (dim,)
            As for `search`.
        radius : float
            Squared L2 distances below it are near enough, or inner products above it.
        allow, deny : array_like of int or of bool, optional
            As for `search`.
        nprobe, ef_search : int > 0, optional
            As for `search`.
        n_threads : int > 0
            As for `search`.

        Returns
        -------
        RangeNeighbours
            `(limits, distances, ids)`.

        Raises
        ------
        ShapeError, ParameterError, IndexFormatError
            As `search`; `radius` must not be NaN.

        Examples
        --------
        >>> import tempfile
        >>> from pathlib import Path
        >>> path = Path(tempfile.mkdtemp()) / "three.faiss"
        >>> write_flat(path, [[0.0], [1.0], [5.0]], metric="l2")
        >>> limits, distances, ids = VectorIndex.open(path).range_search([[0.2], [9.0]], radius=2.0)
        >>> limits, ids
        (array([0, 2, 2]), array([0, 1]))
        """
        vectors = as_queries(queries, self._native.dim)
        filters = (as_allowed(allow), as_allowed(deny, name="deny"))
        options = _options(n_threads, nprobe, ef_search)
        return RangeNeighbours(*self._native.range_search(vectors, float(radius), filters, options))

    def reconstruct(self, id: int) -> NDArray[np.float32]:  # noqa: A002 -- as the glossary has it
        """Return the stored vector with the given id; of several, the one stored last.

        Codes give back what they kept: a vector near the one that was added. A transform before the
        index is undone as far as it can be.

        Parameters
        ----------
        id : int
            As in `Neighbours.ids`.

        Returns
        -------
        numpy.ndarray, shape (dim,)
            A copy.

        Raises
        ------
        ParameterError
            If no vector has this id, or a transform cannot be undone.
        """
        number = operator.index(id)
        if not -(2**63) <= number < 2**63:
            message = f"id {number} is not in the index of {self.ntotal} vectors"
            raise ParameterError(message)
        return self._native.reconstruct(number)

    @property
    def ids(self) -> NDArray[np.int64]:
        """The id of every vector in stored order: 0, 1, ... unless the file states others.

        The order is that of rows, or of ids where vectors are in inverted lists; vectors that the file
        does not hold yet come last.
        """
        return self._native.ids()

    @property
    def ntotal(self) -> int:
        """How many vectors there are."""
        return self._native.ntotal

    @property
    def dim(self) -> int:
        """Values per vector."""
        return self._native.dim

    @property
    def metric(self) -> Literal["inner_product", "l2"]:
        """How vectors are compared."""
        return self._native.metric

    @property
    def kind(self) -> str:
        """What `faiss.index_factory` calls this kind of index, such as "IDMap2,Flat"."""
        return self._native.kind

    def __len__(self) -> int:
        return self.ntotal

    def __repr__(self) -> str:
        shape = f"kind={self.kind!r}, ntotal={self.ntotal}, dim={self.dim}, metric={self.metric!r}"
        return f"VectorIndex({self._path!r}, {shape})"

    def __reduce__(self) -> tuple[type[Self], tuple[str]]:
        return type(self), (os.path.abspath(self._path),)  # noqa: PTH100 -- the path may be no Unicode


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
    return _neighbours(vectors.ndim == 1, *found)


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


def describe(path: str | os.PathLike[str] | os.PathLike[bytes] | bytes) -> IndexDescription:
    """Say what a FAISS file holds: the kind of index, how many vectors, and what it consists of.

    Reads and checks everything but the vectors, their codes, and the links of graphs; knows more
    kinds of index than can be searched.

    Parameters
    ----------
    path : path-like
        A FAISS file.

    Returns
    -------
    IndexDescription
        With a description of each index inside.

    Raises
    ------
    IndexFormatError
        If it is not a FAISS file, is damaged, or holds a kind of index that is not known here,
        which is named.
    OSError
        If it cannot be opened.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> path = Path(tempfile.mkdtemp()) / "two.faiss"
    >>> write_flat(path, [[1.0, 0.0], [0.0, 1.0]], ids=[70, 80])
    >>> index = describe(path)
    >>> index.kind, index.ntotal, index.parts["index"].kind
    ('IDMap2,Flat', 2, 'Flat')
    """
    return _description(_native.describe_index(os.fsdecode(path)))


def _description(described: _native._Description) -> IndexDescription:
    parts = {role: _description(part) for role, part in described[6].items()}
    return IndexDescription(*described[:6], parts)


def copy_index(
    source: str | os.PathLike[str] | os.PathLike[bytes] | bytes,
    target: str | os.PathLike[str] | os.PathLike[bytes] | bytes,
) -> None:
    """Check a FAISS file that came from elsewhere, and write what it states to another file.

    More is checked than by opening it: that every link of a graph leads to a node, too. The copy
    appears under its name when it is whole and on disk; it holds the bytes that FAISS would write.

    Parameters
    ----------
    source : path-like
        A FAISS file of any kind that `describe` knows.
    target : path-like
        Where to; an existing file is replaced.

    Raises
    ------
    IndexFormatError
        If `source` is not a FAISS file, is damaged, or holds a kind of index that is not known
        here, which is named. Nothing is written then.
    OSError
        If one cannot be opened or written.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> folder = Path(tempfile.mkdtemp())
    >>> write_flat(folder / "foreign.faiss", [[1.0, 0.0], [0.0, 1.0]])
    >>> copy_index(folder / "foreign.faiss", folder / "checked.faiss")
    >>> VectorIndex.open(folder / "checked.faiss").ntotal
    2
    """
    _native.copy_index(os.fsdecode(source), os.fsdecode(target))


def write_flat(
    path: str | os.PathLike[str] | os.PathLike[bytes] | bytes,
    vectors: ArrayLike,
    *,
    metric: Literal["inner_product", "l2"] = "l2",
    ids: ArrayLike | None = None,
) -> None:
    """Write vectors as a FAISS Flat file, byte for byte what `faiss.write_index` would write.

    The file appears under its name when it is whole and on disk; until then the name keeps what it
    had.

    Parameters
    ----------
    path : path-like
        Where to; an existing file is replaced.
    vectors : array_like, shape (n_vectors, dim)
        Stored as float32.
    metric : {"l2", "inner_product"}
        What the index compares by. For cosine, write vectors of length one for "inner_product".
    ids : array_like of int, shape (n_vectors,), optional
        The id of each vector, anything but -1; the file is then an IDMap2 over Flat. Without them
        ids are row numbers.

    Raises
    ------
    ShapeError
        If an array has the wrong shape.
    ParameterError
        If `metric` is not one of those two, or an id is -1.
    OSError
        If the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> path = Path(tempfile.mkdtemp()) / "two.faiss"
    >>> write_flat(path, [[1.0, 0.0], [0.0, 1.0]], metric="inner_product", ids=[70, 80])
    >>> VectorIndex.open(path).search([0.0, 2.0], k=1)
    Neighbours(distances=array([2.], dtype=float32), ids=array([80]))
    """
    rows = as_float32(vectors, name="vectors", n_dims=(2,))
    numbers = None if ids is None else as_int64("ids", ids)
    _native.write_flat(os.fsdecode(path), rows, numbers, metric)


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


def _options(n_threads: int, nprobe: int | None, ef_search: int | None) -> tuple[int, int | None, int | None]:
    n_lists = None if nprobe is None else positive("nprobe", nprobe)
    beam = None if ef_search is None else positive("ef_search", ef_search)
    return positive("n_threads", n_threads), n_lists, beam


def _neighbours(is_single: bool, distances: NDArray[np.float32], ids: NDArray[np.int64]) -> Neighbours:  # noqa: FBT001
    if not is_single:
        return Neighbours(distances, ids)
    found = ids[0] != -1
    return Neighbours(distances[0][found], ids[0][found])

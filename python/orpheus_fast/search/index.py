"""FAISS files of any kind, searched where they lie."""

from __future__ import annotations

import operator
import os
from typing import TYPE_CHECKING, Literal, Self

from orpheus_fast import _native
from orpheus_fast._arrays import as_allowed, as_queries, positive
from orpheus_fast.errors import ParameterError
from orpheus_fast.search.answers import Neighbours, RangeNeighbours, neighbours_of
from orpheus_fast.search.updates import Updates

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

__all__ = ["VectorIndex"]

# A named tuple by its own constructor takes longer than a search of a few vectors.
_new_tuple = tuple.__new__


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
    >>> from orpheus_fast.search import write_flat
    >>> path = Path(tempfile.mkdtemp()) / "catalogue.faiss"
    >>> write_flat(path, np.eye(4), metric="l2")
    >>> index = VectorIndex.open(path)
    >>> distances, ids = index.search([[0.9, 0.2, 0.0, 0.0]], k=2)
    >>> ids
    array([[0, 1]])
    >>> index.search([0.9, 0.2, 0.0, 0.0], k=2, allow=[1, 3]).ids
    array([1, 3])
    """

    __slots__ = ("_codes", "_native", "_path")

    def __init__(
        self,
        path: str | os.PathLike[str] | os.PathLike[bytes] | bytes,
        *,
        codes: Literal["beside", "memory", "none"] = "beside",
    ) -> None:
        self._path = os.fsdecode(path)
        self._codes = codes
        self._native = _native.VectorIndex(self._path, codes)

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str] | os.PathLike[bytes] | bytes,
        *,
        codes: Literal["beside", "memory", "none"] = "beside",
    ) -> Self:
        """Map the file at `path`.

        Parameters
        ----------
        path : path-like
            A FAISS file.
        codes : {"beside", "memory", "none"}
            Where codes of the vectors are kept that make searches several times faster (see
            `accelerate`): in a file of the same name with ".ofx" behind it, or in memory where the
            folder cannot be written to; in memory; or nowhere. They change no answer.

        Returns
        -------
        VectorIndex
            Ready to be searched.

        Raises
        ------
        IndexFormatError
            If it is not a FAISS file, is damaged, or holds another kind of index, which is named;
            or if it is not what it was when its codes were made, though nobody has written to it.
        ParameterError
            If `codes` is something else.
        OSError
            If it cannot be opened: `FileNotFoundError`, `PermissionError`, ...
        """
        return cls(path, codes=codes)

    def accelerate(self, *, n_threads: int = 1) -> None:
        """Make codes of the vectors now, rather than after a few queries.

        They are made by themselves when four queries have been asked, of files that hold vectors as
        they are (Flat, "IVF,Flat", "HNSW,Flat"): 4 + 4 bits of each value and a bound on what these
        leave out. A search reads them first and compares exactly only what they cannot rule out.
        They take a quarter of the vectors' bytes and some 3 microseconds per 512 values.

        The file with the codes also holds checksums of everything in the index: from then on a bit
        that changed in either is an `IndexFormatError`, not another answer.

        Parameters
        ----------
        n_threads : int > 0
            At most this many threads, the caller's included.

        Raises
        ------
        MemoryError
            If there is not enough for them.
        """
        self._native.accelerate(positive("n_threads", n_threads))

    @property
    def has_codes(self) -> bool:
        """Whether there are codes of the vectors, which make searches faster."""
        return self._native.has_codes

    def search(
        self,
        queries: ArrayLike,
        k: int,
        *,
        allow: ArrayLike | None = None,
        deny: ArrayLike | None = None,
        nprobe: int | None = None,
        ef_search: int | None = None,
        exact: bool | None = None,
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
        exact : bool, optional
            Whether the answer has to be that of comparing every vector that is visited: all of them,
            or those of the lists. By default it has, except in inverted lists. Where it need not be,
            vectors of 256 values and more are looked at through one bit of each value first. That
            takes a fraction of the time and finds more than 999 of 1,000 of the same neighbours;
            distances are exact either way. Filtered searches, graphs and codes do without.
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
        if (allow is deny is nprobe is ef_search is exact is None) and n_threads == 1:
            # Most calls: what fits as it is goes straight through.
            as_it_is = self._native.find(queries, k)
            if as_it_is is not None:
                return _new_tuple(Neighbours, as_it_is)
        vectors = as_queries(queries, self._native.dim)
        filters = (as_allowed(allow), as_allowed(deny, name="deny"))
        options = _options(n_threads, nprobe, ef_search, exact=exact)
        found = self._native.search(vectors, positive("k", k), filters, options)
        return neighbours_of(*found, is_single=vectors.ndim == 1)

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
        >>> from orpheus_fast.search import write_flat
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

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return _reopened, (os.path.abspath(self._path), self._codes)  # noqa: PTH100 -- the path may be no Unicode


def _options(
    n_threads: int, nprobe: int | None, ef_search: int | None, *, exact: bool | None = None
) -> tuple[int, int | None, int | None, bool | None]:
    n_lists = None if nprobe is None else positive("nprobe", nprobe)
    beam = None if ef_search is None else positive("ef_search", ef_search)
    return positive("n_threads", n_threads), n_lists, beam, None if exact is None else bool(exact)


def _reopened(path: str, codes: Literal["beside", "memory", "none"]) -> VectorIndex:
    return VectorIndex(path, codes=codes)

"""Adding vectors to indexes and removing them while they are searched."""

from __future__ import annotations

import os
import threading
import warnings
import weakref
from concurrent.futures import Future
from typing import TYPE_CHECKING, Self

import numpy as np

from orpheus_fast import _native
from orpheus_fast._arrays import as_float32, as_int64, positive, within
from orpheus_fast.errors import ShapeError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from numpy.typing import ArrayLike, NDArray

__all__ = ["Updates"]

_writers: weakref.WeakSet[Updates] = weakref.WeakSet()


def _forget_in_children() -> None:
    # A forked child shares the open lock file and would keep the lock alive after its parent's death.
    for index in list(_writers):
        _native.forget_lock_in_child(index._native)
    _writers.clear()


os.register_at_fork(after_in_child=_forget_in_children)


class Updates:
    """What `orpheus_fast.VectorIndex` can do beyond searching.

    The FAISS file itself is never changed. What is added is kept in memory and in a journal beside the
    file (`NAME.ofj`), what is removed is passed over by searches; `compact` writes a new file of it
    all. An update is in the journal before the call returns, so that a killed process loses none.
    After a loss of power those since the last `flush` (or `sync=True`) may be missing, from some
    moment on.

    The first update makes an index the one writer of its file, until `close`, the end of a `with`
    block, or its own end. Others, of this process or another, can open and search the file meanwhile:
    they find what was there when they opened it.
    """

    __slots__ = ("__weakref__",)

    _native: _native.VectorIndex

    def add(
        self, vectors: ArrayLike, ids: ArrayLike | None = None, *, replace: bool = False, sync: bool = False
    ) -> NDArray[np.int64]:
        """Add vectors, which the next search finds. Either all are added or, if there is an error, none.

        Takes vectors as they are, inverted lists and graphs of such: kinds "Flat", "IVF512,Flat" and
        "HNSW16,Flat", with ids of their own (IDMap, IDMap2) or without.

        Parameters
        ----------
        vectors : array_like, shape (n_vectors, dim) or (dim,)
            Finite.
        ids : array_like of int, shape (n_vectors,), or int, optional
            The id of each vector, anything but -1. By default ids count on from the largest that there
            ever was, so that the id of a removed vector is not given to another.
        replace : bool
            Whether the vectors that have one of these ids are removed. Otherwise there must be none.
        sync : bool
            Whether to wait until the vectors are on disk. See `flush`.

        Returns
        -------
        numpy.ndarray of int64, shape (n_vectors,)
            The id of each vector.

        Raises
        ------
        ShapeError
            If the arrays do not fit the index or each other.
        ParameterError
            If the index is of another kind, a value is not finite, or an id is -1, comes twice, or is
            in the index already.
        IndexLockedError
            If another process, or another object of this one, is updating the index.
        IndexFormatError
            If the journal is damaged.
        OSError
            If the journal cannot be written: a read-only folder, a full disk.

        Examples
        --------
        >>> import tempfile
        >>> from pathlib import Path
        >>> import numpy as np
        >>> from orpheus_fast.search import VectorIndex, write_flat
        >>> path = Path(tempfile.mkdtemp()) / "catalogue.faiss"
        >>> write_flat(path, np.eye(4))
        >>> with VectorIndex.open(path) as index:
        ...     index.add([[0.0, 0.0, 0.5, 0.5]])
        ...     index.search([0.0, 0.0, 0.4, 0.6], k=2).ids
        array([4])
        array([4, 3])
        """
        rows = as_float32(vectors, name="vectors", n_dims=(1, 2))
        rows = rows[None] if rows.ndim == 1 else rows
        if rows.shape[1] != self._native.dim:
            dim = self._native.dim
            message = f"vectors has shape {rows.shape}, expected ({dim},) or (n_vectors, {dim})"
            raise ShapeError(message)
        numbers = None if ids is None else _ids(ids)
        _writers.add(self)
        added, n_torn = _native.add_vectors(self._native, rows, numbers, (bool(replace), bool(sync)))
        _tell(n_torn)
        return added

    def remove(self, ids: ArrayLike, *, sync: bool = False) -> int:
        """Remove the vectors that have one of `ids`; no search finds them from then on.

        Every kind of index can do this.

        Parameters
        ----------
        ids : array_like of int, or int
            Ids that no vector has are passed over.
        sync : bool
            Whether to wait until the removal is on disk. See `flush`.

        Returns
        -------
        int
            How many vectors were removed.

        Raises
        ------
        IndexLockedError, IndexFormatError, OSError
            As `add`.

        Examples
        --------
        >>> import tempfile
        >>> from pathlib import Path
        >>> import numpy as np
        >>> from orpheus_fast.search import VectorIndex, write_flat
        >>> path = Path(tempfile.mkdtemp()) / "catalogue.faiss"
        >>> write_flat(path, np.eye(4))
        >>> with VectorIndex.open(path) as index:
        ...     index.remove([1, 2, 77])
        ...     index.ids
        2
        array([0, 3])
        """
        _writers.add(self)
        n_removed, n_torn = _native.remove_vectors(self._native, _ids(ids), bool(sync))
        _tell(n_torn)
        return n_removed

    def compact(
        self,
        *,
        background: bool = False,
        n_threads: int = 1,
        seed: int = 0,
        progress: Callable[[str, int, int], object] | None = None,
    ) -> Future[bool]:
        """Write a new FAISS file of the same kind that holds what is there, in the place of the old one.

        The index can be searched and updated meanwhile. Ids stay what they are: a Flat or HNSW file
        without ids of its own becomes an IDMap2 if a vector would get another id otherwise. Inverted
        lists keep their centroids. A graph from which vectors were removed is built again, which takes
        as long as building it did. Beside the old file there must be room for the new one (and, for
        such a graph, for its vectors once more).

        A process that is killed during this leaves an index that holds what it held.

        Parameters
        ----------
        background : bool
            Whether to return at once and do this in a thread of its own. A program that ends waits
            for it.
        n_threads : int > 0
            At most this many threads.
        seed : int >= 0
            What a graph's random levels depend on.
        progress : callable, optional
            Called now and then as `progress(step, done, total)`. What it raises ends the compaction and
            leaves the index as it was.

        Returns
        -------
        concurrent.futures.Future of bool
            Done unless in the background; `result()` says whether there was anything to do, or raises
            what went wrong.

        Raises
        ------
        ParameterError
            If the index is of a kind that is not written here. In the background it is `result()` that
            raises.
        IndexLockedError, IndexFormatError, OSError
            As `add`.

        Examples
        --------
        >>> import tempfile
        >>> from pathlib import Path
        >>> import numpy as np
        >>> from orpheus_fast.search import VectorIndex, write_flat
        >>> path = Path(tempfile.mkdtemp()) / "catalogue.faiss"
        >>> write_flat(path, np.eye(4))
        >>> with VectorIndex.open(path) as index:
        ...     _ = index.remove(1)
        ...     index.compact().result(), index.kind, index.ids
        (True, 'IDMap2,Flat', array([0, 2, 3]))
        """
        options = (positive("n_threads", n_threads), within("seed", seed, 0, 2**64 - 1), progress)
        _writers.add(self)
        done: Future[bool] = Future()
        if background:
            threading.Thread(target=self._compact, args=(done, options), name="orpheus-compact").start()
            return done
        self._compact(done, options)
        done.result()
        return done

    def _compact(self, done: Future[bool], options: tuple[int, int, Callable[[str, int, int], object] | None]) -> None:
        try:
            compacted, n_torn = _native.compact_index(self._native, options)
        except BaseException as error:
            done.set_exception(error)
        else:
            done.set_result(compacted)
            _tell(n_torn)

    def flush(self) -> None:
        """Wait until all updates so far are on disk, where they survive a loss of power."""
        _native.flush_index(self._native)

    def close(self) -> None:
        """Flush, and let others update the index.

        It can be searched as before, and the next update makes it the writer again. Waits for a
        compaction in the background.
        """
        _native.close_index(self._native)
        _writers.discard(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    @property
    def n_added(self) -> int:
        """How many vectors there are that the file does not hold: `compact` makes this 0."""
        return _native.pending_updates(self._native)[0]

    @property
    def n_removed(self) -> int:
        """How many vectors of the file were removed: `compact` makes this 0."""
        return _native.pending_updates(self._native)[1]

    @property
    def is_writer(self) -> bool:
        """Whether nobody else can update the index."""
        return _native.pending_updates(self._native)[2]


def _ids(ids: ArrayLike) -> NDArray[np.int64]:
    return as_int64("ids", np.atleast_1d(np.asarray(ids)))


def _tell(n_torn: int) -> None:
    if n_torn:
        message = (
            f"a crash had left {n_torn} bytes of an update that was not written whole at the end of the "
            "journal; they were cut off"
        )
        warnings.warn(message, RuntimeWarning, stacklevel=3)

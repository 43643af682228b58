"""The folder as a whole, for writing: vectors first, then the catalog, then the headers."""

from __future__ import annotations

import contextlib
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from orpheus_fast.errors import LibraryError, ShapeError, UnknownSpaceError
from orpheus_fast.library.catalog import CATALOG_NAME, is_vector_file
from orpheus_fast.library.changes import CatalogWriter
from orpheus_fast.library.disk import fsync_directory, naming
from orpheus_fast.library.lock import LOCK_NAME, WriterLock
from orpheus_fast.library.store import VECTORS_FOLDER, Store, check_catalog_is_there, existing

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Sequence

    from numpy.typing import ArrayLike, NDArray

    from orpheus_fast.library.catalog import SpaceRecord
    from orpheus_fast.library.records import TrackResult
    from orpheus_fast.library.spaces import SpaceSpec
    from orpheus_fast.library.vectors import Appended

__all__ = ["Writer"]

# What a creation that was killed may leave behind; anything else is somebody's folder.
_LEFTOVERS: Final = frozenset(
    (LOCK_NAME, VECTORS_FOLDER, *(f"{CATALOG_NAME}.new{end}" for end in ("", "-wal", "-shm", "-journal")))
)


class Writer(Store):
    """A library opened for writing, by one process at a time.

    A commit appends rows and sees them to the disk, then records them and their
    tracks in one transaction, then lets the headers follow. So whenever the
    process dies, a batch is there as a whole or not at all. After a commit that
    failed half-way the writer refuses to go on; acquire a new one, which puts the files right first.

    Attributes
    ----------
    repairs : tuple of str
        What an interrupted writer had left to be put right, one line each.
    """

    catalog: CatalogWriter

    def __init__(self, folder: Path, catalog: CatalogWriter, lock: WriterLock) -> None:
        super().__init__(folder, catalog)
        self.repairs: tuple[str, ...] = ()
        self._lock = lock
        self._broken = False

    @classmethod
    def acquire(cls, folder: str | os.PathLike[str], *, create: bool = False, wait_seconds: float = 0.0) -> Writer:
        """Open the library in `folder`, or make one, and put right what a killed writer left.

        Parameters
        ----------
        folder : path-like
            The library; to create one, a folder that does not exist or is empty.
        create : bool
            Whether to make the library where there is none.
        wait_seconds : float >= 0
            How long to wait for another writer.

        Raises
        ------
        LibraryNotFoundError, LibraryLockedError, LibraryDamagedError, LibraryFormatError
            See `Store.open` and `WriterLock.acquire`.
        OSError
            If the folder cannot be written to.
        """
        place = _prepared(folder) if create else existing(folder)
        with contextlib.ExitStack() as undo:
            lock = undo.enter_context(WriterLock.acquire(place, wait_seconds=wait_seconds))
            if create and not (place / CATALOG_NAME).exists():
                CatalogWriter.create(place / CATALOG_NAME, created_by=_version())
                fsync_directory(place)
            catalog = undo.enter_context(CatalogWriter.open(place / CATALOG_NAME, writable=True))
            writer = cls(place, catalog, lock)
            writer.repairs = tuple(writer._recover())
            undo.pop_all()
        return writer

    def ensure_space(self, spec: SpaceSpec, *, refresh: bool = False) -> SpaceRecord:
        """Make sure that the library has the space `spec`, and return it.

        Raises
        ------
        LibraryError
            If it has another space of that name, and not `refresh`: with
            `refresh` the vectors of the other one are given up.
        """
        self._check_usable()
        held = self.catalog.spaces().get(spec.name)
        if held is not None and held.spec.space_id == spec.space_id:
            return held
        with self._all_or_broken():
            if held is None:
                space = self.catalog.add_space(spec)
            elif refresh:
                space = self.catalog.restart_space(spec)
                _remove(self.vector_file(held).path)
            else:
                message = (
                    f"library {self.folder} holds {held.n_live} vectors of space {held.spec.space_id}, "
                    f"which {spec.space_id} would make stale; refresh the space to compute them anew"
                )
                raise LibraryError(message)
            self.vector_file(space).recover(0, [])
        return space

    def commit(self, results: Sequence[TrackResult]) -> list[int]:
        """Make a batch of tracks part of the library, on disk when this returns.

        Parameters
        ----------
        results : sequence of TrackResult
            Each path once; at most some hundreds, since all of them are redone
            if the process dies before this returns.

        Returns
        -------
        list of int
            The id of each track.

        Raises
        ------
        OSError
            If the disk is full or fails: the library is as before.
        ParameterError, UnknownSpaceError
            If `results` do not fit the library: nothing was written.
        """
        self._check_usable()
        spaces = self.catalog.spaces()
        vectors = _gathered(results, spaces)
        checked = {name: self.vector_file(spaces[name]).checked(values) for name, values in vectors.items()}
        with self._all_or_broken():
            appended = {name: self._append(spaces[name], values) for name, values in checked.items()}
            ids = self.catalog.commit_batch(results, appended)
            for name, rows in appended.items():
                # The commit stands. A header that could not follow is mended by the next writer.
                with contextlib.suppress(OSError):
                    self.vector_file(spaces[name]).write_header(rows.n_rows)
        return ids

    def close(self) -> None:
        """Close the catalog and let the next writer in; a second call does nothing."""
        try:
            super().close()
        finally:
            self._lock.release()

    def _append(self, space: SpaceRecord, vectors: NDArray[np.float32]) -> Appended:
        last = self.catalog.last_checksum(space)
        return self.vector_file(space).append(vectors, n_rows=space.n_rows, last_checksum=last)

    def _recover(self) -> list[str]:
        repairs = []
        for space in self.catalog.spaces().values():
            checksums = self.catalog.checksums(space)
            repairs += self.vector_file(space).recover(space.n_rows, checksums)
            repairs += self._remove_replaced(space)
        return repairs

    def _remove_replaced(self, space: SpaceRecord) -> list[str]:
        repairs = []
        for path in (self.folder / VECTORS_FOLDER).iterdir():
            if path.name != space.file and is_vector_file(space.spec.name, path.name):
                _remove(path)
                repairs.append(f"{path}: removed vectors that space {space.spec.space_id} has replaced")
        return repairs

    @contextlib.contextmanager
    def _all_or_broken(self) -> Iterator[None]:
        # Also on KeyboardInterrupt: what is on disk and what this object believes may differ now.
        try:
            yield
        except BaseException:
            self._broken = True
            raise

    def _check_usable(self) -> None:
        if self._broken:
            message = f"an earlier change to library {self.folder} failed half-way; open the library again"
            raise LibraryError(message)


def _gathered(results: Sequence[TrackResult], spaces: dict[str, SpaceRecord]) -> dict[str, NDArray[np.float32]]:
    """All vectors of a batch by space, one array each, in the order of `results`."""
    vectors: dict[str, list[NDArray[np.float32]]] = {}
    for result in results:
        for name, embedding in result.embeddings.items():
            if name not in spaces:
                message = f"the library has no space {name!r}; add it before committing vectors of it"
                raise UnknownSpaceError(message)
            if embedding.vector is not None:
                vectors.setdefault(name, []).append(_row(embedding.vector, spaces[name]))
    return {name: np.stack(rows) for name, rows in vectors.items()}


def _row(vector: ArrayLike, space: SpaceRecord) -> NDArray[np.float32]:
    row = np.asarray(vector, dtype=np.float32)
    if row.shape != (space.spec.dim,):
        message = f"vector has shape {row.shape}, expected ({space.spec.dim},) in space {space.spec.name!r}"
        raise ShapeError(message)
    return row


def _remove(path: Path) -> None:
    with naming(path):
        path.unlink(missing_ok=True)


def _prepared(folder: str | os.PathLike[str]) -> Path:
    """Make the folder of a new library, or find an existing library there."""
    place = Path(folder).expanduser().absolute()
    place.mkdir(parents=True, exist_ok=True)
    fsync_directory(place.parent)
    check_catalog_is_there(place)
    if not (place / CATALOG_NAME).exists():
        foreign = sorted(path.name for path in place.iterdir() if path.name not in _LEFTOVERS)
        if foreign:
            message = (
                f"folder {place} holds {foreign[0]!r}; a new library needs a folder that is empty or not there yet"
            )
            raise LibraryError(message)
    return place


def _version() -> str:
    try:
        return f"orpheus_fast {metadata.version('orpheus-fast')}"
    except metadata.PackageNotFoundError:
        return "orpheus_fast"

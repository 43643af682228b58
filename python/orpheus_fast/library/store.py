"""The folder as a whole, for reading: the catalog and the vector files that it speaks of."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from orpheus_fast.errors import LibraryDamagedError, LibraryError, LibraryNotFoundError
from orpheus_fast.library.catalog import CATALOG_NAME, Catalog
from orpheus_fast.library.damage import Damage, damaged
from orpheus_fast.library.integrity import check_catalog
from orpheus_fast.library.vectors import VectorFile

if TYPE_CHECKING:
    import os
    from types import TracebackType
    from typing import Self

    import numpy as np
    from numpy.typing import NDArray

    from orpheus_fast.library.catalog import SpaceRecord

__all__ = ["VECTORS_FOLDER", "SpaceView", "Store", "check_catalog_is_there", "existing"]

VECTORS_FOLDER: Final = "vectors"
_MAX_RETRIES: Final = 5


@dataclass(frozen=True, slots=True, eq=False)
class SpaceView:
    """All vectors of one space at one moment; later commits do not show in it.

    Attributes
    ----------
    space : SpaceRecord
        Its description.
    vectors : ndarray, shape (n_rows, dim), float32
        Read-only, over the file's own pages. Row number = vector id.
    track_ids : ndarray, shape (n_rows,), int64
        The track of each row, -1 for a tombstone.
    generation : int
        Number of the state of the library that this is.
    """

    space: SpaceRecord
    vectors: NDArray[np.float32]
    track_ids: NDArray[np.int64]
    generation: int


class Store:
    """A library opened for reading. Any number of these may be open beside one writer."""

    def __init__(self, folder: Path, catalog: Catalog) -> None:
        self.folder = folder
        self.catalog = catalog

    @classmethod
    def open(cls, folder: str | os.PathLike[str]) -> Store:
        """Open the library in `folder`; makes nothing, and works in a read-only folder.

        For writing, see `Writer.acquire`.

        Raises
        ------
        LibraryNotFoundError
            If there is none.
        LibraryDamagedError, LibraryFormatError
            If it cannot be used; the message says what to do.
        """
        place = existing(folder)
        return Store(place, Catalog.open(place / CATALOG_NAME, writable=False))

    def load(self, name: str) -> SpaceView:
        """Return all vectors of the space called `name`, with the track of each."""
        for attempt in range(_MAX_RETRIES):
            with self.catalog.read():
                space = self.catalog.space(name)
                checksums = self.catalog.checksums(space)
                track_ids = self.catalog.row_tracks(space)
                generation = self.catalog.generation()
            try:
                vectors = self.vector_file(space).map(space.n_rows, checksums)
            except LibraryDamagedError:
                # A writer may have started the space afresh in another file since.
                if attempt == _MAX_RETRIES - 1 or self.catalog.space(name).file == space.file:
                    raise
            else:
                return SpaceView(space, vectors, track_ids, generation)
        raise AssertionError  # the loop returns or raises

    def vector_file(self, space: SpaceRecord) -> VectorFile:
        """Return the file that holds the vectors of `space`."""
        return VectorFile(self.folder / VECTORS_FOLDER / space.file, space.spec.dim)

    def check(self) -> list[Damage]:
        """Prove every stored value and every block; return what does not hold."""
        findings = check_catalog(self.catalog)
        try:
            spaces = self.catalog.spaces()
        except LibraryError:
            return findings
        for space in spaces.values():
            try:
                findings += self._check_vectors(space)
            except LibraryError as error:
                findings.append(Damage(self.vector_file(space).path, str(error)))
        return findings

    def _check_vectors(self, space: SpaceRecord) -> list[Damage]:
        if space.n_rows == 0:
            return []
        file, findings = self.vector_file(space), []
        with self.catalog.read():
            checksums, owners = self.catalog.checksums(space), self.catalog.row_tracks(space)
        if len(checksums) != file.n_blocks(space.n_rows):
            what = f"expected {file.n_blocks(space.n_rows)} block checksums, got {len(checksums)}"
            return [Damage(self.catalog.path, what)]
        for block in file.verify(space.n_rows, checksums):
            rows = file.rows_of_block(block, space.n_rows)
            tracks = owners[rows.start : rows.stop]
            what = f"block {block} (rows {rows.start} to {rows.stop - 1}) differs from what was committed"
            findings.append(Damage(file.path, what, track_ids=tuple(tracks[tracks >= 0].tolist())))
        return findings + self._check_header(file, space)

    def _check_header(self, file: VectorFile, space: SpaceRecord) -> list[Damage]:
        stated = file.stated_rows()
        # Counted after the header was read: a commit comes before its header, so more than this was never true.
        n_rows = self.catalog.space(space.spec.name).n_rows
        if stated is not None and stated > n_rows:
            what = f"its header states {stated} rows, the catalog only {n_rows}: commits were lost; index again"
            return [Damage(file.path, what)]
        if stated != n_rows:
            what = f"its header states {stated} rows, {n_rows} are committed"
            return [Damage(file.path, what, mends_itself=True)]
        return []

    def close(self) -> None:
        """Close the catalog; arrays that were handed out stay valid. A second call does nothing."""
        self.catalog.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def existing(folder: str | os.PathLike[str]) -> Path:
    """Return the absolute path of a library's folder, which must be there."""
    place = Path(folder).expanduser().absolute()
    if not place.is_dir():
        message = f"no library at {place}: there is no such folder"
        raise LibraryNotFoundError(message)
    check_catalog_is_there(place)
    if not (place / CATALOG_NAME).exists():
        message = f"no library at {place}: it holds no {CATALOG_NAME}"
        raise LibraryNotFoundError(message)
    return place


def check_catalog_is_there(place: Path) -> None:
    """Refuse a folder with vectors but no catalog: to begin anew there would cut the vectors off."""
    catalog, vectors = place / CATALOG_NAME, place / VECTORS_FOLDER
    if not catalog.exists() and vectors.is_dir() and any(vectors.iterdir()):
        raise damaged(catalog, "it is gone, although there are vectors")

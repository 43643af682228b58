"""The only truth about a library: which tracks, how each ended, which rows exist."""

from __future__ import annotations

import re
from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from orpheus_fast.errors import LibraryNotFoundError, UnknownSpaceError
from orpheus_fast.library import schema
from orpheus_fast.library.damage import damaged
from orpheus_fast.library.database import Database
from orpheus_fast.library.records import TRACK_COLUMNS, Known, Track, embedding_checksums, row_checksum
from orpheus_fast.library.spaces import SpaceSpec, space_id_of

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from numpy.typing import NDArray

    from orpheus_fast.errors import LibraryDamagedError

    Ids = NDArray[np.int64]

__all__ = [
    "CATALOG_NAME",
    "SELECT_TRACKS",
    "Catalog",
    "EmbeddingRecord",
    "SpaceRecord",
    "chunks",
    "is_vector_file",
    "next_vector_file",
    "vector_file",
]

CATALOG_NAME: Final = "catalog.sqlite"
_CHUNK: Final = 500
_PAGE: Final = 1000
SELECT_TRACKS: Final = f"SELECT {', '.join(TRACK_COLUMNS)}, checksum FROM tracks"
_SELECT_ENTRIES: Final = "SELECT track_id, row, n_windows, note, checksum FROM embeddings WHERE space = ?"
_KNOWN: Final = itemgetter(
    *map(
        TRACK_COLUMNS.index,
        (
            *("id", "path", "size", "mtime_ns", "ctime_ns", "inode", "device", "digest"),
            *("outcome", "kind", "engine_version", "missing_since", "tags_version"),
        ),
    )
)


@dataclass(frozen=True, slots=True)
class SpaceRecord:
    """A space as the library holds it.

    `n_rows` counts the rows of the vector file `file`; `n_live` those that
    belong to a track, the others being tombstones.
    """

    id: int
    spec: SpaceSpec
    file: str
    n_rows: int
    n_live: int


@dataclass(frozen=True, slots=True)
class EmbeddingRecord:
    """What a space holds of one track: a row, or a note that says why there is none."""

    track_id: int
    row: int | None
    n_windows: int
    note: str


class Catalog:
    """The catalog of one library. Safe to share between threads; not across a fork.

    Every value that it returns has passed its checksum.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    @classmethod
    def create(cls, path: Path, *, created_by: str) -> None:
        """Make an empty catalog at `path`."""
        schema.create(path, created_by)

    @classmethod
    def open(cls, path: Path, *, writable: bool) -> Self:
        """Open the catalog at `path`; never makes a file, and works in a read-only folder.

        Raises
        ------
        LibraryNotFoundError
            If there is none.
        LibraryDamagedError, LibraryFormatError
            If it is not a catalog, or one of a version that this one cannot use.
        """
        if not path.is_file():
            message = f"no library at {path.parent}: it holds no {path.name}"
            raise LibraryNotFoundError(message)
        database = Database.open(path, writable=writable)
        try:
            schema.check(database, writable=writable)
        except BaseException:
            database.close()
            raise
        return cls(database)

    @property
    def path(self) -> Path:
        """The file."""
        return self._database.path

    def read(self) -> AbstractContextManager[sqlite3.Connection]:
        """Return a context in which all that is read belongs to one state of the library."""
        return self._database.read()

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    # -- what is in it ---------------------------------------------------------------------------

    def meta(self) -> dict[str, str]:
        """Return `format_version`, `created_at`, `created_by`, `library_id` and `generation`."""
        with self._database.read() as connection:
            rows = connection.execute("SELECT key, value, checksum FROM meta").fetchall()
        if not set(schema.META_KEYS) <= {key for key, _, _ in rows}:
            raise damaged(self.path, "values about the library as a whole are missing")
        for key, value, checksum in rows:
            if row_checksum((key, value)) != checksum:
                raise self._altered(f"{key!r}")
        return {key: value for key, value, _ in rows}

    def generation(self) -> int:
        """Return how many changes were committed so far."""
        return int(self.meta()["generation"])

    def spaces(self) -> dict[str, SpaceRecord]:
        """Return all spaces by name, in the order in which they were added."""
        with self._database.read() as connection:
            rows = connection.execute(
                "SELECT id, name, space_id, dim, metric, config, file, n_rows, n_live FROM spaces ORDER BY id"
            ).fetchall()
        return {row[1]: self._space(row) for row in rows}

    def space(self, name: str) -> SpaceRecord:
        """Return the space called `name`.

        Raises
        ------
        UnknownSpaceError
            If the library has none of that name.
        """
        spaces = self.spaces()
        try:
            return spaces[name]
        except KeyError:
            has = f"it has {', '.join(spaces)}" if spaces else "it has none yet"
            message = f"no space {name!r} in library {self.path.parent}: {has}"
            raise UnknownSpaceError(message) from None

    def checksums(self, space: SpaceRecord) -> list[int]:
        """Return the checksum of each block of the space's vector file."""
        with self._database.read() as connection:
            rows = connection.execute(
                "SELECT block, checksum FROM blocks WHERE space = ? ORDER BY block", (space.id,)
            ).fetchall()
        if [block for block, _ in rows] != list(range(len(rows))):
            raise damaged(self.path, f"block checksums of space {space.spec.name!r} are missing")
        return [checksum for _, checksum in rows]

    def last_checksum(self, space: SpaceRecord) -> int:
        """Return the checksum of the last block of the space's vector file; 0 if it has none."""
        with self._database.read() as connection:
            found = connection.execute(
                "SELECT checksum FROM blocks WHERE space = ? ORDER BY block DESC LIMIT 1", (space.id,)
            ).fetchone()
        return 0 if found is None else int(found[0])

    def row_tracks(self, space: SpaceRecord) -> Ids:
        """Return the track that each of the space's rows belongs to; -1 for a tombstone.

        Where `space` is older than the catalog, that is who owns its rows now.
        """
        tracks, rows = self._live(space)
        own = rows < space.n_rows
        owners = np.full(space.n_rows, -1, dtype=np.int64)
        owners[rows[own]] = tracks[own]
        return owners

    def tracks_done(self, space: SpaceRecord) -> set[int]:
        """Return the ids of all tracks that have a vector in the space, or a note why not."""
        with self._database.read() as connection:
            tracks, _ = self._live(space)
            noted = connection.execute(f"{_SELECT_ENTRIES} AND row IS NULL", (space.id,)).fetchall()
        return {*tracks.tolist(), *(self._entry(space, row).track_id for row in noted)}

    def entry(self, space: SpaceRecord, track_id: int) -> EmbeddingRecord | None:
        """Return what the space holds of one track; `None` if the track was never tried in it."""
        with self._database.read() as connection:
            row = connection.execute(f"{_SELECT_ENTRIES} AND track_id = ?", (space.id, track_id)).fetchone()
        return None if row is None else self._entry(space, row)

    def n_tracks(self) -> int:
        """Return the number of tracks, the missing ones included."""
        return sum(n for _, _, n in self.outcome_counts())

    def outcome_counts(self) -> list[tuple[str, str, int]]:
        """Return outcome, kind and how many tracks ended so, most frequent first."""
        with self._database.read() as connection:
            return connection.execute(
                "SELECT outcome, kind, count(*) FROM tracks GROUP BY outcome, kind ORDER BY 3 DESC, 1, 2"
            ).fetchall()

    def seconds_sound(self) -> float:
        """Return how many seconds of sound were decoded from all tracks together."""
        with self._database.read() as connection:
            return float(connection.execute("SELECT total(seconds_sound) FROM tracks").fetchone()[0])

    def n_missing(self) -> int:
        """Return the number of tracks whose file was not there when its folder was last scanned."""
        with self._database.read() as connection:
            return int(connection.execute("SELECT count(*) FROM tracks WHERE missing_since IS NOT NULL").fetchone()[0])

    def tracks(self, ids: Iterable[int]) -> dict[int, Track]:
        """Return the tracks with these ids; an id that the library does not have is left out."""
        wanted = [int(track_id) for track_id in ids]
        with self._database.read() as connection:
            rows = (row for chunk in chunks(wanted) for row in self._rows_by_id(connection, chunk))
            return {row[0]: Track(*row) for row in rows}

    def track_at(self, path: bytes) -> Track | None:
        """Return the track with this path, or `None`."""
        with self._database.read() as connection:
            row = connection.execute(f"{SELECT_TRACKS} WHERE path = ?", (path,)).fetchone()
            return None if row is None else Track(*self._checked(row))

    def all_tracks(self, *, only_trouble: bool = False) -> Iterator[Track]:
        """Yield every track by id, or only those that are `partial`, `failed` or missing.

        Reads page by page; inside `read` all pages belong to one state.
        """
        condition = "AND (outcome <> 'ok' OR missing_since IS NOT NULL)" if only_trouble else ""
        last = 0
        while True:
            with self._database.read() as connection:
                rows = connection.execute(
                    f"{SELECT_TRACKS} WHERE id > ? {condition} ORDER BY id LIMIT {_PAGE}", (last,)
                ).fetchall()
            for row in rows:
                yield Track(*self._checked(row))
            if len(rows) < _PAGE:
                return
            last = rows[-1][0]

    def known_under(self, roots: Iterable[bytes]) -> dict[bytes, Known]:
        """Return by path what is recorded of all tracks at or below `roots`."""
        known: dict[bytes, Known] = {}
        with self._database.read() as connection:
            for root in roots:
                # Everything below a folder sorts between "folder/" and "folder0": 0 follows / in ASCII.
                prefix = root.rstrip(b"/") + b"/"
                rows = connection.execute(
                    f"{SELECT_TRACKS} WHERE path = ? OR path >= ? AND path < ?", (root, prefix, prefix[:-1] + b"0")
                )
                known.update((row[1], Known(*_KNOWN(self._checked(row)))) for row in rows)
        return known

    def _live(self, space: SpaceRecord) -> tuple[Ids, Ids]:
        """All tracks with a vector in the space, and their rows, proven as a whole."""
        with self._database.read() as connection:
            current = self.space(space.spec.name)
            found = connection.execute(
                # The + keeps SQLite from walking the index and looking up each row for the other columns.
                "SELECT track_id, row, n_windows, checksum FROM embeddings WHERE space = ? AND +row IS NOT NULL",
                (space.id,),
            ).fetchall()
        if current.file != space.file:
            # Started afresh since: nobody owns a row of the old file any more.
            return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
        try:
            table = np.array(found, dtype=np.int64).reshape(-1, 4)
        except (TypeError, ValueError, OverflowError):
            raise self._altered(f"rows of space {space.spec.name!r}") from None
        tracks, rows, n_windows, checksums = table.T
        sound = (embedding_checksums(space.id, tracks, rows, n_windows) == checksums).all()
        if not sound or len(table) != current.n_live or ((rows < 0) | (rows >= current.n_rows)).any():
            raise self._altered(f"rows of space {space.spec.name!r}")
        return tracks, rows

    def _entry(self, space: SpaceRecord, values: Sequence[Any]) -> EmbeddingRecord:
        track_id, row, n_windows, note, checksum = values
        try:
            expected = embedding_checksums(space.id, [track_id], [-1 if row is None else row], [n_windows], note)
        except (AttributeError, TypeError, ValueError, OverflowError):
            raise self._altered(f"track {track_id!r} of space {space.spec.name!r}") from None
        if expected[0] != checksum:
            raise self._altered(f"track {track_id} of space {space.spec.name!r}")
        return EmbeddingRecord(track_id, row, n_windows, note)

    def _space(self, values: Sequence[Any]) -> SpaceRecord:
        number, name, space_id, dim, metric, config, file, n_rows, n_live = values
        whole = all(isinstance(value, int) for value in (number, dim, n_rows, n_live))
        text = all(isinstance(value, str) for value in (name, space_id, metric, config, file))
        if not whole or not text or space_id_of(name, config) != space_id or not is_vector_file(name, file):
            raise self._altered(f"space {name!r}")
        spec = SpaceSpec.from_config(name, config)
        if (spec.dim, spec.metric) != (dim, metric) or not 0 <= n_live <= n_rows:
            raise self._altered(f"space {name!r}")
        return SpaceRecord(number, spec, file, n_rows, n_live)

    def _checked(self, row: Sequence[Any]) -> Sequence[Any]:
        values = row[:-1]
        if row_checksum(values) != row[-1]:
            raise self._altered(f"track {row[0]}")
        return values

    def _rows_by_id(self, connection: sqlite3.Connection, ids: Sequence[int]) -> list[Sequence[Any]]:
        marks = ", ".join("?" * len(ids))
        rows = connection.execute(f"{SELECT_TRACKS} WHERE id IN ({marks})", ids)
        return [self._checked(row) for row in rows]

    def _altered(self, what: str) -> LibraryDamagedError:
        return damaged(self.path, f"{what} does not have the values that were stored")


def vector_file(name: str) -> str:
    """Return the file that holds the vectors of a space."""
    return f"{name}.npy"


def next_vector_file(name: str, file: str) -> str:
    """Return the file for a space that is started afresh, after `file`: other readers may still use that."""
    version = file.removeprefix(f"{name}.").removesuffix("npy").removesuffix(".")
    return f"{name}.{int(version or 0) + 1}.npy"


def is_vector_file(name: str, file: str) -> bool:
    """Whether `file` is a name that the two functions above give: never a way out of the folder."""
    return re.fullmatch(rf"{re.escape(name)}(\.[1-9][0-9]{{0,17}})?\.npy", file) is not None


def chunks(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    """Split `ids` into pieces that fit into one statement."""
    return (ids[start : start + _CHUNK] for start in range(0, len(ids), _CHUNK))

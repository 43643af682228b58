"""Changes to the catalog: each one whole, or not at all."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from orpheus_fast.errors import LibraryError, ParameterError
from orpheus_fast.library.catalog import Catalog, SpaceRecord, chunks, next_vector_file, vector_file
from orpheus_fast.library.records import TRACK_COLUMNS, clean_text, embedding_checksums, row_checksum, tag_columns
from orpheus_fast.library.scan import display_path
from orpheus_fast.library.schema import set_meta

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping, Sequence

    from orpheus_fast.audio import Tags
    from orpheus_fast.library.records import Embedding, TrackResult
    from orpheus_fast.library.scan import FoundFile
    from orpheus_fast.library.spaces import SpaceSpec
    from orpheus_fast.library.vectors import Appended

__all__ = ["CatalogWriter"]

_STORE_TRACK: Final = (
    f"INSERT INTO tracks ({', '.join(TRACK_COLUMNS)}, checksum) "
    f"VALUES ({', '.join('?' * (len(TRACK_COLUMNS) + 1))}) "
    f"ON CONFLICT (id) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in TRACK_COLUMNS[1:])}, "
    "checksum = excluded.checksum"
)
_STORE_ENTRY: Final = (
    "INSERT INTO embeddings (space, track_id, row, n_windows, note, checksum) VALUES (?, ?, ?, ?, ?, ?)"
)
_STORE_BLOCK: Final = (
    "INSERT INTO blocks (space, block, checksum) VALUES (?, ?, ?) "
    "ON CONFLICT (space, block) DO UPDATE SET checksum = excluded.checksum"
)


class CatalogWriter(Catalog):
    """A catalog that may be changed, by the one process that holds the writer's lock."""

    def add_space(self, spec: SpaceSpec) -> SpaceRecord:
        """Add a space without rows; its name must be free."""
        with self._database.write() as connection:
            if spec.name in self.spaces():
                message = f"library {self.path.parent} already has a space {spec.name!r}"
                raise ParameterError(message)
            connection.execute(
                "INSERT INTO spaces (name, space_id, dim, metric, config, file) VALUES (?, ?, ?, ?, ?, ?)",
                (spec.name, spec.space_id, spec.dim, spec.metric, spec.config, vector_file(spec.name)),
            )
            self._count_change(connection)
            return self.space(spec.name)

    def restart_space(self, spec: SpaceSpec) -> SpaceRecord:
        """Forget all vectors of the space of this name and describe it by `spec` from now on.

        It gets a new file, so that whoever has mapped the old one keeps it.
        """
        with self._database.write() as connection:
            old = self.space(spec.name)
            connection.execute("DELETE FROM embeddings WHERE space = ?", (old.id,))
            connection.execute("DELETE FROM blocks WHERE space = ?", (old.id,))
            connection.execute(
                "UPDATE spaces SET space_id = ?, dim = ?, metric = ?, config = ?, file = ?, n_rows = 0 WHERE id = ?",
                (spec.space_id, spec.dim, spec.metric, spec.config, next_vector_file(spec.name, old.file), old.id),
            )
            self._count_change(connection)
            return self.space(spec.name)

    def commit_batch(self, results: Sequence[TrackResult], appended: Mapping[str, Appended]) -> list[int]:
        """Record tracks, their embeddings, the new row counts and block checksums, all at once.

        Parameters
        ----------
        results : sequence of TrackResult
            Each path once.
        appended : mapping of str to Appended
            By space: the rows that `VectorFile.append` made of the vectors in
            `results`, in their order.

        Returns
        -------
        list of int
            The id of each track; a path that was known keeps its id.
        """
        now = int(time.time())
        with self._database.write() as connection:
            spaces = self.spaces()
            for name, rows in appended.items():
                self._advance(connection, spaces[name], rows)
            ids = self._store_tracks(connection, results, now)
            self._forget_replaced(connection, results, ids, spaces)
            for name in dict.fromkeys(name for result in results for name in result.embeddings):
                entries = [
                    (track_id, r.embeddings[name])
                    for track_id, r in zip(ids, results, strict=True)
                    if name in r.embeddings
                ]
                self._store_entries(connection, self.space(name), entries, appended.get(name))
            self._count_change(connection)
        return ids

    def mark_missing(self, ids: Iterable[int]) -> None:
        """Record that the files of these tracks are not there; the tracks and their vectors stay."""
        now = int(time.time())
        self._change_tracks({track_id: {"missing_since": now} for track_id in ids})

    def refresh_files(self, files: Mapping[int, tuple[FoundFile, bytes | None]]) -> None:
        """Record where the unchanged content of tracks was found now, and that none of them is missing."""
        self._change_tracks(
            {
                track_id: {
                    "path": found.path,
                    "root": found.root,
                    "size": found.size,
                    "mtime_ns": found.mtime_ns,
                    "ctime_ns": found.ctime_ns,
                    "inode": found.inode,
                    "device": found.device,
                    "digest": digest,
                    "missing_since": None,
                }
                for track_id, (found, digest) in files.items()
            }
        )

    def refresh_tags(self, tags: Mapping[int, Tags]) -> None:
        """Record what the files of these tracks say about themselves."""
        self._change_tracks({track_id: tag_columns(said) for track_id, said in tags.items()})

    def remove(self, ids: Iterable[int]) -> int:
        """Delete tracks; their rows become tombstones. Return how many there were."""
        with self._database.write() as connection:
            n_removed = 0
            for chunk in chunks(list(ids)):
                marks = ", ".join("?" * len(chunk))
                n_removed += connection.execute(f"DELETE FROM tracks WHERE id IN ({marks})", chunk).rowcount
            self._count_change(connection)
            return n_removed

    def _count_change(self, connection: sqlite3.Connection) -> None:
        set_meta(connection, "generation", str(self.generation() + 1))

    def _advance(self, connection: sqlite3.Connection, space: SpaceRecord, rows: Appended) -> None:
        if space.n_rows != rows.first_row:
            message = (
                f"space {space.spec.name!r} of {self.path} has {space.n_rows} rows, "
                f"but {rows.first_row} were there when rows were appended; open the library again"
            )
            raise LibraryError(message)
        connection.execute("UPDATE spaces SET n_rows = ? WHERE id = ?", (rows.n_rows, space.id))
        connection.executemany(_STORE_BLOCK, [(space.id, block, checksum) for block, checksum in rows.blocks])

    def _store_tracks(self, connection: sqlite3.Connection, results: Sequence[TrackResult], now: int) -> list[int]:
        next_id = 1 + max(
            int(connection.execute(query).fetchone()[0])
            for query in (
                "SELECT coalesce(max(id), 0) FROM tracks",
                "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'tracks'",
            )
        )
        ids: dict[bytes, int] = {}
        for result in results:
            path = result.found.path
            if path in ids:
                message = f"track {display_path(path)} is twice in one batch, expected each path once"
                raise ParameterError(message)
            # The id is chosen here and not by SQLite, because the checksum covers it.
            known = connection.execute("SELECT id FROM tracks WHERE path = ?", (path,)).fetchone()
            ids[path] = known[0] if known else next_id
            next_id += known is None
            values = result.columns(ids[path], now)
            connection.execute(_STORE_TRACK, (*values, row_checksum(values)))
        return list(ids.values())

    def _forget_replaced(
        self,
        connection: sqlite3.Connection,
        results: Sequence[TrackResult],
        ids: Sequence[int],
        spaces: Mapping[str, SpaceRecord],
    ) -> None:
        for track_id, result in zip(ids, results, strict=True):
            if not result.keep_other_spaces:
                connection.execute("DELETE FROM embeddings WHERE track_id = ?", (track_id,))
                continue
            for name in result.embeddings:
                key = (spaces[name].id, track_id)
                connection.execute("DELETE FROM embeddings WHERE space = ? AND track_id = ?", key)

    def _store_entries(
        self,
        connection: sqlite3.Connection,
        space: SpaceRecord,
        entries: Sequence[tuple[int, Embedding]],
        appended: Appended | None,
    ) -> None:
        live = [(track_id, embedding.n_windows) for track_id, embedding in entries if embedding.vector is not None]
        rows = range(appended.first_row, appended.n_rows) if appended else range(0)
        if len(rows) != len(live):
            message = f"{len(rows)} rows were appended for {len(live)} vectors of space {space.spec.name!r}"
            raise LibraryError(message)
        tracks, n_windows = np.array(live, dtype=np.int64).reshape(-1, 2).T
        checksums = embedding_checksums(space.id, tracks, rows, n_windows).tolist()
        connection.executemany(
            _STORE_ENTRY,
            [
                (space.id, track_id, row, n, "", checksum)
                for (track_id, n), row, checksum in zip(live, rows, checksums, strict=True)
            ],
        )
        for track_id, embedding in entries:
            if embedding.vector is None:
                n, note = embedding.n_windows, clean_text(embedding.note)
                checksum = int(embedding_checksums(space.id, [track_id], [-1], [n], note)[0])
                connection.execute(_STORE_ENTRY, (space.id, track_id, None, n, note, checksum))

    def _change_tracks(self, changes: Mapping[int, Mapping[str, Any]]) -> None:
        if not changes:
            return
        with self._database.write() as connection:
            for chunk in chunks(list(changes)):
                rows = []
                for old in self._rows_by_id(connection, chunk):
                    values = tuple({**dict(zip(TRACK_COLUMNS, old, strict=True)), **changes[old[0]]}.values())
                    rows.append((*values, row_checksum(values)))
                connection.executemany(_STORE_TRACK, rows)
            self._count_change(connection)

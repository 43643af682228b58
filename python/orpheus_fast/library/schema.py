"""What the catalog looks like in each format version, and the way from one to the next."""

from __future__ import annotations

import re
import sqlite3
import uuid
from contextlib import closing
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Final

from orpheus_fast.errors import LibraryFormatError
from orpheus_fast.library.damage import damaged
from orpheus_fast.library.database import Database
from orpheus_fast.library.disk import naming
from orpheus_fast.library.migrations import TAGS, prove_tagged_tracks, statements
from orpheus_fast.library.records import row_checksum

if TYPE_CHECKING:
    from pathlib import Path

    from orpheus_fast.library.migrations import Step

__all__ = [
    "APPLICATION_ID",
    "FORMAT_VERSION",
    "META_KEYS",
    "MIGRATIONS",
    "SCHEMA",
    "check",
    "create",
    "layout",
    "layout_of",
    "set_meta",
]

FORMAT_VERSION: Final = 2
META_KEYS: Final = ("format_version", "created_at", "created_by", "library_id", "generation")

# "Orph", at byte 68 of the file: tells our catalog from any other SQLite file.
APPLICATION_ID: Final = 0x4F727068

# Format 1, and that for ever: a new catalog is built as format 1 and taken through `MIGRATIONS`, so that
# it cannot differ from one that was migrated. STRICT needs SQLite 3.37. `checksum` is a CRC-32 over the
# other columns of its row (records.py): SQLite itself would hand out a flipped bit as if it had been stored.
SCHEMA: Final = """
CREATE TABLE meta (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL,
    checksum INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE spaces (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    space_id TEXT NOT NULL,
    dim INTEGER NOT NULL CHECK (dim > 0),
    metric TEXT NOT NULL,
    config TEXT NOT NULL,
    file TEXT NOT NULL UNIQUE,
    n_rows INTEGER NOT NULL DEFAULT 0 CHECK (n_rows >= 0),
    n_live INTEGER NOT NULL DEFAULT 0 CHECK (n_live BETWEEN 0 AND n_rows)
) STRICT;

CREATE TABLE blocks (
    space INTEGER NOT NULL REFERENCES spaces (id) ON DELETE CASCADE,
    block INTEGER NOT NULL CHECK (block >= 0),
    checksum INTEGER NOT NULL,
    PRIMARY KEY (space, block)
) STRICT, WITHOUT ROWID;

CREATE TABLE tracks (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    path BLOB NOT NULL UNIQUE,
    root BLOB NOT NULL,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    ctime_ns INTEGER NOT NULL,
    inode INTEGER NOT NULL,
    device INTEGER NOT NULL,
    digest BLOB,
    outcome TEXT NOT NULL CHECK (outcome IN ('ok', 'partial', 'failed')),
    kind TEXT NOT NULL,
    message TEXT NOT NULL,
    seconds_sound REAL NOT NULL,
    seconds_lost REAL NOT NULL,
    engine_version TEXT NOT NULL,
    duration_seconds REAL,
    sample_rate INTEGER,
    n_channels INTEGER,
    codec TEXT,
    title TEXT,
    artist TEXT,
    album TEXT,
    album_artist TEXT,
    genre TEXT,
    year INTEGER,
    track_number INTEGER,
    missing_since INTEGER,
    indexed_at INTEGER NOT NULL,
    checksum INTEGER NOT NULL
) STRICT;

CREATE TABLE embeddings (
    space INTEGER NOT NULL REFERENCES spaces (id) ON DELETE CASCADE,
    track_id INTEGER NOT NULL REFERENCES tracks (id) ON DELETE CASCADE,
    row INTEGER,
    n_windows INTEGER NOT NULL,
    note TEXT NOT NULL,
    checksum INTEGER NOT NULL,
    PRIMARY KEY (space, track_id),
    CHECK ((row IS NULL) = (note <> ''))
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX embeddings_by_row ON embeddings (space, row);
CREATE INDEX embeddings_by_track ON embeddings (track_id);

CREATE TRIGGER embedding_added AFTER INSERT ON embeddings WHEN NEW.row IS NOT NULL
BEGIN
    UPDATE spaces SET n_live = n_live + 1 WHERE id = NEW.space;
END;

CREATE TRIGGER embedding_removed AFTER DELETE ON embeddings WHEN OLD.row IS NOT NULL
BEGIN
    UPDATE spaces SET n_live = n_live - 1 WHERE id = OLD.space;
END;
"""

# From each older version, the steps that lead to the next one. Run in one transaction, after a backup.
MIGRATIONS: Final[dict[int, tuple[Step, ...]]] = {1: (*TAGS, prove_tagged_tracks)}


def create(path: Path, created_by: str) -> None:
    """Make an empty catalog at `path`, whole or not at all."""
    unfinished = path.with_name(path.name + ".new")
    with naming(path):
        unfinished.unlink(missing_ok=True)
    with closing(Database.create(unfinished)) as database, database.write() as connection:
        _build(connection)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        created_at = datetime.now(UTC).isoformat(timespec="seconds")
        meta = {"format_version": str(FORMAT_VERSION), "created_at": created_at, "created_by": created_by}
        meta |= {"library_id": uuid.uuid4().hex, "generation": "0"}
        for key, value in meta.items():
            set_meta(connection, key, value)
    with naming(path):
        unfinished.replace(path)


def check(database: Database, *, writable: bool) -> None:
    """Make sure that `database` is a catalog of this version; bring an older one up to it if `writable`.

    Raises
    ------
    LibraryFormatError
        If it was written by a newer version, or by an older one and may not be changed.
    LibraryDamagedError
        If it is no catalog, or its tables are not those of its version.
    """
    with database.read() as connection:
        (application_id,) = connection.execute("PRAGMA application_id").fetchone()
        if application_id != APPLICATION_ID:
            raise damaged(database.path, "it is not a catalog of orpheus_fast")
        version = _version(connection, database.path)
    if version > FORMAT_VERSION:
        message = (
            f"{database.path} has format {version}, this orpheus_fast knows formats up to {FORMAT_VERSION}; "
            "update orpheus_fast to open it"
        )
        raise LibraryFormatError(message)
    if version < FORMAT_VERSION:
        _migrate(database, version, writable=writable)
    with database.read() as connection:
        if layout_of(connection) != layout():
            raise damaged(database.path, f"its tables are not those of format {FORMAT_VERSION}")


def set_meta(connection: sqlite3.Connection, key: str, value: str) -> None:
    """Store one value about the library as a whole."""
    row = (key, value, row_checksum((key, value)))
    connection.execute("INSERT OR REPLACE INTO meta (key, value, checksum) VALUES (?, ?, ?)", row)


def layout_of(connection: sqlite3.Connection) -> frozenset[tuple[str, str]]:
    """Return name and definition of everything that `connection` has in its schema."""
    rows = connection.execute("SELECT name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'")
    return frozenset((str(name), str(sql)) for name, sql in rows)


@cache
def layout() -> frozenset[tuple[str, str]]:
    """Return what `layout_of` gives for a catalog of this version.

    A catalog with another layout is damaged, or was prepared by someone: a
    trigger slipped into it would run inside our own statements.
    """
    connection = sqlite3.connect(":memory:")
    try:
        _build(connection)
        return layout_of(connection)
    finally:
        connection.close()


def _build(connection: sqlite3.Connection) -> None:
    for statement in statements(SCHEMA):
        connection.execute(statement)
    for version in range(1, FORMAT_VERSION):
        _advance(connection, version)


def _advance(connection: sqlite3.Connection, version: int) -> None:
    for step in MIGRATIONS[version]:
        if callable(step):
            step(connection)
        else:
            connection.execute(step)


def _version(connection: sqlite3.Connection, path: Path) -> int:
    found = connection.execute("SELECT value FROM meta WHERE key = 'format_version'").fetchone()
    if found is None or not re.fullmatch("[1-9][0-9]{0,8}", str(found[0])):
        raise damaged(path, "it does not say which format it has")
    return int(found[0])


def _migrate(database: Database, version: int, *, writable: bool) -> None:
    path = database.path
    if not writable:
        message = f"{path} has the older format {version}; open it once for writing to bring it to {FORMAT_VERSION}"
        raise LibraryFormatError(message)
    database.back_up(path.with_name(f"{path.stem}.format{version}{path.suffix}"))
    with database.write() as connection:
        for step in range(version, FORMAT_VERSION):
            _advance(connection, step)
        set_meta(connection, "format_version", str(FORMAT_VERSION))

"""The steps from one format of the catalog to the next. What is written here never changes."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Final, TypeAlias

from orpheus_fast.library.records import row_checksum

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["TAGS", "Step", "prove_tagged_tracks", "statements"]

Step: TypeAlias = "str | Callable[[sqlite3.Connection], None]"

_PAGE: Final = 1000

# What a row of `tracks` was in format 1, in the order of its checksum.
_TRACK_1: Final = (
    *("id", "path", "root", "size", "mtime_ns", "ctime_ns", "inode", "device", "digest", "outcome", "kind", "message"),
    *("seconds_sound", "seconds_lost", "engine_version", "duration_seconds", "sample_rate", "n_channels", "codec"),
    *("title", "artist", "album", "album_artist", "genre", "year", "track_number", "missing_since", "indexed_at"),
)
_N_NEW_VALUES: Final = 20


def statements(script: str) -> Iterator[str]:
    """Split an SQL script into statements, so that they can share a transaction."""
    pending = ""
    for line in script.splitlines(keepends=True):
        pending += line
        if sqlite3.complete_statement(pending):
            yield pending.strip()
            pending = ""


# Format 2: what tags say. Lists are JSON arrays; NULL stands for nothing. `tags_version` 0: not read yet.
# `genres` is made of the column of that name, so that a genre is found without reading every track.
TAGS: Final = tuple(
    statements(
        """
ALTER TABLE tracks ADD COLUMN artists TEXT;
ALTER TABLE tracks ADD COLUMN album_artists TEXT;
ALTER TABLE tracks ADD COLUMN genres TEXT;
ALTER TABLE tracks ADD COLUMN date TEXT;
ALTER TABLE tracks ADD COLUMN track_total INTEGER;
ALTER TABLE tracks ADD COLUMN disc_number INTEGER;
ALTER TABLE tracks ADD COLUMN disc_total INTEGER;
ALTER TABLE tracks ADD COLUMN musicbrainz_recording_id TEXT;
ALTER TABLE tracks ADD COLUMN musicbrainz_track_id TEXT;
ALTER TABLE tracks ADD COLUMN musicbrainz_release_id TEXT;
ALTER TABLE tracks ADD COLUMN musicbrainz_release_group_id TEXT;
ALTER TABLE tracks ADD COLUMN musicbrainz_artist_ids TEXT;
ALTER TABLE tracks ADD COLUMN musicbrainz_album_artist_ids TEXT;
ALTER TABLE tracks ADD COLUMN track_gain_db REAL;
ALTER TABLE tracks ADD COLUMN track_peak REAL;
ALTER TABLE tracks ADD COLUMN album_gain_db REAL;
ALTER TABLE tracks ADD COLUMN album_peak REAL;
ALTER TABLE tracks ADD COLUMN stated_seconds REAL;
ALTER TABLE tracks ADD COLUMN tag_kinds TEXT;
ALTER TABLE tracks ADD COLUMN tag_problems TEXT;
ALTER TABLE tracks ADD COLUMN tags_version INTEGER NOT NULL DEFAULT 0;

CREATE TABLE genres (
    genre TEXT NOT NULL COLLATE NOCASE,
    track_id INTEGER NOT NULL REFERENCES tracks (id) ON DELETE CASCADE,
    PRIMARY KEY (genre, track_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX genres_by_track ON genres (track_id);

CREATE TRIGGER genres_added AFTER INSERT ON tracks WHEN NEW.genres IS NOT NULL
BEGIN
    INSERT OR IGNORE INTO genres (genre, track_id) SELECT value, NEW.id FROM json_each(NEW.genres);
END;

CREATE TRIGGER genres_changed AFTER UPDATE OF genres ON tracks WHEN NEW.genres IS NOT OLD.genres
BEGIN
    DELETE FROM genres WHERE track_id = NEW.id;
    INSERT OR IGNORE INTO genres (genre, track_id) SELECT value, NEW.id FROM json_each(NEW.genres);
END;
"""
    )
)


def prove_tagged_tracks(connection: sqlite3.Connection) -> None:
    """Extend the checksum of every track over the columns that `TAGS` added.

    A row that did not have the values of its old checksum gets none that it has: it stays damaged.
    """
    last = 0
    select = f"SELECT {', '.join(_TRACK_1)}, checksum FROM tracks WHERE id > ? ORDER BY id LIMIT {_PAGE}"
    while rows := connection.execute(select, (last,)).fetchall():
        last = rows[-1][0]
        proven = [row[:-1] for row in rows if row_checksum(row[:-1]) == row[-1]]
        connection.executemany(
            "UPDATE tracks SET checksum = ? WHERE id = ?",
            [(row_checksum((*row, *(None,) * _N_NEW_VALUES, 0)), row[0]) for row in proven],
        )

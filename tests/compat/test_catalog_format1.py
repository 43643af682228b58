"""A library of format 1 opens, keeps everything, and gets its tags at the next run."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

import tagged
from orpheus_fast import Library
from orpheus_fast.errors import LibraryDamagedError, LibraryFormatError
from orpheus_fast.library import schema
from orpheus_fast.library.catalog import CATALOG_NAME
from orpheus_fast.library.records import row_checksum
from orpheus_fast.library.store import Store

if TYPE_CHECKING:
    from collections.abc import Sequence

# The tables as format 1 defined them.
TABLES = Path(__file__).with_name("catalog_format1.sql").read_text(encoding="utf-8")
BACKUP = "catalog.format1.sqlite"
TAG_COLUMNS = ("title", "artist", "album", "album_artist", "genre", "year", "track_number")


def columns_of(connection: sqlite3.Connection, table: str) -> list[str]:
    return [name for _, name, *_ in connection.execute(f"PRAGMA table_info({table})")]


def as_format_1(folder: Path) -> None:
    """Rewrite the catalog in `folder` as the first version wrote it: its tables, no tags, its checksums."""
    path, old_path = folder / CATALOG_NAME, folder / "old.sqlite"
    with closing(sqlite3.connect(path)) as new, closing(sqlite3.connect(old_path)) as old:
        old.executescript(TABLES)
        old.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
        for table in ("spaces", "blocks", "tracks", "meta", "embeddings"):
            names = columns_of(old, table)
            for row in new.execute(f"SELECT {', '.join(names)} FROM {table}"):
                insert(old, table, names, row)
        version = ("format_version", "1")
        old.execute("UPDATE meta SET value = '1', checksum = ? WHERE key = 'format_version'", (row_checksum(version),))
        old.commit()
    old_path.replace(path)


def insert(old: sqlite3.Connection, table: str, names: Sequence[str], row: Sequence[object]) -> None:
    values = dict(zip(names, row, strict=True))
    if table == "tracks":
        values |= dict.fromkeys(TAG_COLUMNS)
        values["checksum"] = row_checksum([value for name, value in values.items() if name != "checksum"])
    if table == "spaces":
        # A trigger counts them.
        values["n_live"] = 0
    marks = ", ".join("?" * len(values))
    old.execute(f"INSERT INTO {table} ({', '.join(values)}) VALUES ({marks})", tuple(values.values()))


@pytest.fixture
def library(tmp_path: Path) -> Path:
    music = tmp_path / "music"
    music.mkdir()
    for n in range(3):
        tag = tagged.texts(TIT2=f"Track {n}", TCON="Ambient")
        (music / f"{n}.wav").write_bytes(tagged.wav(6.0, seed=n, tag=tag))
    (music / "broken.mp3").write_bytes(b"no audio " * 500)
    with Library.create(tmp_path / "x.orpheus") as made:
        # One thread: ids in the order of the names.
        made.index([music], jobs=1)
    return tmp_path / "x.orpheus"


def downgraded(folder: Path) -> tuple[np.ndarray, list[tuple[object, ...]]]:
    """Make `folder` a library of format 1; return its vectors and what its tracks are."""
    with Library.open(folder) as opened:
        vectors = opened.vectors()[0].copy()
    as_format_1(folder)
    with closing(sqlite3.connect(folder / CATALOG_NAME)) as connection:
        tracks = connection.execute("SELECT id, path, digest, outcome, kind, indexed_at FROM tracks").fetchall()
    return vectors, tracks


def test_an_old_library_opens_and_loses_nothing(library: Path) -> None:
    vectors, tracks = downgraded(library)
    with pytest.raises(LibraryFormatError, match="older format 1"):
        Store.open(library)
    with Library.open(library) as opened:
        assert opened.info().format_version == 2
        np.testing.assert_array_equal(opened.vectors()[0], vectors)
        assert len(opened.similar(1)) == 2
        assert opened.check() == []
        assert opened.tags(1).kinds == ()
    with closing(sqlite3.connect(library / CATALOG_NAME)) as connection:
        assert connection.execute("SELECT id, path, digest, outcome, kind, indexed_at FROM tracks").fetchall() == tracks
    with closing(sqlite3.connect(library / BACKUP)) as connection:
        assert connection.execute("SELECT value FROM meta WHERE key = 'format_version'").fetchone() == ("1",)
        assert connection.execute("SELECT id, path, digest, outcome, kind, indexed_at FROM tracks").fetchall() == tracks


def test_the_next_run_reads_the_tags_without_decoding(library: Path, tmp_path: Path) -> None:
    downgraded(library)
    with Library.open(library) as opened:
        report = opened.index([tmp_path / "music"])
        assert (report.decoded, report.unchanged) == (0, 4)
        assert sorted(filter(None, (opened.tags(n).title for n in range(1, 5)))) == ["Track 0", "Track 1", "Track 2"]
        assert opened.check() == []


def test_a_track_that_was_damaged_stays_damaged(library: Path) -> None:
    downgraded(library)
    with closing(sqlite3.connect(library / CATALOG_NAME)) as connection:
        connection.execute("UPDATE tracks SET codec = 'mp3' WHERE id = 2")
        connection.commit()
    with Library.open(library) as opened:
        assert any("track 2" in damage.what for damage in opened.check())
        with pytest.raises(LibraryDamagedError):
            opened.tags(2)
        assert opened.tags(1).kinds == ()

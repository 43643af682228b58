"""The file of a catalog: what is refused, migrated, or found to be changed behind our back."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from libraries import commit, result, space
from orpheus_fast.errors import LibraryDamagedError, LibraryFormatError, LibraryNotFoundError
from orpheus_fast.library import schema
from orpheus_fast.library.catalog import Catalog
from orpheus_fast.library.changes import CatalogWriter
from orpheus_fast.library.integrity import check_catalog
from orpheus_fast.library.records import Embedding
from orpheus_fast.library.vectors import Appended

if TYPE_CHECKING:
    from pathlib import Path

SMALL = space("small")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "catalog.sqlite"
    CatalogWriter.create(path, created_by="a test")
    return path


def test_a_missing_catalog_is_not_made(tmp_path: Path) -> None:
    for writable in (False, True):
        with pytest.raises(LibraryNotFoundError, match=str(tmp_path)):
            Catalog.open(tmp_path / "catalog.sqlite", writable=writable)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"not a database, but a text that is long enough" * 100, bytes(8192)])
def test_what_is_not_a_catalog_is_refused_with_advice(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    for writable in (False, True):
        with pytest.raises(LibraryDamagedError, match="restore the library") as error:
            Catalog.open(path, writable=writable)
        assert str(path) in str(error.value)
    assert path.read_bytes() == content or not content


def test_another_programs_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "catalog.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE tracks (id)")
    before = path.read_bytes()
    with pytest.raises(LibraryDamagedError, match="not a catalog of orpheus_fast"):
        Catalog.open(path, writable=False)
    assert path.read_bytes() == before


def edit(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def test_a_newer_format_is_refused_by_number_and_left_alone(path: Path) -> None:
    edit(path, "UPDATE meta SET value = '3' WHERE key = 'format_version'", "CREATE TABLE future (x)")
    for writable in (False, True):
        with pytest.raises(LibraryFormatError, match=r"format 3.*formats up to 2.*update orpheus_fast"):
            Catalog.open(path, writable=writable)


@pytest.mark.parametrize("version", ["''", "'0'", "'-1'", "'1.5'", "'x'", f"'{'9' * 5000}'"])
def test_a_format_that_is_no_number_is_damage(path: Path, version: str) -> None:
    edit(path, f"UPDATE meta SET value = {version} WHERE key = 'format_version'")
    with pytest.raises(LibraryDamagedError, match="format"):
        Catalog.open(path, writable=False)


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TRIGGER evil AFTER INSERT ON tracks BEGIN DELETE FROM tracks; END",
        "CREATE VIEW evil AS SELECT * FROM tracks",
        "CREATE TABLE evil (x)",
        "DROP INDEX embeddings_by_row",
        "DROP TRIGGER embedding_removed",
        "ALTER TABLE tracks ADD COLUMN evil TEXT",
    ],
)
def test_a_schema_that_is_not_ours_is_refused(path: Path, statement: str) -> None:
    edit(path, statement)
    with pytest.raises(LibraryDamagedError, match="tables are not those of format 2"):
        Catalog.open(path, writable=True)


def test_an_older_format_is_migrated_by_a_writer_after_a_backup(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with CatalogWriter.open(path, writable=True) as catalog:
        catalog.add_space(SMALL)
        commit(catalog, result("a", SMALL))
    monkeypatch.setattr(schema, "FORMAT_VERSION", 4)
    steps = {2: ("CREATE TABLE second (x INTEGER) STRICT",), 3: ("ALTER TABLE second ADD COLUMN y TEXT",)}
    steps = schema.MIGRATIONS | steps
    monkeypatch.setattr(schema, "MIGRATIONS", steps)
    schema.layout.cache_clear()
    try:
        with pytest.raises(LibraryFormatError, match="older format 2"):
            Catalog.open(path, writable=False)
        with CatalogWriter.open(path, writable=True) as catalog:
            assert catalog.meta()["format_version"] == "4"
            assert catalog.row_tracks(catalog.space("small")).tolist() == [1]
        with Catalog.open(path, writable=False) as catalog:
            assert catalog.n_tracks() == 1
        fresh = path.with_name("fresh.sqlite")
        CatalogWriter.create(fresh, created_by="a test")
        Catalog.open(fresh, writable=False).close()
    finally:
        monkeypatch.undo()
        schema.layout.cache_clear()
    with Catalog.open(path.with_name("catalog.format2.sqlite"), writable=False) as backup:
        assert backup.n_tracks() == 1


def test_a_migration_that_fails_leaves_the_old_format(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(schema, "FORMAT_VERSION", 3)
        patch.setattr(schema, "MIGRATIONS", {2: ("CREATE TABLE second (x)", "this is no statement")})
        with pytest.raises(LibraryDamagedError):
            Catalog.open(path, writable=True)
    with Catalog.open(path, writable=True) as catalog:
        assert catalog.meta()["format_version"] == "2"


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("UPDATE tracks SET path = x'2f78' WHERE id = 1", "track 1"),
        ("UPDATE tracks SET outcome = 'partial' WHERE id = 1", "track 1"),
        ("UPDATE tracks SET missing_since = 5 WHERE id = 1", "track 1"),
        ("UPDATE tracks SET checksum = checksum + 1 WHERE id = 1", "track 1"),
        ("UPDATE tracks SET year = 1991 WHERE id = 1", "track 1"),
        ("UPDATE tracks SET musicbrainz_track_id = 'x' WHERE id = 1", "track 1"),
        ("UPDATE tracks SET tags_version = 0 WHERE id = 1", "track 1"),
        ("INSERT INTO genres VALUES ('polka', 1)", "track 1 is not listed"),
        ("DELETE FROM genres WHERE track_id = 2", "track 2 is not listed"),
        ("UPDATE embeddings SET row = 7 WHERE track_id = 2", "rows of space 'small'"),
        ("UPDATE embeddings SET n_windows = 7 WHERE track_id = 2", "rows of space 'small'"),
        ("UPDATE embeddings SET note = 'other' WHERE track_id = 3", "track 3 of space 'small'"),
        ("UPDATE spaces SET n_live = 1", "rows of space 'small'"),
        ("UPDATE spaces SET n_rows = 3", None),
        ("UPDATE spaces SET dim = 13", "space 'small'"),
        ("UPDATE spaces SET metric = 'l2'", "space 'small'"),
        ("UPDATE spaces SET config = replace(config, '22050', '44100')", "space 'small'"),
        ("UPDATE spaces SET file = '../../secret.npy'", "space 'small'"),
        ("DELETE FROM blocks WHERE block = 0", "block checksums"),
        ("UPDATE meta SET value = 'x' WHERE key = 'generation'", "generation"),
        ("DELETE FROM meta WHERE key = 'library_id'", "missing"),
        ("UPDATE meta SET value = 'me' WHERE key = 'created_by'", "created_by"),
    ],
)
def test_a_value_changed_behind_our_back_is_found(path: Path, statement: str, what: str | None) -> None:
    with CatalogWriter.open(path, writable=True) as catalog:
        catalog.add_space(SMALL)
        noted = result("c", embeddings={"small": Embedding(None, 0, "too short")})
        commit(catalog, result("a", SMALL), result("b", SMALL), noted)
        catalog.commit_batch([], {"small": Appended(2, 2, ((0, 1), (1, 2)))})
    edit(path, statement)
    with Catalog.open(path, writable=False) as catalog:
        findings = check_catalog(catalog)
    if what is None:
        # The row count is proven by the vector file's blocks, not here.
        assert findings == []
    else:
        assert any(what in finding.what for finding in findings), findings

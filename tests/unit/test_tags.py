"""Tags: read from files, kept in the library, shown by what answers questions."""

from __future__ import annotations

import csv
import io
import os
import sqlite3
from contextlib import closing
from dataclasses import FrozenInstanceError
from typing import TYPE_CHECKING

import pytest

import tagged
from cli_process import only_document, run
from orpheus_fast import Library, Limits, Tags, read_tags
from orpheus_fast.errors import DecodeError, LimitError, ParameterError
from orpheus_fast.library.catalog import CATALOG_NAME

if TYPE_CHECKING:
    from pathlib import Path

RECORDING = "f4a31f0a-51dd-4fa7-986d-3095c40c5ed9"


def test_bytes_paths_and_file_objects_give_the_same_tags(tmp_path: Path) -> None:
    data = tagged.wav(tag=tagged.texts(TIT2="Кино", TPE1="AC/DC", TCON="(17)", TYER="1999", TRCK="3/12"))
    path = tmp_path / "a.wav"
    path.write_bytes(data)
    tags = read_tags(path)
    assert read_tags(str(path)) == read_tags(data) == read_tags(io.BytesIO(data)) == tags
    assert (tags.title, tags.artists, tags.genres, tags.year) == ("Кино", ("AC/DC",), ("Rock",), 1999)
    assert (tags.track_number, tags.track_total, tags.stated_seconds) == (3, 12, 1.0)
    assert (tags.kinds, tags.problems) == (("id3v2",), ())
    with pytest.raises(FrozenInstanceError):
        tags.title = "other"  # type: ignore[misc]


def test_every_field_comes_through() -> None:
    comments = [
        b"TITLE=T", b"ARTIST=A feat. B", b"ARTISTS=A", b"ARTISTS=B", b"ALBUM=L", b"ALBUMARTIST=C", b"GENRE=Ambient",
        b"DATE=2003-05-01", b"TRACKNUMBER=1", b"TRACKTOTAL=2", b"DISCNUMBER=3", b"DISCTOTAL=4",
        b"REPLAYGAIN_TRACK_GAIN=-6.5 dB", b"REPLAYGAIN_TRACK_PEAK=0.5", b"REPLAYGAIN_ALBUM_GAIN=+1.25 dB",
        b"REPLAYGAIN_ALBUM_PEAK=0.75",
    ]  # fmt: skip
    names = ("TRACKID", "RELEASETRACKID", "ALBUMID", "RELEASEGROUPID", "ARTISTID", "ALBUMARTISTID")
    ids = {name: f"{n}{RECORDING[1:]}" for n, name in enumerate(names)}
    comments += [f"MUSICBRAINZ_{name}={value}".encode() for name, value in ids.items()]
    assert read_tags(tagged.flac(comments=tagged.vorbis_comments(*comments))) == Tags(
        title="T",
        artist="A feat. B",
        artists=("A", "B"),
        album="L",
        album_artist="C",
        album_artists=("C",),
        genres=("Ambient",),
        date="2003-05-01",
        year=2003,
        track_number=1,
        track_total=2,
        disc_number=3,
        disc_total=4,
        musicbrainz_recording_id=ids["TRACKID"],
        musicbrainz_track_id=ids["RELEASETRACKID"],
        musicbrainz_release_id=ids["ALBUMID"],
        musicbrainz_release_group_id=ids["RELEASEGROUPID"],
        musicbrainz_artist_ids=(ids["ARTISTID"],),
        musicbrainz_album_artist_ids=(ids["ALBUMARTISTID"],),
        track_gain_db=-6.5,
        track_peak=0.5,
        album_gain_db=1.25,
        album_peak=0.75,
        stated_seconds=1.0,
        kinds=("vorbis",),
    )


def test_a_file_without_tags_has_empty_ones() -> None:
    assert read_tags(b"") == read_tags(b"once upon a time") == Tags()


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(DecodeError) as refused:
            read_tags(path)
        assert refused.value.kind == "not_a_file"
    with pytest.raises(FileNotFoundError):
        read_tags(tmp_path / "nothing")
    with pytest.raises(LimitError):
        read_tags(bytes(100), limits=Limits(max_bytes=99))


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """Two tracks with tags, one without, one whose audio cannot be decoded but whose tags can be read."""
    music = tmp_path / "music"
    music.mkdir()
    first = tagged.texts(TIT2="One", TPE1="Band", TALB="Album", TCON="Ambient; Drone", TYER="1991", TRCK="1")
    second = tagged.texts(version=4, TIT2="Two", TPE1="Band\0Guest", TCON="ambient", TDRC="1985-03-02")
    (music / "1.wav").write_bytes(tagged.wav(6.0, seed=1, tag=first))
    (music / "2.wav").write_bytes(tagged.wav(6.0, seed=2, tag=second))
    (music / "3.wav").write_bytes(tagged.wav(6.0, seed=3))
    (music / "4.mp3").write_bytes(tagged.texts(TIT2="Lost") + b"no audio " * 500)
    with Library.create(tmp_path / "x.orpheus") as made:
        # One thread: ids in the order of the names.
        made.index([music], jobs=1)
    return tmp_path / "x.orpheus"


def rows(folder: Path, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(folder / CATALOG_NAME)) as connection:
        return connection.execute(query).fetchall()


def test_indexing_fills_the_catalog_also_where_the_audio_failed(library: Path) -> None:
    stored = rows(library, "SELECT title, artist, genre, year, outcome FROM tracks ORDER BY path")
    assert stored == [
        ("One", "Band", "Ambient; Drone", 1991, "ok"),
        ("Two", "Band; Guest", "ambient", 1985, "ok"),
        (None, None, None, None, "ok"),
        ("Lost", None, None, None, "failed"),
    ]
    with Library.open(library) as opened:
        assert opened.check() == []
        assert opened.tags(2).artists == ("Band", "Guest")
        with pytest.raises(ParameterError, match="no track 99"):
            opened.tags(99)


def test_genres_are_found_in_sql_whatever_their_case(library: Path) -> None:
    query = """
        SELECT title FROM tracks
        WHERE id IN (SELECT track_id FROM genres WHERE genre = 'AMBIENT') AND year >= 1990
    """
    assert rows(library, query) == [("One",)]
    assert rows(library, "SELECT genre FROM genres ORDER BY genre, track_id") == [
        ("Ambient",),
        ("ambient",),
        ("Drone",),
    ]


def test_genres_follow_tags_that_change(library: Path, tmp_path: Path) -> None:
    changed = tagged.wav(6.0, seed=1, tag=tagged.texts(TIT2="One", TCON="Dub"))
    (tmp_path / "music" / "1.wav").write_bytes(changed)
    with Library.open(library) as opened:
        assert opened.index([tmp_path / "music"]).decoded == 1
        assert opened.check() == []
    assert rows(library, "SELECT genre FROM genres WHERE track_id = 1") == [("Dub",)]


def test_hits_carry_tags(library: Path) -> None:
    with Library.open(library) as opened:
        (hit,) = (hit for hit in opened.similar(3) if hit.track_id == 1)
    assert (hit.artist, hit.title, hit.album, hit.genres) == ("Band", "One", "Album", ("Ambient", "Drone"))
    assert (hit.year, hit.track_number, hit.musicbrainz_recording_id) == (1991, 1, None)


def test_similar_and_export_show_tags(library: Path, tmp_path: Path) -> None:
    answer = only_document(run("similar", 3, "--library", library, "--json"))
    (hit,) = (hit for hit in answer["hits"] if hit["track_id"] == 1)
    assert (hit["artist"], hit["album"], hit["genres"], hit["year"]) == ("Band", "Album", ["Ambient", "Drone"], 1991)
    with Library.open(library) as opened:
        opened.export(tmp_path / "x.csv", format="csv")
    with (tmp_path / "x.csv").open(encoding="utf-8", newline="") as file:
        exported = {row["title"]: row for row in csv.DictReader(file)}
    assert exported["Two"]["artist"] == "Band; Guest"
    assert exported["Two"]["date"] == "1985-03-02"
    assert exported["One"]["genre"] == "Ambient; Drone"
    assert float(exported["One"]["stated_seconds"]) == 6.0


def test_tags_that_were_never_read_are_read_without_decoding_again(library: Path, tmp_path: Path) -> None:
    with Library.open(library) as opened:
        store = opened._store.catalog
        tags, vectors = opened.tags(1), opened.vectors()[0].copy()
        assert store.meta()["format_version"] == "2"
    from orpheus_fast.library.records import TRACK_COLUMNS, row_checksum, tag_columns  # noqa: PLC0415 -- for this test
    from orpheus_fast.library.writer import Writer  # noqa: PLC0415

    with Writer.acquire(library) as writer:
        writer.catalog._change_tracks({n: tag_columns(None) for n in (1, 2)})
    assert row_checksum(()) != row_checksum((None,) * len(TRACK_COLUMNS))
    with Library.open(library) as opened:
        assert opened.tags(1) == Tags()
        report = opened.index([tmp_path / "music"])
        assert (report.decoded, report.unchanged) == (0, 4)
        assert opened.tags(1) == tags
        assert (opened.vectors()[0] == vectors).all()
        assert opened.check() == []

"""`orpheus_fast.Library`: index a folder, ask it what sounds like what."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import signals
from orpheus_fast import Library, VectorIndex, decode, features
from orpheus_fast.errors import (
    DecodeError,
    LibraryLockedError,
    LibraryNotFoundError,
    ParameterError,
    RootUnavailableError,
    UnknownSpaceError,
)
from orpheus_fast.library import preview
from orpheus_fast.library.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from orpheus_fast.library import IndexProgress

RATE = 22_050
STYLES = {"low": 110.0, "middle": 440.0, "high": 3000.0}


def tone(hz: float, seed: int, seconds: float = 5.0) -> bytes:
    """A pulsing tone with a little noise: tracks of one pitch are each other's neighbours."""
    steady = signals.sine(hz * (1 + 0.01 * seed), seconds, sample_rate=RATE)
    pulse = 1 + signals.sine(2.0, seconds, sample_rate=RATE)
    return signals.wav_bytes(steady * pulse / 2 + signals.noise(seconds, seed=seed, sample_rate=RATE) / 50, RATE, "s16")


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("music")
    for name, hz in STYLES.items():
        (folder / name).mkdir()
        for seed in range(4):
            (folder / name / f"{seed}.wav").write_bytes(tone(hz, seed))
    (folder / "broken.mp3").write_bytes(b"once upon a time " * 50)
    (folder / "cut.wav").write_bytes(tone(440.0, 9)[:150_000])
    (folder / "notes.txt").write_text("not music")
    return folder


@pytest.fixture(scope="module")
def indexed(music: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    with Library.create(tmp_path_factory.mktemp("library")) as library:
        library.index([music])
        yield library


def test_every_found_file_has_an_outcome(music: Path, tmp_path: Path) -> None:
    with Library.create(tmp_path / "library") as library:
        report = library.index([music])
        assert (report.found, report.decoded, report.unchanged) == (14, 14, 0)
        assert report.outcomes == {"ok": 12, "partial": 1, "failed": 1}
        assert report.kinds == {"not_audio": 1, "damaged": 1}
        assert report.ignored == {"other-extension": 1}
        assert report.audio_seconds == pytest.approx(12 * 5.0 + 3.4, abs=0.1)
        troubles = {trouble.path: trouble for trouble in library.troubles()}
        assert troubles[str(music / "broken.mp3")].message == "not audio: the file is text"
        assert troubles[str(music / "cut.wav")].seconds_lost == pytest.approx(1.6, abs=0.1)


def test_a_second_run_decodes_nothing(music: Path, tmp_path: Path) -> None:
    with Library.create(tmp_path / "library") as library:
        first = library.index([music])
        second = library.index([music])
        assert (second.decoded, second.unchanged) == (0, 14)
        assert (second.outcomes, second.kinds) == (first.outcomes, first.kinds)


def test_only_new_and_changed_files_are_decoded(tmp_path: Path) -> None:
    music = tmp_path / "music"
    music.mkdir()
    for seed in range(3):
        (music / f"{seed}.wav").write_bytes(tone(440, seed))
    with Library.create(tmp_path / "library") as library:
        library.index([music])
        (music / "1.wav").write_bytes(tone(880, 7))
        (music / "3.wav").write_bytes(tone(440, 3))
        report = library.index([music])
        assert (report.decoded, report.unchanged) == (2, 2)
        vectors, track_ids = library.vectors()
        assert (len(vectors), sorted(track_ids.tolist())) == (5, [-1, 1, 2, 3, 4])


def test_failed_files_are_tried_again_only_when_asked(music: Path, tmp_path: Path) -> None:
    with Library.create(tmp_path / "library") as library:
        library.index([music])
        assert library.index([music]).decoded == 0
        assert library.index([music], retry_failed=True).decoded == 1


def test_the_vector_is_that_of_the_tracks_windows(music: Path, indexed: Library) -> None:
    samples = decode(music / "low" / "0.wav", sample_rate=RATE, mono=True).samples[0]
    expected = features.sound_vector(samples, sample_rate=RATE)
    vectors, track_ids = indexed.vectors()
    track = indexed.similar(music / "low" / "1.wav", k=3)
    row = {hit.path: hit.track_id for hit in track}[str(music / "low" / "0.wav")]
    np.testing.assert_array_equal(vectors[track_ids.tolist().index(row)], expected)


@pytest.mark.parametrize("style", STYLES)
def test_neighbours_are_those_that_sound_alike(indexed: Library, music: Path, style: str) -> None:
    hits = indexed.similar(music / style / "0.wav", k=3)
    assert {hit.path for hit in hits} == {str(music / style / f"{seed}.wav") for seed in (1, 2, 3)}
    scores = [hit.score for hit in hits]
    assert scores == sorted(scores, reverse=True)
    assert all(-1.0 <= score <= 1.0 for score in scores)


def test_an_id_a_path_and_a_file_outside_ask_the_same(indexed: Library, music: Path, tmp_path: Path) -> None:
    stranger = tmp_path / "stranger.wav"
    stranger.write_bytes((music / "high" / "2.wav").read_bytes())
    (first, *_) = indexed.similar(stranger, k=1)
    assert first.path == str(music / "high" / "2.wav")
    assert first.score == pytest.approx(1.0, abs=1e-5)
    by_path = indexed.similar(music / "high" / "2.wav", k=5)
    assert indexed.similar(first.track_id, k=5) == by_path
    assert indexed.similar(str(first.track_id), k=5) == by_path


def test_a_blend_leaves_its_own_tracks_out(indexed: Library, music: Path) -> None:
    low, high = music / "low" / "0.wav", music / "high" / "0.wav"
    hits = indexed.similar([("+", low), ("+", high)], k=20)
    paths = [hit.path for hit in hits]
    assert not {str(low), str(high)} & set(paths)
    assert len(paths) == 11
    away = indexed.similar([("+", music / "middle" / "0.wav"), ("-", low)], k=20)
    assert away[-1].path.startswith(str(music / "low"))


@pytest.mark.parametrize(
    ("query", "k", "error", "message"),
    [
        (0, 10, ParameterError, "no track 0"),
        (1, 0, ParameterError, "k is 0"),
        (10**30, 10, ParameterError, "no track"),
        ([], 10, ParameterError, "names no track"),
        ([("-", 1)], 10, ParameterError, "names no track"),
        ([("+", 1), ("*", 2)], 10, ParameterError, "sign is"),
        ("/nowhere/at/all.flac", 10, FileNotFoundError, "No such file"),
    ],
)
def test_bad_queries_are_refused(indexed: Library, query: Any, k: int, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        indexed.similar(query, k)


def test_a_query_that_cannot_be_decoded_says_why(indexed: Library, music: Path, tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="the file is text"):
        indexed.similar(music / "broken.mp3")
    other = tmp_path / "other.mp3"
    other.write_bytes(b"no audio at all")
    with pytest.raises(DecodeError, match="not audio"):
        indexed.similar(other)


def test_unknown_spaces_are_named(indexed: Library, music: Path) -> None:
    with pytest.raises(UnknownSpaceError, match=r"no space 'opera' in library .*: it has sound"):
        indexed.similar(1, space="opera")
    with pytest.raises(UnknownSpaceError, match="unknown space 'opera'"):
        indexed.index([music], spaces=["opera"])


def test_a_further_space_is_added_from_one_decode(music: Path, tmp_path: Path) -> None:
    with Library.create(tmp_path / "library") as library:
        library.index([music], spaces=["classical"])
        report = library.index([music], spaces=["classical", "classical33"])
        assert (report.decoded, report.unchanged) == (13, 1)
        assert library.vectors("classical")[0].shape == (13, 44)
        assert library.vectors("classical33")[0].shape == (13, 33)
        np.testing.assert_array_equal(
            np.sort(library.vectors("classical")[0][:, 0]), np.sort(library.vectors("classical33")[0][:, 0])
        )


def test_a_file_that_vanished_is_missing_and_keeps_its_vector(tmp_path: Path) -> None:
    music = tmp_path / "music"
    music.mkdir()
    for seed in range(3):
        (music / f"{seed}.wav").write_bytes(tone(440, seed))
    with Library.create(tmp_path / "library") as library:
        library.index([music])
        hidden = (music / "1.wav").rename(tmp_path / "hidden.wav")
        assert library.index([music]).missing == 1
        assert library.info().n_missing == 1
        assert [trouble.missing for trouble in library.troubles()] == [True]
        hidden.rename(music / "1.wav")
        report = library.index([music])
        assert (report.missing, report.decoded, library.info().n_missing) == (0, 0, 0)


def test_a_root_that_vanished_stops_the_run_by_name(tmp_path: Path) -> None:
    music = tmp_path / "music"
    music.mkdir()
    (music / "0.wav").write_bytes(tone(440, 0))
    with Library.create(tmp_path / "library") as library:
        library.index([music])
        music.rename(tmp_path / "elsewhere")
        with pytest.raises(RootUnavailableError, match="is it mounted"):
            library.index([music])
        assert library.info().n_missing == 0


def test_a_root_that_lost_most_of_its_tracks_stops_the_run_until_the_losses_are_accepted(tmp_path: Path) -> None:
    music = tmp_path / "music"
    music.mkdir()
    for seed in range(24):
        (music / f"{seed}.wav").write_bytes(tone(440, seed, 0.5))
    with Library.create(tmp_path / "library") as library:
        library.index([music])
        for seed in range(20):
            (music / f"{seed}.wav").unlink()
        with pytest.raises(RootUnavailableError, match="20 of 24 known tracks"):
            library.index([music])
        assert library.info().n_missing == 0
        assert library.index([music], accept_losses=True).missing == 20
        assert library.info().n_tracks == 24


def test_a_dry_run_changes_nothing(music: Path, tmp_path: Path) -> None:
    report = preview(tmp_path / "library", [music])
    assert (report.found, report.outcomes["pending"], report.decoded) == (14, 14, 0)
    assert not (tmp_path / "library").exists()
    with Library.create(tmp_path / "library") as library:
        assert library.index([music], dry_run=True).outcomes["pending"] == 14
        assert library.info().n_tracks == 0


def test_progress_reaches_the_total(music: Path, tmp_path: Path) -> None:
    seen: list[IndexProgress] = []
    with Library.create(tmp_path / "library") as library:
        library.index([music], progress=seen.append)
    assert seen[0].stage == "scan"
    assert (seen[-1].stage, seen[-1].n_done, seen[-1].n_total, seen[-1].n_failed) == ("decode", 14, 14, 1)


def test_a_second_writer_is_refused_by_name(music: Path, tmp_path: Path) -> None:
    with Library.create(tmp_path / "library") as library, Writer.acquire(tmp_path / "library"):
        with pytest.raises(LibraryLockedError, match=str(os.getpid())):
            library.index([music])
        assert library.info().n_tracks == 0


def test_readers_see_a_commit_when_they_ask_again(music: Path, tmp_path: Path) -> None:
    with Library.create(tmp_path / "library") as writer, Library.open(tmp_path / "library") as reader:
        writer.index([music / "low"])
        assert len(reader.similar(music / "low" / "0.wav")) == 3
        writer.index([music])
        assert len(reader.similar(music / "low" / "0.wav", k=50)) == 12


def test_threads_may_ask_at_once(indexed: Library, music: Path) -> None:
    expected = indexed.similar(music / "low" / "0.wav", k=5)
    answers: list[Any] = []
    threads = [
        threading.Thread(
            target=lambda: answers.extend(indexed.similar(music / "low" / "0.wav", k=5) for _ in range(20))
        )
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 160
    assert all(answer == expected for answer in answers)


def test_faiss_finds_the_same_neighbours_in_the_export(indexed: Library, tmp_path: Path) -> None:
    faiss = pytest.importorskip("faiss")
    path, table = indexed.export(tmp_path / "music.faiss", format="faiss")
    lines = table.read_text(encoding="utf-8").splitlines()[1:]
    ids = [int(line.split(",")[1]) for line in lines]
    theirs, ours = faiss.read_index(str(path)), VectorIndex.open(path)
    for row, track_id in enumerate(ids):
        query = theirs.reconstruct(row)
        _, found = theirs.search(query[None], 5)
        assert found[0].tolist() == ours.search(query, k=5).ids.tolist()
        assert [ids[n] for n in found[0] if ids[n] != track_id][:4] == [
            hit.track_id for hit in indexed.similar(track_id, k=4)
        ]


def test_npy_and_csv_exports_hold_the_stored_vectors(indexed: Library, tmp_path: Path) -> None:
    path, _ = indexed.export(tmp_path / "music.npy", format="npy")
    np.testing.assert_array_equal(np.load(path), indexed.vectors()[0])
    (table,) = indexed.export(tmp_path / "tracks.csv", format="csv")
    assert len(table.read_text(encoding="utf-8").splitlines()) == 15
    with pytest.raises(FileExistsError):
        indexed.export(tmp_path / "tracks.csv", format="csv")


def test_there_is_no_library_where_there_is_none(tmp_path: Path) -> None:
    with pytest.raises(LibraryNotFoundError, match="no library at"):
        Library.open(tmp_path)


INTERRUPTED = textwrap.dedent(
    """
    import sys
    from orpheus_fast import Library
    from orpheus_fast.library import indexer

    indexer._BATCH_TRACKS = 3
    with Library.open_or_create(sys.argv[1]) as library:
        print("ready", flush=True)
        report = library.index([sys.argv[2]], jobs=1, progress=lambda p: print(p.n_done, flush=True))
        print("interrupted" if report.interrupted else "done", report.decoded, flush=True)
    """
)


def start(library: Path, music: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, str(library), str(music)], stdout=subprocess.PIPE, text=True
    )


@pytest.fixture(scope="module")
def album(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("album")
    for seed in range(60):
        (folder / f"{seed:02}.wav").write_bytes(tone(200 + 20 * seed, seed, 20.0))
    return folder


def assert_whole(library: Path, album: Path) -> None:
    """Nothing is lost and nothing there twice."""
    with Library.open(library) as opened:
        assert opened.check() == []
        assert opened.info().outcomes == {"ok": 60}
        vectors, track_ids = opened.vectors()
        live = track_ids[track_ids >= 0]
        assert sorted(live.tolist()) == sorted(set(live.tolist()))
        assert len(live) == 60
        assert np.isfinite(vectors[track_ids >= 0]).all()
        hits = opened.similar(album / "30.wav", k=100)
        assert len({hit.path for hit in hits}) == len(hits) == 59


def test_kill_in_the_middle_loses_nothing_committed_and_doubles_nothing(album: Path, tmp_path: Path) -> None:
    library = tmp_path / "library"
    committed = 0
    for n_done in (2, 5, 9, 14, 20, 27):
        process = start(library, album)
        assert process.stdout is not None
        for line in process.stdout:
            if line.strip().isdecimal() and int(line) >= n_done:
                break
        process.kill()
        process.wait()
        process.stdout.close()
        with Library.open(library) as opened:
            assert opened.check() == [] or all(damage.mends_itself for damage in opened.check())
            assert opened.info().n_tracks >= committed
            committed = opened.info().n_tracks
    with Library.open(library) as opened:
        report = opened.index([album])
        assert report.decoded == 60 - committed
    assert_whole(library, album)


def test_an_interruption_commits_what_is_finished(album: Path, tmp_path: Path) -> None:
    library = tmp_path / "library"
    process = start(library, album)
    assert process.stdout is not None
    for line in process.stdout:
        if line.strip().isdecimal() and int(line) >= 4:
            break
    process.send_signal(signal.SIGINT)
    try:
        printed, _ = process.communicate(timeout=30)
    finally:
        process.kill()
    last = printed.splitlines()[-1].split()
    assert process.returncode == 0
    assert last[0] == "interrupted"
    with Library.open(library) as opened:
        assert opened.info().n_tracks == int(last[1]) >= 4
        assert opened.index([album]).decoded == 60 - int(last[1])
    assert_whole(library, album)

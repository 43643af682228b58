"""The command line as a process: results, exit codes, one line for every mistake."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cli_process import ODD_NAME, PROGRAM, assert_refused, make_music, only_document, run, tone
from orpheus_fast.library.lock import WriterLock

if TYPE_CHECKING:
    pass

HEAVY = ("numpy", "orpheus_fast._native", "orpheus_fast.library", "torch", "faiss", "sklearn", "rich.table")


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_music(tmp_path_factory.mktemp("music"))


@pytest.fixture(scope="module")
def library(music: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("library") / "music.orpheus"
    done = run("index", music, "--library", folder, "--json")
    assert done.returncode == 1, done.stderr
    return folder


# Imports.


@pytest.mark.parametrize("code", ["import orpheus_fast.cli", "from orpheus_fast.cli.app import run; run(['--help'])"])
def test_help_imports_nothing_heavy(code: str) -> None:
    check = f"import sys; {code}; print([name for name in {HEAVY} if name in sys.modules], file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stderr == "[]\n"


# The main path, and JSON that is one document.


def test_every_file_has_an_outcome_and_a_second_run_decodes_nothing(music: Path, tmp_path: Path) -> None:
    first = run("index", music, "--library", tmp_path / "x", "--json")
    assert first.returncode == 1
    report = only_document(first)
    assert report["found"] == report["decoded"] == sum(report["outcomes"].values()) == 8
    assert report["outcomes"]["failed"] == 1
    second = run("index", music, "--library", tmp_path / "x", "--json")
    assert second.returncode == 1
    assert only_document(second)["decoded"] == 0
    assert only_document(second)["unchanged"] == 8


def test_a_dry_run_leaves_no_trace(music: Path, tmp_path: Path) -> None:
    done = run("index", music, "--library", tmp_path / "x", "--dry-run", "--json")
    assert done.returncode == 0
    assert only_document(done)["outcomes"]["pending"] == 8
    assert list(tmp_path.iterdir()) == []


def test_neighbours_are_named_on_standard_output(music: Path, library: Path) -> None:
    done = run("similar", music / "tone 2.wav", "-k", "3", "--library", library)
    assert done.returncode == 0
    assert done.stderr == ""
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert [row[0] for row in rows] == ["1", "2", "3"]
    assert all(row[4].startswith(str(music)) for row in rows)
    scores = [float(row[1]) for row in rows]
    assert scores == sorted(scores, reverse=True)


def test_a_file_outside_the_library_finds_the_track_that_it_is(music: Path, library: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.wav"
    copy.write_bytes((music / "tone 2.wav").read_bytes())
    done = run("similar", copy, "-k", "1", "--library", library, "--json")
    assert done.returncode == 0, done.stderr
    (hit,) = only_document(done)["hits"]
    assert hit["path"] == str(music / "tone 2.wav")
    assert hit["score"] == pytest.approx(1.0, abs=1e-5)


def test_a_path_that_is_no_text_comes_with_its_bytes(music: Path, library: Path) -> None:
    done = run("similar", music / "tone 2.wav", "--library", library, "--json")
    hits = only_document(done)["hits"]
    odd = [hit for hit in hits if "path_bytes_hex" in hit]
    assert [bytes.fromhex(hit["path_bytes_hex"]) for hit in odd] == [os.fsencode(music) + b"/" + ODD_NAME]
    assert odd[0]["path"] == f"{music}/caf\\xe9.wav"
    # And the shell can hand such a name over.
    again = subprocess.run(
        [
            *map(os.fsencode, PROGRAM),
            b"similar",
            os.fsencode(music) + b"/" + ODD_NAME,
            b"--library",
            os.fsencode(library),
        ],
        capture_output=True,
        check=False,
    )
    assert again.returncode == 0, again.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["info"],
        ["report"],
        ["check"],
        ["doctor"],
        ["similar", "3"],
        ["similar", "3", "+", "4", "-", "5"],
        ["similar", "1000000"],
        ["similar", "1", "--space", "nonsense"],
        ["similar", "1", "-k", "0"],
        ["export", "/nowhere/at/all.npy"],
        ["evaluate", "/nowhere/at/all.csv"],
    ],
)
def test_json_is_one_document_whatever_happens(arguments: list[str], library: Path) -> None:
    done = run(*arguments, "--library", library, "--json")
    document = only_document(done)
    assert document["schema"] == 1
    assert document["kind"] == ("error" if done.returncode else arguments[0])
    assert len(done.stderr.splitlines()) == (1 if done.returncode else 0)


def test_the_report_names_the_file_that_failed(library: Path) -> None:
    done = run("report", "--library", library, "--json")
    assert done.returncode == 0
    (track,) = only_document(done)["tracks"]
    assert track["path"].endswith("broken.mp3")
    assert track["outcome"] == "failed"
    assert track["kind"]
    assert track["message"]


@pytest.mark.parametrize("name", ["tracks.csv", "vectors.npy", "index.faiss"])
def test_an_export_says_what_it_wrote_and_overwrites_only_when_told(name: str, library: Path, tmp_path: Path) -> None:
    done = run("export", tmp_path / name, "--library", library)
    assert done.returncode == 0, done.stderr
    assert str(tmp_path / name) in done.stdout.splitlines()
    assert sorted(done.stdout.splitlines()) == sorted(str(path) for path in tmp_path.iterdir())
    assert_refused(run("export", tmp_path / name, "--library", library), 2, name, "--overwrite")
    assert run("export", tmp_path / name, "--library", library, "--overwrite").returncode == 0


def test_an_untouched_library_passes_the_check(library: Path) -> None:
    done = run("check", "--library", library)
    assert (done.returncode, done.stderr) == (0, "")


# One line for every mistake.


def test_a_missing_folder_is_refused_and_no_library_made(tmp_path: Path) -> None:
    done = run("index", tmp_path / "nowhere", "--library", tmp_path / "x")
    assert_refused(done, 2, "nowhere", "does not exist")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_without_audio_is_told(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "notes.txt").write_text("no music")
    done = run("index", tmp_path / "empty", "--library", tmp_path / "x")
    assert_refused(done, 1, "no audio found", "empty", "1 other file")


def test_a_file_that_is_no_audio_is_refused_as_a_query(library: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.mp3").write_bytes(b"\0" * 5000)
    assert_refused(run("similar", tmp_path / "bad.mp3", "--library", library), 1, "bad.mp3")


def test_a_query_that_is_nowhere_is_refused(library: Path) -> None:
    assert_refused(run("similar", "gone.mp3", "--library", library), 2, "gone.mp3", "does not exist")
    assert_refused(run("similar", "999999", "--library", library), 2, "999999")


def test_a_track_without_a_vector_is_refused_as_a_query(music: Path, library: Path) -> None:
    assert_refused(run("similar", music / "broken.mp3", "--library", library), 2, "broken.mp3")


@pytest.mark.parametrize("arguments", [["similar", "1"], ["export", "x.npy"]])
def test_an_unknown_space_is_refused(arguments: list[str], library: Path) -> None:
    assert_refused(run(*arguments, "--space", "nonsense", "--library", library), 2, "nonsense", "sound")


def test_indexing_into_an_unknown_space_makes_no_library(music: Path, tmp_path: Path) -> None:
    done = run("index", music, "--library", tmp_path / "x", "--space", "nonsense")
    assert_refused(done, 2, "nonsense", "classical")
    assert list(tmp_path.iterdir()) == []


def test_k_below_one_is_refused(library: Path) -> None:
    assert_refused(run("similar", "1", "-k", "0", "--library", library), 2, "'0'", "from 1")


@pytest.mark.parametrize(
    "arguments", [["info"], ["similar", "1"], ["report"], ["check"], ["export", "x.npy"], ["evaluate", "x.csv"]]
)
def test_a_library_that_is_not_there_is_told(arguments: list[str], tmp_path: Path) -> None:
    assert_refused(run(*arguments, "--library", tmp_path / "x"), 3, str(tmp_path / "x"), "orpheus index")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_music_is_no_library_and_stays_as_it_is(music: Path) -> None:
    before = sorted(music.iterdir())
    assert_refused(run("info", "--library", music), 3, str(music))
    assert_refused(run("index", music, "--library", music), 3, str(music))
    assert sorted(music.iterdir()) == before


def test_a_library_that_another_process_is_writing_is_told(music: Path, library: Path) -> None:
    with WriterLock.acquire(library):
        assert_refused(run("index", music, "--library", library), 3, str(os.getpid()), "being written")
        assert run("info", "--library", library).returncode == 0


def test_waiting_for_the_other_writer_has_an_end(music: Path, library: Path) -> None:
    with WriterLock.acquire(library):
        assert_refused(run("index", music, "--library", library, "--wait", "0.3"), 3, "waited 0.3 s")


@pytest.mark.parametrize("what", [b"", b"not a database at all, but long enough to look like one" * 100])
@pytest.mark.parametrize("arguments", [["info"], ["similar", "1"], ["index", "."], ["check"]])
def test_a_corrupt_catalog_is_told(what: bytes, arguments: list[str], tmp_path: Path) -> None:
    folder = tmp_path / "x"
    (folder / "vectors").mkdir(parents=True)
    (folder / "vectors" / "classical.npy").write_bytes(b"\x93NUMPY")
    (folder / "catalog.sqlite").write_bytes(what)
    done = run(*arguments, "--library", folder, cwd=tmp_path)
    assert_refused(done, 3, str(folder))


def test_a_flipped_bit_in_the_vectors_is_found(music: Path, tmp_path: Path) -> None:
    folder = tmp_path / "x"
    run("index", music, "--library", folder)
    (vectors,) = (folder / "vectors").glob("*.npy")
    data = bytearray(vectors.read_bytes())
    data[-1] ^= 1
    vectors.write_bytes(data)
    done = run("check", "--library", folder, "--json")
    assert done.returncode == 3
    document = only_document(done)
    assert document["sound"] is False
    assert document["findings"][0]["track_ids"]
    assert len(done.stderr.splitlines()) == 1


# The demo.


def test_the_demo_finds_neighbours_in_music_that_it_makes(tmp_path: Path) -> None:
    done = run("demo", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    document = only_document(done)
    assert document["index"]["outcomes"] == {"ok": 32, "partial": 0, "failed": 0}
    # By chance it would be 0.1; the sound space gets nearly 1.
    assert document["same_style_by_chance"] == pytest.approx(3 / 31)
    assert document["same_style_share"] > 0.8
    again = run("demo", cwd=tmp_path)
    assert again.returncode == 0
    assert "nothing to decode" in again.stdout
    commands = [line.strip() for line in again.stdout.partition("Try next:")[2].splitlines() if line.strip()]
    assert [command.split()[1] for command in commands] == ["similar", "info", "index"]
    for command in commands[:2]:
        assert run(*shlex.split(command)[1:], cwd=tmp_path).returncode == 0
    assert [path.name for path in tmp_path.iterdir()] == ["orpheus-demo"]


def test_the_demo_takes_other_music_and_leaves_it_as_it_is(music: Path, tmp_path: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in music.iterdir()}
    done = run("demo", "--music", music, "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert "tone 0.wav" in done.stdout
    assert "1 file could not be played" in done.stderr
    assert {path: path.stat().st_mtime_ns for path in music.iterdir()} == before


def test_the_demo_needs_two_tracks(tmp_path: Path) -> None:
    (tmp_path / "music").mkdir()
    (tmp_path / "music" / "a.wav").write_bytes(tone(300.0))
    assert_refused(run("demo", "--music", tmp_path / "music", "--out", tmp_path), 1, "fewer than two")
    assert_refused(run("demo", "--music", tmp_path / "gone", "--out", tmp_path / "o"), 2, "gone", "does not exist")
    assert not (tmp_path / "o").exists()

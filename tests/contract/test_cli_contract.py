"""The command line as a process: exit codes, streams, one line for every mistake, signals."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

import signals
from orpheus_fast.library.lock import WriterLock

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = [sys.executable, "-m", "orpheus_fast"]
HEAVY = ("numpy", "orpheus_fast._native", "orpheus_fast.library", "torch", "faiss", "sklearn", "rich.table")
RATE = 8000
N_LONG = 40
ODD_NAME = b"caf\xe9.wav"


def run(*arguments: object, **options: Any) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ORPHEUS_")}
    environment |= options.pop("env", {})
    words = [os.fspath(word) if isinstance(word, os.PathLike) else str(word) for word in arguments]
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "timeout": 120, **options}
    return subprocess.run([*PROGRAM, *words], env=environment, text=True, check=False, **options)


def only_document(done: subprocess.CompletedProcess[str]) -> Any:
    return json.loads(done.stdout)


def assert_refused(done: subprocess.CompletedProcess[str], exit_code: int, *words: str) -> None:
    """One line on standard error that holds `words`, nothing on standard output."""
    assert done.returncode == exit_code, done.stderr
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in done.stderr


def tone(hz: float, seconds: float = 6.0) -> bytes:
    return signals.wav_bytes(signals.sine(hz, seconds, sample_rate=RATE), RATE)


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seven sound files, one of them with a name that is no text, and one that only says that it is one."""
    folder = tmp_path_factory.mktemp("music")
    for number in range(6):
        (folder / f"tone {number}.wav").write_bytes(tone(220.0 * 2 ** (number / 6)))
    with open(os.fsencode(folder) + b"/" + ODD_NAME, "wb") as file:  # noqa: PTH123 -- a name in bytes
        file.write(tone(500.0))
    (folder / "broken.mp3").write_bytes(b"\0" * 5000)
    (folder / "cover.jpg").write_bytes(b"\xff\xd8\xff")
    return folder


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
    assert_refused(run(*arguments, "--space", "nonsense", "--library", library), 2, "nonsense", "classical")


def test_indexing_into_an_unknown_space_makes_no_library(music: Path, tmp_path: Path) -> None:
    done = run("index", music, "--library", tmp_path / "x", "--space", "nonsense")
    assert_refused(done, 2, "nonsense", "classical")
    assert list(tmp_path.iterdir()) == []


def test_k_below_one_is_refused(library: Path) -> None:
    assert_refused(run("similar", "1", "-k", "0", "--library", library), 2, "'0'", "from 1")


@pytest.mark.parametrize("arguments", [["info"], ["similar", "1"], ["report"], ["check"], ["export", "x.npy"]])
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


# Streams.


def test_who_stops_reading_the_results_hears_no_complaint(library: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = run("similar", "3", "--library", library, stdout=writing)
    os.close(writing)
    assert done.stderr == ""
    assert done.returncode == 141


def test_results_that_cannot_be_written_are_an_error(library: Path) -> None:
    with open("/dev/full", "w") as full:  # noqa: PTH123 -- a device
        done = run("info", "--library", library, stdout=full)
    assert done.returncode not in (0, 1)
    assert len(done.stderr.splitlines()) == 1
    assert "No space left" in done.stderr


@pytest.mark.parametrize("closed", ["2>&-", ">&-", "<&- >&- 2>&-"])
def test_closed_streams_harm_neither_the_command_nor_the_library(closed: str, music: Path, tmp_path: Path) -> None:
    library = tmp_path / "x"
    words = [*PROGRAM, "index", str(music), "--library", str(library)]
    done = subprocess.run(["/bin/sh", "-c", f'"$@" {closed}', "sh", *words], capture_output=True, check=False)
    assert done.returncode == 1
    assert run("check", "--library", library).returncode == 0
    assert json.loads(run("info", "--library", library, "--json").stdout)["n_tracks"] == 8


def test_a_terminal_of_few_characters_gets_the_others_escaped(tmp_path: Path) -> None:
    folder = tmp_path / "Möwe 🎵"
    folder.mkdir()
    (folder / "a.wav").write_bytes(tone(300.0))
    (folder / "b.wav").write_bytes(tone(400.0))
    latin = {"env": {"PYTHONIOENCODING": "iso-8859-1"}, "encoding": "iso-8859-1"}
    assert run("index", folder, "--library", tmp_path / "x", **latin).returncode == 0
    done = run("similar", folder / "a.wav", "--library", tmp_path / "x", **latin)
    assert done.returncode == 0
    assert "Möwe \\U0001f3b5/b.wav" in done.stdout


def test_on_a_terminal_a_live_line_shows_the_progress_and_the_cursor_comes_back(music: Path, tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    environment = {"TERM": "xterm", "COLUMNS": "120"}
    done = run("index", music, "--library", tmp_path / "x", stderr=theirs, env=environment)
    os.close(theirs)
    seen = b""
    # On Linux a terminal without a writer is an error to its reader.
    with contextlib.suppress(OSError):
        while chunk := os.read(ours, 65536):
            seen += chunk
    os.close(ours)
    assert done.returncode == 1
    assert b"indexing" in seen
    assert b"8/8" in seen
    assert seen.rindex(b"\x1b[?25h") > seen.rindex(b"\x1b[?25l")
    assert b"indexing" not in done.stdout.encode()


def test_the_module_and_the_program_are_the_same() -> None:
    done = run("--version")
    assert done.returncode == 0
    assert done.stdout.startswith("orpheus ")


def test_the_shell_completes_commands_options_and_spaces() -> None:
    def complete(line: str) -> list[str]:
        words = line.split(" ")
        environment = {
            "_ORPHEUS_COMPLETE": "bash_complete",
            "COMP_WORDS": line,
            "COMP_CWORD": str(len(words) - 1),
        }
        return [answer.partition(",")[2] for answer in run(env=environment).stdout.splitlines()]

    assert complete("orpheus si") == ["similar"]
    assert "--retry-failed" in complete("orpheus index --re")
    assert "classical" in complete("orpheus similar --space cl")


# Signals.


@pytest.fixture(scope="module")
def long_music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """More sound than is decoded in the second before a signal comes; silence, in files that take no room."""
    folder = tmp_path_factory.mktemp("long")
    n_samples = 600 * RATE
    data = signals.wav_bytes(signals.silence(0.0, sample_rate=RATE), RATE, "s16")
    sizes = {data.index(b"RIFF") + 4: len(data) - 8 + 2 * n_samples, data.index(b"data") + 4: 2 * n_samples}
    header = bytearray(data)
    for place, size in sizes.items():
        header[place : place + 4] = size.to_bytes(4, "little")
    for number in range(N_LONG):
        with (folder / f"{number}.wav").open("wb") as file:
            file.write(header)
            file.truncate(len(header) + 2 * n_samples)
    return folder


def start(music: Path, library: Path) -> subprocess.Popen[str]:
    words = [*PROGRAM, "index", str(music), "--library", str(library), "--jobs", "1", "--json"]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not (library / "catalog.sqlite").exists():
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.01)
    time.sleep(0.7)
    return process


@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 143)])
def test_a_signal_commits_what_is_finished(number: int, exit_code: int, long_music: Path, tmp_path: Path) -> None:
    library = tmp_path / "x"
    process = start(long_music, library)
    process.send_signal(number)
    sent = time.monotonic()
    out, err = process.communicate(timeout=30)
    assert time.monotonic() - sent < 5.0
    assert process.returncode == exit_code, err
    assert len(err.splitlines()) == 1
    report = json.loads(out)
    assert report["interrupted"] is True
    assert 0 < report["outcomes"]["pending"] < N_LONG
    n_done = N_LONG - report["outcomes"]["pending"]
    assert only_document(run("info", "--library", library, "--json"))["n_tracks"] == n_done
    assert run("check", "--library", library).returncode == 0
    if number == signal.SIGINT:
        again = only_document(run("index", long_music, "--library", library, "--json"))
        assert again["unchanged"] == n_done
        assert again["outcomes"] == {"ok": N_LONG, "partial": 0, "failed": 0}


def test_a_second_signal_ends_at_once_and_loses_nothing_committed(long_music: Path, tmp_path: Path) -> None:
    library = tmp_path / "x"
    process = start(long_music, library)
    process.send_signal(signal.SIGINT)
    time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    sent = time.monotonic()
    _, err = process.communicate(timeout=30)
    assert time.monotonic() - sent < 2.0
    # Killed by the signal, which a shell shows as 130, or just done with the orderly end.
    assert process.returncode in (-signal.SIGINT, 130)
    assert "Traceback" not in err
    assert run("check", "--library", library).returncode == 0


def test_a_hangup_that_is_ignored_stops_nothing(music: Path, tmp_path: Path) -> None:
    words = [*PROGRAM, "index", str(music), "--library", str(tmp_path / "x"), "--quiet"]
    process = subprocess.Popen(
        ["/bin/sh", "-c", 'trap "" HUP; exec "$@"', "sh", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    time.sleep(0.3)
    process.send_signal(signal.SIGHUP)
    process.communicate(timeout=60)
    assert process.returncode == 1

"""The command line among other processes: streams that close or are full, terminals, signals."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import signals
from cli_process import PROGRAM, RATE, make_music, only_document, run, tone

if TYPE_CHECKING:
    from collections.abc import Callable

N_LONG = 40


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_music(tmp_path_factory.mktemp("music"))


@pytest.fixture(scope="module")
def library(music: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("library") / "music.orpheus"
    done = run("index", music, "--library", folder, "--json")
    assert done.returncode == 1, done.stderr
    return folder


# Streams.


def test_who_stops_reading_the_results_hears_no_complaint(library: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = run("similar", "3", "--library", library, stdout=writing)
    os.close(writing)
    assert done.stderr == ""
    assert done.returncode == 141


@pytest.mark.parametrize("arguments", [["info"], ["info", "--json"], ["similar", "3"], ["similar", "zzz", "--json"]])
def test_results_that_cannot_be_written_are_an_error(arguments: list[str], library: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = run(*arguments, stdout=full, env={"ORPHEUS_LIBRARY": str(library)})
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert "Traceback" not in done.stderr
    assert ("No space left" in done.stderr) != ("zzz" in arguments)


@pytest.mark.parametrize("closed", ["2>&-", ">&-", "<&- >&- 2>&-"])
def test_closed_streams_harm_neither_the_command_nor_the_library(closed: str, tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(tone(300.0))
    library = tmp_path / "x"
    words = [*PROGRAM, "index", str(tmp_path / "a.wav"), "--library", str(library)]
    done = subprocess.run(["/bin/sh", "-c", f'"$@" {closed}', "sh", *words], capture_output=True, check=False)
    assert done.returncode == 0
    assert done.stderr == b""
    assert run("check", "--library", library).returncode == 0
    assert json.loads(run("info", "--library", library, "--json").stdout)["n_tracks"] == 1


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
    assert "sound" in complete("orpheus similar --space so")


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


def start(words: list[str], library: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_for((library / "catalog.sqlite").exists, process)
    return process


def start_long(music: Path, library: Path) -> subprocess.Popen[str]:
    """Begin to index with one thread, and come back when it has worked for most of a second."""
    process = start([*PROGRAM, "index", str(music), "--library", str(library), "--jobs", "1", "--json"], library)
    begun = cpu_seconds(process.pid)
    wait_for(lambda: cpu_seconds(process.pid) > begun + 0.8, process)
    return process


def wait_for(happened: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 60
    while not happened():
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.01)


def cpu_seconds(pid: int) -> float:
    # The name of the program, in brackets, may hold spaces; user and system time stand 12 fields after it.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 143)])
def test_a_signal_commits_what_is_finished(number: int, exit_code: int, long_music: Path, tmp_path: Path) -> None:
    library = tmp_path / "x"
    process = start_long(long_music, library)
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
    process = start_long(long_music, library)
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


def test_a_hangup_that_is_ignored_stops_nothing(long_music: Path, tmp_path: Path) -> None:
    paths = sorted(long_music.iterdir())[:8]
    words = [*PROGRAM, "index", *map(str, paths), "--library", str(tmp_path / "x"), "--jobs", "1", "--json"]
    process = start(["/bin/sh", "-c", 'trap "" HUP; exec "$@"', "sh", *words], tmp_path / "x")
    process.send_signal(signal.SIGHUP)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert json.loads(out)["interrupted"] is False

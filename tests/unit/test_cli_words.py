"""Words, numbers, progress, signals and help: what the commands share."""

from __future__ import annotations

import json
import math
import os
import signal
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orpheus_fast.cli import console, progress, stop
from orpheus_fast.cli.app import orpheus, run
from orpheus_fast.cli.console import path_fields, printable
from orpheus_fast.cli.options import Taught
from orpheus_fast.library.results import IndexProgress

if TYPE_CHECKING:
    from collections.abc import Iterator

COMMANDS = sorted(orpheus.commands)


def only_document(text: str) -> Any:
    """The one JSON document that `text` is, from its first character to its last."""
    return json.loads(text)


# Words and numbers.


@given(st.text())
def test_printable_text_has_nothing_that_steers_a_terminal(text: str) -> None:
    assert printable(text).isprintable()


@given(st.binary())
def test_bytes_of_a_path_that_are_no_text_are_shown_as_bytes(path: bytes) -> None:
    shown = printable(os.fsdecode(path))
    assert shown.isprintable()
    shown.encode("utf-8")
    if path.isascii() and path.decode().isprintable():
        assert shown == path.decode()


@given(st.binary())
def test_the_json_of_a_path_always_leads_back_to_its_bytes(path: bytes) -> None:
    fields = path_fields(path.decode("utf-8", "backslashreplace"), path)
    back = bytes.fromhex(fields["path_bytes_hex"]) if "path_bytes_hex" in fields else fields["path"].encode()
    assert back == path


def test_json_knows_no_nan_and_no_path(capsys: pytest.CaptureFixture[str]) -> None:
    console.emit_json("test", {"a": math.inf, "b": [Path("/ä")], "c": {1: None}, "d": "\udcff", "e": True})
    document = only_document(capsys.readouterr().out)
    assert document == {
        "kind": "test",
        "schema": 1,
        "a": None,
        "b": ["/ä"],
        "c": {"1": None},
        "d": "\\xff",
        "e": True,
    }


# Progress.


def moment(n_done: int, seconds: float, *, n_total: int = 1000) -> IndexProgress:
    return IndexProgress("decode", n_done, n_total, 0, 0, n_done * 30.0, seconds)


def test_the_pace_is_that_of_the_last_half_minute() -> None:
    pace = progress.Pace()
    for second in range(1, 101):
        pace.add(moment(second, second))
    for second in range(101, 141):
        pace.add(moment(100 + 10 * (second - 100), second))
    assert pace.tracks_per_second == pytest.approx(10.0)
    assert pace.times_real_time == pytest.approx(300.0)
    assert pace.seconds_left == pytest.approx((1000 - 500) / 10)


def test_at_the_beginning_no_end_is_promised() -> None:
    pace = progress.Pace()
    pace.add(moment(0, 0.0))
    assert pace.seconds_left is None
    pace.add(moment(1, 5.0))
    assert pace.seconds_left is None
    pace.add(moment(3, 6.0))
    assert pace.seconds_left == pytest.approx(997 / 0.5)


FULL = IndexProgress("decode", 500, 1000, 3, 4, 15_000.0, 50.0, "decode", 0.92)


def full_parts() -> list[tuple[int, str]]:
    pace = progress.Pace()
    pace.add(FULL)
    return progress.describe(FULL, pace)


def test_the_line_says_rate_end_failures_and_bottleneck() -> None:
    line = progress.fit(full_parts(), 200)
    assert line == "500/1,000  10 tracks/s  300x real time  0:50 left  3 failed  4 partial  decoding 92%"


@given(st.integers(0, 120))
def test_a_narrow_line_keeps_what_matters_most(width: int) -> None:
    line = progress.fit(full_parts(), width)
    assert line.startswith("500/1,000")
    assert len(line) <= max(width, len("500/1,000"))
    if "decoding" in line:
        assert "real time" in line
    if "real time" in line:
        assert "left" in line
        assert "3 failed" in line


def test_where_no_terminal_is_a_line_comes_every_ten_seconds_at_most(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = 1000.0
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: now))
    with progress.index_progress(quiet=False) as tell:
        assert tell is not None
        for second in range(35):
            now = 1000.0 + second
            tell(moment(second, second))
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 3
    assert "10/1,000" in err


def test_quiet_progress_is_none() -> None:
    with progress.index_progress(quiet=True) as tell:
        assert tell is None


# Being stopped.


@contextmanager
def handlers_kept() -> Iterator[None]:
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
        stop._received.clear()


@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 143)])
def test_the_first_signal_interrupts_and_the_second_is_left_to_the_kernel(number: int, exit_code: int) -> None:
    with handlers_kept():
        stop.install()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)
        assert stop.exit_code() == exit_code
        assert signal.getsignal(signal.SIGINT) is signal.SIG_DFL
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_an_ignored_signal_stays_ignored() -> None:
    with handlers_kept():
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        stop.install()
        signal.raise_signal(signal.SIGHUP)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN


# Help.


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_every_command_teaches(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    command = orpheus.commands[name]
    assert isinstance(command, Taught)
    assert run([name, "--help"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert 2 <= len(command.examples) <= 3
    for line, what in command.examples:
        assert line in out
        assert what.split()[0] in out
    summary, _, paragraph = (command.help or "").partition("\n\n")
    assert summary
    assert len(paragraph.split()) > 10


@pytest.mark.parametrize(
    "line", [line for name in COMMANDS for line, _ in orpheus.commands[name].examples if line.startswith("orpheus ")]
)
def test_every_example_of_the_help_is_understood(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORPHEUS_LIBRARY", "x")
    words = line.partition(" > ")[0].split()[1:]
    # Parsing is all that is asked for here: `make_context` does not run the command.
    context = orpheus.make_context("orpheus", list(words))
    name, command, rest = orpheus.resolve_command(context, words)
    assert command is not None
    command.make_context(name, list(rest), parent=context)


def test_the_list_of_commands_fits_into_its_lines(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([]) == 0
    out = capsys.readouterr().out
    assert "..." not in out.partition("Commands:")[2]
    assert all(name in out for name in COMMANDS)
    assert max(map(len, out.splitlines())) <= 80


@pytest.mark.parametrize(
    ("shell", "mark"), [("bash", "complete -o nosort"), ("zsh", "compdef"), ("fish", "complete --no-files")]
)
def test_the_completion_of_a_shell_asks_the_program(shell: str, mark: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["completion", shell]) == 0
    out = capsys.readouterr().out
    assert mark in out
    assert f"_ORPHEUS_COMPLETE={shell}_complete" in out

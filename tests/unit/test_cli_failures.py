"""Every mistake becomes one line and an exit code, and so does every way of naming no library."""

from __future__ import annotations

import errno
import json
import signal
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fake_library import DONE, INFO, install
from orpheus_fast import errors
from orpheus_fast.cli import stop
from orpheus_fast.cli.app import orpheus, run
from orpheus_fast.cli.errors import failure_of

if TYPE_CHECKING:
    pass

COMMANDS = sorted(orpheus.commands)


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Any:
    return partial(install, monkeypatch)


def only_document(text: str) -> Any:
    """The one JSON document that `text` is, from its first character to its last."""
    return json.loads(text)


# Which library.


@pytest.mark.parametrize(
    ("arguments", "variable", "folder"),
    [
        (["info", "--library", "a"], None, "a"),
        (["--library", "a", "info"], None, "a"),
        (["--library", "b", "info", "--library", "a"], None, "a"),
        (["info"], "a", "a"),
        (["--library", "a", "info"], "b", "a"),
        (["info", "--library", "a"], "b", "a"),
    ],
)
def test_the_library_is_named_after_the_command_or_before_it_or_by_a_variable(
    arguments: list[str], variable: str | None, folder: str, fake: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = fake(info=INFO)
    if variable:
        monkeypatch.setenv("ORPHEUS_LIBRARY", variable)
    assert run(arguments) == 0
    assert library.calls[0] == ("open", (Path(folder),), {})


@pytest.mark.parametrize("name", sorted({*COMMANDS} - {"doctor", "demo", "completion"}))
@pytest.mark.parametrize("empty", [[], ["--library", ""]])
def test_without_a_library_there_is_one_line_that_says_how_to_name_one(
    name: str, empty: list[str], fake: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    fake()
    assert (
        run(
            [
                name,
                *{"index": ["."], "similar": ["1"], "export": ["a.npy"], "evaluate": ["a.csv"]}.get(name, []),
                *empty,
            ]
        )
        == 2
    )
    line, *more = capsys.readouterr().err.splitlines()
    assert not more
    assert "--library" in line


def test_the_demo_leaves_the_library_of_the_variable_alone(
    fake: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = fake(index=replace(DONE, interrupted=True))
    monkeypatch.setenv("ORPHEUS_LIBRARY", str(tmp_path / "precious"))
    assert run(["demo", "--music", str(tmp_path), "--out", str(tmp_path / "out")]) == 130
    assert library.calls[0] == ("open", (tmp_path / "out" / f"music-{tmp_path.name}.orpheus",), {})


# Failures.


class Panic(BaseException):
    """As PyO3 raises it: no `Exception`."""


@pytest.mark.parametrize(
    ("error", "exit_code"),
    [
        (errors.ParameterError("k is 0, expected at least 1"), 2),
        (errors.UnknownSpaceError("unknown space 'x'"), 2),
        (errors.MissingExtraError("faiss is not installed"), 2),
        (errors.ModelError("no such model"), 2),
        (errors.RootUnavailableError("/music has vanished"), 2),
        (errors.DecodeError("a.mp3: no audio"), 1),
        (errors.LimitError("a.mp3: too long"), 1),
        (errors.LibraryNotFoundError("no library at /x"), 3),
        (errors.LibraryLockedError("library /x is being written"), 3),
        (errors.LibraryDamagedError("catalog is damaged"), 3),
        (errors.LibraryFormatError("format 9"), 3),
        (errors.IndexFormatError("not an index"), 3),
        (FileNotFoundError(errno.ENOENT, "No such file", "/m"), 2),
        (PermissionError(errno.EACCES, "Permission denied", b"/m/\xff"), 2),
        (FileExistsError(errno.EEXIST, "File exists", "/m"), 2),
        (OSError(errno.ENOSPC, "No space left on device", "/m"), 3),
        (MemoryError(), 70),
        (ValueError("some\nbug"), 70),
        (Panic("index out of bounds"), 70),
    ],
)
def test_a_failure_is_one_line_and_a_code(
    error: BaseException, exit_code: int, fake: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    fake(info=error)
    assert run(["info", "--library", "x"]) == exit_code
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1
    assert err.startswith("error: ")
    assert "Traceback" not in err


def test_a_failure_as_json_is_one_document_too(fake: Any, capsys: pytest.CaptureFixture[str]) -> None:
    fake(info=errors.LibraryLockedError("library /x is being written"))
    assert run(["info", "--library", "x", "--json"]) == 3
    out, err = capsys.readouterr()
    error = {"name": "LibraryLockedError", "message": "library /x is being written", "exit_code": 3}
    assert only_document(out)["error"] == error
    assert len(err.splitlines()) == 1


@given(st.text())
def test_no_message_can_break_its_line_or_steer_the_terminal(text: str) -> None:
    for error in (errors.ParameterError(text), ValueError(text), FileNotFoundError(errno.ENOENT, "gone", text)):
        message = failure_of(error).message
        assert message.isprintable()


def test_a_bug_shows_where_it_is_on_demand(
    fake: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fake(info=ValueError("some bug"))
    monkeypatch.setenv("ORPHEUS_DEBUG", "1")
    assert run(["info", "--library", "x"]) == 70
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["similar", "1", "-k", "0"],
        ["similar", "1", "-k", "-3"],
        ["similar", "1", "-k", "many"],
        ["similar", "1", "-k", "1.5"],
        ["similar"],
        ["similar", "1", "--nonsense"],
        ["simlar", "1"],
        ["index", ".", "--jobs", "0"],
        ["index", ".", "--wait", "nan"],
        ["report", "--all", "--limit", "3"],
        ["completion", "tcsh"],
        ["--nonsense"],
    ],
)
def test_bad_usage_is_one_line_that_says_where_to_look(
    arguments: list[str], fake: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    library = fake()
    monkeypatch.setenv("ORPHEUS_LIBRARY", "x")
    assert run(arguments) == 2
    line, *more = capsys.readouterr().err.splitlines()
    assert not more
    assert line.endswith("--help")
    assert library.calls == []


def test_a_stopped_command_says_so_in_one_line(
    fake: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fake(info=KeyboardInterrupt())
    assert run(["info", "--library", "x"]) == 130
    assert len(capsys.readouterr().err.splitlines()) == 1
    monkeypatch.setattr(stop, "_received", [signal.SIGTERM])
    assert run(["info", "--library", "x", "--json"]) == 143
    assert only_document(capsys.readouterr().out)["error"]["exit_code"] == 143

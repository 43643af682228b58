"""What the commands say and end with, whatever the library answers: the library here is a stand-in."""

from __future__ import annotations

import errno
import json
import math
import os
import signal
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orpheus_fast import errors
from orpheus_fast.cli import console, opening, progress, stop
from orpheus_fast.cli.app import orpheus, run
from orpheus_fast.cli.console import path_fields, printable
from orpheus_fast.cli.errors import failure_of
from orpheus_fast.cli.options import Taught
from orpheus_fast.cli.similar import parse_words
from orpheus_fast.library.damage import Damage
from orpheus_fast.library.results import Hit, IndexProgress, IndexReport, LibraryInfo, SpaceInfo, Trouble

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Self

COMMANDS = sorted(orpheus.commands)
HIT = Hit(0.75, 7, "/m/a.flac", b"/m/a.flac", "Title", "Artist", 61.0, "ok")
TROUBLE = Trouble(1, "/m/x.mp3", "failed", "not_audio", "no audio in it", 0.0, 0.0, missing=False)
DONE = IndexReport(found=2, decoded=2, outcomes={"ok": 2, "partial": 0, "failed": 0}, seconds=2.0, audio_seconds=600.0)
INFO = LibraryInfo(
    folder=Path("/x.orpheus"),
    format_version=1,
    created_at="2026-01-01T00:00:00+00:00",
    created_by="orpheus_fast 0.1.0",
    n_tracks=3,
    outcomes={"ok": 2, "failed": 1},
    n_missing=1,
    audio_seconds=4000.0,
    spaces=[SpaceInfo("classical", "classical-123", 44, "cosine", 2, 4096)],
    n_bytes=123_456,
)


class FakeLibrary:
    """Answers what it was given, or raises it, and remembers how it was asked."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def __getattr__(self, name: str) -> Any:
        def answer(*args: Any, **kwargs: Any) -> Any:
            self.calls.append((name, args, kwargs))
            value = self.answers[name]
            if isinstance(value, BaseException):
                raise value
            return value

        return answer


@pytest.fixture(autouse=True)
def _no_library_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ORPHEUS_LIBRARY", raising=False)
    monkeypatch.delenv("ORPHEUS_DEBUG", raising=False)


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Any:
    def install(**answers: Any) -> FakeLibrary:
        library = FakeLibrary(**answers)

        def open_it(folder: Path) -> FakeLibrary:
            library.calls.append(("open", (folder,), {}))
            return library

        monkeypatch.setattr(opening, "open_library", open_it)
        monkeypatch.setattr(opening, "open_or_create_library", open_it)
        return library

    return install


@pytest.fixture
def on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orpheus_fast.cli.similar.stdout_is_terminal", lambda: True)


def only_document(text: str) -> Any:
    """The one JSON document that `text` is, from its first character to its last."""
    return json.loads(text)


# Queries.


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        ("a.flac", [("+", "a.flac")]),
        ("17", [("+", 17)]),
        ("./17", [("+", "./17")]),
        ("a + b - 3", [("+", "a"), ("+", "b"), ("-", 3)]),
        ("- c + a", [("-", "c"), ("+", "a")]),
        ("+ a − b", [("+", "a"), ("-", "b")]),  # noqa: RUF001 -- the minus of typography
        ("٣", [("+", "٣")]),
        ("9" * 30, [("+", "9" * 30)]),
    ],
)
def test_words_are_read_as_signed_tracks(words: str, parts: list[tuple[str, int | str]]) -> None:
    assert parse_words(tuple(words.split(" "))) == parts


@pytest.mark.parametrize("words", ["a b", "a + + b", "a +", "+", "- a", "- a - b"])
def test_a_query_without_sense_is_refused(words: str) -> None:
    with pytest.raises(click.UsageError):
        parse_words(tuple(words.split(" ")))


@given(st.lists(st.sampled_from(["+", "-", "a b", "7", "x.mp3"]), min_size=1))
def test_a_query_that_is_read_keeps_every_track_in_its_place(words: list[str]) -> None:
    try:
        parts = parse_words(tuple(words))
    except click.UsageError:
        return
    assert [str(item) for _, item in parts] == [word for word in words if word not in "+-"]


def test_a_single_track_is_asked_for_as_itself_and_a_blend_as_a_list(fake: Any) -> None:
    library = fake(similar=[HIT])
    assert run(["similar", "17", "--library", "x"]) == 0
    assert run(["similar", "a", "-", "b", "-k", "3", "--space", "classical", "--library", "x"]) == 0
    asked = [call for call in library.calls if call[0] == "similar"]
    assert asked[0][1:] == ((17, 10), {"space": None})
    assert asked[1][1:] == (([("+", "a"), ("-", "b")], 3), {"space": "classical"})


def test_hits_are_tab_separated_where_no_terminal_is(fake: Any, capsys: pytest.CaptureFixture[str]) -> None:
    fake(similar=[HIT, replace(HIT, artist=None, duration_seconds=None, path="/m/\\xe9\t")])
    assert run(["similar", "17", "--library", "x"]) == 0
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == ["1", "0.750000", "7", "61.000", "/m/a.flac", "Artist", "Title"]
    assert lines[1] == ["2", "0.750000", "7", "", "/m/\\xe9\\t", "", "Title"]


@pytest.mark.usefixtures("on_a_terminal")
def test_on_a_terminal_hits_are_a_table_whose_cells_are_taken_literally(
    fake: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    fake(similar=[HIT, replace(HIT, title=None, path="/m/[red]:smile:\x1b[2J", outcome="partial")])
    assert run(["similar", "17", "--library", "x"]) == 0
    out = capsys.readouterr().out
    assert "Artist - Title" in out
    assert "1:01" in out
    assert "/m/[red]:smile:\\x1b[2J  (partly damaged)" in out


def test_no_hit_ends_with_1_and_one_line(fake: Any, capsys: pytest.CaptureFixture[str]) -> None:
    fake(similar=[])
    assert run(["similar", "17", "--library", "x"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1


def test_hits_as_json_give_back_paths_that_are_no_text(fake: Any, capsys: pytest.CaptureFixture[str]) -> None:
    odd = replace(HIT, path="/m/\\xe9", path_bytes=b"/m/\xe9", score=math.nan)
    fake(similar=[HIT, odd])
    assert run(["similar", "17", "--library", "x", "--json"]) == 0
    hits = only_document(capsys.readouterr().out)["hits"]
    assert "path_bytes_hex" not in hits[0]
    assert bytes.fromhex(hits[1]["path_bytes_hex"]) == b"/m/\xe9"
    assert hits[1]["score"] is None


# Indexing.


@pytest.mark.parametrize(
    ("changes", "exit_code"),
    [
        ({}, 0),
        ({"outcomes": {"ok": 1, "partial": 1, "failed": 0}}, 0),
        ({"outcomes": {"ok": 1, "partial": 0, "failed": 1}, "kinds": {"not_audio": 1}}, 1),
        ({"problems": [("/m/secret", "Permission denied")]}, 1),
        ({"found": 0, "decoded": 0, "outcomes": {}, "ignored": {"other-extension": 3}}, 1),
        ({"interrupted": True}, 130),
    ],
)
@pytest.mark.parametrize("as_json", [False, True])
def test_indexing_ends_with_the_code_of_its_outcome(
    changes: dict[str, Any],
    exit_code: int,
    as_json: bool,
    fake: Any,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    fake(index=replace(DONE, **changes))
    assert run(["index", str(tmp_path), "--library", "x", *(["--json"] if as_json else [])]) == exit_code
    out, err = capsys.readouterr()
    assert len(err.splitlines()) == ("outcomes" not in changes and exit_code != 0) + (changes.get("found") == 0)
    if as_json:
        document = only_document(out)
        assert document["kind"] == "index"
        assert document["found"] == changes.get("found", 2)


def test_the_report_of_an_indexing_says_what_it_took(
    fake: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fake(index=replace(DONE, outcomes={"ok": 1, "partial": 0, "failed": 1}, kinds={"not_audio": 1}, missing=1))
    run(["index", str(tmp_path), "--library", "x"])
    out = capsys.readouterr().out
    assert "2 tracks found: 1 ok, 1 failed" in out
    assert "10 min 0 s of sound in 2.0 s, 300x real time" in out
    assert "1 track of the library missing" in out
    assert "1 not_audio; see: orpheus report --library x" in out


def test_every_option_of_indexing_reaches_the_library(fake: Any, tmp_path: Path) -> None:
    library = fake(index=DONE)
    options = ["--jobs", "3", "--retry-failed", "--refresh", "--wait", "1.5", "--quiet"]
    assert run(["index", str(tmp_path), "--library", "x", "--space", "classical", *options]) == 0
    assert library.calls[-1] == (
        "index",
        ((str(tmp_path),),),
        {
            "spaces": ("classical",),
            "jobs": 3,
            "retry_failed": True,
            "refresh": True,
            "wait_seconds": 1.5,
            "progress": None,
        },
    )


def test_a_dry_run_opens_no_library(
    fake: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    library = fake()
    planned = replace(DONE, decoded=0, outcomes={"ok": 0, "partial": 0, "failed": 1, "pending": 1}, unchanged=1)
    monkeypatch.setattr("orpheus_fast.library.preview", lambda *_, **__: planned)
    assert run(["index", str(tmp_path), "--library", "x", "--dry-run"]) == 0
    assert library.calls == []
    assert "1 to decode, 1 unchanged; nothing was written" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [["/nowhere/at/all"], [".", "--space", "nonsense"]])
def test_a_mistake_is_found_before_a_library_is_made(arguments: list[str], fake: Any) -> None:
    library = fake(index=DONE)
    assert run(["index", *arguments, "--library", "x"]) == 2
    assert library.calls == []


def test_only_the_first_problems_are_named_and_the_rest_counted(
    fake: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fake(index=replace(DONE, problems=[(f"/m/{n}", "Permission denied") for n in range(100)]))
    assert run(["index", str(tmp_path), "--library", "x"]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 11
    assert "90 more" in lines[-1]


# The other commands.


def test_info_says_what_is_in_the_library(fake: Any, capsys: pytest.CaptureFixture[str]) -> None:
    fake(info=INFO)
    assert run(["info", "--library", "x"]) == 0
    out = capsys.readouterr().out
    for part in ("/x.orpheus", "3 tracks: 2 ok, 1 failed", "1 missing", "1 h 6 min", "123.5 kB", "classical-123"):
        assert part in out
    assert run(["info", "--library", "x", "--json"]) == 0
    assert only_document(capsys.readouterr().out)["spaces"][0]["n_vectors"] == 2


TROUBLES = [
    *[replace(TROUBLE, track_id=n, path=f"/m/{n}.mp3") for n in range(25)],
    replace(TROUBLE, track_id=30, kind="damaged"),
    replace(TROUBLE, track_id=31, outcome="partial", kind="truncated", seconds_sound=50.0, seconds_lost=70.0),
    replace(TROUBLE, track_id=32, outcome="ok", kind="", message="", missing=True),
]


def test_the_report_counts_all_and_names_the_first(fake: Any, capsys: pytest.CaptureFixture[str]) -> None:
    fake(troubles=TROUBLES)
    assert run(["report", "--library", "x"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:3] == ["26 tracks failed", "       25  not_audio", "        1  damaged"]
    assert "1 track missing" in lines
    assert sum(line.startswith("failed: /m/") for line in lines) == 20
    assert lines[-1] == "... and 8 more; --all names them"


def test_the_whole_report_names_every_track(fake: Any, capsys: pytest.CaptureFixture[str]) -> None:
    fake(troubles=TROUBLES)
    assert run(["report", "--library", "x", "--all"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert sum("/m/" in line for line in lines) == len(TROUBLES)
    assert "partial: /m/x.mp3: no audio in it (50 s sound, 1 min 10 s lost)" in lines


@pytest.mark.parametrize(("options", "n_named"), [([], 28), (["--limit", "3"], 3)])
def test_the_report_as_json_names_every_track_unless_limited(
    options: list[str], n_named: int, fake: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    fake(troubles=TROUBLES)
    assert run(["report", "--library", "x", "--json", *options]) == 0
    document = only_document(capsys.readouterr().out)
    assert document["n_tracks"] == 28
    assert len(document["tracks"]) == n_named
    assert document["groups"][0] == {"outcome": "failed", "kind": "not_audio", "n": 25}


@pytest.mark.parametrize(
    ("findings", "exit_code", "n_lines"),
    [
        ([], 0, 0),
        ([Damage(Path("/x/v.npy"), "its header is late", mends_itself=True)], 0, 0),
        ([Damage(Path("/x/v.npy"), "block 3 differs", track_ids=(4, 5))], 3, 1),
    ],
)
def test_a_check_ends_with_3_when_something_is_lost(
    findings: list[Damage], exit_code: int, n_lines: int, fake: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    fake(check=findings)
    assert run(["check", "--library", "x"]) == exit_code
    out, err = capsys.readouterr()
    assert len(err.splitlines()) == n_lines
    assert all(finding.what in out for finding in findings)
    assert run(["check", "--library", "x", "--json"]) == exit_code
    document = only_document(capsys.readouterr().out)
    assert document["sound"] is (exit_code == 0)
    assert len(document["findings"]) == len(findings)


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (["a.FAISS"], "faiss"),
        (["a.npy"], "npy"),
        (["a", "--format", "csv"], "csv"),
        (["a.npy", "--format", "csv"], "csv"),
    ],
)
def test_the_format_of_an_export_is_what_is_said_or_what_the_name_ends_in(
    arguments: list[str], wanted: str, fake: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    library = fake(export=[Path("/y/a")])
    assert run(["export", *arguments, "--library", "x"]) == 0
    assert library.calls[-1][2] == {"format": wanted, "space": None, "overwrite": False}
    assert capsys.readouterr().out == "/y/a\n"


def test_an_export_of_unknown_format_is_refused_before_the_library_is_opened(fake: Any) -> None:
    library = fake()
    assert run(["export", "a.doc", "--library", "x"]) == 2
    assert library.calls == []


def test_the_doctor_tells_of_a_damaged_library_and_still_ends_well(
    fake: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    fake(info=errors.LibraryDamagedError("catalog is damaged"))
    assert run(["doctor", "--library", "x", "--json"]) == 0
    document = only_document(capsys.readouterr().out)
    assert document["library"]["state"] == "LibraryDamagedError"
    assert {space["name"] for space in document["spaces"]} >= {"classical"}
    assert document["versions"]["numpy"]
    assert run(["doctor", "--library", "x"]) == 0
    assert "catalog is damaged" in capsys.readouterr().out


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
    assert run([name, *{"index": ["."], "similar": ["1"], "export": ["a.npy"]}.get(name, []), *empty]) == 2
    line, *more = capsys.readouterr().err.splitlines()
    assert not more
    assert "--library" in line


def test_the_demo_leaves_the_library_of_the_variable_alone(
    fake: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = fake(index=replace(DONE, interrupted=True))
    monkeypatch.setenv("ORPHEUS_LIBRARY", str(tmp_path / "precious"))
    assert run(["demo", "--music", str(tmp_path), "--out", str(tmp_path / "out")]) == 130
    assert library.calls[0] == ("open", (tmp_path / "out" / "demo.orpheus",), {})


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

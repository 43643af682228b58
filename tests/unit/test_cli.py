"""What the commands print and end with, whatever the library answers."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fake_library import DONE, HIT, INFO, TROUBLE, install
from orpheus_fast import errors
from orpheus_fast.cli.app import run
from orpheus_fast.cli.similar import parse_words
from orpheus_fast.library.damage import Damage

if TYPE_CHECKING:
    pass


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Any:
    return partial(install, monkeypatch)


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
    assert asked[0][1:] == ((17, 10), {"space": None, "rerank": None})
    assert asked[1][1:] == (([("+", "a"), ("-", "b")], 3), {"space": "classical", "rerank": None})


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
    assert "/m/a.flac" in out
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
    options = ["--jobs", "3", "--retry-failed", "--refresh", "--accept-losses", "--wait", "1.5", "--quiet"]
    assert run(["index", str(tmp_path), "--library", "x", "--space", "classical", *options]) == 0
    assert library.calls[-1] == (
        "index",
        ((str(tmp_path),),),
        {
            "spaces": ("classical",),
            "jobs": 3,
            "retry_failed": True,
            "refresh": True,
            "accept_losses": True,
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

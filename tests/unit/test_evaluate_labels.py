"""Tables of labels, `evaluate_space` and `orpheus evaluate`."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libraries import ROOT, failure, fill, result, space, vector_of
from orpheus_fast import Library, search
from orpheus_fast.cli.app import run
from orpheus_fast.errors import ParameterError, UnknownSpaceError
from orpheus_fast.evaluate import LabelColumns, evaluate_space, evaluate_vectors
from orpheus_fast.evaluate.labels import match, read_labels
from orpheus_fast.library.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Iterator

SHARED = Path(__file__).parents[3] / "shared" / "audio"
NAMES = [f"{style}/{n}.flac" for style in ("calm", "loud") for n in range(8)]
SMALL = space()


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with Writer.acquire(tmp_path / "x.orpheus", create=True) as writer:
        fill(writer, SMALL, NAMES)
        writer.commit([failure("broken.flac"), result("never.flac")])
    with Library.open(tmp_path / "x.orpheus") as opened:
        yield opened


def write(folder: Path, *lines: str, name: str = "labels.csv") -> Path:
    path = folder / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def usual(folder: Path, *more: str) -> Path:
    """All tracks of the library, labelled by their folder."""
    lines = [f"{os.fsdecode(ROOT)}/{name},{name.split('/')[0]},g{n % 5},{n}" for n, name in enumerate(NAMES)]
    return write(folder, "path,label,artist,tempo", *lines, *more)


# Reading.


def test_a_table_is_read_with_its_groups_and_numbers(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_bytes(b'\xef\xbb\xbfpath,label, artist ,bpm\r\n"a, b.flac", calm ,X,1.5\r\n\r\nc.flac,,,\r\n')
    table = read_labels(path, number_columns=["bpm"])
    assert (table.folder, table.group_column) == (tmp_path, "artist")
    first, second = table.labels
    assert (first.line, first.path, first.label, first.group, first.numbers) == (2, "a, b.flac", "calm", "X", (1.5,))
    assert (second.line, second.path, second.label, second.group) == (4, "c.flac", "", None)
    assert np.isnan(second.numbers[0])


def test_without_a_column_artist_there_are_no_groups(tmp_path: Path) -> None:
    assert read_labels(write(tmp_path, "path,label", "a,b")).group_column is None


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty, expected a first line with the columns 'path' and 'label'"),
        (b"\n\n", "is empty"),
        (b"file,label\na,b\n", "no column 'path'; its first line names, separated by commas: file, label"),
        (b"path;label\na;b\n", "no column 'path'"),
        (b"path,label,path\na,b,c\n", "2 columns 'path', expected one"),
        (b"path,label\na,b,c\n", "line 2: 3 cells, expected 2"),
        (b"path,label\na\n", "line 2: 1 cells, expected 2"),
        (b"path,label\na,b\n\na,c\n", "line 4: 'a' was named in line 2 before"),
        (b"path,label\n,b\n", "line 2: '' is no path"),
        (b"path,label\na\0b,c\n", "not a table|is no path"),
        (b"path,label\nx,y\ncaf\xe9,b\n", r"line 3: not UTF-8 \(byte 0xe9\)"),
        (b'path,label\n"a,b\n', "not a table of comma-separated values"),
        (b"path,label\n" + b"a" * 200_000 + b",b\n", "not a table of comma-separated values"),
        ("path,label\na,b\n".encode("utf-16"), "line 1: not UTF-8"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused(data: bytes, words: str, tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_bytes(data)
    with pytest.raises(ParameterError, match=words):
        read_labels(tmp_path / "labels.csv")


@pytest.mark.parametrize("cell", ["fast", "inf", "1e999"])
def test_a_number_that_is_none_is_refused(cell: str, tmp_path: Path) -> None:
    path = write(tmp_path, "path,label,bpm", f"a,b,{cell}")
    with pytest.raises(ParameterError, match=f"line 2: bpm is '{cell}', expected a number or nothing"):
        read_labels(path, number_columns=["bpm"])


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_no_bytes_crash_the_reader(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.mktemp("labels") / "labels.csv"
    path.write_bytes(b"path,label\n" + data)
    try:
        table = read_labels(path)
    except ParameterError:
        return
    match(table, {b"/music/a.flac": 1})


# Which track a line means.


@pytest.mark.parametrize(
    ("path", "track_id"),
    [
        ("/music/a/1.flac", 1),
        ("/music/b/../a/1.flac", 1),
        ("a/1.flac", 1),
        ("./a/1.flac", 1),
        ("2.flac", 3),
        ("here.flac", 4),
        ("sub/../here.flac", 4),
        ("../up.flac", 5),
        ("ä.flac", 6),
        ("1.flac", "ambiguous"),
        ("/1.flac", "unknown"),
        ("/a/1.flac", "unknown"),
        ("c/1.flac", "unknown"),
        (".flac", "unknown"),
        ("usic/a/1.flac", "unknown"),
        ("../../../a/1.flac", "unknown"),
        ("a/1.FLAC", "unknown"),
    ],
)
def test_a_path_means_the_track_that_it_is_or_that_ends_so(path: str, track_id: int | str, tmp_path: Path) -> None:
    folder = tmp_path / "deep"
    folder.mkdir()
    tracks = {
        b"/music/a/1.flac": 1,
        b"/music/b/1.flac": 2,
        b"/music/b/2.flac": 3,
        os.fsencode(folder / "here.flac"): 4,
        os.fsencode(tmp_path / "up.flac"): 5,
        "/music/ä.flac".encode(): 6,
        b"/music/caf\xe9.flac": 7,
        b"/music/b/here.flac": 8,
    }
    labelled, matching = match(read_labels(write(folder, "path,label", f"{path},x")), tracks)
    if isinstance(track_id, int):
        assert [item.track_id for item in labelled] == [track_id]
        assert matching.is_whole
    else:
        assert getattr(matching, track_id) == [path]
        assert not matching.is_whole


def test_two_lines_about_one_track_are_refused(tmp_path: Path) -> None:
    table = read_labels(write(tmp_path, "path,label", "a/1.flac,x", "1.flac,y"))
    with pytest.raises(ParameterError, match=r"lines 2 and 3 mean the same track, 'a/1.flac' and '1.flac'"):
        match(table, {b"/music/a/1.flac": 1})


# A space of a library.


def test_a_space_is_judged_as_its_vectors_are(library: Library, tmp_path: Path) -> None:
    columns = LabelColumns(numbers=["tempo"])
    found = evaluate_space(library, usual(tmp_path), columns=columns, k=3, mutual_proximity=True)
    rows = np.stack([vector_of(ROOT + b"/" + name.encode()) for name in NAMES])
    expected = evaluate_vectors(
        rows,
        [name.split("/")[0] for name in NAMES],
        groups=[f"g{n % 5}" for n in range(16)],
        numbers={"tempo": list(range(16))},
        k=3,
        mutual_proximity=True,
    )
    assert found.evaluation == expected
    assert (found.space, found.space_id) == ("small", SMALL.space_id)
    assert (found.matching.n_lines, found.matching.n_used, found.matching.n_unlabelled) == (16, 16, 0)


def test_a_standardised_space_is_judged_as_it_is_searched(tmp_path: Path) -> None:
    spec = space(standardise=True)
    with Writer.acquire(tmp_path / "y", create=True) as writer:
        fill(writer, spec, NAMES)
    rows = np.stack([vector_of(ROOT + b"/" + name.encode()) for name in NAMES])
    labels = usual(tmp_path)
    with Library.open(tmp_path / "y") as opened:
        found = evaluate_space(opened, labels, probe=False).evaluation
    compared = search.standardise_rows(rows, *search.column_statistics(rows))
    groups = [f"g{n % 5}" for n in range(16)]
    assert found == evaluate_vectors(compared, [name[:4] for name in NAMES], groups=groups, probe=False)


def test_lines_that_cannot_be_used_are_named(library: Library, tmp_path: Path) -> None:
    labels = usual(tmp_path, "broken.flac,calm,,", "never.flac,calm,,", "gone.flac,calm,,", "other.flac,,,")
    text = labels.read_text().replace(f"{os.fsdecode(ROOT)}/loud/7.flac", "7.flac")
    labels.write_text(text)
    matching = evaluate_space(library, labels, probe=False).matching
    assert (matching.failed, matching.without_vector) == (["broken.flac"], ["never.flac"])
    assert (matching.unknown, matching.without_label, matching.ambiguous) == (["gone.flac"], ["other.flac"], ["7.flac"])
    assert (matching.n_lines, matching.n_used, matching.n_unlabelled) == (20, 15, 1)


def test_a_space_that_is_not_there_is_refused(library: Library, tmp_path: Path) -> None:
    with pytest.raises(UnknownSpaceError, match="nonsense"):
        evaluate_space(library, usual(tmp_path), space="nonsense")
    with Library.create(tmp_path / "empty") as empty, pytest.raises(ParameterError, match="no vectors yet"):
        evaluate_space(empty, usual(tmp_path))


# The command.


def command(library: Library, *words: object) -> int:
    return run(["evaluate", *map(str, words), "--library", str(library.folder)])


def test_figures_are_on_standard_output_and_nothing_else_is(
    library: Library, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(library, usual(tmp_path), "--mutual-proximity", "--regress", "tempo") == 0
    out, err = capsys.readouterr()
    assert err == ""
    for words in ("16 tracks, 2 labels, 5 groups", "P@10", "other groups, mutual", "calm", "k-means", "probe", "tempo"):
        assert words in out


def test_the_document_holds_what_python_gives(
    library: Library, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labels = usual(tmp_path)
    assert command(library, labels, "-k", "2", "--json", "--no-probe", "--space", "small") == 0
    document = json.loads(capsys.readouterr().out)
    expected = evaluate_space(library, labels, k=2, probe=False)
    assert document["kind"] == "evaluate"
    assert document["evaluation"] == json.loads(json.dumps(expected.to_dict()["evaluation"]))
    assert document["matching"]["n_used"] == 16


def test_other_columns_can_be_named(library: Library, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    labels = usual(tmp_path)
    labels.write_text(labels.read_text().replace("path,label,artist,tempo", "file,mood,clip,tempo"))
    columns = ("--path-column", "file", "--label-column", "mood", "--group-column", "clip")
    assert command(library, labels, *columns, "--json", "--no-probe") == 0
    assert json.loads(capsys.readouterr().out)["evaluation"]["n_groups"] == 5
    assert command(library, labels, *columns[:4], "--json", "--no-probe") == 0
    assert json.loads(capsys.readouterr().out)["evaluation"]["filtered"] is None


def test_lines_that_were_not_used_are_told_and_end_with_1(
    library: Library, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labels = usual(tmp_path, "broken.flac,calm,,", *(f"gone {n}.flac,calm,," for n in range(7)))
    assert command(library, labels, "--no-probe", "--json") == 1
    out, err = capsys.readouterr()
    json.loads(out)
    assert "7 lines of the table not used, not in the library: gone 0.flac" in err
    assert "gone 4.flac and 2 more" in err
    assert "1 line of the table not used, could not be decoded, see: orpheus report: broken.flac" in err
    assert len(err.splitlines()) == 2


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["path,tag", "a,b"], "no column 'label'"),
        (["path,label", "calm/1.flac,x"], "too few labels: 1 tracks with 1 different labels"),
        (["path,label", "gone.flac,x"], "1 not in the library ('gone.flac', ...)"),
        (["path,label", "calm/1.flac,x", "/music/calm/1.flac,y"], "mean the same track"),
    ],
)
def test_a_table_that_says_too_little_is_bad_usage(
    lines: list[str], words: str, library: Library, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(library, write(tmp_path, *lines), "--json") == 2
    out, err = capsys.readouterr()
    assert words in err
    assert len(err.splitlines()) == 1
    assert json.loads(out)["kind"] == "error"


def test_a_table_that_is_not_there_is_told(
    library: Library, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(library, tmp_path / "no.csv") == 2
    assert "no.csv does not exist" in capsys.readouterr().err
    assert run(["evaluate", str(usual(tmp_path)), "--library", str(tmp_path / "none")]) == 3


def test_without_scikit_learn_the_extra_is_named(
    library: Library, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "sklearn", None)
    assert command(library, usual(tmp_path)) == 2
    assert "orpheus-fast[evaluate]" in capsys.readouterr().err
    assert command(library, usual(tmp_path), "--no-probe") == 0


def test_similar_can_be_re_ranked(library: Library, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["similar", "1", "-k", "5", "--library", str(library.folder), "--json"]
    assert run([*words, "--rerank", "mutual-proximity"]) == 0
    document: Any = json.loads(capsys.readouterr().out)
    assert document["rerank"] == "mutual-proximity"
    hits = library.similar(1, 5, rerank="mutual_proximity")
    assert [(hit["track_id"], hit["score"]) for hit in document["hits"]] == [(hit.track_id, hit.score) for hit in hits]
    assert run([*words, "--rerank", "magic"]) == 2


@pytest.mark.skipif(not (SHARED / "manifest.csv").is_file(), reason="../shared/audio is not there")
def test_families_of_sounds_find_each_other_in_the_classical_space(tmp_path: Path) -> None:
    with Library.create(tmp_path / "samples.orpheus") as library:
        library.index([SHARED / "samples"])
        found = evaluate_space(library, SHARED / "manifest.csv", columns=LabelColumns(group="title"), k=3)
    lines = read_labels(SHARED / "manifest.csv").labels
    assert found.matching.n_used == sum(label.path.startswith("samples/") for label in lines)
    assert found.matching.unknown == [label.path for label in lines if not label.path.startswith("samples/")]
    ranking = found.evaluation.filtered
    assert ranking is not None
    assert ranking.precision.low > 2 * ranking.chance

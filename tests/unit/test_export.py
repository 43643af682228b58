from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

import faiss
import numpy as np
import pytest

from libraries import failure, fill, found, result, space, vector_of
from orpheus_fast.audio import Tags
from orpheus_fast.errors import LibraryError, ParameterError, ShapeError
from orpheus_fast.library.export import export_space, export_tracks
from orpheus_fast.library.scan import FoundFile
from orpheus_fast.library.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from orpheus_fast.library.store import SpaceView

SMALL = space("small")
NAMES = [f"{number}.mp3" for number in range(30)]
# Computed anew, so that its first row is a tombstone.
LIVE = [*NAMES[:3], *NAMES[4:], NAMES[3]]


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[Writer]:
    with Writer.acquire(tmp_path / "library", create=True) as writer:
        fill(writer, SMALL, NAMES)
        writer.commit([result(NAMES[3], SMALL), failure("bad.mp3")])
        yield writer


@pytest.fixture
def view(writer: Writer) -> SpaceView:
    return writer.load("small")


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_npy_holds_one_row_per_track_and_the_table_says_which(writer: Writer, view: SpaceView, tmp_path: Path) -> None:
    files = export_space(writer.catalog, view, tmp_path / "out.npy", file_format="npy")
    assert files == (tmp_path / "out.npy", tmp_path / "out.tracks.csv")
    vectors, rows = np.load(files[0]), table(files[1])
    assert vectors.dtype == np.float32
    assert [row["path"] for row in rows] == [f"/music/{name}" for name in LIVE]
    assert [int(row["row"]) for row in rows] == list(range(30))
    assert {row["outcome"] for row in rows} == {"ok"}
    for vector, row in zip(vectors, rows, strict=True):
        np.testing.assert_array_equal(vector, vector_of(row["path"].encode()))
        assert writer.catalog.tracks([int(row["track_id"])])[int(row["track_id"])].display_path == row["path"]


def test_csv_brings_every_float_back_exactly(writer: Writer, view: SpaceView, tmp_path: Path) -> None:
    (file,) = export_space(writer.catalog, view, tmp_path / "out.csv", file_format="csv")
    for row in table(file):
        vector = np.array([row[f"v{n}"] for n in range(SMALL.dim)], dtype=np.float32)
        np.testing.assert_array_equal(vector, vector_of(row["path"].encode()))


@pytest.mark.parametrize("metric", ["cosine", "inner_product", "l2"])
def test_faiss_opens_the_index_and_finds_what_numpy_finds(tmp_path: Path, metric: str) -> None:
    spec = space("small", metric=metric)
    with Writer.acquire(tmp_path / "library", create=True) as writer:
        fill(writer, spec, NAMES)
        view = writer.load("small")
        files = export_space(writer.catalog, view, tmp_path / "out.faiss", file_format="faiss")
    index = faiss.read_index(str(files[0]))
    assert (index.ntotal, index.d) == (30, spec.dim)
    query = view.vectors[7:8].copy()
    if metric == "l2":
        expected = np.argsort(((view.vectors - query) ** 2).sum(axis=1))
    else:
        lengths = np.linalg.norm(view.vectors, axis=1) if metric == "cosine" else 1.0
        expected = np.argsort(-(view.vectors @ query[0]) / lengths)
    _, ids = index.search(query, 5)
    assert ids[0].tolist() == expected[:5].tolist()
    assert table(files[1])[7]["path"] == "/music/7.mp3"


def test_other_values_can_be_written_for_the_same_rows(writer: Writer, view: SpaceView, tmp_path: Path) -> None:
    doubled = view.vectors * 2
    (file, _) = export_space(writer.catalog, view, tmp_path / "out.npy", file_format="npy", vectors=doubled)
    np.testing.assert_array_equal(np.load(file), doubled[view.track_ids >= 0])
    with pytest.raises(ShapeError):
        export_space(writer.catalog, view, tmp_path / "x.npy", file_format="npy", vectors=doubled[1:])


def test_a_file_that_is_there_is_replaced_only_on_request(writer: Writer, view: SpaceView, tmp_path: Path) -> None:
    def export(name: str, **options: Any) -> None:
        export_space(writer.catalog, view, tmp_path / name, file_format="npy", **options)

    for name in ("out.npy", "out.tracks.csv"):
        (tmp_path / name).write_text("precious")
        with pytest.raises(FileExistsError) as error:
            export("out.npy")
        assert error.value.filename == str(tmp_path / name)
        assert (tmp_path / name).read_text() == "precious"
        (tmp_path / name).unlink()
    export("out.npy")
    export("out.npy", overwrite=True)
    with pytest.raises(FileExistsError):
        export_tracks(writer.catalog, tmp_path / "out.tracks.csv")


def test_an_export_that_fails_leaves_what_was_there(
    writer: Writer, view: SpaceView, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "out.npy").write_text("precious")

    def failing(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np.lib.format, "write_array_header_1_0", failing)
    with pytest.raises(OSError, match="No space left") as error:
        export_space(writer.catalog, view, tmp_path / "out.npy", file_format="npy", overwrite=True)
    assert error.value.filename == str(tmp_path / "out.npy")
    assert (tmp_path / "out.npy").read_text() == "precious"
    assert not [path for path in tmp_path.iterdir() if path.name.endswith(".tmp")]


def test_a_folder_that_is_not_there_is_a_system_error(writer: Writer, view: SpaceView, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        export_space(writer.catalog, view, tmp_path / "none" / "out.npy", file_format="npy")


def test_an_unknown_format_is_answered_with_those_that_are_known(
    writer: Writer, view: SpaceView, tmp_path: Path
) -> None:
    with pytest.raises(ParameterError, match="npy, csv, faiss"):
        export_space(writer.catalog, view, tmp_path / "out.xls", file_format="xls")


def test_a_space_without_vectors_has_nothing_to_export(writer: Writer, tmp_path: Path) -> None:
    writer.ensure_space(space("empty"))
    with pytest.raises(LibraryError, match="no vectors"):
        export_space(writer.catalog, writer.load("empty"), tmp_path / "out.npy", file_format="npy")
    assert not (tmp_path / "out.npy").exists()


def test_the_table_of_all_tracks_has_those_that_failed_too(writer: Writer, tmp_path: Path) -> None:
    odd = FoundFile(b'/music/caf\xe9, "live"\n.mp3', b"/music", 1, 1, 1, 1, 1)
    writer.commit([result("x", found=odd, tags=Tags(title='a "b"\r\nc', artist="=1+1"))])
    rows = table(export_tracks(writer.catalog, tmp_path / "tracks.csv"))
    assert len(rows) == 32
    by_uri = {unquote_to_bytes(row["uri"].removeprefix("file://")): row for row in rows}
    assert by_uri[odd.path]["title"] == 'a "b"\r\nc'
    assert by_uri[odd.path]["path"].isprintable()
    failed = by_uri[found("bad.mp3").path]
    assert (failed["outcome"], failed["kind"], failed["message"]) == ("failed", "not_audio", "no audio in it")

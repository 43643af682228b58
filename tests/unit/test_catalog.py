from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import numpy as np
import pytest

from libraries import ROOT, commit, failure, found, result, space
from orpheus_fast.audio import Tags
from orpheus_fast.errors import LibraryError, ParameterError, UnknownSpaceError
from orpheus_fast.library.catalog import Catalog
from orpheus_fast.library.changes import CatalogWriter
from orpheus_fast.library.integrity import check_catalog
from orpheus_fast.library.records import Embedding
from orpheus_fast.library.vectors import Appended

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SMALL, OTHER = space("small"), space("other", dim=3)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "catalog.sqlite"
    CatalogWriter.create(path, created_by="a test")
    return path


@pytest.fixture
def catalog(path: Path) -> Iterator[CatalogWriter]:
    with CatalogWriter.open(path, writable=True) as catalog:
        catalog.add_space(SMALL)
        catalog.add_space(OTHER)
        yield catalog


def test_a_new_catalog_says_what_it_is(path: Path) -> None:
    with Catalog.open(path, writable=False) as catalog:
        meta = catalog.meta()
        assert (meta["format_version"], meta["created_by"], meta["generation"]) == ("2", "a test", "0")
        assert meta["created_at"].endswith("+00:00")
        assert catalog.spaces() == {}
        assert check_catalog(catalog) == []


def test_a_track_comes_back_as_it_was_committed(catalog: CatalogWriter) -> None:
    odd = found("caf\u00e9 \U0001f3b5.flac")
    committed = result("x", SMALL, found=odd, outcome="partial", kind="damaged", message="2 s lost", seconds_lost=2.0)
    (track_id,) = commit(catalog, committed)
    track = catalog.tracks([track_id])[track_id]
    assert catalog.track_at(odd.path) == track
    assert (track.path, track.root, track.size, track.inode) == (odd.path, ROOT, odd.size, odd.inode)
    assert (track.outcome, track.kind, track.message, track.seconds_lost) == ("partial", "damaged", "2 s lost", 2.0)
    assert (track.title, track.artist, track.year, track.album) == ("Title of x", "B\u00f6rje", 1990, None)
    assert (track.duration_seconds, track.sample_rate, track.n_channels, track.codec) == (30.5, 44_100, 2, "flac")
    assert (track.engine_version, track.digest, track.missing_since) == ("engine 1", committed.digest, None)


def test_rows_belong_to_the_tracks_in_the_order_of_the_batch(catalog: CatalogWriter) -> None:
    ids = commit(catalog, result("a", SMALL), failure("b"), result("c", SMALL, OTHER), result("d", OTHER))
    assert ids == [1, 2, 3, 4]
    assert catalog.row_tracks(catalog.space("small")).tolist() == [1, 3]
    assert catalog.row_tracks(catalog.space("other")).tolist() == [3, 4]
    assert catalog.tracks_done(catalog.space("other")) == {3, 4}


def test_a_track_that_is_committed_again_keeps_its_id_and_leaves_a_tombstone(catalog: CatalogWriter) -> None:
    commit(catalog, result("a", SMALL, OTHER), result("b", SMALL))
    assert commit(catalog, result("a", SMALL)) == [1]
    assert catalog.row_tracks(catalog.space("small")).tolist() == [-1, 2, 1]
    # Other content: what the other space knew is no longer true.
    assert catalog.row_tracks(catalog.space("other")).tolist() == [-1]
    assert (catalog.space("small").n_rows, catalog.space("small").n_live) == (3, 2)


def test_the_same_content_read_for_another_space_keeps_its_vectors(catalog: CatalogWriter) -> None:
    commit(catalog, result("a", SMALL))
    commit(catalog, result("a", OTHER, keep_other_spaces=True))
    assert catalog.row_tracks(catalog.space("small")).tolist() == [1]
    assert catalog.row_tracks(catalog.space("other")).tolist() == [1]


def test_a_track_that_fails_now_loses_the_vectors_of_its_old_content(catalog: CatalogWriter) -> None:
    commit(catalog, result("a", SMALL))
    commit(catalog, failure("a"))
    assert catalog.row_tracks(catalog.space("small")).tolist() == [-1]
    assert catalog.outcome_counts() == [("failed", "not_audio", 1)]


def test_a_note_counts_as_done_and_holds_no_row(catalog: CatalogWriter) -> None:
    noted = result("a", embeddings={"small": Embedding(None, 0, "too short")})
    commit(catalog, noted, result("b", SMALL))
    small = catalog.space("small")
    assert catalog.row_tracks(small).tolist() == [2]
    assert catalog.tracks_done(small) == {1, 2}
    assert (small.n_rows, small.n_live) == (1, 1)
    entry = catalog.entry(small, 1)
    assert entry is not None
    assert (entry.row, entry.n_windows, entry.note) == (None, 0, "too short")
    assert catalog.entry(catalog.space("other"), 1) is None


def test_a_removed_track_leaves_a_tombstone_and_its_id_is_not_used_again(catalog: CatalogWriter) -> None:
    commit(catalog, result("a", SMALL), result("b", SMALL))
    assert catalog.remove([2, 99]) == 1
    assert catalog.row_tracks(catalog.space("small")).tolist() == [1, -1]
    assert commit(catalog, result("c", SMALL)) == [3]


def test_a_batch_is_committed_whole_or_not_at_all(catalog: CatalogWriter) -> None:
    commit(catalog, result("a", SMALL))
    before = (catalog.generation(), catalog.spaces(), list(catalog.all_tracks()))
    with pytest.raises(LibraryError, match="2 rows"):
        catalog.commit_batch([result("b", SMALL)], {"small": Appended(1, 3, ())})
    with pytest.raises(LibraryError, match="open the library again"):
        catalog.commit_batch([result("b", SMALL)], {"small": Appended(0, 1, ())})
    with pytest.raises(ParameterError, match="twice in one batch"):
        commit(catalog, result("b", SMALL), result("b", SMALL))
    assert (catalog.generation(), catalog.spaces(), list(catalog.all_tracks())) == before


def test_hostile_tags_are_stored_as_text_of_bounded_length(catalog: CatalogWriter) -> None:
    tags = Tags(title="\ud800 lone", artist="x" * 10**6, album="nul \0 inside", year=10**30, track_number=-(2**63))
    (track_id,) = commit(catalog, result("a", tags=tags, duration_seconds=float("nan"), seconds_sound=-0.0))
    track = catalog.tracks([track_id])[track_id]
    assert track.title == "\\ud800 lone"
    assert track.artist == "x" * 2000
    assert (track.album, track.year, track.track_number) == ("nul \0 inside", None, -(2**63))
    assert (track.duration_seconds, track.seconds_sound) == (None, 0.0)


def test_paths_that_are_no_unicode_are_kept_apart(catalog: CatalogWriter) -> None:
    paths = [ROOT + b"/caf\xe9", ROOT + b"/caf\xc3\xa9", ROOT + b"/cafe\xcc\x81"]
    files = [type(found("x"))(path, ROOT, 1, 1, 1, 1, 1) for path in paths]
    commit(catalog, *(result("x", found=file) for file in files))
    assert [track.path for track in catalog.all_tracks()] == paths


def test_tracks_below_a_root_are_those_below_it_and_no_others(catalog: CatalogWriter) -> None:
    names = ["music/a", "music/b/c", "music0", "musi", "music.flac", "musicx/d", "other/e"]
    commit(catalog, *(result(name, found=found(name, root=b"")) for name in names))
    for roots, expected in (
        ([b"/music"], [b"/music/a", b"/music/b/c"]),
        ([b"/music/"], [b"/music/a", b"/music/b/c"]),
        ([b"/music.flac"], [b"/music.flac"]),
        ([b"/music", b"/music/b"], [b"/music/a", b"/music/b/c"]),
        ([b"/"], [b"/" + name.encode() for name in names]),
        ([b"/none"], []),
    ):
        assert sorted(catalog.known_under(roots)) == sorted(expected)


def test_missing_is_a_mark_that_comes_and_goes(catalog: CatalogWriter) -> None:
    commit(catalog, result("a", SMALL), result("b", SMALL))
    catalog.mark_missing([2])
    assert catalog.n_missing() == 1
    assert [track.id for track in catalog.all_tracks(only_trouble=True)] == [2]
    assert catalog.row_tracks(catalog.space("small")).tolist() == [1, 2]
    catalog.refresh_files({2: (found("b", size=77), b"digest")})
    track = catalog.tracks([2])[2]
    assert (track.missing_since, track.size, track.digest) == (None, 77, b"digest")
    assert catalog.n_missing() == 0


def test_tracks_are_listed_page_by_page(catalog: CatalogWriter) -> None:
    commit(catalog, *(result(str(number)) for number in range(2500)))
    assert [track.id for track in catalog.all_tracks()] == list(range(1, 2501))
    assert len(catalog.tracks(range(1, 2501))) == 2500
    assert catalog.n_tracks() == 2500
    assert catalog.seconds_sound() == 2500 * 30.5
    assert catalog.tracks([2501, -1]) == {}


def test_every_change_raises_the_generation(catalog: CatalogWriter) -> None:
    seen = [catalog.generation()]
    for change in (
        lambda: commit(catalog, result("a", SMALL)),
        lambda: catalog.mark_missing([1]),
        lambda: catalog.refresh_files({1: (found("a"), None)}),
        lambda: catalog.remove([1]),
        lambda: catalog.add_space(space("third")),
        lambda: catalog.restart_space(space("third", dim=4)),
    ):
        change()
        seen.append(catalog.generation())
    assert seen == list(range(seen[0], seen[0] + 7))


def test_a_space_that_is_restarted_has_no_rows_and_another_file(catalog: CatalogWriter) -> None:
    commit(catalog, result("a", SMALL, OTHER))
    changed = space("small", dim=5)
    restarted = catalog.restart_space(changed)
    assert (restarted.spec, restarted.n_rows, restarted.n_live, restarted.file) == (changed, 0, 0, "small.1.npy")
    assert catalog.checksums(restarted) == []
    assert catalog.row_tracks(catalog.space("other")).tolist() == [1]
    assert catalog.restart_space(SMALL).file == "small.2.npy"


def test_an_unknown_space_is_answered_with_those_that_are_there(catalog: CatalogWriter) -> None:
    with pytest.raises(UnknownSpaceError, match="it has small, other"):
        catalog.space("clap")


def test_a_name_can_be_used_for_one_space_only(catalog: CatalogWriter) -> None:
    with pytest.raises(ParameterError, match="already has"):
        catalog.add_space(space("small", dim=99))


def test_readers_see_one_state_while_a_writer_commits(catalog: CatalogWriter, path: Path) -> None:
    commit(catalog, result("a", SMALL))
    with Catalog.open(path, writable=False) as reader, reader.read():
        before = reader.generation(), reader.spaces()
        commit(catalog, result("b", SMALL))
        assert (reader.generation(), reader.spaces()) == before
        assert [track.id for track in reader.all_tracks()] == [1]
    with Catalog.open(path, writable=False) as reader:
        assert reader.space("small").n_rows == 2


def test_threads_can_share_a_catalog(catalog: CatalogWriter) -> None:
    commit(catalog, *(result(str(number), SMALL) for number in range(300)))
    errors: list[BaseException] = []

    def read() -> None:
        try:
            for _ in range(20):
                assert len(catalog.tracks(range(1, 301))) == 300
                assert catalog.row_tracks(catalog.space("small")).size >= 300
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for number in range(20):
        commit(catalog, result(f"more {number}", SMALL))
    for thread in threads:
        thread.join()
    assert errors == []


def test_a_reader_cannot_write(path: Path) -> None:
    with (
        Catalog.open(path, writable=False) as catalog,
        pytest.raises(PermissionError) as error,
        catalog.read() as connection,
    ):
        connection.execute("DELETE FROM meta")
    assert error.value.filename == str(path)


def test_a_closed_catalog_says_so(path: Path) -> None:
    catalog = Catalog.open(path, writable=False)
    catalog.close()
    catalog.close()
    with pytest.raises(LibraryError, match="was closed"):
        catalog.spaces()


def test_vectors_of_ids_are_plain_arrays(catalog: CatalogWriter) -> None:
    rows = catalog.row_tracks(catalog.space("small"))
    assert rows.dtype == np.int64
    assert rows.shape == (0,)

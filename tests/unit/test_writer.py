from __future__ import annotations

import errno
import os
import shutil
import sqlite3
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from libraries import assert_holds, failure, fill, result, space, vector_of, without_rights
from orpheus_fast.errors import (
    LibraryDamagedError,
    LibraryError,
    LibraryLockedError,
    LibraryNotFoundError,
    ParameterError,
    ShapeError,
    UnknownSpaceError,
)
from orpheus_fast.library.records import Embedding
from orpheus_fast.library.store import Store
from orpheus_fast.library.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from orpheus_fast.library.spaces import SpaceSpec

SMALL, OTHER = space("small"), space("other", dim=3)
NAMES = [f"{number}.mp3" for number in range(20)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a library with twenty tracks in one space."""
    folder = tmp_path / "music.orpheus"
    with Writer.acquire(folder, create=True) as writer:
        fill(writer, SMALL, NAMES)
    return folder


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Make a library that a process without rights can reach, unlike pytest's own folders."""
    outer = Path(tempfile.mkdtemp(prefix="orpheus-test-"))
    outer.chmod(0o755)
    with Writer.acquire(outer / "library", create=True) as writer:
        fill(writer, SMALL, NAMES)
    yield outer / "library"
    shutil.rmtree(outer)


def files_of(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_what_was_committed_is_read_back(folder: Path) -> None:
    with Store.open(folder) as store:
        assert_holds(store, SMALL, NAMES)
        assert store.check() == []


def test_closing_leaves_the_catalog_the_vectors_and_the_lock_file_only(folder: Path) -> None:
    assert files_of(folder) == ["catalog.sqlite", "vectors/small.npy", "writer.lock"]
    with Store.open(folder) as store:
        store.load("small")
    assert files_of(folder) == ["catalog.sqlite", "vectors/small.npy", "writer.lock"]


def test_numpy_opens_what_was_committed(folder: Path) -> None:
    loaded = np.load(folder / "vectors" / "small.npy", mmap_mode="r")
    assert loaded.shape == (20, SMALL.dim)
    np.testing.assert_array_equal(loaded[3], vector_of(b"/music/3.mp3"))


def test_a_reader_keeps_its_view_while_a_writer_goes_on(folder: Path) -> None:
    with Store.open(folder) as reader, Writer.acquire(folder) as writer:
        before = reader.load("small")
        values = before.vectors.copy()
        writer.commit([result("0.mp3", SMALL), result("new.mp3", SMALL), failure("1.mp3")])
        after = reader.load("small")
        assert before.vectors.shape == (20, SMALL.dim)
        np.testing.assert_array_equal(before.vectors, values)
        assert after.vectors.shape == (22, SMALL.dim)
        assert (after.track_ids >= 0).sum() == 20
        assert after.generation == before.generation + 1
        assert_holds(reader, SMALL, [*(name for name in NAMES if name != "1.mp3"), "new.mp3"])


def test_several_spaces_are_committed_together(folder: Path) -> None:
    with Writer.acquire(folder) as writer:
        writer.ensure_space(OTHER)
        writer.commit([result("0.mp3", OTHER, keep_other_spaces=True), result("both.mp3", SMALL, OTHER)])
        assert_holds(writer, SMALL, [*NAMES, "both.mp3"])
        assert_holds(writer, OTHER, ["0.mp3", "both.mp3"])
        assert writer.check() == []


def test_a_batch_of_failures_writes_no_vectors(folder: Path) -> None:
    with Writer.acquire(folder) as writer:
        writer.commit([failure("a.mp3"), failure("b.mp3")])
        writer.commit([])
        assert writer.catalog.space("small").n_rows == 20
        assert writer.catalog.n_tracks() == 22


def test_a_second_writer_is_refused_while_readers_come_and_go(folder: Path) -> None:
    with Writer.acquire(folder):
        with pytest.raises(LibraryLockedError, match=f"process {os.getpid()}"):
            Writer.acquire(folder)
        with Store.open(folder) as store:
            assert store.catalog.n_tracks() == 20
    Writer.acquire(folder).close()


def test_opening_what_is_not_there_makes_nothing(tmp_path: Path) -> None:
    for use in (Store.open, Writer.acquire):
        with pytest.raises(LibraryNotFoundError, match="no such folder"):
            use(tmp_path / "none")
        with pytest.raises(LibraryNotFoundError, match=r"holds no catalog\.sqlite"):
            use(tmp_path)
    assert files_of(tmp_path) == []


def test_creating_where_a_library_is_opens_it(folder: Path) -> None:
    with Writer.acquire(folder, create=True) as writer:
        assert_holds(writer, SMALL, NAMES)


def test_a_library_is_not_made_in_somebodys_folder(tmp_path: Path) -> None:
    (tmp_path / "holiday.jpg").write_bytes(b"")
    with pytest.raises(LibraryError, match=r"holiday\.jpg"):
        Writer.acquire(tmp_path, create=True)
    assert files_of(tmp_path) == ["holiday.jpg"]


def test_a_creation_that_was_killed_can_be_repeated(tmp_path: Path) -> None:
    (tmp_path / "writer.lock").write_bytes(b"")
    (tmp_path / "catalog.sqlite.new").write_bytes(b"half a catal")
    (tmp_path / "vectors").mkdir()
    with Writer.acquire(tmp_path, create=True) as writer:
        fill(writer, SMALL, NAMES)
    assert files_of(tmp_path) == ["catalog.sqlite", "vectors/small.npy", "writer.lock"]


def test_vectors_without_their_catalog_are_not_overwritten(folder: Path) -> None:
    (folder / "catalog.sqlite").unlink()
    before = (folder / "vectors" / "small.npy").read_bytes()
    uses: list[Callable[[], object]] = [
        lambda: Store.open(folder),
        lambda: Writer.acquire(folder),
        lambda: Writer.acquire(folder, create=True),
    ]
    for use in uses:
        with pytest.raises(LibraryDamagedError, match="gone"):
            use()
    assert (folder / "vectors" / "small.npy").read_bytes() == before


def test_another_space_of_the_same_name_is_refused_unless_refreshed(folder: Path) -> None:
    changed = space("small", dim=5)
    with Store.open(folder) as reader, Writer.acquire(folder) as writer:
        view = reader.load("small")
        with pytest.raises(LibraryError, match="20 vectors of space small-"):
            writer.ensure_space(changed)
    with Writer.acquire(folder) as writer:
        writer.ensure_space(changed, refresh=True)
        writer.commit([result("0.mp3", changed)])
        assert_holds(writer, changed, ["0.mp3"])
        assert writer.catalog.n_tracks() == 20
    np.testing.assert_array_equal(view.vectors[0], vector_of(b"/music/0.mp3"))
    assert files_of(folder) == ["catalog.sqlite", "vectors/small.1.npy", "writer.lock"]


def test_the_file_of_a_replaced_space_is_removed_by_the_next_writer(folder: Path) -> None:
    with Writer.acquire(folder) as writer:
        # As if killed between the transaction and the removal.
        writer.catalog.restart_space(space("small", dim=5))
    foreign = folder / "vectors" / "notes.npy"
    foreign.write_bytes(b"not ours")
    with Writer.acquire(folder) as writer:
        assert len(writer.repairs) == 1
        fill(writer, space("small", dim=5), ["a.mp3"])
    assert files_of(folder) == ["catalog.sqlite", "vectors/notes.npy", "vectors/small.1.npy", "writer.lock"]


def test_a_batch_that_does_not_fit_is_refused_and_the_writer_goes_on(folder: Path) -> None:
    bad: list[tuple[type[Exception], dict[str, Any]]] = [
        (UnknownSpaceError, {"embeddings": {"clap": Embedding([0.0], 1)}}),
        (ShapeError, {"embeddings": {"small": Embedding([0.0], 1)}}),
        (ParameterError, {"embeddings": {"small": Embedding([np.nan] * SMALL.dim, 1)}}),
    ]
    with Writer.acquire(folder) as writer:
        for error, changes in bad:
            with pytest.raises(error):
                writer.commit([result("bad.mp3", **changes)])
        writer.commit([result("good.mp3", SMALL)])
        assert_holds(writer, SMALL, [*NAMES, "good.mp3"])
    with Writer.acquire(folder) as writer:
        assert writer.repairs == ()


def test_results_that_contradict_themselves_cannot_be_made() -> None:
    with pytest.raises(ParameterError, match="outcome is 'fine'"):
        result("a", outcome="fine")
    with pytest.raises(ParameterError, match="no embeddings"):
        failure("a", embeddings={"small": Embedding([0.0], 1)})
    with pytest.raises(ParameterError, match="note"):
        Embedding(None, 1)
    with pytest.raises(ParameterError, match="note"):
        Embedding([0.0], 1, "and yet")


def failing_calls(patch: pytest.MonkeyPatch, k: int) -> list[str]:
    """Let the k-th write, sync, cut or rename of this process fail; return the calls that were made."""
    calls: list[str] = []

    def wrap(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **keywords: Any) -> Any:
            calls.append(name)
            if len(calls) == k:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            return real(*arguments, **keywords)

        return call

    for name in ("pwrite", "fsync", "ftruncate", "replace", "rename", "unlink"):
        patch.setattr(os, name, wrap(name, getattr(os, name)))
    return calls


def change(folder: Path, wide: SpaceSpec) -> OSError | None:
    try:
        with Writer.acquire(folder) as writer:
            writer.ensure_space(OTHER)
            writer.commit([result("new.mp3", SMALL, wide, OTHER)])
    except OSError as error:
        return error
    return None


def test_whichever_system_call_fails_nothing_committed_is_lost(folder: Path, tmp_path: Path) -> None:
    # Vectors of 3 blocks, a torn tail to cut off, a new space: every path of a writer's life.
    wide = space("wide", dim=20_000)
    with Writer.acquire(folder) as writer:
        fill(writer, wide, ["w.mp3"])
    with (folder / "vectors" / "small.npy").open("ab") as file:
        file.write(b"torn")
    n_failed = 0
    for k in range(1, 100):
        copy = tmp_path / f"copy {k}"
        shutil.copytree(folder, copy)
        with pytest.MonkeyPatch.context() as patch:
            calls = failing_calls(patch, k)
            error = change(copy, wide)
        if error is not None:
            assert (error.errno, Path(error.filename).is_relative_to(tmp_path)) == (errno.EIO, True)
        with Writer.acquire(copy, wait_seconds=1.0) as writer:
            held = {track.path for track in writer.catalog.all_tracks()}
            new = ["new.mp3"] if b"/music/new.mp3" in held else []
            assert_holds(writer, SMALL, NAMES + new)
            assert_holds(writer, wide, ["w.mp3", *new])
            assert bool(new) == (error is None)
            assert writer.check() == []
        n_failed += error is not None
        shutil.rmtree(copy)
        if len(calls) < k:
            break
    assert n_failed >= 12


def test_a_writer_whose_commit_failed_half_way_refuses_to_go_on(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Writer.acquire(folder) as writer:
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", lambda _fd: (_ for _ in ()).throw(OSError(errno.EIO, "bad disk")))
            with pytest.raises(OSError, match="bad disk"):
                writer.commit([result("a.mp3", SMALL)])
        with pytest.raises(LibraryError, match="open the library again"):
            writer.commit([result("a.mp3", SMALL)])
    with Writer.acquire(folder) as writer:
        assert len(writer.repairs) == 1
        writer.commit([result("a.mp3", SMALL)])
        assert_holds(writer, SMALL, [*NAMES, "a.mp3"])


@pytest.mark.parametrize("exception", [KeyboardInterrupt, MemoryError, sqlite3.OperationalError("disk I/O error")])
def test_an_interruption_between_vectors_and_catalog_costs_only_the_batch(
    folder: Path, monkeypatch: pytest.MonkeyPatch, exception: BaseException | type[BaseException]
) -> None:
    def interrupted(*_: object) -> list[int]:
        raise exception

    with Writer.acquire(folder) as writer:
        monkeypatch.setattr(writer.catalog, "commit_batch", interrupted)
        with pytest.raises(BaseException) as error:  # noqa: PT011 -- whatever it was, it goes through
            writer.commit([result("a.mp3", SMALL)])
        assert error.value is exception or isinstance(error.value, exception)  # type: ignore[arg-type]
    with Writer.acquire(folder) as writer:
        assert_holds(writer, SMALL, NAMES)


def test_a_library_in_a_read_only_folder_is_read_and_left_alone(open_folder: Path) -> None:
    before = files_of(open_folder)
    with without_rights(open_folder):
        with Store.open(open_folder) as store:
            assert_holds(store, SMALL, NAMES)
            assert store.check() == []
        assert files_of(open_folder) == before
        with pytest.raises(PermissionError) as error:
            Writer.acquire(open_folder)
        assert str(open_folder) in str(error.value.filename)
        assert files_of(open_folder) == before


def test_a_read_only_folder_with_an_unfinished_log_shows_what_the_log_holds(open_folder: Path) -> None:
    # As a writer leaves it that was killed: the last commits are in the log only.
    copy = open_folder.with_name("copy")
    with Writer.acquire(open_folder) as writer:
        writer.commit([result("logged.mp3", SMALL)])
        shutil.copytree(open_folder, copy)
    assert (copy / "catalog.sqlite-wal").stat().st_size > 0
    with without_rights(copy), Store.open(copy) as store:
        assert_holds(store, SMALL, [*NAMES, "logged.mp3"])
    (copy / "catalog.sqlite-shm").unlink()
    with without_rights(copy), pytest.raises(LibraryError, match="copy the library"):
        Store.open(copy)
    with Store.open(copy) as store:
        assert_holds(store, SMALL, [*NAMES, "logged.mp3"])


def test_a_full_disk_is_a_system_error_and_the_library_stays(folder: Path) -> None:
    with Writer.acquire(folder) as writer:
        connection = writer.catalog._database._connection
        assert connection is not None
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(OSError, match="full") as error:
            writer.commit([result(f"{number}" * 100, SMALL) for number in range(500)])
        assert error.value.errno == errno.ENOSPC
        assert error.value.filename == str(folder / "catalog.sqlite")
    with Writer.acquire(folder) as writer:
        assert_holds(writer, SMALL, NAMES)
        fill(writer, SMALL, ["after.mp3"])
        assert_holds(writer, SMALL, [*NAMES, "after.mp3"])

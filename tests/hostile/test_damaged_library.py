from __future__ import annotations

import os
import random
import shutil
from dataclasses import astuple
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from libraries import assert_holds, failure, fill, result, space
from orpheus_fast.errors import LibraryDamagedError, OrpheusError
from orpheus_fast.library.records import Embedding
from orpheus_fast.library.store import Store
from orpheus_fast.library.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SMALL, WIDE = space("small"), space("wide", dim=4000)
NAMES = [f"artist {number % 5}/album/{number:02} - a track of some length.mp3" for number in range(60)]


@pytest.fixture(scope="module")
def intact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("intact") / "library"
    with Writer.acquire(folder, create=True) as writer:
        fill(writer, SMALL, NAMES)
        fill(writer, WIDE, NAMES[:20])
        fill(writer, SMALL, NAMES[:3])
        writer.commit([failure("bad.mp3"), result("short.mp3", embeddings={"small": Embedding(None, 0, "too short")})])
        writer.catalog.mark_missing([5])
    return folder


@pytest.fixture
def copies(tmp_path: Path) -> Iterator[Any]:
    """Yield a function that makes a fresh copy of a library, in memory where the system has such a place."""
    place = tmp_path / "copy"

    def fresh(folder: Path) -> Path:
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(folder, place)
        return place

    yield fresh
    shutil.rmtree(place, ignore_errors=True)


def contents(folder: Path) -> dict[str, Any]:
    """Everything that a reader can be told, checks included; raises what it raises."""
    with Store.open(folder) as store:
        spaces = store.catalog.spaces()
        views = {name: store.load(name) for name in spaces}
        told = {
            "meta": store.catalog.meta(),
            "spaces": spaces,
            "vectors": {name: view.vectors.tobytes() for name, view in views.items()},
            "owners": {name: view.track_ids.tolist() for name, view in views.items()},
            "entries": {
                name: [store.catalog.entry(held, number) for number in range(70)] for name, held in spaces.items()
            },
            "done": {name: store.catalog.tracks_done(held) for name, held in spaces.items()},
            "tracks": [astuple(track) for track in store.catalog.all_tracks()],
            "known": store.catalog.known_under([b"/music"]),
            "counts": store.catalog.outcome_counts(),
            "by path": [store.catalog.track_at(b"/music/" + name.encode()) for name in NAMES],
        }
        findings = [finding for finding in store.check() if not finding.mends_itself]
    if findings:
        raise LibraryDamagedError(str(findings))
    return told


def told_or_refused(folder: Path, truth: dict[str, Any]) -> str:
    """Whether the library answers as before, or refuses in one of the ways that callers were promised."""
    try:
        told = contents(folder)
    except OrpheusError:
        return "refused"
    except OSError as error:
        if error.filename is None:
            raise
        return "refused"
    assert told == truth, {key: (told[key], truth[key]) for key in truth if told[key] != truth[key]}
    return "same"


def write_after_damage(folder: Path) -> None:
    """Try to go on writing: whatever happens has a name."""
    try:
        with Writer.acquire(folder) as writer:
            writer.ensure_space(SMALL)
            writer.commit([result("new.mp3", SMALL), result(NAMES[0], SMALL)])
    except OrpheusError:
        pass
    except OSError as error:
        if error.filename is None:
            raise


@pytest.mark.parametrize("name", ["catalog.sqlite", "vectors/small.npy", "vectors/wide.npy"])
def test_no_flipped_bit_changes_an_answer_in_silence(intact: Path, copies: Any, name: str) -> None:
    truth = contents(intact)
    chance = random.Random(name)
    size = (intact / name).stat().st_size
    ended = []
    for _ in range(120 if name == "catalog.sqlite" else 40):
        folder = copies(intact)
        with (folder / name).open("r+b") as file:
            file.seek(chance.randrange(size))
            (byte,) = file.read(1)
            file.seek(-1, os.SEEK_CUR)
            file.write(bytes([byte ^ 1 << chance.randrange(8)]))
        ended.append(told_or_refused(folder, truth))
        write_after_damage(folder)
    # Most of a catalog is free space on its pages, where a flip is harmless.
    assert ended.count("refused") >= (25 if name == "catalog.sqlite" else 39)


@pytest.mark.parametrize("name", ["catalog.sqlite", "vectors/small.npy", "vectors/wide.npy"])
def test_no_truncation_goes_unnoticed(intact: Path, copies: Any, name: str) -> None:
    truth = contents(intact)
    chance = random.Random(name)
    size = (intact / name).stat().st_size
    for length in [0, 1, 100, 127, 128, size // 2, size - 1, *(chance.randrange(size) for _ in range(20))]:
        folder = copies(intact)
        os.truncate(folder / name, length)
        assert told_or_refused(folder, truth) == "refused"
        write_after_damage(folder)


@pytest.mark.parametrize("garbage", [b"\0", b"\xff", b"SQLite format 3\0"])
def test_no_overwritten_page_changes_an_answer_in_silence(intact: Path, copies: Any, garbage: bytes) -> None:
    truth = contents(intact)
    n_pages = (intact / "catalog.sqlite").stat().st_size // 4096
    ended = []
    for page in range(n_pages):
        folder = copies(intact)
        with (folder / "catalog.sqlite").open("r+b") as file:
            file.seek(page * 4096)
            file.write((garbage * 4096)[:4096])
        ended.append(told_or_refused(folder, truth))
        write_after_damage(folder)
    assert ended.count("refused") >= n_pages - 2


def test_files_of_two_libraries_cannot_be_mixed(intact: Path, copies: Any, tmp_path: Path) -> None:
    other = tmp_path / "other"
    with Writer.acquire(other, create=True) as writer:
        fill(writer, SMALL, [f"other {name}" for name in NAMES])
        fill(writer, WIDE, [f"other {name}" for name in NAMES])
        fill(writer, SMALL, [f"other {name}" for name in NAMES[:3]])
    truth = contents(intact)
    for name in ("catalog.sqlite", "vectors/small.npy", "vectors/wide.npy"):
        folder = copies(intact)
        shutil.copyfile(other / name, folder / name)
        assert told_or_refused(folder, truth) == "refused"
        write_after_damage(folder)


def test_vectors_of_two_spaces_cannot_be_mixed(intact: Path, copies: Any) -> None:
    folder = copies(intact)
    shutil.copyfile(intact / "vectors/small.npy", folder / "vectors/wide.npy")
    with pytest.raises(LibraryDamagedError, match=r"wide\.npy"), Store.open(folder) as store:
        store.load("wide")


def test_a_check_names_the_tracks_whose_vectors_are_lost(intact: Path, copies: Any) -> None:
    folder = copies(intact)
    row_bytes = WIDE.dim * 4
    with (folder / "vectors/wide.npy").open("r+b") as file:
        file.seek(128 + 7 * row_bytes + 100)
        file.write(b"\xff\xff")
    with Store.open(folder) as store:
        (finding,) = store.check()
        owners = Store.open(intact).load("wide").track_ids
    # One block of 64 KiB holds a little more than four rows.
    assert int(owners[7]) in finding.track_ids
    assert 4 <= len(finding.track_ids) <= 6
    assert finding.file == folder / "vectors/wide.npy"


def test_the_other_space_is_still_searched_when_one_is_damaged(intact: Path, copies: Any) -> None:
    folder = copies(intact)
    (folder / "vectors/wide.npy").unlink()
    with Store.open(folder) as store:
        with pytest.raises(LibraryDamagedError, match="gone"):
            store.load("wide")
        assert_holds(store, SMALL, NAMES)


def test_no_damage_to_the_log_of_a_killed_writer_shows_what_was_never_there(tmp_path: Path, copies: Any) -> None:
    library = tmp_path / "library"
    names = [f"{number}.mp3" for number in range(12)]
    with Writer.acquire(library, create=True) as writer:
        fill(writer, SMALL, names[:4])
    with Writer.acquire(library) as writer:
        fill(writer, SMALL, names[4:], batch=1)
        # With its log beside it, as a kill leaves it.
        killed = tmp_path / "killed"
        shutil.copytree(library, killed)
    size = (killed / "catalog.sqlite-wal").stat().st_size
    assert size > 100_000
    chance = random.Random(1)
    n_lost = 0
    for _ in range(40):
        folder = copies(killed)
        with (folder / "catalog.sqlite-wal").open("r+b") as file:
            file.seek(chance.randrange(size))
            file.write(b"\xa5" * 16)
        (folder / "catalog.sqlite-shm").unlink()
        try:
            with Store.open(folder) as store:
                # A log counts up to its first damaged frame: some number of whole commits.
                n_rows = store.catalog.space("small").n_rows
                assert 4 <= n_rows <= 12
                assert_holds(store, SMALL, names[:n_rows])
                findings = store.check()
                assert bool(findings) == (n_rows < 12)
                n_lost += n_rows < 12
        except LibraryDamagedError:
            continue
        with Writer.acquire(folder) as writer:
            assert bool(writer.repairs) == (n_rows < 12)
            fill(writer, SMALL, names[n_rows:])
            assert_holds(writer, SMALL, names)
            assert writer.check() == []
    assert n_lost > 10


def test_every_error_has_one_line_that_names_the_file_and_says_what_to_do(intact: Path, copies: Any) -> None:
    folder = copies(intact)
    (folder / "catalog.sqlite").write_bytes(b"nonsense" * 1000)
    with pytest.raises(LibraryDamagedError) as error:
        Store.open(folder)
    message = str(error.value)
    assert "\n" not in message
    assert str(folder / "catalog.sqlite") in message
    assert "restore the library from a backup, or delete it and index again" in message


def test_text_that_is_no_unicode_is_refused_wherever_it_stands(intact: Path, copies: Any) -> None:
    truth = contents(intact)
    for text in (b"CREATE TABLE tracks", b"format_version", b"Title of", b"too short", b'"pooling"'):
        folder = copies(intact)
        content = (folder / "catalog.sqlite").read_bytes()
        changed = content.replace(text, b"\xd4" * len(text))
        (folder / "catalog.sqlite").write_bytes(changed)
        assert told_or_refused(folder, truth) == ("same" if changed == content else "refused")
        write_after_damage(folder)


def test_random_bytes_in_place_of_any_file_are_refused(intact: Path, copies: Any) -> None:
    truth = contents(intact)
    for seed, name in enumerate(["catalog.sqlite", "vectors/small.npy", "vectors/wide.npy"] * 5):
        folder = copies(intact)
        noise = np.random.default_rng(seed).bytes((intact / name).stat().st_size)
        (folder / name).write_bytes(noise)
        assert told_or_refused(folder, truth) == "refused"
        write_after_damage(folder)

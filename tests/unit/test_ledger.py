from __future__ import annotations

import os
import shutil
import time
from typing import TYPE_CHECKING

import pytest

from libraries import failure, result, space
from orpheus_fast.errors import RootUnavailableError
from orpheus_fast.library import ledger
from orpheus_fast.library.ledger import Action, file_digest
from orpheus_fast.library.records import Embedding
from orpheus_fast.library.scan import scan
from orpheus_fast.library.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from orpheus_fast.library.ledger import Plan
    from orpheus_fast.library.spaces import SpaceSpec

SMALL, OTHER = space("small"), space("other", dim=3)
ENGINE = "engine 1"


class Collection:
    """A folder of files and a library that indexes them the way an indexer would."""

    def __init__(self, tmp_path: Path) -> None:
        self.music = tmp_path / "music"
        self.music.mkdir()
        self.writer = Writer.acquire(tmp_path / "library", create=True)
        self.bad: set[str] = set()

    def add(self, *names: str, content: bytes = b"sound") -> None:
        for name in names:
            path = self.music / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    def plan(self, *specs: SpaceSpec, engine: str = ENGINE, **options: bool) -> Plan:
        scanned = scan([self.music])
        return ledger.plan(self.writer.catalog, scanned, specs or (SMALL,), engine_version=engine, **options)

    def index(self, *specs: SpaceSpec, engine: str = ENGINE, **options: bool) -> Plan:
        specs = specs or (SMALL,)
        for spec in specs:
            self.writer.ensure_space(spec)
        plan = self.plan(*specs, engine=engine, **options)
        ledger.apply(self.writer.catalog, plan)
        for job in plan.jobs:
            name = os.fsdecode(os.path.relpath(job.found.path, os.fsencode(self.music)))
            digest = file_digest(job.found.path)
            if name in self.bad:
                committed = failure(name, found=job.found, engine_version=engine, digest=digest)
            else:
                wanted = [spec for spec in specs if spec.name in job.spaces]
                keep = job.keep_other_spaces
                committed = result(
                    name, *wanted, found=job.found, engine_version=engine, digest=digest, keep_other_spaces=keep
                )
            self.writer.commit([committed])
        return plan

    def actions(self, plan: Plan) -> dict[str, str]:
        root = os.fsencode(self.music)
        return {os.fsdecode(os.path.relpath(job.found.path, root)): str(job.action) for job in plan.jobs}

    def paths(self, ids: list[int]) -> list[str]:
        root = os.fsencode(self.music)
        tracks = self.writer.catalog.tracks(ids)
        return [os.fsdecode(os.path.relpath(tracks[track_id].path, root)) for track_id in ids]


@pytest.fixture
def collection(tmp_path: Path) -> Iterator[Collection]:
    collection = Collection(tmp_path)
    yield collection
    collection.writer.close()


def nothing_to_do(plan: Plan) -> bool:
    return not plan.jobs and not plan.refreshed and not plan.missing


def test_a_second_run_over_an_unchanged_folder_has_nothing_to_do(collection: Collection) -> None:
    collection.add("a.mp3", "b/c.flac", "d.ogg")
    collection.bad = {"d.ogg"}
    first = collection.index()
    assert collection.actions(first) == {"a.mp3": "new", "b/c.flac": "new", "d.ogg": "new"}
    second = collection.index()
    assert nothing_to_do(second)
    assert second.counts == {Action.UNCHANGED: 3}
    assert second.settled == {("ok", ""): 2, ("failed", "not_audio"): 1}


def test_without_a_library_everything_is_new(collection: Collection) -> None:
    collection.add("a.mp3")
    plan = ledger.plan(None, scan([collection.music]), [SMALL], engine_version=ENGINE)
    assert plan.counts == {Action.NEW: 1}
    assert plan.jobs[0].spaces == ("small",)
    assert plan.jobs[0].track_id is None


def test_other_content_is_decoded_again_under_the_same_id(collection: Collection) -> None:
    collection.add("a.mp3", "b.mp3")
    collection.index()
    collection.add("a.mp3", content=b"other sound")
    plan = collection.index()
    assert collection.actions(plan) == {"a.mp3": "changed"}
    assert plan.jobs[0].track_id == 1
    assert not plan.jobs[0].keep_other_spaces
    assert nothing_to_do(collection.index())


def test_an_edit_that_keeps_size_and_time_is_found(collection: Collection) -> None:
    collection.add("a.mp3", content=b"title: one")
    collection.index()
    path = collection.music / "a.mp3"
    before = path.stat()
    time.sleep(0.02)
    path.write_bytes(b"title: two")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert collection.actions(collection.index()) == {"a.mp3": "changed"}


def test_new_rights_alone_decode_nothing_and_are_remembered(collection: Collection) -> None:
    collection.add("a.mp3")
    collection.index()
    time.sleep(0.02)
    (collection.music / "a.mp3").chmod(0o600)
    plan = collection.index()
    assert (plan.jobs, list(plan.refreshed)) == ([], [1])
    assert nothing_to_do(collection.index())


def test_a_copy_with_the_same_times_in_the_same_place_decodes_nothing(collection: Collection) -> None:
    collection.add("a.mp3")
    collection.index()
    old = collection.music / "a.mp3"
    copy = collection.music / "b.tmp"
    shutil.copy2(old, copy)
    copy.rename(old)
    plan = collection.index()
    assert (plan.jobs, list(plan.refreshed)) == ([], [1])


def test_a_failed_file_is_tried_again_when_the_engine_or_the_file_changed_or_on_request(collection: Collection) -> None:
    collection.add("bad.mp3", "good.mp3")
    collection.bad = {"bad.mp3"}
    collection.index()
    assert nothing_to_do(collection.plan())
    assert collection.actions(collection.plan(retry_failed=True)) == {"bad.mp3": "retry"}
    assert collection.actions(collection.index(engine="engine 2")) == {"bad.mp3": "retry"}
    assert nothing_to_do(collection.plan(engine="engine 2"))
    collection.add("bad.mp3", content=b"better sound")
    collection.bad = set()
    assert collection.actions(collection.index(engine="engine 2")) == {"bad.mp3": "changed"}
    assert nothing_to_do(collection.plan(engine="engine 3"))


def test_a_further_space_is_computed_for_what_does_not_have_it(collection: Collection) -> None:
    collection.add("a.mp3", "bad.mp3")
    collection.bad = {"bad.mp3"}
    collection.index(SMALL)
    collection.add("b.mp3")
    plan = collection.index(SMALL, OTHER)
    assert {job.found.path[-5:]: (job.action, job.spaces) for job in plan.jobs} == {
        b"a.mp3": (Action.EXTEND, ("other",)),
        b"b.mp3": (Action.NEW, ("small", "other")),
    }
    assert nothing_to_do(collection.index(SMALL, OTHER))
    small, other = (collection.writer.load(name).track_ids.tolist() for name in ("small", "other"))
    assert sorted(small) == sorted(other) == [1, 3]


def test_a_track_without_a_vector_in_a_space_is_not_decoded_for_it_again(collection: Collection) -> None:
    collection.add("short.mp3")
    collection.writer.ensure_space(SMALL)
    (found,) = scan([collection.music]).files
    collection.writer.commit([result("x", found=found, embeddings={"small": Embedding(None, 0, "no window")})])
    assert nothing_to_do(collection.index())


def test_vectors_under_another_space_id_do_not_count(collection: Collection) -> None:
    collection.add("a.mp3")
    collection.index(SMALL)
    assert collection.plan(space("small", layout="new")).counts == {Action.EXTEND: 1}


def test_a_missing_file_is_marked_and_found_again_without_decoding(collection: Collection) -> None:
    collection.add("a.mp3", "b.mp3")
    collection.index()
    aside = collection.music.parent / "aside.mp3"
    (collection.music / "b.mp3").rename(aside)
    assert collection.paths(collection.index().missing) == ["b.mp3"]
    assert collection.writer.catalog.n_missing() == 1
    # Known to be missing: not news.
    assert nothing_to_do(collection.index())
    aside.rename(collection.music / "b.mp3")
    plan = collection.index()
    assert (plan.jobs, list(plan.refreshed)) == ([], [2])
    assert collection.writer.catalog.n_missing() == 0
    assert nothing_to_do(collection.index())


def test_what_lies_outside_the_scanned_roots_is_not_missing(collection: Collection) -> None:
    collection.add("a/1.mp3", "b/2.mp3", "ab/3.mp3")
    collection.index()
    shutil.rmtree(collection.music / "b")
    plan = ledger.plan(collection.writer.catalog, scan([collection.music / "a"]), [SMALL], engine_version=ENGINE)
    assert nothing_to_do(plan)


def test_a_root_that_lost_most_of_its_tracks_stops_the_run_by_name(collection: Collection) -> None:
    collection.add(*(f"{number}.mp3" for number in range(21)))
    collection.index()
    for number in range(11):
        (collection.music / f"{number}.mp3").unlink()
    with pytest.raises(RootUnavailableError, match="11 of 21 known tracks") as error:
        collection.plan()
    assert str(collection.music) in str(error.value)
    assert collection.writer.catalog.n_missing() == 0
    assert len(collection.index(accept_losses=True).missing) == 11


def test_a_root_that_lost_half_or_a_small_one_that_lost_all_goes_on(collection: Collection) -> None:
    collection.add(*(f"{number}.mp3" for number in range(20)))
    collection.index()
    for number in range(10):
        (collection.music / f"{number}.mp3").unlink()
    assert len(collection.index().missing) == 10
    for number in range(10, 20):
        (collection.music / f"{number}.mp3").unlink()
    # Ten were left, too few to tell an unmounted disk from a tidy-up.
    assert len(collection.index().missing) == 10


def test_one_of_several_roots_that_is_empty_stops_the_run(collection: Collection) -> None:
    collection.add(*(f"big/{number}.mp3" for number in range(60)), *(f"share/{number}.mp3" for number in range(20)))
    collection.index()
    shutil.rmtree(collection.music / "share")
    (collection.music / "share").mkdir()
    scanned = scan([collection.music / "big", collection.music / "share"])
    with pytest.raises(RootUnavailableError, match=r"20 of 20 known tracks below .*share"):
        ledger.plan(collection.writer.catalog, scanned, [SMALL], engine_version=ENGINE)


def test_a_vanished_root_is_told_from_a_misspelt_one(collection: Collection) -> None:
    collection.add("a/1.mp3")
    collection.index()
    shutil.rmtree(collection.music / "a")
    catalog = collection.writer.catalog
    with pytest.raises(RootUnavailableError, match=r"1 tracks.*is it mounted"):
        ledger.check_roots(catalog, [collection.music / "a"])
    for known in (catalog, None):
        with pytest.raises(FileNotFoundError):
            ledger.check_roots(known, [collection.music / "misspelt"])
    ledger.check_roots(catalog, [collection.music])


def test_a_track_in_a_folder_that_cannot_be_read_is_not_missing(
    collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    collection.add("a/1.mp3", "b/2.mp3")
    collection.index()
    real = os.scandir

    def failing(path: bytes) -> object:
        if path.endswith(b"/b"):
            raise PermissionError(13, "Permission denied", path)
        return real(path)

    monkeypatch.setattr(os, "scandir", failing)
    assert nothing_to_do(collection.plan())


def test_a_hard_link_met_first_is_the_track_that_is_known_already(collection: Collection) -> None:
    collection.add("z.mp3")
    collection.index()
    os.link(collection.music / "z.mp3", collection.music / "a.mp3")
    plan = collection.index()
    # The link count moved ctime, nothing else.
    assert (plan.jobs, list(plan.refreshed)) == ([], [1])
    assert collection.paths([1]) == ["z.mp3"]
    (collection.music / "z.mp3").unlink()
    plan = collection.index()
    assert collection.actions(plan) == {"a.mp3": "new"}
    assert collection.paths(plan.missing) == ["z.mp3"]


def test_the_digest_sees_length_head_and_tail(tmp_path: Path) -> None:
    path = tmp_path / "x"
    base = bytearray(200_000)
    digests = []
    for change in ({}, {0: 1}, {65_535: 1}, {199_999: 1}, {134_464: 1}):
        content = bytearray(base)
        for at, value in change.items():
            content[at] = value
        path.write_bytes(content)
        digests.append(file_digest(os.fsencode(path)))
    path.write_bytes(base + b"\0")
    digests.append(file_digest(os.fsencode(path)))
    assert len(set(digests)) == len(digests)
    assert None not in digests


def test_what_cannot_be_read_has_no_digest(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for name in ("fifo", "none", ""):
        assert file_digest(os.fsencode(tmp_path / name)) is None


def test_an_empty_file_has_a_digest(tmp_path: Path) -> None:
    (tmp_path / "x").touch()
    assert file_digest(os.fsencode(tmp_path / "x")) is not None

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from libraries import assert_holds, fill, result, space, vector_of
from orpheus_fast.library.store import Store
from orpheus_fast.library.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Sequence

SMALL, WIDE = space("small"), space("wide", dim=5000)
N_KILLS = 24

_APPENDING = """
import sys
from libraries import result, space
from orpheus_fast.library.writer import Writer
folder, first = sys.argv[1], int(sys.argv[2])
small, wide = space("small"), space("wide", dim=5000)
with Writer.acquire(folder, create=True, wait_seconds=10) as writer:
    writer.ensure_space(small)
    writer.ensure_space(wide)
    print("open", flush=True)
    for number in range(first, first + 10_000):
        # Two new tracks, and one that is computed anew.
        names = [f"{number}a.mp3", f"{number}b.mp3", f"{number // 2}a.mp3"]
        writer.commit([result(name, small, wide) for name in dict.fromkeys(names)])
        print(number, flush=True)
"""

# Forks a child for each system call that changes a file, and lets the child kill itself there: just before
# the call, or just after it.
_FAILPOINTS = """
import os, signal, shutil, sys
from libraries import result, space
from orpheus_fast.library.writer import Writer
intact, copies = sys.argv[1], sys.argv[2]
small, wide, third = space("small"), space("wide", dim=5000), space("third", dim=3)

def work(folder):
    with Writer.acquire(folder) as writer:
        writer.ensure_space(third)
        writer.ensure_space(space("wide", dim=5000, layout="new"), refresh=True)
        writer.commit([result("new.mp3", small, third), result("0.mp3", small, third)])
        writer.catalog.mark_missing([2])

def kill_at(k, *, before):
    n_calls = 0
    for name in ("pwrite", "fsync", "ftruncate", "replace", "rename", "unlink", "open"):
        def call(*arguments, real=getattr(os, name), **keywords):
            nonlocal n_calls
            n_calls += 1
            if n_calls == k and before:
                os.kill(os.getpid(), signal.SIGKILL)
            answer = real(*arguments, **keywords)
            if n_calls == k:
                os.kill(os.getpid(), signal.SIGKILL)
            return answer
        setattr(os, name, call)

for k in range(1, 200):
    n_killed = 0
    for before in (True, False):
        folder = f"{copies}/{k}-{before}"
        shutil.copytree(intact, folder)
        child = os.fork()
        if child == 0:
            kill_at(k, before=before)
            work(folder)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        assert status in (0, signal.SIGKILL), status
        n_killed += status != 0
    if n_killed == 0:
        break
print(k)
"""


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[1]), *sys.path])}


def stored(store: Store) -> list[str]:
    return [os.fsdecode(track.path.removeprefix(b"/music/")) for track in store.catalog.all_tracks()]


def kill_while_appending(folder: Path, first: int, seconds: float) -> int:
    """Run a writer and kill it after `seconds`; return the last number whose commit it had reported."""
    with subprocess.Popen(
        [sys.executable, "-c", _APPENDING, str(folder), str(first)],
        stdout=subprocess.PIPE,
        text=True,
        env=environment(),
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "open\n"
        timer = threading.Timer(seconds, child.send_signal, [signal.SIGKILL])
        timer.start()
        lines = child.stdout.read().split("\n")
        timer.join()
    # The last line may be cut.
    return max([first - 1, *(int(line) for line in lines[:-1])])


def assert_whole(folder: Path, last: int) -> int:
    """What was reported is there, once, with its own vectors; return the next number to append."""
    started = time.perf_counter()
    with Writer.acquire(folder) as writer:
        recovery = time.perf_counter() - started
        names = stored(writer)
        assert len(set(names)) == len(names)
        pairs = sorted({int(name[:-5]) for name in names})
        assert {f"{number}{half}.mp3" for number in pairs for half in "ab"} == set(names)
        assert pairs == list(range(len(pairs)))
        # One more may be committed than was reported: the report came too late.
        assert last < len(pairs) <= last + 2
        for spec in (SMALL, WIDE):
            assert_holds(writer, spec, names)
        assert writer.check() == []
    assert recovery < 5.0
    return len(pairs)


def test_whenever_a_writer_is_killed_nothing_committed_is_lost_or_doubled(tmp_path: Path) -> None:
    folder = tmp_path / "library"
    chance = random.Random(20)
    following = 0
    for _ in range(N_KILLS):
        last = kill_while_appending(folder, following, chance.uniform(0.0, 0.08))
        following = assert_whole(folder, last)
    assert following > N_KILLS


def names_of(numbers: Sequence[int]) -> list[str]:
    return [f"{number}.mp3" for number in numbers]


def test_a_kill_before_or_after_any_system_call_leaves_one_of_the_states_between(tmp_path: Path) -> None:
    intact = tmp_path / "intact"
    names = names_of(range(10))
    with Writer.acquire(intact, create=True) as writer:
        fill(writer, SMALL, names)
        fill(writer, WIDE, names)
    shutil.copytree(intact, tmp_path / "copies" / "untouched")
    n_points = int(
        subprocess.run(
            [sys.executable, "-c", _FAILPOINTS, str(intact), str(tmp_path / "copies")],
            stdout=subprocess.PIPE,
            check=True,
            env=environment(),
            timeout=120,
        ).stdout
    )
    assert n_points > 20
    states = set()
    for copy in sorted((tmp_path / "copies").iterdir()):
        with Store.open(copy) as reader:
            before = reading(reader)
        with Writer.acquire(copy) as writer:
            assert reading(writer) == before
            assert writer.check() == []
            fill(writer, SMALL, ["after.mp3"])
            assert writer.check() == []
        files = {path.name for path in (copy / "vectors").iterdir()}
        assert files <= {"small.npy", "third.npy", "wide.npy", "wide.1.npy"}
        assert len(files & {"wide.npy", "wide.1.npy"}) == 1
        states.add(before)
        shutil.rmtree(copy)
    # As it was; with the third space; with the space started afresh; with the batch; with the mark.
    assert sorted(states) == [
        (("small", 10), ("third", 0), ("wide", 0), 0),
        (("small", 10), ("third", 0), ("wide", 10), 0),
        (("small", 10), ("wide", 10), 0),
        (("small", 11), ("third", 2), ("wide", 0), 0),
        (("small", 11), ("third", 2), ("wide", 0), 1),
    ]


def reading(store: Store) -> tuple[object, ...]:
    """Live rows per space and missing tracks, each vector proven to be that of its track."""
    counts = []
    for name, held in sorted(store.catalog.spaces().items()):
        view = store.load(name)
        tracks = store.catalog.tracks(view.track_ids[view.track_ids >= 0].tolist())
        for row, track_id in enumerate(view.track_ids.tolist()):
            if track_id >= 0:
                assert (view.vectors[row] == vector_of(tracks[track_id].path, held.spec.dim)).all()
        counts.append((name, len(tracks)))
    return (*counts, store.catalog.n_missing())


def test_the_batch_at_hand_is_all_that_a_kill_costs(tmp_path: Path) -> None:
    folder = tmp_path / "library"
    with Writer.acquire(folder, create=True) as writer:
        fill(writer, SMALL, names_of(range(5)))
    last = kill_while_appending(tmp_path / "other", 0, 0.05)
    assert assert_whole(tmp_path / "other", last) >= last + 1
    with Writer.acquire(folder) as writer:
        writer.commit([result("5.mp3", SMALL)])
        assert_holds(writer, SMALL, names_of(range(6)))

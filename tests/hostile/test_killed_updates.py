"""Processes that are killed while they update an index."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
import warnings
from typing import TYPE_CHECKING

import numpy as np
import pytest

from orpheus_fast import VectorIndex
from orpheus_fast.search import IVFFlat, build_index, write_flat

if TYPE_CHECKING:
    from pathlib import Path

N_KILLS = 15
DIM = 24

# Adds two vectors and removes one, again and again; compacts in the background all the time. Says what it has done
# after the call that did it.
_UPDATING = """
import sys
import numpy as np
from orpheus_fast import VectorIndex
path, first = sys.argv[1], int(sys.argv[2])
index = VectorIndex.open(path)
compacted = index.compact(background=True)
print("open", flush=True)
for number in range(first, first + 100_000):
    ids = [100_000 + 2 * number, 100_001 + 2 * number]
    index.add([np.full(24, float(i)) for i in ids], ids)
    print("added", number, flush=True)
    index.remove(ids[0])
    print("removed", number, flush=True)
    if compacted.done():
        compacted.result()
        compacted = index.compact(background=True)
"""


@pytest.mark.parametrize("kind", ["Flat", "IVF"])
def test_a_killed_writer_loses_nothing_that_it_had_done(tmp_path: Path, kind: str) -> None:
    path, rng = tmp_path / "index.faiss", random.Random(4)
    base = np.random.default_rng(0).standard_normal((3000, DIM), dtype=np.float32)
    if kind == "IVF":
        build_index(path, base, kind=IVFFlat(8))
    else:
        write_flat(path, base)
    held, number, n_compacted = set(range(3000)), 0, 0
    for _ in range(N_KILLS):
        command = [sys.executable, "-c", _UPDATING, str(path), str(number)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        time.sleep(rng.uniform(0.0, 0.25))
        process.send_signal(signal.SIGKILL)
        said = process.stdout.read()
        process.wait()
        process.stdout.close()
        lines = [line.split() for line in said[: said.rfind("\n") + 1].splitlines()]
        for what, which in lines:
            number = int(which)
            if what == "added":
                held |= {100_000 + 2 * number, 100_001 + 2 * number}
            else:
                held -= {100_000 + 2 * number}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # that something was not written whole
            with VectorIndex.open(path) as index:
                ids = set(index.ids.tolist())
                # What the process had no time to say may have been done.
                number += 1 if lines else 0
                unsaid = {100_000 + 2 * n + side for n in (number - 1, number) for side in (0, 1)}
                assert ids - unsaid == held - unsaid
                assert len(ids) == len(index), "no id is there twice"
                for i in [i for i in ids if i >= 3000][-50:]:
                    assert index.reconstruct(i)[0] == i
                n_compacted += index.n_added == 0
                index.remove([i for i in unsaid if i >= 3000])
                held = ids - {i for i in unsaid if i >= 3000}
                number += 1
    assert len(held) > 3000
    with VectorIndex.open(path) as index:
        index.compact()
        assert set(index.ids.tolist()) == held
    left = sorted(file.name for file in tmp_path.iterdir() if not file.name.endswith((".ofx", ".lock")))
    assert left == ["index.faiss", "index.faiss.ofj"]

"""Vector search inside other people's programs: forks, threads, signals, memory."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import textwrap
import threading
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest

from orpheus_fast.search import VectorIndex, build_index, search, write_flat

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")


@pytest.fixture(scope="module")
def vectors() -> NDArray[np.float32]:
    return np.random.default_rng(0).standard_normal((20_000, 128), dtype=np.float32)


@needs_fork
def test_a_forked_child_searches_with_threads_of_its_own(tmp_path: Path) -> None:
    # In a process of its own: pytest has threads that a fork would not take along.
    program = textwrap.dedent(
        """
        import os, sys
        import numpy as np
        from orpheus_fast.search import VectorIndex, build_index, search

        vectors = np.random.default_rng(0).standard_normal((20_000, 128), dtype=np.float32)
        path = sys.argv[1]
        build_index(path, vectors, kind="IVF64,Flat", n_threads=3)
        index = VectorIndex.open(path)

        def answers():
            of_index = index.search(vectors[:64], k=5, nprobe=64, n_threads=3)
            of_matrix = search(vectors, vectors[:8], k=5, metric="inner_product", n_threads=3)
            return [of_index.ids.tolist(), of_matrix.ids.tolist()]

        expected = answers()
        children = []
        for _ in range(3):
            child = os.fork()
            if child == 0:
                os._exit(0 if answers() == expected == answers() else 1)
            children.append(child)
        codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
        assert codes == [0, 0, 0], codes
        assert answers() == expected
        """
    )
    subprocess.run([sys.executable, "-c", program, tmp_path / "index"], check=True, timeout=120)


def test_a_search_leaves_the_interpreter_to_others_and_ends_on_ctrl_c(vectors: NDArray[np.float32]) -> None:
    ticks = 0
    done = threading.Event()
    queries = np.tile(vectors, (10, 1))  # seconds of work

    def tick() -> None:
        nonlocal ticks
        while not done.is_set():
            ticks += 1
            time.sleep(0.001)

    def interrupt() -> None:
        time.sleep(0.5)
        signal.raise_signal(signal.SIGINT)

    threads = [threading.Thread(target=tick), threading.Thread(target=interrupt)]
    for thread in threads:
        thread.start()
    begun = time.monotonic()
    try:
        with pytest.raises(KeyboardInterrupt):
            search(vectors, queries, k=5)
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert time.monotonic() - begun < 20
    assert ticks > 10


def test_searches_of_many_threads_do_not_disturb_each_other(tmp_path: Path, vectors: NDArray[np.float32]) -> None:
    path = tmp_path / "index"
    build_index(path, vectors, kind="HNSW8,Flat", metric="l2")
    index = VectorIndex.open(path)
    expected = index.search(vectors[:200], k=4)
    wrong: list[int] = []

    def work(first: int) -> None:
        for row in range(first, 200, 8):
            found = index.search(vectors[row], k=4, n_threads=1 + row % 3)
            if not np.array_equal(found.ids, expected.ids[row]):
                wrong.append(row)

    threads = [threading.Thread(target=work, args=(first,)) for first in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_thousand_searches_take_no_more_memory_than_ten(tmp_path: Path, vectors: NDArray[np.float32]) -> None:
    path = tmp_path / "index"
    write_flat(path, vectors, metric="inner_product")
    index = VectorIndex.open(path)
    index.accelerate()
    for row in range(10):
        index.search(vectors[row], k=10, n_threads=2)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for row in range(1000):
        index.search(vectors[row], k=10, n_threads=2)
        index.search(vectors[row : row + 12], k=10)
    grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    # All of the file and its codes may be mapped by then: 10 + 2.6 MB, and the rest is room.
    assert grown_kib < 32 * 1024

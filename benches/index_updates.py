"""Adds 100 vectors to a large index and finds them, and deletes one: orpheus_fast against faiss, on one thread each.

Both start from the same vectors; each answer is checked before its time counts. The first update of an index opens the
journal and, where ids are the file's own, makes a table of them: it is printed by itself. faiss updates memory only and
writes nothing; ours are in the journal. Run as `python benches/index_updates.py [--n 1000000] [--dim 512]`.
"""

from __future__ import annotations

import os

# Before NumPy and FAISS start threads of their own.
os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")

import argparse
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import faiss
import numpy as np

from orpheus_fast import VectorIndex

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

N_ADDED = 100
K = 10


def audio_like(n: int, dim: int, seed: int) -> NDArray[np.float32]:
    """Unit vectors around centres, a hundred thousand at a time."""
    shape = np.random.default_rng(99)
    centres = shape.standard_normal((1500, dim), dtype=np.float32)
    rng = np.random.default_rng(seed)
    vectors = np.empty((n, dim), np.float32)
    for first in range(0, n, 100_000):
        part = vectors[first : first + 100_000]
        part[:] = centres[rng.integers(0, len(centres), len(part))]
        part += 0.6 * rng.standard_normal(part.shape, dtype=np.float32)
        part /= np.linalg.norm(part, axis=1, keepdims=True)
    return vectors


def milliseconds(work: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    result = work()
    return 1e3 * (time.perf_counter() - start), result


def report(name: str, times: list[float]) -> None:
    first, rest = times[0], np.array(times[1:] or times)
    p50, p99 = np.percentile(rest, [50, 99])
    print(f"{name:66} first {first:9.3f}   p50 {p50:9.3f}   p99 {p99:9.3f} ms   ({len(rest)} times)", flush=True)


def search_times(name: str, search: Callable[[NDArray[np.float32]], object], queries: NDArray[np.float32]) -> None:
    report(f"{name}: search of one query", [milliseconds(lambda: search(query))[0] for query in queries])  # noqa: B023


def ours(name: str, path: Path, added: NDArray[np.float32], queries: NDArray[np.float32]) -> None:
    index = VectorIndex.open(path)
    for query in queries[:8]:
        index.search(query, K)  # makes codes, as any use of the index does
    search_times(f"{name}, as stored", lambda query: index.search(query, K), queries)
    n, add_times, find_times, batch_times = index.ntotal, [], [], []
    for batch in added:
        taken, ids = milliseconds(lambda: index.add(batch))  # noqa: B023 -- called at once, here and below
        add_times.append(taken)
        more, found = milliseconds(lambda: index.search(batch[7], 1).ids)  # noqa: B023
        assert found[0] == ids[7]
        find_times.append(taken + more)
        more, found = milliseconds(lambda: index.search(batch, 1).ids[:, 0])  # noqa: B023
        assert np.array_equal(found, ids)
        batch_times.append(taken + more)
    assert index.ntotal == n + N_ADDED * len(added)
    report(f"{name}: add {N_ADDED}", add_times)
    report(f"{name}: add {N_ADDED}, then find one of them", find_times)
    report(f"{name}: add {N_ADDED}, then find each, in one batch", batch_times)
    for sync in (False, True):
        times, ids = [], np.random.default_rng(5 + sync).permutation(n)[: len(queries)]
        for identifier in ids:
            vector = index.reconstruct(identifier)
            taken, n_removed = milliseconds(lambda: index.remove(identifier, sync=sync))  # noqa: B023
            assert n_removed == 1
            assert identifier not in index.search(vector, 1).ids
            times.append(taken)
        report(f"{name}: delete one{', sync=True' if sync else ''}", times)
    name = f"{name} with {index.n_added} added, {index.n_removed} deleted"
    search_times(name, lambda query: index.search(query, K), queries)
    taken, _ = milliseconds(lambda: VectorIndex.open(path).search(queries[0], K))
    print(f"{name}: open, first answer {taken:.1f} ms")
    taken, _ = milliseconds(index.compact)
    print(f"{name}: compact {taken / 1e3:.2f} s", flush=True)
    index.close()


def theirs(name: str, index: Any, n: int, added: NDArray[np.float32], n_deleted: int) -> None:  # noqa: ANN401 -- the wheel types too little of it
    add_times: list[float] = []
    find_times: list[float] = []
    batch_times: list[float] = []
    times: list[float] = []
    for round_, batch in enumerate(added):
        ids = np.arange(N_ADDED) + n + round_ * N_ADDED
        taken, _ = milliseconds(lambda: index.add_with_ids(batch, ids))  # noqa: B023
        add_times.append(taken)
        more, found = milliseconds(lambda: index.search(batch[7:8], 1)[1])  # noqa: B023
        assert found[0, 0] == ids[7]
        find_times.append(taken + more)
        if not batch_times:  # a minute each, where faiss scans for so few queries one by one
            more, found = milliseconds(lambda: index.search(batch, 1)[1][:, 0])  # noqa: B023
            assert np.array_equal(found, ids)
            batch_times.append(taken + more)
    report(f"{name}: add {N_ADDED}", add_times)
    report(f"{name}: add {N_ADDED}, then find one of them", find_times)
    report(f"{name}: add {N_ADDED}, then find each, in one batch", batch_times)
    for identifier in np.random.default_rng(5).permutation(n)[:n_deleted]:
        taken, n_removed = milliseconds(lambda: index.remove_ids(np.array([identifier])))  # noqa: B023
        assert n_removed == 1
        times.append(taken)
    report(f"{name}: delete one", times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=1_000_000)
    parser.add_argument("--dim", type=int, default=512)
    parser.add_argument("--nlist", type=int, default=2048)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--kind", choices=["Flat", "IDMap2,Flat", "IVF"], action="append")
    parser.add_argument("--folder", type=Path, help="where indexes are put for a while")
    chosen = parser.parse_args()
    faiss.omp_set_num_threads(1)
    n, dim = chosen.n, chosen.dim
    vectors = audio_like(n, dim, 1)
    added = audio_like(chosen.rounds * N_ADDED, dim, 2).reshape(chosen.rounds, N_ADDED, dim)
    queries = audio_like(200, dim, 3)
    print(f"{n} x {dim}, inner product, {faiss.__version__=}")
    for kind in chosen.kind or ["Flat", "IDMap2,Flat", "IVF"]:
        with tempfile.TemporaryDirectory(dir=chosen.folder) as folder:
            path = Path(folder) / "index.faiss"
            factory = f"IVF{chosen.nlist},Flat" if kind == "IVF" else kind
            index: Any = faiss.index_factory(dim, factory, faiss.METRIC_INNER_PRODUCT)
            if kind == "IVF":
                index.cp.niter = 4
                index.train(np.ascontiguousarray(vectors[:: max(1, n // (40 * chosen.nlist))]))
                index.nprobe = 16
            if kind == "IDMap2,Flat":
                index.add_with_ids(vectors, np.arange(n))
            else:
                index.add(vectors)
            faiss.write_index(index, str(path))
            # Flat itself takes no ids, and gives others to the vectors behind one that is removed.
            if kind != "Flat":
                theirs(f"faiss {factory}", index, n, added, 50 if kind == "IVF" else 10)
            del index
            ours(f"ours {factory}", path, added, queries)


if __name__ == "__main__":
    main()

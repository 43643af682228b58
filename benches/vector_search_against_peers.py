"""Vector search against faiss, hnswlib, usearch, voyager, ScaNN, SVS and NumPy: one process, one thread, same vectors.

Run as `python benches/vector_search_against_peers.py [--n 100000] [--dim 512] [--parts flat,batch,...]`. Prints the
recall of ten neighbours beside each figure; answers are checked before they are timed. Peers that are not installed
are left out by name. Times are medians of single queries; "ratio" is theirs divided by ours.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from vector_data import audio_like
from vector_peers import PEERS

from orpheus_fast.search import VectorIndex, build_index, write_flat

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

K = 10
WANTED_RECALL = 0.985


def times_of(call: Callable[[int], object], n: int) -> NDArray[np.float64]:
    """Microseconds of `n` calls, after a few that are not counted."""
    for row in range(5):
        call(row)
    times = np.empty(n)
    for row in range(n):
        begun = time.perf_counter()
        call(row)
        times[row] = time.perf_counter() - begun
    return times * 1e6


def tell(name: str, times: NDArray[np.float64], recall: float, ratio: float | None = None) -> None:
    p50, p99 = np.percentile(times, [50, 99])
    tail = "" if ratio is None else f"   ratio {ratio:6.2f}"
    print(f"  {name:44} recall {recall:.4f}   p50 {p50:9.1f} us   p99/p50 {p99 / p50:5.2f}{tail}", flush=True)


class Bench:
    """Vectors, their true neighbours, and a folder for files."""

    def __init__(self, n: int, dim: int, folder: Path) -> None:
        self.vectors, self.queries = audio_like(n, dim)
        self.folder = folder
        self.flat = folder / "flat.faiss"
        write_flat(self.flat, self.vectors, metric="inner_product")
        self.truth = VectorIndex.open(self.flat, codes="none").search(self.queries, K).ids

    def recall(self, find: Callable[[NDArray[np.float32]], Any]) -> float:
        """Share of the true neighbours that are found, query by query."""
        hits = 0
        for row in range(len(self.queries)):
            hits += len(np.intersect1d(np.asarray(find(self.queries[row : row + 1])).reshape(-1), self.truth[row]))
        return hits / self.truth.size

    def single(self, name: str, find: Callable[[NDArray[np.float32]], Any], n: int = 500) -> tuple[float, float]:
        recall = self.recall(find)
        times = times_of(lambda row: find(self.queries[row % len(self.queries)][None]), n)
        tell(name, times, recall)
        return recall, float(np.median(times))


def interleaved(ours: Callable[[int], object], theirs: Callable[[int], object], n: int) -> tuple[Any, Any]:
    """Times of both, in turns of a few queries: whatever else the machine does, it does to both."""
    mine, other = [], []
    for start in range(0, n, 10):
        mine.append(times_of(lambda row, start=start: ours(start + row), 10))
        other.append(times_of(lambda row, start=start: theirs(start + row), 10))
    return np.concatenate(mine), np.concatenate(other)


def flat(bench: Bench) -> None:
    """Certified exact, one query."""
    import faiss  # noqa: PLC0415 -- optional

    print("flat, one query, exact")
    theirs = faiss.read_index(str(bench.flat))
    ours = VectorIndex.open(bench.flat)
    ours.accelerate()
    found = ours.search(bench.queries, K)
    np.testing.assert_array_equal(found.ids, bench.truth)
    n, queries = (100 if len(bench.vectors) < 500_000 else 40), bench.queries
    mine, other = interleaved(
        lambda row: ours.search(queries[row % 1000 : row % 1000 + 1], K),
        lambda row: theirs.search(queries[row % 1000 : row % 1000 + 1], K),
        n,
    )
    tell("ours, certified", mine, 1.0, float(np.median(other) / np.median(mine)))
    tell("faiss Flat", other, 1.0)
    times = times_of(lambda row: np.argpartition(-(bench.vectors @ queries[row]), K)[:K], 10)
    tell("numpy matmul + argpartition", times, 1.0, float(np.median(times) / np.median(mine)))


def batch(bench: Bench) -> None:
    """Many queries in one call."""
    import faiss  # noqa: PLC0415 -- optional

    print("flat, many queries, exact: queries per second")
    theirs = faiss.read_index(str(bench.flat))
    ours = VectorIndex.open(bench.flat)
    ours.accelerate()
    for n in (12, 64, 200, 256, 1000):
        queries = bench.queries[:n]
        np.testing.assert_array_equal(ours.search(queries, K).ids, bench.truth[:n])
        mine = min(_seconds(lambda queries=queries: ours.search(queries, K)) for _ in range(3))
        other = min(_seconds(lambda queries=queries: theirs.search(queries, K)) for _ in range(2))
        print(
            f"  {n:5} queries: ours {n / mine:8.0f}/s   faiss {n / other:8.0f}/s   ratio {other / mine:6.2f}",
            flush=True,
        )


def _seconds(call: Callable[[], object]) -> float:
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun


def same_file(bench: Bench) -> None:
    """The same IVF and HNSW files, at the same settings."""
    nlist = 512 if len(bench.vectors) < 500_000 else 2048
    for nprobe in (4, 8, 16, 32):
        _same_setting(bench, f"IVF{nlist},Flat", "nprobe", nprobe)
    for beam in (64, 128):
        _same_setting(bench, "HNSW16,Flat", "ef_search", beam)


def built(bench: Bench, kind: str) -> Path:
    """The file of an index of the vectors."""
    path = bench.folder / f"{kind}.faiss"
    if not path.exists():
        build_index(path, bench.vectors, kind=kind, metric="inner_product")
    return path


def _same_setting(bench: Bench, kind: str, name: str, value: int) -> None:
    import faiss  # noqa: PLC0415 -- optional

    path, setting, queries = built(bench, kind), {name: value}, bench.queries
    ours, theirs = VectorIndex.open(path), faiss.read_index(str(path))
    faiss.ParameterSpace().set_index_parameter(theirs, name.replace("ef_search", "efSearch"), value)
    mine, other = interleaved(
        lambda row: ours.search(queries[row % 1000 : row % 1000 + 1], K, **setting),
        lambda row: theirs.search(queries[row % 1000 : row % 1000 + 1], K),
        300,
    )
    recall = bench.recall(lambda query: ours.search(query, K, **setting).ids)
    print(f"the same {kind} file")
    tell(f"ours, {name} {value}", mine, recall, float(np.median(other) / np.median(mine)))
    tell(f"faiss, {name} {value}", other, bench.recall(lambda query: theirs.search(query, K)[1]))


def best(bench: Bench) -> None:
    """The fastest setting of each that reaches the recall."""
    print(f"fastest setting with a recall of at least {WANTED_RECALL}")
    nlist = 512 if len(bench.vectors) < 500_000 else 2048
    ours = VectorIndex.open(built(bench, f"IVF{nlist},Flat"))
    tried = [
        (*bench.single(f"ours IVF nprobe {n}", lambda query, n=n: ours.search(query, K, nprobe=n).ids), f"nprobe {n}")
        for n in (2, 3, 4, 6, 8, 12, 16, 24, 32)
    ]
    enough = [(time_, recall, name) for recall, time_, name in tried if recall >= WANTED_RECALL]
    mine = min(enough)
    print(f"  ours: {mine[2]}, {mine[0]:.1f} us, recall {mine[1]:.4f}")
    for name, settings in PEERS.items():
        try:
            found = list(_tried(bench, settings(bench.vectors)))
        except ImportError as missing:
            print(f"  {name}: not installed ({missing})")
            continue
        if not found:
            print(f"  {name}: no setting reaches it")
            continue
        time_, recall, setting = min(found)
        print(
            f"  best of {name}: {setting}, {time_:.1f} us, recall {recall:.4f}, ratio {time_ / mine[0]:.2f}", flush=True
        )


def _tried(bench: Bench, settings: Iterator[Any]) -> Iterator[tuple[float, float, str]]:
    for setting in settings:
        recall, time_ = bench.single(setting.name, lambda query, setting=setting: setting.search(query, K))
        if recall >= WANTED_RECALL:
            yield time_, recall, setting.name


def filters(bench: Bench) -> None:
    """A share of the vectors is allowed."""
    print("filters: a random share of the vectors is allowed; recall of what comparing all of them gives")
    for share in (0.1, 0.01, 0.001):
        _filtered(bench, share)


def _filtered(bench: Bench, share: float) -> None:
    import faiss  # noqa: PLC0415 -- optional

    ours, theirs = VectorIndex.open(bench.flat), faiss.read_index(str(bench.flat))
    ours.accelerate()
    graph = faiss.read_index(str(built(bench, "HNSW16,Flat")))
    n, queries = len(bench.vectors), bench.queries[:200]
    allowed = np.sort(np.random.default_rng(0).choice(n, int(share * n), replace=False))
    bits = np.zeros(n, bool)
    bits[allowed] = True
    selector = faiss.IDSelectorBitmap(np.packbits(bits, bitorder="little"))
    of_flat = faiss.SearchParameters(sel=selector)
    of_graph = faiss.SearchParametersHNSW(sel=selector, efSearch=128)
    exact = allowed[np.argsort(-(queries @ bench.vectors[allowed].T), axis=1)[:, :K]]
    calls = {
        "ours, ids": lambda row: ours.search(queries[row : row + 1], K, allow=allowed).ids,
        "faiss Flat + bitmap": lambda row: theirs.search(queries[row : row + 1], K, params=of_flat)[1],
        "faiss HNSW + bitmap, efSearch 128": lambda row: graph.search(queries[row : row + 1], K, params=of_graph)[1],
    }
    print(f"  {100 * share:g} % allowed")
    mine = None
    for name, call in calls.items():
        recall = np.mean([len(np.intersect1d(call(row), exact[row])) / K for row in range(200)])
        times = times_of(call, 200)
        mine = float(np.median(times)) if mine is None else mine
        tell(name, times, float(recall), float(np.median(times)) / mine)


def overhead(_bench: Bench) -> None:
    """Sixteen vectors: what is left is the call."""
    import faiss  # noqa: PLC0415 -- optional

    print("a call: 16 vectors of 64 values")
    vectors = np.random.default_rng(0).standard_normal((16, 64), dtype=np.float32)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "few.faiss"
        write_flat(path, vectors, metric="inner_product")
        ours, theirs = VectorIndex.open(path), faiss.read_index(str(path))
        calls = {"ours": lambda: ours.search(vectors[:1], K), "faiss": lambda: theirs.search(vectors[:1], K)}
        for name, call in calls.items():
            best_of = min(_seconds(lambda call=call: [call() for _ in range(2000)]) / 2000 for _ in range(20))
            print(f"  {name}: {best_of * 1e6:.2f} us")


PARTS = {"flat": flat, "batch": batch, "same-file": same_file, "filters": filters, "overhead": overhead, "best": best}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=100_000)
    parser.add_argument("--dim", type=int, default=512)
    parser.add_argument("--parts", default=",".join(PARTS), help="some of " + ", ".join(PARTS))
    arguments = parser.parse_args()
    import faiss  # noqa: PLC0415 -- a peer

    faiss.omp_set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(arguments.n, arguments.dim, Path(folder))
        print(f"{arguments.n} vectors of {arguments.dim} values, ten neighbours, one thread")
        for part in arguments.parts.split(","):
            PARTS[part](bench)


if __name__ == "__main__":
    main()

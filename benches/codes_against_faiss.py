"""Search times of indexes over codes: FAISS and orpheus_fast on the same file, one query, one thread.

    python benches/codes_against_faiss.py [--dims 128 512] [--kinds SQ8 ...] [--vectors 50000] [--files DIR]

Rounds of the two alternate, so that both see the same machine. Answers are compared before anything is timed.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import faiss
import numpy as np

from orpheus_fast.search import VectorIndex

if TYPE_CHECKING:
    from collections.abc import Callable

K = 10
N_QUERIES = 40
N_ROUNDS = 7
NPROBE = 16
KINDS = [
    "SQ8",
    "SQ4",
    "SQ6",
    "SQfp16",
    "SQbf16",
    "IVF256,SQ8",
    "HNSW16,SQ8",
    "PQ{m}x4fs",
    "IVF256,PQ{m}x4fs",
    "PQ{m}",
    "IVF256,PQ{m}",
    "RaBitQ",
    "IVF256,RaBitQ",
    "RaBitQfs",
    "IVF256,RaBitQfs",
    "RaBitQ4",
    "IVF256,RaBitQ4",
]


def vectors(n: int, dim: int, seed: int) -> np.ndarray:
    """Points about a few hundred centres, all of length one, as embeddings are."""
    centres = np.random.default_rng(1).standard_normal((300, dim), dtype=np.float32)
    rng = np.random.default_rng(seed)
    points = centres[rng.integers(len(centres), size=n)] + rng.standard_normal((n, dim), dtype=np.float32)
    return points / np.linalg.norm(points, axis=1, keepdims=True)


def file_of(kind: str, dim: int, n: int, folder: Path) -> Path:
    """The index of that kind, built unless it lies there."""
    path = folder / f"{kind.replace(',', '_')}-{dim}-{n}.faiss"
    if not path.exists():
        index = faiss.index_factory(dim, kind)
        points = vectors(n, dim, 2)
        index.train(points)
        index.add(points)
        faiss.write_index(index, str(path))
    return path


def seconds(search: Callable[[np.ndarray], object], queries: np.ndarray) -> list[float]:
    """What each query takes by itself."""
    found = []
    for query in queries:
        start = time.perf_counter()
        search(query)
        found.append(time.perf_counter() - start)
    return found


def measure(kind: str, dim: int, n: int, folder: Path) -> None:
    """One line of the table."""
    path = file_of(kind, dim, n, folder)
    theirs, ours = faiss.read_index(str(path)), VectorIndex.open(path)
    queries = vectors(N_QUERIES, dim, 3)
    lists = faiss.try_extract_index_ivf(theirs)
    nprobe = {} if lists is None else {"nprobe": NPROBE}
    if lists is not None:
        lists.nprobe = NPROBE
    distances, labels = theirs.search(queries, K)
    mine = ours.search(queries, K, **nprobe)
    same_ids = np.mean([len(set(a) & set(b)) for a, b in zip(mine.ids, labels, strict=True)]) / K
    apart = np.abs(mine.distances - distances).max() / np.abs(distances).max()
    rounds: tuple[list[float], list[float]] = ([], [])
    for _ in range(N_ROUNDS):
        rounds[0].extend(seconds(lambda query: theirs.search(query[None], K), queries))
        rounds[1].extend(seconds(lambda query: ours.search(query, K, **nprobe), queries))
    (their_p50, their_min), (our_p50, our_min) = ((np.median(r) * 1e6, min(r) * 1e6) for r in rounds)
    print(
        f"{dim:4} {kind:18} {their_p50:8.0f} {our_p50:8.0f} {their_p50 / our_p50:6.2f} {their_min:8.0f} {our_min:8.0f}"
        f" {their_min / our_min:6.2f}   {same_ids:6.3f} {apart:9.1e}",
        flush=True,
    )


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dims", type=int, nargs="+", default=[128, 512])
    parser.add_argument("--kinds", nargs="+", default=KINDS)
    parser.add_argument("--vectors", type=int, default=50_000)
    parser.add_argument("--files", type=Path, help="where to keep the indexes; by default nowhere")
    options = parser.parse_args()
    faiss.omp_set_num_threads(1)
    print("us: p50 and the fastest of each; alike: common neighbours; apart: largest difference of scores")
    print(" dim kind               faiss p50     ours  ratio faiss min     ours  ratio    alike     apart")
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.files or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        for dim in options.dims:
            for kind in options.kinds:
                measure(kind.format(m=dim // 8), dim, options.vectors, folder)


if __name__ == "__main__":
    main()

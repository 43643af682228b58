"""Builds indexes with orpheus_fast and with faiss on one thread each, and searches both with faiss.

Prints CPU seconds of building, and the recall that each index gives at the same settings: a figure without the other
says nothing. Run as `python benches/index_building_against_faiss.py [--n 100000] [--dim 512] [--kind IVF|HNSW]`.
"""

from __future__ import annotations

import os

# Before NumPy and FAISS start threads of their own.
os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")

import argparse
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import faiss
import numpy as np

from orpheus_fast.search import HNSWFlat, IVFFlat, build_index

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

Index: TypeAlias = faiss.Index
METRICS = {"inner_product": faiss.METRIC_INNER_PRODUCT, "l2": faiss.METRIC_L2}
K = 10


def audio_like(n: int, dim: int, seed: int) -> NDArray[np.float32]:
    """Unit vectors in clusters of very different sizes, of which the first few directions hold most."""
    shape = np.random.default_rng(99)
    rank, n_clusters = min(64, dim), 1500
    centres = shape.standard_normal((n_clusters, rank)) * np.linspace(1.0, 0.1, rank)
    sizes = 1.0 / np.arange(1, n_clusters + 1) ** 0.8
    basis = np.linalg.qr(shape.standard_normal((dim, rank)))[0].T
    rng = np.random.default_rng(seed)
    labels = rng.choice(n_clusters, n, p=sizes / sizes.sum())
    latent = centres[labels] + 0.45 * rng.standard_normal((n, rank)) * np.linspace(1.0, 0.3, rank)
    vectors = (latent @ basis).astype(np.float32)
    vectors += 0.05 * rng.standard_normal((n, dim), dtype=np.float32)
    vectors += 0.5 * basis[0].astype(np.float32)  # embeddings of music have a common direction
    return np.ascontiguousarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)


def recall(index: Index, queries: NDArray[np.float32], truth: NDArray[np.int64]) -> float:
    found = index.search(queries, K)[1]
    return float(np.mean([len(set(a) & set(b)) / K for a, b in zip(found, truth, strict=True)]))


def cpu_seconds(work: Callable[[], Index | None]) -> tuple[float, Index]:
    start = time.process_time()
    result = work()
    return time.process_time() - start, result


def ours(
    vectors: NDArray[np.float32], kind: IVFFlat | HNSWFlat, metric: str, n_threads: int = 1
) -> tuple[float, Index]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "built.faiss"
        build = lambda: build_index(path, vectors, kind=kind, metric=metric, n_threads=n_threads)  # noqa: E731
        seconds, _ = cpu_seconds(build)
        return seconds, faiss.read_index(str(path))


def theirs_ivf(vectors: NDArray[np.float32], nlist: int, metric: str) -> Index:
    index = faiss.index_factory(vectors.shape[1], f"IVF{nlist},Flat", METRICS[metric])
    index.train(vectors)
    index.add(vectors)
    return index


def theirs_hnsw(vectors: NDArray[np.float32], m: int, ef_construction: int, metric: str) -> Index:
    index = faiss.IndexHNSWFlat(vectors.shape[1], m, METRICS[metric])
    index.hnsw.efConstruction = ef_construction
    index.add(vectors)
    return index


def report(
    name: str, seconds: float, index: Index, settings: list[int], case: tuple[NDArray[np.float32], NDArray[np.int64]]
) -> None:
    queries, truth = case
    recalls = []
    for setting in settings:
        if hasattr(index, "nprobe"):
            index.nprobe = setting
        else:
            index.hnsw.efSearch = setting
        recalls.append(f"{setting}: {recall(index, queries, truth):.4f}")
    print(f"{name:34} {seconds:7.2f} CPU s   recall@{K} at {', '.join(recalls)}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=100_000)
    parser.add_argument("--dim", type=int, default=512)
    parser.add_argument("--nlist", type=int, default=512)
    parser.add_argument("--m", type=int, default=16)
    parser.add_argument("--ef-construction", type=int, default=100)
    parser.add_argument("--kind", choices=["IVF", "HNSW"], action="append")
    parser.add_argument("--metric", choices=list(METRICS), default="inner_product")
    parser.add_argument("--threads", type=int, default=1, help="of orpheus_fast, in a row of its own")
    chosen = parser.parse_args()
    faiss.omp_set_num_threads(1)
    vectors, queries = audio_like(chosen.n, chosen.dim, 1), audio_like(1000, chosen.dim, 2)
    exact = faiss.IndexFlat(chosen.dim, METRICS[chosen.metric])
    exact.add(vectors)
    case = (queries, exact.search(queries, K)[1])
    del exact
    print(f"{chosen.n} x {chosen.dim}, {chosen.metric}")
    if "IVF" in (chosen.kind or ["IVF"]):
        probes, nlist = [1, 4, 16, 32], chosen.nlist
        seconds, index = cpu_seconds(lambda: theirs_ivf(vectors, nlist, chosen.metric))
        report(f"faiss IVF{nlist}", seconds, index, probes, case)
        for sample in (256, 128, 64):
            seconds, index = ours(vectors, IVFFlat(nlist, sample_per_list=sample), chosen.metric)
            report(f"orpheus_fast IVF{nlist}, sample {sample}", seconds, index, probes, case)
    if "HNSW" in (chosen.kind or ["HNSW"]):
        beams, kind = [16, 64, 128], HNSWFlat(chosen.m, chosen.ef_construction)
        seconds, index = cpu_seconds(lambda: theirs_hnsw(vectors, chosen.m, chosen.ef_construction, chosen.metric))
        report(f"faiss HNSW{chosen.m} efc {chosen.ef_construction}", seconds, index, beams, case)
        for n_threads in sorted({1, chosen.threads}):
            seconds, index = ours(vectors, kind, chosen.metric, n_threads)
            report(f"orpheus_fast HNSW{chosen.m}, {n_threads} thread(s)", seconds, index, beams, case)


if __name__ == "__main__":
    main()

"""Exact search against faiss-cpu and NumPy: the same vectors, one thread, answers checked before they are timed.

`pytest benches/test_search.py --benchmark-only --benchmark-group-by=group`. A group is one case; the
engines in it answer the same question. Set OMP_NUM_THREADS=1 and OPENBLAS_NUM_THREADS=1: NumPy takes
its number of threads from there.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any

import faiss
import numpy as np
import pytest

from orpheus_fast import search

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from pytest_benchmark.fixture import BenchmarkFixture

K = 10
#: Recall that an exact engine must reach: ties and rounding may swap the last neighbour now and then.
MINIMUM_RECALL = 0.999


@dataclass(frozen=True)
class Case:
    """Queries over vectors that lie in clusters, as tracks do."""

    n_vectors: int
    dim: int
    n_queries: int
    metric: str
    allowed: float = 1.0

    def __str__(self) -> str:
        allowed = "" if self.allowed == 1 else f" allow={self.allowed:g}"
        return f"{self.n_vectors}x{self.dim} {self.metric} queries={self.n_queries}{allowed}"


CASES = [
    *(Case(16, 512, 1, metric) for metric in ("l2", "inner_product")),
    *(Case(10_000, 512, 1, metric) for metric in ("l2", "inner_product", "cosine")),
    *(Case(100_000, 512, 1, metric) for metric in ("l2", "inner_product", "cosine")),
    *(Case(100_000, dim, 1, "inner_product") for dim in (33, 128, 768)),
    *(Case(50_000, 512, n_queries, metric) for n_queries in (12, 64, 256) for metric in ("l2", "inner_product")),
    Case(100_000, 33, 64, "l2"),
    *(Case(100_000, 512, 1, "inner_product", allowed) for allowed in (0.1, 0.01, 0.001)),
]


@cache
def clusters(n_vectors: int, dim: int) -> NDArray[np.float32]:
    rng = np.random.default_rng(dim)
    centres = rng.standard_normal((200, dim), dtype=np.float32)
    noise = rng.standard_normal((n_vectors, dim), dtype=np.float32)
    return centres[rng.integers(len(centres), size=n_vectors)] + np.float32(0.7) * noise


@cache
def questions(case: Case) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64] | None]:
    vectors = clusters(case.n_vectors, case.dim)
    rng = np.random.default_rng(1)
    noise = rng.standard_normal((case.n_queries, case.dim), dtype=np.float32)
    queries = vectors[rng.integers(len(vectors), size=case.n_queries)] + np.float32(0.3) * noise
    n_allowed = int(case.allowed * case.n_vectors)
    allow = None if case.allowed == 1 else np.sort(rng.permutation(case.n_vectors)[:n_allowed])
    return vectors, queries, allow


@cache
def nearest(case: Case) -> NDArray[np.int64]:
    """Ids by float64 arithmetic and a full sort."""
    vectors, queries, allow = (None if array is None else array for array in questions(case))
    ids = np.arange(len(vectors)) if allow is None else allow
    found = []
    chosen = vectors[ids].astype(np.float64)
    for query in queries.astype(np.float64):
        if case.metric == "l2":
            scores = ((chosen - query) ** 2).sum(axis=1)
        else:
            scores = -(chosen @ query)
            if case.metric == "cosine":
                scores /= np.linalg.norm(chosen, axis=1)
        found.append(ids[np.argsort(scores, kind="stable")[:K]])
    return np.array(found)


def ours_file(case: Case) -> Callable[[], NDArray[np.int64]]:
    vectors, queries, allow = questions(case)
    path = Path(mkdtemp()) / "index.faiss"
    search.write_flat(path, vectors, metric=case.metric)
    index = search.VectorIndex.open(path)
    return lambda: index.search(queries, K, allow=allow).ids


def ours_matrix(case: Case) -> Callable[[], NDArray[np.int64]]:
    vectors, queries, allow = questions(case)
    lengths = search.inverse_norms(vectors) if case.metric == "cosine" else None
    return lambda: search.search(vectors, queries, K, metric=case.metric, allow=allow, inverse_norms=lengths).ids


def faiss_flat(case: Case) -> Callable[[], NDArray[np.int64]]:
    vectors, queries, allow = questions(case)
    if case.metric == "cosine":
        vectors, queries = vectors.copy(), queries.copy()
        faiss.normalize_L2(vectors)
        faiss.normalize_L2(queries)
    index = (faiss.IndexFlatL2 if case.metric == "l2" else faiss.IndexFlatIP)(case.dim)
    index.add(vectors)
    if allow is None:
        return lambda: index.search(queries, K)[1]
    mask = np.zeros(case.n_vectors, dtype=bool)

    def filtered() -> NDArray[np.int64]:
        mask[allow] = True
        bits = np.packbits(mask, bitorder="little")
        selector = faiss.IDSelectorBitmap(case.n_vectors, faiss.swig_ptr(bits))
        return index.search(queries, K, params=faiss.SearchParameters(sel=selector))[1]

    return filtered


def numpy_matrix(case: Case) -> Callable[[], NDArray[np.int64]]:
    vectors, queries, allow = questions(case)
    ids = np.arange(len(vectors)) if allow is None else allow
    squares = (vectors**2).sum(axis=1)

    def found() -> NDArray[np.int64]:
        chosen = vectors if allow is None else vectors[allow]
        scores = -(queries @ chosen.T)
        if case.metric == "l2":
            scores = squares[ids] + 2 * scores
        elif case.metric == "cosine":
            scores /= np.sqrt(squares[ids])
        k = min(K, len(ids)) - 1
        best = np.argpartition(scores, k, axis=1)[:, : k + 1]
        order = np.argsort(np.take_along_axis(scores, best, axis=1), axis=1)
        return ids[np.take_along_axis(best, order, axis=1)]

    return found


ENGINES: dict[str, Callable[[Case], Callable[[], NDArray[np.int64]]]] = {
    "orpheus file": ours_file,
    "orpheus matrix": ours_matrix,
    "faiss Flat": faiss_flat,
    "numpy": numpy_matrix,
}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_exact_search(benchmark: BenchmarkFixture, case: Case, engine: str) -> None:
    if engine == "orpheus file" and case.metric == "cosine":
        pytest.skip("a FAISS file has no cosine")
    faiss.omp_set_num_threads(1)
    ask = ENGINES[engine](case)
    found, expected = ask(), nearest(case)
    hits = [len(np.intersect1d(ours, theirs)) for ours, theirs in zip(found, expected, strict=True)]
    recall = sum(hits) / expected.size
    assert recall >= MINIMUM_RECALL
    benchmark.group = str(case)
    benchmark.extra_info |= {"engine": engine, "recall": recall}
    rounds = 2000 if case.n_vectors < 1000 else 15
    benchmark.pedantic(ask, rounds=rounds, warmup_rounds=2)


def test_writing_a_file(benchmark: BenchmarkFixture) -> None:
    vectors = clusters(100_000, 512)
    path = Path(mkdtemp()) / "index.faiss"
    benchmark.group = "write 100000x512 to disk"
    benchmark.pedantic(lambda: search.write_flat(path, vectors), rounds=3)
    assert path.stat().st_size == vectors.nbytes + 45


def test_opening_a_file(benchmark: BenchmarkFixture) -> None:
    path = Path(mkdtemp()) / "index.faiss"
    search.write_flat(path, clusters(100_000, 512))
    benchmark.group = "open 100000x512"
    index: Any = benchmark.pedantic(lambda: search.VectorIndex.open(path), rounds=100)
    assert len(index) == 100_000

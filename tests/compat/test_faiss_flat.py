"""FAISS opens what we write and answers alike; we open what FAISS writes and answer alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import faiss
import numpy as np
import pytest

from orpheus_fast import search
from orpheus_fast.search import VectorIndex

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

METRICS = {"l2": faiss.METRIC_L2, "inner_product": faiss.METRIC_INNER_PRODUCT}
KINDS = ["Flat", "IDMap,Flat", "IDMap2,Flat"]
RTOL = 1e-5


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> None:
    # Threads of OpenMP that wait for each other take minutes on a busy machine.
    faiss.omp_set_num_threads(1)


def some_vectors(n: int, dim: int, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).standard_normal((n, dim), dtype=np.float32)


def faiss_index(kind: str, metric: str, vectors: NDArray[np.float32]) -> tuple[Any, NDArray[np.int64]]:
    index = faiss.index_factory(vectors.shape[1], kind, METRICS[metric])
    ids = np.arange(len(vectors), dtype=np.int64)
    if kind == "Flat":
        index.add(vectors)
    else:
        ids = np.random.default_rng(1).permutation(len(vectors)).astype(np.int64) * 7 - 50
        ids[ids == -1] = 10**15
        index.add_with_ids(vectors, ids)
    return index, ids


def assert_same_neighbours(ours: search.Neighbours, theirs: tuple[Any, Any], *, dim: int) -> None:
    distances, ids = theirs
    # Both sum `dim` float32 products, in different orders: each is off by a few roundings (2^-24) of the sum of
    # their magnitudes, which for these vectors is below `dim`, while the sum itself may be next to zero.
    atol = dim * 2.0**-22
    np.testing.assert_allclose(ours.distances, distances, rtol=RTOL, atol=atol)
    differing = ours.ids != ids
    # Two vectors may change places only if their distances are equal but for rounding.
    is_tie = np.abs(np.diff(distances, axis=1)) < RTOL * np.abs(distances[:, 1:]) + 2 * atol
    may_differ = np.zeros(ids.shape, dtype=bool)
    may_differ[:, 1:] |= is_tie
    may_differ[:, :-1] |= is_tie
    may_differ[:, -1] = True  # its rival is the first one left out
    assert not (differing & ~may_differ).any()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(("n", "dim"), [(0, 8), (1, 1), (5, 3), (300, 33), (1000, 512), (700, 129)])
def test_a_file_that_faiss_wrote_gives_the_neighbours_of_faiss(
    tmp_path: Path, kind: str, metric: str, n: int, dim: int
) -> None:
    vectors = some_vectors(n, dim)
    theirs, ids = faiss_index(kind, metric, vectors)
    faiss.write_index(theirs, str(tmp_path / "faiss"))
    ours = VectorIndex.open(tmp_path / "faiss")
    assert (ours.kind, ours.metric, ours.ntotal, ours.dim) == (kind, metric, n, dim)
    np.testing.assert_array_equal(ours.ids, ids)
    queries = some_vectors(30, dim, seed=2)
    for k in {min(n, 10), n} - {0}:
        assert_same_neighbours(ours.search(queries, k), theirs.search(queries, k), dim=dim)
    for row in range(min(n, 5)):
        np.testing.assert_array_equal(ours.reconstruct(int(ids[row])), vectors[row])


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("with_ids", [False, True])
@pytest.mark.parametrize(("n", "dim"), [(0, 8), (1, 1), (300, 33), (257, 512)])
def test_faiss_reads_what_we_write_and_would_write_the_same_bytes(
    tmp_path: Path, metric: str, with_ids: bool, n: int, dim: int
) -> None:
    vectors = some_vectors(n, dim)
    theirs, ids = faiss_index("IDMap2,Flat" if with_ids else "Flat", metric, vectors)
    faiss.write_index(theirs, str(tmp_path / "faiss"))
    search.write_flat(tmp_path / "ours", vectors, metric=metric, ids=ids if with_ids else None)
    assert (tmp_path / "ours").read_bytes() == (tmp_path / "faiss").read_bytes()
    read = faiss.read_index(str(tmp_path / "ours"))
    assert (read.ntotal, read.d, read.metric_type) == (n, dim, METRICS[metric])
    if n:
        queries = some_vectors(20, dim, seed=3)
        k = min(n, 10)
        ours = VectorIndex.open(tmp_path / "ours")
        assert_same_neighbours(ours.search(queries, k), read.search(queries, k), dim=dim)


def test_duplicates_come_in_the_order_of_their_ids(tmp_path: Path) -> None:
    vectors = np.repeat(some_vectors(5, 16), 20, axis=0)
    theirs, _ = faiss_index("Flat", "l2", vectors)
    faiss.write_index(theirs, str(tmp_path / "faiss"))
    found = VectorIndex.open(tmp_path / "faiss").search(vectors[::20], k=20)
    np.testing.assert_array_equal(found.distances, 0)
    np.testing.assert_array_equal(found.ids, np.arange(100).reshape(5, 20))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("share", [0.5, 0.05])
def test_allowed_ids_give_the_neighbours_of_a_faiss_selector(tmp_path: Path, kind: str, share: float) -> None:
    vectors = some_vectors(800, 40)
    theirs, ids = faiss_index(kind, "l2", vectors)
    faiss.write_index(theirs, str(tmp_path / "faiss"))
    mask = np.random.default_rng(4).random(len(ids)) < share
    parameters = faiss.SearchParameters(sel=faiss.IDSelectorBatch(ids[mask]))
    queries = some_vectors(25, 40, seed=5)
    expected = theirs.search(queries, 10, params=parameters)
    ours = VectorIndex.open(tmp_path / "faiss")
    assert_same_neighbours(ours.search(queries, 10, allow=ids[mask]), expected, dim=40)
    assert_same_neighbours(ours.search(queries, 10, allow=mask), expected, dim=40)


def test_cosine_of_a_matrix_is_the_inner_product_of_unit_vectors_in_faiss() -> None:
    vectors, queries = some_vectors(500, 64) * 3, some_vectors(20, 64, seed=6) * 5
    unit_vectors, unit_queries = vectors.copy(), queries.copy()
    faiss.normalize_L2(unit_vectors)
    faiss.normalize_L2(unit_queries)
    theirs, _ = faiss_index("Flat", "inner_product", unit_vectors)
    ours = search.search(vectors, queries, 10, metric="cosine")
    assert_same_neighbours(ours, theirs.search(unit_queries, 10), dim=1)

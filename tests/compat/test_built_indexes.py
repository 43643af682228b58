"""FAISS opens the indexes that we build and finds in them what it finds in its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import faiss
import numpy as np
import pytest

from orpheus_fast.search import HNSWFlat, IVFFlat, add_to_index, build_index

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

METRICS = {"l2": faiss.METRIC_L2, "inner_product": faiss.METRIC_INNER_PRODUCT}
K = 10


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> None:
    # Threads of OpenMP that wait for each other take minutes on a busy machine.
    faiss.omp_set_num_threads(1)


def clustered(n: int, dim: int, seed: int) -> NDArray[np.float32]:
    centres = np.random.default_rng(99).standard_normal((40, dim))
    rng = np.random.default_rng(seed)
    vectors = centres[rng.integers(0, 40, n)] + 0.5 * rng.standard_normal((n, dim))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def truth(vectors: NDArray[np.float32], queries: NDArray[np.float32], metric: str, k: int = K) -> Any:
    exact = faiss.IndexFlat(vectors.shape[1], METRICS[metric])
    exact.add(vectors)
    return exact.search(queries, k)


def recall(found: NDArray[np.int64], expected: NDArray[np.int64]) -> float:
    return float(np.mean([len(set(a) & set(b)) / len(b) for a, b in zip(found, expected, strict=True)]))


def opened(path: Path) -> Any:
    return faiss.read_index(str(path))


def with_beam(index: Any, beam: int) -> Any:
    graph = faiss.downcast_index(index.index) if isinstance(index, faiss.IndexIDMap) else index
    graph.hnsw.efSearch = beam
    return index


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("ids", [False, True])
def test_all_lists_of_a_built_index_hold_every_vector_under_its_id(tmp_path: Path, metric: Any, ids: bool) -> None:
    vectors, queries = clustered(3000, 24, 1), clustered(50, 24, 2)
    numbers = np.random.default_rng(3).permutation(3000) * 5 + 10**12 if ids else np.arange(3000)
    build_index(tmp_path / "index", vectors, kind="IVF16,Flat", metric=metric, ids=numbers if ids else None)
    index = opened(tmp_path / "index")
    assert (type(index), index.nlist, index.nprobe, index.ntotal) == (faiss.IndexIVFFlat, 16, 4, 3000)
    index.nprobe = 16
    distances, found = index.search(queries, K)
    expected_distances, expected = truth(vectors, queries, metric)
    np.testing.assert_allclose(distances, expected_distances, rtol=1e-5, atol=1e-5)
    assert recall(found, numbers[expected]) > 0.999  # ties may fall either way


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("ids", [False, True])
def test_a_built_graph_finds_nearly_all_neighbours_under_their_ids(tmp_path: Path, metric: Any, ids: bool) -> None:
    vectors, queries = clustered(3000, 24, 1), clustered(100, 24, 2)
    numbers = np.arange(3000)[::-1] * 3 + 11 if ids else np.arange(3000)
    kind = HNSWFlat(16, 80)
    build_index(tmp_path / "index", vectors, kind=kind, metric=metric, ids=numbers if ids else None, n_threads=2)
    index = with_beam(opened(tmp_path / "index"), 256)
    expected = truth(vectors, queries, metric)[1]
    assert recall(index.search(queries, K)[1], numbers[expected]) > 0.995


@pytest.mark.parametrize("metric", METRICS)
def test_graphs_are_as_good_as_those_of_faiss(tmp_path: Path, metric: Any) -> None:
    vectors, queries = clustered(6000, 48, 1), clustered(500, 48, 2)
    expected = truth(vectors, queries, metric)[1]
    theirs = faiss.IndexHNSWFlat(48, 8, METRICS[metric])
    theirs.hnsw.efConstruction = 60
    theirs.add(vectors)
    build_index(tmp_path / "index", vectors, kind=HNSWFlat(8, 60), metric=metric, n_threads=1)
    for beam in (32, 64):
        found, reference = (
            with_beam(index, beam).search(queries, K)[1] for index in (opened(tmp_path / "index"), theirs)
        )
        # Two graphs of the same kind on the same vectors differ by a few thousandths.
        assert recall(found, expected) > recall(reference, expected) - 0.01


def test_a_graph_says_of_itself_what_one_of_faiss_does(tmp_path: Path) -> None:
    vectors = clustered(1000, 8, 1)
    build_index(tmp_path / "index", vectors, kind=HNSWFlat(12, 40))
    built, reference = opened(tmp_path / "index"), faiss.IndexHNSWFlat(8, 12, faiss.METRIC_INNER_PRODUCT)
    ours, theirs = built.hnsw, reference.hnsw
    for table in ("cum_nneighbor_per_level", "assign_probas"):
        ours_table, theirs_table = (faiss.vector_to_array(getattr(graph, table)) for graph in (ours, theirs))
        # Probabilities: FAISS takes the logarithm in float32.
        np.testing.assert_allclose(ours_table, theirs_table, rtol=1e-5)
    levels = faiss.vector_to_array(ours.levels)
    assert (levels.max() - 1, levels[ours.entry_point] - 1) == (ours.max_level, ours.max_level)
    assert (ours.efConstruction, ours.efSearch) == (40, 64)
    # One in twelve is on a second level: 83 of 1,000, standard deviation 8.7.
    assert 45 < (levels > 1).sum() < 125


@pytest.mark.parametrize("metric", METRICS)
def test_centroids_are_as_near_to_the_vectors_as_those_of_faiss(tmp_path: Path, metric: Any) -> None:
    vectors = clustered(8000, 32, 1)
    theirs = faiss.index_factory(32, "IVF64,Flat", METRICS[metric])
    theirs.train(vectors)
    build_index(tmp_path / "index", vectors, kind=IVFFlat(64, sample_per_list=256), metric=metric)

    def inertia(index: Any) -> float:
        centroids = index.quantizer.reconstruct_n(0, 64)
        return float(truth(centroids, vectors, "l2", 1)[0].mean())

    assert inertia(opened(tmp_path / "index")) < 1.02 * inertia(theirs)


@pytest.mark.parametrize("n", [1, 2, 5])
@pytest.mark.parametrize("kind", ["Flat", "IVF1,Flat", "HNSW4,Flat", "auto"])
def test_one_or_a_few_vectors_are_all_found(tmp_path: Path, kind: str, n: int) -> None:
    vectors = clustered(n, 6, 1)
    build_index(tmp_path / "index", vectors, kind=kind, metric="l2")
    found = opened(tmp_path / "index").search(vectors, n)[1]
    np.testing.assert_array_equal(found[:, 0], np.arange(n))
    assert all(sorted(row) == list(range(n)) for row in found.tolist())


@pytest.mark.parametrize("kind", ["IVF8,Flat", "HNSW4,Flat"])
@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("value", [0.0, 1.0, 3e38])
def test_vectors_that_are_all_the_same_are_built_and_found(
    tmp_path: Path, kind: str, metric: Any, value: float
) -> None:
    vectors = np.full((500, 5), value, dtype=np.float32)
    build_index(tmp_path / "index", vectors, kind=kind, metric=metric, n_threads=2)
    index = opened(tmp_path / "index")
    assert index.ntotal == 500
    if value < 2:
        distances, found = index.search(vectors[:1], 4)
        assert len(set(found[0])) == 4
        assert (distances == (0 if metric == "l2" else 5 * value)).all()


def test_few_different_vectors_repeated_fill_their_lists(tmp_path: Path) -> None:
    vectors = np.repeat(clustered(3, 8, 1), 100, axis=0)
    build_index(tmp_path / "index", vectors, kind="IVF16,Flat", metric="l2")
    index = opened(tmp_path / "index")
    found = index.search(vectors[::100], 100)[1]
    assert [set(row) for row in found.tolist()] == [set(range(n, n + 100)) for n in (0, 100, 200)]


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("source", ["ours", "theirs"])
def test_lists_take_more_vectors(tmp_path: Path, metric: Any, source: str) -> None:
    vectors, queries = clustered(3000, 24, 1), clustered(50, 24, 2)
    path = tmp_path / "index"
    if source == "ours":
        build_index(path, vectors[:2000], kind="IVF16,Flat", metric=metric)
    else:
        theirs = faiss.index_factory(24, "IVF16,Flat", METRICS[metric])
        theirs.train(vectors[:2000])
        theirs.add(vectors[:2000])
        faiss.write_index(theirs, str(path))
    add_to_index(path, vectors[2000:2500])
    add_to_index(path, vectors[2500:], ids=np.arange(2500, 3000), target=tmp_path / "more")
    assert opened(path).ntotal == 2500
    index = opened(tmp_path / "more")
    index.nprobe = 16
    assert recall(index.search(queries, K)[1], truth(vectors, queries, metric)[1]) > 0.999
    if source == "theirs":
        theirs.add(vectors[2000:])
        theirs.nprobe = index.nprobe = 3
        np.testing.assert_array_equal(index.search(queries, K)[1], theirs.search(queries, K)[1])


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("source", ["ours", "theirs"])
@pytest.mark.parametrize("n_first", [1, 2000, 2950])
def test_a_graph_takes_more_vectors(tmp_path: Path, metric: Any, source: str, n_first: int) -> None:
    vectors, queries = clustered(3000, 24, 1), clustered(100, 24, 2)
    path = tmp_path / "index"
    if source == "ours":
        build_index(path, vectors[:n_first], kind=HNSWFlat(12, 80), metric=metric)
    else:
        theirs = faiss.IndexHNSWFlat(24, 12, METRICS[metric])
        theirs.hnsw.efConstruction = 80
        theirs.add(vectors[:n_first])
        faiss.write_index(theirs, str(path))
    add_to_index(path, vectors[n_first:], n_threads=2)
    index = with_beam(opened(path), 256)
    assert index.ntotal == 3000
    assert recall(index.search(queries, K)[1], truth(vectors, queries, metric)[1]) > 0.99
    # The new ones too, which are a few in the last case.
    assert recall(index.search(vectors[n_first:], 1)[1], np.arange(n_first, 3000)[:, np.newaxis]) > 0.99


@pytest.mark.parametrize("kind", ["Flat", "HNSW8,Flat"])
def test_an_index_with_ids_takes_more_of_them(tmp_path: Path, kind: str) -> None:
    vectors, path = clustered(300, 8, 1), tmp_path / "index"
    ids = np.random.default_rng(1).permutation(300) * 7 + 1
    build_index(path, vectors[:200], kind=kind, metric="l2", ids=ids[:200])
    add_to_index(path, vectors[200:], ids=ids[200:])
    index = opened(path)
    assert type(index) is faiss.IndexIDMap2
    assert recall(index.search(vectors, 1)[1], ids[:, np.newaxis]) > 0.99


def test_other_kinds_take_no_vectors(tmp_path: Path) -> None:
    vectors, path = clustered(500, 8, 1), tmp_path / "index"
    for kind in ("SQ8", "IVF4,SQ8", "HNSW4,SQ8", "PCA4,Flat", "IVF4_HNSW4,Flat"):
        index = faiss.index_factory(8, kind)
        index.train(vectors)
        index.add(vectors)
        faiss.write_index(index, str(path))
        before = path.read_bytes()
        with pytest.raises(ValueError, match="to which vectors can be added"):
            add_to_index(path, vectors[:2])
        assert path.read_bytes() == before
    faiss.write_index(faiss.index_factory(8, "IVF4,Flat"), str(path))
    with pytest.raises(ValueError, match="trained"):
        add_to_index(path, vectors[:2])

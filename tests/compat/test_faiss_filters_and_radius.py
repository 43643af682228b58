"""Filters and radii, over every kind of FAISS file, against selectors of FAISS and against comparing all vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import faiss
import numpy as np
import pytest

from faiss_answers import (
    ATOL,
    METRICS,
    QUERIES,
    RTOL,
    VECTORS,
    N,
    assert_same,
    decoded,
    made,
    nearest,
    opened,
    scores_of,
    some_vectors,
)

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> None:
    # Threads of OpenMP that wait for each other take minutes on a busy machine.
    faiss.omp_set_num_threads(1)


@pytest.mark.parametrize("kind", ["SQ8", "PQ8x4fs", "RaBitQ", "IDMap,SQ8", "PCA16,IDMap2,Flat", "SQ4,RFlat"])
def test_filters_of_exhaustive_kinds_shut_out_what_they_say(tmp_path: Path, kind: str) -> None:
    theirs, ids = made(kind, "l2")
    ours = opened(tmp_path, theirs)
    everything = {int(i): [] for i in ids}
    for distances, labels in zip(*ours.search(QUERIES, N), strict=True):
        for distance, label in zip(distances, labels, strict=True):
            everything[int(label)].append(distance)
    scores = np.array([everything[int(i)] for i in ids]).T
    for share in (0.6, 0.1, 0.01):
        mask = np.random.default_rng(6).random(N) < share
        expected = nearest(scores[:, mask], ids[mask], "l2", 7)
        if "R" in kind:  # candidates are few, and chosen by other scores
            expected = (expected[0][:, :1], expected[1][:, :1])
        k = expected[1].shape[1]
        for filters in (
            {"allow": ids[mask]},
            {"allow": np.append(ids[mask][::-1], [10**12, -9])},
            {"allow": mask},
            {"deny": ids[~mask]},
            {"deny": ~mask},
            {"allow": np.append(ids[mask], ids[~mask][:50]), "deny": ids[~mask][:60]},
        ):
            found = ours.search(QUERIES, 7, **filters)
            np.testing.assert_array_equal(found.ids[:, :k], expected[1])
            assert set(found.ids.ravel()) <= set(ids[mask])


@pytest.mark.parametrize("kind", ["IVF8,Flat", "IVF8,SQ8", "IVF8,PQ8x4", "IDMap2,IVF8,Flat", "PCA16,IVF8,RaBitQ"])
def test_filters_in_lists_give_what_a_selector_of_faiss_does(tmp_path: Path, kind: str) -> None:
    theirs, ids = made(kind, "l2")
    ours = opened(tmp_path, theirs)
    mask = np.random.default_rng(7).random(N) < 0.5
    # The selector of an ID map works on ids; inside a transform it is handed over as it is.
    parameters: Any = faiss.SearchParametersIVF(sel=faiss.IDSelectorBatch(ids[mask]), nprobe=3)
    if kind.startswith("IDMap"):
        inner = faiss.downcast_index(theirs.index)
        distances, rows = inner.search(
            QUERIES, 10, params=faiss.SearchParametersIVF(sel=faiss.IDSelectorBatch(np.flatnonzero(mask)), nprobe=3)
        )
        expected = distances, np.where(rows < 0, -1, ids[rows])
    else:
        if kind.startswith("PCA"):
            parameters = faiss.SearchParametersPreTransform(index_params=parameters)
        expected = theirs.search(QUERIES, 10, params=parameters)
    for filters in ({"allow": ids[mask]}, {"allow": mask}, {"deny": ids[~mask]}, {"deny": ~mask}):
        assert_same(ours.search(QUERIES, 10, **filters), expected)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(
    "kind", ["IVF8,Flat", "IVF8,SQ8", "IVF8,PQ8x4fsr", "HNSW6,Flat", "IDMap,HNSW6,SQ8", "IDMap2,IVF8,Flat"]
)
def test_few_allowed_vectors_are_all_compared(tmp_path: Path, kind: str, metric: str) -> None:
    theirs, ids = made(kind, metric, nprobe=4)
    ours = opened(tmp_path, theirs)
    places = np.random.default_rng(8).choice(N, 15, replace=False)
    scores = scores_of(QUERIES, decoded(ours)[np.sort(places)], metric)
    expected = nearest(scores, ours.ids[np.sort(places)], metric, 15)
    for k in (4, 15, 99):
        assert_same(ours.search(QUERIES, k, allow=ids[places]), expected)


@pytest.mark.parametrize("metric", METRICS)
def test_a_filtered_graph_shows_only_what_is_allowed_and_finds_no_less_than_faiss(tmp_path: Path, metric: str) -> None:
    theirs, ids = made("HNSW6,Flat", metric, some_vectors(4000))
    ours = opened(tmp_path, theirs)
    for share in (0.7, 0.2, 0.02):
        mask = np.random.default_rng(9).random(len(ids)) < share
        exact = nearest(scores_of(QUERIES, some_vectors(4000)[mask], metric), ids[mask], metric, 10)[1]
        found = ours.search(QUERIES, 10, allow=mask, ef_search=64)
        assert set(found.ids.ravel()) <= set(ids[mask])
        np.testing.assert_array_equal(found.ids, ours.search(QUERIES, 10, deny=ids[~mask], ef_search=64).ids)
        parameters = faiss.SearchParametersHNSW(sel=faiss.IDSelectorBatch(ids[mask]), efSearch=64)
        _, labels = theirs.search(QUERIES, 10, params=parameters)
        recall, theirs_recall = (
            np.mean([len(set(a) & set(b)) for a, b in zip(x, exact, strict=True)]) for x in (found.ids, labels)
        )
        assert recall >= theirs_recall
        assert recall > 8


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("kind", ["Flat", "SQ8", "PQ8x4", "IVF8,Flat", "IVF8,SQ8", "IDMap,Flat", "PCA16,IVF8,Flat"])
def test_all_within_a_radius_are_found(tmp_path: Path, kind: str, metric: str) -> None:
    theirs, ids = made(kind, metric)
    ours = opened(tmp_path, theirs)
    # Off the score of the vector that has it: rounding would decide about that one.
    radius = float(np.median(theirs.search(QUERIES, 20)[0][:, 15])) * 1.001
    limits, distances, labels = theirs.range_search(QUERIES, radius)
    found = ours.range_search(QUERIES, radius)
    assert 50 < len(labels) < N * len(QUERIES) / 4
    np.testing.assert_array_equal(found.limits, limits.astype(np.int64))
    for query in range(len(QUERIES)):
        part = slice(int(limits[query]), int(limits[query + 1]))
        order = np.argsort(labels[part])
        mine = np.argsort(found.ids[part])
        np.testing.assert_array_equal(found.ids[part][mine], labels[part][order])
        np.testing.assert_allclose(found.distances[part][mine], distances[part][order], rtol=RTOL, atol=ATOL)
        ascending = np.diff(found.distances[part] if metric == "l2" else -found.distances[part])
        assert (ascending >= 0).all()
    mask = np.isin(ids, found.ids[::2])
    kept = ours.range_search(QUERIES, radius, allow=mask, nprobe=8 if "IVF" in kind else None)
    assert set(kept.ids) == set(found.ids[::2])


def test_a_graph_finds_the_near_ones_within_a_radius(tmp_path: Path) -> None:
    theirs, _ = made("HNSW6,Flat", "l2")
    ours = opened(tmp_path, theirs)
    radius = float(np.median(theirs.search(QUERIES, 5)[0][:, 4]))
    found = ours.range_search(QUERIES, radius, ef_search=200)
    scores = scores_of(QUERIES, VECTORS, "l2")
    exact = {(query, int(row)) for query, row in zip(*np.nonzero(scores < radius), strict=True)}
    at = np.repeat(np.arange(len(QUERIES)), np.diff(found.limits))
    pairs = set(zip(at.tolist(), found.ids.tolist(), strict=True))
    assert pairs <= exact
    assert len(pairs) > 0.95 * len(exact)

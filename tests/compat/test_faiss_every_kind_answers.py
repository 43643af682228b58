"""Every kind of FAISS file answers here as it does in FAISS."""

from __future__ import annotations

from typing import TYPE_CHECKING

import faiss
import numpy as np
import pytest

from faiss_answers import (
    ATOL,
    DIM,
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
from orpheus_fast.errors import IndexFormatError, ParameterError, ShapeError
from orpheus_fast.search import VectorIndex

if TYPE_CHECKING:
    from pathlib import Path

# Kinds whose scores FAISS computes from the codes without rounding anything on the way.
EXACT_SCORES = [
    "Flat",
    "IDMap,Flat",
    "IDMap2,Flat",
    "SQ8",
    "SQ4",
    "SQ6",
    "SQfp16",
    "SQbf16",
    "PQ8x4",
    "PQ4x5",
    "PQ6x1",
    "RaBitQ",
    "IVF8,Flat",
    "IVF8,SQ8",
    "IVF8,SQ4",
    "IVF8,SQfp16",
    "IVF8,PQ4x5",
    "IVF8,PQ8x4",
    "IVF8,RaBitQ",
    "IVF8_HNSW4,Flat",
    "IVF8(SQ8),Flat",
    "HNSW6,Flat",
    "HNSW6,SQ8",
    "HNSW6,PQ8x4",
    "IDMap2,HNSW6,Flat",
    "IDMap2,IVF8,SQ8",
    "PCA16,Flat",
    "PCAR16,IVF8,Flat",
    "PCAWR16,SQ8",
    "L2norm,IVF8,Flat",
    "RR16,HNSW6,Flat",
    "RR30,Flat",
    "HR,RaBitQ",
    "Pad30,Flat",
    "SQ4,RFlat",
    "SQ4,Refine(SQ8)",
    "IVF8,SQ4,Refine(SQfp16)",
    "IDMap2,PCA16,IVF8,SQ8,RFlat",
    "RR24,RaBitQ,RFlat",
]


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> None:
    # Threads of OpenMP that wait for each other take minutes on a busy machine.
    faiss.omp_set_num_threads(1)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("kind", EXACT_SCORES)
def test_a_file_of_any_kind_gives_the_neighbours_and_vectors_of_faiss(tmp_path: Path, kind: str, metric: str) -> None:
    theirs, ids = made(kind, metric)
    ours = opened(tmp_path, theirs)
    # The string "HNSW,PQ" makes an index under L2 whatever is asked for.
    assert (ours.ntotal, ours.dim, METRICS[ours.metric]) == (N, DIM, theirs.metric_type)
    np.testing.assert_array_equal(ours.ids, ids)
    for k in (1, 10):
        assert_same(ours.search(QUERIES, k), theirs.search(QUERIES, k))
    lists = faiss.try_extract_index_ivf(theirs)
    if lists is not None:
        lists.make_direct_map()
    if not kind.startswith(("IDMap,", "PCAW", "HR")):  # faiss itself cannot
        for i in ids[:20]:
            np.testing.assert_allclose(ours.reconstruct(int(i)), theirs.reconstruct(int(i)), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(
    "quantizer",
    ["QT_8bit_uniform", "QT_4bit_uniform", "QT_8bit_direct", "QT_8bit_direct_signed"],
)
@pytest.mark.parametrize("in_lists", [False, True])
def test_scalar_codes_that_no_string_makes_answer_alike(
    tmp_path: Path, quantizer: str, metric: str, in_lists: bool
) -> None:
    rng = np.random.default_rng(4)
    vectors, queries = (rng.integers(0, 128, (n, DIM)).astype(np.float32) for n in (N, 20))
    kind = getattr(faiss.ScalarQuantizer, quantizer)
    if in_lists:
        coarse = faiss.IndexFlat(DIM, METRICS[metric])
        # Differences from centroids are no bytes.
        index = faiss.IndexIVFScalarQuantizer(coarse, DIM, 8, kind, METRICS[metric], "direct" not in quantizer)
        index.nprobe = 3
    else:
        index = faiss.IndexScalarQuantizer(DIM, kind, METRICS[metric])
    index.train(vectors)
    index.add(vectors)
    # Inner products of these are a hundred thousand times larger than those of the other tests.
    assert_same(opened(tmp_path, index).search(queries, 10), index.search(queries, 10), atol=1e5 * ATOL / 10)


@pytest.mark.parametrize("metric", METRICS)
def test_transforms_that_no_string_makes_answer_alike(tmp_path: Path, metric: str) -> None:
    learned = faiss.LinearTransform(DIM, 10, True)
    rng = np.random.default_rng(5)
    faiss.copy_array_to_vector(rng.standard_normal(10 * DIM).astype(np.float32), learned.A)
    faiss.copy_array_to_vector(rng.standard_normal(10).astype(np.float32), learned.b)
    learned.is_trained = True
    remap = faiss.RemapDimensionsTransform(10, 7, True)
    centre = faiss.CenteringTransform(DIM)
    index = faiss.IndexPreTransform(remap, faiss.IndexFlat(7, METRICS[metric]))
    index.prepend_transform(learned)
    index.prepend_transform(centre)
    index.train(VECTORS)
    index.add(VECTORS)
    ours = opened(tmp_path, index)
    assert_same(ours.search(QUERIES, 10), index.search(QUERIES, 10), atol=1e-3)
    with pytest.raises(ParameterError, match="its linear map is not orthonormal"):
        ours.reconstruct(0)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("bits", [7, 8, 9, 12, 16])
@pytest.mark.parametrize("in_lists", [False, True])
def test_product_codes_of_many_bits_answer_alike(tmp_path: Path, bits: int, metric: str, in_lists: bool) -> None:
    m = 3
    if in_lists:
        coarse = faiss.IndexFlat(DIM, METRICS[metric])
        coarse.add(VECTORS[:8])
        index = faiss.IndexIVFPQ(coarse, DIM, 8, m, bits, METRICS[metric])
        index.nprobe = 3
    else:
        index = faiss.IndexPQ(DIM, m, bits, METRICS[metric])
    # To learn this many centroids takes minutes; any will do.
    centroids = np.random.default_rng(10).standard_normal(DIM << bits).astype(np.float32)
    faiss.copy_array_to_vector(centroids, index.pq.centroids)
    index.is_trained = True
    index.add(VECTORS[:200])
    assert_same(opened(tmp_path, index).search(QUERIES, 10), index.search(QUERIES, 10))


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(
    "kind", ["PQ8x4fs", "PQ3x4fs_64", "PQ8x4fs_128", "IVF8,PQ8x4fs", "IVF8,PQ8x4fsr", "IVF8,PQ6x4fsr_64"]
)
def test_packed_product_codes_score_as_their_centroids_and_faiss_rounds_that(
    tmp_path: Path, kind: str, metric: str
) -> None:
    theirs, ids = made(kind, metric, nprobe=8)
    ours = opened(tmp_path, theirs)
    found = ours.search(QUERIES, 10)
    scores = scores_of(QUERIES, decoded(ours), metric)
    assert_same(found, nearest(scores, ids, metric, 10))
    distances, labels = theirs.search(QUERIES, 10)
    # FAISS rounds each of M table entries to 255 steps of the widest column, and that is a part of all scores.
    step = (scores.max() - scores.min()) / 255
    m = int(kind.partition("PQ")[2].partition("x")[0])
    exact = np.take_along_axis(scores, labels, axis=1)
    np.testing.assert_allclose(distances, exact, atol=m * step)
    assert np.mean([len(set(a) & set(b)) for a, b in zip(found.ids, labels, strict=True)]) > 8


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("kind", ["RaBitQfs", "RaBitQfs_64", "IVF8,RaBitQfs", "IVF8,RaBitQfs_64"])
def test_packed_signs_score_as_those_in_a_row(tmp_path: Path, kind: str, metric: str) -> None:
    # The same vectors with the same rounding of queries, but in tables that FAISS does not round.
    plain, _ = made(kind.replace("fs", "").removesuffix("_64"), metric)
    plain.qb = 8
    packed, _ = made(kind, metric)
    ours = opened(tmp_path, packed).search(QUERIES, 10)
    assert_same(ours, plain.search(QUERIES, 10))
    distances, labels = packed.search(QUERIES, 10)
    assert np.mean([len(set(a) & set(b)) for a, b in zip(ours.ids, labels, strict=True)]) > 8
    np.testing.assert_allclose(ours.distances, distances, atol=0.05 * np.abs(distances).max())


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("kind", ["RaBitQ2", "RaBitQ5", "RaBitQ9", "IVF8,RaBitQ4", "RaBitQfs3", "IVF8,RaBitQfs4"])
def test_signs_with_more_bits_score_alike_and_nothing_is_passed_over(tmp_path: Path, kind: str, metric: str) -> None:
    theirs, _ = made(kind, metric)
    ours = opened(tmp_path, theirs).search(QUERIES, 10)
    distances, labels = theirs.search(QUERIES, 10)
    # FAISS passes over vectors whose signs alone say that they are far; some of them are not.
    at_least_as_near = ours.distances <= distances + 1e-3 if metric == "l2" else ours.distances >= distances - 1e-3
    assert at_least_as_near.all()
    assert (ours.ids == labels).mean() > 0.9
    for mine, score, other, expected in zip(ours.ids, ours.distances, labels, distances, strict=True):
        both, at, there = np.intersect1d(mine, other, return_indices=True)
        assert len(both) >= 8
        np.testing.assert_allclose(score[at], expected[there], rtol=RTOL, atol=ATOL)


@pytest.mark.parametrize("bits", [1, 4, 8])
@pytest.mark.parametrize("kind", ["RaBitQ", "IVF8,RaBitQ"])
def test_signs_are_compared_with_queries_rounded_as_the_file_says(tmp_path: Path, kind: str, bits: int) -> None:
    for metric in METRICS:
        theirs, _ = made(kind, metric)
        theirs.qb = bits
        assert_same(opened(tmp_path, theirs).search(QUERIES, 10), theirs.search(QUERIES, 10))


@pytest.mark.parametrize("kind", ["IVF8,Flat", "IDMap2,IVF8,SQ8", "PCA16,IVF8,PQ4x5"])
def test_more_lists_are_visited_on_request(tmp_path: Path, kind: str) -> None:
    theirs, _ = made(kind, "l2", nprobe=2)
    ours = opened(tmp_path, theirs)
    np.testing.assert_array_equal(ours.search(QUERIES, 5).ids, ours.search(QUERIES, 5, nprobe=2).ids)
    for nprobe in (1, 4, 8, 100):
        faiss.extract_index_ivf(theirs).nprobe = nprobe
        assert_same(ours.search(QUERIES, 10, nprobe=nprobe), theirs.search(QUERIES, 10))


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("storage", ["SQ8", "SQfp16"])
def test_a_graph_over_codes_is_walked_as_faiss_does_at_any_beam(tmp_path: Path, storage: str, metric: str) -> None:
    index, _ = made(f"HNSW4,{storage}", metric, some_vectors(3000))
    ours = opened(tmp_path, index)
    for beam in (1, 3, 10, 16, 40):
        parameters = faiss.SearchParametersHNSW(efSearch=beam)
        for k in (10, 50):
            mine, (_, labels) = ours.search(QUERIES, k, ef_search=beam), index.search(QUERIES, k, params=parameters)
            assert (mine.ids == labels).mean() > 0.99


@pytest.mark.parametrize("metric", METRICS)
def test_a_graph_over_vectors_finds_as_many_as_faiss_at_the_same_beam(tmp_path: Path, metric: str) -> None:
    # Vectors are compared by codes first, so that other nodes can be visited.
    index, _ = made("HNSW4,Flat", metric, some_vectors(3000))
    ours = opened(tmp_path, index)
    exact = nearest(scores_of(QUERIES, some_vectors(3000), metric), ours.ids, metric, 10)[1]
    for beam in (10, 16, 40, 100):
        mine = ours.search(QUERIES, 10, ef_search=beam).ids
        _, labels = index.search(QUERIES, 10, params=faiss.SearchParametersHNSW(efSearch=beam))
        found, theirs = (np.mean([len(set(a) & set(b)) for a, b in zip(x, exact, strict=True)]) for x in (mine, labels))
        assert found >= theirs - 0.5


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("n", [0, 1, 3])
@pytest.mark.parametrize(
    "kind",
    [
        "SQ8",
        "PQ8x4",
        "PQ8x4fs",
        "RaBitQ",
        "RaBitQfs3",
        "IVF8,Flat",
        "IVF8,PQ8x4fs",
        "IVF8,RaBitQfs",
        "HNSW6,Flat",
        "PCA16,IVF8,SQ8",
        "IDMap2,IVF8_HNSW4,Flat",
        "SQ8,RFlat",
    ],
)
def test_indexes_of_no_and_few_vectors_give_all_there_are(tmp_path: Path, kind: str, metric: str, n: int) -> None:
    theirs, ids = made(kind, metric, VECTORS[:n], nprobe=8)
    ours = opened(tmp_path, theirs)
    assert (ours.ntotal, ours.ids.tolist()) == (n, sorted(ids.tolist()) if "IDMap" not in kind else ids.tolist())
    found = ours.search(QUERIES, 10)
    assert found.ids.shape == found.distances.shape == (len(QUERIES), n)
    np.testing.assert_array_equal(np.sort(found.ids), np.tile(np.sort(ids), (len(QUERIES), 1)))
    assert np.isfinite(found.distances).all()
    everything = ours.range_search(QUERIES, np.inf if metric == "l2" else -np.inf)
    assert len(everything.ids) == n * len(QUERIES)
    assert ours.search(QUERIES[0], 5, allow=[]).ids.shape == (0,)


@pytest.mark.parametrize("kind", ["SQ8", "IVF8,Flat", "IVF8,PQ8x4fs", "RaBitQ"])
def test_duplicates_come_in_the_order_of_their_ids(tmp_path: Path, kind: str) -> None:
    vectors = np.repeat(VECTORS[:6], 12, axis=0)
    theirs, _ = made(kind, "l2", vectors, nprobe=8)
    found = opened(tmp_path, theirs).search(vectors[::12], 12)
    for distances, ids in zip(*found, strict=True):
        for distance in np.unique(distances):
            assert (np.diff(ids[distances == distance]) > 0).all()
    np.testing.assert_array_equal(found.ids, np.arange(72).reshape(6, 12))


def test_lists_hold_any_ids_also_twice_and_those_of_none_are_not_shown(tmp_path: Path) -> None:
    index = faiss.index_factory(DIM, "IVF4,Flat")
    index.train(VECTORS)
    ids = np.array([70, -5, 70, 10**15, -1, 3, 3, 3], dtype=np.int64)
    index.add_with_ids(VECTORS[:8], ids)
    index.nprobe = 4
    ours = opened(tmp_path, index)
    np.testing.assert_array_equal(ours.ids, np.sort(ids))
    found = ours.search(VECTORS[:8], 8)
    assert sorted(found.ids[0].tolist()) == [-5, -1, 3, 3, 3, 70, 70, 10**15]
    np.testing.assert_array_equal(found.ids[:, -1], -1)
    assert np.isnan(found.distances[:, -1]).all()
    assert not np.isnan(found.distances[:, :-1]).any()
    # `reconstruct` gives one of those that have the id, whichever list it is in.
    assert any(np.array_equal(ours.reconstruct(3), vector) for vector in VECTORS[5:8])
    np.testing.assert_array_equal(ours.reconstruct(-5), VECTORS[1])
    with pytest.raises(ParameterError, match="id 4 is not in the index of 8 vectors"):
        ours.reconstruct(4)
    for allow in ([3, 70], np.isin(np.sort(ids), [3, 70])):
        only = ours.search(VECTORS[0], 8, allow=allow)
        assert sorted(only.ids.tolist()) == [3, 3, 3, 70, 70]
    assert sorted(ours.search(VECTORS[0], 9, deny=[3, 10**15, -1]).ids.tolist()) == [-5, 70, 70]


@pytest.mark.parametrize("kind", ["SQ8", "IVF8,PQ8x4", "HNSW6,Flat", "PCA16,IVF8,Flat", "RaBitQ", "SQ4,RFlat"])
def test_bad_arguments_are_refused_by_name(tmp_path: Path, kind: str) -> None:
    ours = opened(tmp_path, made(kind, "l2")[0])
    for value in (np.nan, np.inf):
        queries = QUERIES.copy()
        queries[3, 5] = value
        with pytest.raises(ParameterError, match=r"queries\[3, 5\] is (NaN|inf), expected a finite number"):
            ours.search(queries, 3)
        with pytest.raises(ParameterError, match=r"queries\[3, 5\]"):
            ours.range_search(queries, 1.0)
    for name in ("nprobe", "ef_search", "n_threads"):
        with pytest.raises(ParameterError, match=f"{name} is 0, expected at least 1"):
            ours.search(QUERIES, 3, **{name: 0})
    with pytest.raises(ParameterError, match="radius is NaN"):
        ours.range_search(QUERIES, np.nan)
    for name in ("allow", "deny"):
        with pytest.raises(ShapeError, match=f"{name} holds 3 values, expected one for each of the {N} vectors"):
            ours.search(QUERIES, 3, **{name: [True, False, True]})


@pytest.mark.parametrize("kind", EXACT_SCORES[3::3])
def test_the_answer_does_not_depend_on_threads_or_company(tmp_path: Path, kind: str) -> None:
    ours = opened(tmp_path, made(kind, "l2")[0])
    together = ours.search(QUERIES, 10)
    threaded = ours.search(QUERIES, 10, n_threads=3)
    np.testing.assert_array_equal(together.ids, threaded.ids)
    np.testing.assert_array_equal(together.distances, threaded.distances)
    for row, query in enumerate(QUERIES[:4]):
        alone = ours.search(query, 10)
        np.testing.assert_array_equal(alone.ids, together.ids[row])
        np.testing.assert_array_equal(alone.distances, together.distances[row])
    ranged = ours.range_search(QUERIES, float(np.median(together.distances)), n_threads=3)
    np.testing.assert_array_equal(
        ranged.limits, ours.range_search(QUERIES, float(np.median(together.distances))).limits
    )


@pytest.mark.parametrize("search_type", [faiss.IndexPQ.ST_HE, faiss.IndexPQ.ST_SDC])
def test_product_codes_that_are_searched_in_another_way_are_refused(tmp_path: Path, search_type: int) -> None:
    index, _ = made("PQ8x4", "l2")
    index.search_type = search_type
    with pytest.raises(IndexFormatError, match=r'"IxPq" \(PQ searched by Hamming or symmetric distances\)'):
        opened(tmp_path, index)


def test_a_link_that_leads_nowhere_is_found_before_it_is_followed(tmp_path: Path) -> None:
    index, _ = made("HNSW6,Flat", "l2")
    faiss.vector_to_array(index.hnsw.neighbors)
    faiss.write_index(index, str(tmp_path / "index.faiss"))
    content = bytearray((tmp_path / "index.faiss").read_bytes())
    links = faiss.vector_to_array(index.hnsw.neighbors)
    at = content.index(links.tobytes())
    content[at : at + 4] = N.to_bytes(4, "little")
    (tmp_path / "index.faiss").write_bytes(content)
    ours = VectorIndex.open(tmp_path / "index.faiss")
    for _ in range(2):
        with pytest.raises(IndexFormatError, match=f"link at offset {at} is {N}"):
            ours.search(QUERIES, 3)

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from orpheus_fast import search

if TYPE_CHECKING:
    from numpy.typing import NDArray

Pair = tuple["NDArray[np.float32]", "NDArray[np.float32]"]


@st.composite
def matrices_and_queries(draw: st.DrawFn, elements: st.SearchStrategy[float]) -> Pair:
    dim = draw(st.integers(1, 70))
    matrix = draw(hnp.arrays(np.float32, (draw(st.integers(0, 40)), dim), elements=elements))
    if len(matrix) and draw(st.booleans()):  # duplicates
        matrix = matrix[draw(st.lists(st.integers(0, len(matrix) - 1), min_size=1, max_size=60))]
    queries = draw(hnp.arrays(np.float32, (draw(st.integers(0, 9)), dim), elements=elements))
    return matrix, queries


# Sums of products of small whole numbers are exact in float32: the answer is one to the bit.
WHOLE = matrices_and_queries(st.integers(-3, 3).map(float))
REAL = matrices_and_queries(st.floats(-100, 100, width=32))
# Lengths that stay far above the smallest normal float32, below which a vector has no direction.
NORMAL = matrices_and_queries(
    st.one_of(st.just(0.0), st.floats(2.0**-60, 100, width=32), st.floats(-100, -(2.0**-60), width=32))
)
K = st.integers(1, 80)


def exact_scores(pair: Pair, metric: str) -> NDArray[np.float64]:
    matrix, queries = (values.astype(np.float64) for values in pair)
    if metric == "l2":
        return ((queries[:, np.newaxis] - matrix[np.newaxis]) ** 2).sum(axis=2)
    return queries @ matrix.T


def sorted_rows(scores: NDArray[np.float64], metric: str) -> NDArray[np.int64]:
    return np.argsort(scores if metric == "l2" else -scores, axis=1, kind="stable")


@given(WHOLE, K, st.sampled_from(["l2", "inner_product"]), st.integers(1, 3))
def test_the_answer_is_that_of_a_stable_sort(pair: Pair, k: int, metric: str, n_threads: int) -> None:
    scores = exact_scores(pair, metric)
    rows = sorted_rows(scores, metric)[:, :k]
    found = search.search(*pair, k, metric=metric, n_threads=n_threads)
    np.testing.assert_array_equal(found.ids, rows)
    np.testing.assert_array_equal(found.distances, np.take_along_axis(scores, rows, axis=1))


@given(WHOLE, K, st.sampled_from(["l2", "inner_product"]), st.data())
def test_a_filter_gives_the_answer_over_the_allowed_rows(pair: Pair, k: int, metric: str, data: st.DataObject) -> None:
    mask = data.draw(hnp.arrays(np.bool_, len(pair[0])))
    allowed = np.flatnonzero(mask)
    scores = exact_scores((pair[0][mask], pair[1]), metric)
    rows = allowed[sorted_rows(scores, metric)[:, :k]]
    shuffled = data.draw(st.permutations(allowed.tolist() * 2))
    for allow in (mask, shuffled):
        found = search.search(*pair, k, metric=metric, allow=allow)
        np.testing.assert_array_equal(found.ids, rows)


@settings(max_examples=50)
@given(WHOLE, K, st.sampled_from(["l2", "inner_product"]))
def test_a_file_answers_as_the_matrix_that_was_written(pair: Pair, k: int, metric: str) -> None:
    matrix, queries = pair
    ids = np.arange(len(matrix))[::-1] * 3 + 5
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "index"
        search.write_flat(path, matrix, metric=metric)
        in_memory, in_file = search.search(*pair, k, metric=metric), search.VectorIndex.open(path).search(queries, k)
        np.testing.assert_array_equal(in_file.ids, in_memory.ids)
        np.testing.assert_array_equal(in_file.distances, in_memory.distances)
        search.write_flat(path, matrix, metric=metric, ids=ids)
        mapped = search.VectorIndex.open(path).search(queries, k)
        np.testing.assert_array_equal(mapped.distances, in_memory.distances)
        # Ties are ordered by the ids of the file, here the other way round.
        scores = exact_scores(pair, metric)[:, ::-1]
        np.testing.assert_array_equal(mapped.ids, ids[::-1][sorted_rows(scores, metric)[:, :k]])


@given(REAL, K, st.sampled_from(["l2", "inner_product"]))
def test_every_distance_is_right_and_nothing_nearer_is_left_out(pair: Pair, k: int, metric: str) -> None:
    matrix, queries = pair
    found = search.search(*pair, k, metric=metric)
    assert found.ids.shape == found.distances.shape == (len(queries), min(k, len(matrix)))
    scores = exact_scores(pair, metric)
    # A float32 sum of n terms is off by at most (n + 3) * 2^-24 of the sum of their magnitudes.
    magnitude = np.abs(queries.astype(np.float64)) @ np.abs(matrix.T.astype(np.float64))
    magnitude = scores if metric == "l2" else magnitude
    bound = (matrix.shape[1] + 3) * 2.0**-24 * magnitude + 1e-37
    own = np.take_along_axis(scores, found.ids, axis=1)
    assert (np.abs(found.distances - own) <= np.take_along_axis(bound, found.ids, axis=1)).all()
    sign = 1 if metric == "l2" else -1
    for query, ids in enumerate(found.ids):
        assert len(set(ids.tolist())) == len(ids)
        left_out = np.setdiff1d(np.arange(len(matrix)), ids)
        if len(ids) and len(left_out):
            worst = sign * float(found.distances[query, -1])
            assert (sign * scores[query, left_out] + bound[query, left_out] >= worst).all()


@given(NORMAL, st.data())
def test_cosines_do_not_depend_on_length_or_on_where_lengths_come_from(pair: Pair, data: st.DataObject) -> None:
    matrix, queries = pair
    k = max(len(matrix), 1)
    found = search.search(*pair, k)
    given_lengths = search.search(*pair, k, inverse_norms=search.inverse_norms(matrix))
    np.testing.assert_array_equal(found.ids, given_lengths.ids)
    np.testing.assert_array_equal(found.distances, given_lengths.distances)
    assert (np.abs(found.distances) <= 1).all()
    longer = search.search(matrix, queries * np.float32(2.0 ** data.draw(st.integers(-20, 20))), k)
    np.testing.assert_allclose(longer.distances, found.distances, atol=1e-6)

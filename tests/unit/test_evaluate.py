"""`orpheus_fast.evaluate`: figures against straightforward computations, scikit-learn and cases done by hand."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics

from labelled import clusters
from orpheus_fast.errors import ParameterError, ShapeError
from orpheus_fast.evaluate import evaluate_vectors
from orpheus_fast.evaluate.bootstrap import estimates
from orpheus_fast.evaluate.comparison import MutualComparison, PlainComparison
from orpheus_fast.evaluate.retrieval import hubness, score_query

if TYPE_CHECKING:
    from numpy.typing import NDArray

SEEDS = st.integers(0, 2**32 - 1)


def figures(found: Any) -> list[float]:
    """All means of a ranking."""
    scores = (found.precision, found.average_precision, found.r_precision, found.nearest)
    return [*(score.value for score in scores), found.chance, found.ceiling]


def leaves(found: Any) -> list[float]:
    """Every number of an evaluation."""

    def walk(value: Any) -> list[float]:
        if isinstance(value, dict):
            return [number for item in value.values() for number in walk(item)]
        if isinstance(value, (list, tuple)):
            return [number for item in value for number in walk(item)]
        return [float(value)] if isinstance(value, (int, float)) else []

    return walk(found.to_dict())


def by_hand(vectors: NDArray[np.float32], labels: list[str], groups: list[str], k: int) -> list[float]:
    """The same means, one query and one answer at a time."""
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    rows = []
    for query in range(len(unit)):
        candidates = [row for row in range(len(unit)) if row != query and groups[row] != groups[query]]
        ranked = sorted(candidates, key=lambda row: -float(unit[row].astype(float) @ unit[query].astype(float)))
        right = [labels[row] == labels[query] for row in ranked]
        if not any(right):
            continue
        n_right = sum(right)
        precisions = [sum(right[: place + 1]) / (place + 1) for place in range(len(right)) if right[place]]
        first = right[:k]
        rows.append(
            (
                sum(first) / len(first),
                sum(precisions) / n_right,
                sum(right[:n_right]) / n_right,
                float(right[0]),
                n_right / len(right),
                min(n_right, len(first)) / len(first),
            )
        )
    return [float(np.mean(column)) for column in zip(*rows, strict=True)]


# Rankings.


def test_a_ranking_done_by_hand() -> None:
    right = np.array([True, False, True, False, False])
    scores = score_query(np.array([5, 4, 3, 2, 1], dtype=np.float32), right, 3)
    assert scores == pytest.approx((2 / 3, (1 + 2 / 3) / 2, 1 / 2, 1.0, 2 / 5, 2 / 3))


def test_nothing_to_find_is_no_score() -> None:
    assert score_query(np.ones(3, dtype=np.float32), np.zeros(3, dtype=bool), 2) is None
    assert score_query(np.empty(0, dtype=np.float32), np.empty(0, dtype=bool), 2) is None


def test_with_fewer_right_answers_than_k_the_precision_is_still_over_k() -> None:
    found = evaluate_vectors([[1, 0], [1, 0.1], [0, 1], [0.1, 1]], ["a", "a", "b", "b"], k=2, probe=False).all
    assert (found.precision.value, found.ceiling, found.r_precision.value) == (0.5, 0.5, 1.0)


def test_with_fewer_candidates_than_k_the_precision_is_over_the_candidates() -> None:
    found = evaluate_vectors([[1, 0], [1, 0.1], [0, 1], [0.1, 1]], ["a", "a", "b", "b"], k=10, probe=False).all
    assert found.precision.value == pytest.approx(found.chance) == pytest.approx(1 / 3)


@settings(deadline=None)
@given(SEEDS, st.integers(2, 60), st.integers(1, 12))
def test_without_ties_average_precision_is_that_of_scikit_learn(seed: int, n: int, k: int) -> None:
    random = np.random.default_rng(seed)
    values = random.permutation(n).astype(np.float32)
    right = random.random(n) < 0.3
    right[0] = True
    scores = score_query(values, right, k)
    assert scores is not None
    assert scores.average_precision == pytest.approx(metrics.average_precision_score(right, values), abs=1e-12)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.booleans()), min_size=1, max_size=5), st.integers(1, 5))
def test_ties_count_by_their_mean_over_all_orders(answers: list[tuple[int, bool]], k: int) -> None:
    values = np.array([value for value, _ in answers], dtype=np.float32)
    right = np.array([is_right for _, is_right in answers])
    scores = score_query(values, right, k)
    orders = [score_query(values + np.array(order) / 100, right, k) for order in permutations(range(len(values)))]
    if scores is None:
        assert not right.any()
        assert set(orders) == {None}
    else:
        np.testing.assert_allclose(np.mean(orders, axis=0), scores, atol=1e-12)


def test_vectors_that_are_all_alike_are_as_good_as_chance() -> None:
    labels = ["a"] * 10 + ["b"] * 30
    found = evaluate_vectors(np.ones((40, 3)), labels, probe=False)
    for score in (found.all.precision, found.all.r_precision, found.all.nearest):
        assert score.value == pytest.approx(found.all.chance)
    assert found.effective_dim == 0
    assert found.all.chance == pytest.approx((10 * 9 + 30 * 29) / 40 / 39)


@pytest.mark.parametrize("k", [1, 5, 10, 200])
def test_rankings_are_those_of_a_straightforward_computation(k: int) -> None:
    vectors, labels = clusters()
    groups = [f"group {row % 29}" for row in range(len(labels))]
    alone = [str(row) for row in range(len(labels))]
    found = evaluate_vectors(vectors, labels, groups=groups, k=k, probe=False)
    assert found.filtered is not None
    assert figures(found.all) == pytest.approx(by_hand(vectors, labels, alone, k))
    assert figures(found.filtered) == pytest.approx(by_hand(vectors, labels, groups, k))
    assert (found.n_tracks, found.n_labels, found.n_groups) == (120, 4, 29)


def test_blocks_of_queries_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors, labels = clusters()
    whole = leaves(evaluate_vectors(vectors, labels, mutual_proximity=True, probe=False))
    monkeypatch.setattr("orpheus_fast.evaluate.comparison._BLOCK_VALUES", 400)
    monkeypatch.setattr("orpheus_fast.evaluate.comparison._CANDIDATE_ROWS", 7)
    monkeypatch.setattr("orpheus_fast.library.proximity._BLOCK", 11)
    parts = leaves(evaluate_vectors(vectors, labels, mutual_proximity=True, probe=False))
    assert parts == pytest.approx(whole, abs=1e-9)


@settings(deadline=None)
@given(SEEDS)
def test_the_order_of_the_tracks_changes_no_figure(seed: int) -> None:
    # Small whole numbers: many ties, and products without rounding.
    random = np.random.default_rng(seed)
    vectors = random.integers(-2, 3, size=(20, 3)).astype(np.float32)
    labels = ["a", "a", "b", *random.choice(list("abc"), 17).tolist()]
    groups = [f"g{number}" for number in random.integers(8, size=20)]
    order = random.permutation(20)

    def judged(rows: NDArray[np.int64]) -> list[float]:
        found = evaluate_vectors(
            vectors[rows], [labels[row] for row in rows], groups=[groups[row] for row in rows], k=4, probe=False
        )
        assert found.filtered is not None
        by_label = [(scores.precision, scores.average_precision) for scores in found.filtered.labels]
        return [*figures(found.all), *figures(found.filtered), *np.ravel(by_label)]

    assert judged(order) == pytest.approx(judged(np.arange(20)), nan_ok=True)


@pytest.mark.parametrize("metric", ["inner_product", "l2"])
def test_other_metrics_rank_by_their_own_order(metric: Any) -> None:
    vectors, _ = clusters(n=40)
    wide = vectors.astype(np.float64)
    expected = wide @ wide.T if metric == "inner_product" else -((wide[:, None] - wide) ** 2).sum(axis=2)
    found = PlainComparison(vectors, metric).similarities(np.arange(40))
    scale = np.abs(found).max() / np.abs(expected).max()
    np.testing.assert_allclose(found, expected * scale, rtol=1e-6, atol=1e-6 * np.abs(found).max())


@pytest.mark.parametrize("metric", ["cosine", "inner_product", "l2"])
@pytest.mark.parametrize("scale", [1e-30, 1e30])
def test_the_unit_of_the_values_changes_no_figure(metric: Any, scale: float) -> None:
    vectors, labels = clusters(n=60)
    plain = evaluate_vectors(vectors, labels, metric=metric, mutual_proximity=True, probe=False)
    found = evaluate_vectors(vectors * np.float32(scale), labels, metric=metric, mutual_proximity=True, probe=False)
    assert leaves(found) == pytest.approx(leaves(plain), abs=1e-6)


def test_copies_of_a_vector_are_equally_near_to_everything() -> None:
    random = np.random.default_rng(3)
    vectors = np.repeat(random.standard_normal((30, 37), dtype=np.float32), 3, axis=0)[random.permutation(90)]
    for metric in ("cosine", "l2"):
        values = PlainComparison(vectors, metric).similarities(np.arange(90))
        assert all(len(np.unique(row)) == 30 for row in values)
        same = (vectors[:, None] == vectors).all(axis=2)
        assert len(np.unique(values[same])) == 1


@pytest.mark.parametrize("metric", ["cosine", "inner_product", "l2"])
def test_mutual_similarities_are_logarithms_of_both_tails(metric: Any) -> None:
    vectors, _ = clusters(n=50)
    plain = PlainComparison(vectors, metric)
    distances = -plain.similarities(np.arange(50)).astype(np.float64)
    np.fill_diagonal(distances, np.nan)
    mean, deviation = np.nanmean(distances, axis=1), np.nanstd(distances, axis=1)
    own = stats.norm.logsf((distances - mean[:, None]) / deviation[:, None])
    expected = own + stats.norm.logsf((distances - mean) / deviation)
    rows = np.array([3, 40, 7])
    found = MutualComparison(plain).similarities(rows)
    others = np.isfinite(expected[rows])
    np.testing.assert_allclose(found[others], expected[rows][others], rtol=1e-3, atol=1e-5)


def test_tracks_without_a_group_are_groups_of_their_own() -> None:
    vectors, labels = clusters(n=30)
    named = evaluate_vectors(vectors, labels, groups=["0", "0", *(None for _ in range(28))], probe=False)
    assert named.n_groups == 29
    unnamed = evaluate_vectors(vectors, labels, groups=[None] * 30, probe=False)
    assert unnamed.filtered == unnamed.all


def test_a_label_of_one_group_has_no_filtered_figure() -> None:
    vectors, labels = clusters(n=40, n_labels=2)
    found = evaluate_vectors(vectors, labels, groups=labels, probe=False).filtered
    assert found is not None
    assert (found.n_queries, found.n_unanswerable) == (0, 40)
    assert np.isnan([found.precision.value, found.precision.low, found.chance, found.labels[0].precision]).all()


def test_more_tracks_than_may_ask_are_sampled_by_the_seed() -> None:
    vectors, labels = clusters(n=300)
    whole = evaluate_vectors(vectors, labels, probe=False)
    some = evaluate_vectors(vectors, labels, max_queries=100, probe=False)
    assert (some.all.n_queries, some.hubness.n_tracks, some.n_tracks) == (100, 100, 300)
    assert some == evaluate_vectors(vectors, labels, max_queries=100, probe=False)
    assert some != evaluate_vectors(vectors, labels, max_queries=100, probe=False, seed=1)
    assert some.all.precision.value == pytest.approx(whole.all.precision.value, abs=0.1)


@pytest.mark.parametrize(
    ("vectors", "labels", "options", "words"),
    [
        (np.ones((3, 2)), ["a", "b"], {}, "2 labels for 3 vectors"),
        (np.ones((3, 2)), ["a"] * 3, {}, "too few labels"),
        (np.ones((3, 2)), ["a", "b", "c"], {}, "too few labels"),
        (np.ones((0, 2)), [], {}, "too few labels"),
        ([[1, np.nan], [1, 1], [1, 1]], ["a", "a", "b"], {}, "vector 0 holds NaN"),
        (np.ones((3, 2)), ["a", "a", "b"], {"groups": ["x"]}, "1 groups for 3 vectors"),
        (np.ones((3, 2)), ["a", "a", "b"], {"k": 0}, "k is 0"),
        (np.ones((3, 2)), ["a", "a", "b"], {"metric": "taxicab"}, "metric is 'taxicab'"),
        (np.ones((3, 2)), ["a", "a", "b"], {"max_queries": 1}, "max_queries is 1"),
        (np.ones((3, 2)), ["a", "a", "b"], {"numbers": {"v": [1, 2]}, "probe": True}, "numbers 'v' have shape"),
        (np.ones((3, 2)), ["a", "a", "b"], {"numbers": {"v": [1, 2, 3]}, "probe": True}, "'v' cannot be predicted"),
    ],
)
def test_what_cannot_be_judged_is_refused(vectors: Any, labels: list[str], options: Any, words: str) -> None:
    with pytest.raises((ParameterError, ShapeError), match=words):
        evaluate_vectors(vectors, labels, **{"probe": False, **options})


# Intervals.


def test_the_interval_of_independent_scores_is_that_of_their_standard_error() -> None:
    scores = np.random.default_rng(1).random((2000, 1))
    (found,) = estimates(scores, np.arange(2000), seed=0)
    error = 1.96 * scores.std() / np.sqrt(2000)
    assert found.value == pytest.approx(scores.mean())
    # A thousand samples know a percentile to a few percent of the width.
    assert (found.value - found.low, found.high - found.value) == pytest.approx((error, error), rel=0.15)


def test_scores_that_go_together_widen_the_interval() -> None:
    scores = np.repeat(np.random.default_rng(1).random((50, 1)), 20, axis=0)
    (alone,) = estimates(scores, np.arange(1000), seed=0)
    (together,) = estimates(scores, np.arange(1000) // 20, seed=0)
    assert together.high - together.low > 3 * (alone.high - alone.low)


# Hubness.


def test_a_hub_is_everybodys_neighbour() -> None:
    # 30 tracks at right angles to each other, and one that is halfway to each of them.
    vectors = np.concatenate((np.eye(30), np.ones((1, 30)))).astype(np.float32)
    found = hubness(PlainComparison(vectors, "cosine"), k=1)
    assert found.largest == 30 / 31
    assert found.orphans == 29 / 31
    # One value of 30, one of 1, the rest 0.
    counts = np.array([30, 1, *[0] * 29])
    centred = counts - counts.mean()
    assert found.skewness == pytest.approx((centred**3).mean() / (centred**2).mean() ** 1.5)


def test_occurrences_are_those_of_sorting_every_row() -> None:
    vectors, _ = clusters(n=80)
    cosine = metrics.pairwise.cosine_similarity(vectors.astype(np.float64))
    np.fill_diagonal(cosine, -np.inf)
    counts = np.bincount(np.argsort(-cosine, axis=1)[:, :10].ravel(), minlength=80)
    found = hubness(PlainComparison(vectors, "cosine"))
    assert (found.orphans, found.largest) == ((counts == 0).mean(), counts.max() / 80)


def test_tracks_on_a_circle_have_no_hub() -> None:
    angles = np.arange(24) * 2 * np.pi / 24
    vectors = np.stack((np.cos(angles), np.sin(angles)), axis=1).astype(np.float32)
    found = hubness(PlainComparison(vectors, "cosine"), k=2)
    assert (found.skewness, found.orphans, found.largest) == (0.0, 0.0, 2 / 24)


def test_mutual_proximity_lowers_the_hubness_of_many_dimensions() -> None:
    vectors = np.random.default_rng(5).standard_normal((400, 200)).astype(np.float32)
    # Not centred: everything is near to what is near the mean.
    plain = PlainComparison(vectors + 0.2, "l2")
    before, after = hubness(plain).skewness, hubness(MutualComparison(plain)).skewness
    assert before > 1.5
    assert after < before / 2


def test_neighbours_that_are_equally_near_are_taken_in_their_order() -> None:
    # As above: the hub, and then the first of the others. The hub itself takes the first two.
    vectors = np.concatenate((np.eye(30), np.ones((1, 30)))).astype(np.float32)
    found = hubness(PlainComparison(vectors, "cosine"), k=2)
    assert (found.largest, found.orphans) == (30 / 31, 28 / 31)

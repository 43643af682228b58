"""What models read off vectors: clusters, linear probe, ridge regression, and their folds."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from labelled import clusters
from orpheus_fast.evaluate import evaluate_vectors
from orpheus_fast.evaluate.folds import assign_folds

SEEDS = st.integers(0, 2**32 - 1)


def test_labels_that_are_clusters_are_found_by_every_model() -> None:
    vectors, labels = clusters(spread=0.1)
    found = evaluate_vectors(vectors, labels)
    assert found.clustering is not None
    assert found.probe is not None
    assert (found.clustering.n_clusters, found.clustering.nmi, found.clustering.ari) == (4, 1.0, 1.0)
    assert found.clustering.silhouette == pytest.approx(found.clustering.label_silhouette)
    assert found.clustering.silhouette > 0.8
    assert (found.probe.accuracy, found.probe.balanced_accuracy, found.probe.n_folds) == (1.0, 1.0, 5)


def test_labels_at_random_are_found_by_no_model() -> None:
    vectors, _ = clusters(n=400)
    labels = np.random.default_rng(9).choice(["a", "b"], 400).tolist()
    found = evaluate_vectors(vectors, labels, numbers={"v": np.random.default_rng(8).standard_normal(400)})
    assert found.clustering is not None
    assert found.probe is not None
    # Four standard errors of 400 tosses.
    assert found.probe.accuracy == pytest.approx(0.5, abs=0.1)
    assert found.clustering.ari == pytest.approx(0.0, abs=0.05)
    assert found.regressions[0].r2 < 0.1


def test_the_probe_is_about_what_scikit_learn_gets_on_folds_of_its_own() -> None:
    vectors, labels = clusters(n=400, spread=2.5)
    found = evaluate_vectors(vectors, labels)
    assert found.probe is not None
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    model = make_pipeline(StandardScaler(), LogisticRegression(C=10 / 16, max_iter=2000))
    expected = (cross_val_predict(model, unit, labels, cv=5) == np.array(labels)).mean()
    assert 0.5 < expected < 0.95
    assert found.probe.accuracy == pytest.approx(expected, abs=0.04)


def test_a_probe_cannot_cheat_by_knowing_the_group() -> None:
    # Vectors tell the group and nothing else; each group has one label.
    random = np.random.default_rng(4)
    groups = np.repeat(np.arange(40), 10)
    vectors = random.standard_normal((40, 64))[groups] + 0.01 * random.standard_normal((400, 64))
    labels = [f"label {number % 2}" for number in groups]
    open_ended = evaluate_vectors(vectors, labels)
    kept = evaluate_vectors(vectors, labels, groups=[str(number) for number in groups])
    assert open_ended.probe is not None
    assert kept.probe is not None
    assert open_ended.probe.accuracy == 1.0
    assert kept.probe.accuracy < 0.75


def test_one_group_leaves_no_probe() -> None:
    vectors, labels = clusters(n=20)
    assert evaluate_vectors(vectors, labels, groups=["one"] * 20).probe is None


def test_a_number_that_the_vectors_hold_is_predicted() -> None:
    vectors, labels = clusters(n=300)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    values = 3 * unit[:, 0] - unit[:, 1] + 5
    values[::7] = np.nan
    (found,) = evaluate_vectors(vectors, labels, numbers={"valence": values}).regressions
    assert (found.name, found.n_tracks) == ("valence", np.isfinite(values).sum())
    assert found.r2 > 0.999
    assert found.r > 0.999


@settings(deadline=None)
@given(SEEDS, st.integers(1, 40), st.integers(2, 8))
def test_no_group_is_in_two_folds_and_labels_are_spread(seed: int, n_groups: int, n_folds: int) -> None:
    random = np.random.default_rng(seed)
    groups, labels = random.integers(n_groups, size=200), random.integers(3, size=200)
    folds = assign_folds(groups, labels, n_folds=n_folds, seed=seed)
    assert all(len(np.unique(folds[groups == group])) == 1 for group in groups)
    assert set(folds) == set(range(min(n_folds, len(np.unique(groups)))))
    assert np.ptp(np.bincount(folds)) <= 2 * np.bincount(groups).max()
    np.testing.assert_array_equal(folds, assign_folds(groups, labels, n_folds=n_folds, seed=seed))


def test_tracks_alone_are_spread_evenly_label_by_label() -> None:
    labels = np.repeat([0, 1, 2], [50, 100, 15])
    folds = assign_folds(np.arange(165), labels, n_folds=5, seed=0)
    for label, n in enumerate((10, 20, 3)):
        assert np.bincount(folds[labels == label]).tolist() == [n] * 5


def test_a_large_group_does_not_make_a_large_fold() -> None:
    groups = np.repeat(np.arange(17), [40, *[10] * 16])
    for seed in range(5):
        folds = assign_folds(np.random.default_rng(seed).permutation(groups), None, n_folds=5, seed=seed)
        assert np.bincount(folds).tolist() == [40] * 5


def test_without_scikit_learn_retrieval_works_and_the_probe_names_the_extra() -> None:
    code = """
import sys
sys.modules["sklearn"] = None
from orpheus_fast.errors import MissingExtraError
from orpheus_fast.evaluate import evaluate_vectors
data = [[1, 0], [1, 0.1], [0, 1], [0.1, 1]], ["a", "a", "b", "b"]
print(evaluate_vectors(*data, k=1, probe=False, mutual_proximity=True).all.precision.value)
try:
    evaluate_vectors(*data)
except MissingExtraError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[0] == "1.0"
    assert "orpheus-fast[evaluate]" in done.stdout

"""Mutual proximity: its formula, its moments without all pairs, and `Library.similar` re-ranked by it."""

from __future__ import annotations

from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from libraries import fill, result, space
from orpheus_fast import Library
from orpheus_fast.errors import ParameterError
from orpheus_fast.library.proximity import DistanceModel, Moments, log_mutual_proximity, log_survival
from orpheus_fast.library.records import Embedding
from orpheus_fast.library.writer import Writer

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from orpheus_fast.library.spaces import SpaceSpec

METRICS = ("cosine", "inner_product", "l2")


def distances_of(rows: NDArray[Any], others: NDArray[Any], metric: str) -> NDArray[np.float64]:
    """All pairs, as plainly as can be."""
    one, other = rows.astype(np.float64), others.astype(np.float64)
    if metric == "l2":
        return ((one[:, None] - other) ** 2).sum(axis=2)
    if metric == "cosine":
        one, other = (values / np.linalg.norm(values, axis=1, keepdims=True) for values in (one, other))
    return -(one @ other.T)


def vectors(n: int, dim: int, seed: int = 0) -> NDArray[np.float32]:
    random = np.random.default_rng(seed)
    return (random.standard_normal((n, dim)) * random.uniform(0.5, 2, dim) + 0.3).astype(np.float32)


# The formula.


def test_the_logarithm_of_the_tail_is_that_of_scipy() -> None:
    z = np.linspace(-12, 12, 40_001)
    expected = stats.norm.logsf(z)
    np.testing.assert_allclose(log_survival(z), expected, atol=5e-7)
    low = z < -10
    np.testing.assert_allclose(log_survival(z[low]), expected[low], rtol=1e-4)
    assert (np.diff(log_survival(z)) < 0).all()


def test_no_distance_is_too_far_or_too_near() -> None:
    z = np.array([-np.inf, -1e300, -37.0, 37.0, 1e300, np.inf])
    values = log_survival(z)
    assert np.isfinite(values).all()
    assert (np.diff(values) <= 0).all()


def test_the_mutual_proximity_is_the_product_of_both_tails() -> None:
    one, other = Moments(np.array([1.0]), np.array([0.2])), Moments(np.array([0.8]), np.array([0.1]))
    (found,) = log_mutual_proximity(np.array([0.7]), one, other)
    expected = (1 - NormalDist(1.0, 0.2).cdf(0.7)) * (1 - NormalDist(0.8, 0.1).cdf(0.7))
    assert np.exp(found) == pytest.approx(expected, rel=1e-5)
    (swapped,) = log_mutual_proximity(np.array([0.7]), other, one)
    assert swapped == found


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("selected", [None, np.arange(0, 60, 2)])
def test_moments_are_those_of_all_pairs(metric: Any, selected: Any) -> None:
    rows = vectors(60, 7)
    used = rows if selected is None else rows[selected]
    model = DistanceModel.fit(rows, metric, selected=selected)
    pairs = distances_of(used, used, metric)
    others = pairs[~np.eye(len(used), dtype=bool)].reshape(len(used), -1)
    found = model.moments(used, members=True)
    np.testing.assert_allclose(found.mean, others.mean(axis=1), rtol=1e-9)
    np.testing.assert_allclose(found.deviation, others.std(axis=1), rtol=1e-9)
    strangers = vectors(9, 7, seed=1)
    pairs = distances_of(strangers, used, metric)
    found = model.moments(strangers, members=False)
    np.testing.assert_allclose(found.mean, pairs.mean(axis=1), rtol=1e-9)
    np.testing.assert_allclose(found.deviation, pairs.std(axis=1), rtol=1e-9)


@settings(deadline=None)
@given(st.sampled_from(METRICS), st.integers(1, 5), st.integers(0, 100))
def test_rows_without_spread_have_moments_that_can_be_divided_by(metric: Any, n: int, seed: int) -> None:
    row = np.random.default_rng(seed).integers(-1, 2, size=(1, 3)).astype(np.float32)
    rows = np.repeat(row, n, axis=0)
    mean, deviation = DistanceModel.fit(rows, metric).moments(rows, members=True)
    assert np.isfinite(mean).all()
    assert (deviation > 0).all()


# In a library.


def library_of(folder: Path, spec: SpaceSpec, rows: NDArray[np.float32]) -> Library:
    with Writer.acquire(folder, create=True) as writer:
        writer.ensure_space(spec)
        writer.commit(
            [result(f"{n}.flac", spec, embeddings={spec.name: Embedding(row, 1)}) for n, row in enumerate(rows)]
        )
    return Library.open(folder)


@pytest.mark.parametrize("options", [{"metric": "cosine"}, {"standardise": True}])
def test_the_re_ranked_neighbours_are_those_of_the_formula(tmp_path: Path, options: Any) -> None:
    spec = space(dim=9, **options)
    rows = vectors(90, 9)
    compared = rows if not spec.standardise else (rows - rows.mean(axis=0)) / rows.std(axis=0)
    pairs = distances_of(compared, compared, "cosine")
    np.fill_diagonal(pairs, np.nan)
    mean, deviation = np.nanmean(pairs, axis=1), np.nanstd(pairs, axis=1)
    tails = stats.norm.sf((pairs - mean[:, None]) / deviation[:, None])
    expected = tails * stats.norm.sf((pairs - mean) / deviation)
    with library_of(tmp_path / "x", spec, rows) as library:
        for query in (0, 41, 89):
            hits = library.similar(query + 1, 12, rerank="mutual_proximity")
            order = np.argsort(-np.nan_to_num(expected[query], nan=-1.0))[:12]
            assert [hit.track_id - 1 for hit in hits] == order.tolist()
            np.testing.assert_allclose([hit.score for hit in hits], expected[query][order], rtol=1e-4)
            plain = library.similar(query + 1, 12)
            assert [hit.track_id for hit in plain] != [hit.track_id for hit in hits]


def test_a_blend_is_re_ranked_too_and_leaves_its_own_tracks_out(tmp_path: Path) -> None:
    with library_of(tmp_path / "x", space(dim=9), vectors(90, 9)) as library:
        hits = library.similar([("+", 3), ("+", 4), ("-", 5)], 90, rerank="mutual_proximity")
        assert sorted(hit.track_id for hit in hits) == [1, 2, *range(6, 91)]
        scores = [hit.score for hit in hits]
        assert scores == sorted(scores, reverse=True)
        assert all(0 <= score <= 1 for score in scores)


def test_what_was_committed_since_is_re_ranked_too(tmp_path: Path) -> None:
    spec = space()
    with library_of(tmp_path / "x", spec, vectors(20, 12)) as library:
        assert len(library.similar(1, 50, rerank="mutual_proximity")) == 19
        with Writer.acquire(tmp_path / "x") as writer:
            fill(writer, spec, ["new.flac"])
        assert len(library.similar(1, 50, rerank="mutual_proximity")) == 20


def test_a_library_of_one_track_has_no_neighbours_to_re_rank(tmp_path: Path) -> None:
    with library_of(tmp_path / "x", space(), vectors(1, 12)) as library:
        assert library.similar(1, rerank="mutual_proximity") == []


def test_an_unknown_re_rank_is_refused(tmp_path: Path) -> None:
    with (
        library_of(tmp_path / "x", space(), vectors(2, 12)) as library,
        pytest.raises(ParameterError, match="rerank is 'magic', expected 'mutual_proximity'"),
    ):
        library.similar(1, rerank="magic")  # type: ignore[arg-type]

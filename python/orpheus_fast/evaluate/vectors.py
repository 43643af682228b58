"""Vectors and labels in, figures out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

import numpy as np

from orpheus_fast._arrays import as_float32, positive
from orpheus_fast.errors import ParameterError, ShapeError
from orpheus_fast.evaluate import scikit
from orpheus_fast.evaluate.comparison import MutualComparison, PlainComparison
from orpheus_fast.evaluate.folds import assign_folds
from orpheus_fast.evaluate.results import Clustering, Evaluation, Probe, Regression, Reranked
from orpheus_fast.evaluate.retrieval import hubness, rank

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

    from orpheus_fast.evaluate.comparison import Comparison
    from orpheus_fast.evaluate.results import Hubness, Ranking
    from orpheus_fast.search import Metric

    Ints = NDArray[np.int64]

__all__ = ["MAX_QUERIES", "evaluate_vectors"]

MAX_QUERIES: Final = 5000
_N_FOLDS: Final = 5
_LEAST_NUMBERS: Final = 10
_METRICS: Final = ("cosine", "inner_product", "l2")

T = TypeVar("T")


def evaluate_vectors(  # noqa: PLR0913 -- keyword-only, each with a default
    vectors: ArrayLike,
    labels: Sequence[str],
    *,
    groups: Sequence[str | None] | None = None,
    numbers: Mapping[str, ArrayLike] | None = None,
    k: int = 10,
    metric: Metric = "cosine",
    mutual_proximity: bool = False,
    probe: bool = True,
    max_queries: int = MAX_QUERIES,
    seed: int = 0,
) -> Evaluation:
    """Judge vectors by labels: retrieval, hubness, clusters, linear probe.

    Parameters
    ----------
    vectors : array_like, shape (n_tracks, dim)
        One vector per track, finite.
    labels : sequence of str, length n_tracks
        What should be near to what. At least two labels, one of them on two tracks.
    groups : sequence of str or None, length n_tracks, optional
        Artist, album, source clip: what makes tracks alike for other reasons than their label. Rankings are then also
        made without answers of the query's own group, and folds keep groups together. None: a group of its own.
    numbers : mapping of str to array_like, shape (n_tracks,), optional
        Numbers to predict, such as valence; NaN where unknown.
    k : int > 0
        Of the precision.
    metric : {"cosine", "inner_product", "l2"}
        How vectors are compared.
    mutual_proximity : bool
        Also give the figures where mutual proximity ranks.
    probe : bool
        Whether to make clusters, probe and regressions; needs scikit-learn.
    max_queries : int > 1
        Of more tracks, a seeded sample of so many asks (still all tracks are candidates), and hubness is that of the
        sample.
    seed : int
        Of everything that is drawn: the same seed gives the same figures.

    Returns
    -------
    Evaluation
        The figures.

    Raises
    ------
    ShapeError
        If the arguments do not fit each other.
    ParameterError
        If a vector is not finite, or there are too few labels to judge anything.
    MissingExtraError
        If `probe` is asked for without the extra `evaluate`.

    Examples
    --------
    >>> vectors = [[1, 0], [1, 0.1], [1, 0.2], [0, 1], [0.1, 1], [0.2, 1]]
    >>> found = evaluate_vectors(vectors, ["a", "a", "a", "b", "b", "b"], k=2, probe=False)
    >>> found.all.precision.value, round(found.all.chance, 3)
    (1.0, 0.4)
    """
    if probe:
        scikit.check_installed()
    rows = _checked(vectors, labels, metric)
    k = positive("k", k)
    names, label_numbers = _numbered(labels)
    _check_enough(labels, label_numbers, max_queries)
    group_numbers = None if groups is None else _group_numbers(groups, len(rows))
    plain = PlainComparison(rows, metric)
    queries = _sample(len(rows), max_queries, seed)

    def ranked(comparison: Comparison) -> tuple[Ranking, Ranking | None, Hubness]:
        rankings = rank(comparison, label_numbers, names, groups=group_numbers, queries=queries, k=k, seed=seed)
        return *rankings, hubness(comparison if len(queries) == len(rows) else comparison.subset(queries))

    of_all, filtered, hubs = ranked(plain)
    folds_by = np.arange(len(rows)) if group_numbers is None else group_numbers
    return Evaluation(
        n_tracks=len(rows),
        n_labels=len(names),
        n_groups=0 if group_numbers is None else len(np.unique(group_numbers)),
        dim=rows.shape[1],
        metric=metric,
        k=k,
        effective_dim=_effective_dim(plain.rows),
        all=of_all,
        filtered=filtered,
        hubness=hubs,
        mutual_proximity=Reranked(*ranked(MutualComparison(plain))) if mutual_proximity else None,
        clustering=_clustering(plain, label_numbers, seed) if probe else None,
        probe=_probe(plain, label_numbers, folds_by, seed) if probe else None,
        regressions=tuple(
            _regression(name, plain, values, folds_by, seed) for name, values in (numbers or {}).items() if probe
        ),
    )


def _checked(vectors: ArrayLike, labels: Sequence[str], metric: str) -> NDArray[np.float32]:
    rows = as_float32(vectors, name="vectors", n_dims=(2,))
    if len(labels) != len(rows):
        message = f"there are {len(labels)} labels for {len(rows)} vectors, expected one each"
        raise ShapeError(message)
    if metric not in _METRICS:
        message = f"metric is {metric!r}, expected one of {', '.join(_METRICS)}"
        raise ParameterError(message)
    if not np.isfinite(rows).all():
        row = int(np.flatnonzero(~np.isfinite(rows).all(axis=1))[0])
        message = f"vector {row} holds NaN or infinity, expected finite values"
        raise ParameterError(message)
    return rows


def _numbered(values: Sequence[T]) -> tuple[tuple[T, ...], Ints]:
    """Different values in their order, and the number of each."""
    names = tuple(sorted(set(values), key=str))
    number = {name: place for place, name in enumerate(names)}
    return names, np.array([number[value] for value in values], dtype=np.int64)


def _group_numbers(groups: Sequence[str | None], n_rows: int) -> Ints:
    if len(groups) != n_rows:
        message = f"there are {len(groups)} groups for {n_rows} vectors, expected one each"
        raise ShapeError(message)
    # Numbers of tracks stand for groups that have no name: no name is an int.
    return _numbered([row if group is None else group for row, group in enumerate(groups)])[1]


def _check_enough(labels: Sequence[str], numbers: Ints, max_queries: int) -> None:
    sizes = np.bincount(numbers) if len(numbers) else np.empty(0)
    if len(sizes) < 2 or sizes.max() < 2:  # noqa: PLR2004 -- two are the least that can be told apart
        message = (
            f"too few labels: {len(labels)} tracks with {len(sizes)} different labels, "
            "expected at least two labels, one of them on two tracks or more"
        )
        raise ParameterError(message)
    if max_queries < 2:  # noqa: PLR2004 -- hubness needs a neighbour
        message = f"max_queries is {max_queries}, expected at least 2"
        raise ParameterError(message)


def _sample(n: int, at_most: int, seed: int) -> Ints:
    if n <= at_most:
        return np.arange(n)
    return np.sort(np.random.default_rng(seed).choice(n, at_most, replace=False))


def _effective_dim(rows: NDArray[np.float32]) -> float:
    """Participation ratio: (sum of variances)^2 / sum of their squares; 0 if all vectors are one."""
    wide = rows.astype(np.float64)
    centred = wide - wide.mean(axis=0)
    covariance = centred.T @ centred / len(rows)
    squared = float((covariance**2).sum())
    return float(np.trace(covariance)) ** 2 / squared if squared > 0 else 0.0


def _clustering(plain: PlainComparison, labels: Ints, seed: int) -> Clustering:
    return Clustering(*scikit.cluster_scores(plain.rows, labels, seed=seed))


def _probe(plain: PlainComparison, labels: Ints, groups: Ints, seed: int) -> Probe | None:
    folds = assign_folds(groups, labels, n_folds=_N_FOLDS, seed=seed)
    n_folds = len(np.unique(folds))
    if n_folds < 2:  # noqa: PLR2004 -- nothing can be held out
        return None
    right = scikit.predict_labels(plain.rows, labels, folds) == labels
    sizes = np.bincount(labels)
    by_label = np.bincount(labels, weights=right) / sizes
    return Probe(
        accuracy=float(right.mean()),
        balanced_accuracy=float(by_label.mean()),
        chance=float(sizes.max() / len(labels)),
        n_folds=n_folds,
    )


def _regression(name: str, plain: PlainComparison, values: ArrayLike, groups: Ints, seed: int) -> Regression:
    truth = np.asarray(values, dtype=np.float64)
    if truth.shape != (len(plain),):
        message = f"numbers {name!r} have shape {truth.shape}, expected ({len(plain)},)"
        raise ShapeError(message)
    known = np.flatnonzero(np.isfinite(truth))
    folds = assign_folds(groups[known], None, n_folds=_N_FOLDS, seed=seed) if len(known) else known
    if len(known) < _LEAST_NUMBERS or len(np.unique(folds)) < 2 or np.ptp(truth[known]) == 0:  # noqa: PLR2004
        message = (
            f"numbers {name!r} cannot be predicted: {len(known)} tracks in {len(np.unique(groups[known]))} groups, "
            f"expected at least {_LEAST_NUMBERS} tracks in two groups, and values that differ"
        )
        raise ParameterError(message)
    truth = truth[known]
    predicted = scikit.predict_numbers(plain.rows[known], truth, folds)
    error = float(((truth - predicted) ** 2).sum() / ((truth - truth.mean()) ** 2).sum())
    varies = np.ptp(predicted) > 0
    r = float(np.corrcoef(truth, predicted)[0, 1]) if varies else 0.0
    return Regression(name=name, n_tracks=len(known), r2=1 - error, r=r)

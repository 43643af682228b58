"""Leave-one-out retrieval: how well a track finds those of its label."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from orpheus_fast.evaluate.bootstrap import estimates
from orpheus_fast.evaluate.comparison import blocks
from orpheus_fast.evaluate.results import Hubness, LabelScores, Ranking

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from orpheus_fast.evaluate.comparison import Comparison

    F32 = NDArray[np.float32]
    F64 = NDArray[np.float64]
    Ints = NDArray[np.int64]

__all__ = ["OCCURRENCE_K", "QueryScores", "hubness", "rank", "score_query"]

OCCURRENCE_K: Final = 10


class QueryScores(NamedTuple):
    """How well one query was answered; `chance` and `ceiling` are those of its precision at k."""

    precision: float
    average_precision: float
    r_precision: float
    nearest: float
    chance: float
    ceiling: float


def score_query(similarities: F32, relevant: NDArray[np.bool_], k: int) -> QueryScores | None:
    """Judge the ranking that similarities make of the candidates of one query.

    Parameters
    ----------
    similarities : ndarray, shape (n_candidates,)
        The larger, the earlier. Equal ones count as in random order, by their expectation.
    relevant : ndarray of bool, shape (n_candidates,)
        Which candidates are right answers.
    k : int > 0
        Answers that `precision` looks at.

    Returns
    -------
    QueryScores or None
        None if no candidate is a right answer.

    Examples
    --------
    >>> ranked = np.array([4.0, 3.0, 2.0, 1.0], dtype=np.float32)
    >>> scores = score_query(ranked, np.array([True, False, True, False]), k=2)
    >>> scores.precision, round(scores.average_precision, 4)
    (0.5, 0.8333)
    """
    right = np.sort(similarities[relevant])
    n_right, n = len(right), len(similarities)
    if n_right == 0:
        return None
    everything = np.sort(similarities)
    k = min(k, n)
    return QueryScores(
        _hits_among_first(everything, right, k) / k,
        _average_precision(everything, right),
        _hits_among_first(everything, right, n_right) / n_right,
        _hits_among_first(everything, right, 1),
        n_right / n,
        min(n_right, k) / k,
    )


def rank(
    comparison: Comparison,
    labels: Ints,
    names: Sequence[str],
    *,
    groups: Ints | None,
    queries: Ints,
    k: int,
    seed: int,
) -> tuple[Ranking, Ranking | None]:
    """Let every track of `queries` ask, once among all others and once among those of other groups.

    Parameters
    ----------
    comparison : Comparison
        Ranks.
    labels : ndarray of int, shape (n_tracks,)
        Numbers of the labels.
    names : sequence of str
        The labels.
    groups : ndarray of int, shape (n_tracks,), optional
        Number of the group of each track.
    queries : ndarray of int
        Rows of the tracks that ask.
    k : int > 0
        Of the precision.
    seed : int
        Of the bootstrap.
    """
    shape = (len(queries), len(QueryScores._fields))
    plain, filtered = np.full(shape, np.nan), np.full(shape, np.nan)
    done = 0
    for rows, similarities in blocks(comparison, queries):
        for row, values in zip(rows.tolist(), similarities, strict=True):
            candidates = np.ones(len(labels), dtype=bool)
            candidates[row] = False
            _note(plain[done], values, candidates, labels == labels[row], k)
            if groups is not None:
                candidates = groups != groups[row]
                _note(filtered[done], values, candidates, labels == labels[row], k)
            done += 1
    units = queries if groups is None else groups[queries]
    sizes = np.bincount(labels, minlength=len(names))
    of_all = _ranking(plain, labels[queries], names, sizes=sizes, units=units, seed=seed)
    if groups is None:
        return of_all, None
    return of_all, _ranking(filtered, labels[queries], names, sizes=sizes, units=units, seed=seed)


def hubness(comparison: Comparison, k: int = OCCURRENCE_K) -> Hubness:
    """Count how often each row is among the `k` nearest of another; equally near ones count in their order."""
    n = len(comparison)
    k = min(k, n - 1)
    counts = np.zeros(n, dtype=np.int64)
    for rows, similarities in blocks(comparison, np.arange(n)):
        for row, values in zip(rows.tolist(), similarities, strict=True):
            values[row] = -np.inf
            least = np.partition(values, n - k)[n - k]
            nearer = np.flatnonzero(values > least)
            counts[nearer] += 1
            counts[np.flatnonzero(values == least)[: k - len(nearer)]] += 1
    return Hubness(
        skewness=_skewness(counts.astype(np.float64)),
        orphans=float((counts == 0).mean()),
        largest=float(counts.max() / n),
        n_tracks=n,
    )


def _note(place: F64, similarities: F32, candidates: NDArray[np.bool_], same: NDArray[np.bool_], k: int) -> None:
    scores = score_query(similarities[candidates], same[candidates], k)
    if scores is not None:
        place[:] = scores


def _hits_among_first(everything: F32, right: F32, k: int) -> float:
    """Return the expected number of right answers among the first k; both arrays ascend."""
    last = everything[len(everything) - k]
    n_above = len(everything) - int(np.searchsorted(everything, last, "right"))
    right_above = len(right) - int(np.searchsorted(right, last, "right"))
    n_tied = len(everything) - n_above - int(np.searchsorted(everything, last, "left"))
    right_tied = len(right) - right_above - int(np.searchsorted(right, last, "left"))
    return right_above + (k - n_above) * right_tied / n_tied


def _average_precision(everything: F32, right: F32) -> float:
    """Return the expected average precision; of ties by the closed form of McSherry and Najork (ECIR 2008)."""
    ends = np.searchsorted(everything, right, "right")
    n_above = len(everything) - ends
    n_tied = ends - np.searchsorted(everything, right, "left")
    right_above = len(right) - np.searchsorted(right, right, "right")
    alone = n_tied == 1
    total = float(((right_above[alone] + 1) / (n_above[alone] + 1)).sum())
    for value in np.unique(right[~alone]):
        # The first of those with this value; all have the same numbers above.
        first = int(np.searchsorted(right, value, "left"))
        n_right = int(np.searchsorted(right, value, "right")) - first
        n = int(n_tied[first])
        position = np.arange(1, n + 1)
        before = (position - 1) * (n_right - 1) / (n - 1)
        expected = (right_above[first] + 1 + before) / (n_above[first] + position)
        total += float(expected.sum()) * n_right / n
    return total / len(right)


def _ranking(scores: F64, labels: Ints, names: Sequence[str], *, sizes: Ints, units: Ints, seed: int) -> Ranking:
    answered = ~np.isnan(scores[:, 0])
    known, units = scores[answered], units[answered]
    precision, average_precision, r_precision, nearest = estimates(known[:, :4], units, seed=seed)
    chance, ceiling = (float(known[:, column].mean()) if len(known) else float("nan") for column in (4, 5))
    return Ranking(
        n_queries=len(known),
        n_unanswerable=len(scores) - len(known),
        precision=precision,
        average_precision=average_precision,
        r_precision=r_precision,
        nearest=nearest,
        chance=chance,
        ceiling=ceiling,
        labels=tuple(
            _label_scores(name, int(sizes[number]), scores[answered & (labels == number)])
            for number, name in enumerate(names)
        ),
    )


def _label_scores(name: str, n_tracks: int, scores: F64) -> LabelScores:
    means = scores[:, :4].mean(axis=0).tolist() if len(scores) else [float("nan")] * 4
    return LabelScores(name, n_tracks, len(scores), *means)


def _skewness(values: F64) -> float:
    """Third standardised moment of a population; 0 where all are equal."""
    centred = values - values.mean()
    variance = float((centred**2).mean())
    return float((centred**3).mean() / variance**1.5) if variance > 0 else 0.0

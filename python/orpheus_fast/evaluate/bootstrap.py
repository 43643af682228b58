"""How much a mean over queries depends on which tracks happened to be labelled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from orpheus_fast.evaluate.results import Estimate

if TYPE_CHECKING:
    from numpy.typing import NDArray

    F64 = NDArray[np.float64]

__all__ = ["N_RESAMPLES", "estimates"]

N_RESAMPLES: Final = 1000
_AT_ONCE: Final = 50
_PERCENTILES: Final = (2.5, 97.5)


def estimates(scores: NDArray[np.float64], units: NDArray[np.int64], *, seed: int) -> tuple[Estimate, ...]:
    """Return the mean of each column with its 95 % percentile interval.

    Parameters
    ----------
    scores : ndarray, shape (n_queries, n_scores)
        One line per query.
    units : ndarray of int, shape (n_queries,)
        What each query belongs to. Units are drawn as a whole: tracks of one artist are alike, and so are their
        scores.
    seed : int
        The same seed draws the same samples.

    Examples
    --------
    >>> estimates(np.array([[1.0], [0.0], [1.0], [0.0]]), np.arange(4), seed=0)[0].value
    0.5
    """
    if len(scores) == 0:
        return (Estimate(float("nan"), float("nan"), float("nan")),) * int(scores.shape[1])
    numbers = np.unique(units, return_inverse=True)[1]
    sizes: F64 = np.bincount(numbers).astype(np.float64)
    sums: F64 = np.stack([np.bincount(numbers, weights=column) for column in scores.T], axis=1)
    random = np.random.default_rng(seed)
    means = np.concatenate([_resampled(sums, sizes, random) for _ in range(N_RESAMPLES // _AT_ONCE)])
    low, high = np.percentile(means, _PERCENTILES, axis=0)
    columns = zip(scores.mean(axis=0), low, high, strict=True)
    return tuple(Estimate(float(value), float(least), float(most)) for value, least, most in columns)


def _resampled(
    sums: NDArray[np.float64], sizes: NDArray[np.float64], random: np.random.Generator
) -> NDArray[np.float64]:
    """Means of some samples of units, drawn with replacement."""
    n_units = len(sizes)
    drawn = random.integers(n_units, size=(_AT_ONCE, n_units))
    drawn += n_units * np.arange(_AT_ONCE)[:, np.newaxis]
    times = np.bincount(drawn.ravel(), minlength=_AT_ONCE * n_units).reshape(_AT_ONCE, n_units)
    means: NDArray[np.float64] = (times @ sums) / (times @ sizes)[:, np.newaxis]
    return means

"""Mutual proximity: near is what is near as seen from both sides.

D. Schnitzer, A. Flexer, M. Schedl, G. Widmer, "Local and Global Scaling Reduce Hubs in Space", Journal of
Machine Learning Research 13 (2012), section 3.2; here the variant with independent normal distributions.

In many dimensions some vectors (*hubs*) are near to everything. Their distances as a whole are small, so a small
distance says less of them. Mutual proximity takes the distances from each vector as normally distributed and asks how
likely both vectors are further from a random third one than from each other.
"""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Self

    from numpy.typing import NDArray

    from orpheus_fast.search import Metric

    F32 = NDArray[np.float32]
    F64 = NDArray[np.float64]

__all__ = ["DistanceModel", "Moments", "log_mutual_proximity", "log_survival"]

_BLOCK: Final = 8192
# Where the normal distribution ends for float64: beyond, its tail is no normal number any more.
_LIMIT: Final = 37.0
_STEPS_PER_DEVIATION: Final = 512
# As a share of typical lengths: rounding of float32 is no spread, and of distances that are all equal none is special.
_LEAST_DEVIATION: Final = 1e-6


class Moments(NamedTuple):
    """Mean and deviation of the distances from each of several vectors to the rows of a space."""

    mean: F64
    deviation: F64


class DistanceModel:
    """Mean and covariance of all rows: enough to know the distances from any vector in mean and deviation.

    A distance is the negative cosine, the negative inner product, or the squared Euclidean distance. Each is linear in
    terms of the row (squared distance: of the row and its squared length), so that mean and variance over all rows
    follow from the rows' own: exactly, and in O(n dim^2) for all of n rows instead of O(n^2 dim).

    Examples
    --------
    >>> model = DistanceModel.fit(np.array([[1, 0], [0, 1], [1, 1]], dtype=np.float32), "l2")
    >>> model.moments(np.array([[1, 0]], dtype=np.float32), members=True).mean
    array([1.5])
    """

    def __init__(self, metric: Metric, n_rows: int, mean: F64, covariance: F64) -> None:
        self._metric = metric
        self._n_rows = n_rows
        self._mean = mean
        self._covariance = covariance

    @classmethod
    def fit(cls, rows: F32, metric: Metric, *, selected: NDArray[np.int64] | None = None) -> Self:
        """Describe the rows of a space.

        Parameters
        ----------
        rows : ndarray, shape (n_rows, dim), float32
            As they are compared; need not have length 1.
        metric : {"cosine", "inner_product", "l2"}
            How they are compared.
        selected : ndarray of int64, optional
            Numbers of the rows that count; None takes all.
        """
        n_rows = len(rows) if selected is None else len(selected)
        width = rows.shape[1] + (metric == "l2")
        total, scatter = np.zeros(width), np.zeros((width, width))
        for block in _blocks(rows, selected):
            total += _terms(block, metric).sum(axis=0)
        mean = total / max(n_rows, 1)
        for block in _blocks(rows, selected):
            centred = _terms(block, metric) - mean
            scatter += centred.T @ centred
        return cls(metric, n_rows, mean, scatter / max(n_rows, 1))

    def moments(self, vectors: F32, *, members: bool) -> Moments:
        """Return mean and deviation of the distances from each vector to the rows.

        Parameters
        ----------
        vectors : ndarray, shape (n_vectors, dim), float32
            From where.
        members : bool
            Whether the vectors are themselves among the rows; the distance of each to itself is then left out.
        """
        mean, deviation = np.empty(len(vectors)), np.empty(len(vectors))
        for start in range(0, len(vectors), _BLOCK):
            part = slice(start, start + _BLOCK)
            mean[part], deviation[part] = self._block_moments(vectors[part], members=members)
        return Moments(mean, deviation)

    def _block_moments(self, vectors: F32, *, members: bool) -> tuple[F64, F64]:
        terms = _terms(vectors, self._metric)
        weights, offset = _weights(terms, self._metric)
        least = np.maximum(_LEAST_DEVIATION * self._typical(terms), np.finfo(np.float64).tiny)
        mean = offset + weights @ self._mean
        variance = np.einsum("ij,ij->i", weights @ self._covariance, weights)
        if members and self._n_rows > 1:
            own = offset + np.einsum("ij,ij->i", weights, terms)
            n = self._n_rows
            without = mean - (own - mean) / (n - 1)
            variance = (variance * n - (own - mean) * (own - without)) / (n - 1)
            mean = without
        return mean, np.maximum(np.sqrt(np.maximum(variance, 0.0)), least)

    def _typical(self, terms: F64) -> F64:
        """Return how large a distance from each vector would be, were directions drawn at random."""
        if self._metric == "l2":
            sums: F64 = terms[:, -1] + self._mean[-1]
            return sums
        power = np.trace(self._covariance) + self._mean @ self._mean
        lengths: F64 = np.sqrt(np.einsum("ij,ij->i", terms, terms) * power)
        return lengths


def log_survival(z: F64) -> F64:
    """Return the logarithm of the share of a normal distribution beyond `z` deviations above its mean.

    Interpolated between values of `math.erfc` 1/512 apart: to 5e-7 absolutely, and near 0 (far below the mean, where
    neighbours are) to 1e-4 relatively at 10 deviations. It never rises with `z`.

    Examples
    --------
    >>> np.exp(log_survival(np.array([0.0, 1.96]))).round(4).tolist()
    [0.5, 0.025]
    """
    place = (np.clip(z, -_LIMIT, _LIMIT) + _LIMIT) * _STEPS_PER_DEVIATION
    table = _log_survivals()
    left = np.minimum(place.astype(np.int64), len(table) - 2)
    low = table[left]
    values: F64 = low + (place - left) * (table[left + 1] - low)
    return values


def log_mutual_proximity(distances: F64, one: Moments, other: Moments) -> F64:
    """Return the logarithm of the mutual proximity of pairs: 0 is nearest, very negative is far.

    Parameters
    ----------
    distances : ndarray, float64
        Distance of each pair, as `DistanceModel` has it.
    one, other : Moments
        Of the two vectors of each pair; in shapes that broadcast to that of `distances`.

    Returns
    -------
    ndarray, float64
        log(P(X > d) P(Y > d)), with X and Y normally distributed by the moments.
    """
    first = log_survival((distances - one.mean) / one.deviation)
    second = log_survival((distances - other.mean) / other.deviation)
    sums: F64 = first + second
    return sums


def _blocks(rows: F32, selected: NDArray[np.int64] | None) -> Iterator[F32]:
    n_rows = len(rows) if selected is None else len(selected)
    for start in range(0, n_rows, _BLOCK):
        part = slice(start, start + _BLOCK)
        yield rows[part] if selected is None else rows[selected[part]]


def _terms(rows: F32, metric: Metric) -> F64:
    """Return what the distance is linear in."""
    values = rows.astype(np.float64)
    if metric == "inner_product":
        return values
    squares = np.einsum("ij,ij->i", values, values)[:, np.newaxis]
    if metric == "l2":
        return np.concatenate((values, squares), axis=1)
    lengths = np.sqrt(squares)
    unit: F64 = np.divide(values, lengths, out=np.zeros_like(values), where=lengths > 0)
    return unit


def _weights(terms: F64, metric: Metric) -> tuple[F64, F64 | float]:
    """Weights and offset of the distance from a vector as a function of the terms of a row."""
    if metric != "l2":
        return -terms, 0.0
    weights = -2 * terms
    weights[:, -1] = 1.0
    return weights, terms[:, -1]


@functools.cache
def _log_survivals() -> F64:
    n_steps = round(2 * _LIMIT * _STEPS_PER_DEVIATION)
    return np.array([_log_survival_of(step / _STEPS_PER_DEVIATION - _LIMIT) for step in range(n_steps + 1)])


def _log_survival_of(z: float) -> float:
    # Below the mean the share is almost 1: its complement has the digits.
    if z < 0:
        return math.log1p(-0.5 * math.erfc(-z / math.sqrt(2)))
    return math.log(0.5 * math.erfc(z / math.sqrt(2)))

"""Similarities of labelled vectors, a block of queries at a time: never all pairs at once."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np

from orpheus_fast.library.proximity import DistanceModel, Moments, log_mutual_proximity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from orpheus_fast.search import Metric

    F32 = NDArray[np.float32]
    Rows = NDArray[np.int64]

__all__ = ["Comparison", "MutualComparison", "PlainComparison", "blocks"]

# Of float64 values at a time, 32 MiB.
_BLOCK_VALUES: Final = 1 << 22
_CANDIDATE_ROWS: Final = 8192
# Squared distances below this share of the squared lengths are rounding.
_ROUNDING: Final = 1e-12


class Comparison(Protocol):
    """What ranks: more similar is larger."""

    def __len__(self) -> int: ...

    def similarities(self, queries: Rows) -> F32:
        """Return the similarity of each of the rows `queries` to every row, shape (n_queries, n_rows)."""
        ...

    def subset(self, rows: Rows) -> Comparison:
        """Return the comparison of these rows among themselves."""
        ...


class PlainComparison:
    """Vectors under the metric of their space.

    Products are summed in float64 and rounded to float32, so that copies of a vector are equally near to everything,
    wherever they stand. What is not brought to length 1 is scaled as a whole by a power of two: no order changes, and
    no product leaves the range of float32.
    """

    def __init__(self, vectors: F32, metric: Metric) -> None:
        self.metric = metric
        self.rows = unit_rows(vectors) if metric == "cosine" else _scaled(vectors)
        wide = self.rows.astype(np.float64)
        self._squares = np.einsum("ij,ij->i", wide, wide)

    def __len__(self) -> int:
        return len(self.rows)

    def similarities(self, queries: Rows) -> F32:
        """Return cosines, inner products or negative squared distances."""
        own = self.rows[queries].astype(np.float64)
        values = np.empty((len(queries), len(self.rows)), dtype=np.float32)
        for start in range(0, len(self.rows), _CANDIDATE_ROWS):
            part = slice(start, start + _CANDIDATE_ROWS)
            products = own @ self.rows[part].astype(np.float64).T
            if self.metric == "l2":
                scale = self._squares[queries][:, np.newaxis] + self._squares[part]
                products = 2 * products - scale
                products[products > -_ROUNDING * scale] = 0.0
            values[:, part] = products
        return values

    def subset(self, rows: Rows) -> PlainComparison:
        """Return the comparison of these rows among themselves."""
        part = copy(self)
        part.rows, part._squares = self.rows[rows], self._squares[rows]
        return part


class MutualComparison:
    """The same vectors by mutual proximity, with the moments of all of them."""

    def __init__(self, plain: PlainComparison) -> None:
        self._plain = plain
        self._moments = DistanceModel.fit(plain.rows, plain.metric).moments(plain.rows, members=True)

    def __len__(self) -> int:
        return len(self._plain)

    def similarities(self, queries: Rows) -> F32:
        """Return logarithms of mutual proximities."""
        values = self._plain.similarities(queries)
        mean, deviation = self._moments
        # Query by query: what is computed on the way then stays in the cache.
        for row, query in zip(values, queries.tolist(), strict=True):
            own = Moments(mean[query : query + 1], deviation[query : query + 1])
            row[:] = log_mutual_proximity(-row.astype(np.float64), own, self._moments)
        return values

    def subset(self, rows: Rows) -> MutualComparison:
        """Return the comparison of these rows among themselves, with moments of their own."""
        return MutualComparison(self._plain.subset(rows))


def blocks(comparison: Comparison, queries: Rows) -> Iterator[tuple[Rows, F32]]:
    """Yield rows of `queries` and their similarities to all rows, in blocks of bounded size."""
    n_at_once = max(1, _BLOCK_VALUES // max(len(comparison), 1))
    for start in range(0, len(queries), n_at_once):
        part = queries[start : start + n_at_once]
        yield part, comparison.similarities(part)


def unit_rows(vectors: F32) -> F32:
    """Return the vectors scaled to length 1; one of zeros stays."""
    wide = vectors.astype(np.float64)
    lengths = np.sqrt(np.einsum("ij,ij->i", wide, wide))[:, np.newaxis]
    unit: F32 = np.divide(wide, lengths, out=np.zeros_like(wide), where=lengths > 0).astype(np.float32)
    return unit


def _scaled(vectors: F32) -> F32:
    """Return the vectors times the power of two that brings the largest value below 1."""
    exponent = int(np.frexp(np.abs(vectors).max(initial=0.0))[1])
    scaled: F32 = np.ldexp(vectors, -exponent)
    return scaled

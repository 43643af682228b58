"""Queries → vectors, and the table that they are looked up in."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, cast

import numpy as np

from orpheus_fast import search
from orpheus_fast.audio import AudioStream
from orpheus_fast.errors import DecodeError, ParameterError, UnsupportedFormatError
from orpheus_fast.library.indexer import tap_of
from orpheus_fast.library.proximity import DistanceModel, Moments, log_mutual_proximity
from orpheus_fast.library.scan import absolute_path, display_path

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from orpheus_fast.library.spaces import SpaceSpec
    from orpheus_fast.library.store import SpaceView, Store

__all__ = ["Query", "Rerank", "SearchTable", "Term", "embed_file", "parse_query", "unit"]

Item: TypeAlias = "int | str | os.PathLike[str] | os.PathLike[bytes]"
Query: TypeAlias = "Item | Sequence[tuple[str, Item]]"
Rerank: TypeAlias = Literal["mutual_proximity"]

# Of how many nearest a re-rank chooses k: enough that what it would bring forward is among them.
_CANDIDATES_PER_HIT: Final = 10
_MORE_CANDIDATES: Final = 100


@dataclass(frozen=True, slots=True)
class Term:
    """One part of a query: a track of the library, or a file that need not be in it."""

    sign: float
    track_id: int | None
    path: bytes | None


class SearchTable:
    """One space of one generation, ready to be searched.

    Spaces that are compared as they are stored are searched in the mapped file itself; standardised
    ones in a copy of which every column has mean 0 and deviation 1 over the library.
    """

    def __init__(self, view: SpaceView) -> None:
        self.generation = view.generation
        self.track_ids = view.track_ids
        self._spec = view.space.spec
        self._raw = view.vectors
        self._live = np.flatnonzero(view.track_ids >= 0)
        self._row_of = {int(view.track_ids[row]): int(row) for row in self._live}
        self._mean = self._scale = None
        #: What is searched: the stored vectors, or standardised ones.
        self.rows = view.vectors
        if self._spec.standardise and len(self._live):
            self._mean, self._scale = search.column_statistics(view.vectors, rows=self._live)
            self.rows = search.standardise_rows(view.vectors, self._mean, self._scale)
        # Standardised rows have length 1: their inner product is the cosine.
        metric = "inner_product" if self._mean is not None else self._spec.metric
        self._metric = cast("search.Metric", metric)
        self._inverse_norms = search.inverse_norms(self.rows) if self._metric == "cosine" else None
        # Every row is alive far more often than not: then no filter is needed.
        self._allow = None if len(self._live) == len(view.track_ids) else self._live

    def __len__(self) -> int:
        return len(self._live)

    def row_of(self, track_id: int) -> int | None:
        """Return the row of a track, or None if it has no vector in this space."""
        return self._row_of.get(track_id)

    def stored(self, track_id: int) -> NDArray[np.float32]:
        """Return a track's vector as it is compared."""
        row: NDArray[np.float32] = self.rows[self._row_of[track_id]]
        return row

    def comparable(self, vector: NDArray[np.float32]) -> NDArray[np.float32]:
        """Bring a vector that is not in the table to where its rows are."""
        if self._mean is None or self._scale is None:
            return vector
        row: NDArray[np.float32] = search.standardise_rows(vector[np.newaxis], self._mean, self._scale)[0]
        return row

    def nearest(self, vector: NDArray[np.float32], k: int) -> Iterator[tuple[int, float]]:
        """Yield (track id, score) of the `k` best, best first; a higher score is more similar."""
        rows, distances = self._search(self._query(vector), k)
        for row, distance in zip(rows.tolist(), distances.tolist(), strict=True):
            yield int(self.track_ids[row]), -distance

    def nearest_mutually(
        self, vector: NDArray[np.float32], k: int, *, track_id: int | None = None
    ) -> Iterator[tuple[int, float]]:
        """Yield (track id, mutual proximity) of the `k` best of some hundred nearest, best first.

        Parameters
        ----------
        vector : ndarray, shape (dim,)
            What is looked up.
        k : int > 0
            Of the nearest 10 k + 100.
        track_id : int, optional
            The track whose vector it is, where it is that of one track of the table.
        """
        vector = self._query(vector)
        rows, distances = self._search(vector, _CANDIDATES_PER_HIT * k + _MORE_CANDIDATES)
        if len(rows) == 0:
            return
        model, (mean, deviation) = self._distances
        is_member = track_id is not None and self.row_of(track_id) is not None
        of_query = model.moments(vector[np.newaxis], members=is_member)
        of_rows = Moments(mean[rows], deviation[rows])
        scores = log_mutual_proximity(distances.astype(np.float64), of_query, of_rows)
        # Stable: equal ones stay in the order of their distances.
        for place in np.argsort(-scores, kind="stable")[:k].tolist():
            yield int(self.track_ids[rows[place]]), float(np.exp(scores[place]))

    @cached_property
    def _distances(self) -> tuple[DistanceModel, Moments]:
        """What mutual proximity knows of each row; made when it is first asked for."""
        model = DistanceModel.fit(self.rows, self._metric, selected=self._live)
        return model, model.moments(self.rows, members=True)

    def _query(self, vector: NDArray[np.float32]) -> NDArray[np.float32]:
        # Standardised rows have length 1; a blend of them has not.
        norm = float(np.linalg.norm(vector)) if self._mean is not None else 0.0
        return vector / norm if norm > 0 else vector

    def _search(self, vector: NDArray[np.float32], k: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return the rows nearest to a query, and distances that are the smaller the nearer, whatever the metric."""
        k = min(k, len(self._live))
        if k == 0:
            return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32)
        found = search.search(
            self.rows, vector, k, metric=self._metric, allow=self._allow, inverse_norms=self._inverse_norms
        )
        return found.ids, found.distances if self._metric == "l2" else -found.distances


def unit(vector: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return a vector of length 1 in the same direction: equal weight for every track of a blend."""
    norm = float(np.linalg.norm(vector))
    return vector / norm if norm > 0 else vector


def parse_query(query: Query, store: Store) -> list[Term]:
    """Look up what a query names.

    Raises
    ------
    ParameterError
        If it names nothing, an unknown track id, or has another sign than + and -.
    FileNotFoundError
        If it names a path that is neither in the library nor on the disk.
    """
    parts = [("+", query)] if isinstance(query, (int, str, os.PathLike)) else list(query)
    if not any(sign == "+" for sign, _ in parts):
        message = f"query {query!r} names no track to be similar to, expected at least one path or track id"
        raise ParameterError(message)
    return [_term(sign, item, store) for sign, item in parts]


def _term(sign: str, item: Item, store: Store) -> Term:
    if sign not in ("+", "-"):
        message = f"sign is {sign!r}, expected '+' or '-'"
        raise ParameterError(message)
    factor = 1.0 if sign == "+" else -1.0
    if isinstance(item, int):
        return Term(factor, _known_id(item, store), None)
    path = absolute_path(item)
    track = store.catalog.track_at(path)
    if track is not None:
        return Term(factor, track.id, path)
    if isinstance(item, str) and item.isascii() and item.isdecimal() and not os.path.exists(path):  # noqa: PTH110
        return Term(factor, _known_id(int(item), store), None)
    os.stat(path)  # noqa: PTH116 -- raises FileNotFoundError with the name
    return Term(factor, None, path)


def _known_id(track_id: int, store: Store) -> int:
    if not -(2**63) <= track_id < 2**63 or not store.catalog.tracks([track_id]):
        message = f"no track {track_id} in library {store.folder}; 'orpheus info' shows how many there are"
        raise ParameterError(message)
    return track_id


def embed_file(path: bytes, spec: SpaceSpec) -> NDArray[np.float32]:
    """Return the vector of a file that is not in the library.

    Raises
    ------
    DecodeError, OSError
        If it cannot be decoded.
    """
    total = np.zeros(spec.dim)
    n_windows = 0
    with AudioStream([os.fsdecode(path)], [tap_of(spec)], n_threads=1) as stream:
        for batch in stream:
            total += batch.rows.sum(axis=0, dtype=np.float64)
            n_windows += len(batch)
            for ended in batch.outcomes:
                if ended.outcome.status == "failed":
                    raise _refusal(path, ended.outcome.kind, ended.outcome.message)
    if n_windows == 0:
        raise _refusal(path, "empty", "the track yields no window")
    vector: NDArray[np.float32] = (total / n_windows).astype(np.float32)
    return vector


def _refusal(path: bytes, kind: str, message: str) -> DecodeError:
    error = UnsupportedFormatError if kind == "unsupported" else DecodeError
    return error(f"{display_path(path)}: {message}", kind)

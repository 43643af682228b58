"""Synthetic vectors that lie as embeddings of music do: genres, artists in them, tracks in those."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

N_GENRES = 60
TRACKS_PER_ARTIST = 12
PART = 50_000


def audio_like(
    n: int, dim: int, *, n_queries: int = 1000, seed: int = 0
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return `(vectors, queries)`, unit length, from one distribution.

    Values decay like a power of their rank, in a random basis; all share a mean direction (models' embeddings lie in
    a cone); genres, artists and tracks add to it.
    """
    rng = np.random.default_rng(seed)
    spectrum = (np.arange(dim) + 4.0) ** -0.45
    spectrum = (spectrum / np.sqrt((spectrum**2).sum())).astype(np.float32)
    basis = np.linalg.qr(rng.standard_normal((dim, dim)))[0].astype(np.float32)
    mean = rng.standard_normal(dim, dtype=np.float32) * spectrum * 0.6
    genres = rng.standard_normal((N_GENRES, dim), dtype=np.float32) * spectrum * 0.75
    n_artists = max(n // TRACKS_PER_ARTIST, 1)
    of_artist = rng.standard_normal((n_artists, dim), dtype=np.float32) * spectrum * 0.6
    artists = mean + genres[rng.integers(0, N_GENRES, n_artists)] + of_artist
    vectors = np.empty((n + n_queries, dim), np.float32)
    for start in range(0, len(vectors), PART):
        part = vectors[start : start + PART]
        of_track = rng.standard_normal(part.shape, dtype=np.float32) * spectrum * 0.55
        part[:] = (artists[rng.integers(0, n_artists, len(part))] + of_track) @ basis
        part /= np.linalg.norm(part, axis=1, keepdims=True)
    return vectors[:n], vectors[n:]

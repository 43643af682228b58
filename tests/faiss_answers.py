"""Vectors, FAISS indexes of them, and what it means that two answers agree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import faiss
import numpy as np

from orpheus_fast.search import Neighbours, VectorIndex

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

METRICS = {"l2": faiss.METRIC_L2, "inner_product": faiss.METRIC_INNER_PRODUCT}
N, DIM = 500, 24
RTOL = 1e-5
# Both sum `DIM` float32 products, in different orders: each is off by a few roundings (2^-24) of the sum of their
# magnitudes, which for these vectors is below 10 `DIM`, while the sum itself may be next to zero.
ATOL = 10 * DIM * 2.0**-22


def some_vectors(n: int, seed: int = 0, dim: int = DIM) -> NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    shift = rng.standard_normal(dim, dtype=np.float32) / 2
    return np.asarray(rng.standard_normal((n, dim), dtype=np.float32) + shift, dtype=np.float32)


VECTORS, QUERIES = some_vectors(N), some_vectors(25, seed=1)


def made(
    kind: str, metric: str, vectors: NDArray[np.float32] = VECTORS, *, nprobe: int = 3
) -> tuple[Any, NDArray[np.int64]]:
    """Return a FAISS index of `vectors`, trained on more than that, and their ids."""
    index = faiss.index_factory(vectors.shape[1], kind, METRICS[metric])
    index.train(some_vectors(700, seed=2, dim=vectors.shape[1]))
    ids = np.arange(len(vectors), dtype=np.int64)
    if "IDMap" in kind:
        ids = np.random.default_rng(3).permutation(len(vectors)).astype(np.int64) * 7 - 52
        index.add_with_ids(vectors, ids)
    elif len(vectors):
        index.add(vectors)
    lists = faiss.try_extract_index_ivf(index)
    if lists is not None:
        lists.nprobe = nprobe
    return index, ids


def opened(path: Path, index: Any) -> VectorIndex:
    faiss.write_index(index, str(path / "index.faiss"))
    return VectorIndex.open(path / "index.faiss")


def assert_same(ours: Neighbours, theirs: tuple[Any, Any], *, rtol: float = RTOL, atol: float = ATOL) -> None:
    distances, ids = theirs
    distances, ids = distances[:, : ours.ids.shape[1]], ids[:, : ours.ids.shape[1]]
    np.testing.assert_array_equal(ours.ids == -1, ids == -1)
    np.testing.assert_array_equal(np.isnan(ours.distances), ids == -1)
    found = ids != -1
    np.testing.assert_allclose(ours.distances[found], distances[found], rtol=rtol, atol=atol)
    # Two vectors may change places only if their distances are equal but for rounding.
    with np.errstate(invalid="ignore", over="ignore"):
        gaps = np.abs(np.diff(distances.astype(np.float64), axis=1))
    is_tie = gaps <= 2 * rtol * np.abs(distances[:, 1:]) + 2 * atol
    may_differ = np.zeros(ids.shape, dtype=bool)
    may_differ[:, 1:] |= is_tie
    may_differ[:, :-1] |= is_tie
    may_differ[:, -1] = True  # its rival is the first one left out
    assert not ((ours.ids != ids) & ~may_differ).any()


def decoded(index: VectorIndex) -> NDArray[np.float32]:
    return np.stack([index.reconstruct(int(i)) for i in index.ids])


def scores_of(queries: NDArray[np.float32], vectors: NDArray[np.float32], metric: str) -> NDArray[np.float64]:
    wide = vectors.astype(np.float64)
    if metric == "inner_product":
        return queries.astype(np.float64) @ wide.T
    differences = queries.astype(np.float64)[:, np.newaxis] - wide
    return np.asarray((differences**2).sum(axis=2))


def nearest(scores: NDArray[np.float64], ids: NDArray[np.int64], metric: str, k: int) -> tuple[Any, Any]:
    order = np.argsort(scores if metric == "l2" else -scores, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(scores, order, axis=1), ids[order]

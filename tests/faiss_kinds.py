"""Small FAISS indexes of every kind that is read here, made by FAISS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import faiss
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

DIM = 24
METRICS = {"l2": faiss.METRIC_L2, "inner_product": faiss.METRIC_INNER_PRODUCT}

# What the factory is told, and what the file says where that is another way to say it.
FACTORY: dict[str, str] = {
    "Flat": "",
    "IDMap,Flat": "",
    "IDMap2,Flat": "",
    "SQ8": "",
    "SQ6": "",
    "SQ4": "",
    "SQfp16": "",
    "SQbf16": "",
    "SQ8_direct": "",
    "SQ8_direct_signed": "",
    "PQ8": "",
    "PQ8x4": "",
    "PQ6x5": "",
    "PQ12x4fs": "",
    "PQ3x4fs": "",
    "PQ12x4fs_64": "",
    "RaBitQ": "",
    "RaBitQ2": "",
    "RaBitQ4": "",
    "RaBitQfs": "",
    "RaBitQfs4": "",
    "RaBitQfs_64": "",
    "IVF8,Flat": "",
    "IVF300,Flat": "",
    "IVF8,SQ8": "",
    "IVF8,SQ4": "",
    "IVF8,SQfp16": "",
    "IVF8,SQbf16": "",
    "IVF8,PQ8": "",
    "IVF8,PQ8x5": "",
    "IVF8,PQ12x4fs": "",
    "IVF8,PQ3x4fsr": "",
    "IVF8,PQ12x4fs_96": "",
    "IVF8,RaBitQ": "",
    "IVF8,RaBitQ3": "",
    "IVF8,RaBitQfs": "",
    "IVF8,RaBitQfs4": "",
    "IVF8_HNSW4,Flat": "",
    "IVF8(SQ8),Flat": "",
    "IDMap,IVF8,Flat": "",
    "IDMap2,IVF8,SQ8": "",
    "HNSW8,Flat": "",
    "HNSW2,Flat": "",
    "HNSW8,SQ8": "",
    "HNSW8,PQ8": "",
    "IDMap2,HNSW8,Flat": "",
    "PCA16,Flat": "",
    "PCAR16,SQ8": "",
    "PCAW16,IVF8,Flat": "",
    "OPQ8,PQ8": "Linear24,PQ8",
    "OPQ6_12,IVF8,PQ6x4fs": "Linear12,IVF8,PQ6x4fs",
    "RR16,IVF8,Flat": "",
    "RR40,Flat": "",
    "L2norm,IVF8,Flat": "",
    "L2norm,PCA16,HNSW8,Flat": "",
    "Pad32,Flat": "",
    "HR32,Flat": "",
    "SQ4,RFlat": "",
    "IVF8,PQ12x4fs,RFlat": "",
    "IVF8,SQ4,Refine(SQfp16)": "",
    "IDMap2,PCA16,IVF8,SQ8,RFlat": "",
}
KINDS = list(FACTORY)

# What no factory string makes.
MADE = ["SQ8_uniform", "SQ4_uniform", "Center,Flat", "Remap12,Flat", "IVF8,Flat direct map", "IVF8,Flat hashed"]


def some_vectors(n: int, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).standard_normal((n, DIM), dtype=np.float32)


def transformed(transform: Any, inner: Any) -> Any:
    index = faiss.IndexPreTransform(transform, inner)
    transform.this.disown()
    inner.this.disown()
    index.own_fields = True
    return index


def made(kind: str, metric: str) -> Any:
    """An empty index that no factory string makes."""
    number = METRICS[metric]
    if kind.startswith("SQ"):
        bits = {
            "SQ8_uniform": faiss.ScalarQuantizer.QT_8bit_uniform,
            "SQ4_uniform": faiss.ScalarQuantizer.QT_4bit_uniform,
        }
        return faiss.IndexScalarQuantizer(DIM, bits[kind], number)
    if kind == "Center,Flat":
        return transformed(faiss.CenteringTransform(DIM), faiss.IndexFlat(DIM, number))
    if kind == "Remap12,Flat":
        return transformed(faiss.RemapDimensionsTransform(DIM, 12, True), faiss.IndexFlat(12, number))
    index = faiss.index_factory(DIM, "IVF8,Flat", number)
    index.set_direct_map_type(faiss.DirectMap.Array if kind.endswith("map") else faiss.DirectMap.Hashtable)
    return index


def without_polysemous_training(index: Any) -> None:
    """Simulated annealing of the centroids' numbers takes FAISS half a minute, and changes no search here."""
    index = faiss.downcast_index(index)
    if hasattr(index, "do_polysemous_training"):
        index.do_polysemous_training = False
    for part in ("index", "storage"):
        if getattr(index, part, None) is not None:
            without_polysemous_training(getattr(index, part))


def with_short_rotation_training(index: Any) -> None:
    """Learn the rotation of an OPQ in one step: how good it is does not matter here, and 50 steps take 10 s."""
    index = faiss.downcast_index(index)
    if isinstance(index, faiss.IndexPreTransform):
        transform = faiss.downcast_VectorTransform(index.chain.at(0))
        if isinstance(transform, faiss.OPQMatrix):
            transform.niter = transform.niter_pq = transform.niter_pq_0 = 1


def index_of(kind: str, metric: str, n: int | None) -> Any:
    """An index of `n` vectors; of None, one that was never trained."""
    index = made(kind, metric) if kind in MADE else faiss.index_factory(DIM, kind, METRICS[metric])
    if n is None:
        return index
    without_polysemous_training(index)
    with_short_rotation_training(index)
    index.train(some_vectors(600, seed=1))
    vectors = some_vectors(n)
    if n and kind.startswith("IDMap"):
        index.add_with_ids(vectors, 900 - 8 * np.arange(n))
    elif n:
        index.add(vectors)
    return index


def described(kind: str) -> str:
    """What a file that holds such an index says."""
    return FACTORY.get(kind) or kind.removesuffix(" direct map").removesuffix(" hashed")

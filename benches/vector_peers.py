"""Libraries that search vectors, behind one face. Each is optional; one that is not installed is left out by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]
    Ids = NDArray[np.int64]

__all__ = ["PEERS", "Setting"]

# Of graphs: links per node and the beam while building; the beams that are tried when searching.
M, EF_CONSTRUCTION = 16, 100
BEAMS = (16, 24, 32, 48, 64, 96, 128, 192, 256)


@dataclass(frozen=True)
class Setting:
    """One way to search: a name, and what finds the ids of the `k` nearest of a query of shape (1, dim).

    Settings of one index hold only until the next is asked for.
    """

    name: str
    search: Callable[[Vectors, int], NDArray[np.generic]]


def faiss_settings(vectors: Vectors) -> Iterator[Setting]:
    """Graphs and inverted lists of faiss, plain and with codes."""
    import faiss  # noqa: PLC0415 -- optional

    faiss.omp_set_num_threads(1)
    nlist = 512 if len(vectors) < 500_000 else 2048
    for factory in (f"HNSW{M},Flat", f"IVF{nlist},Flat", f"RR,IVF{nlist},RaBitQfs,RFlat"):
        index = faiss.index_factory(vectors.shape[1], factory, faiss.METRIC_INNER_PRODUCT)
        if "HNSW" in factory:
            index.hnsw.efConstruction = EF_CONSTRUCTION
        index.train(vectors)
        index.add(vectors)
        parameter, values = ("efSearch", BEAMS) if "HNSW" in factory else ("nprobe", (4, 8, 16, 32, 64))
        for value in values:
            # Set once: to set it for every query would be timed too.
            faiss.ParameterSpace().set_index_parameter(index, parameter, value)
            yield Setting(f"faiss {factory} {parameter} {value}", lambda queries, k, of=index: of.search(queries, k)[1])


def hnswlib_settings(vectors: Vectors) -> Iterator[Setting]:
    """The original graph."""
    import hnswlib  # noqa: PLC0415 -- optional

    index = hnswlib.Index(space="ip", dim=vectors.shape[1])
    index.init_index(max_elements=len(vectors), M=M, ef_construction=EF_CONSTRUCTION)
    index.add_items(vectors, num_threads=1)
    for ef in BEAMS:
        index.set_ef(ef)
        yield Setting(f"hnswlib M{M} ef {ef}", lambda queries, k: index.knn_query(queries, k=k, num_threads=1)[0])


def usearch_settings(vectors: Vectors) -> Iterator[Setting]:
    """A graph over bfloat16."""
    from usearch.index import Index  # noqa: PLC0415 -- optional

    index = Index(ndim=vectors.shape[1], metric="ip", dtype="bf16", connectivity=M, expansion_add=EF_CONSTRUCTION)
    index.add(np.arange(len(vectors)), vectors, threads=1)
    for ef in BEAMS:
        index.expansion_search = ef
        yield Setting(f"usearch bf16 M{M} ef {ef}", lambda queries, k: index.search(queries, k, threads=1).keys)


def voyager_settings(vectors: Vectors) -> Iterator[Setting]:
    """Spotify's graph."""
    import voyager  # noqa: PLC0415 -- optional

    index = voyager.Index(
        voyager.Space.InnerProduct, vectors.shape[1], M=M, ef_construction=EF_CONSTRUCTION, max_elements=len(vectors)
    )
    index.add_items(vectors, num_threads=1)
    for ef in BEAMS:
        name = f"voyager f32 M{M} ef {ef}"
        yield Setting(name, lambda queries, k, ef=ef: index.query(queries, k=k, num_threads=1, query_ef=ef)[0])


def scann_settings(vectors: Vectors) -> Iterator[Setting]:
    """Google's tree of 4-bit codes, re-ordered."""
    from scann import scann_ops_pybind  # noqa: PLC0415 -- optional

    leaves = 512 if len(vectors) < 500_000 else 2048
    builder = scann_ops_pybind.builder(vectors, 10, "dot_product").set_n_training_threads(1)
    index = (
        builder.tree(num_leaves=leaves, num_leaves_to_search=16, training_sample_size=min(len(vectors), 250_000))
        .score_ah(2, anisotropic_quantization_threshold=0.2)
        .reorder(100)
        .build()
    )
    for n_leaves in (4, 8, 16, 32, 64):

        def search(queries: Vectors, k: int, n_leaves: int = n_leaves) -> Ids:
            return index.search(queries.reshape(-1), k, leaves_to_search=n_leaves)[0]

        yield Setting(f"ScaNN {leaves} leaves {n_leaves}", search)


def svs_settings(vectors: Vectors) -> Iterator[Setting]:
    """Intel's Vamana graph over float32."""
    import svs  # noqa: PLC0415 -- optional

    parameters = svs.VamanaBuildParameters(graph_max_degree=32, window_size=128, alpha=0.95)
    index = svs.Vamana.build(parameters, vectors, svs.DistanceType.MIP, num_threads=1)
    index.num_threads = 1
    for window in (10, 20, 40, 80, 160):
        index.search_window_size = window
        yield Setting(f"SVS Vamana f32 window {window}", lambda queries, k: index.search(queries, k)[0])


PEERS: dict[str, Callable[[Vectors], Iterator[Setting]]] = {
    "faiss": faiss_settings,
    "hnswlib": hnswlib_settings,
    "usearch": usearch_settings,
    "voyager": voyager_settings,
    "scann": scann_settings,
    "svs": svs_settings,
}

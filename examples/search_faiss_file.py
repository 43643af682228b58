"""Writes vectors as a FAISS file, searches it without FAISS, and compares with FAISS where that is installed.

python examples/search_faiss_file.py
"""

import tempfile
from pathlib import Path

import numpy as np

from orpheus_fast.search import VectorIndex, write_flat

rng = np.random.default_rng(7)
vectors = rng.standard_normal((10_000, 64), dtype=np.float32)
vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
ids = np.arange(len(vectors)) + 1_000_000

with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "catalogue.faiss"
    write_flat(path, vectors, metric="inner_product", ids=ids)

    index = VectorIndex.open(path)
    print(index.kind, index.ntotal, index.dim, index.metric)
    queries = vectors[:5] + 0.05 * rng.standard_normal((5, 64), dtype=np.float32)
    distances, found = index.search(queries, k=3)
    print("nearest:", found[:, 0].tolist())
    print("only even ids:", index.search(queries, k=1, allow=ids[ids % 2 == 0]).ids[:, 0].tolist())

    try:
        import faiss
    except ImportError:
        print("faiss is not installed: not compared")
    else:
        theirs, their_ids = faiss.read_index(str(path)).search(queries, 3)
        same = bool((their_ids == found).all() and np.allclose(theirs, distances, atol=1e-5))
        print("faiss gives the same neighbours:", same)

"""Vectors in, neighbours out: search over FAISS files and over matrices in memory."""

from __future__ import annotations

from orpheus_fast.search.answers import IndexDescription, Neighbours, RangeNeighbours
from orpheus_fast.search.blending import blend
from orpheus_fast.search.building import HNSWFlat, IVFFlat, add_to_index, build_index
from orpheus_fast.search.files import copy_index, describe, write_flat
from orpheus_fast.search.index import VectorIndex
from orpheus_fast.search.matrix import Metric, column_statistics, inverse_norms, search, standardise_rows

__all__ = [
    "HNSWFlat",
    "IVFFlat",
    "IndexDescription",
    "Metric",
    "Neighbours",
    "RangeNeighbours",
    "VectorIndex",
    "add_to_index",
    "blend",
    "build_index",
    "column_statistics",
    "copy_index",
    "describe",
    "inverse_norms",
    "search",
    "standardise_rows",
    "write_flat",
]

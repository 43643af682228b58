"""The library on disk: catalog, vectors, ledger, and the questions it answers."""

from orpheus_fast.library.library import Library
from orpheus_fast.library.results import Hit, IndexProgress, IndexReport, LibraryInfo, SpaceInfo, Trouble
from orpheus_fast.library.runs import DEFAULT_SPACES, preview
from orpheus_fast.library.spaces import SpaceSpec

__all__ = [
    "DEFAULT_SPACES",
    "Hit",
    "IndexProgress",
    "IndexReport",
    "Library",
    "LibraryInfo",
    "SpaceInfo",
    "SpaceSpec",
    "Trouble",
    "preview",
]

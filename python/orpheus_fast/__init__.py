"""Makes a music collection searchable by sound.

::

    import orpheus_fast as orpheus

    signal = orpheus.decode("a.flac", sample_rate=48_000, mono=True)
    with orpheus.Library.open_or_create("music.orpheus") as library:
        report = library.index(["~/Music"])
        hits = library.similar("a.flac", k=10)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from orpheus_fast import audio, demo, errors, evaluate, features, library, search, threads
    from orpheus_fast._native import __version__
    from orpheus_fast.audio import (
        AudioStream,
        Batch,
        Limits,
        Outcome,
        Signal,
        Tags,
        Tap,
        decode,
        read_tags,
        resample,
        stream,
    )
    from orpheus_fast.audio.torch_dataset import StreamDataset
    from orpheus_fast.errors import OrpheusError
    from orpheus_fast.library import Hit, IndexReport, Library, SpaceSpec
    from orpheus_fast.search import Neighbours, VectorIndex

__all__ = [
    "AudioStream",
    "Batch",
    "Hit",
    "IndexReport",
    "Library",
    "Limits",
    "Neighbours",
    "OrpheusError",
    "Outcome",
    "Signal",
    "SpaceSpec",
    "StreamDataset",
    "Tags",
    "Tap",
    "VectorIndex",
    "__version__",
    "audio",
    "decode",
    "demo",
    "errors",
    "evaluate",
    "features",
    "library",
    "read_tags",
    "resample",
    "search",
    "stream",
    "threads",
]

# Where each public name lives. They are imported when first used, so that `import orpheus_fast`
# and `orpheus --help` cost next to nothing.
_HOMES = {
    "AudioStream": "audio",
    "Batch": "audio",
    "Hit": "library",
    "IndexReport": "library",
    "Library": "library",
    "Limits": "audio",
    "Neighbours": "search",
    "OrpheusError": "errors",
    "Outcome": "audio",
    "Signal": "audio",
    "SpaceSpec": "library",
    "StreamDataset": "audio.torch_dataset",
    "Tags": "audio",
    "Tap": "audio",
    "VectorIndex": "search",
    "__version__": "_native",
    "decode": "audio",
    "read_tags": "audio",
    "resample": "audio",
    "stream": "audio",
}
_MODULES = frozenset(("audio", "demo", "errors", "evaluate", "features", "library", "search", "threads"))


def __getattr__(name: str) -> object:
    if name in _MODULES:
        return import_module(f"{__name__}.{name}")
    if name in _HOMES:
        value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
        globals()[name] = value
        return value
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

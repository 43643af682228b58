"""The library, imported when a command needs it: it brings NumPy and the native module with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from orpheus_fast.library import Library

__all__ = ["open_library", "open_or_create_library"]


def open_library(folder: Path) -> Library:
    """Open the library in `folder`, which must be there."""
    from orpheus_fast.library import Library  # noqa: PLC0415 -- see above

    return Library.open(folder)


def open_or_create_library(folder: Path) -> Library:
    """Open the library in `folder`, or make one there."""
    from orpheus_fast.library import Library  # noqa: PLC0415 -- see above

    return Library.open_or_create(folder)

"""What is wrong with a file of the library, said in one way everywhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from orpheus_fast.errors import LibraryDamagedError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Damage", "damaged"]

_ADVICE = "restore the library from a backup, or delete it and index again"


@dataclass(frozen=True, slots=True)
class Damage:
    """One finding of a check.

    `mends_itself` says that the next writer puts it right and no answer is
    affected meanwhile. `track_ids` are the tracks whose vectors are lost.
    """

    file: Path
    what: str
    mends_itself: bool = False
    track_ids: tuple[int, ...] = ()


def damaged(path: Path, what: str) -> LibraryDamagedError:
    """Build the error for a file that is not what was committed."""
    return LibraryDamagedError(f"{path} is damaged: {what}; {_ADVICE}")

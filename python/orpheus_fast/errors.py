"""Every exception that orpheus_fast raises on purpose.

Failures of the operating system stay what they are (`FileNotFoundError`,
`PermissionError`, ...) with `filename` set.
"""

from __future__ import annotations

__all__ = [
    "DecodeError",
    "IndexFormatError",
    "IndexLockedError",
    "LibraryDamagedError",
    "LibraryError",
    "LibraryFormatError",
    "LibraryLockedError",
    "LibraryNotFoundError",
    "LimitError",
    "MissingExtraError",
    "ModelError",
    "OrpheusError",
    "ParameterError",
    "RootUnavailableError",
    "ShapeError",
    "UnknownSpaceError",
    "UnsupportedFormatError",
]


class OrpheusError(Exception):
    """Base of everything below: one `except` for all of orpheus_fast."""


class ParameterError(OrpheusError, ValueError):
    """An argument has a value that cannot be worked with."""


class ShapeError(ParameterError):
    """An array has the wrong shape, dtype or memory order."""


class UnknownSpaceError(ParameterError):
    """A space was named that does not exist, or that the library does not hold."""


class DecodeError(OrpheusError):
    """A track could not be decoded.

    Attributes
    ----------
    kind : str
        Stable name of the reason: `not_audio`, `damaged`, `empty`, `panic`, ...
    """

    def __init__(self, message: str, kind: str = "damaged") -> None:
        super().__init__(message)
        self.kind = kind

    def __reduce__(self) -> tuple[type[DecodeError], tuple[str, str]]:
        return type(self), (str(self), self.kind)


class UnsupportedFormatError(DecodeError):
    """The bytes are audio, but no decoder here reads their container or codec."""


class LimitError(DecodeError):
    """The track exceeds a limit: bytes, seconds, channels or sample rate."""


class IndexFormatError(OrpheusError):
    """A file is not an index that can be read, or its parts contradict each other."""


class IndexLockedError(OrpheusError):
    """Another process, or another object of this one, is updating the index."""


class ModelError(OrpheusError):
    """A model could not be found, verified or loaded."""


class MissingExtraError(OrpheusError, ImportError):
    """An optional dependency is not installed; the message names the extra."""


class LibraryError(OrpheusError):
    """Something about a library on disk."""


class LibraryNotFoundError(LibraryError):
    """There is no library at the given place."""


class LibraryLockedError(LibraryError):
    """Another process is writing to the library."""


class LibraryDamagedError(LibraryError):
    """A file of the library is not what was committed."""


class LibraryFormatError(LibraryError):
    """The library was written by another version that this one cannot read."""


class RootUnavailableError(LibraryError):
    """A music folder that the library knows has vanished, or lost most of its tracks at once."""

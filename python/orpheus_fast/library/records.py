"""The rows of the catalog as Python values, each with the checksum that proves it."""

from __future__ import annotations

import json
import math
import zlib
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Final, Literal, cast

import numpy as np

from orpheus_fast.audio import Tags
from orpheus_fast.errors import ParameterError
from orpheus_fast.library.scan import display_path

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

    from orpheus_fast.library.scan import FoundFile

__all__ = [
    "OUTCOMES",
    "TAGS_VERSION",
    "TRACK_COLUMNS",
    "Embedding",
    "Known",
    "Outcome",
    "Tags",
    "Track",
    "TrackResult",
    "clean_text",
    "embedding_checksums",
    "row_checksum",
    "tag_columns",
]

Outcome = Literal["ok", "partial", "failed"]
OUTCOMES: Final = ("ok", "partial", "failed")

# Raised when tags are read better: those of an older version are read again by the next run.
TAGS_VERSION: Final = 1

# Tags and messages come out of hostile files: what is longer than any real one is cut.
_MAX_TEXT: Final = 2000
_MASK: Final = 0xFFFF_FFFF_FFFF_FFFF


@dataclass(frozen=True, slots=True)
class Embedding:
    """What one space makes of one track: a vector, or the reason why there is none.

    Parameters
    ----------
    vector : array_like, shape (dim,), or None
        Finite values; stored as float32.
    n_windows : int >= 0
        Windows that went into it.
    note : str
        Why there is no vector; empty if there is one. A track with a note counts
        as done in this space and is not decoded again for it.
    """

    vector: ArrayLike | None
    n_windows: int
    note: str = ""

    def __post_init__(self) -> None:
        if (self.vector is None) != bool(self.note):
            message = f"embedding has note {self.note!r}, expected a vector without a note or a note without a vector"
            raise ParameterError(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackResult:
    """One track as the indexer hands it over to be committed.

    Parameters
    ----------
    found : FoundFile
        The file, as it was before and after it was read.
    outcome : {'ok', 'partial', 'failed'}
        How it ended; a failed track has no embeddings.
    engine_version : str
        Version of what decoded it: a failed track is tried again under another one.
    kind, message : str
        Stable name of the reason, and one line for people; empty when all is well.
    seconds_sound, seconds_lost : float >= 0
        What was decoded as the file promises, and what was not.
    tags : Tags, optional
        What the file says about itself; None if that could not be read.
    digest : bytes, optional
        `ledger.file_digest` of the file.
    embeddings : mapping of str to Embedding
        By name of the space.
    keep_other_spaces : bool
        Whether vectors in spaces that `embeddings` does not name still hold, which
        they do when the same content was read again for a further space.
    """

    found: FoundFile
    outcome: Outcome
    engine_version: str
    kind: str = ""
    message: str = ""
    seconds_sound: float = 0.0
    seconds_lost: float = 0.0
    duration_seconds: float | None = None
    sample_rate: int | None = None
    n_channels: int | None = None
    codec: str | None = None
    tags: Tags | None = None
    digest: bytes | None = None
    embeddings: Mapping[str, Embedding] = field(default_factory=dict)
    keep_other_spaces: bool = False

    def __post_init__(self) -> None:
        if self.outcome not in OUTCOMES:
            message = f"outcome is {self.outcome!r}, expected one of {', '.join(OUTCOMES)}"
            raise ParameterError(message)
        if self.outcome == "failed" and self.embeddings:
            message = f"track {display_path(self.found.path)} has failed, expected no embeddings"
            raise ParameterError(message)

    def columns(self, track_id: int, indexed_at: int) -> tuple[Any, ...]:
        """Return the values of `TRACK_COLUMNS`, each of them fit to be stored."""
        found, tags = self.found, tag_columns(self.tags)
        return (
            track_id,
            found.path,
            found.root,
            found.size,
            found.mtime_ns,
            found.ctime_ns,
            found.inode,
            found.device,
            self.digest,
            self.outcome,
            clean_text(self.kind),
            clean_text(self.message),
            _seconds(self.seconds_sound) or 0.0,
            _seconds(self.seconds_lost) or 0.0,
            clean_text(self.engine_version),
            _seconds(self.duration_seconds),
            _whole(self.sample_rate),
            _whole(self.n_channels),
            _text_or_none(self.codec),
            *(tags[name] for name in _FIRST_TAG_COLUMNS),
            None,
            indexed_at,
            *(tags[name] for name in _LATER_TAG_COLUMNS),
        )


@dataclass(frozen=True, slots=True)
class Track:
    """One track of the library. `path` and `root` are bytes; times are seconds since 1970."""

    id: int
    path: bytes
    root: bytes
    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    device: int
    digest: bytes | None
    outcome: Outcome
    kind: str
    message: str
    seconds_sound: float
    seconds_lost: float
    engine_version: str
    duration_seconds: float | None
    sample_rate: int | None
    n_channels: int | None
    codec: str | None
    title: str | None
    artist: str | None
    album: str | None
    album_artist: str | None
    genre: str | None
    year: int | None
    track_number: int | None
    missing_since: int | None
    indexed_at: int
    artists: str | None
    album_artists: str | None
    genres: str | None
    date: str | None
    track_total: int | None
    disc_number: int | None
    disc_total: int | None
    musicbrainz_recording_id: str | None
    musicbrainz_track_id: str | None
    musicbrainz_release_id: str | None
    musicbrainz_release_group_id: str | None
    musicbrainz_artist_ids: str | None
    musicbrainz_album_artist_ids: str | None
    track_gain_db: float | None
    track_peak: float | None
    album_gain_db: float | None
    album_peak: float | None
    stated_seconds: float | None
    tag_kinds: str | None
    tag_problems: str | None
    tags_version: int

    @property
    def tags(self) -> Tags:
        """The columns that hold tags, with lists as tuples."""
        values: dict[str, Any] = {name: getattr(self, name) for name in _PLAIN_TAGS}
        values |= {name: tuple(json.loads(getattr(self, column) or "[]")) for name, column in _LIST_TAGS.items()}
        return Tags(**values)

    @property
    def display_path(self) -> str:
        """The path as text that is safe to print."""
        return display_path(self.path)


@dataclass(frozen=True, slots=True)
class Known:
    """What tells whether a track must be looked at again; a library has many, so it is no more than that."""

    id: int
    path: bytes
    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    device: int
    digest: bytes | None
    outcome: Outcome
    kind: str
    engine_version: str
    missing_since: int | None
    tags_version: int


TRACK_COLUMNS: Final = tuple(column.name for column in fields(Track))

# Lists are stored as JSON; `genre` is that of `genres` in one text, for readers that want one.
_LIST_TAGS: Final = {
    "artists": "artists",
    "album_artists": "album_artists",
    "genres": "genres",
    "musicbrainz_artist_ids": "musicbrainz_artist_ids",
    "musicbrainz_album_artist_ids": "musicbrainz_album_artist_ids",
    "kinds": "tag_kinds",
    "problems": "tag_problems",
}
_PLAIN_TAGS: Final = tuple(tag.name for tag in fields(Tags) if tag.name not in _LIST_TAGS)
_FIRST_TAG_COLUMNS: Final = TRACK_COLUMNS[TRACK_COLUMNS.index("title") : TRACK_COLUMNS.index("missing_since")]
_LATER_TAG_COLUMNS: Final = TRACK_COLUMNS[TRACK_COLUMNS.index("indexed_at") + 1 :]


def tag_columns(tags: Tags | None) -> dict[str, Any]:
    """Return the values of all columns that hold tags, each of them fit to be stored."""
    if tags is None:
        return dict.fromkeys((*_FIRST_TAG_COLUMNS, *_LATER_TAG_COLUMNS)) | {"tags_version": 0}
    columns: dict[str, Any] = {name: _storable(getattr(tags, name)) for name in _PLAIN_TAGS}
    columns |= {column: _json_or_none(getattr(tags, name)) for name, column in _LIST_TAGS.items()}
    return columns | {"genre": _text_or_none("; ".join(tags.genres) or None), "tags_version": TAGS_VERSION}


def row_checksum(values: Sequence[object]) -> int:
    """Return the CRC-32 of a row's values, their types included.

    `ascii` writes every int, float, str, bytes and None in exactly one way, the
    same in every version of Python.
    """
    return zlib.crc32(ascii(tuple(values)).encode("ascii"))


def embedding_checksums(
    space: int, track_ids: ArrayLike, rows: ArrayLike, n_windows: ArrayLike, note: str = ""
) -> NDArray[np.uint32]:
    """Return a checksum for each (track, row, number of windows) of one space that share a `note`.

    Unlike `row_checksum` it is computed for a whole space at once, which is what
    every search reads. A row that is `NULL` counts as -1.
    """
    shape = np.shape(track_ids)
    mixed = _mix(np.full(shape, (space & _MASK) ^ zlib.crc32(note.encode("utf-8")), dtype=np.uint64))
    for values in (track_ids, rows, n_windows):
        mixed = _mix(mixed ^ np.asarray(values, dtype=np.int64).view(np.uint64))
    return cast("NDArray[np.uint32]", (mixed >> np.uint64(32)).astype(np.uint32))


def _mix(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    # Finaliser of splitmix64 (Steele, Lea and Flood 2014): one flipped bit changes half of the others.
    values = values + np.uint64(0x9E37_79B9_7F4A_7C15)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58_476D_1CE4_E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D0_49BB_1331_11EB)
    return cast("NDArray[np.uint64]", values ^ (values >> np.uint64(31)))


def clean_text(value: str) -> str:
    """Return `value` as text that can be stored, cut where it is longer than any real one."""
    # SQLite stores UTF-8; a lone surrogate out of a tag or a path has none.
    return value[:_MAX_TEXT].encode("utf-8", "backslashreplace").decode("utf-8")


def _text_or_none(value: str | None) -> str | None:
    return None if value is None else clean_text(value)


def _json_or_none(values: Sequence[str]) -> str | None:
    return json.dumps([clean_text(value) for value in values], ensure_ascii=False) if values else None


def _storable(value: str | float | None) -> str | int | float | None:
    if isinstance(value, str):
        return clean_text(value)
    return _seconds(value) if isinstance(value, float) else _whole(value)


def _seconds(value: float | None) -> float | None:
    # SQLite has no NaN, and hands -0.0 back as 0.0.
    return None if value is None or not math.isfinite(value) else float(value) + 0.0


def _whole(value: int | None) -> int | None:
    return None if value is None or not -(2**63) <= value < 2**63 else int(value)

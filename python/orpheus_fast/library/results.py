"""What the library hands to its users."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Hit", "IndexProgress", "IndexReport", "LibraryInfo", "SpaceInfo", "Trouble"]


@dataclass(frozen=True, slots=True)
class IndexProgress:
    """How far `Library.index` has come.

    Attributes
    ----------
    stage : {"scan", "decode"}
        Looking for files, or working on them.
    n_done, n_total : int
        Files; while scanning, `n_total` is what was found so far.
    n_failed, n_partial : int
        Of the files that are done.
    audio_seconds : float
        Length of the audio that was decoded.
    elapsed_seconds : float
        Since decoding began.
    bottleneck : str
        The stage that takes most thread time: `decode`, `front_end`, `write`; "" while unknown.
    bottleneck_share : float, 0 to 1
        Its share.
    """

    stage: str
    n_done: int
    n_total: int
    n_failed: int = 0
    n_partial: int = 0
    audio_seconds: float = 0.0
    elapsed_seconds: float = 0.0
    bottleneck: str = ""
    bottleneck_share: float = 0.0


@dataclass(slots=True)
class IndexReport:
    """What `Library.index` found and did.

    Attributes
    ----------
    found : int
        Audio files found under the given paths; `outcomes` sum to it.
    decoded, unchanged : int
        Files that were decoded in this run, and that did not have to be.
    missing : int
        Tracks that the library knows under these paths and that are not there now.
    outcomes : dict
        `ok`, `partial`, `failed` over all found files; `pending` are files that a dry run or an
        interruption left undone.
    kinds : dict
        Reasons of the found files that are `partial` or `failed`, with their numbers.
    ignored : dict
        Reasons for which other files were passed over, with their numbers.
    problems : list of (path, message)
        Places that could not be looked at.
    seconds, audio_seconds : float
        Duration of the run, and of the audio decoded in it.
    interrupted : bool
        The run was stopped; what was finished is committed.
    """

    found: int = 0
    decoded: int = 0
    unchanged: int = 0
    missing: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)
    kinds: dict[str, int] = field(default_factory=dict)
    ignored: dict[str, int] = field(default_factory=dict)
    problems: list[tuple[str, str]] = field(default_factory=list)
    seconds: float = 0.0
    audio_seconds: float = 0.0
    interrupted: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain values, fit for JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Hit:
    """A neighbour of a query.

    Attributes
    ----------
    score : float
        Cosine from -1 to 1 (or the space's own metric); higher is more similar, whatever the metric.
    track_id : int
        Id of the track in the library.
    path : str
        For display; `path_bytes` is the name as the file system spells it.
    title, artist : str or None
        From the file's tags.
    duration_seconds : float or None
        Length of the track.
    outcome : {"ok", "partial"}
        A `partial` track was compared by what is sound of it.
    album : str or None
        From the file's tags, like all that follow.
    album_artist : str or None
        Who the release is by.
    genres : tuple of str
        In the order of the file.
    year, track_number, disc_number : int or None
        Of the recording or release; places of the track on its disc and of the disc.
    musicbrainz_recording_id : str or None
        UUID.
    """

    score: float
    track_id: int
    path: str
    path_bytes: bytes
    title: str | None
    artist: str | None
    duration_seconds: float | None
    outcome: str
    album: str | None = None
    album_artist: str | None = None
    genres: tuple[str, ...] = ()
    year: int | None = None
    track_number: int | None = None
    disc_number: int | None = None
    musicbrainz_recording_id: str | None = None


@dataclass(frozen=True, slots=True)
class SpaceInfo:
    """A space of a library: its name and id, and how many vectors it holds."""

    name: str
    space_id: str
    dim: int
    metric: str
    n_vectors: int
    n_bytes: int


@dataclass(frozen=True, slots=True)
class LibraryInfo:
    """What is in a library."""

    folder: Path
    format_version: int
    created_at: str
    created_by: str
    n_tracks: int
    outcomes: dict[str, int]
    n_missing: int
    audio_seconds: float
    spaces: list[SpaceInfo]
    n_bytes: int

    def to_dict(self) -> dict[str, Any]:
        """Return the same as plain values, fit for JSON."""
        return {**asdict(self), "folder": str(self.folder)}


@dataclass(frozen=True, slots=True)
class Trouble:
    """A track that is not `ok`, or whose file is missing."""

    track_id: int
    path: str
    outcome: str
    kind: str
    message: str
    seconds_sound: float
    seconds_lost: float
    missing: bool

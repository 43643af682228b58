"""Audio in: one track as samples, many tracks as batches of windows."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol, Self, TypeAlias

from orpheus_fast import _native
from orpheus_fast.errors import ParameterError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from types import TracebackType

    import numpy as np
    from numpy.typing import NDArray

__all__ = [
    "AudioSource",
    "AudioStream",
    "Batch",
    "Limits",
    "Outcome",
    "Signal",
    "Tap",
    "TrackInfo",
    "TrackOutcome",
    "decode",
    "stream",
]

Placement: TypeAlias = Literal["whole", "center", "evenly", "every"]
Quality: TypeAlias = Literal["high", "best"]


class Readable(Protocol):
    """A binary file object."""

    def read(self, n_bytes: int = -1, /) -> bytes:
        """Return up to `n_bytes` bytes, all of them for -1."""


AudioSource: TypeAlias = str | os.PathLike[str] | os.PathLike[bytes] | bytes | bytearray | memoryview | Readable


@dataclass(frozen=True, slots=True)
class Limits:
    """What one track may ask for; a track that asks for more ends as `failed` (kind `limit`).

    Parameters
    ----------
    max_bytes : int
        File size.
    max_seconds : float
        Length of the audio.
    max_decoded_samples : int
        Samples over all channels. Bounds the time that a small, crafted file can cost.
    """

    max_bytes: int = 64 << 30
    max_seconds: float = 24 * 3600.0
    max_decoded_samples: int = 1 << 34


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a track ended.

    Attributes
    ----------
    status : {"ok", "partial", "failed"}
        Right, partly right, or nothing usable.
    kind : str
        Stable name of the reason (`damaged`, `unsupported`, `not_audio`, `limit`, ...); "" when ok.
    message : str
        One line for people; "" when ok.
    seconds_sound, seconds_lost : float
        How much was decoded as the file promises, and how much is missing or was silenced.
    """

    status: str
    kind: str = ""
    message: str = ""
    seconds_sound: float = 0.0
    seconds_lost: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether every sample that the file promises was decoded."""
        return self.status == "ok"


@dataclass(frozen=True, slots=True)
class TrackInfo:
    """What a track says about itself.

    Attributes
    ----------
    container, codec : str
        Such as `mpeg` and `mp3`, `ogg` and `vorbis`, `wav` and `pcm_s16le`.
    sample_rate : int
        Hz, of the file.
    n_channels : int
        Of the file.
    n_samples : int or None
        Samples per channel that the container promises, where it can be trusted.
    """

    container: str
    codec: str
    sample_rate: int
    n_channels: int
    n_samples: int | None


@dataclass(frozen=True, slots=True)
class Signal:
    """Decoded audio.

    Attributes
    ----------
    samples : numpy.ndarray, shape (n_channels, n_samples)
        float32, full scale ±1.0, writable.
    sample_rate : int
        Hz.
    outcome : Outcome
        `ok` or `partial`.
    info : TrackInfo
        What the file says about itself.
    """

    samples: NDArray[np.float32]
    sample_rate: int
    outcome: Outcome
    info: TrackInfo


@dataclass(frozen=True, slots=True)
class TrackOutcome:
    """How one track of a stream ended.

    Attributes
    ----------
    track : int
        Index in the list of sources.
    outcome : Outcome
        The windows of a `failed` track must not be used.
    info : TrackInfo or None
        None if the track could not be opened.
    """

    track: int
    outcome: Outcome
    info: TrackInfo | None


@dataclass(frozen=True, slots=True)
class Tap:
    """One consumer of a stream: a sample rate, a choice of windows, and what is made of each.

    Parameters
    ----------
    sample_rate : int
        1,000 to 768,000 Hz.
    placement : {"every", "evenly", "center", "whole"}
        Windows at every hop; spread from start to end; one in the middle; the track as one window.
    window_seconds, hop_seconds : float
        Length of a window and, for `every`, the distance between starts (None: the length).
    pad_threshold : float, 0 to 1
        A tail that fills less than this share of a window is dropped, a longer one is padded with
        zeros. A track shorter than one window always gets one.
    max_windows : int, optional
        At most this many; `evenly` needs it.
    front_end : str, optional
        `classical_chroma12` (44 values) or `classical_chroma_mean` (33 values); None hands over samples.
    """

    sample_rate: int
    placement: Placement = "every"
    window_seconds: float = 10.0
    hop_seconds: float | None = None
    pad_threshold: float = 0.5
    max_windows: int | None = None
    front_end: str | None = None

    def _parts(self) -> tuple[int, str, float, float, float, int | None, str | None]:
        hop_seconds = self.window_seconds if self.hop_seconds is None else self.hop_seconds
        return (
            self.sample_rate,
            self.placement,
            self.window_seconds,
            hop_seconds,
            self.pad_threshold,
            self.max_windows,
            self.front_end,
        )


@dataclass(frozen=True, slots=True)
class Batch:
    """Windows of one tap, and the tracks that have ended.

    Attributes
    ----------
    rows : numpy.ndarray, shape (n_windows, ...)
        float32, writable, owned by this batch: `torch.from_numpy(batch.rows)` shares its memory.
    track : numpy.ndarray, shape (n_windows,)
        int64, index of each window's track in the list of sources.
    start_seconds : numpy.ndarray, shape (n_windows,)
        float64, where the window starts in its track.
    valid_samples : numpy.ndarray, shape (n_windows,)
        int64, samples that come from the track; the rest is padding.
    outcomes : list of TrackOutcome
        Of the tracks whose last window is in this batch or an earlier one.
    tap : int
        Index of the tap in the stream's list.
    """

    rows: NDArray[np.float32]
    track: NDArray[np.int64]
    start_seconds: NDArray[np.float64]
    valid_samples: NDArray[np.int64]
    outcomes: list[TrackOutcome] = field(default_factory=list)
    tap: int = 0

    @property
    def samples(self) -> NDArray[np.float32]:
        """The windows' samples, shape (n_windows, n_samples), when the tap has no front end."""
        return self.rows

    @property
    def input_features(self) -> NDArray[np.float32]:
        """What the front end made of the windows, shape (n_windows, ...)."""
        return self.rows

    def __len__(self) -> int:
        return int(self.track.shape[0])


def decode(
    source: AudioSource,
    *,
    sample_rate: int | None = None,
    mono: bool = False,
    quality: Quality = "high",
    limits: Limits | None = None,
) -> Signal:
    """Decode a whole track into memory.

    Parameters
    ----------
    source : path, bytes or binary file object
        A `str` or `os.PathLike` is a path; `bytes` are the file itself. The format is found by
        content, never by name.
    sample_rate : int, optional
        Wanted rate in Hz; None keeps the file's.
    mono : bool
        Mean of all channels instead of each.
    quality : {"high", "best"}
        Of the resampler.
    limits : Limits, optional
        What the track may ask for.

    Returns
    -------
    Signal
        With `outcome.status` `ok`, or `partial` where some of the track is lost.

    Raises
    ------
    DecodeError
        Nothing could be decoded; `kind` says why. `UnsupportedFormatError` and `LimitError` are such.
    OSError
        The file could not be read.

    Examples
    --------
    >>> from orpheus_fast.demo import wav_bytes
    >>> signal = decode(wav_bytes(), sample_rate=22_050, mono=True)
    >>> signal.samples.shape, signal.sample_rate, signal.outcome.ok
    ((1, 22050), 22050, True)
    """
    is_path, data = _source(source)
    samples, rate, info, outcome = _native.decode_track(is_path, data, sample_rate, mono, quality, _limit_parts(limits))
    return Signal(samples, rate, Outcome(*outcome), TrackInfo(*info))


class AudioStream:
    """Iterator over the batches of many tracks; made by `stream`.

    Decoding goes on in the background while a batch is worked on, in memory that depends neither
    on the length of the tracks nor on their number. Use it in a `with` block, or call `close`, to
    stop early.
    """

    def __init__(
        self,
        sources: Iterable[AudioSource],
        taps: Sequence[Tap],
        *,
        batch_size: int = 64,
        ordered: bool = True,
        n_threads: int | None = None,
        quality: Quality = "high",
        limits: Limits | None = None,
    ) -> None:
        if n_threads is None:
            n_threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        if isinstance(sources, (str, bytes, os.PathLike)):
            message = f"sources is one {type(sources).__name__}, expected a list of paths, bytes or file objects"
            raise ParameterError(message)
        for name, value in (("batch_size", batch_size), ("n_threads", n_threads)):
            if value < 1:
                message = f"{name} is {value}, expected at least 1"
                raise ParameterError(message)
        self._loader = _native.TrackLoader(
            [_source(source) for source in sources],
            [tap._parts() for tap in taps],
            (n_threads, batch_size, ordered, quality),
            _limit_parts(limits),
        )

    def __iter__(self) -> Iterator[Batch]:
        return self

    def __next__(self) -> Batch:
        parts = self._loader.next_batch()
        if parts is None:
            raise StopIteration
        tap, rows, track, start_seconds, valid_samples, ended = parts
        outcomes = [
            TrackOutcome(index, Outcome(*outcome), None if info is None else TrackInfo(*info))
            for index, info, outcome in ended
        ]
        return Batch(rows, track, start_seconds, valid_samples, outcomes, tap)

    def close(self) -> None:
        """Stop the workers; later iteration ends at once."""
        self._loader.close()

    def stage_seconds(self) -> dict[str, float]:
        """Return thread seconds spent so far: `decode`, `front_end`, `blocked` (waiting for the consumer)."""
        decode_seconds, front_end, blocked = self._loader.stage_seconds()
        return {"decode": decode_seconds, "front_end": front_end, "blocked": blocked}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def stream(  # noqa: PLR0913 -- one call instead of a Tap and a stream; every argument has a name
    sources: Iterable[AudioSource],
    *,
    sample_rate: int,
    window_seconds: float = 10.0,
    hop_seconds: float | None = None,
    placement: Placement = "every",
    pad_threshold: float = 0.5,
    max_windows: int | None = None,
    front_end: str | None = None,
    batch_size: int = 64,
    ordered: bool = True,
    n_threads: int | None = None,
    quality: Quality = "high",
    limits: Limits | None = None,
) -> AudioStream:
    """Decode many tracks in the background and hand over their windows in batches.

    Parameters
    ----------
    sources : iterable of paths, bytes or binary file objects
        One track each, see `decode`.
    sample_rate, window_seconds, hop_seconds, placement, pad_threshold, max_windows, front_end
        Which windows, and what is made of them: see `Tap`.
    batch_size : int > 0
        Windows per batch. The last batch may be smaller; one without windows may come to carry
        the outcomes of tracks that have none.
    ordered : bool
        Tracks in the order of the list; False hands them over as they are ready.
    n_threads : int, optional
        Worker threads; None takes one per core.
    quality : {"high", "best"}
        Of the resampler.
    limits : Limits, optional
        What each track may ask for.

    Returns
    -------
    AudioStream
        Iterator over `Batch`. No track raises: each ends with an outcome.

    Examples
    --------
    >>> from orpheus_fast.demo import wav_bytes
    >>> for batch in stream([wav_bytes(), b"not audio"], sample_rate=16_000, window_seconds=0.5):
    ...     print(batch.samples.shape, [end.outcome.status for end in batch.outcomes])
    (2, 8000) ['ok', 'failed']
    """
    tap = Tap(sample_rate, placement, window_seconds, hop_seconds, pad_threshold, max_windows, front_end)
    return AudioStream(
        sources,
        [tap],
        batch_size=batch_size,
        ordered=ordered,
        n_threads=n_threads,
        quality=quality,
        limits=limits,
    )


def _source(source: AudioSource) -> tuple[bool, bytes]:
    """(is a path, the path as the file system spells it or the file's bytes)."""
    if isinstance(source, (bytes, bytearray, memoryview)):
        return False, bytes(source)
    if isinstance(source, (str, os.PathLike)):
        return True, os.fsencode(source)
    if hasattr(source, "read"):
        data = source.read()
        if isinstance(data, bytes):
            return False, data
    message = f"source is {type(source).__name__}, expected a path, bytes or a binary file object"
    raise ParameterError(message)


def _limit_parts(limits: Limits | None) -> tuple[int, float, int]:
    limits = Limits() if limits is None else limits
    return limits.max_bytes, limits.max_seconds, limits.max_decoded_samples

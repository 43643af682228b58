"""One track: where it comes from, what it may ask for, how it ended, and its samples."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

from orpheus_fast import _native
from orpheus_fast._arrays import within
from orpheus_fast.audio import fallback
from orpheus_fast.errors import ParameterError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = [
    "AudioSource",
    "Limits",
    "Outcome",
    "Quality",
    "Signal",
    "TrackInfo",
    "check_source",
    "decode",
    "limit_parts",
    "source_parts",
]

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
        Samples over all channels. Bounds the memory and time that a small, crafted file can cost.
    max_cpu_seconds : float
        CPU time of the thread that decodes it and of its FFmpeg worker, on top of a tenth of the
        length of the audio that came out. Front ends do not count.
    """

    max_bytes: int = 64 << 30
    max_seconds: float = 24 * 3600.0
    max_decoded_samples: int = 1 << 34
    max_cpu_seconds: float = 10.0

    def __post_init__(self) -> None:
        """Refuse what would be no limit: not a number is neither more nor less than anything."""
        for limit in fields(self):
            value = getattr(self, limit.name)
            if not value >= 0:
                message = f"{limit.name} is {value}, expected at least 0"
                raise ParameterError(message)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a track ended.

    Attributes
    ----------
    status : {"ok", "partial", "failed"}
        Right, partly right, or nothing usable.
    kind : str
        Stable name of the reason (`damaged`, `unsupported`, `not_audio`, `limit`, `worker`, ...); "" when ok.
    message : str
        One line for people; "" when ok.
    seconds_sound, seconds_lost : float
        How much was decoded as the file promises, and how much is missing or was silenced. Where only
        windows were decoded, what they needed, and what the whole track lacks.
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
        Such as `mpeg` and `mp3`, `ogg` and `vorbis`, `wav` and `pcm_s16le`; `ffmpeg:wv` and
        `wavpack` where FFmpeg decoded it.
    sample_rate : int
        Hz, of the file.
    n_channels : int
        Of the file.
    n_samples : int or None
        Samples per channel that were counted or, where that is not possible without decoding, that
        the container promises; with those found missing.
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


def decode(
    source: AudioSource,
    *,
    sample_rate: int | None = None,
    mono: bool = False,
    start_seconds: float = 0.0,
    duration_seconds: float | None = None,
    quality: Quality = "high",
    limits: Limits | None = None,
) -> Signal:
    """Decode a track, or a stretch of it, into memory.

    What orpheus_fast does not read itself (WavPack, WMA, HE-AAC, ...) is decoded by FFmpeg where the
    extra `orpheus-fast[ffmpeg]` is installed, in a worker process with limits of its own; without
    it, such a track is an `UnsupportedFormatError`.

    Parameters
    ----------
    source : path, bytes or binary file object
        A `str` or `os.PathLike` is a path; `bytes` are the file itself. The format is found by
        content, never by name.
    sample_rate : int, optional
        Wanted rate in Hz; None keeps the file's.
    mono : bool
        Mean of all channels instead of each.
    start_seconds : float >= 0
        Where to begin; rounded to a sample of the result.
    duration_seconds : float > 0, optional
        How much; None for all that follows. The result is the same stretch of the whole result, and
        shorter where the track ends before. What stands before is not decoded where the format
        allows to pass over it.
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
        Nothing could be decoded; `kind` says why, `empty` if the track ends before `start_seconds`.
        `UnsupportedFormatError` and `LimitError` are such.
    OSError
        The file could not be read.

    Examples
    --------
    >>> import numpy as np
    >>> from orpheus_fast.demo import wav_bytes
    >>> silence = wav_bytes(np.zeros((2, 44_100), dtype=np.float32), 44_100)
    >>> signal = decode(silence, sample_rate=22_050, mono=True)
    >>> signal.samples.shape, signal.sample_rate, signal.outcome.ok
    ((1, 22050), 22050, True)
    """
    fallback.register()
    if sample_rate is not None:
        sample_rate = within("sample_rate", sample_rate, 1000, 768_000)
    stretch, shape = (start_seconds, duration_seconds), (sample_rate, mono, quality)
    samples, rate, info, outcome = _native.decode_track(source_parts(source), stretch, shape, limit_parts(limits))
    return Signal(samples, rate, Outcome(*outcome), TrackInfo(*info))


def source_parts(source: AudioSource) -> tuple[bool, bytes]:
    """Return whether it is a path, and the path as the file system spells it or the file's bytes."""
    if isinstance(source, (bytes, bytearray, memoryview)):
        return False, bytes(source)
    if isinstance(source, (str, os.PathLike)):
        return True, os.fsencode(source)
    check_source(source)
    data = source.read()
    if isinstance(data, bytes):
        return False, data
    message = f"source is a {type(source).__name__} that reads {type(data).__name__}, expected a file opened as binary"
    raise ParameterError(message)


def check_source(source: object) -> None:
    """Refuse what `source_parts` cannot take, without reading it."""
    if not isinstance(source, (str, os.PathLike, bytes, bytearray, memoryview)) and not hasattr(source, "read"):
        message = f"source is {type(source).__name__}, expected a path, bytes or a binary file object"
        raise ParameterError(message)


def limit_parts(limits: Limits | None) -> tuple[int, float, int, float]:
    """Return what `_native` takes for limits."""
    limits = Limits() if limits is None else limits
    if not isinstance(limits, Limits):
        message = f"limits is {limits!r}, expected orpheus_fast.Limits"
        raise ParameterError(message)
    n_bytes, n_samples = min(limits.max_bytes, sys.maxsize), min(limits.max_decoded_samples, sys.maxsize)
    return n_bytes, limits.max_seconds, n_samples, limits.max_cpu_seconds

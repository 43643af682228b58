"""Many tracks: batches of windows, decoded in the background."""

from __future__ import annotations

import os
from collections.abc import Sequence, Sized
from dataclasses import dataclass, field
from threading import Lock, get_ident
from time import monotonic
from typing import TYPE_CHECKING, Literal, Protocol, Self, TypeAlias

import numpy as np

from orpheus_fast import _native, threads
from orpheus_fast._arrays import positive, within
from orpheus_fast.audio import fallback
from orpheus_fast.audio.tracks import Outcome, TrackInfo, check_source, limit_parts, source_parts
from orpheus_fast.errors import ParameterError, ShapeError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import TracebackType

    from numpy.typing import NDArray

    from orpheus_fast.audio.tracks import AudioSource, Limits, Quality

__all__ = ["AudioStream", "Batch", "Placement", "Tap", "TrackOutcome", "stream"]

Placement: TypeAlias = Literal["whole", "center", "evenly", "every"]


# Drawing sources goes on for so long before it is asked whether a batch is ready.
_FEEDING_SECONDS = 0.01


class Tensor(Protocol):
    """A CPU tensor, such as torch's: `numpy` shares its memory."""

    def numpy(self) -> NDArray[np.float32]:
        """Return an array over the tensor's memory."""


if TYPE_CHECKING:
    Buffer: TypeAlias = NDArray[np.float32] | Tensor


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
        zeros; for `evenly`, it decides whether there is one window more. A track shorter than one
        window always gets one.
    max_windows : int, optional
        At most this many; `evenly` needs it.
    front_end : str, optional
        What is made of each window; None hands over samples. `sound` (298 values) wants 22,050 Hz;
        `classical_chroma12` (44) and `classical_chroma_mean` (33) describe windows at any rate. `clap`
        (rows (1, 1001, 64)) and `clap_fused` ((4, 1001, 64)) want 48,000 Hz and at most 10 s, `yamnet`
        and `vggish` ((n_patches, 96, 64)) 16,000 Hz, `panns` ((1, n_frames, 64)) 32,000 Hz; `wav2vec2`
        ((n_samples,)) is for wav2vec 2.0 and HuBERT at 16,000 and MERT at 24,000 Hz. These six are
        `orpheus_fast.features`' functions of like names, and need windows of one length: not `whole`.
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
            within("sample_rate", self.sample_rate, 1000, 768_000),
            self.placement,
            self.window_seconds,
            hop_seconds,
            self.pad_threshold,
            None if self.max_windows is None else positive("max_windows", self.max_windows),
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
        out: Sequence[Sequence[Buffer]] | None = None,
    ) -> None:
        if isinstance(sources, (str, bytes, os.PathLike)):
            message = f"sources is one {type(sources).__name__}, expected a list of paths, bytes or file objects"
            raise ParameterError(message)
        if isinstance(sources, Sequence):
            for source in sources:
                check_source(source)
        if hasattr(sources, "read"):
            message = f"sources is one file object ({type(sources).__name__}), expected a list of them"
            raise ParameterError(message)
        batch_size = positive("batch_size", batch_size)
        n_threads = None if n_threads is None else positive("n_threads", n_threads)
        fallback.register()
        # Of a stream that was closed.
        self._stage_seconds: dict[str, float] | None = None
        self._out = None if out is None else _arrays_of(out, len(taps))
        # A track is the work of one thread.
        most = max(1, len(sources)) if isinstance(sources, Sized) else None
        self._lease = threads.lease(n_threads, most=most)
        self._sources = iter(sources)
        # Whether the last source took long to draw: then, none is drawn while a batch is ready.
        self._is_slow = False
        # A forked child does not wait for it long, and then the loader refuses.
        self._feeding = Lock()
        # The thread that draws from the list, and what it raised before there was a batch to ask for.
        self._feeder: int | None = None
        self._raised: Exception | None = None
        self._loader = _native.TrackLoader(
            [tap._parts() for tap in taps],
            (self._lease.n_threads, batch_size, ordered, quality),
            limit_parts(limits),
            self._out,
        )
        try:
            self._feed()
        except Exception as error:
            # Whoever made the list of sources has raised it: it comes where batches do, and they can go on.
            self._raised = error

    def __iter__(self) -> Iterator[Batch]:
        return self

    def __next__(self) -> Batch:
        if self._raised is not None:
            error, self._raised = self._raised, None
            raise error
        if self._feeder == get_ident():
            message = "the list of sources asks the stream that draws from it for a batch, which would wait for ever"
            raise RuntimeError(message)
        if not self._is_slow:
            self._feed()
        parts = None
        while parts is None:
            ended, parts = self._loader.next_batch()
            if ended:
                self._lease.release()
                raise StopIteration
            if parts is None:
                self._feed()
        tap, buffer, rows, track, start_seconds, valid_samples, outcome_parts = parts
        if self._out is not None and buffer is not None:
            rows = self._out[tap][buffer][: len(track)]
        outcomes = [
            TrackOutcome(index, Outcome(*outcome), None if info is None else TrackInfo(*info))
            for index, info, outcome in outcome_parts
        ]
        return Batch(rows, track, start_seconds, valid_samples, outcomes, tap)

    def _feed(self) -> None:
        """Hand over sources, as many as the workers want and can be had at once: a batch may be ready by then."""
        if not self._feeding.acquire(timeout=_FEEDING_SECONDS):
            # Another thread draws from the list. What is ready does not wait for it.
            return
        try:
            self._feeder = get_ident()
            wanted = self._loader.appetite()
            if wanted == 0:
                return
            started = before = monotonic()
            for source in self._sources:
                self._push(source)
                wanted -= 1
                now = monotonic()
                self._is_slow = now - before > _FEEDING_SECONDS
                if wanted == 0 or now - started > _FEEDING_SECONDS:
                    return
                before = now
            self._loader.seal()
        finally:
            self._feeder = None
            self._feeding.release()

    def _push(self, source: AudioSource) -> None:
        """Hand over a source; what is not a path is read now, and has its place in the list though that fails."""
        try:
            check_source(source)
        except ParameterError as error:
            self._loader.push_failed(str(error))
            raise
        try:
            parts = source_parts(source)
        except Exception as error:
            # Whatever a file object raises is its track's outcome.
            self._loader.push_failed(f"{type(error).__name__}: {error}")
        except BaseException as error:
            # An interrupt costs the track that was being read, not the places of those behind it.
            self._loader.push_failed(type(error).__name__)
            raise
        else:
            self._loader.push(parts)

    def close(self) -> None:
        """Stop the workers; later iteration ends at once."""
        if self._stage_seconds is None:
            self._stage_seconds = self.stage_seconds()
        self._loader.close()
        self._lease.release()

    def stage_seconds(self) -> dict[str, float]:
        """Return thread seconds spent so far: `decode`, `front_end`, `blocked` (waiting for the consumer)."""
        if self._stage_seconds is not None:
            return dict(self._stage_seconds)
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
    out: Sequence[Buffer] | None = None,
) -> AudioStream:
    """Decode many tracks in the background and hand over their windows in batches.

    Parameters
    ----------
    sources : iterable of paths, bytes or binary file objects
        One track each, see `decode`. A generator is drawn from as the workers need it, and a file
        object is read only then, so neither the list nor what is in it has to fit into memory. From
        a slow one, sources are drawn only while no batch is ready.
    sample_rate, window_seconds, hop_seconds, placement, pad_threshold, max_windows, front_end
        Which windows, and what is made of them: see `Tap`.
    batch_size : int > 0
        Windows per batch. The last batch may be smaller; one without windows may come to carry
        the outcomes of tracks that have none.
    ordered : bool
        Tracks in the order of the list; False hands them over as they are ready.
    n_threads : int, optional
        Worker threads; None takes what is left of the budget, see `orpheus_fast.threads`. No more
        than one for each track, where `sources` has a length.
    quality : {"high", "best"}
        Of the resampler.
    limits : Limits, optional
        What each track may ask for.
    out : list of numpy.ndarray or CPU torch.Tensor, optional
        float32, C-contiguous, shape (batch_size, ...): the batches are written into these, one after
        the other and round again, and `Batch.rows` is a view of the one that was filled. With n of
        them, a batch stays valid until n - 1 more were taken and the next is asked for; with one,
        until the next is asked for. Pinned tensors make the copy to a GPU asynchronous.

    Returns
    -------
    AudioStream
        Iterator over `Batch`. No track raises: each ends with an outcome, and one whose file object
        cannot be read as `failed`, of kind `io`. What a generator raises, and what it yields that
        is no source, raises from the iteration, which then goes on where it stopped.

    Examples
    --------
    >>> import numpy as np
    >>> from orpheus_fast.demo import wav_bytes
    >>> silence = wav_bytes(np.zeros((2, 44_100), dtype=np.float32), 44_100)
    >>> for batch in stream([silence, b"not audio"], sample_rate=16_000, window_seconds=0.5):
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
        out=None if out is None else [out],
    )


def _arrays_of(out: Sequence[Sequence[Buffer]], n_taps: int) -> list[list[NDArray[np.float32]]]:
    """Return what is given as arrays that share its memory."""
    if len(out) != n_taps:
        message = f"out holds buffers for {len(out)} taps, expected one list for each of the {n_taps}"
        raise ShapeError(message)
    return [[_array_of(buffer) for buffer in buffers] for buffers in out]


def _array_of(buffer: Buffer) -> NDArray[np.float32]:
    if isinstance(buffer, np.ndarray):
        return buffer
    if hasattr(buffer, "numpy"):
        return buffer.numpy()
    message = f"out holds a {type(buffer).__name__}, expected NumPy arrays or CPU tensors"
    raise ShapeError(message)

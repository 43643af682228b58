"""Tempo and beats, with librosa's names and conventions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, TypeAlias

import numpy as np

from orpheus_fast import _native
from orpheus_fast._arrays import as_float32, positive
from orpheus_fast.errors import ParameterError
from orpheus_fast.features.onsets import (
    Aggregate,
    aggregate_name,
    check_one_of,
    for_each_row,
    strengths_of,
    tempogram,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

__all__ = ["Beats", "Tempo", "beats", "tempo"]

Method: TypeAlias = Literal["robust", "librosa"]

# What librosa multiplies correlations by before the logarithm.
LOG_GAIN: Final = 1e6
MAX_TEMPO: Final = 320.0
AC_SECONDS: Final = 8.0
MAX_SECONDS: Final = 1e6


class Tempo(NamedTuple):
    """A tempo and how sure it is.

    Attributes
    ----------
    bpm : float or numpy.ndarray of float64
        Beats per minute: one number, or one per signal of a batch; 0 where nothing repeats.
    confidence : float, numpy.ndarray of float64 or None
        Probability of this tempo against the others that the music suggests, 0 to 1. None with `method="librosa"`.
    """

    bpm: Any
    confidence: Any


class Beats(NamedTuple):
    """A tempo and the beats that follow it.

    Attributes
    ----------
    tempo : float
        Beats per minute; 0 where there are none.
    beats : numpy.ndarray, shape (n_beats,)
        Frames or samples (int64) or seconds (float64).
    """

    tempo: float
    beats: NDArray[Any]


def tempo(  # noqa: PLR0913 - librosa's arguments
    *,
    y: ArrayLike | None = None,
    sr: float = 22_050,
    onset_envelope: ArrayLike | None = None,
    hop_length: int = 512,
    start_bpm: float = 120.0,
    std_bpm: float = 1.0,
    ac_size: float = AC_SECONDS,
    max_tempo: float | None = MAX_TEMPO,
    aggregate: Aggregate | None = "mean",
    method: Method = "robust",
) -> Tempo:
    """Estimate the tempo. **By default not as librosa does**: `method="librosa"` gives its numbers.

    The default finds the beat rather than its half or double far more often, and is not bound to whole frames: bass and
    all bands are correlated with themselves, and a tempo counts by how well the music repeats after one, two, three and
    four beats. It looks between 38 and 260 BPM. `docs/concepts/tempo-and-key.md` has the measurements. The GIL is
    released.

    Parameters
    ----------
    y : array_like, shape (..., n_samples), optional
        Signals of one channel. At least 6 s are needed to tell slow tempi.
    sr : float, 1000 to 768000
        Sample rate in Hz.
    onset_envelope : array_like, shape (..., n_frames), optional
        Onset strengths that are there already, instead of `y`. The default method does better with `y`: it hears the
        bass then.
    hop_length : int > 0
        Samples between frames of `onset_envelope`, and of librosa's method.
    start_bpm, std_bpm : float > 0
        The likeliest tempo, and the width of the prior in octaves.
    ac_size : float > 0
        Length of the autocorrelation window in seconds; librosa's method only.
    max_tempo : float > 0 or None
        No tempo is faster.
    aggregate : {"mean", "median"}, numpy.mean, numpy.median or None
        How frames make one tempo; with None there is one per frame. librosa's method only.
    method : {"robust", "librosa"}
        As above.

    Returns
    -------
    Tempo
        `bpm` is a float for one signal and an array for several; with `aggregate=None` there is a last dimension of
        frames. Where nothing repeats (silence, a single click) the default method says 0 with confidence 0, and
        librosa's the likeliest tempo.

    Raises
    ------
    ShapeError
        If arrays have the wrong number of dimensions.
    ParameterError
        If neither or both of `y` and `onset_envelope` are given, a value is not finite, or a parameter is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> clicks = np.zeros(10 * 22_050)
    >>> clicks[:: round(22_050 * 60 / 93)] = 1
    >>> bpm, confidence = tempo(y=clicks)
    >>> round(bpm), confidence > 0.3
    (93, True)
    """
    prior = (float(start_bpm), float(std_bpm), np.inf if max_tempo is None else float(max_tempo))
    hop = positive("hop_length", hop_length)
    if _method(method) == "robust":
        check_one_of(y, onset_envelope)
        _refuse_librosas(aggregate, ac_size)
        if y is not None:
            return _pairs(y, "y", lambda row: _native.estimate_tempo(row, float(sr), prior))
        rate = float(sr) / hop
        return _pairs(onset_envelope, "onset_envelope", lambda row: _native.estimate_tempo_of(row, rate, prior))
    strengths = strengths_of(y, sr, onset_envelope, hop, "mean")
    if aggregate is not None and aggregate_name(aggregate) == "mean":
        rates = (float(sr), hop, float(ac_size))
        found = for_each_row(
            strengths, "onset_envelope", lambda row: _native.likely_tempo(row, rates, prior), np.float64
        )
    else:
        if not 0 < ac_size < MAX_SECONDS:
            message = f"ac_size is {ac_size}, expected more than 0 and less than {MAX_SECONDS:.0f} seconds"
            raise ParameterError(message)
        n_lags = max(int(ac_size * sr) // hop, 1)
        grams = tempogram(onset_envelope=strengths, sr=sr, hop_length=hop, win_length=n_lags).astype(np.float64)
        if aggregate is not None:
            grams = np.median(grams, axis=-1, keepdims=True)
        found = _likeliest(grams, float(sr) / hop, prior)
        found = found if aggregate is None else found[..., 0]
    return Tempo(found if found.ndim else float(found), None)


def beats(  # noqa: PLR0913 - librosa's arguments
    *,
    y: ArrayLike | None = None,
    sr: float = 22_050,
    onset_envelope: ArrayLike | None = None,
    hop_length: int = 512,
    start_bpm: float = 120.0,
    tightness: float = 100.0,
    trim: bool = True,
    bpm: float | None = None,
    units: Literal["frames", "samples", "time"] = "frames",
    method: Method = "robust",
) -> Beats:
    """Track beats: `librosa.beat.beat_track`, by default with the tempo that `tempo` finds.

    Beats are onsets that are strong and evenly spaced (Ellis 2007). With `method="librosa"`, or for the same `bpm`,
    they are librosa's. The GIL is released.

    Parameters
    ----------
    y : array_like, shape (n_samples,), optional
        A signal of one channel.
    sr : float, 1000 to 768000
        Sample rate in Hz.
    onset_envelope : array_like, shape (n_frames,), optional
        Onset strengths that are there already, instead of `y`.
    hop_length : int > 0
        Samples between frames.
    start_bpm : float > 0
        The likeliest tempo.
    tightness : float > 0
        How closely beats follow the tempo.
    trim : bool
        Whether weak beats at the ends are dropped.
    bpm : float > 0, optional
        The tempo, if it is known.
    units : {"frames", "samples", "time"}
        Of the beats; time is in seconds.
    method : {"robust", "librosa"}
        How the tempo is found.

    Returns
    -------
    Beats
        Unpacks as in librosa: `tempo, frames = beats(y=y)`. Silence has tempo 0 and no beats.

    Raises
    ------
    ShapeError
        If arrays have not one dimension.
    ParameterError
        If neither or both of `y` and `onset_envelope` are given, a value is not finite, or a parameter is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> clicks = np.zeros(10 * 22_050)
    >>> clicks[::11_025] = 1
    >>> found = beats(y=clicks, units="time")
    >>> round(found.tempo), np.round(found.beats[:4], 1).tolist()
    (120, [0.5, 1.0, 1.5, 2.0])
    """
    if units not in ("frames", "samples", "time"):
        message = f'units is {units!r}, expected "frames", "samples" or "time"'
        raise ParameterError(message)
    hop = positive("hop_length", hop_length)
    strengths = as_float32(strengths_of(y, sr, onset_envelope, hop, "median"), name="y or onset_envelope", n_dims=(1,))
    found = float(bpm) if bpm is not None else 0.0
    if bpm is None and strengths.any():
        if _method(method) == "librosa":
            found = float(
                tempo(onset_envelope=strengths, sr=sr, hop_length=hop, start_bpm=start_bpm, method=method).bpm
            )
        else:
            given = {"onset_envelope": strengths} if y is None else {"y": y}
            # No more than a beat per frame can be followed.
            fastest = min(MAX_TEMPO, 60 * float(sr) / hop)
            found = float(tempo(**given, sr=sr, hop_length=hop, start_bpm=start_bpm, max_tempo=fastest).bpm)
    if not strengths.any() or (bpm is None and found <= 0):
        frames = np.zeros(0, dtype=np.int64)
        found = 0.0
    else:
        frames = _native.track_beats(strengths, float(sr) / hop, found, float(tightness), trim)
    if units == "frames":
        return Beats(found, frames)
    samples = frames * hop
    return Beats(found, samples if units == "samples" else samples / float(sr))


def _method(method: Method) -> Method:
    if method not in ("robust", "librosa"):
        message = f'method is {method!r}, expected "robust" or "librosa"'
        raise ParameterError(message)
    return method


def _refuse_librosas(aggregate: Aggregate | None, ac_size: float) -> None:
    """Refuse what only librosa's method has: ignored in silence, it would be taken for done."""
    if aggregate is None or aggregate_name(aggregate) != "mean" or ac_size != AC_SECONDS:
        message = 'aggregate and ac_size are given, expected method="librosa" with them: the other gives one tempo'
        raise ParameterError(message)


def _pairs(values: ArrayLike | None, name: str, call: Callable[[NDArray[np.float32]], tuple[float, float]]) -> Tempo:
    found = for_each_row(values if values is not None else (), name, call, np.float64)
    bpm, confidence = found[..., 0], found[..., 1]
    return Tempo(bpm, confidence) if found.ndim > 1 else Tempo(float(bpm), float(confidence))


def _likeliest(grams: NDArray[np.float64], frame_rate: float, prior: tuple[float, float, float]) -> NDArray[np.float64]:
    """Choose the likeliest lag of every column, as librosa does."""
    start_bpm, std_bpm, max_tempo = prior
    lags = np.arange(1, max(grams.shape[-2], 2))
    bpms = np.concatenate([[np.inf], 60.0 * frame_rate / lags])[: grams.shape[-2]]
    weights = -0.5 * ((np.log2(bpms) - np.log2(start_bpm)) / std_bpm) ** 2
    weights[: int(np.argmax(bpms < max_tempo))] = -np.inf
    best = np.argmax(np.log1p(LOG_GAIN * grams) + weights[:, None], axis=-2)
    return np.asarray(bpms[best], dtype=np.float64)

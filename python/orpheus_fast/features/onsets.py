"""Onset strength and its autocorrelation, with librosa's names and conventions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import numpy as np

from orpheus_fast import _native
from orpheus_fast._arrays import as_float32, positive, within
from orpheus_fast.errors import ParameterError, ShapeError
from orpheus_fast.features._arguments import window_values

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, DTypeLike, NDArray

    from orpheus_fast.features._arguments import Window

__all__ = ["Aggregate", "aggregate_name", "check_one_of", "for_each_row", "onset_strength", "strengths_of", "tempogram"]

Aggregate: TypeAlias = "Literal['mean', 'median'] | Callable[..., Any]"

ANY_DIMS: Final = tuple(range(1, 33))
MAX_WINDOW: Final = 65_536


def onset_strength(  # noqa: PLR0913 - librosa's arguments
    *,
    y: ArrayLike | None = None,
    sr: float = 22_050,
    S: ArrayLike | None = None,  # noqa: N803 - librosa's name
    n_fft: int = 2048,
    hop_length: int = 512,
    lag: int = 1,
    max_size: int = 1,
    ref: ArrayLike | None = None,
    detrend: bool = False,
    center: bool = True,
    aggregate: Aggregate | None = None,
    n_mels: int = 128,
    fmin: float = 0.0,
    fmax: float | None = None,
) -> NDArray[np.float32]:
    """Measure how much the spectrum rises at each frame: `librosa.onset.onset_strength`.

    The GIL is released.

    Parameters
    ----------
    y : array_like, shape (..., n_samples), optional
        Signals of one channel. Arrays that are C-contiguous float32 are not copied.
    sr : float, 1000 to 768000
        Sample rate in Hz.
    S : array_like, shape (..., n_bands, n_frames), optional
        Levels in dB that are there already, instead of `y`.
    n_fft, hop_length : int > 0
        Samples per frame and between frames.
    lag : int > 0
        Frames over which levels rise.
    max_size : int > 0
        Neighbouring bands over the loudest of which a band must rise: more than 1 suppresses vibrato.
    ref : array_like, shape of `S`, optional
        Levels over which `S` must rise instead.
    detrend : bool
        Whether the mean is filtered away.
    center : bool
        Whether strengths are moved on by half a frame, to where onsets are in the signal.
    aggregate : {"mean", "median"}, numpy.mean or numpy.median, optional
        What the bands make together; their mean by default.
    n_mels : int > 0
        Mel bands.
    fmin, fmax : float >= 0
        Edges of the bands in Hz; `fmax` is half the sample rate by default.

    Returns
    -------
    numpy.ndarray of float32, shape (..., n_frames)
        Strengths in dB; all zero for silence and for signals shorter than `lag` frames.

    Raises
    ------
    ShapeError
        If arrays have the wrong number of dimensions.
    ParameterError
        If neither or both of `y` and `S` are given, there are no samples, one of them is not finite, or a parameter is
        out of range.

    Examples
    --------
    >>> import numpy as np
    >>> clicks = np.zeros(44_100)
    >>> clicks[::11_025] = 1
    >>> np.flatnonzero(onset_strength(y=clicks) > 10)
    array([22, 23, 44, 65, 66])
    """
    name = aggregate_name(aggregate)
    bands = (float(sr), positive("n_fft", n_fft), positive("hop_length", hop_length), positive("n_mels", n_mels))
    edges = (float(fmin), float(sr) / 2 if fmax is None else float(fmax))
    parts = (*bands, *edges)
    rise = (positive("lag", lag), positive("max_size", max_size), detrend, center, name)
    if (y is None) == (S is None):
        message = "expected one of y and S"
        raise ParameterError(message)
    if y is not None:
        return for_each_row(y, "y", lambda row: _native.onset_strength(row, parts, rise))
    levels = as_float32(S if S is not None else (), name="S", n_dims=ANY_DIMS[1:])
    flat = levels.reshape(-1, *levels.shape[-2:])
    others: list[NDArray[np.float32] | None] = [None] * len(flat)
    if ref is not None:
        reference = as_float32(ref, name="ref", n_dims=ANY_DIMS[1:])
        if reference.shape != levels.shape:
            message = f"ref has shape {reference.shape}, expected that of S, {levels.shape}"
            raise ShapeError(message)
        others = list(reference.reshape(flat.shape))
    rows = [_native.onset_strength_of(one, other, parts, rise) for one, other in zip(flat, others, strict=True)]
    return np.asarray(rows, dtype=np.float32).reshape(*levels.shape[:-2], levels.shape[-1])


def tempogram(
    *,
    y: ArrayLike | None = None,
    sr: float = 22_050,
    onset_envelope: ArrayLike | None = None,
    hop_length: int = 512,
    win_length: int = 384,
    center: bool = True,
    window: Window = "hann",
    norm: float | None = np.inf,
) -> NDArray[np.float32]:
    """Correlate the onset strength around each frame with itself: `librosa.feature.tempogram`.

    The GIL is released.

    Parameters
    ----------
    y : array_like, shape (..., n_samples), optional
        Signals of one channel.
    sr : float, 1000 to 768000
        Sample rate in Hz.
    onset_envelope : array_like, shape (..., n_frames), optional
        Onset strengths that are there already, instead of `y`.
    hop_length : int > 0
        Samples between frames.
    win_length : int, 1 to 65536
        Frames that are correlated; the tempogram has as many lags.
    center : bool
        Whether windows are centred on their frames, beyond the ends on a ramp down to zero.
    window : str, tuple, array_like of shape (win_length,) or callable
        Weights of the frames of a window, as in `stft`.
    norm : float > 0 or None
        Order of the norm that each frame's correlations are divided by.

    Returns
    -------
    numpy.ndarray of float32, shape (..., win_length, n_frames)
        A row per lag.

    Raises
    ------
    ShapeError
        If arrays have the wrong number of dimensions.
    ParameterError
        If neither or both of `y` and `onset_envelope` are given, a value is not finite, or a parameter is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> strengths = np.tile([5.0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 40)
    >>> lags = tempogram(onset_envelope=strengths, win_length=100)[:, 200]
    >>> np.flatnonzero(lags[5:35] > 0.5) + 5
    array([10, 20, 30])
    """
    strengths = strengths_of(y, sr, onset_envelope, hop_length, "mean")
    weights = window_values(window, within("win_length", win_length, 1, MAX_WINDOW))
    if not np.isfinite(weights).all():
        message = "window holds a value that is not finite"
        raise ParameterError(message)
    values = weights.tolist()
    return for_each_row(strengths, "onset_envelope", lambda row: _native.tempogram(row, values, center, norm))


def aggregate_name(aggregate: Aggregate | None) -> str:
    """Return `mean` or `median`, given by name or as NumPy's function."""
    # By identity: what a caller passes may not be hashable.
    for name, function in (("mean", np.mean), ("median", np.median)):
        if aggregate is function or (isinstance(aggregate, str) and aggregate == name):
            return name
    if aggregate is not None:
        message = f'aggregate is {aggregate!r}, expected "mean", "median", numpy.mean or numpy.median'
        raise ParameterError(message)
    return "mean"


def check_one_of(y: ArrayLike | None, onset_envelope: ArrayLike | None) -> None:
    """Refuse both and neither."""
    if (y is None) == (onset_envelope is None):
        message = "expected one of y and onset_envelope"
        raise ParameterError(message)


def strengths_of(
    y: ArrayLike | None, sr: float, onset_envelope: ArrayLike | None, hop_length: int, aggregate: Aggregate
) -> ArrayLike:
    """Take onset strengths as given, or measure them as librosa does by default."""
    check_one_of(y, onset_envelope)
    if onset_envelope is not None:
        return onset_envelope
    return onset_strength(y=y, sr=sr, hop_length=hop_length, aggregate=aggregate)


def for_each_row(
    values: ArrayLike, name: str, call: Callable[[NDArray[np.float32]], Any], dtype: DTypeLike = np.float32
) -> NDArray[Any]:
    """Call for every row of the last dimension."""
    array = as_float32(values, name=name, n_dims=ANY_DIMS)
    if array.ndim == 1:
        return np.asarray(call(array), dtype=dtype)
    if array.size == 0:
        message = f"{name} has shape {array.shape}, expected at least one value"
        raise ParameterError(message)
    rows = [np.asarray(call(row), dtype=dtype) for row in array.reshape(-1, array.shape[-1])]
    return np.stack(rows).reshape(*array.shape[:-1], *rows[0].shape)

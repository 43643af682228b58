"""What has one number, or one per band, in each spectrum: where energy lies, and how peaked it is.

Arguments, defaults, shapes and numbers are those of librosa 0.11.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from orpheus_fast import _native
from orpheus_fast.errors import ShapeError
from orpheus_fast.features import _arguments

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from orpheus_fast.features._arguments import Floats, PadMode, Precision, Window

__all__ = [
    "bandwidth",
    "rolloff",
    "spectral_bandwidth",
    "spectral_centroid",
    "spectral_contrast",
    "spectral_flatness",
    "spectral_rolloff",
]


def spectral_centroid(
    *,
    y: ArrayLike | None = None,
    sr: float = 22_050,
    S: ArrayLike | None = None,
    n_fft: int = 2048,
    hop_length: int = 512,
    freq: ArrayLike | None = None,
    win_length: int | None = None,
    window: Window = "hann",
    center: bool = True,
    pad_mode: PadMode = "constant",
    precision: Precision = "fast",
) -> Floats:
    """Find the mean frequency of each frame, weighted by magnitude: `librosa.feature.spectral_centroid`.

    Klapuri and Davy, Signal Processing Methods for Music Transcription, 2007, chapter 5.

    Parameters
    ----------
    y : array_like, shape (..., n_samples), optional
        Samples, as in `stft`.
    sr : float > 0
        Sample rate, in Hz.
    S : array_like, shape (..., n_bins, n_frames), optional
        Magnitudes in place of `y`.
    n_fft, hop_length, win_length, window, center, pad_mode
        As in `stft`.
    freq : array_like, shape (n_bins,), optional
        Frequency of each bin, in Hz, where it is not that of a Fourier transform. The frequencies per
        frame that librosa also takes are refused.
    precision : {"fast", "reference"}
        Compute in float32 or float64. `S` is taken as that.

    Returns
    -------
    numpy.ndarray of float32 (or float64), shape (..., 1, n_frames)
        Hz; 0 for silence.

    Raises
    ------
    ParameterError
        For samples, values or options that cannot be worked with; the message names them.

    Examples
    --------
    >>> import numpy as np
    >>> y = np.sin(2 * np.pi * 1000 * np.arange(22_050) / 22_050)
    >>> f"{spectral_centroid(y=y)[0, 20]:.0f} Hz"
    '1000 Hz'
    """
    spectra = _arguments.spectra(
        y, S, n_fft, hop_length, win_length, window, center=center, pad_mode=pad_mode, precision=precision
    )
    return spectra.unfold(_native.spectral_centroid(spectra.native, spectra.frequencies(sr, freq)))


def bandwidth(
    *,
    y: ArrayLike | None = None,
    sr: float = 22_050,
    S: ArrayLike | None = None,
    n_fft: int = 2048,
    hop_length: int = 512,
    win_length: int | None = None,
    window: Window = "hann",
    center: bool = True,
    pad_mode: PadMode = "constant",
    freq: ArrayLike | None = None,
    centroid: ArrayLike | None = None,
    norm: bool = True,
    p: float = 2,
    precision: Precision = "fast",
) -> Floats:
    """Find how far from the centroid energy lies in each frame: `librosa.feature.spectral_bandwidth`.

    `(sum(S * abs(freq - centroid) ** p)) ** (1 / p)`, see `spectral_centroid`. Of a pure tone, the fast
    precision may be off by a few parts in a hundred: what float32 leaves far from it, some 140 dB down,
    counts by the square of its distance.

    Parameters
    ----------
    y, sr, S, n_fft, hop_length, win_length, window, center, pad_mode, freq
        As in `spectral_centroid`.
    centroid : array_like, shape (..., 1, n_frames), optional
        Centroids in place of those of the spectra, in Hz.
    norm : bool
        Whether the magnitudes of a frame are scaled to add up to one.
    p : float > 0
        Exponent of the distances.
    precision : {"fast", "reference"}
        Compute in float32 or float64. `S` is taken as that.

    Returns
    -------
    numpy.ndarray of float32 (or float64), shape (..., 1, n_frames)
        Hz, where `norm` is true; 0 for silence.

    Raises
    ------
    ParameterError
        For samples, values or options that cannot be worked with; the message names them.

    Examples
    --------
    >>> import numpy as np
    >>> noise = np.random.default_rng(0).uniform(-0.5, 0.5, 22_050)
    >>> f"{bandwidth(y=noise)[0, 20]:.0f} Hz"
    '3142 Hz'
    """
    spectra = _arguments.spectra(
        y, S, n_fft, hop_length, win_length, window, center=center, pad_mode=pad_mode, precision=precision
    )
    frequencies = spectra.frequencies(sr, freq)
    centroids = None
    if centroid is not None:
        values = _arguments.floats("centroid", centroid, np.float64, n_dims=2)
        if values.shape[:-1] != (*spectra.lead, 1):
            message = f"centroid has shape {values.shape}, expected {(*spectra.lead, 1)} and one per frame"
            raise ShapeError(message)
        centroids = values.reshape(-1)
    p = _arguments.number("p", p)
    return spectra.unfold(_native.spectral_bandwidth(spectra.native, frequencies, centroids, bool(norm), p))


spectral_bandwidth = bandwidth
"""`bandwidth` by the name that it has in librosa."""


def rolloff(
    *,
    y: ArrayLike | None = None,
    sr: float = 22_050,
    S: ArrayLike | None = None,
    n_fft: int = 2048,
    hop_length: int = 512,
    win_length: int | None = None,
    window: Window = "hann",
    center: bool = True,
    pad_mode: PadMode = "constant",
    freq: ArrayLike | None = None,
    roll_percent: float = 0.85,
    precision: Precision = "fast",
) -> Floats:
    """Find the frequency below which most of the magnitude lies: `librosa.feature.spectral_rolloff`.

    Parameters
    ----------
    y, sr, S, n_fft, hop_length, win_length, window, center, pad_mode
        As in `spectral_centroid`.
    freq : array_like, shape (n_bins,), optional
        Frequency of each bin, in Hz, never falling.
    roll_percent : float, between 0 and 1
        The share of the magnitude that lies at this frequency or below.
    precision : {"fast", "reference"}
        Compute in float32 or float64. `S` is taken as that.

    Returns
    -------
    numpy.ndarray of float32 (or float64), shape (..., 1, n_frames)
        Hz: always the frequency of a bin. Where two bins share the limit, rounding decides.

    Raises
    ------
    ParameterError
        For samples, values or options that cannot be worked with; the message names them.

    Examples
    --------
    >>> import numpy as np
    >>> y = np.sin(2 * np.pi * 1000 * np.arange(22_050) / 22_050)
    >>> f"{rolloff(y=y)[0, 20]:.0f} Hz"
    '1012 Hz'
    """
    spectra = _arguments.spectra(
        y, S, n_fft, hop_length, win_length, window, center=center, pad_mode=pad_mode, precision=precision
    )
    frequencies, share = spectra.frequencies(sr, freq), _arguments.number("roll_percent", roll_percent)
    return spectra.unfold(_native.spectral_rolloff(spectra.native, frequencies, share))


spectral_rolloff = rolloff
"""`rolloff` by the name that it has in librosa."""


def spectral_contrast(
    *,
    y: ArrayLike | None = None,
    sr: float = 22_050,
    S: ArrayLike | None = None,
    n_fft: int = 2048,
    hop_length: int = 512,
    win_length: int | None = None,
    window: Window = "hann",
    center: bool = True,
    pad_mode: PadMode = "constant",
    freq: ArrayLike | None = None,
    fmin: float = 200.0,
    n_bands: int = 6,
    quantile: float = 0.02,
    linear: bool = False,
    precision: Precision = "fast",
) -> Floats:
    """Find how far peaks stand out of valleys, octave by octave: `librosa.feature.spectral_contrast`.

    Jiang, Lu, Zhang, Tao and Cai, Music type classification by spectral contrast feature, ICME 2002.

    Parameters
    ----------
    y, sr, S, n_fft, hop_length, win_length, window, center, pad_mode
        As in `spectral_centroid`.
    freq : array_like, shape (n_bins,), optional
        Frequency of each bin, in Hz, never falling.
    fmin : float > 0
        Where the lowest band ends, in Hz; each of the others is an octave.
    n_bands : int > 0
        Octaves. A band that no bin lies in is refused.
    quantile : float, between 0 and 1
        The share of a band's bins that are its peaks, and its valleys.
    linear : bool
        Whether mean magnitudes are subtracted, not their levels in decibels.
    precision : {"fast", "reference"}
        Compute in float32 or float64. `S` is taken as that.

    Returns
    -------
    numpy.ndarray of float32 (or float64), shape (..., n_bands + 1, n_frames)
        Decibels (librosa takes magnitudes for powers here), or magnitudes.

    Raises
    ------
    ParameterError
        For samples, values or options that cannot be worked with; the message names them.

    Examples
    --------
    >>> import numpy as np
    >>> y = np.random.default_rng(0).uniform(-0.5, 0.5, 22_050)
    >>> spectral_contrast(y=y).shape
    (7, 44)
    """
    spectra = _arguments.spectra(
        y, S, n_fft, hop_length, win_length, window, center=center, pad_mode=pad_mode, precision=precision
    )
    bands = (_arguments.sample_rate(sr), float(fmin), _arguments.count("n_bands", n_bands))
    options = (*bands, float(quantile), bool(linear))
    return spectra.unfold(_native.spectral_contrast(spectra.native, spectra.frequencies(sr, freq), options))


def spectral_flatness(
    *,
    y: ArrayLike | None = None,
    S: ArrayLike | None = None,
    n_fft: int = 2048,
    hop_length: int = 512,
    win_length: int | None = None,
    window: Window = "hann",
    center: bool = True,
    pad_mode: PadMode = "constant",
    amin: float = 1e-10,
    power: float = 2.0,
    precision: Precision = "fast",
) -> Floats:
    """Divide the geometric by the arithmetic mean of each spectrum: `librosa.feature.spectral_flatness`.

    Dubnov, Generalization of spectral flatness measure, IEEE Signal Processing Letters 11, 2004.

    Parameters
    ----------
    y, S, n_fft, hop_length, win_length, window, center, pad_mode
        As in `spectral_centroid`.
    amin : float > 0
        Powers below this count as this.
    power : float > 0
        Exponent of the magnitudes.
    precision : {"fast", "reference"}
        Compute in float32 or float64. `S` is taken as that.

    Returns
    -------
    numpy.ndarray of float32 (or float64), shape (..., 1, n_frames)
        1 for a flat spectrum (or silence), near 0 for a tone.

    Raises
    ------
    ParameterError
        For samples, values or options that cannot be worked with; the message names them.

    Examples
    --------
    >>> import numpy as np
    >>> tone = np.sin(2 * np.pi * 1000 * np.arange(22_050) / 22_050)
    >>> bool(spectral_flatness(y=tone)[0, 20] < 1e-6)
    True
    """
    spectra = _arguments.spectra(
        y, S, n_fft, hop_length, win_length, window, center=center, pad_mode=pad_mode, precision=precision
    )
    return spectra.unfold(_native.spectral_flatness(spectra.native, float(amin), float(power)))

"""Pitch classes, and how far recordings are tuned from A = 440 Hz.

Arguments, defaults, shapes and numbers are those of librosa 0.11.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from orpheus_fast import _native
from orpheus_fast.features import _arguments

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from orpheus_fast.features._arguments import Floats, PadMode, Precision, Window

__all__ = ["chroma", "chroma_stft", "estimate_tuning"]


def chroma(
    *,
    y: ArrayLike | None = None,
    sr: float = 22_050,
    S: ArrayLike | None = None,
    norm: float | None = np.inf,
    n_fft: int = 2048,
    hop_length: int = 512,
    win_length: int | None = None,
    window: Window = "hann",
    center: bool = True,
    pad_mode: PadMode = "constant",
    tuning: float | None = None,
    n_chroma: int = 12,
    ctroct: float = 5.0,
    octwidth: float | None = 2,
    base_c: bool = True,
    precision: Precision = "fast",
) -> Floats:
    """Find how much of each note of an octave sounds in each frame: `librosa.feature.chroma_stft`.

    A bin of the power spectrum lends to the notes near it by a Gaussian, and less in high and low
    octaves (Ellis, Chroma feature analysis and synthesis, 2007).

    Parameters
    ----------
    y : array_like, shape (..., n_samples), optional
        Samples, as in `stft`.
    sr : float > 0
        Sample rate, in Hz.
    S : array_like, shape (..., n_bins, n_frames), optional
        Powers in place of `y`.
    norm : float > 0, optional
        Each frame is scaled to one: its largest value (`inf`), its sum (1), its Euclidean length (2).
        None for no scaling.
    n_fft, hop_length, win_length, window, center, pad_mode
        As in `stft`.
    tuning : float, optional
        How far the music is off A = 440 Hz, as a part of a pitch class; found by `estimate_tuning` for the
        whole batch if not given.
    n_chroma : int, 1 to 1200
        Pitch classes of an octave.
    ctroct, octwidth : float
        Octaves above A0 (27.5 Hz) where bins count most, and how fast they count less; an `octwidth` of
        None lets all count alike.
    base_c : bool
        Whether the first class is C, not A.
    precision : {"fast", "reference"}
        Compute in float32 or float64. `S` is taken as that.

    Returns
    -------
    numpy.ndarray of float32 (or float64), shape (..., n_chroma, n_frames)
        Energy of each class; 0 for silence.

    Raises
    ------
    ParameterError
        For samples, values or options that cannot be worked with; the message names them.

    Examples
    --------
    >>> import numpy as np
    >>> y = np.sin(2 * np.pi * 440 * np.arange(22_050) / 22_050)
    >>> "C C# D D# E F F# G G# A A# B".split()[chroma(y=y)[:, 20].argmax()]
    'A'
    """
    spectra = _arguments.spectra(
        y, S, n_fft, hop_length, win_length, window, center=center, pad_mode=pad_mode, precision=precision
    )
    options = (
        _arguments.sample_rate(sr),
        spectra.n_fft,
        _arguments.count("n_chroma", n_chroma),
        None if tuning is None else float(tuning),
        float(ctroct),
        None if octwidth is None else float(octwidth),
        bool(base_c),
        None if norm is None else float(norm),
    )
    return spectra.unfold(_native.chroma(spectra.native, options))


chroma_stft = chroma
"""`chroma` by the name that it has in librosa."""


def estimate_tuning(
    *,
    y: ArrayLike | None = None,
    sr: float = 22_050,
    S: ArrayLike | None = None,
    n_fft: int = 2048,
    resolution: float = 0.01,
    bins_per_octave: int = 12,
    hop_length: int | None = None,
    fmin: float = 150.0,
    fmax: float = 4000.0,
    threshold: float = 0.1,
    win_length: int | None = None,
    window: Window = "hann",
    center: bool = True,
    pad_mode: PadMode = "constant",
    precision: Precision = "fast",
) -> float:
    """Find how far music is off A = 440 Hz: `librosa.estimate_tuning`.

    The offset from the nearest step of the scale that most of the stronger half of all spectral peaks share.

    Parameters
    ----------
    y : array_like, shape (..., n_samples), optional
        Samples, as in `stft`.
    sr : float > 0
        Sample rate, in Hz.
    S : array_like, shape (..., n_bins, n_frames), optional
        Magnitudes or powers in place of `y`.
    n_fft, hop_length, win_length, window, center, pad_mode
        As in `stft`.
    resolution : float, 1e-6 to 1
        Offsets are told apart by this part of a step.
    bins_per_octave : int, 1 to 1200
        Steps of the scale in an octave.
    fmin, fmax : float
        Where peaks are looked for, in Hz.
    threshold : float >= 0
        The share of the largest value of its frame that a peak exceeds.
    precision : {"fast", "reference"}
        Compute in float32 or float64. `S` is taken as that.

    Returns
    -------
    float
        From -0.5 to 0.5 of a step; 0 where there is no peak.

    Raises
    ------
    ParameterError
        For samples, values or options that cannot be worked with; the message names them.

    Examples
    --------
    >>> import numpy as np
    >>> y = np.sin(2 * np.pi * 445 * np.arange(22_050) / 22_050)
    >>> f"{estimate_tuning(y=y):.2f}"
    '0.17'
    """
    spectra = _arguments.spectra(
        y, S, n_fft, hop_length, win_length, window, center=center, pad_mode=pad_mode, precision=precision
    )
    steps = _arguments.count("bins_per_octave", bins_per_octave)
    limits = (float(resolution), float(fmin), float(fmax), float(threshold))
    options = (_arguments.sample_rate(sr), spectra.n_fft, steps, *limits)
    return float(_native.estimate_tuning(spectra.native, options))

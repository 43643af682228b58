"""What each frame of the waveform says without a spectrum: how loud it is, and how often it changes its sign.

Arguments, defaults, shapes and numbers are those of librosa 0.11.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orpheus_fast import _native
from orpheus_fast.errors import ParameterError
from orpheus_fast.features import _arguments

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    from orpheus_fast.features._arguments import Floats, PadMode, Precision

__all__ = ["rms", "zero_crossing_rate"]


def rms(
    *,
    y: ArrayLike | None = None,
    S: ArrayLike | None = None,
    frame_length: int = 2048,
    hop_length: int = 512,
    center: bool = True,
    pad_mode: PadMode = "constant",
    precision: Precision = "fast",
) -> Floats:
    """Find the root-mean-square level of each frame, from samples or magnitudes: `librosa.feature.rms`.

    Parameters
    ----------
    y : array_like, shape (..., n_samples), optional
        Samples, as in `stft`. As in librosa, they count where `S` is given, too.
    S : array_like, shape (..., n_bins, n_frames), optional
        Magnitudes of frames of `frame_length` in place of `y`; the window counts.
    frame_length : int > 0
        Samples of a frame.
    hop_length : int > 0
        Samples between the starts of two frames.
    center, pad_mode
        As in `stft`.
    precision : {"fast", "reference"}
        Compute in float32 or float64. `S` is taken as that.

    Returns
    -------
    numpy.ndarray of float32 (or float64), shape (..., 1, n_frames)
        Linear levels: 1 for full scale.

    Raises
    ------
    ParameterError
        For samples, values or options that cannot be worked with; the message names them.

    Examples
    --------
    >>> import numpy as np
    >>> y = np.sin(2 * np.pi * 1000 * np.arange(22_050) / 22_050)
    >>> f"{rms(y=y)[0, 20]:.3f}"
    '0.707'
    """
    frames = _arguments.frames(frame_length, hop_length, center=center, pad_mode=pad_mode)
    if y is not None:
        samples, lead = _arguments.signals(y)
        levels = _native.rms_of_samples(samples, frames, precision)
        return levels.reshape(lead + levels.shape[1:])
    if S is None:
        message = "y and S are None, expected one of them"
        raise ParameterError(message)
    # Nothing is transformed: the other options do not matter.
    spectra = _arguments.spectra(
        None, S, frame_length, None, None, "hann", center=center, pad_mode=pad_mode, precision=precision
    )
    return spectra.unfold(_native.rms_of_magnitudes(spectra.native, frames[0]))


def zero_crossing_rate(
    y: ArrayLike,
    *,
    frame_length: int = 2048,
    hop_length: int = 512,
    center: bool = True,
    threshold: float = 1e-10,
    pad: bool = False,
    zero_pos: bool = True,
) -> NDArray[np.float32]:
    """Find the share of samples that differ in sign from the one before: `librosa.feature.zero_crossing_rate`.

    Parameters
    ----------
    y : array_like, shape (..., n_samples)
        Samples, as in `stft`.
    frame_length, hop_length
        As in `rms`.
    center : bool
        As in `stft`; beyond its ends the signal does not change.
    threshold : float >= 0
        Samples as close to zero as this count as zero.
    pad : bool
        Whether the first sample of a frame counts as a crossing.
    zero_pos : bool
        Whether zero counts as positive, not as a sign of its own.

    Returns
    -------
    numpy.ndarray of float32, shape (..., 1, n_frames)
        Between 0 and 1.

    Raises
    ------
    ParameterError
        For samples or options that cannot be worked with; the message names them.

    Examples
    --------
    >>> import numpy as np
    >>> y = np.sin(2 * np.pi * 1000 * np.arange(22_050) / 22_050)
    >>> f"{zero_crossing_rate(y)[0, 20]:.3f}"
    '0.091'
    """
    frames = _arguments.frames(frame_length, hop_length, center=center, pad_mode="edge")
    samples, lead = _arguments.signals(y)
    rates = _native.zero_crossing_rate(samples, frames, float(threshold), bool(pad), bool(zero_pos))
    return rates.reshape(lead + rates.shape[1:])

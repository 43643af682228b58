"""Spectrograms and what is made of them: Fourier transforms, mel bands, decibels, cepstra.

Arguments, defaults, shapes and numbers are those of librosa 0.11.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from orpheus_fast import _native
from orpheus_fast.errors import ParameterError, ShapeError
from orpheus_fast.features import _arguments

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

    from orpheus_fast.features._arguments import Floats, PadMode, Precision, Window

__all__ = ["amplitude_to_db", "mel_spectrogram", "melspectrogram", "mfcc", "power_to_db", "stft"]


def stft(
    y: ArrayLike,
    *,
    n_fft: int = 2048,
    hop_length: int | None = None,
    win_length: int | None = None,
    window: Window = "hann",
    center: bool = True,
    pad_mode: PadMode = "constant",
    precision: Precision = "fast",
) -> NDArray[np.complexfloating[Any, Any]]:
    """Transform overlapping frames of a signal: `librosa.stft`.

    The GIL is released, here as in all functions of this package.

    Parameters
    ----------
    y : array_like, shape (..., n_samples)
        Real numbers with full scale at ±1.0, taken as float32. Must not change during the call.
    n_fft : int, 1 to 1048576
        Samples of a frame. Powers of two from 128 to 16384 are fastest.
    hop_length : int > 0, optional
        Samples between the starts of two frames; a quarter of `win_length` if not given.
    win_length : int, 1 to n_fft, optional
        Length of the window, which stands in the middle of a frame; `n_fft` if not given.
    window : str, (str, float), float, array_like of shape (win_length,), or function
        `hann`, `hamming`, `blackman`, `blackmanharris`, `nuttall`, `flattop`, `bartlett`, `triang`,
        `cosine`, `boxcar`, `("kaiser", beta)` (or beta alone), `("gaussian", std)`, periodic as
        `scipy.signal.get_window` gives them; or values, or a function of the length.
    center : bool
        Whether frame `t` is centred on sample `t * hop_length`, so that frames reach beyond the ends of
        the signal, or begins there.
    pad_mode : {"constant", "edge", "reflect"}
        What they see there: zeros, the end sample, or the signal mirrored.
    precision : {"fast", "reference"}
        Transform in float32, or in float64 at about three times the cost.

    Returns
    -------
    numpy.ndarray of complex64 (or complex128), shape (..., n_fft // 2 + 1, n_frames)
        C-contiguous.

    Raises
    ------
    ParameterError
        If there are no samples or not enough for a frame that is not centred, if one of them is not
        finite or beyond ±1e12, or if an option is not one of the above.
    MemoryError
        If there is no memory for the result.

    Examples
    --------
    >>> import numpy as np
    >>> y = np.sin(2 * np.pi * 440 * np.arange(22_050) / 22_050)
    >>> spectrogram = stft(y, n_fft=1024)
    >>> spectrogram.shape, spectrogram.dtype
    ((513, 87), dtype('complex64'))
    >>> int(np.abs(spectrogram[:, 40]).argmax() * 22_050 / 1024)
    430
    """
    options = _arguments.transform(
        n_fft, hop_length, win_length, window, center=center, pad_mode=pad_mode, precision=precision
    )
    samples, lead = _arguments.signals(y)
    pairs = _native.stft(samples, options)
    spectrogram: NDArray[Any] = pairs.view(np.complex64 if precision == "fast" else np.complex128)
    return spectrogram.reshape(lead + spectrogram.shape[1:])


def mel_spectrogram(
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
    power: float = 2.0,
    n_mels: int = 128,
    fmin: float = 0.0,
    fmax: float | None = None,
    htk: bool = False,
    norm: Literal["slaney"] | None = "slaney",
    precision: Precision = "fast",
) -> Floats:
    """Add up the spectrum in bands that are evenly spaced on a mel scale: `librosa.feature.melspectrogram`.

    The scale is Slaney's (Auditory Toolbox, 1998), or that of the Hidden Markov Model Toolkit.

    Parameters
    ----------
    y : array_like, shape (..., n_samples), optional
        Samples, as in `stft`.
    sr : float > 0
        Sample rate, in Hz.
    S : array_like, shape (..., n_bins, n_frames), optional
        A spectrogram in place of `y`, already to the `power` that is wanted.
    n_fft, hop_length, win_length, window, center, pad_mode
        As in `stft`.
    power : float > 0
        Exponent of the magnitudes: 1 for magnitude, 2 for power.
    n_mels : int, 1 to 4096
        Bands. Those that no bin is under stay zero.
    fmin, fmax : float
        Ends of the lowest and of the highest band, in Hz; `fmax` is half of `sr` if not given.
    htk : bool
        Whether the scale is that of the Hidden Markov Model Toolkit.
    norm : {"slaney", None}
        Bands of unit area, or of unit height. The other norms of librosa are refused.
    precision : {"fast", "reference"}
        Compute in float32 or float64. `S` is taken as that.

    Returns
    -------
    numpy.ndarray of float32 (or float64), shape (..., n_mels, n_frames)
        Energy of each band.

    Raises
    ------
    ParameterError
        For samples or options that cannot be worked with; the message names them.

    Examples
    --------
    >>> import numpy as np
    >>> y = np.random.default_rng(0).uniform(-0.5, 0.5, (2, 22_050))
    >>> mel_spectrogram(y=y, n_mels=64).shape
    (2, 64, 44)
    """
    spectra = _arguments.spectra(
        y, S, n_fft, hop_length, win_length, window, center=center, pad_mode=pad_mode, precision=precision
    )
    mel = _mel(sr, spectra.n_fft, power, n_mels, fmin, fmax, htk=htk, norm=norm, norm_name="norm")
    return spectra.unfold(_native.mel_spectrogram(spectra.native, mel))


melspectrogram = mel_spectrogram
"""`mel_spectrogram` by the name that it has in librosa."""


def mfcc(
    *,
    y: ArrayLike | None = None,
    sr: float = 22_050,
    S: ArrayLike | None = None,
    n_mfcc: int = 20,
    dct_type: int = 2,
    norm: Literal["ortho"] | None = "ortho",
    lifter: float = 0,
    mel_norm: Literal["slaney"] | None = "slaney",
    n_fft: int = 2048,
    hop_length: int = 512,
    win_length: int | None = None,
    window: Window = "hann",
    center: bool = True,
    pad_mode: PadMode = "constant",
    power: float = 2.0,
    n_mels: int = 128,
    fmin: float = 0.0,
    fmax: float | None = None,
    htk: bool = False,
    precision: Precision = "fast",
) -> Floats:
    """Compute mel-frequency cepstral coefficients: `librosa.feature.mfcc`.

    The levels of mel bands in decibels, at most 80 dB below the highest of all signals of the batch, are
    transformed by a type 2 discrete cosine transform (Davis and Mermelstein, 1980).

    Parameters
    ----------
    y : array_like, shape (..., n_samples), optional
        Samples, as in `stft`.
    sr : float > 0
        Sample rate, in Hz.
    S : array_like, shape (..., n_mels, n_frames), optional
        Levels of mel bands in place of `y`, in decibels.
    n_mfcc : int > 0
        Coefficients; there are no more than bands.
    dct_type : {2}
        The other types of librosa are refused.
    norm : {"ortho", None}
        Whether the transform is orthonormal, or `2 * sum(x * cos(...))`.
    lifter : float >= 0
        Length of the sine that weighs the coefficients; 0 for none.
    mel_norm
        `norm` of `mel_spectrogram`.
    n_fft, hop_length, win_length, window, center, pad_mode
        As in `stft`.
    power, n_mels, fmin, fmax, htk
        As in `mel_spectrogram`.
    precision : {"fast", "reference"}
        Compute in float32 or float64. `S` is taken as that.

    Returns
    -------
    numpy.ndarray of float32 (or float64), shape (..., n_mfcc, n_frames)
        Coefficients, the mean level first.

    Raises
    ------
    ParameterError
        For samples or options that cannot be worked with; the message names them.

    Examples
    --------
    >>> import numpy as np
    >>> y = np.random.default_rng(0).uniform(-0.5, 0.5, 22_050)
    >>> mfcc(y=y, n_mfcc=13).shape
    (13, 44)
    """
    if dct_type != 2:  # noqa: PLR2004 -- the type's name
        message = f"dct_type is {dct_type}, expected 2"
        raise ParameterError(message)
    if norm not in ("ortho", None):
        message = f'norm is {norm!r}, expected "ortho" or None'
        raise ParameterError(message)
    spectra = _arguments.spectra(
        y, S, n_fft, hop_length, win_length, window, center=center, pad_mode=pad_mode, precision=precision
    )
    mel = _mel(sr, spectra.n_fft, power, n_mels, fmin, fmax, htk=htk, norm=mel_norm, norm_name="mel_norm")
    n_mfcc, lifter = _arguments.count("n_mfcc", n_mfcc), _arguments.number("lifter", lifter)
    return spectra.unfold(_native.mfcc(spectra.native, mel, n_mfcc, norm == "ortho", lifter))


def _mel(
    sr: float,
    n_fft: int,
    power: float,
    n_mels: int,
    fmin: float,
    fmax: float | None,
    *,
    htk: bool,
    norm: str | None,
    norm_name: str,
) -> tuple[float, int, float, int, float, float, bool, bool]:
    """Return what `_native` calls mel."""
    if not (norm is None or (isinstance(norm, str) and norm == "slaney")):
        message = f'{norm_name} is {norm!r}, expected "slaney" or None'
        raise ParameterError(message)
    rate = _arguments.sample_rate(sr)
    highest = rate / 2 if fmax is None else float(fmax)
    n_mels = _arguments.count("n_mels", n_mels)
    return rate, n_fft, float(power), n_mels, float(fmin), highest, bool(htk), norm is not None


def power_to_db(
    S: ArrayLike,
    *,
    ref: float | Callable[[NDArray[Any]], float] = 1.0,
    amin: float = 1e-10,
    top_db: float | None = 80.0,
    precision: Precision = "fast",
) -> Floats:
    """Convert powers to decibels, `10 * log10(S / ref)`: `librosa.power_to_db`.

    Parameters
    ----------
    S : array_like, of any shape
        Powers. Complex numbers are refused: their phase would be lost in silence.
    ref : float or function
        The power that is 0 dB, or a function such as `numpy.max` that finds it in `S`.
    amin : float > 0
        Powers, and `ref`, below this count as this.
    top_db : float >= 0, optional
        Levels more than this below the highest of all count as this far below it; None for no limit.
    precision : {"fast", "reference"}
        Compute in float32 or float64. `S` is taken as that.

    Returns
    -------
    numpy.ndarray of float32 (or float64), of the shape of `S`
        Levels.

    Raises
    ------
    ParameterError
        If a value is not finite, or an option is out of range.

    Examples
    --------
    >>> power_to_db([1.0, 0.01, 0.0]).tolist()
    [0.0, -20.0, -80.0]
    """
    powers = _arguments.floats("S", S, _arguments.dtype_of(precision), n_dims=0)
    reference = abs(_reference(ref, powers))
    return _native.decibels(powers, reference, float(amin), _top_db(top_db), False)  # noqa: FBT003 -- by position


def amplitude_to_db(
    S: ArrayLike,
    *,
    ref: float | Callable[[NDArray[Any]], float] = 1.0,
    amin: float = 1e-5,
    top_db: float | None = 80.0,
    precision: Precision = "fast",
) -> Floats:
    """Convert amplitudes to decibels, `20 * log10(S / ref)`: `librosa.amplitude_to_db`.

    Parameters
    ----------
    S : array_like, of any shape
        Amplitudes, whose sign does not count. Complex numbers are refused: pass `numpy.abs(S)`.
    ref : float or function
        The amplitude that is 0 dB, or a function such as `numpy.max` that finds it in `abs(S)`.
    amin : float > 0
        Amplitudes, and `ref`, below this count as this.
    top_db, precision
        As in `power_to_db`.

    Returns
    -------
    numpy.ndarray of float32 (or float64), of the shape of `S`
        Levels.

    Raises
    ------
    ParameterError
        If a value is not finite, or an option is out of range.

    Examples
    --------
    >>> amplitude_to_db([1.0, -0.1]).tolist()
    [0.0, -20.0]
    """
    amplitudes = _arguments.floats("S", S, _arguments.dtype_of(precision), n_dims=0)
    reference = _reference(ref, np.abs(amplitudes) if callable(ref) else amplitudes) ** 2
    return _native.decibels(amplitudes, reference, float(amin) ** 2, _top_db(top_db), True)  # noqa: FBT003 -- by position


def _reference(ref: float | Callable[[NDArray[Any]], float], values: Floats) -> float:
    found = np.asarray(ref(values) if callable(ref) else ref)
    if found.ndim:
        message = f"ref has shape {found.shape}, expected one number"
        raise ShapeError(message)
    return _arguments.number("ref", float(np.abs(found)))


def _top_db(top_db: float | None) -> float | None:
    return None if top_db is None else float(top_db)

"""What audio models are fed: log-mel spectrograms and standardised samples."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Literal, TypeAlias

from orpheus_fast import _native
from orpheus_fast._arrays import as_float32, as_int64
from orpheus_fast.errors import ParameterError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

__all__ = [
    "ClapPadding",
    "Precision",
    "clap_log_mel",
    "panns_log_mel",
    "vggish_log_mel",
    "wav2vec2_input",
    "yamnet_log_mel",
]

ClapPadding: TypeAlias = Literal["repeatpad", "repeat", "pad"]
Precision: TypeAlias = Literal["fast", "reference"]

_LAST_RATE = 2**32 - 1


def clap_log_mel(
    samples: ArrayLike,
    *,
    sample_rate: int = 48_000,
    padding: ClapPadding = "repeatpad",
    fused: bool = False,
    precision: Precision = "fast",
) -> NDArray[np.float32]:
    """Compute what CLAP models are fed, as `ClapFeatureExtractor` of transformers 5 does.

    Frames of 1024 samples (periodic Hann), 480 apart, centred, the signal mirrored beyond its ends;
    64 mel bands of power from 50 to 14,000 Hz; decibels, those of less than 1e-10 counting as that.
    The GIL is released.

    Parameters
    ----------
    samples : array_like, shape (n_samples,) or (n_windows, n_samples)
        One channel with full scale at ±1.0, at most ten seconds (480,000 samples): longer audio is for
        the caller to cut, where transformers takes a random crop. An array that is C-contiguous
        float32 is not copied and must not change during the call.
    sample_rate : int
        Of the samples, in Hz; 48,000 is what the models know.
    padding : {"repeatpad", "repeat", "pad"}
        What fills a clip up to ten seconds: itself as often as it fits wholly and then zeros, itself,
        or zeros.
    fused : bool
        The filter bank (HTK scale, not normalised) and the four equal channels that fused checkpoints
        take; otherwise Slaney's bank and one channel.
    precision : {"fast", "reference"}
        Float32 throughout, or float64 until the result is rounded: on music within 2e-3 dB of each
        other above -60 dB.

    Returns
    -------
    numpy.ndarray of float32, shape (1, 1001, 64) or (n_windows, 1, 1001, 64)
        Channel, frame, band. With `fused`, four channels. `input_features` of `ClapModel`.

    Raises
    ------
    ShapeError
        If the samples have no or more than two dimensions.
    ParameterError
        If there are no samples or more than 480,000, one of them is not finite or beyond ±1e12, or
        another argument is not one of the above.

    Examples
    --------
    >>> import numpy as np
    >>> seconds = np.arange(10 * 48_000) / 48_000
    >>> levels = clap_log_mel(0.5 * np.sin(2 * np.pi * 440 * seconds))
    >>> levels.shape
    (1, 1001, 64)
    >>> int(levels[0, 500].argmax())
    6
    """
    name = "clap_fused" if fused else "clap"
    return _rows(samples, name, sample_rate, precision, padding=padding)


def wav2vec2_input(
    samples: ArrayLike, *, sample_rate: int = 16_000, valid_samples: ArrayLike | None = None
) -> NDArray[np.float32]:
    """Standardise windows as wav2vec 2.0, HuBERT and MERT expect them.

    Each window loses its mean and is divided by the square root of its variance + 1e-7, as
    `Wav2Vec2FeatureExtractor` of transformers does with `do_normalize`. The GIL is released.

    Parameters
    ----------
    samples : array_like, shape (n_samples,) or (n_windows, n_samples)
        One channel, at the rate of the model: 16,000 Hz for wav2vec 2.0 and HuBERT, 24,000 Hz for
        MERT. Nothing is resampled.
    sample_rate : int
        Of the samples, in Hz; the result does not depend on it.
    valid_samples : array_like of int, shape (n_windows,), optional
        Samples of each window that are not padding, 1 to n_samples, such as `Batch.valid_samples`.
        Only they count, and what follows them becomes zero. None: all.

    Returns
    -------
    numpy.ndarray of float32, shape (n_samples,) or (n_windows, n_samples)
        `input_values` of the models.

    Raises
    ------
    ShapeError
        If the arrays have other shapes.
    ParameterError
        If there are no samples, one of them is not finite or beyond ±1e12, or a count is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> rows = wav2vec2_input([[1.0, 3.0, 0.0], [5.0, 5.0, 5.0]], valid_samples=[2, 3])
    >>> np.round(rows, 3).tolist()
    [[-1.0, 1.0, 0.0], [0.0, 0.0, 0.0]]
    """
    return _rows(samples, "wav2vec2", sample_rate, "fast", valid_samples=valid_samples)


def yamnet_log_mel(
    samples: ArrayLike, *, sample_rate: int = 16_000, precision: Precision = "fast"
) -> NDArray[np.float32]:
    """Compute the patches that YAMNet is fed.

    Windows of 25 ms (periodic Hann), 10 ms apart, transformed over 512 samples; 64 bands of magnitude
    from 125 to 7500 Hz, straight over the HTK mel scale; the natural logarithm of a band + 0.001.
    Patches of 96 frames (0.96 s) overlap by half; zeros fill the last one. The GIL is released.

    Parameters
    ----------
    samples : array_like, shape (n_samples,) or (n_windows, n_samples)
        One channel with full scale at ±1.0.
    sample_rate : int
        Of the samples, in Hz; 16,000 is what the model knows.
    precision : {"fast", "reference"}
        Float32 throughout, or float64 until the result is rounded.

    Returns
    -------
    numpy.ndarray of float32, shape (n_patches, 96, 64) or (n_windows, n_patches, 96, 64)
        Patch, frame, band; n_patches is 1 + ceil((n_samples - 15,600) / 7680), and at least 1.

    Raises
    ------
    ShapeError
        If the samples have no or more than two dimensions.
    ParameterError
        If there are no samples, one of them is not finite or beyond ±1e12, or another argument is not
        one of the above.

    Examples
    --------
    >>> import numpy as np
    >>> yamnet_log_mel(np.zeros(3 * 16_000)).shape
    (6, 96, 64)
    """
    return _rows(samples, "yamnet", sample_rate, precision)


def vggish_log_mel(
    samples: ArrayLike, *, sample_rate: int = 16_000, precision: Precision = "fast"
) -> NDArray[np.float32]:
    """Compute the examples that VGGish is fed.

    Frames and bands as in `yamnet_log_mel`; the natural logarithm of a band + 0.01. Examples of 96
    frames (0.96 s) follow each other; what does not fill one is left out. The GIL is released.

    Parameters
    ----------
    samples : array_like, shape (n_samples,) or (n_windows, n_samples)
        One channel with full scale at ±1.0; at least 15,600 samples.
    sample_rate : int
        Of the samples, in Hz; 16,000 is what the model knows.
    precision : {"fast", "reference"}
        Float32 throughout, or float64 until the result is rounded.

    Returns
    -------
    numpy.ndarray of float32, shape (n_examples, 96, 64) or (n_windows, n_examples, 96, 64)
        Example, frame, band; n_examples is 1 + floor((n_samples - 15,600) / 15,360).

    Raises
    ------
    ShapeError
        If the samples have no or more than two dimensions.
    ParameterError
        If there are fewer than 15,600 samples, one of them is not finite or beyond ±1e12, or another
        argument is not one of the above.

    Examples
    --------
    >>> import numpy as np
    >>> vggish_log_mel(np.zeros((2, 3 * 16_000))).shape
    (2, 3, 96, 64)
    """
    return _rows(samples, "vggish", sample_rate, precision)


def panns_log_mel(
    samples: ArrayLike, *, sample_rate: int = 32_000, precision: Precision = "fast"
) -> NDArray[np.float32]:
    """Compute the log-mel spectrogram that PANNs at 32 kHz (Cnn14 and its kin) start from.

    Frames of 1024 samples (periodic Hann), 320 apart, centred, the signal mirrored beyond its ends;
    64 mel bands of power from 50 to 14,000 Hz, Slaney's; decibels, those of less than 1e-10 counting
    as that. The GIL is released.

    Parameters
    ----------
    samples : array_like, shape (n_samples,) or (n_windows, n_samples)
        One channel with full scale at ±1.0.
    sample_rate : int
        Of the samples, in Hz; 32,000 is what the models know.
    precision : {"fast", "reference"}
        Float32 throughout, or float64 until the result is rounded.

    Returns
    -------
    numpy.ndarray of float32, shape (1, n_frames, 64) or (n_windows, 1, n_frames, 64)
        Channel, frame, band; n_frames is 1 + floor(n_samples / 320).

    Raises
    ------
    ShapeError
        If the samples have no or more than two dimensions.
    ParameterError
        If there are no samples, one of them is not finite or beyond ±1e12, or another argument is not
        one of the above.

    Examples
    --------
    >>> import numpy as np
    >>> panns_log_mel(np.zeros(10 * 32_000)).shape
    (1, 1001, 64)
    """
    return _rows(samples, "panns", sample_rate, precision)


def _rows(
    samples: ArrayLike,
    front_end: str,
    sample_rate: int,
    precision: Precision,
    *,
    padding: ClapPadding = "repeatpad",
    valid_samples: ArrayLike | None = None,
) -> NDArray[np.float32]:
    if precision not in ("fast", "reference"):
        message = f'precision is {precision!r}, expected "fast" or "reference"'
        raise ParameterError(message)
    rate = operator.index(sample_rate)
    if not 0 <= rate <= _LAST_RATE:
        message = f"sample_rate is {rate} Hz, expected a rate of audio"
        raise ParameterError(message)
    windows = as_float32(samples, name="samples", n_dims=(1, 2))
    matrix = windows[None] if windows.ndim == 1 else windows
    counts = None if valid_samples is None else as_int64("valid_samples", valid_samples)
    rows = _native.front_end_rows(matrix, counts, rate, (front_end, padding, precision == "reference"))
    return rows[0] if windows.ndim == 1 else rows

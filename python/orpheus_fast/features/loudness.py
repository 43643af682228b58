"""How loud a signal is: ITU-R BS.1770, EBU R 128."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from orpheus_fast import _native
from orpheus_fast._arrays import as_float32, within

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike

__all__ = ["Loudness", "loudness"]

MIN_RATE, MAX_RATE = 8_000, 384_000


@dataclass(frozen=True, slots=True)
class Loudness:
    """How loud a signal is; a level of digital silence is minus infinity.

    Attributes
    ----------
    integrated_lufs : float
        Programme loudness (ITU-R BS.1770-5): the mean over blocks of 400 ms, overlapping by three quarters, that are
        above -70 LUFS and at most 10 LU below the mean of those. EBU R 128 aims at -23, streaming services at -14.
    range_lu : float
        Loudness range (EBU Tech 3342): between the 10th and the 95th percentile of blocks of 3 s, every 100 ms.
    momentary_max_lufs, short_term_max_lufs : float
        The loudest 400 ms and the loudest 3 s (EBU Tech 3341).
    true_peak_dbtp : float
        Largest magnitude of the signal between its samples (BS.1770 Annex 2): at four points per sample up to 96 kHz,
        at two below 192 kHz.
    sample_peak_dbfs : float
        Largest magnitude of the samples.
    """

    integrated_lufs: float
    range_lu: float
    momentary_max_lufs: float
    short_term_max_lufs: float
    true_peak_dbtp: float
    sample_peak_dbfs: float


def loudness(y: ArrayLike, sr: int = 22_050, *, channel_weights: Sequence[float] | None = None) -> Loudness:
    """Measure loudness, loudness range and peaks.

    The K weighting is computed for the sample rate from the analogue filters behind the table of BS.1770; at 48 kHz it
    is that table. A signal shorter than a block is one block of its own length. Memory does not grow with the signal
    but for a number every 100 ms. The GIL is released.

    Parameters
    ----------
    y : array_like, shape (n_samples,) or (n_channels, n_samples)
        Full scale at ±1.0. An array that is C-contiguous float32 is not copied and must not change during the call.
    sr : int, 8000 to 384000
        Sample rate in Hz.
    channel_weights : sequence of float, one per channel, optional
        How much the energy of each channel counts, 0 to 1000. By default that of BS.1770 for 1 to 6 or 8 channels in
        the order of WAV files: 1.41 beside the listener, 0 for the LFE, 1 elsewhere. One channel counts once: mono
        measures 3 LU less than the same signal on two loudspeakers.

    Returns
    -------
    Loudness
        Levels in LUFS and dB, the range in LU.

    Raises
    ------
    ShapeError
        If `y` has no or more than two dimensions, or there is not one weight per channel.
    ParameterError
        If there are no samples, one of them is not finite or beyond ±1e12, or rate or weights are out of range.

    Examples
    --------
    >>> import numpy as np
    >>> seconds = np.arange(5 * 48_000) / 48_000
    >>> tone = 10 ** (-23 / 20) * np.sin(2 * np.pi * 1000 * seconds)
    >>> round(loudness([tone, tone], 48_000).integrated_lufs, 1)
    -23.0
    """
    samples = as_float32(y, name="y", n_dims=(1, 2))
    matrix = samples[None] if samples.ndim == 1 else samples
    weights = None if channel_weights is None else [float(weight) for weight in channel_weights]
    return Loudness(*_native.measure_loudness(matrix, within("sr", sr, MIN_RATE, MAX_RATE), weights))

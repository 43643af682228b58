"""Whole windows as vectors, without a model."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Literal, TypeAlias

from orpheus_fast import _native
from orpheus_fast._arrays import as_float32
from orpheus_fast.errors import ParameterError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

__all__ = ["CLASSICAL_LAYOUTS", "ClassicalLayout", "classical_columns", "classical_vector"]

ClassicalLayout: TypeAlias = Literal["chroma12", "chroma_mean"]

CLASSICAL_LAYOUTS: tuple[ClassicalLayout, ...] = ("chroma12", "chroma_mean")
"""How a classical vector may end: with twelve chroma means (44 values) or with one (33 values)."""

_LAST_RATE = 2**32 - 1


def classical_vector(
    samples: ArrayLike, *, sample_rate: int = 22_050, layout: ClassicalLayout = "chroma12"
) -> NDArray[np.float32]:
    """Describe windows of music by timbre, brightness, noisiness, tempo, energy and pitch classes.

    The numbers are those of librosa 0.11 with its defaults (2048-sample Hann frames, 512 apart,
    centred): on music the greatest difference seen is a few parts in a hundred thousand, and the
    tempo is the same. In order: means and variances of 13 MFCC; means of spectral centroid,
    bandwidth and roll-off (85 %) in Hz and of the zero-crossing rate; tempo in beats per minute, 0
    where nothing begins; mean of the squared samples; mean chroma, C first. `classical_columns`
    names them. The GIL is released.

    Parameters
    ----------
    samples : array_like, shape (n_samples,) or (n_windows, n_samples)
        One channel with full scale at ±1.0; windows are described one by one. Any length from one
        sample on; the study used 5 s. An array that is C-contiguous float32 is not copied and must
        not change during the call.
    sample_rate : int, 1000 to 768000
        Of the samples, in Hz. Nothing is resampled: vectors of different rates do not compare.
    layout : {"chroma12", "chroma_mean"}
        Twelve chroma means at the end (44 values) or the mean of them all (33 values).

    Returns
    -------
    numpy.ndarray of float32, shape (dim,) or (n_windows, dim)
        One vector per window.

    Raises
    ------
    ShapeError
        If the samples have no or more than two dimensions.
    ParameterError
        If there are no samples, one of them is not finite or beyond ±1e12, or the rate or layout is
        not one of the above.

    Examples
    --------
    >>> import numpy as np
    >>> seconds = np.arange(5 * 22_050) / 22_050
    >>> vector = classical_vector(0.5 * np.sin(2 * np.pi * 440 * seconds))
    >>> vector.shape
    (44,)
    >>> columns = classical_columns()
    >>> columns[32 + int(np.argmax(vector[32:]))]
    'chroma_a'
    """
    windows = as_float32(samples, name="samples", n_dims=(1, 2))
    matrix = windows[None] if windows.ndim == 1 else windows
    vectors = _native.classical_vectors(matrix, _rate(sample_rate), layout)
    return vectors.reshape(-1) if windows.ndim == 1 else vectors


def classical_columns(layout: ClassicalLayout = "chroma12") -> tuple[str, ...]:
    """Name the values of a classical vector, in order.

    Parameters
    ----------
    layout : {"chroma12", "chroma_mean"}
        As in `classical_vector`.

    Returns
    -------
    tuple of str
        `mfcc_mean_0`, ..., `spectral_centroid_hz`, ..., `chroma_b`.

    Raises
    ------
    ParameterError
        If there is no such layout.

    Examples
    --------
    >>> classical_columns("chroma_mean")[-3:]
    ('tempo_bpm', 'energy', 'chroma_mean')
    """
    return tuple(_native.classical_columns(layout))


def _rate(sample_rate: int) -> int:
    """Check that a rate fits the type that Rust has for rates; Rust knows which of those make sense."""
    rate = operator.index(sample_rate)
    if not 0 <= rate <= _LAST_RATE:
        message = f"sample_rate is {rate} Hz, expected 1000 to 768000"
        raise ParameterError(message)
    return rate

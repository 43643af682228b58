"""The sound vector: a track as it sounds, for a plain cosine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from orpheus_fast import _native
from orpheus_fast._arrays import as_float32
from orpheus_fast.errors import ParameterError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

__all__ = ["SOUND_DIM", "SOUND_REVISION", "SOUND_SAMPLE_RATE", "SoundFamily", "sound_families", "sound_vector"]

_SPACE = _native.sound_space()

SOUND_SAMPLE_RATE: Final[int] = _SPACE[0]
"""Rate that `sound_vector` needs, Hz."""
SOUND_DIM: Final[int] = _SPACE[1]
"""Values of a sound vector."""
SOUND_REVISION: Final[str] = _SPACE[2]
"""Changes when, and only when, the numbers do."""


class SoundFamily(NamedTuple):
    """One family of statistics in a sound vector.

    Attributes
    ----------
    name : str
    n_statistics : int
        That it is made from.
    values : slice
        Where it is in the vector.
    weight : float
        Its length in the vector; the square is its share of the similarity.
    """

    name: str
    n_statistics: int
    values: slice
    weight: float


def sound_vector(samples: ArrayLike, *, sample_rate: int = SOUND_SAMPLE_RATE) -> NDArray[np.float32]:
    """Describe music, speech or any sound by a vector that a plain cosine compares.

    Timbre, contrast, harmony without its key, onsets, rhythm, fluctuation, dynamics and the texture
    of envelopes, each standardised and weighted by constants that are the same for every library:
    nothing is fitted to yours. The parts and the papers they come from are in
    `docs/concepts/sound-space.md`. Silence at either end, or between, does not count as timbre. The
    GIL is released.

    Parameters
    ----------
    samples : array_like, shape (n_samples,) or (n_signals, n_samples)
        One channel with full scale at ±1.0. Any length from one sample on; from about 6 s on, rhythm
        tells something. A signal longer than 45 s is described in equal parts of about 30 s, whose
        vectors are averaged. An array that is C-contiguous float32 is not copied and must not
        change during the call.
    sample_rate : int
        22050: nothing is resampled here. `orpheus_fast.resample` and `decode` give that rate.

    Returns
    -------
    numpy.ndarray of float32, shape (298,) or (n_signals, 298)
        Of unit length.

    Raises
    ------
    ShapeError
        If the samples have no or more than two dimensions.
    ParameterError
        If there are no samples, one of them is not finite or beyond ±1e12, or the rate is another.

    Examples
    --------
    >>> import numpy as np
    >>> noise = np.random.default_rng(0).uniform(-0.1, 0.1, (2, 5 * 22_050))
    >>> hiss, other_hiss = sound_vector(noise)
    >>> hum = sound_vector(0.1 * np.sin(2 * np.pi * 110 * np.arange(5 * 22_050) / 22_050))
    >>> bool(hiss @ other_hiss > 0.9), bool(hiss @ hum < 0.5)
    (True, True)
    """
    if sample_rate != SOUND_SAMPLE_RATE:
        message = f"sample_rate is {sample_rate} Hz, expected {SOUND_SAMPLE_RATE}: resample the signal first"
        raise ParameterError(message)
    signals = as_float32(samples, name="samples", n_dims=(1, 2))
    matrix = signals[None] if signals.ndim == 1 else signals
    vectors = _native.sound_vectors(matrix)
    return vectors.reshape(-1) if signals.ndim == 1 else vectors


def sound_families() -> tuple[SoundFamily, ...]:
    """Name the families of statistics in a sound vector, in order.

    Returns
    -------
    tuple of SoundFamily

    Examples
    --------
    >>> [family.name for family in sound_families()][:3]
    ['cepstrum', 'cepstral_correlations', 'contrast']
    """
    families = []
    start = 0
    for name, n_statistics, dim, weight in _native.sound_families():
        families.append(SoundFamily(name, n_statistics, slice(start, start + dim), weight))
        start += dim
    return tuple(families)

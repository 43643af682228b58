"""Musical key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from orpheus_fast import _native
from orpheus_fast._arrays import as_float32, within

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["KEY_NAMES", "Key", "key"]

MIN_RATE, MAX_RATE = 4_000, 384_000

NOTES: Final = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
KEY_NAMES: Final = tuple(f"{note} {mode}" for mode in ("major", "minor") for note in NOTES)
"""The 24 keys in the order of `Key.correlations`."""


@dataclass(frozen=True, slots=True, eq=False)
class Key:
    """The key of a signal.

    Attributes
    ----------
    tonic : str or None
        `C`, `C#` to `B`; None where no note is heard.
    mode : {"major", "minor"} or None
        None where no note is heard.
    strength : float
        Correlation of the notes with the key's profile, at most 1; 0 where no note is heard.
    confidence : float, 0 to 1
        By how much the strength is above that of the second best key, as a share of it.
    correlations : numpy.ndarray of float64, shape (24,)
        The same for every key, in the order of `KEY_NAMES`.
    chroma : numpy.ndarray of float64, shape (12,)
        Mean strength of each note, C first, 1 where it is the strongest of every frame.
    tuning_cents : float, -50 to 50
        How far above A = 440 Hz the recording is tuned.
    """

    tonic: str | None
    mode: Literal["major", "minor"] | None
    strength: float
    confidence: float
    correlations: NDArray[np.float64]
    chroma: NDArray[np.float64]
    tuning_cents: float

    @property
    def name(self) -> str | None:
        """`C major`, `F# minor` …; None where no note is heard."""
        return None if self.tonic is None else f"{self.tonic} {self.mode}"

    @property
    def camelot(self) -> str | None:
        """Place on the wheel of DJs: `8B` is C major, `8A` A minor, neighbours mix well."""
        if self.tonic is None:
            return None
        # Fifths around the circle; a minor key stands beside its relative major.
        pitch_class = NOTES.index(self.tonic) + (3 if self.mode == "minor" else 0)
        return f"{(7 * pitch_class + 7) % 12 + 1}{'A' if self.mode == 'minor' else 'B'}"


def key(y: ArrayLike, sr: int = 22_050) -> Key:
    """Find the musical key.

    Peaks of the spectrum between 55 and 2000 Hz are counted as notes in the tuning of the recording, and the mean over
    all frames is correlated with what listeners expect of each major and minor key (Krumhansl and Kessler 1982 as
    adjusted to popular music by Sha'ath 2011). A piece that changes its key gets the one that suits it best as a whole.
    The GIL is released.

    Parameters
    ----------
    y : array_like, shape (n_samples,)
        One channel with full scale at ±1.0. An array that is C-contiguous float32 is not copied and must not change
        during the call.
    sr : int, 4000 to 384000
        Sample rate in Hz.

    Returns
    -------
    Key
        Silence has none: `tonic` and `mode` are None.

    Raises
    ------
    ShapeError
        If `y` has not one dimension.
    ParameterError
        If there are no samples, one of them is not finite or beyond ±1e12, or the rate is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> seconds = np.arange(22_050) / 22_050
    >>> chords = [[220.0, 261.63, 329.63], [293.66, 349.23, 440.0], [329.63, 415.3, 493.88], [220.0, 261.63, 329.63]]
    >>> found = key(np.concatenate([sum(np.sin(2 * np.pi * hz * seconds) for hz in chord) for chord in chords]))
    >>> found.name, found.camelot
    ('A minor', '8A')
    """
    samples = as_float32(y, name="y", n_dims=(1,))
    best, correlations, chroma, tuning = _native.estimate_key(samples, within("sr", sr, MIN_RATE, MAX_RATE))
    strengths, notes = np.asarray(correlations), np.asarray(chroma)
    if best is None:
        return Key(None, None, 0.0, 0.0, strengths, notes, tuning)
    second, strength = np.sort(strengths)[-2:].tolist()
    confidence = min(max((strength - second) / strength, 0.0), 1.0)
    mode: Literal["major", "minor"] = "minor" if best >= len(NOTES) else "major"
    return Key(NOTES[best % len(NOTES)], mode, strength, confidence, strengths, notes, tuning)

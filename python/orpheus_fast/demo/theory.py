"""Keys, chords and melodies: which pitches a demo piece plays, before any sound is made.

Pitches are MIDI note numbers (69 is A4 at 440 Hz, one unit is a semitone); pitch classes are the same modulo 12.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orpheus_fast.errors import ParameterError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np

__all__ = ["Chord", "Key", "hertz", "melody", "nearest_pitch", "voice"]

PITCH_CLASSES = {
    "C": 0, "C#": 1, "Db": 1, "D": 2, "D#": 3, "Eb": 3, "E": 4, "F": 5, "F#": 6,
    "Gb": 6, "G": 7, "G#": 8, "Ab": 8, "A": 9, "A#": 10, "Bb": 10, "B": 11,
}  # fmt: skip
SCALES = {"major": (0, 2, 4, 5, 7, 9, 11), "minor": (0, 2, 3, 5, 7, 8, 10)}
NUMERALS = ("i", "ii", "iii", "iv", "v", "vi", "vii")
NUMERAL = re.compile(r"(?P<flat>b?)(?P<degree>[iv]+|[IV]+)(?P<colour>dim|maj7|7|sus2|sus4|add9|9|6|5)?")

MAJOR_TRIAD, MINOR_TRIAD = (0, 4, 7), (0, 3, 7)
THEME = (0, 0, 1, 0)
COLOURS: dict[str, Callable[[tuple[int, ...]], tuple[int, ...]]] = {
    "7": lambda triad: (*triad, 10),
    "maj7": lambda triad: (*triad, 11),
    "9": lambda triad: (*triad, 10, 14),
    "add9": lambda triad: (*triad, 14),
    "6": lambda triad: (*triad, 9),
    "dim": lambda _: (0, 3, 6),
    "sus2": lambda _: (0, 2, 7),
    "sus4": lambda _: (0, 5, 7),
    "5": lambda _: (0, 7),
}


def hertz(pitch: float) -> float:
    """Frequency of a MIDI pitch in equal temperament, A4 = 440 Hz."""
    return float(440.0 * 2.0 ** ((pitch - 69) / 12))


@dataclass(frozen=True)
class Chord:
    """A chord as its root's pitch class and the semitones above it, root first."""

    root: int
    intervals: tuple[int, ...]

    @property
    def pitch_classes(self) -> tuple[int, ...]:
        """The chord's notes within one octave, root first."""
        return tuple((self.root + interval) % 12 for interval in self.intervals)

    def bass(self, lowest: int) -> int:
        """Find the root at or just above `lowest`."""
        return lowest + (self.root - lowest) % 12


@dataclass(frozen=True)
class Key:
    """A tonic (`C`, `Eb`, `F#` …) and a mode, `major` or `minor`."""

    tonic: str
    mode: str

    def __post_init__(self) -> None:
        if self.tonic not in PITCH_CLASSES or self.mode not in SCALES:
            msg = f"unknown key {self.tonic!r} {self.mode!r}; expected A to G, with # or b, and major or minor"
            raise ParameterError(msg)

    @property
    def root(self) -> int:
        """Pitch class of the tonic."""
        return PITCH_CLASSES[self.tonic]

    @property
    def scale(self) -> tuple[int, ...]:
        """Pitch classes of the scale, tonic first; the natural form in minor."""
        return tuple((self.root + step) % 12 for step in SCALES[self.mode])

    def chord(self, numeral: str) -> Chord:
        """Read a Roman numeral in this key.

        The case gives the third (`V` is major even in a minor key, with the raised leading note), a `b` lowers the
        root by a semitone, and what follows adds or replaces notes: `ii7`, `Vsus4`, `bVII`, `viidim`.
        """
        found = NUMERAL.fullmatch(numeral)
        if found is None or found["degree"].lower() not in NUMERALS:
            msg = f"not a Roman numeral: {numeral!r}"
            raise ParameterError(msg)
        root = self.scale[NUMERALS.index(found["degree"].lower())] - len(found["flat"])
        triad = MAJOR_TRIAD if found["degree"].isupper() else MINOR_TRIAD
        colour = found["colour"]
        return Chord(root % 12, COLOURS[colour](triad) if colour else triad)

    def chords(self, progression: str) -> list[Chord]:
        """Read numerals separated by spaces."""
        return [self.chord(numeral) for numeral in progression.split()]

    def pitches(self, low: int, high: int) -> list[int]:
        """All notes of the scale from `low` to `high`, both included."""
        return [pitch for pitch in range(low, high + 1) if pitch % 12 in self.scale]


def nearest_pitch(pitch: float, pitch_classes: Sequence[int], low: int, high: int) -> int:
    """Find the pitch of one of the classes within `low..high` that lies nearest; the lower of two."""
    return min((p for p in range(low, high + 1) if p % 12 in pitch_classes), key=lambda p: abs(p - pitch))


def voice(chords: Sequence[Chord], centre: int) -> list[tuple[int, ...]]:
    """Lay chords out around a pitch so that each moves as little as it can from the one before."""
    voicings: list[tuple[int, ...]] = []
    before: tuple[int, ...] = (centre,)
    for chord in chords:
        classes = chord.pitch_classes
        candidates = []
        for turn in range(len(classes)):
            lowest = centre - 9
            stack: list[int] = []
            for pitch_class in classes[turn:] + classes[:turn]:
                lowest += (pitch_class - lowest) % 12
                stack.append(lowest)
            candidates += [tuple(stack), tuple(pitch + 12 for pitch in stack)]
        before = min(candidates, key=lambda stack: (_movement(before, stack, centre), stack))
        voicings.append(before)
    return voicings


def _movement(before: Sequence[int], after: Sequence[int], centre: int) -> float:
    steps = sum(min(abs(pitch - old) for old in before) for pitch in after)
    return steps + abs(sum(after) / len(after) - centre)


def melody(
    rng: np.random.Generator, key: Key, chords: Sequence[Chord], rhythms: Sequence[str], low: int, high: int
) -> list[tuple[float, float, int]]:
    """Compose one melody over chords that last one bar of four beats each.

    A bar's rhythm is a string of 16 characters: `x` starts a note, `-` holds it, `.` is silence. Two of the rhythms
    are drawn and used in the order A A' B A', with a contour each, so that the ear finds a theme. Notes on the first
    and third beat are chord notes; the others move by step. The last note is the tonic.

    Returns
    -------
    list of (start, length, pitch)
        Start and length in beats.
    """
    motifs = [(rhythms[i], rng.integers(-2, 3, size=16)) for i in rng.permutation(len(rhythms))[:2]]
    scale = key.pitches(low, high)
    at = 0
    notes: list[tuple[float, float, int]] = []
    for bar, chord in enumerate(chords):
        if bar % len(THEME) == 0:
            at = len(scale) // 2
        rhythm, contour = motifs[THEME[bar % len(THEME)]]
        for step, length in _onsets(rhythm):
            at = min(max(at + int(contour[step]), 0), len(scale) - 1)
            pitch = scale[at]
            if step % 8 == 0:
                pitch = nearest_pitch(pitch, chord.pitch_classes, low, high)
                at = min(range(len(scale)), key=lambda i: abs(scale[i] - pitch))
            notes.append((4 * bar + step / 4, length / 4, pitch))
    begin, held, final = notes[-1]
    notes[-1] = (begin, held, nearest_pitch(final, (key.root,), low, high))
    return notes


def _onsets(rhythm: str) -> list[tuple[int, int]]:
    """Step and length in steps of every note of a rhythm string."""
    return [(found.start(), len(found.group())) for found in re.finditer("x-*", rhythm)]

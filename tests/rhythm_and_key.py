"""Synthesised music whose tempo and key are known: what `tempo`, `beats` and `key` are measured on.

Everything is made from seeds, mono at `SAMPLE_RATE`, some 20 s a piece. Rhythms come in parts (`RHYTHM_PARTS`): plain
ones, other metres, swing, syncopation, layers an octave of tempo apart, no drums, drifting tempo, noise. Keys come as
chord progressions of functional harmony under a tune, on several timbres, in all 24 keys, up to 40 cents off 440 Hz.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Sound = npt.NDArray[np.float32]

SAMPLE_RATE: Final = 22_050
SECONDS: Final = 20.0
TONICS: Final = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
MODES: Final = ("major", "minor")

# Sounds.


def _time(seconds: float) -> npt.NDArray[np.float64]:
    return np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE


def _hiss(seed: int, seconds: float, smooth: int) -> npt.NDArray[np.float64]:
    """Noise; below zero of `smooth` it is high-passed by a difference, above it low-passed by a moving mean."""
    noise = np.random.default_rng(seed).standard_normal(round(seconds * SAMPLE_RATE) + abs(smooth))
    if smooth < 0:
        return np.diff(noise)[: round(seconds * SAMPLE_RATE)]
    means = np.convolve(noise, np.ones(smooth + 1) / (smooth + 1), mode="valid")
    return means[: round(seconds * SAMPLE_RATE)]


@cache
def drum(name: str) -> Sound:
    """One hit: kick, snare, hat, ride, rim (also the metronome) or clap."""
    if name == "kick":
        time = _time(0.28)
        sound = np.sin(2 * np.pi * (48 * time + 3.2 * (1 - np.exp(-time / 0.03)))) * np.exp(-time / 0.08)
    elif name == "snare":
        time = _time(0.22)
        skin = np.sin(2 * np.pi * 190 * time) * np.exp(-time / 0.04)
        sound = 0.5 * skin + 0.35 * _hiss(1, 0.22, 1) * np.exp(-time / 0.06)
    elif name == "clap":
        time = _time(0.2)
        sound = 0.4 * _hiss(2, 0.2, 2) * np.exp(-time / 0.05)
    elif name == "ride":
        time = _time(0.4)
        ring = sum(np.sin(2 * np.pi * hz * time) for hz in (3137.0, 4211.0, 5903.0, 7417.0))
        sound = (0.08 * ring + 0.1 * _hiss(3, 0.4, -1)) * np.exp(-time / 0.12)
    elif name == "rim":
        time = _time(0.05)
        sound = np.sin(2 * np.pi * 1720 * time) * np.exp(-time / 0.008)
    else:
        time = _time(0.07)
        sound = 0.22 * _hiss(4, 0.07, -1) * np.exp(-time / 0.018)
    return sound.astype(np.float32)


@dataclass(frozen=True)
class Timbre:
    """How a note sounds: levels of its harmonics, seconds of attack and of decay (level over e)."""

    name: str
    harmonics: tuple[float, ...]
    attack: float
    decay: float


PIANO: Final = Timbre("piano", (1.0, 0.7, 0.45, 0.35, 0.2, 0.15, 0.1, 0.06), 0.004, 0.7)
PAD: Final = Timbre("pad", (1.0, 0.5, 0.3, 0.15, 0.08), 0.12, 60.0)
GUITAR: Final = Timbre("guitar", (1.0, 0.9, 0.6, 0.5, 0.4, 0.25, 0.2, 0.15, 0.1, 0.1), 0.002, 0.4)
ORGAN: Final = Timbre("organ", (1.0, 0.8, 0.6, 0.5, 0.1, 0.3, 0.05, 0.3), 0.01, 60.0)
SAW: Final = Timbre("saw", tuple(1 / k for k in range(1, 16)), 0.005, 0.5)
BASS: Final = Timbre("bass", (1.0, 0.6, 0.35, 0.15, 0.08), 0.006, 0.5)
TIMBRES: Final = (PIANO, PAD, GUITAR, ORGAN, SAW)


@cache
def note(timbre: Timbre, pitch: float, seconds: float) -> Sound:
    """A note at MIDI `pitch`, held for `seconds`."""
    release = 0.05
    time = _time(seconds + release)
    hz = 440 * 2 ** ((pitch - 69) / 12)
    sound = np.zeros(time.size)
    for number, level in enumerate(timbre.harmonics, start=1):
        if number * hz < 0.45 * SAMPLE_RATE:
            # High harmonics of a string fade first.
            fade = np.exp(-time * (1 + 0.15 * (number - 1)) / timbre.decay)
            sound += level * fade * np.sin(2 * np.pi * number * hz * time + 0.7 * number)
    shape = np.minimum(time / timbre.attack, 1) * np.clip((seconds + release - time) / release, 0, 1)
    return (0.2 * sound * shape).astype(np.float32)


# A bar's events: (beat, drum or pitch offset from the chord's notes, strength).
Event = tuple[float, str, float]


@dataclass(frozen=True)
class Groove:
    """What happens in one bar of `beats` beats. `x`: full, `o`: soft, `.`: nothing; the bar is cut evenly."""

    beats: int
    lines: tuple[tuple[str, str], ...]
    swing: float = 0.0
    chords: str = ""
    bass: str = ""

    def events(self) -> Iterator[Event]:
        """Every hit of the bar."""
        for name, marks in (*self.lines, ("chord", self.chords), ("bass", self.bass)):
            for place, mark in enumerate(marks):
                if mark == ".":
                    continue
                beat = place * self.beats / len(marks)
                # The second half of every beat comes late.
                late = self.swing if self.swing and beat % 1 == 0.5 else 0.0
                yield beat + late, name, {"x": 1.0, "o": 0.5, "-": 0.25}[mark]


GROOVES: Final[dict[str, tuple[Groove, ...]]] = {
    "metronome": (Groove(4, (("rim", "xooo"),)), Groove(4, (("rim", "xxxx"),))),
    "rock": (
        Groove(4, (("kick", "x...x..."), ("snare", "..x...x."), ("hat", "xoxoxoxo")), bass="x..xx..."),
        Groove(4, (("kick", "x..xx..."), ("snare", "..x...x."), ("hat", "xoxoxoxo")),
               bass="x.xxx.xx", chords="x.......")
    ),
    "four on the floor": (
        Groove(4, (("kick", "xxxx"), ("hat", ".x.x.x.x"), ("clap", ".x.x")), bass=".x.x.x.x"),
        Groove(4, (("kick", "xxxx"), ("hat", "o-x-o-x-o-x-o-x-")), chords="x..x..x...x..x.."),
    ),
    "waltz": (
        Groove(3, (("kick", "x.."), ("hat", ".xx")), bass="x..", chords=".oo"),
        Groove(3, (("kick", "x.."), ("snare", ".oo"), ("ride", "x-x-x-")), bass="x..", chords=".xx"),
    ),
    "compound": (
        # Six eighths are two beats of three.
        Groove(2, (("kick", "x....."), ("snare", "...x.."), ("hat", "xooxoo")), bass="x..x.."),
        Groove(2, (("kick", "x....."), ("snare", "...x.."), ("hat", "x-ox-o")), chords="xoooxo"),
    ),
    "odd": (
        Groove(5, (("kick", "x..x......"), ("snare", "......x..."), ("hat", "xoxoxoxoxo")), bass="x..x......"),
        Groove(7, (("kick", "x...x...x....."), ("snare", "..x...x...x.x."), ("hat", "xoxoxoxoxoxoxo")),
               bass="x...x...x.x..."),
    ),
    "swing": (
        Groove(4, (("ride", "x.xxx.xx"), ("hat", ".x.x"), ("kick", "o...o...")), swing=1 / 6, bass="xxxx"),
        Groove(4, (("kick", "x..xx..."), ("snare", "..x...x."), ("hat", "xoxoxoxo")), swing=1 / 6, bass="x..xx..x"),
    ),
    "syncopation": (
        Groove(4, (("kick", "x..x..x."), ("rim", "x..x..x...x.x..."), ("hat", "o-o-o-o-")),
               bass="x..x..x.", chords=".x..x.x."),
        Groove(4, (("kick", "x..x..x."), ("snare", "..x...x."), ("hat", "oxoxoxox")),
               bass="...x..x.", chords="..x..x.."),
    ),
    "layers": (
        # A slow backbeat under fast hats; a fast breakbeat over a slow bass.
        Groove(4, (("kick", "x.......x.x....."), ("snare", "....x.......x..."), ("hat", "xoxoxoxoxoxoxoxo")),
               bass="x......."),
        Groove(4, (("kick", "x....x.."), ("snare", "..x...x."), ("hat", "x.x.x.x.")), bass="x......."),
        Groove(4, (("kick", "x.x....."), ("snare", "....x..."), ("hat", "xxxxxxxx")), chords="x......."),
    ),
    "piano": (
        Groove(4, (), chords="xooooooo", bass="x...x..."),
        Groove(4, (), chords="x.o.x.oo", bass="x......."),
        Groove(4, (), chords=".x.x", bass="x.x."),
    ),
    "pads": (Groove(4, (), chords="xooo", bass="x..."), Groove(4, (), chords="x.ox", bass="x.x.")),
}  # fmt: skip

# Parts that play the grooves of others in a harder way.
BORROWED: Final = {
    "drift": ("rock", "four on the floor", "swing", "piano"),
    "loose": ("rock", "waltz", "syncopation", "piano"),
    "noise": ("rock", "four on the floor", "waltz", "layers"),
}
RHYTHM_PARTS: Final = (*GROOVES, *BORROWED)
# Slow to fast, on a scale of ratios; each piece lies somewhere in its slot.
SLOTS: Final = 8
SLOWEST, FASTEST = 50.0, 200.0
# Where a player would count this groove: nobody feels a waltz at 60, or fast hats over a backbeat of 190.
COUNTED: Final = {"waltz": (80, 200), "compound": (50, 130), "layers": (62, 110), "swing": (70, 200)}
PROGRESSION: Final = ((0, 4, 7), (9, 12, 16), (5, 9, 12), (7, 11, 14))


@dataclass(frozen=True)
class Rhythm:
    """A piece of known tempo: beats per minute, and the seconds of every beat."""

    part: str
    tempo_bpm: float
    samples: Sound
    beat_seconds: npt.NDArray[np.float64]


def _mix(track: Sound, sound: Sound, seconds: float, level: float) -> None:
    start = max(round(seconds * SAMPLE_RATE), 0)
    stop = min(start + sound.size, track.size)
    if stop > start:
        track[start:stop] += np.float32(level) * sound[: stop - start]


def rhythm(part: str, slot: int, *, seed: int = 0, seconds: float = SECONDS) -> Rhythm:
    """The piece of `part` in tempo slot `slot` of `SLOTS`; another `seed` gives another piece."""
    rng = np.random.default_rng([seed, slot, RHYTHM_PARTS.index(part)])
    source = part if part in GROOVES else BORROWED[part][(slot + seed) % len(BORROWED[part])]
    grooves = GROOVES[source]
    groove = grooves[(slot + seed) % len(grooves)]
    low, high = COUNTED.get(source, (SLOWEST, FASTEST))
    if source == "layers":
        # The second is a breakbeat: fast; the third is in half time, and counted fast by its hats.
        low, high = ((62, 110), (140, 180), (120, 160))[(slot + seed) % len(grooves)]
    tempo_bpm = float(low * (high / low) ** ((slot + rng.uniform()) / SLOTS))
    drift = rng.choice([-1, 1]) * 0.04 if part == "drift" else 0.0
    loose = 0.012 if part == "loose" else 0.004
    lead = float(rng.uniform(0.05, 0.6))

    def seconds_of(beat: float) -> float:
        """The tempo changes evenly, from `1 - drift` to `1 + drift` of its mean."""
        share = beat / (seconds * tempo_bpm / 60)
        return lead + 60 / tempo_bpm * beat * (1 + drift * (1 - share))

    track = np.zeros(round(seconds * SAMPLE_RATE), dtype=np.float32)
    timbre = PAD if part == "pads" else (PIANO, GUITAR, SAW)[int(rng.integers(3))]
    n_bars = int(seconds * tempo_bpm / 60 / groove.beats) + 1
    transpose = int(rng.integers(-5, 7))
    for bar in range(n_bars):
        for beat, name, strength in groove.events():
            # A player leaves out a soft stroke now and then, and never hits twice alike.
            if strength < 1 and rng.random() < 0.1:
                continue
            level = strength * rng.uniform(0.8, 1.0)
            at = seconds_of(bar * groove.beats + beat) + rng.normal(0, loose)
            _mix(track, *_voice(name, timbre, bar, transpose, 60 / tempo_bpm), at, level)
    if part == "noise":
        track += _pink(rng, track.size) * np.float32(np.sqrt(np.mean(track**2)) * 10 ** (rng.uniform(-3, 6) / 20))
    beats = np.array([seconds_of(beat) for beat in range(n_bars * groove.beats)])
    track *= np.float32(0.7) / np.abs(track).max()
    return Rhythm(part, tempo_bpm, track, beats[beats < seconds])


def _voice(name: str, timbre: Timbre, bar: int, transpose: int, beat_seconds: float) -> tuple[Sound]:
    chord = PROGRESSION[bar % len(PROGRESSION)]
    if name == "bass":
        return (1.2 * note(BASS, 36 + transpose + chord[0] % 12, round(0.8 * beat_seconds, 2)),)
    if name == "chord":
        length = round((1.9 if timbre is PAD else 0.9) * beat_seconds, 2)
        return (sum((0.5 * note(timbre, 60 + transpose + pitch, length) for pitch in chord), start=np.float32(0)),)
    return (drum(name),)


def _pink(rng: np.random.Generator, n_samples: int) -> Sound:
    """Noise with as much power in every octave, root mean square 1."""
    spectrum = np.fft.rfft(rng.standard_normal(n_samples))
    spectrum[1:] /= np.sqrt(np.arange(1, spectrum.size))
    spectrum[0] = 0
    noise = np.fft.irfft(spectrum, n_samples)
    return (noise / noise.std()).astype(np.float32)


def rhythms(
    *, parts: Sequence[str] = RHYTHM_PARTS, slots: Sequence[int] = range(SLOTS), seed: int = 0
) -> Iterator[Rhythm]:
    """The set, part by part."""
    for part in parts:
        for slot in slots:
            yield rhythm(part, slot, seed=seed)


# Keys.

MAJOR: Final = (0, 2, 4, 5, 7, 9, 11)
MINOR: Final = (0, 2, 3, 5, 7, 8, 10)
_M, _m, _d = (0, 4, 7), (0, 3, 7), (0, 3, 6)
# (semitones above the tonic, chord); every progression is of one bar a chord.
PROGRESSIONS: Final = {
    "major": (
        ((0, _M), (7, _M), (9, _m), (5, _M)),
        ((0, _M), (9, _m), (5, _M), (7, _M)),
        ((0, _M), (5, _M), (7, _M), (0, _M)),
        ((2, _m), (7, (0, 4, 7, 10)), (0, (0, 4, 7, 11)), (9, _m)),
        ((0, _M), (4, _m), (5, _M), (7, _M)),
        ((0, _M), (10, _M), (5, _M), (0, _M)),
    ),
    "minor": (
        ((0, _m), (8, _M), (3, _M), (10, _M)),
        ((0, _m), (5, _m), (7, _M), (0, _m)),
        ((0, _m), (10, _M), (8, _M), (7, _M)),
        ((2, _d), (7, (0, 4, 7, 10)), (0, _m), (0, _m)),
        ((0, _m), (3, _M), (5, _m), (7, _m)),
        ((0, _m), (0, _m), (10, _M), (10, _M)),
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Tonality:
    """A piece of known key."""

    tonic: str
    mode: str
    detune_cents: float
    timbre: str
    samples: Sound


def tonality(tonic: int, mode: str, *, seed: int = 0, seconds: float = SECONDS) -> Tonality:
    """A piece in the key of `mode` on pitch class `tonic`; the seed chooses harmony, timbre, tuning and drums."""
    rng = np.random.default_rng([seed, tonic, MODES.index(mode)])
    progression = PROGRESSIONS[mode][int(rng.integers(len(PROGRESSIONS[mode])))]
    timbre = TIMBRES[int(rng.integers(len(TIMBRES)))]
    detune = float(rng.uniform(-40, 40)) / 100
    beat = 60 / float(rng.uniform(70, 140))
    scale = MAJOR if mode == "major" else MINOR
    track = np.zeros(round(seconds * SAMPLE_RATE), dtype=np.float32)
    with_drums, with_tune, with_bass = rng.random(3) < (0.5, 0.8, 0.8)
    at = int(rng.integers(len(scale)))
    for bar in range(int(seconds / (4 * beat)) + 1):
        step, chord = progression[bar % len(progression)]
        # One bar: what sounds, on which beat, how strongly.
        notes = [(57 + (tonic + step + interval - 57) % 12, beat_, 1.9, timbre, 0.5)
                 for interval in chord for beat_ in (0, 2)]  # fmt: skip
        if with_bass:
            notes += [(36 + (tonic + step - 36) % 12, beat_, 0.9, BASS, 0.9) for beat_ in (0, 2, 3)]
        for place in range(4 if with_tune else 0):
            at = int(np.clip(at + rng.integers(-2, 3), 0, 13))
            # The tune moves by step, but begins on a note of the chord.
            degree = scale[at % 7] if place else step + chord[int(rng.integers(3))]
            notes.append((72 + (tonic + degree - 72) % 12, place, 0.9, timbre, 0.5))
        for pitch, beat_, length, voice, level in notes:
            sound = note(voice, pitch + detune, round(length * beat, 2))
            _mix(track, sound, (4 * bar + beat_) * beat, level)
        for place in range(8 if with_drums else 0):
            name = ("kick", "hat", "snare", "hat")[place % 4]
            _mix(track, drum(name), (4 * bar + place / 2) * beat, 0.7)
    track *= np.float32(0.7) / np.abs(track).max()
    return Tonality(TONICS[tonic % 12], mode, 100 * detune, timbre.name, track)


def tonalities(*, seeds: Sequence[int] = (0,)) -> Iterator[Tonality]:
    """All 24 keys, once for every seed."""
    for seed in seeds:
        for tonic in range(12):
            for mode in MODES:
                yield tonality(tonic, mode, seed=seed)

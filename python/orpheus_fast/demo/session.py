"""The studio: places notes in time, gives every part its level and its share of the room, masters the sum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from orpheus_fast.demo.synthesis import SAMPLE_RATE, echo, envelope, pan, reverb, seconds_axis

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from orpheus_fast.demo.synthesis import Sound

    Instrument = Callable[[np.random.Generator, float, float, float], Sound]
    Drum = Callable[[np.random.Generator], Sound]

__all__ = ["BEATS_PER_BAR", "STEPS_PER_BAR", "Note", "Session", "every_bar"]

BEATS_PER_BAR = 4
STEPS_PER_BAR = 16
STRENGTHS = {"x": 1.0, "o": 0.45, "-": 0.2, ".": 0.0}


@dataclass(frozen=True)
class Note:
    """One note: start and length in beats, MIDI pitch, strength from 0 to 1."""

    start: float
    length: float
    pitch: float
    velocity: float = 0.8


def every_bar(n_bars: int, *patterns: str, start: int = 0) -> list[str]:
    """Repeat the patterns in turn for `n_bars` bars; bars before `start` are silent."""
    return ["" if bar < start else patterns[bar % len(patterns)] for bar in range(n_bars)]


class Session:
    """One piece being recorded.

    Parameters
    ----------
    tempo_bpm : float
        Beats per minute.
    n_samples : int
        Length of the piece, with the time it needs to ring out.
    seed : int
        Everything random in the piece follows from it.
    """

    def __init__(self, tempo_bpm: float, n_samples: int, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.seconds_per_beat = 60 / tempo_bpm
        self._n_samples = n_samples
        self._dry = self._silence()
        self._room = self._silence()

    def _silence(self) -> Sound:
        return np.zeros((2, self._n_samples), dtype=np.float32)

    def play(self, instrument: Instrument, notes: Iterable[Note], *, place: float = 0.0, loose: float = 0.0) -> Sound:
        """Record a part.

        Parameters
        ----------
        instrument : callable
            From `orpheus_fast.demo.instruments`. A note that comes back is synthesised once.
        notes : iterable of Note
            What to play.
        place : float
            Left (-1) to right (1).
        loose : float
            Seconds by which a player may be early or late (standard deviation).

        Returns
        -------
        float32 (2, n_samples)
            The part at the length of the piece, not yet in the mix.
        """
        part = self._silence()
        takes: dict[tuple[float, int, float], Sound] = {}
        for note in notes:
            velocity = round(note.velocity, 1)
            milliseconds = round(1000 * note.length * self.seconds_per_beat)
            take = (note.pitch, milliseconds, velocity)
            if take not in takes:
                takes[take] = pan(instrument(self.rng, note.pitch, milliseconds / 1000, velocity), place)
            late = float(self.rng.normal(0, loose)) if loose else 0.0
            self._place(part, takes[take], note.start * self.seconds_per_beat + late)
        return part

    def drum(
        self, drum: Drum, bars: Sequence[str], *, place: float = 0.0, swing: float = 0.0, loose: float = 0.0
    ) -> Sound:
        """Record a drum: a pattern of 16 steps a bar, `x` full, `o` soft, `-` hardly heard, `.` none.

        `swing` delays every second step by that share of a step.
        """
        part = self._silence()
        hit = pan(drum(self.rng), place)
        step_seconds = self.seconds_per_beat * BEATS_PER_BAR / STEPS_PER_BAR
        for bar, pattern in enumerate(bars):
            for step, mark in enumerate(pattern):
                if STRENGTHS[mark] == 0:
                    continue
                strength = STRENGTHS[mark] * (1 - 0.12 * float(self.rng.random()))
                late = float(self.rng.normal(0, loose)) if loose else 0.0
                place_in_time = (bar * STEPS_PER_BAR + step + swing * (step % 2)) * step_seconds + late
                self._place(part, hit * np.float32(strength), place_in_time)
        return part

    def _place(self, part: Sound, sound: Sound, seconds: float) -> None:
        start = max(round(seconds * SAMPLE_RATE), 0)
        stop = min(start + sound.shape[1], part.shape[1])
        if stop > start:
            part[:, start:stop] += sound[:, : stop - start]

    def mix(self, part: Sound, level: float, *, room: float = 0.0, echo_beats: float = 0.0) -> None:
        """Add a part to the mix with its peak at `level`; `room` is how much of it the reverberation hears.

        With `echo_beats`, repeats follow at that distance, from alternating sides.
        """
        peak = max(float(part.max()), -float(part.min()))
        if peak == 0:
            return
        scaled = part * np.float32(level / peak)
        if echo_beats:
            scaled += echo(scaled, echo_beats * self.seconds_per_beat, 0.45)
        self._dry += scaled
        if room:
            self._room += scaled * np.float32(room)

    def duck(self, part: Sound, depth: float) -> Sound:
        """Press a part down on every beat and let it come back before the next: a compressor keyed by the bass drum."""
        time = seconds_axis(self._n_samples / SAMPLE_RATE)[: self._n_samples]
        beat = np.mod(time, np.float32(self.seconds_per_beat)) / np.float32(self.seconds_per_beat)
        pressed: Sound = np.clip(1 - beat / np.float32(0.6), 0, 1)
        return part * (1 - np.float32(depth) * pressed * pressed)

    def master(self, *, room_seconds: float, peak: float, drive: float = 0.0) -> Sound:
        """Finish the piece: mix and room, saturated by `drive`, faded out over the last second, loudest at `peak`."""
        sound = self._dry + reverb(self._room, self.rng, room_seconds)
        sound -= sound.mean(axis=1, keepdims=True)
        sound /= np.float32(max(float(sound.max()), -float(sound.min()), 1e-9))
        if drive:
            sound = np.tanh(sound * np.float32(drive)) / np.float32(np.tanh(drive))
        time = seconds_axis(self._n_samples / SAMPLE_RATE)[: self._n_samples]
        return sound * envelope(time, 0.001, 1.0) * np.float32(peak)

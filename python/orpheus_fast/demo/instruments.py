"""The pitched instruments: each turns a note into sound.

An instrument takes a generator, a MIDI pitch, how long the note is held in seconds and how hard it is played (0 to 1),
and returns float32 samples, mono `(n_samples,)` or stereo `(2, n_samples)`, that may ring on after the note ends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from orpheus_fast.demo.synthesis import (
    decay,
    envelope,
    harmonics_below_limit,
    noise,
    pan,
    resonant_low_pass,
    saw_levels,
    seconds_axis,
    sine,
    tables,
    tone,
    unison,
)
from orpheus_fast.demo.theory import hertz

if TYPE_CHECKING:
    import numpy.typing as npt

    from orpheus_fast.demo.synthesis import Sound

    Levels = npt.NDArray[np.float64]

__all__ = [
    "acid",
    "bell",
    "brass",
    "choir",
    "clavinet",
    "electric_piano",
    "finger_bass",
    "guitar",
    "pad",
    "piano",
    "pizzicato",
    "pulse",
    "reese",
    "stab",
    "strings",
    "sub_bass",
    "triangle",
]

VOWEL_AH = ((750.0, 1.0), (1150.0, 0.6), (2800.0, 0.25))
VOWEL_OO = ((330.0, 1.0), (750.0, 0.25), (2600.0, 0.06))
VIOLIN_BODY = ((290.0, 0.5), (560.0, 0.6), (1200.0, 0.5), (2600.0, 0.7))


def struck(time: Sound, hz: float, levels: Levels, half_lives: Levels, stages: int = 14) -> Sound:
    """Let a string or bar ring: every harmonic starts at its level and fades with its own half-life."""
    if not time.size:
        return time
    length = float(time[-1]) + 1e-3
    moments = length * np.linspace(0, 1, stages)[:, None] ** 2
    bank = tables(levels * np.exp2(-moments / half_lives))
    return tone(bank, time, hz, position=np.sqrt(time / np.float32(length)) * (stages - 1))


def formants(hz: float, peaks: tuple[tuple[float, float], ...], floor: float = 0.03) -> Levels:
    """Gains of the harmonics of `hz` under resonances given as (frequency, gain)."""
    octaves = np.log2(harmonics_below_limit(hz) * hz)
    gain = np.full(octaves.shape, floor)
    for centre, height in peaks:
        gain += height * np.exp(-(((octaves - np.log2(centre)) / 0.28) ** 2))
    return gain


def piano(rng: np.random.Generator, pitch: float, seconds: float, velocity: float) -> Sound:
    """Play a felt-damped piano: few harmonics, long decay, a soft thump of the hammer."""
    hz = hertz(pitch)
    time = seconds_axis(seconds + 0.35)
    number = harmonics_below_limit(hz)
    soft = np.exp(-number * hz / (700 + 1100 * velocity))
    levels = np.abs(np.sin(np.pi * number * 0.13)) / number**0.8 * soft
    half_lives = 1.6 * 2 ** ((60 - pitch) / 16) / (1 + 0.25 * (number - 1))
    left = struck(time, hz * 1.0004, levels, half_lives)
    right = struck(time, hz * 0.9996, levels, half_lives)
    thump = noise(rng, 0.06, 60, 500)
    sound = np.stack([left, right]) * envelope(time, 0.004, 0.3)
    sound[:, : thump.size] += 0.05 * velocity * thump * decay(seconds_axis(0.06), 0.008)
    return sound * np.float32(velocity)


def electric_piano(rng: np.random.Generator, pitch: float, seconds: float, velocity: float) -> Sound:
    """Play two-operator FM: a bark that fades into a sine, and a tine above it, under a slow tremolo."""
    hz = hertz(pitch)
    time = seconds_axis(seconds + 0.2)
    phase = sine(time, hz) * (0.3 + 1.6 * velocity) * decay(time, 0.25)
    cycles = time.astype(np.float64) * hz
    body = np.sin((2 * np.pi * (cycles - np.floor(cycles))).astype(np.float32) + phase)
    tine = sine(time, min(14 * hz, 9000.0)) * decay(time, 0.03) * np.float32(0.12 * velocity)
    sound = (body * decay(time, 0.7) + tine) * envelope(time, 0.002, 0.15) * np.float32(velocity)
    sway = 0.35 * sine(time, 5.2, float(rng.random()))
    return np.stack([sound * (1 + sway), sound * (1 - sway)]) * np.float32(0.7)


def guitar(rng: np.random.Generator, pitch: float, seconds: float, velocity: float) -> Sound:
    """Play a plucked steel string: the pluck's place shapes the harmonics, the high ones die first."""
    hz = hertz(pitch)
    time = seconds_axis(seconds + 0.25)
    number = harmonics_below_limit(hz)
    place = 0.17 + 0.06 * float(rng.random())
    levels = np.abs(np.sin(np.pi * number * place)) / number * np.exp(-number * hz / (3500 + 6000 * velocity))
    levels *= 0.6 + formants(hz, ((110.0, 0.8), (220.0, 0.6), (3000.0, 0.6)))
    half_lives = 0.8 * 2 ** ((55 - pitch) / 24) / (1 + 0.07 * (number - 1))
    sound = struck(time, hz, levels, half_lives) * envelope(time, 0.0015, 0.12)
    scrape = noise(rng, 0.02, 1500, 7000) * decay(seconds_axis(0.02), 0.003)
    sound[: scrape.size] += np.float32(0.04) * scrape
    return sound * np.float32(velocity)


def pizzicato(rng: np.random.Generator, pitch: float, seconds: float, velocity: float) -> Sound:
    """Play low strings plucked with the finger."""
    hz = hertz(pitch)
    time = seconds_axis(min(seconds, 0.6) + 0.2)
    number = harmonics_below_limit(hz)
    levels = np.exp(-number * hz / 1400) / number**0.6 * (0.4 + formants(hz, VIOLIN_BODY))
    half_lives = 0.16 * 2 ** ((50 - pitch) / 24) / (1 + 0.15 * (number - 1))
    sound = struck(time, hz, levels, half_lives) * envelope(time, 0.003, 0.08)
    return pan(sound, 0.5 * float(rng.random()) - 0.25) * np.float32(velocity)


def finger_bass(rng: np.random.Generator, pitch: float, seconds: float, velocity: float) -> Sound:
    """Play electric bass: round when soft, with a snap when hard."""
    hz = hertz(pitch)
    time = seconds_axis(seconds + 0.06)
    number = harmonics_below_limit(hz)
    levels = np.abs(np.sin(np.pi * number * 0.22)) / number * np.exp(-number * hz / (350 + 2200 * velocity**3))
    half_lives = 0.8 / (1 + 0.35 * (number - 1))
    sound = struck(time, hz, levels, half_lives) * envelope(time, 0.003, 0.05)
    snap = noise(rng, 0.015, 1200, 5000) * decay(seconds_axis(0.015), 0.003)
    sound[: snap.size] += np.float32(0.12 * velocity**3) * snap
    return sound * np.float32(1.4 * velocity)


def clavinet(_: np.random.Generator, pitch: float, seconds: float, velocity: float) -> Sound:
    """Play a short bright string behind a filter that opens and closes like a wah pedal."""
    hz = hertz(pitch)
    time = seconds_axis(seconds + 0.05)
    number = harmonics_below_limit(hz)
    levels = np.abs(np.sin(np.pi * number * 0.09)) / number**0.5
    gains = resonant_low_pass(hz, np.geomspace(500, 3200, 10), resonance=3.0)
    swing = np.float32(9) * np.abs(sine(time, 0.5 / (seconds + 0.1))) * np.float32(0.4 + 0.6 * velocity)
    sound = tone(tables(levels * gains), time, hz, position=np.clip(swing, 0, 9))
    return sound * decay(time, 0.12) * envelope(time, 0.001, 0.04) * np.float32(0.5 * velocity)


def bell(rng: np.random.Generator, pitch: float, seconds: float, velocity: float) -> Sound:
    """Play a glassy bell of five partials."""
    hz = hertz(pitch)
    time = seconds_axis(seconds + 1.5)
    sound = np.zeros(time.size, dtype=np.float32)
    for ratio, level, half_life in (
        (1, 1, 0.9),
        (2.01, 0.5, 0.6),
        (2.99, 0.25, 0.35),
        (4.16, 0.16, 0.2),
        (5.43, 0.1, 0.1),
    ):
        sound += np.float32(level) * sine(time, ratio * hz, float(rng.random())) * decay(time, half_life)
    return sound * envelope(time, 0.006, 1.0) * np.float32(0.6 * velocity)


def pad(rng: np.random.Generator, pitch: float, seconds: float, velocity: float) -> Sound:
    """Play an additive pad that drifts between a dark and a hollow colour."""
    hz = hertz(pitch)
    time = seconds_axis(seconds + 1.6)
    number = harmonics_below_limit(hz)
    dark = number**-2.2
    hollow = np.where(number % 2 == 1, number**-1.5, 0.1 * number**-1.8)
    drift = np.float32(0.5) + np.float32(0.5) * sine(time, 0.11, float(rng.random()))
    bank = tables(np.stack([dark, hollow]) * np.exp(-number * hz / 2500))
    sound = unison(bank, time, hz, rng, voices=3, cents=6, position=np.clip(drift, 0, 0.999))
    return sound * envelope(time, min(1.4, 0.6 * seconds), 1.6) * np.float32(velocity)


def choir(rng: np.random.Generator, pitch: float, seconds: float, velocity: float) -> Sound:
    """Play voices that open from "oo" to "ah" with the strength of the note, and breathe a little."""
    hz = hertz(pitch)
    time = seconds_axis(seconds + 1.2)
    source = harmonics_below_limit(hz) ** -0.9
    bank = tables(np.stack([source * formants(hz, VOWEL_OO), source * formants(hz, VOWEL_AH)]))
    opening = envelope(time, 0.7 * seconds + 0.1, 1.0) * np.float32(min(velocity, 0.99))
    sound = unison(bank, time, hz, rng, voices=4, cents=14, vibrato=(5.1, 0.005), position=opening)
    breath = noise(rng, time.size / 44_100, 900, 4000)[: time.size] * np.float32(0.01)
    return (sound + breath) * envelope(time, min(0.8, 0.5 * seconds), 1.1) * np.float32(velocity)


def strings(rng: np.random.Generator, pitch: float, seconds: float, velocity: float) -> Sound:
    """Play a section of bowed strings; short notes are bowed harder."""
    hz = hertz(pitch)
    release = min(0.35, 0.4 * seconds)
    time = seconds_axis(seconds + release)
    levels = saw_levels(hz) * (0.25 + formants(hz, VIOLIN_BODY)) * resonant_low_pass(hz, np.array([3800.0]))[0]
    sound = unison(tables(levels), time, hz, rng, voices=4, cents=11, vibrato=(5.6, 0.004))
    bow = noise(rng, 0.08, 1500, 6000) * decay(seconds_axis(0.08), 0.02) * np.float32(0.03)
    span = min(bow.size, time.size)
    sound[:, :span] += bow[:span]
    return sound * envelope(time, min(0.18, 0.3 * seconds), release) * np.float32(velocity)


def acid(_: np.random.Generator, pitch: float, seconds: float, velocity: float) -> Sound:
    """Play a saw through a squelching filter; `velocity` opens it."""
    hz = hertz(pitch)
    time = seconds_axis(seconds + 0.02)
    gains = resonant_low_pass(hz, np.geomspace(180, 6000, 16), resonance=2.5)
    sweep = np.float32(15) * np.float32(0.4 + 0.6 * velocity) * decay(time, 0.14)
    sound = tone(tables(saw_levels(hz) * gains), time, hz, position=np.clip(sweep, 0, 14.99))
    return sound * envelope(time, 0.003, 0.03) * np.float32(0.5)


def stab(rng: np.random.Generator, pitch: float, seconds: float, velocity: float) -> Sound:
    """Play a detuned saw whose filter shuts at once: one note of a techno chord."""
    hz = hertz(pitch)
    time = seconds_axis(seconds + 0.1)
    gains = resonant_low_pass(hz, np.geomspace(250, 5000, 10), resonance=0.8)
    sweep = np.clip(np.float32(9 * velocity) * decay(time, 0.12), 0, 8.99)
    sound = unison(tables(saw_levels(hz) * gains), time, hz, rng, voices=3, cents=12, position=sweep)
    return sound * decay(time, 0.2) * envelope(time, 0.003, 0.08) * np.float32(0.6)


def brass(rng: np.random.Generator, pitch: float, seconds: float, velocity: float) -> Sound:
    """Play a horn section's short notes: the filter opens with the breath."""
    hz = hertz(pitch)
    time = seconds_axis(seconds + 0.06)
    gains = resonant_low_pass(hz, np.geomspace(400, 4500, 10), resonance=0.5)
    breath = np.minimum(time / np.float32(0.06), 1) * (0.6 + 0.4 * decay(time, 0.1)) * np.float32(8.99 * velocity)
    sound = unison(tables(saw_levels(hz) * gains), time, hz, rng, voices=3, cents=9, position=breath)
    return sound * envelope(time, 0.02, 0.06) * np.float32(0.6 * velocity)


def reese(rng: np.random.Generator, pitch: float, seconds: float, velocity: float) -> Sound:
    """Play two saws far enough apart to growl, over a steady sub."""
    hz = hertz(pitch)
    time = seconds_axis(seconds + 0.03)
    gains = resonant_low_pass(hz, np.geomspace(200, 1600, 8), resonance=0.6)
    swell = np.float32(3.5) + np.float32(3.4 * velocity) * sine(time, 1.4, float(rng.random()))
    growl = unison(tables(saw_levels(hz) * gains), time, hz, rng, voices=2, cents=22, position=np.clip(swell, 0, 6.99))
    return (np.float32(0.5) * growl + sine(time, hz)) * envelope(time, 0.006, 0.03) * np.float32(velocity)


def sub_bass(_: np.random.Generator, pitch: float, seconds: float, velocity: float) -> Sound:
    """Play a sine with a touch of its octave and twelfth."""
    hz = hertz(pitch)
    time = seconds_axis(seconds + 0.05)
    return tone(tables(np.array([1, 0.12, 0.06])), time, hz) * envelope(time, 0.01, 0.05) * np.float32(velocity)


def pulse(_: np.random.Generator, pitch: float, seconds: float, velocity: float, duty: float = 0.25) -> Sound:
    """Play the pulse wave of an old sound chip."""
    hz = hertz(pitch)
    time = seconds_axis(seconds)
    number = harmonics_below_limit(hz)
    levels = np.sin(np.pi * number * duty) / number
    steps: Sound = np.ceil(np.float32(15) * decay(time, 0.25)) / np.float32(15)
    return tone(tables(levels), time, hz) * steps * envelope(time, 0.001, 0.002) * np.float32(0.6 * velocity)


def triangle(_: np.random.Generator, pitch: float, seconds: float, velocity: float) -> Sound:
    """Play the triangle wave of an old sound chip, in 16 steps."""
    hz = hertz(pitch)
    time = seconds_axis(seconds)
    cycles = time.astype(np.float64) * hz
    ramp = np.abs(2 * (cycles - np.floor(cycles)) - 1)
    stepped = (np.floor(ramp * 15.999) / 7.5 - 1).astype(np.float32)
    return stepped * envelope(time, 0.001, 0.002) * np.float32(0.8 * velocity)

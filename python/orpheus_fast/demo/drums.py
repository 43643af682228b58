"""The drums: kick, snare, hats and what else keeps time, from sine sweeps and shaped noise.

A drum takes a generator and returns one hit at full strength: mono float32, peak near 1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from orpheus_fast.demo.synthesis import decay, envelope, noise, seconds_axis, sine

if TYPE_CHECKING:
    from orpheus_fast.demo.synthesis import Sound

__all__ = [
    "chip_hat",
    "chip_kick",
    "chip_noise",
    "clap",
    "closed_hat",
    "kick",
    "open_hat",
    "punchy_kick",
    "rim",
    "shaker",
    "snare",
    "stomp",
    "timpani",
]


def sweep(time: Sound, high_hz: float, low_hz: float, half_life: float) -> Sound:
    """Play a sine whose frequency falls exponentially from one value towards another."""
    fallen = (1 - decay(time, half_life)) * np.float32((high_hz - low_hz) * half_life / np.log(2))
    return np.sin(np.float32(2 * np.pi) * (time * np.float32(low_hz) + fallen))


def kick(rng: np.random.Generator) -> Sound:
    """Hit a deep electronic bass drum."""
    time = seconds_axis(0.42)
    body = sweep(time, 210, 47, 0.022) * decay(time, 0.11)
    click = noise(rng, 0.42, 700, 8000) * decay(time, 0.004) * np.float32(0.16)
    return (body + click) * envelope(time, 0.001, 0.1)


def punchy_kick(rng: np.random.Generator) -> Sound:
    """Hit a short bass drum with a beater, as from an acoustic kit."""
    time = seconds_axis(0.25)
    body = sweep(time, 160, 62, 0.018) * decay(time, 0.05)
    click = noise(rng, 0.25, 1800, 5500) * decay(time, 0.004) * np.float32(0.2)
    return (body + click) * envelope(time, 0.001, 0.08)


def snare(rng: np.random.Generator) -> Sound:
    """Hit two modes of a skin under a burst of wires."""
    time = seconds_axis(0.3)
    skin = (sine(time, 188) + np.float32(0.6) * sine(time, 331)) * decay(time, 0.035)
    wires = noise(rng, 0.3, 1100, 9500) * decay(time, 0.05)
    return (np.float32(0.5) * skin + np.float32(0.33) * wires) * envelope(time, 0.001, 0.08)


def clap(rng: np.random.Generator) -> Sound:
    """Clap: three quick bursts and their tail."""
    time = seconds_axis(0.3)
    bursts = decay(np.mod(time, np.float32(0.011)), 0.003) * (time < np.float32(0.033))
    tail = decay(np.maximum(time - np.float32(0.033), 0), 0.045) * (time >= np.float32(0.033))
    return noise(rng, 0.3, 900, 4200) * (bursts + np.float32(0.7) * tail) * np.float32(0.33)


def closed_hat(rng: np.random.Generator) -> Sound:
    """Tick on the closed hi-hat."""
    time = seconds_axis(0.09)
    return noise(rng, 0.09, 6800, 15000) * decay(time, 0.014) * envelope(time, 0.0005, 0.02) * np.float32(0.33)


def open_hat(rng: np.random.Generator) -> Sound:
    """Hit the open hi-hat."""
    time = seconds_axis(0.35)
    return noise(rng, 0.35, 6000, 14000) * decay(time, 0.09) * envelope(time, 0.0005, 0.1) * np.float32(0.3)


def shaker(rng: np.random.Generator) -> Sound:
    """Shake beads: a burst that swells before it stops."""
    time = seconds_axis(0.11)
    return noise(rng, 0.11, 4500, 11000) * envelope(time, 0.035, 0.06) * np.float32(0.22)


def stomp(rng: np.random.Generator) -> Sound:
    """Stamp on a wooden floor."""
    time = seconds_axis(0.22)
    boards = noise(rng, 0.22, 90, 700) * decay(time, 0.02) * np.float32(0.2)
    return (sweep(time, 120, 75, 0.02) * decay(time, 0.045) + boards) * envelope(time, 0.002, 0.06)


def rim(rng: np.random.Generator) -> Sound:
    """Strike the rim with a stick, or knock on a guitar's body."""
    time = seconds_axis(0.08)
    wood = sine(time, 820) * decay(time, 0.008) + np.float32(0.7) * sine(time, 1730) * decay(time, 0.005)
    return np.float32(0.5) * wood + noise(rng, 0.08, 1500, 5000) * decay(time, 0.004) * np.float32(0.15)


def timpani(rng: np.random.Generator) -> Sound:
    """Strike a kettledrum: three of its modes."""
    time = seconds_axis(1.2)
    modes = sum(
        np.float32(level) * sine(time, 73 * ratio) * decay(time, half_life)
        for ratio, level, half_life in ((1.0, 0.7, 0.28), (1.5, 0.3, 0.2), (1.98, 0.15, 0.12))
    )
    stick = noise(rng, 1.2, 80, 900) * decay(time, 0.012) * np.float32(0.2)
    return (np.asarray(modes, dtype=np.float32) + stick) * envelope(time, 0.004, 0.4)


def eight_steps(level: Sound) -> Sound:
    """Coarsen a level between 0 and 1 as a chip's volume register does."""
    steps: Sound = np.ceil(np.float32(8) * level) / np.float32(8)
    return steps


def chip_kick(_: np.random.Generator) -> Sound:
    """Drop a square wave."""
    time = seconds_axis(0.13)
    square: Sound = np.sign(sweep(time, 320, 45, 0.02))
    return square * eight_steps(decay(time, 0.04)) * np.float32(0.7)


def chip_noise(rng: np.random.Generator) -> Sound:
    """Crackle low: the snare of a sound chip."""
    return crackle(rng, 0.12, 5, 0.025)


def chip_hat(rng: np.random.Generator) -> Sound:
    """Crackle high: the hi-hat of a sound chip."""
    return crackle(rng, 0.05, 2, 0.01)


def crackle(rng: np.random.Generator, seconds: float, n_held: int, half_life: float) -> Sound:
    """Hold random bits for `n_held` samples each, as a shift register does, and fade them in eight steps."""
    time = seconds_axis(seconds)
    bits = rng.integers(0, 2, size=time.size // n_held + 1).astype(np.float32) * 2 - 1
    steps = eight_steps(decay(time, half_life))
    return np.repeat(bits, n_held)[: time.size] * steps * envelope(time, 0.0005, 0.005)

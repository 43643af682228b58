"""Sounds that are no music, made from a seed: twenty-two kinds of them, five seconds each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from scipy import signal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Sound = np.ndarray[tuple[int], np.dtype[np.float64]]
    Random = np.random.Generator

__all__ = ["KINDS", "SAMPLE_RATE", "environment"]

SAMPLE_RATE: Final = 22_050
N_SAMPLES: Final = 5 * SAMPLE_RATE
TIME: Final = np.arange(N_SAMPLES) / SAMPLE_RATE


def _axis(seconds: float) -> Sound:
    return np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE


def _noise(rng: Random, n_samples: int = N_SAMPLES) -> Sound:
    return rng.normal(size=n_samples)


def _band(sound: Sound, low_hz: float, high_hz: float) -> Sound:
    edges = [low_hz, min(high_hz, 0.49 * SAMPLE_RATE)]
    return signal.sosfilt(signal.butter(2, edges, "bandpass", fs=SAMPLE_RATE, output="sos"), sound)


def _low(sound: Sound, hz: float) -> Sound:
    return signal.sosfilt(signal.butter(2, min(hz, 0.49 * SAMPLE_RATE), fs=SAMPLE_RATE, output="sos"), sound)


def _harmonics(hz: Sound, levels: Sequence[float] | Sound) -> Sound:
    """Sum the partials of a pitch that may move; those above half the sample rate are left out."""
    phase = 2 * np.pi * np.cumsum(hz) / SAMPLE_RATE
    partials = [level * np.sin(k * phase) * (k * hz < SAMPLE_RATE / 2) for k, level in enumerate(levels, start=1)]
    return np.sum(partials, axis=0)


def _place(event: Callable[[], Sound], seconds: Sequence[float] | Sound) -> Sound:
    """Put a new event at each time; what reaches beyond the end is cut off."""
    result = np.zeros(N_SAMPLES)
    for start in (np.asarray(seconds) * SAMPLE_RATE).astype(int):
        if 0 <= start < N_SAMPLES:
            sound = event()[: N_SAMPLES - start]
            result[start : start + len(sound)] += sound
    return result


def _pulses(rng: Random, per_second: float) -> Sound:
    return (rng.random(N_SAMPLES) < per_second / SAMPLE_RATE) * rng.exponential(1, N_SAMPLES)


def _rain(rng: Random) -> Sound:
    hiss = _band(_noise(rng), rng.uniform(300, 1500), rng.uniform(6000, 10_500)) * rng.uniform(0.2, 1)
    drops = signal.lfilter([1], [1, -0.9], _pulses(rng, rng.uniform(50, 600)))
    return hiss + rng.uniform(1, 6) * _band(drops, 1000, 9000)


def _waves(rng: Random) -> Sound:
    swell = np.clip(np.sin(2 * np.pi * TIME * rng.uniform(0.08, 0.25) + rng.uniform(0, 6.28)), -0.9, 1) * 0.5 + 0.55
    return _low(_noise(rng), rng.uniform(800, 4000)) * swell ** rng.uniform(1, 3)


def _fire(rng: Random) -> Sound:
    decay = np.exp(-1 / (SAMPLE_RATE * rng.uniform(0.0005, 0.004)))
    crackle = signal.lfilter([1], [1, -decay], _pulses(rng, rng.uniform(3, 25)))
    return 20 * crackle * _noise(rng) + _low(_noise(rng), 400) * rng.uniform(0.3, 2)


def _clock(rng: Random) -> Sound:
    period, decay, partials = rng.uniform(0.3, 1), rng.uniform(0.002, 0.012), rng.uniform(1500, 6000, 3)

    def tick() -> Sound:
        time = _axis(0.1)
        return np.sin(2 * np.pi * partials[:, None] * time).sum(0) * np.exp(-time / decay) * rng.uniform(0.7, 1)

    return _place(tick, np.arange(rng.uniform(0, period), 5, period / rng.choice([1, 2]))) + 0.003 * _noise(rng)


def _helicopter(rng: Random) -> Sound:
    rate = rng.uniform(9, 22)
    blades = np.maximum(signal.sawtooth(2 * np.pi * rate * TIME, 0.3), 0) ** 2
    body = _harmonics(np.full(N_SAMPLES, 4 * rate), [1, 0.5, 0.3])
    return _low(_noise(rng), rng.uniform(500, 2500)) * (0.3 + blades) + 0.5 * body


def _chainsaw(rng: Random) -> Sound:
    hz = np.abs(rng.uniform(70, 160) * (1 + 2.4 * _low(_noise(rng), 1.5))) + 20
    body = _harmonics(hz, 1 / np.arange(1, 40) ** rng.uniform(0.3, 0.8))
    gate = 1 + signal.square(2 * np.pi * np.cumsum(hz) / SAMPLE_RATE)
    return body + 0.6 * _band(_noise(rng), 1500, 8000) * gate


def _formants(sound: Sound, frequencies: Sequence[float]) -> Sound:
    return np.sum([_band(sound, 0.85 * hz, 1.15 * hz) for hz in frequencies], axis=0)


def _bark(rng: Random) -> Sound:
    pitch, length = rng.uniform(180, 700), rng.uniform(0.08, 0.25)
    formants = rng.uniform(500, 900), rng.uniform(1000, 2400)

    def bark() -> Sound:
        shape = np.sin(np.pi * _axis(length) / length)
        voice = _harmonics(pitch * (1 + 0.5 * shape), 1 / np.arange(1, 20) ** 0.7)
        return _formants(voice + 0.6 * _noise(rng, len(shape)), formants) * np.sqrt(shape)

    return _place(bark, rng.uniform(0, 2.5, rng.integers(1, 7)))


def _rooster(rng: Random) -> Sound:
    length, pitch = rng.uniform(1.2, 2.4), rng.uniform(450, 800)
    course = _axis(length) / length
    hz = pitch * (1 + 0.7 * np.exp(-(((course - 0.5) / 0.25) ** 2)))
    voice = _harmonics(hz, [1, 0.9, 0.8, 0.5, 0.3, 0.2, 0.1]) * np.sin(np.pi * course) ** 0.45
    return _place(lambda: voice * ((course < 0.12) | (course > 0.18)), [rng.uniform(0, 2)])


def _cry(rng: Random) -> Sound:
    period, pitch = rng.uniform(0.7, 1.3), rng.uniform(350, 550)
    time = _axis(0.75 * period)
    shape = np.sin(np.pi * time / (0.75 * period)).clip(0)
    hz = pitch * (1 + 0.25 * shape + 0.02 * np.sin(2 * np.pi * 6 * time))
    voice = _formants(_harmonics(hz, 1 / np.arange(1, 18) ** 0.5), (1100, 2800, 3700)) * shape**0.3
    return _place(lambda: voice, np.arange(rng.uniform(0, 0.5), 5, period))


def _sneeze(rng: Random) -> Sound:
    def sneeze() -> Sound:
        before, time = _axis(rng.uniform(0.2, 0.5)), _axis(rng.uniform(0.15, 0.4))
        breath = 0.15 * _band(_noise(rng, len(before)), 600, 3000) * np.linspace(0, 1, len(before))
        burst = _band(_noise(rng, len(time)), rng.uniform(600, 1500), 8000) * np.exp(-time / 0.1)
        voice = 0.4 * _harmonics(np.full(len(time), rng.uniform(150, 350)), [1, 0.7, 0.5]) * np.exp(-time / 0.08)
        return np.concatenate([breath, np.zeros(1100), burst + voice])

    return _place(sneeze, rng.uniform(0, 3, rng.integers(1, 3)))


def _cricket(rng: Random) -> Sound:
    song = signal.square(2 * np.pi * TIME * rng.uniform(0.8, 3), duty=rng.uniform(0.3, 0.8)) > 0
    chirp = np.sin(2 * np.pi * rng.uniform(15, 45) * TIME) > 0
    return np.sin(2 * np.pi * rng.uniform(3500, 6000) * TIME) * chirp * song + 0.02 * _noise(rng)


def _bird(rng: Random) -> Sound:
    def note() -> Sound:
        length = rng.uniform(0.06, 0.3)
        time = _axis(length)
        trill = 0.1 * np.sin(2 * np.pi * rng.uniform(10, 40) * time)
        hz = rng.uniform(2500, 5000) * (1 + rng.uniform(-0.3, 0.3) * time / length + trill)
        return np.sin(2 * np.pi * np.cumsum(hz) / SAMPLE_RATE) * np.sin(np.pi * time / length)

    return _place(note, rng.uniform(0, 5, rng.integers(4, 18))) + 0.01 * _low(_noise(rng), 2000)


def _wind(rng: Random) -> Sound:
    hz, gusts = rng.uniform(200, 800), np.abs(_low(_noise(rng), 0.8))
    return _band(_noise(rng), 0.6 * hz, 2 * hz) * (0.2 + gusts / gusts.max())


def _siren(rng: Random) -> Sound:
    course = signal.sawtooth(2 * np.pi * TIME * rng.uniform(0.15, 3), rng.choice([0.5, 0.5, 1]))
    return _harmonics(rng.uniform(500, 800) * (1 + 0.4 * course), [1, 0.5, 0.3, 0.2, 0.1])


def _engine(rng: Random) -> Sound:
    hz = rng.uniform(20, 60) * (1 + 0.05 * np.sin(2 * np.pi * TIME * rng.uniform(0.1, 0.6)))
    return _harmonics(hz, 1 / np.arange(1, 30) ** rng.uniform(0.5, 1)) + 0.4 * _low(_noise(rng), 900)


def _steps(rng: Random) -> Sound:
    period, hz = rng.uniform(0.4, 0.8), rng.uniform(450, 2700)

    def step() -> Sound:
        time = _axis(0.15)
        shape = np.minimum(time / 0.004, 1) * np.exp(-time / rng.uniform(0.02, 0.05))
        return _low(_noise(rng, len(time)), hz * rng.uniform(0.8, 1.2)) * shape

    times = np.arange(rng.uniform(0, period), 5, period)
    return _place(step, times + rng.normal(0, 0.02, len(times))) + 0.005 * _noise(rng)


def _knock(rng: Random) -> Sound:
    hz, time = rng.uniform(120, 500), _axis(0.2)

    def knock() -> Sound:
        tone = np.sin(2 * np.pi * hz * time) + 0.5 * np.sin(2 * np.pi * 2.3 * hz * time)
        return (tone + 0.3 * _noise(rng, len(time))) * np.exp(-time / 0.025)

    return _place(knock, rng.uniform(0, 1.5) + np.arange(rng.integers(2, 6)) * rng.uniform(0.12, 0.3))


def _bell(rng: Random) -> Sound:
    hz, time = rng.uniform(250, 900), _axis(4)
    # Hum, prime, tierce, quint, nominal and two above: ratio, level, seconds.
    ratios, levels = (0.5, 1, 1.19, 1.5, 2, 2.6, 3.1), (0.6, 1, 0.7, 0.5, 0.7, 0.3, 0.3)
    partials = zip(ratios, levels, (2, 1.5, 1, 0.8, 0.7, 0.4, 0.3), strict=True)
    strike = np.sum([level * np.sin(2 * np.pi * hz * k * time) * np.exp(-time / s) for k, level, s in partials], axis=0)
    return _place(lambda: strike, np.arange(rng.uniform(0, 1), 5, rng.uniform(1, 2.5)))


def _vacuum(rng: Random) -> Sound:
    motor = _harmonics(np.full(N_SAMPLES, rng.uniform(100, 250)), [0.3] * 12)
    return 0.7 * _band(_noise(rng), 200, rng.uniform(4000, 9000)) + 0.3 * motor


def _drops(rng: Random) -> Sound:
    time = _axis(0.08)

    def drop() -> Sound:
        return np.sin(2 * np.pi * (rng.uniform(600, 1500) * time + 4000 * time**2)) * np.exp(-time / 0.02)

    return _place(drop, rng.uniform(0, 5, rng.integers(4, 25))) + 0.003 * _noise(rng)


def _typing(rng: Random) -> Sound:
    time = _axis(0.04)

    def key() -> Sound:
        return _band(_noise(rng, len(time)), 1500, 7000) * np.minimum(time / 0.0005, 1) * np.exp(-time / 0.006)

    return _place(key, np.cumsum(rng.exponential(rng.uniform(0.1, 0.2), 60))) + 0.004 * _noise(rng)


def _thunder(rng: Random) -> Sound:
    def clap() -> Sound:
        time = _axis(4)
        roll = 1 + 2 * np.abs(_low(_noise(rng, len(time)), 6))
        return 8 * _low(_noise(rng, len(time)), rng.uniform(100, 300)) * np.exp(-time / 1.2) * roll

    return _place(clap, [rng.uniform(0, 2)]) + 0.015 * _rain(rng)


KINDS: Final[dict[str, Callable[[Random], Sound]]] = {
    "rain": _rain,
    "waves": _waves,
    "fire": _fire,
    "clock": _clock,
    "helicopter": _helicopter,
    "chainsaw": _chainsaw,
    "bark": _bark,
    "rooster": _rooster,
    "cry": _cry,
    "sneeze": _sneeze,
    "cricket": _cricket,
    "bird": _bird,
    "wind": _wind,
    "siren": _siren,
    "engine": _engine,
    "steps": _steps,
    "knock": _knock,
    "bell": _bell,
    "vacuum": _vacuum,
    "drops": _drops,
    "typing": _typing,
    "thunder": _thunder,
}


def environment(kind: str, rng: Random) -> Sound:
    """Make one sound of a kind, its loudest sample at 1."""
    sound = KINDS[kind](rng)
    return sound / (np.abs(sound).max() + 1e-9)

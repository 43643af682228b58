"""How sound is made: envelopes, wavetables that change while they play, shaped noise, space.

Every function works on whole arrays of float32 at `SAMPLE_RATE`. A tone is a bank of single-cycle tables, one per stage
of its life (bright attack, dull decay; filter closed, filter open), read with a phase and a position between the
stages. The tables are built from harmonics below `HIGHEST_HARMONIC_HZ`, so nothing aliases.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Sound = npt.NDArray[np.float32]

__all__ = [
    "SAMPLE_RATE",
    "decay",
    "echo",
    "envelope",
    "harmonics_below_limit",
    "noise",
    "pan",
    "resonant_low_pass",
    "reverb",
    "saw_levels",
    "seconds_axis",
    "sine",
    "tables",
    "tone",
    "unison",
]

SAMPLE_RATE = 44_100
HIGHEST_HARMONIC_HZ = 16_000
TABLE_LENGTH = 2048


def seconds_axis(seconds: float) -> Sound:
    """Time of every sample of a stretch of sound."""
    return np.arange(round(seconds * SAMPLE_RATE), dtype=np.float32) / np.float32(SAMPLE_RATE)


def decay(time: Sound, half_life: float) -> Sound:
    """Exponential fall from 1 that halves every `half_life` seconds."""
    fallen: Sound = np.exp2(time * np.float32(-1 / half_life))
    return fallen


def envelope(time: Sound, attack: float, release: float) -> Sound:
    """Rise over `attack` seconds, hold 1, and fall to 0 over the last `release` seconds, with rounded corners."""
    if not time.size:
        return time
    rise = np.clip(time / np.float32(attack), 0, 1)
    fall = np.clip((time[-1] - time) / np.float32(release), 0, 1)
    level: Sound = np.minimum(rise, fall)
    return level * level * (3 - 2 * level)


def sine(time: Sound, hz: float, phase: float = 0.0) -> Sound:
    """Sine of a fixed frequency; `phase` in cycles."""
    cycles = time.astype(np.float64) * hz + phase
    return np.sin(((cycles - np.floor(cycles)) * (2 * np.pi)).astype(np.float32))


def harmonics_below_limit(hz: float) -> npt.NDArray[np.float64]:
    """Numbers 1, 2, 3 … of the harmonics of `hz` that may sound."""
    return np.arange(1, max(2, min(TABLE_LENGTH // 2, int(HIGHEST_HARMONIC_HZ / hz) + 1)), dtype=np.float64)


def saw_levels(hz: float) -> npt.NDArray[np.float64]:
    """Levels of the harmonics of a sawtooth."""
    return 1 / harmonics_below_limit(hz)


def resonant_low_pass(hz: float, cutoffs: npt.NDArray[np.float64], resonance: float = 0.0) -> npt.NDArray[np.float64]:
    """Gains of the harmonics of `hz` under a 24 dB/octave low-pass, one row per cutoff in Hz.

    `resonance` adds a peak of that height, a third of an octave wide, at the cutoff.
    """
    octaves = np.log2(harmonics_below_limit(hz)[None, :] * hz / cutoffs[:, None])
    gain: npt.NDArray[np.float64] = 1 / np.sqrt(1 + np.exp2(8 * octaves)) + resonance * np.exp(-((octaves * 4) ** 2))
    return gain


def tables(levels: npt.NDArray[np.float64]) -> Sound:
    """Single-cycle tables, one per row of harmonic levels, with the first sample repeated at the end.

    The phases are spread (Schroeder), which keeps the peak of a rich tone low.
    """
    rows = np.atleast_2d(levels)
    number = np.arange(1, rows.shape[1] + 1)
    spectrum = np.zeros((rows.shape[0], TABLE_LENGTH // 2 + 1), dtype=np.complex128)
    spectrum[:, 1 : rows.shape[1] + 1] = rows * np.exp(-1j * np.pi * number * (number - 1) / max(rows.shape[1], 8))
    cycle = np.fft.irfft(spectrum, TABLE_LENGTH, axis=1) * (TABLE_LENGTH / 2)
    return np.concatenate([cycle, cycle[:, :1]], axis=1).astype(np.float32)


def tone(
    bank: Sound,
    time: Sound,
    hz: float,
    *,
    position: Sound | None = None,
    phase: float = 0.0,
    vibrato: tuple[float, float] = (0.0, 0.0),
) -> Sound:
    """Play a bank of tables.

    Parameters
    ----------
    bank : float32 (n_stages, TABLE_LENGTH + 1)
        From `tables`.
    time : float32 (n_samples,)
        From `seconds_axis`.
    hz : float
        Pitch.
    position : float32 (n_samples,), optional
        Stage that sounds at each sample, between 0 and n_stages - 1; stages are cross-faded. Default: stage 0.
    phase : float
        Where in the cycle to start, in cycles.
    vibrato : (rate, depth)
        Rate in Hz, depth as a share of the pitch; it sets in over half a second.
    """
    cycles = time.astype(np.float64) * hz + phase
    rate, depth = vibrato
    if depth:
        onset = np.minimum(time * 2, 1)
        cycles += onset * sine(time, rate, phase) * (depth * hz / (2 * np.pi * rate))
    place = ((cycles - np.floor(cycles)) * TABLE_LENGTH).astype(np.float32)
    index = place.astype(np.int32)
    # A phase just under a whole cycle rounds up to one in float32.
    place -= index
    index &= TABLE_LENGTH - 1
    if position is None:
        return _between(bank[0], index, place)
    stage = np.minimum(position.astype(np.int32), bank.shape[0] - 2)
    index += stage * np.int32(bank.shape[1])
    flat = bank.reshape(-1)
    lower = _between(flat, index, place)
    upper = _between(flat[bank.shape[1] :], index, place)
    lower += (upper - lower) * (position - stage)
    return lower


def _between(table: Sound, index: npt.NDArray[np.int32], fraction: Sound) -> Sound:
    left = table[index]
    return left + (table[1:][index] - left) * fraction


def unison(
    bank: Sound,
    time: Sound,
    hz: float,
    rng: np.random.Generator,
    *,
    voices: int = 3,
    cents: float = 8.0,
    vibrato: tuple[float, float] = (0.0, 0.0),
    position: Sound | None = None,
) -> Sound:
    """Several detuned copies of a tone spread over the stereo field; the result is (2, n_samples)."""
    out = np.zeros((2, time.size), dtype=np.float32)
    for i in range(voices):
        offset = 2 * i / max(voices - 1, 1) - 1
        detuned = hz * 2 ** (offset * cents / 1200)
        wobble = (vibrato[0] * (1 + 0.1 * offset), vibrato[1])
        voice = tone(bank, time, detuned, position=position, phase=float(rng.random()), vibrato=wobble)
        out += pan(voice, 0.7 * offset)
    return out / np.float32(np.sqrt(voices))


def noise(rng: np.random.Generator, seconds: float, low_hz: float, high_hz: float) -> Sound:
    """White noise between two frequencies, with edges half an octave wide, at an RMS level of 1."""
    n_samples = round(seconds * SAMPLE_RATE)
    n_fft = 1 << max(n_samples - 1, 1).bit_length()
    spectrum = np.fft.rfft(rng.standard_normal(n_fft))
    octaves = np.log2(np.maximum(np.fft.rfftfreq(n_fft, 1 / SAMPLE_RATE), 1.0))
    spectrum *= 1 / (1 + np.exp2(-12 * (octaves - np.log2(low_hz))))
    spectrum *= 1 / (1 + np.exp2(12 * (octaves - np.log2(high_hz))))
    shaped: Sound = np.fft.irfft(spectrum, n_fft)[:n_samples].astype(np.float32)
    shaped /= np.sqrt(np.mean(np.square(shaped)) + np.float32(1e-12))
    return shaped


def pan(sound: Sound, place: float) -> Sound:
    """Put a mono sound between left (-1) and right (1) at constant power; a stereo sound is returned as it is."""
    if sound.ndim > 1:
        return sound
    angle = (place + 1) * np.pi / 4
    gains = np.array([[np.cos(angle)], [np.sin(angle)]], dtype=np.float32)
    return gains * sound


def echo(sound: Sound, seconds: float, feedback: float, repeats: int = 4) -> Sound:
    """Repeats of a stereo sound, each softer and on the other side; the sound itself is not included."""
    out = np.zeros_like(sound)
    lag = round(seconds * SAMPLE_RATE)
    for i in range(1, repeats + 1):
        if i * lag >= sound.shape[1]:
            break
        source = sound[::-1] if i % 2 else sound
        out[:, i * lag :] += source[:, : -i * lag] * np.float32(feedback**i)
    return out


def reverb(sound: Sound, rng: np.random.Generator, seconds: float, damping_hz: float = 5000.0) -> Sound:
    """Reverberation of a stereo sound that fades by 60 dB in `seconds`; the sound itself is not included."""
    time = seconds_axis(seconds)
    fade = decay(time, seconds / 10) * envelope(time, 0.012, 0.05)
    responses = np.empty((2, time.size), dtype=np.float32)
    for channel in range(2):
        bright = noise(rng, seconds, 150, damping_hz) * decay(time, seconds / 20)
        dark = noise(rng, seconds, 150, damping_hz / 4)
        responses[channel] = (bright + dark) * fade
    responses /= np.sqrt(np.sum(np.square(responses), axis=1, keepdims=True))
    return _convolve(sound.sum(axis=0) * np.float32(0.5), responses)


def _convolve(sound: Sound, responses: Sound) -> Sound:
    """Convolve a mono sound with one response per output channel; what rings on beyond its end is cut off."""
    n_taps = responses.shape[1]
    n_fft = 1 << (3 * n_taps).bit_length()
    step = n_fft - n_taps
    spectra = np.fft.rfft(responses, n_fft)
    out = np.zeros((responses.shape[0], sound.size + n_fft), dtype=np.float32)
    for start in range(0, sound.size, step):
        spectrum = np.fft.rfft(sound[start : start + step], n_fft)
        for channel, response in zip(out, spectra, strict=True):
            channel[start : start + n_fft] += np.fft.irfft(spectrum * response, n_fft).astype(np.float32)
    return out[:, : sound.size]

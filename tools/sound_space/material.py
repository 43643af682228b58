"""What the sound space is fitted to and judged by: recordings beside the checkout, and sounds made from seeds."""

from __future__ import annotations

import csv
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np
from environment import KINDS, SAMPLE_RATE, environment
from scipy import signal

import orpheus_fast as orpheus
from orpheus_fast.demo import PIECES, render

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    Sound = np.ndarray[tuple[int], np.dtype[np.float64]]
    Random = np.random.Generator

__all__ = ["Clip", "altered", "demo_clips", "environment_clips", "mixed", "music_clips", "sample_clips"]

CROP_SECONDS: Final = 30
KEYS: Final = ("C", "D", "E", "F", "G", "A", "Bb", "Eb")


@dataclass(frozen=True)
class Clip:
    """A sound, what it is, and which recording it is from."""

    samples: Sound
    label: str
    group: str


def _decoded(path: Path) -> Sound:
    return orpheus.decode(path, sample_rate=SAMPLE_RATE, mono=True).samples[0].astype(np.float64)


def _manifest(folder: Path, part: str) -> Iterator[tuple[Path, dict[str, str]]]:
    with (folder / "manifest.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["path"].startswith(f"{part}/"):
                yield folder / row["path"], row


def music_clips(folder: Path) -> list[Clip]:
    """Cut the recordings under `folder/music` into 30 s, labelled by their artists."""
    clips = []
    length = CROP_SECONDS * SAMPLE_RATE
    for path, row in _manifest(folder, "music"):
        samples = _decoded(path)
        starts = range(0, max(len(samples) - length, 0) + 1, length)
        clips += [Clip(samples[start : start + length], row["artist"], path.name) for start in starts]
    return clips


def sample_clips(folder: Path) -> list[Clip]:
    """Read the single sounds under `folder/samples`, labelled by the first word of their names."""
    return [Clip(_decoded(path), path.name.split("_")[0], path.name) for path, _ in _manifest(folder, "samples")]


def _equalised(sound: Sound, rng: Random) -> Sound:
    spectrum, hz = np.fft.rfft(sound), np.fft.rfftfreq(len(sound), 1 / SAMPLE_RATE)
    corners = np.log2([40, 150, 600, 2400, 9000])
    gain_db = np.interp(np.log2(np.maximum(hz, 20)), corners, rng.normal(0, 4, len(corners)))
    if rng.random() < 0.3:
        gain_db -= 60 * np.clip((hz - rng.uniform(3500, 9000)) / 2000, 0, 1)
    return np.fft.irfft(spectrum * 10 ** (gain_db / 20), len(sound))


def _in_a_room(sound: Sound, rng: Random) -> Sound:
    n_samples = int(rng.uniform(0.1, 1.2) * SAMPLE_RATE)
    response = rng.normal(size=n_samples) * 10 ** (-3 * np.arange(n_samples) / n_samples)
    response /= np.linalg.norm(response)
    return sound + rng.uniform(0.05, 0.5) * signal.fftconvolve(sound, response)[: len(sound)]


def altered(clip: Clip, seed: int) -> Clip:
    """Record the same sound in other circumstances: equaliser, room, noise, saturation, level."""
    rng = np.random.default_rng(seed)
    sound = _equalised(clip.samples, rng)
    if rng.random() < 0.4:
        sound = _in_a_room(sound, rng)
    sound = sound / (np.abs(sound).max() + 1e-9)
    if rng.random() < 0.5:
        sound = sound + 10 ** (rng.uniform(-60, -30) / 20) * rng.normal(size=len(sound))
    if rng.random() < 0.3:
        sound = np.tanh(sound * rng.uniform(1, 3))
    return replace(clip, samples=sound / (np.abs(sound).max() + 1e-9) * 10 ** (rng.uniform(-20, 0) / 20))


def mixed(clips: list[Clip], n: int, seed: int) -> list[Clip]:
    """Mix pairs of clips, each at another speed: music that lies between the recordings."""
    result = []
    for number in range(n):
        rng = np.random.default_rng([seed, number])
        pair = [clips[place].samples for place in rng.integers(0, len(clips), 2)]
        pair = [_at_speed(sound, 2 ** rng.uniform(-0.4, 0.4)) for sound in pair]
        length = min(map(len, pair))
        first, second = (sound[:length] / (sound[:length].std() + 1e-9) for sound in pair)
        sound = first + 10 ** (rng.uniform(-20, 0) / 20) * second
        result.append(altered(Clip(sound, "mix", f"mix {number}"), seed + number))
    return result


def _at_speed(sound: Sound, speed: float) -> Sound:
    return np.interp(np.arange(int(len(sound) / speed)) * speed, np.arange(len(sound)), sound)


def environment_clips(n_each: int, seed: int) -> list[Clip]:
    """Make sounds of every kind in changing circumstances; a third of them end in silence."""
    clips = []
    for number, kind in enumerate(KINDS):
        for take in range(n_each):
            rng = np.random.default_rng([seed, number, take])
            sound = environment(kind, rng)
            n_sound = int(rng.uniform(1.5, 4) * SAMPLE_RATE) if rng.random() < 1 / 3 else len(sound)
            clip = altered(Clip(sound[:n_sound], kind, f"{kind} {take}"), seed + 1000 * number + take)
            silence = np.zeros(len(sound) - n_sound)
            clips.append(replace(clip, samples=np.concatenate([clip.samples, silence])))
    return clips


def demo_clips(n_each: int, seed: int) -> list[Clip]:
    """Synthesise pieces in the styles of the demo, in other keys, at other tempi and by other chances."""
    styles: dict[str, list[int]] = {}
    for place, piece in enumerate(PIECES):
        styles.setdefault(piece.style, []).append(place)
    clips = []
    for number, (style, places) in enumerate(styles.items()):
        for take in range(n_each):
            rng = np.random.default_rng([seed, number, take])
            piece = PIECES[places[take % len(places)]]
            tempo = piece.tempo_bpm * rng.uniform(0.9, 1.1)
            piece = replace(piece, tempo_bpm=tempo, key=str(rng.choice(KEYS)), seed=seed + 100 * number + take)
            rendered = render(piece)
            sound = signal.resample_poly(rendered.samples.mean(axis=0), 1, rendered.sample_rate // SAMPLE_RATE)
            clips.append(altered(Clip(sound, style, f"{style} {take}"), seed + 100 * number + take))
    return clips

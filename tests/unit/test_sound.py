"""`orpheus_fast.features.sound_vector`: the default embedding, as Python gets it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import orpheus_fast as orpheus
from orpheus_fast.errors import ParameterError, ShapeError
from orpheus_fast.features import SOUND_DIM, SOUND_SAMPLE_RATE, sound_families, sound_vector
from signals import music, wav_bytes

if TYPE_CHECKING:
    from pathlib import Path

RATE = SOUND_SAMPLE_RATE


def noise(seconds: float, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-0.3, 0.3, round(seconds * RATE)).astype(np.float32)


def test_a_signal_gives_a_vector_of_unit_length() -> None:
    vector = sound_vector(noise(3))
    assert vector.shape == (SOUND_DIM,)
    assert vector.dtype == np.float32
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)


def test_a_batch_gives_what_each_signal_gives_alone() -> None:
    signals = np.stack([noise(2, seed) for seed in range(3)])
    vectors = sound_vector(signals)
    assert vectors.shape == (3, SOUND_DIM)
    for signal, vector in zip(signals, vectors, strict=True):
        np.testing.assert_array_equal(sound_vector(signal), vector)


def test_families_fill_the_vector_in_order() -> None:
    families = sound_families()
    places = [place for family in families for place in range(family.values.start, family.values.stop)]
    assert places == list(range(SOUND_DIM))
    vector = sound_vector(noise(3))
    total = sum(family.weight**2 for family in families)
    for family in families:
        # No family has more than its weight.
        share = float(np.square(vector[family.values]).sum())
        assert share < 3 * family.weight**2 / total


@settings(deadline=None, max_examples=40)
@given(n_samples=st.integers(1, 30_000), kind=st.sampled_from(["noise", "silence", "impulse", "constant", "clipped"]))
def test_any_length_of_anything_has_a_finite_vector(n_samples: int, kind: str) -> None:
    samples = np.zeros(n_samples, dtype=np.float32)
    if kind == "noise":
        samples = noise(n_samples / RATE)[:n_samples]
    elif kind == "impulse":
        samples[n_samples // 2] = 1
    elif kind == "constant":
        samples += 0.5
    elif kind == "clipped":
        samples = np.clip(np.sin(np.arange(n_samples, dtype=np.float32)) * 10, -1, 1)
    vector = sound_vector(samples)
    assert np.isfinite(vector).all()
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-4)


def test_silence_is_like_silence_and_unlike_sound() -> None:
    silence, longer = sound_vector(np.zeros(RATE)), sound_vector(np.zeros(9 * RATE))
    assert silence @ longer > 0.95
    assert silence @ sound_vector(noise(3)) < 0.8
    piece = orpheus.resample(music(5.0).mean(axis=0), 44_100, RATE)
    assert silence @ sound_vector(piece) < 0.3


def test_an_hour_needs_the_memory_of_half_a_minute_and_is_like_its_parts() -> None:
    part = noise(30)
    hour = np.tile(part, 120)
    assert sound_vector(hour) @ sound_vector(part) > 0.99


def test_silence_after_a_sound_does_not_make_it_another_one() -> None:
    sound = orpheus.resample(music(5.0).mean(axis=0), 44_100, RATE)
    padded = np.concatenate([sound, np.zeros(8 * RATE, dtype=np.float32)])
    similarity = sound_vector(sound) @ sound_vector(padded)
    assert similarity > 0.5
    # What is lost is rhythm and dynamics; timbre stays.
    timbre = sound_families()[0].values
    a, b = sound_vector(sound)[timbre], sound_vector(padded)[timbre]
    assert a @ b / (np.linalg.norm(a) * np.linalg.norm(b)) > 0.99


def test_transposed_harmony_is_the_same_harmony() -> None:
    names = [family.name for family in sound_families()]
    tonality = sound_families()[names.index("tonality")].values

    def chord(root_hz: float) -> np.ndarray:
        time = np.arange(6 * RATE) / RATE
        return sum(np.sin(2 * np.pi * root_hz * ratio * time) for ratio in (1, 5 / 4, 3 / 2)).astype(np.float32) / 4

    def part(samples: np.ndarray) -> np.ndarray:
        vector = sound_vector(samples)[tonality]
        return vector / np.linalg.norm(vector)

    assert part(chord(261.6)) @ part(chord(261.6 * 2 ** (3 / 12))) > 0.9


@pytest.mark.parametrize(("place", "value"), [(3, np.nan), (0, np.inf), (7, -3e12)])
def test_a_sample_that_is_no_sample_is_refused_by_its_place(place: int, value: float) -> None:
    samples = noise(0.1)
    samples[place] = value
    with pytest.raises(ParameterError, match=f"sample {place} is"):
        sound_vector(samples)


def test_what_cannot_be_described_is_refused() -> None:
    with pytest.raises(ParameterError, match="no samples"):
        sound_vector(np.zeros(0))
    with pytest.raises(ParameterError, match="expected 22050"):
        sound_vector(noise(0.1), sample_rate=44_100)
    with pytest.raises(ShapeError):
        sound_vector(np.zeros((1, 2, 3)))


def test_a_stream_gives_the_vector_of_what_the_track_has(tmp_path: Path) -> None:
    samples = noise(4)
    path = tmp_path / "noise.wav"
    path.write_bytes(wav_bytes(samples[None], RATE))
    with orpheus.stream([path], sample_rate=RATE, window_seconds=30, front_end="sound") as stream:
        rows = np.concatenate([batch.input_features for batch in stream])
    decoded = orpheus.decode(path, sample_rate=RATE, mono=True).samples[0]
    assert rows.shape == (1, SOUND_DIM)
    # Padding to 30 s is not part of it.
    np.testing.assert_array_equal(rows[0], sound_vector(decoded))


def test_a_stream_at_another_rate_is_refused() -> None:
    with pytest.raises(ParameterError, match="expected 22050"):
        orpheus.stream([], sample_rate=44_100, front_end="sound")


def test_threads_do_not_disturb_each_other() -> None:
    signals = [noise(2, seed) for seed in range(8)]
    expected = [sound_vector(signal) for signal in signals]
    found: list[np.ndarray | None] = [None] * len(signals)

    def work(number: int) -> None:
        found[number] = sound_vector(signals[number])

    threads = [threading.Thread(target=work, args=(number,)) for number in range(len(signals))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for vector, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(vector, other)


def test_what_differs_only_in_its_modulation_is_told_apart() -> None:
    # Two takes of a sound are nearer to each other than to another sound with the same spectrum.
    rng = np.random.default_rng(1)
    time = np.arange(6 * RATE) / RATE

    def throbbing(rate_hz: float) -> np.ndarray:
        carrier = rng.normal(size=time.size)
        return (0.1 * carrier * (1 + np.sin(2 * np.pi * rate_hz * time))).astype(np.float32)

    slow, slow_again, fast = throbbing(4), throbbing(4), throbbing(40)
    near, far = sound_vector(slow) @ sound_vector(slow_again), sound_vector(slow) @ sound_vector(fast)
    assert near > 0.9
    assert far < near - 0.2

"""The test files are what they claim to be, by decoders that are not ours."""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt
import pytest
import soundfile

import signals

N_CHANNELS = (1, 2, 6)


def read(data: bytes) -> tuple[npt.NDArray[np.float64], int]:
    samples, sample_rate = soundfile.read(io.BytesIO(data), dtype="float64", always_2d=True)
    return samples.T, sample_rate


def full_scale_noise(n_channels: int) -> signals.Signal:
    samples = signals.noise(0.21, seed=n_channels, level=1.0, n_channels=n_channels)
    samples[:, :2] = (1.0, -1.0)
    return samples


def quantised(samples: signals.Signal, bits: int) -> npt.NDArray[np.float64]:
    return signals.to_integers(samples, bits) / 2.0 ** (bits - 1)


@pytest.mark.parametrize("n_channels", N_CHANNELS)
@pytest.mark.parametrize("extensible", [False, True])
@pytest.mark.parametrize("kind", signals.WAV_KINDS)
def test_a_wav_file_reads_back_as_written(kind: str, extensible: bool, n_channels: int) -> None:
    samples = full_scale_noise(n_channels)
    extra = [(b"junk", b"odd")]
    found, sample_rate = read(signals.wav_bytes(samples, 48_000, kind, extensible=extensible, chunks_before_data=extra))
    assert sample_rate == 48_000
    expected = samples if kind[0] == "f" else quantised(samples, int(kind[1:]))
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("n_channels", N_CHANNELS)
@pytest.mark.parametrize(
    ("kind", "bits"), [("s8", 8), ("s16", 16), ("s24", 24), ("s32", 32), ("sowt", 16), ("fl32", None)]
)
def test_an_aiff_file_reads_back_as_written(kind: str, bits: int | None, n_channels: int) -> None:
    samples = full_scale_noise(n_channels)
    found, sample_rate = read(signals.aiff_bytes(samples, 22_050, kind))
    assert sample_rate == 22_050
    np.testing.assert_array_equal(found, samples if bits is None else quantised(samples, bits))


@pytest.mark.parametrize("n_channels", N_CHANNELS)
@pytest.mark.parametrize("bits", [8, 16, 24])
def test_a_flac_file_reads_back_as_written(bits: int, n_channels: int) -> None:
    samples = full_scale_noise(n_channels)
    found, sample_rate = read(signals.flac_bytes(samples, 44_100, bits))
    assert sample_rate == 44_100
    np.testing.assert_array_equal(found, quantised(samples, bits))


def test_a_flac_file_of_more_than_two_thousand_frames_numbers_them_right() -> None:
    """Frame numbers grow from one byte to two at 128 and to three at 2048."""
    samples = signals.noise(2100 * signals.FLAC_BLOCK / 8000, sample_rate=8000)
    data = signals.flac_bytes(samples, 8000, 8)
    found, _ = read(data)
    np.testing.assert_array_equal(found, quantised(samples, 8))


def test_a_sine_has_its_pitch_and_its_level() -> None:
    samples = signals.sine(1000, 1.0, sample_rate=8000, level=0.25, n_channels=2)
    spectrum = np.abs(np.fft.rfft(samples, axis=1)) / 4000
    assert spectrum.argmax(axis=1).tolist() == [1000, 1000]
    np.testing.assert_allclose(spectrum[:, 1000], 0.25, rtol=1e-5)


def test_a_sweep_passes_the_middle_pitch_in_the_middle() -> None:
    samples = signals.sweep(100, 1600, 2.0, sample_rate=16_000)[0]
    middle = samples[15_000:17_000]
    crossings = np.count_nonzero(np.diff(np.signbit(middle)))
    assert crossings / 2 / (middle.size / 16_000) == pytest.approx(400, rel=0.02)


def test_an_impulse_is_one_sample() -> None:
    samples = signals.impulse(0.5, at_seconds=0.25, n_channels=2)
    assert np.argwhere(samples).tolist() == [[0, 11_025], [1, 11_025]]


def test_noise_is_the_same_for_the_same_seed_only() -> None:
    first = signals.noise(0.1, seed=3)
    np.testing.assert_array_equal(first, signals.noise(0.1, seed=3))
    assert not np.array_equal(first, signals.noise(0.1, seed=4))


@pytest.mark.parametrize("style", ["folk guitar", "techno", "ambient pad"])
def test_music_is_stereo_of_the_length_asked_for(style: str) -> None:
    samples = signals.music(3.0, style=style)
    assert samples.shape == (2, 3 * signals.SAMPLE_RATE)
    assert samples.flags.c_contiguous
    assert 0.1 < np.abs(samples).max() < 1

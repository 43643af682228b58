"""Formats that FFmpeg decodes for us: as many samples as they have, at their rate, with their values."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

import foreign_audio
import signals
from orpheus_fast import audio
from orpheus_fast.audio import fallback

pytestmark = pytest.mark.skipif(not fallback.register(), reason="the extra ffmpeg (PyAV) is not installed")

SHARED = Path(__file__).parents[3] / "shared" / "audio"
FOREIGN = ("ac3", "speex", "tta", "wavpack", "wmav2")


@pytest.mark.parametrize(("container", "codec"), [("tta", "tta"), ("wv", "wavpack"), ("matroska", "wavpack")])
def test_lossless_formats_come_back_bit_for_bit(container: str, codec: str) -> None:
    integers = signals.to_integers(signals.noise(1.3, n_channels=2, level=0.9), 16)
    samples = signals.from_integers(integers, 16)
    decoded = audio.decode(foreign_audio.encode(samples, 44_100, container, codec))
    assert decoded.outcome.ok, decoded.outcome
    assert (decoded.info.container, decoded.info.codec) == (f"ffmpeg:{container}", codec)
    np.testing.assert_array_equal(decoded.samples, samples)


@pytest.mark.parametrize(
    ("container", "codec", "sample_rate", "n_channels"),
    [
        ("ac3", "ac3", 48_000, 2),
        ("eac3", "eac3", 48_000, 2),
        ("mp4", "ac3", 48_000, 2),
        ("asf", "wmav2", 44_100, 2),
        ("amr", "libopencore_amrnb", 8_000, 1),
    ],
)
def test_lossy_formats_keep_rate_length_and_pitch(
    container: str, codec: str, sample_rate: int, n_channels: int
) -> None:
    samples = signals.sine(440.0, 2.0, sample_rate=sample_rate, n_channels=n_channels)
    decoded = audio.decode(foreign_audio.encode(samples, sample_rate, container, codec))
    assert decoded.outcome.ok, decoded.outcome
    assert (decoded.sample_rate, decoded.samples.shape[0]) == (sample_rate, n_channels)
    # Encoders add their delay and fill the last packet, or do not write it.
    assert abs(decoded.samples.shape[1] - 2 * sample_rate) <= 4096
    assert loudest_hz(decoded.samples[0], sample_rate) == pytest.approx(440.0, abs=2.0)


def loudest_hz(samples: np.ndarray[tuple[int], np.dtype[np.float32]], sample_rate: int) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum)) * sample_rate / len(samples)


def test_he_aac_comes_at_its_full_rate() -> None:
    samples = signals.sine(440.0, 2.0, sample_rate=22_050, n_channels=2)
    decoded = audio.decode(foreign_audio.he_aac_bytes(samples, 22_050))
    assert decoded.outcome.ok, decoded.outcome
    assert (decoded.sample_rate, decoded.info.sample_rate) == (44_100, 44_100)
    assert decoded.samples.shape[1] / 44_100 == pytest.approx(2.0, abs=0.1)
    assert loudest_hz(decoded.samples[0], 44_100) == pytest.approx(440.0, abs=2.0)


def test_one_bit_audio_becomes_samples_at_an_eighth_of_its_rate() -> None:
    tone = signals.sine(1000.0, 0.1, sample_rate=2_822_400, n_channels=2)
    decoded = audio.decode(foreign_audio.dsf_bytes(tone))
    assert decoded.outcome.ok, decoded.outcome
    assert (decoded.sample_rate, decoded.samples.shape) == (352_800, (2, 35_280))
    audible = audio.decode(foreign_audio.dsf_bytes(tone), sample_rate=44_100).samples[:, 441:-441]
    assert np.abs(audible).max() == pytest.approx(0.5, abs=0.02)


def test_windows_are_those_of_the_whole_track() -> None:
    samples = signals.noise(3.0, n_channels=2)
    file = foreign_audio.encode(samples, 44_100, "tta", "tta")
    whole = audio.decode(file, sample_rate=16_000, mono=True).samples[0]
    for placement in ("every", "evenly", "center"):
        stream = audio.stream(
            [file], sample_rate=16_000, window_seconds=0.5, placement=placement, max_windows=3, pad_threshold=1.0
        )
        rows = [
            (row, round(start * 16_000))
            for batch in stream
            for row, start in zip(batch.samples, batch.start_seconds, strict=True)
        ]
        assert rows
        for row, start in rows:
            np.testing.assert_array_equal(row, whole[start : start + 8000])


def shared_files() -> list[dict[str, str]]:
    path = SHARED / "manifest.csv"
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return [row for row in csv.DictReader(file) if row["codec"] in FOREIGN]


@pytest.mark.skipif(not shared_files(), reason="the shared recordings are not beside this checkout")
def test_real_recordings_decode_to_the_count_of_their_manifest() -> None:
    rows = shared_files()
    assert {row["codec"] for row in rows} == set(FOREIGN)
    for row in rows:
        decoded = audio.decode(SHARED / row["path"])
        assert decoded.outcome.ok, (row["path"], decoded.outcome)
        assert decoded.info.codec == row["codec"]
        assert decoded.sample_rate == int(row["sample_rate"]), row["path"]
        assert decoded.samples.shape == (int(row["channels"]), int(row["samples_libav"])), row["path"]


@pytest.mark.skipif(not shared_files(), reason="the shared recordings are not beside this checkout")
def test_lossless_recordings_are_those_of_the_wav_file_beside_them() -> None:
    reference = audio.decode(SHARED / "formats" / "ref-s16.wav").samples
    for name in ("tta.tta", "wavpack.wv"):
        np.testing.assert_array_equal(audio.decode(SHARED / "formats" / name).samples, reference)

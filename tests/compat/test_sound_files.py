"""Whatever libsndfile writes without compressing it reads the same here: every container, coding and channel count.

The files are written by soundfile while the test runs, and read back by both. Samples must be equal as float32, whole
and by windows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

import signals
from orpheus_fast import audio

if TYPE_CHECKING:
    from pathlib import Path

soundfile = pytest.importorskip("soundfile")

RATE = 22_050
LINEAR = ("PCM_S8", "PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW")
BLOCKS = ("IMA_ADPCM", "MS_ADPCM")
CONTAINERS = ("WAV", "WAVEX", "RF64", "W64", "AIFF", "AU", "CAF")
WRITABLE = [
    (container, subtype)
    for container in CONTAINERS
    for subtype in LINEAR + BLOCKS
    if soundfile.check_format(container, subtype)
]
NAMES = {
    "PCM_S8": "pcm_s8",
    "PCM_U8": "pcm_u8",
    "PCM_16": "pcm_s16",
    "PCM_24": "pcm_s24",
    "PCM_32": "pcm_s32",
    "FLOAT": "pcm_f32",
    "DOUBLE": "pcm_f64",
    "ULAW": "pcm_mulaw",
    "ALAW": "pcm_alaw",
    "IMA_ADPCM": "adpcm_ima",
    "MS_ADPCM": "adpcm_ms",
}


def written(folder: Path, container: str, subtype: str, n_channels: int, endian: str = "FILE") -> Path:
    # AIFF-C holds one or two channels of ADPCM at most, and a length that fills no block.
    samples = signals.noise(0.5, sample_rate=RATE, n_channels=n_channels, level=0.9)[:, :10_007]
    path = folder / f"{n_channels}.{container.lower()}"
    soundfile.write(path, samples.T, RATE, format=container, subtype=subtype, endian=endian)
    return path


def reference(path: Path) -> signals.Signal:
    samples, rate = soundfile.read(path, dtype="float64", always_2d=True)
    assert rate == RATE
    return np.ascontiguousarray(samples.T.astype(np.float32))


@pytest.mark.parametrize("n_channels", [1, 2, 3, 6])
@pytest.mark.parametrize(("container", "subtype"), WRITABLE)
def test_every_sample_equals_libsndfile(tmp_path: Path, container: str, subtype: str, n_channels: int) -> None:
    if subtype in BLOCKS and n_channels > 2:
        pytest.skip("libsndfile writes ADPCM of one or two channels")
    path = written(tmp_path, container, subtype, n_channels)
    expected = reference(path)
    decoded = audio.decode(path)
    assert decoded.outcome.ok, decoded.outcome
    assert decoded.info.codec.startswith(NAMES[subtype])
    assert decoded.info.sample_rate == RATE
    # The filling of the last block of ADPCM is no sound: libsndfile returns it, the fact chunk tells its length.
    n_samples = decoded.samples.shape[1]
    assert n_samples == expected.shape[1] or (subtype in BLOCKS and 10_007 <= n_samples <= expected.shape[1])
    np.testing.assert_array_equal(decoded.samples, expected[:, :n_samples])


@pytest.mark.parametrize(("container", "subtype"), [("AIFF", "PCM_16"), ("CAF", "PCM_24"), ("AU", "FLOAT")])
def test_either_byte_order_is_read(tmp_path: Path, container: str, subtype: str) -> None:
    for endian in ("LITTLE", "BIG"):
        if not soundfile.check_format(container, subtype, endian):
            continue
        path = written(tmp_path, container, subtype, 2, endian)
        np.testing.assert_array_equal(audio.decode(path).samples, reference(path))


@pytest.mark.parametrize(("container", "subtype"), WRITABLE)
def test_windows_equal_the_full_decode(tmp_path: Path, container: str, subtype: str) -> None:
    path = written(tmp_path, container, subtype, 2)
    whole = audio.decode(path, mono=True).samples[0]
    starts = []
    for batch in audio.stream([path], sample_rate=RATE, window_seconds=0.05, placement="evenly", max_windows=3):
        for samples, start, n_valid in zip(batch.samples, batch.start_seconds, batch.valid_samples, strict=True):
            at = round(start * RATE)
            starts.append(at)
            np.testing.assert_array_equal(samples[:n_valid], whole[at : at + n_valid])
    assert len(starts) == 3

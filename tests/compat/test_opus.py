"""Opus tracks sound as libopus decodes them, and damaged ones say so."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

import orpheus_fast as orpheus
from orpheus_fast.errors import DecodeError

SHARED = Path(__file__).parents[3] / "shared"
FORMATS = SHARED / "audio" / "formats"
FAULTY = SHARED / "audio-faulty"

pytestmark = pytest.mark.skipif(not FORMATS.is_dir(), reason="../shared/audio is not there")


@pytest.mark.parametrize("name", ["opus.opus", "opus-mono.ogg"])
def test_samples_are_those_of_libopus(name: str) -> None:
    wanted, sample_rate = soundfile.read(FORMATS / name, dtype="float32", always_2d=True)
    signal = orpheus.decode(FORMATS / name)
    assert (signal.sample_rate, signal.outcome.status) == (sample_rate, "ok")
    assert signal.samples.shape == wanted.T.shape
    error = np.sum((signal.samples - wanted.T).astype(np.float64) ** 2)
    # Both calculate in float32, in another order: 139 dB were measured.
    assert error < 1e-9 * np.sum(wanted.astype(np.float64) ** 2)


def test_the_container_does_not_change_the_samples() -> None:
    ogg = orpheus.decode(FORMATS / "opus.opus")
    webm = orpheus.decode(FORMATS / "opus.webm")
    assert webm.outcome.status == "ok"
    assert ogg.samples.shape == (2, 144_000)
    np.testing.assert_array_equal(webm.samples, ogg.samples)


@pytest.mark.parametrize(
    "name",
    [
        "derived/opus-bitflips.opus",
        "derived/opus-cut-64.opus",
        "derived/opus-cut-half.opus",
        "derived/opus-header-noise.opus",
        "lofty/opus-00.opus",
    ],
)
def test_damage_is_never_called_ok(name: str) -> None:
    path = FAULTY / name
    if not path.exists():
        pytest.skip("../shared/audio-faulty is not there")
    try:
        signal = orpheus.decode(path)
    except DecodeError:
        return
    assert signal.outcome.status == "partial"

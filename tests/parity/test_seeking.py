"""Windows and stretches that are decoded alone, against the same stretches of the whole track, for real recordings."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from orpheus_fast import audio
from orpheus_fast.errors import DecodeError

if TYPE_CHECKING:
    from numpy.typing import NDArray

AUDIO = Path(__file__).resolve().parents[3] / "shared" / "audio"
MANIFEST = AUDIO / "manifest.csv"
RATE = 48_000


def recordings() -> list[Path]:
    """Every format that can be decoded here, and some of the longer recordings."""
    with MANIFEST.open(newline="") as file:
        paths = [AUDIO / row["path"] for row in csv.DictReader(file)]
    formats = [path for path in paths if path.parent.name == "formats"]
    others = [path for path in paths if path.parent.name != "formats"]
    return [path for path in formats + others[::20] if path.exists() and decodes(path)]


def decodes(path: Path) -> bool:
    try:
        audio.decode(path, duration_seconds=0.01)
    except DecodeError:
        return False
    return True


def error_db(got: NDArray[Any], wanted: NDArray[Any], level: float) -> float:
    """Error against the level of the whole track: a window may be silent."""
    assert got.shape == wanted.shape
    error = float(np.sqrt(np.mean(np.square(got - wanted, dtype=np.float64))))
    return 20 * float(np.log10(max(error, 1e-12) / level))


def level_of(samples: NDArray[Any]) -> float:
    return max(float(np.sqrt(np.mean(np.square(samples, dtype=np.float64)))), 1e-4)


@pytest.mark.skipif(not MANIFEST.exists(), reason="the shared recordings are not beside this checkout")
def test_windows_of_real_recordings_are_those_of_the_whole() -> None:
    paths = recordings()
    assert len(paths) > 20
    taps = [
        audio.Tap(RATE, "evenly", window_seconds=0.3, max_windows=2),
        audio.Tap(RATE, "center", window_seconds=0.5),
    ]
    with audio.AudioStream(paths, taps, batch_size=16) as stream:
        batches = list(stream)
    outcomes = {end.track: end for batch in batches for end in batch.outcomes}
    for number, path in enumerate(paths):
        whole = audio.decode(path, sample_rate=RATE, mono=True)
        samples = whole.samples[0]
        found = outcomes[number]
        assert found.outcome.ok == whole.outcome.ok, (path.name, found.outcome)
        assert found.info is not None
        if found.info.n_samples != whole.info.n_samples:
            # A count where the file itself promises nothing.
            assert whole.info.n_samples is None
            assert found.info.n_samples is not None
            assert -(-found.info.n_samples * RATE // whole.info.sample_rate) == samples.size, path.name
        level = level_of(samples)
        n_windows = 0
        for batch in batches:
            for row in np.flatnonzero(batch.track == number):
                start = round(float(batch.start_seconds[row]) * RATE)
                n_valid = int(batch.valid_samples[row])
                db = error_db(batch.rows[row][:n_valid], samples[start : start + n_valid], level)
                assert db <= -80, (path.name, start, db)
                n_windows += 1
        assert n_windows == (3 if samples.size > 0.3 * RATE else 2), path.name


@pytest.mark.skipif(not MANIFEST.exists(), reason="the shared recordings are not beside this checkout")
@pytest.mark.parametrize("sample_rate", [None, 22_050])
def test_stretches_of_real_recordings_are_those_of_the_whole(sample_rate: int | None) -> None:
    paths = recordings()
    assert len(paths) > 20
    for path in paths:
        whole = audio.decode(path, sample_rate=sample_rate)
        rate, n_samples = whole.sample_rate, whole.samples.shape[1]
        level = level_of(whole.samples)
        for share in (0.02, 0.4, 0.93):
            start = int(share * n_samples)
            part = audio.decode(path, sample_rate=sample_rate, start_seconds=start / rate, duration_seconds=0.2)
            wanted = whole.samples[:, start : start + round(0.2 * rate)]
            db = error_db(part.samples, wanted, level)
            assert db <= -80, (path.name, share, db)
            assert part.outcome.ok == whole.outcome.ok, (path.name, part.outcome)

"""The classical vector against librosa 0.11, called as the study called it.

The tolerance is a ten-thousandth of the value, or 0.001 where the value is smaller than ten. It has these reasons:
librosa transforms in float64 and keeps float32, orpheus_fast does both in float32; librosa adds up columns of float32
one by one, so that its roll-off may lie one bin (a few Hz in one of some hundred frames) from where exact sums put it.
The tempo is a choice between lags, and must be the same choice. So must be the tuning, by which the chroma is counted:
with another one, the chroma would differ by far more than the tolerance.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import scipy.signal

import signals
from orpheus_fast import audio, features
from orpheus_fast.demo import STYLES

if TYPE_CHECKING:
    import numpy.typing as npt

librosa = pytest.importorskip("librosa")

RATE = 22_050
WINDOW = 5 * RATE
RELATIVE, ABSOLUTE = 1e-4, 1e-3
COLUMNS = features.classical_columns()
BANDWIDTH, TEMPO = COLUMNS.index("spectral_bandwidth_hz"), COLUMNS.index("tempo_bpm")

MUSIC = Path(__file__).resolve().parents[3] / "shared" / "audio" / "music"
RECORDINGS = sorted(path for path in MUSIC.glob("*") if path.suffix in (".mp3", ".ogg"))


def reference(y: npt.NDArray[np.float32], sr: int = RATE) -> npt.NDArray[np.float64]:
    """What librosa says; it warns of windows that are short or have no pitch."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mfcc = librosa.feature.mfcc(y=y, sr=sr, n_mfcc=13)
        parts = [
            np.mean(mfcc, axis=1),
            np.var(mfcc, axis=1),
            np.mean(librosa.feature.spectral_centroid(y=y, sr=sr)),
            np.mean(librosa.feature.spectral_bandwidth(y=y, sr=sr)),
            np.mean(librosa.feature.spectral_rolloff(y=y, sr=sr)),
            np.mean(librosa.feature.zero_crossing_rate(y)),
            librosa.beat.beat_track(y=y, sr=sr)[0],
            np.mean(y**2),
            np.mean(librosa.feature.chroma_stft(y=y, sr=sr), axis=1),
        ]
    return np.concatenate([np.atleast_1d(part) for part in parts]).astype(np.float64)


def assert_equal_to_librosa(
    y: npt.NDArray[np.float32], sr: int = RATE, *, bandwidth_tolerance: float = RELATIVE
) -> None:
    expected, found = reference(y, sr), features.classical_vector(y, sample_rate=sr)
    tolerance = np.maximum(RELATIVE * np.abs(expected), ABSOLUTE)
    tolerance[BANDWIDTH] = max(bandwidth_tolerance * expected[BANDWIDTH], ABSOLUTE)
    tolerance[TEMPO] = 1e-6 * expected[TEMPO]
    wrong = [
        f"{COLUMNS[i]}: {found[i]}, librosa {expected[i]}"
        for i in np.flatnonzero(~(np.abs(found - expected) <= tolerance))
    ]
    assert not wrong, "; ".join(wrong)


def piece(style: str, seed: int) -> npt.NDArray[np.float32]:
    """Ten seconds of a piece at 22.05 kHz, mono."""
    tempo, key = 70 + 23 * (seed % 5), "CDEFGAB"[seed % 7]
    stereo = signals.music(10, style=style, tempo_bpm=tempo, key=key, mode=("major", "minor")[seed % 2], seed=seed)
    return np.asarray(scipy.signal.resample_poly(stereo.mean(axis=0), 1, 2), dtype=np.float32)


@pytest.mark.parametrize(("seed", "style"), list(enumerate(style.name for style in STYLES)))
def test_synthesised_music_is_described_as_by_librosa(seed: int, style: str) -> None:
    samples = piece(style, seed)
    for start in (0, WINDOW):
        assert_equal_to_librosa(samples[start : start + WINDOW])


@pytest.mark.parametrize("sample_rate", [8000, 11_025, 16_000, 22_320, 24_000, 44_100, 48_000, 96_000])
def test_every_rate_has_its_own_bands_notes_and_lags(sample_rate: int) -> None:
    # The same samples at another rate sound higher or lower: another key, tuning and tempo.
    assert_equal_to_librosa(piece(STYLES[0].name, 3)[:WINDOW], sample_rate)


@pytest.mark.parametrize("n_samples", [1, 2, 511, 512, 700, 1024, 2047, 2048, 2049, 4000, 9001, 8 * WINDOW // 5])
def test_every_length_is_padded_and_cut_into_frames_as_by_librosa(n_samples: int) -> None:
    assert_equal_to_librosa(piece(STYLES[0].name, 1)[3000 : 3000 + n_samples])


def test_a_minute_of_silence_between_notes_is_no_different() -> None:
    samples = piece(STYLES[0].name, 2)[:WINDOW]
    pause = np.zeros(60 * RATE, dtype=np.float32)
    assert_equal_to_librosa(np.concatenate([samples, pause, samples]))


def noise(n_samples: int = WINDOW, level: float = 0.1) -> npt.NDArray[np.float32]:
    return (level * np.random.default_rng(5).standard_normal(n_samples)).astype(np.float32)


TIME = np.arange(WINDOW) / RATE
HARD = {
    "silence": np.zeros(WINDOW),
    "noise": noise(),
    "noise at the last bit": noise(level=1e-5),
    "noise at -120 dB": noise(level=1e-6),
    "far beyond full scale": noise(level=300.0),
    "clipped": np.clip(3 * np.sin(2 * np.pi * 220 * TIME) + noise(level=0.2), -1, 1),
    "sound, then silence": np.where(TIME < 2.5, noise(), 0),
    "silence, then sound": np.where(TIME < 2.5, 0, noise()),
    "clicks": np.where(np.arange(WINDOW) % (RATE // 2) < 40, noise(level=0.5), 0),
    "a beat that slows down": noise() * (np.sin(2 * np.pi * (4 * TIME - 0.3 * TIME**2)) > 0.9),
    "offset": noise() + 0.5,
    "one sample": np.full(1, 0.3),
}


@pytest.mark.parametrize("name", HARD)
def test_hard_signals_are_described_as_by_librosa(name: str) -> None:
    assert_equal_to_librosa(np.asarray(HARD[name], dtype=np.float32))


@pytest.mark.parametrize("hz", [60.0, 440.0, 1000.0, 5000.0])
def test_a_pure_tone_differs_in_bandwidth_only(hz: float) -> None:
    # A spectrum that holds next to nothing but one peak: what float32 leaves elsewhere, some 140 dB down, counts by the
    # square of its distance. Music is never so empty.
    tone = (0.5 * np.sin(2 * np.pi * hz * TIME)).astype(np.float32)
    assert_equal_to_librosa(tone, bandwidth_tolerance=0.02)


@pytest.mark.skipif(not RECORDINGS, reason="the folder of recordings, ../shared/audio/music, is not here")
@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.name)
def test_a_recording_is_described_as_by_librosa(path: Path) -> None:
    samples = audio.decode(path, sample_rate=RATE, mono=True).samples[0]
    middle = max(samples.size // 2 - WINDOW, 0)
    for start in (middle, middle + WINDOW):
        window = samples[start : start + WINDOW]
        if window.size:
            assert_equal_to_librosa(np.ascontiguousarray(window))

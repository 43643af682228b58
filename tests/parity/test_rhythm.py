"""Onset strength, tempogram, tempo and beats against librosa 0.11.

librosa transforms in float64 and keeps float32, orpheus_fast does both in float32: onset strengths, in dB, agree to
2e-3 on these signals, and what is computed from the same onset strengths agrees to float32 rounding. Tempi and beats
are choices between lags and frames, and must be the same choices.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import rhythm_and_key
from orpheus_fast import audio, features

if TYPE_CHECKING:
    import numpy.typing as npt

librosa = pytest.importorskip("librosa")

RATE = rhythm_and_key.SAMPLE_RATE
PARTS = rhythm_and_key.RHYTHM_PARTS
ONSET_DB = 2e-3

MUSIC = Path(__file__).resolve().parents[3] / "shared" / "audio" / "music"
RECORDINGS = sorted(path for path in MUSIC.glob("*") if path.suffix in (".mp3", ".ogg"))


def piece(part: str) -> npt.NDArray[np.float32]:
    return rhythm_and_key.rhythm(part, 3, seconds=10).samples


def quietly(function: Any, **arguments: Any) -> Any:
    """Call librosa, which warns of short signals and empty bands."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return function(**arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"aggregate": np.median},
        {"lag": 3, "max_size": 4},
        {"lag": 2, "max_size": 3, "aggregate": np.median},
        {"detrend": True},
        {"center": False, "lag": 2},
        {"n_fft": 1024, "hop_length": 256},
        {"n_fft": 4096, "hop_length": 441, "n_mels": 64, "fmin": 50.0, "fmax": 8000.0},
        {"n_mels": 138, "fmax": 6000.0, "aggregate": np.median},
    ],
    ids=str,
)
def test_onset_strength_is_librosas(arguments: dict[str, Any]) -> None:
    y = piece("rock")
    expected = quietly(librosa.onset.onset_strength, y=y, sr=RATE, **arguments)
    found = features.onset_strength(y=y, sr=RATE, **arguments)
    np.testing.assert_allclose(found, expected, atol=ONSET_DB)


@pytest.mark.parametrize("n_samples", [1, 511, 512, 2047, 2048, 5000])
def test_onset_strength_of_short_signals_is_librosas(n_samples: int) -> None:
    y = piece("piano")[5000 : 5000 + n_samples]
    expected = quietly(librosa.onset.onset_strength, y=y, sr=RATE)
    np.testing.assert_allclose(features.onset_strength(y=y, sr=RATE), expected, atol=ONSET_DB)


@pytest.mark.parametrize("rate", [8000, 16_000, 44_100, 48_000])
def test_onset_strength_at_any_rate_is_librosas(rate: int) -> None:
    y = piece("swing")
    expected = quietly(librosa.onset.onset_strength, y=y, sr=rate)
    np.testing.assert_allclose(features.onset_strength(y=y, sr=rate), expected, atol=ONSET_DB)


@pytest.mark.parametrize("arguments", [{}, {"max_size": 5}, {"lag": 2, "aggregate": np.median}], ids=str)
def test_onset_strength_of_levels_is_librosas(arguments: dict[str, Any]) -> None:
    levels = np.random.default_rng(3).normal(-30, 10, (2, 40, 90)).astype(np.float32)
    expected = librosa.onset.onset_strength(S=levels, sr=RATE, **arguments)
    np.testing.assert_allclose(features.onset_strength(S=levels, sr=RATE, **arguments), expected, atol=2e-5)
    reference = levels[::-1].copy()
    expected = librosa.onset.onset_strength(S=levels, ref=reference, sr=RATE)
    np.testing.assert_allclose(features.onset_strength(S=levels, ref=reference, sr=RATE), expected, atol=2e-5)


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"win_length": 101},
        {"win_length": 64, "center": False},
        {"window": "hamming"},
        {"win_length": 200, "window": ("kaiser", 8.0)},
    ],
    ids=str,
)
@pytest.mark.parametrize("norm", [np.inf, 1, 2, None])
def test_a_tempogram_is_librosas(arguments: dict[str, Any], norm: float | None) -> None:
    strength = librosa.onset.onset_strength(y=piece("waltz"), sr=RATE)[5:]
    expected = librosa.feature.tempogram(onset_envelope=strength, norm=norm, **arguments)
    found = features.tempogram(onset_envelope=strength, norm=norm, **arguments)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6 * expected.max())


@pytest.mark.parametrize("part", PARTS)
def test_the_tempo_of_the_librosa_method_is_librosas(part: str) -> None:
    y = piece(part)
    expected = librosa.feature.tempo(y=y, sr=RATE)[0]
    assert features.tempo(y=y, sr=RATE, method="librosa").bpm == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    "arguments",
    [
        {"start_bpm": 70.0, "std_bpm": 0.4},
        {"max_tempo": 90.0},
        {"max_tempo": None},
        {"ac_size": 4.0, "hop_length": 256},
        {"aggregate": np.median},
        {"aggregate": None},
    ],
    ids=str,
)
def test_the_tempo_of_given_onsets_is_librosas(arguments: dict[str, Any]) -> None:
    strength = librosa.onset.onset_strength(y=piece("syncopation"), sr=RATE)
    # Not from silence: the ramp before the first frame counts.
    for onsets in (strength, strength[17:]):
        with np.errstate(divide="ignore"):
            expected = librosa.feature.tempo(onset_envelope=onsets, sr=RATE, **arguments)
            found = features.tempo(onset_envelope=onsets, sr=RATE, method="librosa", **arguments).bpm
        np.testing.assert_allclose(np.atleast_1d(found), expected, rtol=1e-9)


@pytest.mark.parametrize("part", PARTS)
def test_beats_of_the_librosa_method_are_librosas(part: str) -> None:
    y = piece(part)
    tempo, expected = librosa.beat.beat_track(y=y, sr=RATE)
    found = features.beats(y=y, sr=RATE, method="librosa")
    assert found.tempo == pytest.approx(float(np.atleast_1d(tempo)[0]), rel=1e-9)
    np.testing.assert_array_equal(found.beats, expected)


@pytest.mark.parametrize("bpm", [47.0, 90.0, 123.4, 199.0])
@pytest.mark.parametrize("arguments", [{}, {"trim": False}, {"tightness": 20.0}], ids=str)
def test_beats_at_the_same_tempo_are_librosas(bpm: float, arguments: dict[str, Any]) -> None:
    strength = librosa.onset.onset_strength(y=piece("loose"), sr=RATE, aggregate=np.median)
    for onsets in (strength, strength[30:200]):
        _, expected = librosa.beat.beat_track(onset_envelope=onsets, sr=RATE, bpm=bpm, **arguments)
        found = features.beats(onset_envelope=onsets, sr=RATE, bpm=bpm, **arguments)
        np.testing.assert_array_equal(found.beats, expected)


@pytest.mark.parametrize("units", ["frames", "samples", "time"])
def test_beats_come_in_librosas_units(units: Any) -> None:
    y = piece("rock")
    _, expected = librosa.beat.beat_track(y=y, sr=RATE, units=units)
    found = features.beats(y=y, sr=RATE, units=units, method="librosa").beats
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert found.dtype == expected.dtype


@pytest.mark.skipif(not RECORDINGS, reason="the folder of recordings, ../shared/audio/music, is not here")
@pytest.mark.parametrize("path", RECORDINGS[::3], ids=lambda path: path.name)
def test_the_rhythm_of_a_recording_is_librosas(path: Path) -> None:
    samples = audio.decode(path, sample_rate=RATE, mono=True).samples[0]
    y = np.ascontiguousarray(samples[: 15 * RATE])
    expected = quietly(librosa.onset.onset_strength, y=y, sr=RATE)
    np.testing.assert_allclose(features.onset_strength(y=y, sr=RATE), expected, atol=ONSET_DB)
    tempo = quietly(librosa.feature.tempo, onset_envelope=expected, sr=RATE)[0]
    assert features.tempo(onset_envelope=expected, sr=RATE, method="librosa").bpm == pytest.approx(tempo, rel=1e-9)
    if expected.any():
        _, beats = quietly(librosa.beat.beat_track, onset_envelope=expected, sr=RATE)
        found = features.beats(onset_envelope=expected, sr=RATE, method="librosa").beats
        np.testing.assert_array_equal(found, beats)

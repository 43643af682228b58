"""`orpheus_fast.features.key` on the synthesised set and on what has no key."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import rhythm_and_key
from orpheus_fast import features
from orpheus_fast.errors import ParameterError, ShapeError

librosa = pytest.importorskip("librosa")

RATE = rhythm_and_key.SAMPLE_RATE
# Krumhansl and Kessler 1982.
MAJOR = (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88)
MINOR = (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17)


def peer(y: npt.NDArray[np.float32]) -> str:
    """The key that librosa's chroma gives by Krumhansl's profiles."""
    chroma = librosa.feature.chroma_stft(y=y, sr=RATE).mean(axis=1)
    profiles = [np.roll(profile, tonic) for profile in (MAJOR, MINOR) for tonic in range(12)]
    return features.KEY_NAMES[int(np.argmax([np.corrcoef(chroma, profile)[0, 1] for profile in profiles]))]


def test_more_keys_are_right_than_with_librosas_chroma() -> None:
    pieces = list(rhythm_and_key.tonalities())
    truth = [f"{piece.tonic} {piece.mode}" for piece in pieces]
    ours = np.mean([features.key(piece.samples).name == name for piece, name in zip(pieces, truth, strict=True)])
    theirs = np.mean([peer(piece.samples) == name for piece, name in zip(pieces, truth, strict=True)])
    assert ours >= 0.8
    assert ours >= theirs + 0.05


def test_the_tuning_is_found_to_three_cents() -> None:
    for piece in rhythm_and_key.tonalities(seeds=(2,)):
        assert abs(features.key(piece.samples).tuning_cents - piece.detune_cents) < 3


@pytest.mark.parametrize("factor", [2, 3])
def test_the_rate_does_not_matter(factor: int) -> None:
    piece = rhythm_and_key.tonality(4, "minor", seconds=8)
    samples = np.repeat(piece.samples, factor)
    assert features.key(samples, RATE * factor).name == features.key(piece.samples, RATE).name


def test_neighbours_on_the_circle_of_fifths_have_neighbouring_numbers() -> None:
    codes = {}
    for number, name in enumerate(features.KEY_NAMES):
        tonic, mode = name.split()
        codes[name] = features.Key(tonic, mode, 1, 1, np.zeros(24), np.zeros(12), 0).camelot  # type: ignore[arg-type]
        assert number == features.KEY_NAMES.index(name)
    expected = {"C major": "8B", "G major": "9B", "F major": "7B", "E major": "12B", "B major": "1B", "A minor": "8A"}
    assert {name: codes[name] for name in expected} == expected
    assert (codes["G# minor"], codes["E minor"]) == ("1A", "9A")
    assert len(set(codes.values())) == 24


@pytest.mark.parametrize("y", [np.zeros(50_000), np.zeros(1)])
def test_silence_has_no_key(y: Any) -> None:
    found = features.key(y)
    assert (found.tonic, found.mode, found.name, found.camelot) == (None, None, None, None)
    assert (found.strength, found.confidence, found.tuning_cents) == (0, 0, 0)
    assert not found.correlations.any()
    assert not found.chroma.any()


@settings(max_examples=40, deadline=None)
@given(
    arrays.arrays(np.float32, st.integers(1, 3000), elements=st.floats(-2, 2, width=32)),
    st.sampled_from([4000, 8000, 22_050, 44_100, 192_000]),
)
def test_any_finite_signal_has_finite_notes(y: npt.NDArray[np.float32], sr: int) -> None:
    found = features.key(y, sr)
    assert (found.correlations.shape, found.chroma.shape) == ((24,), (12,))
    assert np.isfinite(found.correlations).all()
    assert ((found.chroma >= 0) & (found.chroma <= 1 + 1e-6)).all()
    assert 0 <= found.confidence <= 1
    assert -50 <= found.tuning_cents <= 50


def test_what_is_no_signal_is_refused() -> None:
    y = np.zeros(5000)
    y[4321] = np.nan
    with pytest.raises(ParameterError, match="sample 4321 is not finite"):
        features.key(y)
    with pytest.raises(ParameterError, match="no samples"):
        features.key(np.zeros(0))
    with pytest.raises(ShapeError):
        features.key(np.zeros((2, 5000)))
    for rate in (-1, 3999, 384_001, 1 << 40):
        with pytest.raises(ParameterError, match=f"sr is {rate}, expected 4000 to 384000"):
            features.key(np.zeros(5000), rate)

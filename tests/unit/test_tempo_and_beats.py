"""`orpheus_fast.features`: tempo and beats on the synthesised set, and what onset functions do with hard input."""

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

RATE = rhythm_and_key.SAMPLE_RATE
FACTORS = (1, 2, 3, 1 / 2, 1 / 3)


def is_close(found: float, expected: float) -> bool:
    """Within 4 %, as evaluations of tempo have it."""
    return abs(found / expected - 1) <= 0.04


@pytest.fixture(scope="module")
def found() -> list[tuple[rhythm_and_key.Rhythm, float, float]]:
    """Every piece of the set, with the tempo of the default and of librosa's method."""
    return [
        (piece, features.tempo(y=piece.samples).bpm, features.tempo(y=piece.samples, method="librosa").bpm)
        for piece in rhythm_and_key.rhythms()
    ]


def test_the_tempo_is_right_where_librosa_errs_by_an_octave(
    found: list[tuple[rhythm_and_key.Rhythm, float, float]],
) -> None:
    exact = np.array([[is_close(ours, it.tempo_bpm), is_close(theirs, it.tempo_bpm)] for it, ours, theirs in found])
    related = np.array(
        [
            [any(is_close(bpm, factor * it.tempo_bpm) for factor in FACTORS) for bpm in (ours, theirs)]
            for it, ours, theirs in found
        ]
    )
    assert exact[:, 0].mean() >= 0.68
    assert exact[:, 0].mean() >= exact[:, 1].mean() + 0.12
    assert related[:, 0].mean() >= 0.97
    assert related[:, 0].mean() >= related[:, 1].mean() + 0.05


def test_no_part_of_the_set_is_clearly_worse_than_with_librosa(
    found: list[tuple[rhythm_and_key.Rhythm, float, float]],
) -> None:
    for part in rhythm_and_key.RHYTHM_PARTS:
        pieces = [(it.tempo_bpm, ours, theirs) for it, ours, theirs in found if it.part == part]
        ours = sum(is_close(bpm, truth) for truth, bpm, _ in pieces)
        theirs = sum(is_close(bpm, truth) for truth, _, bpm in pieces)
        # Of eight pieces a part.
        assert ours >= theirs - 1, part


def test_a_tempo_that_is_right_is_precise(found: list[tuple[rhythm_and_key.Rhythm, float, float]]) -> None:
    steady = [(it.tempo_bpm, bpm) for it, bpm, _ in found if it.part in ("rock", "metronome", "four on the floor")]
    errors = [abs(bpm / truth - 1) for truth, bpm in steady if is_close(bpm, truth)]
    assert np.median(errors) < 1e-3
    assert max(errors) < 0.01


def test_beats_fall_where_they_were_played() -> None:
    for slot in (2, 3, 4):
        piece = rhythm_and_key.rhythm("rock", slot)
        beats = features.beats(y=piece.samples, bpm=piece.tempo_bpm, units="time").beats
        distances = np.abs(beats[:, None] - piece.beat_seconds[None]).min(axis=1)
        # librosa's onset strengths lie half a frame late.
        assert np.median(distances) < 0.035


def test_a_batch_gives_what_single_signals_give() -> None:
    rows = [rhythm_and_key.rhythm("rock", slot, seconds=6).samples for slot in range(4)]
    batch = np.stack(rows).reshape(2, 2, -1)
    tempo = features.tempo(y=batch)
    assert tempo.bpm.shape == tempo.confidence.shape == (2, 2)
    np.testing.assert_array_equal(tempo.bpm.ravel(), [features.tempo(y=row).bpm for row in rows])
    strengths = features.onset_strength(y=batch)
    np.testing.assert_array_equal(strengths[1, 0], features.onset_strength(y=rows[2]))
    assert features.tempogram(y=batch, win_length=50).shape == (2, 2, 50, strengths.shape[-1])
    assert features.tempo(y=batch, method="librosa").bpm.shape == (2, 2)


HARD = {
    "silence": np.zeros(30_000),
    "one sample": np.full(1, 0.3),
    "an impulse": np.eye(1, 60_000, 20_000)[0],
    "a constant": np.full(60_000, 0.5),
}


@pytest.mark.parametrize("name", HARD)
def test_what_does_not_repeat_has_no_tempo_and_few_beats(name: str) -> None:
    assert features.tempo(y=HARD[name]) == (0.0, 0.0)
    assert features.beats(y=HARD[name]).beats.size <= 1
    assert np.isfinite(features.onset_strength(y=HARD[name])).all()
    assert np.isfinite(features.tempogram(y=HARD[name])).all()


def test_noise_has_a_tempo_of_little_confidence() -> None:
    noise = np.random.default_rng(1).standard_normal(20 * RATE)
    assert features.tempo(y=noise).confidence < 0.4


@settings(max_examples=40, deadline=None)
@given(
    arrays.arrays(np.float32, st.integers(1, 3000), elements=st.floats(-2, 2, width=32)),
    st.sampled_from([1000, 8000, 22_050, 96_000]),
)
def test_any_finite_signal_has_finite_rhythm(y: npt.NDArray[np.float32], sr: int) -> None:
    bpm, confidence = features.tempo(y=y, sr=sr)
    assert 0 <= confidence <= 1
    assert bpm == 0 or 36 < bpm < 270
    strengths = features.onset_strength(y=y, sr=sr)
    assert strengths.shape == (1 + y.size // 512,)
    assert np.isfinite(strengths).all()
    beats = features.beats(y=y, sr=sr).beats
    assert ((beats >= 0) & (beats < strengths.size)).all()


@pytest.mark.parametrize("function", [features.tempo, features.beats, features.onset_strength, features.tempogram])
def test_what_is_no_signal_is_refused(function: Any) -> None:
    for value in (np.nan, np.inf):
        y = np.zeros(5000)
        y[4321] = value
        with pytest.raises(ParameterError, match="sample 4321 is not finite"):
            function(y=y)
    with pytest.raises(ParameterError, match="no samples"):
        function(y=np.zeros(0))
    with pytest.raises(ParameterError, match="at least one value"):
        function(y=np.zeros((2, 0)))
    with pytest.raises(ShapeError):
        function(y=np.float32(1))
    with pytest.raises(ParameterError, match="expected one of y and"):
        function()
    for rate in (0, np.nan, 1e9):
        with pytest.raises(ParameterError, match="sr is"):
            function(y=np.zeros(5000), sr=rate)


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        (features.onset_strength, {"lag": 0}),
        (features.onset_strength, {"max_size": 0}),
        (features.onset_strength, {"hop_length": 0}),
        (features.onset_strength, {"n_fft": 0}),
        (features.onset_strength, {"n_fft": 1 << 60}),
        (features.onset_strength, {"hop_length": 1 << 60}),
        (features.onset_strength, {"n_mels": 1 << 60}),
        (features.tempogram, {"win_length": 1 << 30}),
        (features.onset_strength, {"n_mels": 0}),
        (features.onset_strength, {"aggregate": "max"}),
        (features.tempo, {"start_bpm": 0}),
        (features.tempo, {"std_bpm": -1}),
        (features.tempo, {"method": "best"}),
        (features.tempo, {"aggregate": None}),
        (features.tempo, {"aggregate": np.median}),
        (features.tempo, {"ac_size": 4.0}),
        (features.tempo, {"method": "librosa", "ac_size": 0}),
        (features.tempo, {"method": "librosa", "ac_size": 1e9}),
        (features.tempo, {"method": "librosa", "ac_size": np.inf, "aggregate": None}),
        (features.tempo, {"method": "librosa", "ac_size": 1e5, "aggregate": np.median}),
        (features.tempogram, {"win_length": 0}),
        (features.tempogram, {"win_length": 10, "window": "kaiser"}),
        (features.tempogram, {"win_length": 10, "window": np.ones(9)}),
        (features.tempogram, {"norm": 0}),
        (features.beats, {"bpm": 0}),
        (features.beats, {"bpm": 1e9}),
        (features.beats, {"tightness": 0}),
        (features.beats, {"units": "beats"}),
    ],
)
def test_a_parameter_out_of_range_is_refused(function: Any, arguments: dict[str, Any]) -> None:
    y = rhythm_and_key.rhythm("metronome", 3, seconds=3).samples
    with pytest.raises(ParameterError):
        function(y=y, **arguments)

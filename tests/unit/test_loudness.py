"""`orpheus_fast.features.loudness` against the test signals of EBU Tech 3341 and 3342.

Tolerances are those of the documents: 0.1 LU for loudness, 1 LU for the range, +0.2 and -0.4 dB for true peaks.
"""

from __future__ import annotations

import math
import tracemalloc
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from orpheus_fast import features
from orpheus_fast.errors import ParameterError, ShapeError

if TYPE_CHECKING:
    from collections.abc import Sequence

RATE = 48_000


def tones(steps: Sequence[tuple[float, float]], sr: int = RATE, hz: float = 1000.0) -> npt.NDArray[np.float32]:
    """A sine that goes through (level in dBFS, seconds), in stereo and in phase."""
    levels = np.concatenate([np.full(round(seconds * sr), 10 ** (level / 20)) for level, seconds in steps])
    tone = (levels * np.sin(2 * np.pi * hz * np.arange(levels.size) / sr)).astype(np.float32)
    return np.stack([tone, tone])


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([(-23, 20)], -23.0),
        ([(-33, 20)], -33.0),
        ([(-36, 10), (-23, 60), (-36, 10)], -23.0),
        ([(-72, 10), (-36, 10), (-23, 60), (-36, 10), (-72, 10)], -23.0),
        ([(-26, 20), (-20, 20.1), (-26, 20)], -23.0),
    ],
    ids=["case 1", "case 2", "case 3", "case 4", "case 5"],
)
def test_integrated_loudness_is_that_of_tech_3341(steps: Sequence[tuple[float, float]], expected: float) -> None:
    assert features.loudness(tones(steps), RATE).integrated_lufs == pytest.approx(expected, abs=0.1)


def test_surround_channels_count_as_in_case_6_of_tech_3341() -> None:
    front, centre, back = (tones([(level, 20)])[0] for level in (-28, -24, -30))
    surround = np.stack([front, front, centre, np.zeros_like(front), back, back])
    assert features.loudness(surround, RATE).integrated_lufs == pytest.approx(-23, abs=0.1)
    # The LFE does not count, but peaks are looked for there, too.
    surround[3] = 0.9
    found = features.loudness(surround, RATE)
    assert found.integrated_lufs == pytest.approx(-23, abs=0.1)
    assert found.sample_peak_dbfs == pytest.approx(20 * math.log10(0.9), abs=1e-3)


@pytest.mark.parametrize("rate", [8000, 11_025, 16_000, 22_050, 44_100, 96_000, 192_000])
def test_the_rate_does_not_matter(rate: int) -> None:
    found = features.loudness(tones([(-23, 5)], rate), rate)
    # Near half the rate the shelf of the K weighting is bent a little.
    tolerance = 0.1 if rate > 8000 else 0.2
    assert found.integrated_lufs == pytest.approx(-23, abs=tolerance)
    assert found.short_term_max_lufs == pytest.approx(-23, abs=tolerance)


@pytest.mark.parametrize(
    ("levels", "expected"),
    [((-20, -30), 10.0), ((-20, -15), 5.0), ((-40, -20), 20.0), ((-50, -35, -20, -35, -50), 15.0)],
    ids=["case 1", "case 2", "case 3", "case 4"],
)
def test_the_loudness_range_is_that_of_tech_3342(levels: Sequence[float], expected: float) -> None:
    found = features.loudness(tones([(level, 20) for level in levels]), RATE)
    assert found.range_lu == pytest.approx(expected, abs=1)


def test_short_term_and_momentary_maxima_are_those_of_tech_3341() -> None:
    # Case 9: 1.34 s at -20 and 1.66 s at -30 in turn; case 12: 0.18 s at -20 and 0.22 s at -30.
    slow = features.loudness(tones([(-20, 1.34), (-30, 1.66)] * 5), RATE)
    assert slow.short_term_max_lufs == pytest.approx(-23, abs=0.1)
    fast = features.loudness(tones([(-20, 0.18), (-30, 0.22)] * 25), RATE)
    assert fast.momentary_max_lufs == pytest.approx(-23, abs=0.1)


@pytest.mark.parametrize(
    ("divisor", "phase", "level", "expected"),
    [(4, 0, 0.5, -6), (4, 45, 0.5, -6), (6, 60, 0.5, -6), (8, 67.5, 0.5, -6), (4, 45, 1.41, 3)],
    ids=["case 15", "case 16", "case 17", "case 18", "case 19"],
)
def test_the_true_peak_is_that_of_tech_3341(divisor: int, phase: float, level: float, expected: float) -> None:
    n = np.arange(RATE)
    fade = np.minimum(np.minimum(n, n[::-1]) / 2400, 1)
    tone = level * fade * np.sin(2 * np.pi * n / divisor + math.radians(phase))
    found = features.loudness(np.stack([tone, tone]), RATE)
    assert expected - 0.4 <= found.true_peak_dbtp <= expected + 0.2


def test_music_measures_as_with_pyloudnorm() -> None:
    pyloudnorm = pytest.importorskip("pyloudnorm")
    rng = np.random.default_rng(2)
    for rate in (44_100, 48_000):
        noise = rng.standard_normal((2, 12 * rate)) * np.repeat(10 ** rng.uniform(-2.5, -1, 12), rate)
        expected = pyloudnorm.Meter(rate, filter_class="DeMan").integrated_loudness(noise.T.astype(np.float32))
        assert features.loudness(noise, rate).integrated_lufs == pytest.approx(expected, abs=0.02)


def test_mono_is_three_lu_less_than_the_same_on_two_loudspeakers() -> None:
    both = tones([(-23, 5)])
    mono = features.loudness(both[0], RATE)
    assert mono.integrated_lufs == pytest.approx(-23 - 3.01, abs=0.1)
    doubled = features.loudness(both[0], RATE, channel_weights=[2])
    assert doubled.integrated_lufs == pytest.approx(-23, abs=0.1)


@pytest.mark.parametrize("n_samples", [1, 100, 4800, 9600, 100_000])
def test_silence_is_minus_infinity_at_any_length(n_samples: int) -> None:
    found = features.loudness(np.zeros(n_samples), RATE)
    assert found.integrated_lufs == found.momentary_max_lufs == found.short_term_max_lufs == -math.inf
    assert found.true_peak_dbtp == found.sample_peak_dbfs == -math.inf
    assert found.range_lu == 0


def test_a_signal_shorter_than_a_block_is_a_block() -> None:
    found = features.loudness(tones([(-23, 0.25)]), RATE)
    assert found.integrated_lufs == pytest.approx(-23, abs=0.3)
    assert found.momentary_max_lufs == found.short_term_max_lufs == pytest.approx(found.integrated_lufs)


def test_an_offset_is_not_heard() -> None:
    assert features.loudness(np.full(20 * RATE, 0.5), RATE).short_term_max_lufs < -15
    assert features.loudness(np.full(20 * RATE, 0.5), RATE).integrated_lufs < -10


def test_no_copy_of_the_signal_is_made() -> None:
    y = np.zeros((2, 60 * RATE), dtype=np.float32)
    tracemalloc.start()
    features.loudness(y, RATE)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < y.nbytes / 10


@settings(max_examples=60, deadline=None)
@given(
    arrays.arrays(
        np.float32,
        st.tuples(st.integers(1, 6), st.integers(1, 2000)),
        elements=st.floats(-10, 10, width=32),
    ),
    st.sampled_from([8000, 22_050, 48_000, 192_000]),
)
def test_any_finite_signal_has_levels_that_are_no_nan(y: npt.NDArray[np.float32], sr: int) -> None:
    found = features.loudness(y, sr)
    values = (found.integrated_lufs, found.momentary_max_lufs, found.true_peak_dbtp, found.sample_peak_dbfs)
    assert not any(math.isnan(value) or value == math.inf for value in values)
    assert found.true_peak_dbtp >= found.sample_peak_dbfs
    assert found.range_lu >= 0


@pytest.mark.parametrize(
    ("y", "arguments", "complaint"),
    [
        (np.zeros(0), {}, "no samples"),
        (np.full(5, np.nan), {}, "sample 0 is not finite"),
        (np.full(5, 1e20), {}, "1e20"),
        (np.zeros((7, 100)), {}, "n_channels is 7"),
        (np.zeros(100), {"sr": 7999}, "sr is 7999"),
        (np.zeros(100), {"sr": 1 << 40}, "sr is"),
        (np.zeros((2, 100)), {"channel_weights": [1, -1]}, "channel_weights is -1"),
        (np.zeros((2, 100)), {"channel_weights": [1]}, "channel_weights has 1 values"),
    ],
)
def test_what_cannot_be_measured_is_refused(y: Any, arguments: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ParameterError, match=complaint):
        features.loudness(y, **arguments)


@pytest.mark.parametrize("shape", [(), (1, 2, 3)])
def test_another_number_of_dimensions_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError):
        features.loudness(np.zeros(shape))

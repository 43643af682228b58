"""Our two qualities beside soxr's HQ and VHQ, on the same signals: no figure of ours may be the worse one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pytest

import orpheus_fast
from orpheus_fast.errors import ParameterError, ShapeError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

soxr = pytest.importorskip("soxr")

FROM_HZ: Final = (44_100, 48_000, 32_000, 96_000, 88_200, 22_050)
TO_HZ: Final = (48_000, 44_100, 24_000, 22_050, 16_000)
PAIRS: Final = [(a, b) for a in FROM_HZ for b in TO_HZ if a != b]
QUALITIES: Final = (("high", "HQ"), ("best", "VHQ"))

# What a tone of full scale, rounded to float32 samples on both sides, leaves to be measured.
MEASURABLE_DB: Final = 150.0
# Both sides of a float32 conversion are dithered by rounding: figures vary by as much from tone to tone.
MARGIN_DB: Final = 1.0


def converters(quality: str, preset: str, pair: tuple[int, int]) -> list[Callable[[NDArray[np.float32]], NDArray]]:
    return [
        lambda samples: orpheus_fast.resample(samples, *pair, quality=quality),  # type: ignore[arg-type]
        lambda samples: soxr.resample(samples, *pair, quality=preset),
    ]


def tone(hz: float, rate: int, start: int, n_samples: int) -> NDArray[np.float64]:
    return np.sin(2 * np.pi * hz / rate * np.arange(start, start + n_samples))


def converted(convert: Callable, pair: tuple[int, int], hz: float) -> tuple[NDArray[np.float64], int]:
    """The middle half of half a second of a tone after conversion, and where it starts."""
    output = convert(tone(hz, pair[0], 0, pair[0] // 2).astype(np.float32)).astype(np.float64)
    quarter = len(output) // 4
    return output[quarter : 3 * quarter], quarter


def gain_and_snr_db(convert: Callable, pair: tuple[int, int], hz: float) -> tuple[float, float]:
    output, start = converted(convert, pair, hz)
    # In phase or not: soxr's output may be off by a part of a sample.
    ideal = np.exp(2j * np.pi * hz / pair[1] * np.arange(start, start + len(output)))
    basis = np.stack([ideal.real, ideal.imag], axis=1)
    amplitudes, *_ = np.linalg.lstsq(basis, output, rcond=None)
    rest = output - basis @ amplitudes
    power = np.sum((basis @ amplitudes) ** 2)
    return 20 * np.log10(np.linalg.norm(amplitudes)), 10 * np.log10(power / np.sum(rest**2))


def pass_band_edge(convert: Callable, pair: tuple[int, int]) -> float:
    """Share of the lower Nyquist frequency at which the gain has fallen by 0.1 dB, to 0.1 %."""
    nyquist = min(pair) / 2
    low, high = 0.85, 1.0
    while high - low > 0.001:
        middle = (low + high) / 2
        if gain_and_snr_db(convert, pair, middle * nyquist)[0] >= -0.1:
            low = middle
        else:
            high = middle
    return low


def leakage_db(convert: Callable, pair: tuple[int, int]) -> float:
    """The most that comes through of tones above the lower Nyquist frequency, or of images of those below it."""
    nyquist = min(pair) / 2
    if pair[0] > pair[1]:
        top = pair[0] / 2
        powers = [np.mean(converted(convert, pair, hz)[0] ** 2) for hz in np.linspace(1.0005 * nyquist, 0.999 * top, 9)]
        return float(10 * np.log10(2 * max(powers)))
    levels = []
    for hz in np.linspace(0.05, 0.93, 6) * nyquist:
        output, _ = converted(convert, pair, hz)
        window = np.blackman(len(output)) ** 2
        spectrum = np.abs(np.fft.rfft(output * window)) * 2 / window.sum()
        frequencies = np.arange(len(spectrum)) * pair[1] / len(output)
        # From the lower Nyquist frequency on there is nothing but images.
        levels.append(spectrum[frequencies > 1.02 * nyquist].max(initial=1e-12))
    return float(20 * np.log10(max(levels)))


@pytest.mark.parametrize(("quality", "preset"), QUALITIES)
@pytest.mark.parametrize("pair", PAIRS, ids=str)
def test_noise_is_as_far_below_a_tone_as_soxrs(pair: tuple[int, int], quality: str, preset: str) -> None:
    ours, theirs = converters(quality, preset, pair)
    tones = np.array([0.013, 0.37, 0.83, 0.9]) * min(pair) / 2
    worst = [min(gain_and_snr_db(convert, pair, hz)[1] for hz in tones) for convert in (ours, theirs)]
    assert worst[0] >= min(worst[1], MEASURABLE_DB) - MARGIN_DB


@pytest.mark.parametrize(("quality", "preset"), QUALITIES)
@pytest.mark.parametrize("pair", PAIRS, ids=str)
def test_the_pass_band_reaches_as_far_as_soxrs(pair: tuple[int, int], quality: str, preset: str) -> None:
    ours, theirs = (pass_band_edge(convert, pair) for convert in converters(quality, preset, pair))
    assert ours >= max(theirs, 0.935)


@pytest.mark.parametrize(("quality", "preset"), QUALITIES)
@pytest.mark.parametrize("pair", PAIRS, ids=str)
def test_ripple_is_no_more_than_soxrs(pair: tuple[int, int], quality: str, preset: str) -> None:
    tones = np.linspace(0.01, 0.9, 12) * min(pair) / 2
    ours, theirs = (
        max(abs(gain_and_snr_db(convert, pair, hz)[0]) for hz in tones) for convert in converters(quality, preset, pair)
    )
    assert ours <= max(theirs, 1e-5)


@pytest.mark.parametrize(("quality", "preset"), QUALITIES)
@pytest.mark.parametrize("pair", PAIRS, ids=str)
def test_aliases_and_images_are_as_far_down_as_soxrs(pair: tuple[int, int], quality: str, preset: str) -> None:
    ours, theirs = (leakage_db(convert, pair) for convert in converters(quality, preset, pair))
    assert ours <= max(theirs, -MEASURABLE_DB) + MARGIN_DB
    assert ours <= {"high": -130, "best": -149}[quality]


def test_every_channel_is_converted_on_its_own() -> None:
    rng = np.random.default_rng(4)
    channels = rng.uniform(-1, 1, (3, 10_000)).astype(np.float32)
    together = orpheus_fast.resample(channels, 44_100, 48_000)
    assert together.shape == (3, 10_885)
    assert together.dtype == np.float32
    for channel, converted_channel in zip(channels, together, strict=True):
        np.testing.assert_array_equal(orpheus_fast.resample(channel, 44_100, 48_000), converted_channel)


def test_no_samples_give_no_samples() -> None:
    assert orpheus_fast.resample(np.zeros(0), 44_100, 48_000).shape == (0,)
    assert orpheus_fast.resample(np.zeros((2, 0)), 44_100, 48_000).shape == (2, 0)
    assert orpheus_fast.resample(np.zeros((0, 5)), 44_100, 22_050).shape == (0, 3)


@pytest.mark.parametrize(
    ("samples", "rates", "error", "says"),
    [
        (np.zeros(5), (44_100, 999), ParameterError, "to_hz is 999 Hz"),
        (np.zeros(5), (-1, 44_100), ParameterError, "from_hz is -1 Hz"),
        (np.zeros(5), (2**40, 44_100), ParameterError, "from_hz"),
        (np.array([0.0, np.nan]), (44_100, 48_000), ParameterError, "not finite"),
        (np.zeros((1, 2, 3)), (44_100, 48_000), ShapeError, "samples has shape"),
        (np.array(["a"]), (44_100, 48_000), ShapeError, "dtype"),
    ],
)
def test_what_cannot_be_converted_is_refused(
    samples: NDArray, rates: tuple[int, int], error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        orpheus_fast.resample(samples, *rates)


def test_a_quality_that_is_not_there_is_refused() -> None:
    with pytest.raises(ParameterError, match="quality"):
        orpheus_fast.resample(np.zeros(5), 44_100, 48_000, quality="draft")  # type: ignore[arg-type]

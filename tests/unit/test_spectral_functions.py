"""`orpheus_fast.features`: what the frame-by-frame functions take, refuse and give."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orpheus_fast import features
from orpheus_fast.errors import ParameterError, ShapeError

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

RATE = 22_050

SPECTRAL: dict[str, tuple[Callable[..., Any], int | None]] = {
    # With the number of lines for each signal; of the first one, bins.
    "stft": (lambda y=None, **options: features.stft(y, **options), None),
    "mel_spectrogram": (features.mel_spectrogram, 128),
    "mfcc": (features.mfcc, 20),
    "spectral_centroid": (features.spectral_centroid, 1),
    "bandwidth": (features.bandwidth, 1),
    "rolloff": (features.rolloff, 1),
    "spectral_flatness": (features.spectral_flatness, 1),
    "chroma": (features.chroma, 12),
}
FRAMED: dict[str, Callable[..., Any]] = {
    "rms": features.rms,
    "zero_crossing_rate": features.zero_crossing_rate,
}
ALL: dict[str, Callable[..., Any]] = {
    **{name: function for name, (function, _) in SPECTRAL.items()},
    **FRAMED,
    "spectral_contrast": features.spectral_contrast,
    "estimate_tuning": features.estimate_tuning,
}


def noise(*shape: int) -> npt.NDArray[np.float32]:
    return np.random.default_rng(3).uniform(-0.5, 0.5, shape).astype(np.float32)


@settings(max_examples=40, deadline=None)
@given(
    name=st.sampled_from(sorted(SPECTRAL)),
    lead=st.sampled_from([(), (1,), (3,), (2, 1)]),
    n_samples=st.integers(1, 6000),
    n_fft=st.integers(2, 700) | st.sampled_from([128, 1024, 2048, 4096, 5000]),
    hop_length=st.integers(1, 900),
    shape=st.floats(0, 1),
    pad_mode=st.sampled_from(["constant", "edge", "reflect"]),
    precision=st.sampled_from(["fast", "reference"]),
)
def test_every_length_and_framing_has_one_column_per_frame(
    name: str,
    lead: tuple[int, ...],
    n_samples: int,
    n_fft: int,
    hop_length: int,
    shape: float,
    pad_mode: Any,
    precision: Any,
) -> None:
    function, n_lines = SPECTRAL[name]
    options = {"n_fft": n_fft, "hop_length": max(hop_length, n_samples // 200), "pad_mode": pad_mode}
    win_length = max(1, round(shape * n_fft))
    result = function(y=noise(*lead, n_samples), win_length=win_length, precision=precision, **options)
    n_frames = 1 + (n_samples + 2 * (n_fft // 2) - n_fft) // options["hop_length"]
    assert result.shape == (*lead, n_lines or n_fft // 2 + 1, n_frames)
    assert result.flags.c_contiguous
    assert result.flags.writeable
    assert np.isfinite(result).all()


@settings(max_examples=30, deadline=None)
@given(
    name=st.sampled_from(sorted(FRAMED)),
    n_samples=st.integers(1, 3000),
    frame_length=st.integers(1, 3000),
    hop_length=st.integers(1, 900),
    center=st.booleans(),
)
def test_every_frame_has_one_value(name: str, n_samples: int, frame_length: int, hop_length: int, center: bool) -> None:
    y = noise(2, n_samples)
    options = {"frame_length": frame_length, "hop_length": hop_length, "center": center}
    if not center and n_samples < frame_length:
        with pytest.raises(ParameterError, match=rf"{n_samples} samples, .* not centred needs {frame_length}"):
            FRAMED[name](y=y, **options)
        return
    room = n_samples + (2 * (frame_length // 2) if center else 0) - frame_length
    assert FRAMED[name](y=y, **options).shape == (2, 1, 1 + room // hop_length)


@settings(max_examples=30, deadline=None)
@given(
    name=st.sampled_from(sorted(ALL)),
    at=st.integers(0, 2999),
    value=st.sampled_from([np.nan, np.inf, -np.inf]),
    dtype=st.sampled_from([np.float32, np.float64]),
)
def test_a_sample_that_is_no_number_is_named(name: str, at: int, value: float, dtype: Any) -> None:
    y = noise(2, 1500).astype(dtype)
    y.flat[at] = value
    with pytest.raises(ParameterError, match=rf"sample {at} is not finite"):
        ALL[name](y=y)


@pytest.mark.parametrize("name", ALL)
def test_no_samples_are_refused(name: str) -> None:
    for y in (np.zeros(0), np.zeros((2, 0))):
        with pytest.raises(ParameterError, match="no samples"):
            ALL[name](y=y)


@pytest.mark.parametrize("name", [*SPECTRAL, "rms", "spectral_contrast"])
def test_an_empty_batch_has_an_empty_result(name: str) -> None:
    assert ALL[name](y=np.zeros((0, 4000), dtype=np.float32)).shape[0] == 0


@pytest.mark.parametrize("name", ALL)
def test_any_array_of_the_same_numbers_has_the_same_result(name: str) -> None:
    y = noise(5000)
    expected = ALL[name](y=y)
    for other in (y.astype(np.float64), y.tolist(), np.repeat(y, 2)[::2], y.astype(">f4")):
        np.testing.assert_array_equal(ALL[name](y=other), expected)


@pytest.mark.parametrize("name", ALL)
def test_threads_get_what_one_thread_gets(name: str) -> None:
    batch = noise(6, 6000)
    with ThreadPoolExecutor(3) as pool:
        results = list(pool.map(lambda y: ALL[name](y=y), batch))
    for y, result in zip(batch, results, strict=True):
        np.testing.assert_array_equal(result, ALL[name](y=y))


@pytest.mark.parametrize("name", [name for name in ALL if name not in ("zero_crossing_rate", "estimate_tuning")])
def test_the_reference_is_in_float64_and_near_the_fast_result(name: str) -> None:
    y = noise(8000)
    exact = ALL[name](y=y, precision="reference")
    assert exact.dtype in (np.float64, np.complex128)
    scale = np.abs(exact).max()
    # Valleys are the faintest bins of all.
    tolerance = 1e-3 if name == "spectral_contrast" else 1e-4
    np.testing.assert_allclose(ALL[name](y=y), exact, rtol=tolerance, atol=tolerance * scale)


def test_a_spectrogram_has_the_result_of_its_signal() -> None:
    y = noise(3, 9000)
    magnitude = np.abs(features.stft(y, hop_length=512))
    np.testing.assert_allclose(features.spectral_centroid(S=magnitude), features.spectral_centroid(y=y), rtol=1e-5)
    np.testing.assert_allclose(features.chroma(S=magnitude**2), features.chroma(y=y), rtol=1e-3, atol=1e-4)
    levels = features.power_to_db(features.mel_spectrogram(S=magnitude**2))
    np.testing.assert_allclose(features.mfcc(S=levels), features.mfcc(y=y), rtol=1e-3, atol=1e-3)
    # In any memory order.
    turned = np.asfortranarray(magnitude[0])
    np.testing.assert_array_equal(features.bandwidth(S=turned), features.bandwidth(S=magnitude[0]))


GIVEN = ["spectral_centroid", "bandwidth", "rolloff", "spectral_flatness"]


@pytest.mark.parametrize("name", [*GIVEN, "mel_spectrogram", "mfcc", "chroma", "spectral_contrast", "rms"])
def test_a_value_of_a_spectrogram_that_is_no_number_is_named(name: str) -> None:
    s = np.ones((1025, 9), dtype=np.float32)
    s.flat[4711] = np.nan
    with pytest.raises(ParameterError, match=r"value 4711 of S is NaN, expected finite numbers"):
        ALL[name](S=s)


@pytest.mark.parametrize("name", GIVEN)
def test_magnitudes_below_zero_are_refused(name: str) -> None:
    s = np.ones((33, 9))
    s[32, 8] = -1e-3
    with pytest.raises(ParameterError, match=r"value 296 of S is -0.001.*, expected finite numbers of at least zero"):
        ALL[name](S=s)


WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("stft", {"n_fft": 0}, "n_fft is 0, expected at least 1"),
    ("stft", {"n_fft": 1 << 21}, "n_fft is 2097152, expected 1 to 1048576"),
    ("stft", {"hop_length": 0}, "hop_length is 0"),
    ("stft", {"win_length": 4096}, r"win_length is 4096, expected 1 to n_fft \(2048\)"),
    ("stft", {"window": "han"}, 'window is "han", expected hann'),
    ("stft", {"window": ("kaiser",)}, 'window is "kaiser"'),
    ("stft", {"window": np.ones(7)}, r"window has shape \(7,\)"),
    ("stft", {"window": np.full(2048, np.nan)}, "a value of window is NaN"),
    ("stft", {"window": 1e9}, "a value of window is NaN"),
    ("stft", {"pad_mode": "wrap"}, 'pad_mode is "wrap", expected "constant", "edge" or "reflect"'),
    ("stft", {"precision": "f64"}, 'precision is .f64., expected "fast" or "reference"'),
    ("stft", {"center": False, "n_fft": 8192}, "5000 samples, a frame that is not centred needs 8192"),
    ("mel_spectrogram", {"n_mels": 0}, "n_mels is 0"),
    ("mel_spectrogram", {"fmin": 9000.0, "fmax": 8000.0}, "fmax is 8000 Hz, expected more than fmin"),
    ("mel_spectrogram", {"norm": np.inf}, 'norm is inf, expected "slaney" or None'),
    ("mel_spectrogram", {"power": 0.0}, "power is 0, expected a positive number"),
    ("mel_spectrogram", {"sr": -1}, "sr is -1, expected a positive number"),
    ("mfcc", {"dct_type": 3}, "dct_type is 3, expected 2"),
    ("mfcc", {"norm": "backward"}, "norm is 'backward', expected \"ortho\" or None"),
    ("mfcc", {"lifter": -1}, "lifter is -1, expected a number of at least zero"),
    ("mfcc", {"n_mfcc": 0}, "n_mfcc is 0, expected at least 1"),
    ("spectral_centroid", {"freq": np.ones(7)}, r"freq has shape \(7,\), expected one frequency per bin, \(1025,\)"),
    ("bandwidth", {"p": 0}, "p is 0, expected a positive number"),
    ("bandwidth", {"centroid": np.ones((2, 5))}, r"centroid has shape \(2, 5\), expected \(1,\)"),
    ("bandwidth", {"centroid": np.ones((1, 5))}, "the number of centroid is 5, expected one per frame, 10"),
    ("rolloff", {"roll_percent": 1.0}, "roll_percent is 1, expected a number between 0 and 1"),
    ("rolloff", {"freq": np.arange(1025)[::-1]}, "freq is not sorted"),
    ("spectral_flatness", {"amin": 0.0}, "amin is 0, expected a positive number"),
    ("spectral_contrast", {"fmin": 6000.0}, "fmin is 6000, expected a positive number of which the highest octave"),
    ("spectral_contrast", {"quantile": 1.0}, "quantile is 1, expected a number between 0 and 1"),
    ("spectral_contrast", {"n_fft": 64}, "n_fft is 64, expected bands that hold bins"),
    ("chroma", {"norm": -1.0}, "norm is -1, expected inf, a positive number, or none"),
    ("chroma", {"octwidth": 0.0}, "octwidth is 0, expected a positive number"),
    ("chroma", {"tuning": np.nan}, "tuning is NaN, expected a finite number"),
    ("estimate_tuning", {"resolution": 0.0}, "resolution is 0, expected 1e-6 to 1"),
    ("estimate_tuning", {"threshold": -1.0}, "threshold is -1, expected a number of at least zero"),
    ("rms", {"frame_length": 0}, "frame_length is 0, expected at least 1"),
    ("rms", {"pad_mode": "mean"}, 'pad_mode is "mean"'),
    ("zero_crossing_rate", {"threshold": -1.0}, "threshold is -1, expected a number of at least zero"),
]


@pytest.mark.parametrize(("name", "options", "message"), WRONG, ids=str)
def test_what_cannot_be_done_is_refused_by_its_name(name: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        ALL[name](y=noise(5000), **options)


def test_arrays_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ShapeError, match=r"y has shape \(\), expected at least 1 dimension"):
        features.stft(np.float32(1))
    with pytest.raises(ShapeError, match=r"S holds complex numbers, expected real ones: pass np.abs\(S\)"):
        features.spectral_centroid(S=np.ones((9, 9), dtype=complex))
    with pytest.raises(ShapeError, match=r"S has shape \(9, 0\)"):
        features.chroma(S=np.ones((9, 0)))
    with pytest.raises(ShapeError, match="y has dtype"):
        features.rms(y=np.array(["a"]))
    with pytest.raises(ParameterError, match="y and S are None"):
        features.mfcc()
    with pytest.raises(ParameterError, match="frame_length is 2048, expected 16 or 17"):
        features.rms(S=np.ones((9, 9)))


def test_a_result_that_no_memory_holds_is_a_memory_error() -> None:
    with pytest.raises(MemoryError, match="more than there is memory for"):
        features.stft(np.zeros(3_000_000), n_fft=1 << 20, hop_length=1)


def test_decibels_are_refused_where_there_are_none() -> None:
    with pytest.raises(ParameterError, match="value 1 of S is NaN"):
        features.power_to_db([1.0, np.nan])
    for options, message in [
        ({"amin": 0}, "amin is 0, expected a positive number"),
        ({"top_db": -1}, "top_db is -1, expected a number of at least zero"),
        ({"ref": np.inf}, "ref is inf, expected a finite number"),
        ({"ref": lambda s: s}, r"ref has shape \(1,\), expected one number"),
    ]:
        with pytest.raises(ParameterError, match=message):
            features.power_to_db([1.0], **options)
    with pytest.raises(ShapeError, match="complex"):
        features.amplitude_to_db([1j])


def test_decibels_of_one_number_are_one_number() -> None:
    assert features.power_to_db(0.1).shape == ()
    assert float(features.amplitude_to_db(-0.1)) == pytest.approx(-20, abs=1e-5)
    assert features.power_to_db(np.zeros((0, 3))).shape == (0, 3)


HOUR = """
import resource, sys
import numpy as np
from orpheus_fast import features
y = np.empty(3600 * 22_050, dtype=np.float32)
y[:] = np.resize(np.random.default_rng(0).uniform(-0.5, 0.5, 22_050).astype(np.float32), y.size)
getattr(features, sys.argv[1])(y=y[:100_000])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
result = getattr(features, sys.argv[1])(y=y)
grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
print(grown // 1024, getattr(result, "nbytes", 8) // 2**20)
"""


@pytest.mark.parametrize("name", ["spectral_centroid", "zero_crossing_rate", "chroma"])
def test_an_hour_takes_little_more_memory_than_its_result(name: str) -> None:
    run = subprocess.run([sys.executable, "-c", HOUR, name], capture_output=True, text=True, check=True)
    grown, result = map(int, run.stdout.split())
    # As spectra, the hour is 636 MB. Chroma keeps at most 64 MB of them, and the peaks.
    assert grown < (250 if name == "chroma" else 100) + result

"""The frame-by-frame features against librosa 0.11, function by function.

Both compute from the same float32 samples. librosa transforms in float64 and keeps float32; `precision="reference"`
transforms in float64 and keeps that, so that what differs is librosa's own rounding; `precision="fast"` does all in
float32. Its transform leaves errors of some 1e-7 of the strongest bins on all others (less on high bins, which are
emphasised first), so that a number that lives on what is very faint differs more. Each tolerance says why.
"""

from __future__ import annotations

import inspect
import warnings
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import scipy.signal

import signals
from orpheus_fast import audio, features
from orpheus_fast.demo import STYLES

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

librosa = pytest.importorskip("librosa")

RATE = 22_050
SECONDS = 3
MUSIC = Path(__file__).resolve().parents[3] / "shared" / "audio" / "music"
RECORDINGS = sorted(path for path in MUSIC.glob("*") if path.suffix in (".mp3", ".ogg"))[:6]

Array = Any


_EXPECTED: dict[tuple[Any, int, str], tuple[Any, Array]] = {}


def expected_of(function: Callable[..., Array], y: Array, options: dict[str, Any]) -> Array:
    """What librosa says, remembered: it is the slower one. The samples are kept, so that their id stays theirs."""
    key = (function, id(y), repr(options))
    if key not in _EXPECTED:
        _EXPECTED[key] = (y, quietly(function, y=y, **options))
    return _EXPECTED[key][1]


def quietly(function: Callable[..., Array], /, *args: Any, **kwargs: Any) -> Array:
    """What librosa says, without its warnings of signals that are short or have no pitch."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return function(*args, **kwargs)


@dataclass(frozen=True)
class Case:
    """One function, and how near it must come: to `relative` of the value, or to `floor` of the largest value.

    `fast` is as many times as much, for the fast precision.
    """

    ours: Callable[..., Array]
    theirs: Callable[..., Array]
    relative: float
    floor: float
    fast: float = 1.0
    takes_rate: bool = True

    def assert_equal(
        self, y: npt.NDArray[np.float32], *, precision: str = "fast", allow: float = 1.0, **options: Any
    ) -> None:
        """Compare with librosa; `allow` widens the tolerance."""
        rate = {"sr": RATE} if self.takes_rate else {}
        expected = expected_of(self.theirs, y, {**rate, **options})
        self.assert_near(self.ours(y=y, precision=precision, **rate, **options), expected, precision, allow)

    def assert_near(self, found: Array, expected: Array, precision: str = "fast", allow: float = 1.0) -> None:
        expected = np.asarray(expected)
        factor = allow * (self.fast if precision == "fast" else 1.0)
        assert found.shape == expected.shape
        assert found.dtype.char in ("fF" if precision == "fast" else "fdD")
        assert found.flags.c_contiguous
        largest = np.abs(expected).max(initial=0)
        # A value that is nothing but rounding, such as the contrast of silence, is held to a millionth.
        allowed = factor * np.maximum(np.maximum(self.relative * np.abs(expected), self.floor * largest), 1e-6)
        wrong = np.argwhere(~(np.abs(found - expected) <= allowed)).tolist()
        listed = [f"{tuple(at)}: {found[tuple(at)]}, librosa {expected[tuple(at)]}" for at in wrong[:5]]
        assert not wrong, f"{len(wrong)} of {found.size} differ: " + "; ".join(listed)


def without_precision(function: Callable[..., Array]) -> Callable[..., Array]:
    return lambda y, precision, **options: function(y, **options)  # noqa: ARG005 -- it has none


F, L = features, librosa.feature
CASES = {
    # A bin is off by some 1e-7 of the strongest one of its frame.
    "stft": Case(F.stft, librosa.stft, 1e-6, 1e-7, fast=20, takes_rate=False),
    # Bands hold many bins, whose errors are random.
    "mel_spectrogram": Case(F.mel_spectrogram, L.melspectrogram, 1e-5, 1e-7, fast=2),
    # Levels that differ by 1e-4 dB are added up; a coefficient may be next to zero.
    "mfcc": Case(F.mfcc, L.mfcc, 2e-5, 1e-6, fast=5),
    "spectral_centroid": Case(F.spectral_centroid, L.spectral_centroid, 1e-6, 0, fast=20),
    # Distances are squared: what is faint and far away counts.
    "bandwidth": Case(F.bandwidth, L.spectral_bandwidth, 1e-6, 0, fast=20),
    # Always the frequency of a bin, and of the same one.
    "rolloff": Case(F.rolloff, L.spectral_rolloff, 1e-7, 0),
    # Logarithms of every bin, the faint ones as much as the others.
    "spectral_flatness": Case(F.spectral_flatness, L.spectral_flatness, 2e-5, 1e-7, fast=10, takes_rate=False),
    # A valley is the mean of the faintest bins of a band: in float32 half a per cent of 50 dB.
    "spectral_contrast": Case(F.spectral_contrast, L.spectral_contrast, 1e-6, 1e-6, fast=5000),
    "rms": Case(F.rms, L.rms, 1e-6, 0, fast=2, takes_rate=False),
    # Counts, exactly; what is left is float32.
    "zero_crossing_rate": Case(
        without_precision(F.zero_crossing_rate), L.zero_crossing_rate, 1e-7, 0, takes_rate=False
    ),
    # With another tuning the difference would be far larger.
    "chroma": Case(F.chroma, L.chroma_stft, 2e-5, 2e-6, fast=2),
}
PRECISIONS = ["fast", "reference"]


@cache
def piece(style: str, seed: int, seconds: float = SECONDS) -> npt.NDArray[np.float32]:
    tempo, key = 70 + 23 * (seed % 5), "CDEFGAB"[seed % 7]
    stereo = signals.music(seconds, style=style, tempo_bpm=tempo, key=key, mode=("major", "minor")[seed % 2], seed=seed)
    return np.asarray(scipy.signal.resample_poly(stereo.mean(axis=0), 1, 2), dtype=np.float32)


def noise(n_samples: int = 2 * RATE, level: float = 0.1) -> npt.NDArray[np.float32]:
    return (level * np.random.default_rng(5).standard_normal(n_samples)).astype(np.float32)


TIME = np.arange(2 * RATE) / RATE
STRESS: dict[str, npt.NDArray[Any]] = {
    "silence": np.zeros(2 * RATE),
    "impulse": np.eye(1, 2 * RATE, 9000)[0],
    "DC": np.full(2 * RATE, 0.5),
    "clipping": np.clip(3 * np.sin(2 * np.pi * 220 * TIME) + noise(level=0.2), -1, 1),
    "sine": 0.5 * np.sin(2 * np.pi * 1000 * TIME),
    "noise": noise(),
    "noise at -120 dB": noise(level=1e-6),
    "far beyond full scale": noise(level=300.0),
    "sound, then silence": np.where(TIME < 1, noise(), 0),
    "one sample": np.full(1, 0.3),
    "shorter than a frame": noise(700),
}
STRESS = {name: np.asarray(samples, dtype=np.float32) for name, samples in STRESS.items()}


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("name", CASES)
def test_music_has_the_numbers_of_librosa(name: str, precision: str) -> None:
    for seed, style in enumerate(STYLES[:6]):
        CASES[name].assert_equal(piece(style.name, seed), precision=precision)


# A spectrum that holds next to nothing but one peak: what float32 leaves elsewhere, some 140 dB down, is what these
# describe. In float64 they are as near as ever.
FAINT = {
    ("spectral_centroid", "DC"): 10,
    ("bandwidth", "DC"): 3000,
    ("bandwidth", "sine"): 3000,
    ("spectral_contrast", "sine"): 40,
}
# librosa finds peaks in what its rounding leaves of a flat spectrum, and a tuning in these; here a flat one has none.
NO_TUNING = {("chroma", "impulse")}


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("signal", STRESS)
@pytest.mark.parametrize("name", CASES)
def test_hard_signals_have_the_numbers_of_librosa(name: str, signal: str, precision: str) -> None:
    options = {"tuning": 0.0} if (name, signal) in NO_TUNING else {}
    allow = FAINT.get((name, signal), 1) if precision == "fast" else 1
    CASES[name].assert_equal(STRESS[signal], precision=precision, allow=allow, **options)


@pytest.mark.skipif(not RECORDINGS, reason="the folder of recordings, ../shared/audio/music, is not here")
@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.name)
def test_a_recording_has_the_numbers_of_librosa(path: Path) -> None:
    samples = audio.decode(path, sample_rate=RATE, mono=True).samples[0]
    middle = max(samples.size // 2 - RATE, 0)
    y = np.ascontiguousarray(samples[middle : middle + 4 * RATE])
    for name, case in CASES.items():
        # Codecs and resampling leave bands that are next to empty: float32 puts their valleys up to a decibel off.
        case.assert_equal(y, allow=5 if name == "spectral_contrast" else 1)
    assert features.estimate_tuning(y=y) == quietly(librosa.estimate_tuning, y=y)


SPECTRAL = [name for name in CASES if name not in ("rms", "zero_crossing_rate")]
FRAMINGS: list[dict[str, Any]] = [
    {"n_fft": 1024, "hop_length": 256},
    {"n_fft": 512, "hop_length": 700},
    {"n_fft": 1000, "hop_length": 333},
    {"n_fft": 1023, "hop_length": 512},
    {"n_fft": 4096, "hop_length": 512, "win_length": 1500},
    {"n_fft": 2048, "hop_length": 512, "win_length": 601, "center": False},
    {"n_fft": 2048, "hop_length": 300, "pad_mode": "reflect"},
    {"n_fft": 1536, "hop_length": 512, "pad_mode": "edge", "window": "hamming"},
    {"n_fft": 2048, "hop_length": 512, "window": ("kaiser", 9.0)},
    {"n_fft": 16_384, "hop_length": 4096, "window": "blackmanharris"},
]


@pytest.mark.parametrize("framing", FRAMINGS, ids=lambda framing: "-".join(map(str, framing.values())))
@pytest.mark.parametrize("name", SPECTRAL)
def test_any_framing_has_the_numbers_of_librosa(name: str, framing: dict[str, Any]) -> None:
    # Float32 leaves errors that depend on the length; the narrower the window's peaks, the fainter the valleys.
    CASES[name].assert_equal(piece(STYLES[1].name, 2), allow=4, **framing)
    CASES[name].assert_equal(piece(STYLES[1].name, 2), precision="reference", allow=4, **framing)


@pytest.mark.parametrize("center", [True, False])
@pytest.mark.parametrize(("frame_length", "hop_length"), [(2048, 512), (400, 160), (1001, 333), (64, 1000), (1, 7)])
@pytest.mark.parametrize("name", ["rms", "zero_crossing_rate"])
def test_any_frame_has_the_level_and_the_crossings_of_librosa(
    name: str, frame_length: int, hop_length: int, center: bool
) -> None:
    CASES[name].assert_equal(piece(STYLES[0].name, 1), frame_length=frame_length, hop_length=hop_length, center=center)


WINDOWS: list[Any] = [
    "hann", "hamming", "blackman", "blackmanharris", "nuttall", "flattop", "bartlett", "triang", "cosine", "boxcar",
    ("kaiser", 5.0), 8.6, ("gaussian", 120.0), scipy.signal.windows.hann, "values",
]  # fmt: skip


@pytest.mark.parametrize("win_length", [1000, 1])
@pytest.mark.parametrize("window", WINDOWS, ids=str)
def test_windows_are_those_of_scipy(window: Any, win_length: int) -> None:
    window = np.linspace(0.1, 1, win_length) if window == "values" else window
    framing = {"n_fft": 1024, "hop_length": 200, "win_length": win_length}
    CASES["stft"].assert_equal(noise(4000), precision="reference", **framing, window=window)


OPTIONS: list[tuple[str, dict[str, Any]]] = [
    ("mel_spectrogram", {"n_mels": 40, "fmin": 50.0, "fmax": 8000.0, "htk": True}),
    ("mel_spectrogram", {"power": 1.0, "norm": None}),
    ("mel_spectrogram", {"power": 1.5}),
    ("mel_spectrogram", {"n_mels": 300}),
    ("mfcc", {"n_mfcc": 13, "lifter": 22, "htk": True, "n_mels": 40}),
    ("mfcc", {"norm": None, "mel_norm": None}),
    ("mfcc", {"n_mfcc": 60, "n_mels": 41}),
    ("bandwidth", {"p": 3.5}),
    ("bandwidth", {"norm": False}),
    ("bandwidth", {"freq": np.linspace(0, 1, 1025) ** 2 * 9000}),
    ("spectral_centroid", {"freq": np.linspace(0, 1, 1025) ** 2 * 9000}),
    ("rolloff", {"roll_percent": 0.5}),
    ("rolloff", {"roll_percent": 0.01, "freq": np.linspace(0, 1, 1025) ** 2 * 9000}),
    ("spectral_flatness", {"amin": 1e-3, "power": 1.0}),
    ("spectral_contrast", {"n_bands": 4, "fmin": 300.0, "linear": True}),
    ("spectral_contrast", {"quantile": 0.3, "n_bands": 5}),
    ("chroma", {"tuning": 0.23, "norm": 2}),
    ("chroma", {"norm": None, "n_chroma": 24}),
    ("chroma", {"norm": 1, "octwidth": None, "base_c": False, "n_chroma": 36}),
    ("chroma", {"n_chroma": 7, "ctroct": 4.0, "tuning": -0.1}),
    ("zero_crossing_rate", {"threshold": 0.05, "zero_pos": False, "pad": True}),
    ("rms", {"pad_mode": "reflect"}),
    ("rms", {"pad_mode": "edge"}),
]


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize(("name", "options"), OPTIONS, ids=str)
def test_any_option_has_the_numbers_of_librosa(name: str, options: dict[str, Any], precision: str) -> None:
    CASES[name].assert_equal(piece(STYLES[3].name, 4), precision=precision, allow=2, **options)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_spectrogram_that_is_there_has_the_numbers_of_librosa(precision: str) -> None:
    y = piece(STYLES[2].name, 3)
    magnitude = np.abs(librosa.stft(y))
    power = magnitude**2
    mel = L.melspectrogram(S=power)
    for name, s, options in [
        ("mel_spectrogram", power, {"sr": RATE}),
        ("mfcc", librosa.power_to_db(mel), {"sr": RATE, "n_mfcc": 13}),
        ("spectral_centroid", magnitude, {"sr": RATE}),
        ("bandwidth", magnitude, {"sr": RATE, "centroid": L.spectral_centroid(S=magnitude)}),
        ("rolloff", magnitude, {"sr": RATE}),
        ("spectral_flatness", magnitude, {}),
        ("spectral_contrast", magnitude, {"sr": RATE}),
        ("rms", magnitude, {}),
        ("chroma", power, {"sr": RATE}),
    ]:
        case = CASES[name]
        case.assert_near(case.ours(S=s, precision=precision, **options), case.theirs(S=s, **options), precision)


@pytest.mark.parametrize("name", CASES)
def test_a_batch_has_the_numbers_of_librosa(name: str) -> None:
    # What librosa takes from the whole batch, it has from the whole batch here: the highest level, the tuning.
    y = np.stack([piece(STYLES[k].name, k, 1.0) for k in range(4)]).reshape(2, 2, RATE)
    CASES[name].assert_equal(y)


@pytest.mark.parametrize("bins_per_octave", [12, 24, 36])
def test_the_tuning_is_the_same_bin(bins_per_octave: int) -> None:
    for seed, style in enumerate(STYLES[:6]):
        y = piece(style.name, seed)
        # A little higher, every other time.
        y = y if seed % 2 else scipy.signal.resample_poly(y, 99, 100).astype(np.float32)
        options = {"y": y, "sr": RATE, "bins_per_octave": bins_per_octave}
        expected = quietly(librosa.estimate_tuning, **options)
        assert features.estimate_tuning(**options) == expected, style.name
        assert features.estimate_tuning(**options, precision="reference") == expected, style.name
    power = np.abs(librosa.stft(y)) ** 2
    for options in ({}, {"resolution": 0.03}, {"fmin": 0.0, "fmax": 20_000.0}, {"threshold": 0.5}):
        assert features.estimate_tuning(S=power, **options) == librosa.estimate_tuning(S=power, **options)


def test_the_last_bin_of_an_odd_frame_may_be_a_peak() -> None:
    power = np.zeros((51, 4), dtype=np.float32)
    power[50] = 1.0
    options = {"S": power, "sr": 4000, "n_fft": 101}
    assert features.estimate_tuning(**options) == librosa.estimate_tuning(**options) != 0


@pytest.mark.parametrize("ref", [1.0, 0.25, -3.0, np.max])
@pytest.mark.parametrize("top_db", [80.0, 20.0, 0.0, None])
def test_decibels_are_those_of_librosa(ref: Any, top_db: float | None) -> None:
    powers = np.abs(noise(999, 3.0)).reshape(3, 333) ** 4
    powers[1, 5] = 0.0
    for precision, tolerance in (("fast", 5e-5), ("reference", 2e-5)):
        found = features.power_to_db(powers, ref=ref, top_db=top_db, precision=precision)
        np.testing.assert_allclose(found, librosa.power_to_db(powers, ref=ref, top_db=top_db), atol=tolerance, rtol=0)
        amplitudes = noise(999).reshape(27, 37)
        found = features.amplitude_to_db(amplitudes, ref=ref, top_db=top_db, precision=precision)
        expected = librosa.amplitude_to_db(amplitudes, ref=ref, top_db=top_db)
        np.testing.assert_allclose(found, expected, atol=2 * tolerance, rtol=0)


SAME_ARGUMENTS = {
    librosa.stft: features.stft,
    L.melspectrogram: features.mel_spectrogram,
    L.mfcc: features.mfcc,
    L.spectral_centroid: features.spectral_centroid,
    L.spectral_bandwidth: features.spectral_bandwidth,
    L.spectral_rolloff: features.spectral_rolloff,
    L.spectral_contrast: features.spectral_contrast,
    L.spectral_flatness: features.spectral_flatness,
    L.rms: features.rms,
    L.zero_crossing_rate: features.zero_crossing_rate,
    L.chroma_stft: features.chroma_stft,
    librosa.estimate_tuning: features.estimate_tuning,
    librosa.power_to_db: features.power_to_db,
    librosa.amplitude_to_db: features.amplitude_to_db,
}


@pytest.mark.parametrize("theirs", SAME_ARGUMENTS, ids=lambda function: function.__name__)
def test_arguments_and_defaults_are_those_of_librosa(theirs: Callable[..., Array]) -> None:
    ours = inspect.signature(SAME_ARGUMENTS[theirs]).parameters
    for name, parameter in inspect.signature(theirs).parameters.items():
        # Where results go and what they are is not a choice here: float32, or float64 by `precision`.
        if parameter.kind is not parameter.VAR_KEYWORD and name not in ("dtype", "out"):
            assert ours[name].default == parameter.default, name
            assert ours[name].kind is parameter.kind, name

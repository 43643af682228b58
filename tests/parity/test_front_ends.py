"""What models are fed, against the extractors that their makers published.

Tolerances of levels: in float64 1e-4, which is what rounding the references' spectra to float32 costs. In float32
2e-3 dB above -60 dB, and 0.05 dB below, where the errors of the transform are no longer small beside what is measured
(a sine clipped at full scale, the widest range of all: 4e-3 dB). VGGish and YAMNet take natural logarithms of
magnitudes, where 0.05 dB is 0.0058: 0.005. 3-mdB noise on every band leaves CLAP's embedding at a cosine of 0.9999999.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

import front_end_references as references
import orpheus_fast as orpheus
from orpheus_fast import audio, features
from orpheus_fast.demo import wav_bytes
from orpheus_fast.errors import ParameterError, ShapeError

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    Samples = npt.NDArray[np.float32]
    Levels = npt.NDArray[np.float32] | npt.NDArray[np.float64]

MUSIC = Path(__file__).resolve().parents[3] / "shared" / "audio" / "music"
RECORDINGS = sorted(path for path in MUSIC.glob("*") if path.suffix in (".mp3", ".ogg"))

MODELS: dict[str, tuple[int, Callable[..., Levels], Callable[..., Levels]]] = {
    "clap": (48_000, features.clap_log_mel, references.clap),
    "yamnet": (16_000, features.yamnet_log_mel, references.yamnet),
    "vggish": (16_000, features.vggish_log_mel, references.vggish),
    "panns": (32_000, features.panns_log_mel, references.panns),
}


def assert_close(found: Levels, expected: Levels, precision: str, *, above: float = 2e-3) -> None:
    assert found.shape == expected.shape
    error = np.abs(found - expected)
    if precision == "reference":
        assert error.max() <= 1e-4
    else:
        assert error.max() <= 0.05
        assert error[expected > -60].max(initial=0) <= above


def assert_model(model: str, samples: Samples, *, above: float = 2e-3) -> None:
    above = 5e-3 if model in ("vggish", "yamnet") else above
    rate, ours, reference = MODELS[model]
    expected = reference(samples)
    for precision in ("fast", "reference"):
        assert_close(ours(samples, sample_rate=rate, precision=precision), expected, precision, above=above)


def needs(model: str) -> None:
    """Skip where the reference's package is not installed."""
    if model in ("clap", "panns"):
        pytest.importorskip("transformers.audio_utils" if model == "clap" else "librosa")


def stress_signals(rate: int) -> dict[str, Samples]:
    random = np.random.default_rng(7)
    time = np.arange(2 * rate) / rate
    impulse = np.zeros(2 * rate)
    impulse[rate // 3] = 1
    sine = np.sin(2 * np.pi * 997 * time)
    signals = {
        "silence": np.zeros(2 * rate),
        "impulse": impulse,
        "constant": np.full(2 * rate, 0.5),
        "clipped": np.clip(4 * sine, -1, 1),
        "sine": 0.5 * sine,
        "noise": random.uniform(-1, 1, 2 * rate),
        "faint noise": random.uniform(-1e-4, 1e-4, 2 * rate),
    }
    return {name: signal.astype(np.float32) for name, signal in signals.items()}


@pytest.mark.parametrize("signal", list(stress_signals(1)))
@pytest.mark.parametrize("model", MODELS)
def test_stress_signals_give_the_references_levels(model: str, signal: str) -> None:
    needs(model)
    # Between the harmonics of a clipped sine at full scale, -60 dB is 100 dB below the loudest band.
    above = 4e-3 if signal == "clipped" else 2e-3
    assert_model(model, stress_signals(MODELS[model][0])[signal], above=above)


@pytest.mark.parametrize("model", ["clap", "yamnet", "panns"])
def test_a_signal_of_one_sample_gives_the_references_levels(model: str) -> None:
    needs(model)
    assert_model(model, np.array([0.7], np.float32))


@pytest.mark.skipif(not RECORDINGS, reason="../shared/audio/music is not there")
@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.stem)
def test_recordings_give_the_references_levels(path: Path) -> None:
    for model, (rate, _, _) in MODELS.items():
        needs(model)
        samples = audio.decode(path, sample_rate=rate, mono=True, duration_seconds=10).samples[0]
        assert_model(model, samples)


@pytest.mark.parametrize("fused", [False, True])
@pytest.mark.parametrize("padding", ["repeatpad", "repeat", "pad"])
def test_short_clips_are_filled_as_clap_fills_them(padding: features.ClapPadding, fused: bool) -> None:
    needs("clap")
    samples = np.random.default_rng(3).uniform(-0.5, 0.5, 130_000).astype(np.float32)
    expected = references.clap(samples, padding=padding, fused=fused)
    for precision in ("fast", "reference"):
        found = features.clap_log_mel(samples, padding=padding, fused=fused, precision=precision)
        assert_close(found, expected, precision)


def test_windows_are_standardised_over_what_is_valid() -> None:
    windows = np.random.default_rng(5).normal(0.1, 0.3, (3, 24_000)).astype(np.float32)
    valid = [24_000, 7, 12_345]
    rows = features.wav2vec2_input(windows, sample_rate=24_000, valid_samples=valid)
    for row, window, n_valid in zip(rows, windows, valid, strict=True):
        np.testing.assert_allclose(row[:n_valid], references.wav2vec2(window[:n_valid]), atol=1e-6)
        assert not row[n_valid:].any()
    np.testing.assert_array_equal(features.wav2vec2_input(windows[0]), rows[0])


def test_standardised_windows_are_those_of_transformers() -> None:
    transformers = pytest.importorskip("transformers")
    extractor = transformers.Wav2Vec2FeatureExtractor(sampling_rate=24_000, do_normalize=True)
    window = np.random.default_rng(6).normal(0.1, 0.3, 24_000).astype(np.float32)
    expected = extractor(window, sampling_rate=24_000)["input_values"][0]
    np.testing.assert_allclose(features.wav2vec2_input(window), expected, atol=1e-5)


@settings(max_examples=30, deadline=None)
@given(model=st.sampled_from(sorted(MODELS)), n_windows=st.integers(1, 3), n_samples=st.integers(1, 50_000))
def test_windows_of_any_length_stack_into_one_batch(model: str, n_windows: int, n_samples: int) -> None:
    rate, ours, _ = MODELS[model]
    windows = np.random.default_rng(n_samples).uniform(-1, 1, (n_windows, n_samples)).astype(np.float32)
    if model == "vggish" and n_samples < 15_600:
        with pytest.raises(ParameterError, match="15600"):
            ours(windows, sample_rate=rate)
        return
    batch = ours(windows, sample_rate=rate)
    n_patches = {
        "yamnet": 1 + max(0, -(-(n_samples - 15_600) // 7680)),
        "vggish": 1 + (n_samples - 15_600) // 15_360,
    }
    shapes = {"clap": (1, 1001, 64), "panns": (1, 1 + n_samples // 320, 64)}
    assert batch.shape == (n_windows, *shapes.get(model, (n_patches.get(model), 96, 64)))
    assert batch.dtype == np.float32
    assert np.isfinite(batch).all()
    for row, window in zip(batch, windows, strict=True):
        np.testing.assert_array_equal(row, ours(window, sample_rate=rate))


@pytest.mark.parametrize("model", MODELS)
def test_what_cannot_be_fed_is_refused(model: str) -> None:
    rate, ours, _ = MODELS[model]
    good = np.zeros((2, 20_000), np.float32)
    bad = good.copy()
    bad[1, 3] = np.nan
    with pytest.raises(ParameterError, match="sample 20003 is not finite"):
        ours(bad, sample_rate=rate)
    with pytest.raises(ParameterError, match=f"expected {rate}"):
        ours(good, sample_rate=22_050)
    with pytest.raises(ParameterError, match="precision"):
        ours(good, sample_rate=rate, precision="exact")
    with pytest.raises(ParameterError):
        ours(np.zeros(0, np.float32), sample_rate=rate)
    with pytest.raises(ShapeError):
        ours(np.zeros((1, 1, 20_000), np.float32), sample_rate=rate)


def test_more_than_ten_seconds_are_refused_never_cropped() -> None:
    with pytest.raises(ParameterError, match="expected 1 to 480000"):
        features.clap_log_mel(np.zeros(480_001, np.float32))
    with pytest.raises(ParameterError, match="padding"):
        features.clap_log_mel(np.zeros(10, np.float32), padding="wrap")  # type: ignore[arg-type]


@pytest.mark.parametrize("counts", [[1], [1, 0], [1, 11], [-1, 1]])
def test_counts_of_valid_samples_that_do_not_fit_are_refused(counts: list[int]) -> None:
    with pytest.raises(ParameterError):
        features.wav2vec2_input(np.ones((2, 10), np.float32), valid_samples=counts)


@pytest.mark.parametrize("name", ["clap", "clap_fused", "yamnet", "vggish", "panns", "wav2vec2"])
def test_a_stream_hands_over_what_the_functions_compute(name: str) -> None:
    rate = MODELS[name][0] if name in MODELS else {"clap_fused": 48_000, "wav2vec2": 24_000}[name]
    samples = np.random.default_rng(9).uniform(-0.5, 0.5, (1, 5 * rate)).astype(np.float32)
    batches = list(
        orpheus.stream([wav_bytes(samples, rate)], sample_rate=rate, window_seconds=2, front_end=name, batch_size=8)
    )
    assert [end.outcome.status for batch in batches for end in batch.outcomes] == ["ok"]
    (batch,) = batches
    plain = next(iter(orpheus.stream([wav_bytes(samples, rate)], sample_rate=rate, window_seconds=2, batch_size=8)))
    assert batch.valid_samples.tolist() == [2 * rate, 2 * rate, rate]
    for row, window, n_valid in zip(batch.input_features, plain.samples, plain.valid_samples, strict=True):
        if name.startswith("clap"):
            expected = features.clap_log_mel(window[:n_valid], fused=name == "clap_fused")
        elif name == "wav2vec2":
            expected = features.wav2vec2_input(window[None], valid_samples=[n_valid])[0]
        else:
            expected = MODELS[name][1](window, sample_rate=rate)
        np.testing.assert_array_equal(row, expected)


def test_a_stream_refuses_windows_that_the_front_end_cannot_take() -> None:
    with pytest.raises(ParameterError, match="expected 48000"):
        orpheus.stream([b""], sample_rate=44_100, front_end="clap")
    with pytest.raises(ParameterError, match="expected 1 to 480000"):
        orpheus.stream([b""], sample_rate=48_000, window_seconds=10.5, front_end="clap")
    with pytest.raises(ParameterError, match="whole"):
        orpheus.stream([b""], sample_rate=48_000, placement="whole", front_end="clap")
    with pytest.raises(ParameterError, match="expected one of"):
        orpheus.stream([b""], sample_rate=48_000, front_end="resnet")


@pytest.mark.skipif(not RECORDINGS, reason="../shared/audio/music is not there")
def test_the_embedding_of_a_clap_model_is_that_of_the_references_input(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed: the model cannot run")
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    audio_config = {
        "patch_embeds_hidden_size": 32,
        "depths": [1, 1, 1, 1],
        "num_attention_heads": [2, 2, 4, 4],
        "hidden_size": 256,
        "projection_dim": 64,
    }
    text_config = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64}
    config = transformers.ClapConfig(audio_config=audio_config, text_config=text_config, projection_dim=64)
    transformers.ClapModel(config).save_pretrained(tmp_path)
    model = transformers.ClapModel.from_pretrained(tmp_path).eval()

    def embedding(levels: Levels) -> npt.NDArray[np.float64]:
        with torch.no_grad():
            output = model.get_audio_features(input_features=torch.from_numpy(levels.astype(np.float32)[None]))
        vector = getattr(output, "pooler_output", output)[0].numpy().astype(np.float64)
        return vector / np.linalg.norm(vector)

    for path in RECORDINGS[:5]:
        samples = audio.decode(path, sample_rate=48_000, mono=True, duration_seconds=10).samples[0]
        expected = embedding(references.clap(samples))
        for precision in ("fast", "reference"):
            assert embedding(features.clap_log_mel(samples, precision=precision)) @ expected >= 0.99999

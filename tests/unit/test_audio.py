"""`orpheus_fast.audio`: one track as samples, many tracks as batches of windows."""

from __future__ import annotations

import io
import os
import pickle
import warnings
from typing import TYPE_CHECKING

import numpy as np
import pytest

import signals
from orpheus_fast import audio
from orpheus_fast.errors import DecodeError, LimitError, ParameterError, UnsupportedFormatError

if TYPE_CHECKING:
    from pathlib import Path

RATE = 44_100


@pytest.mark.parametrize("kind", ["u8", "s16", "s24", "s32"])
@pytest.mark.parametrize("n_channels", [1, 2, 6])
def test_integer_wav_is_decoded_to_the_last_bit(kind: str, n_channels: int) -> None:
    samples = signals.noise(0.3, n_channels=n_channels)
    bits = int(kind[1:])
    expected = signals.from_integers(signals.to_integers(samples, bits), bits)
    decoded = audio.decode(signals.wav_bytes(samples, RATE, kind))
    np.testing.assert_array_equal(decoded.samples, expected)
    assert decoded.outcome.ok
    assert decoded.info.n_channels == n_channels


@pytest.mark.parametrize("kind", ["f32", "f64"])
def test_float_wav_is_decoded_to_the_last_bit(kind: str) -> None:
    samples = signals.noise(0.3, n_channels=2, level=1.5)
    np.testing.assert_array_equal(audio.decode(signals.wav_bytes(samples, RATE, kind)).samples, samples)


@pytest.mark.parametrize("bits", [8, 16, 24])
def test_flac_is_decoded_to_the_last_bit(bits: int) -> None:
    samples = signals.music(1.0)
    expected = signals.from_integers(signals.to_integers(samples, bits), bits)
    decoded = audio.decode(signals.flac_bytes(samples, RATE, bits))
    np.testing.assert_array_equal(decoded.samples, expected)
    assert (decoded.info.codec, decoded.outcome.ok) == ("flac", True)


@pytest.mark.parametrize("kind", ["s8", "s16", "s24", "s32"])
def test_aiff_is_decoded_to_the_last_bit(kind: str) -> None:
    samples = signals.noise(0.3, n_channels=2)
    bits = int(kind[1:])
    expected = signals.from_integers(signals.to_integers(samples, bits), bits)
    np.testing.assert_array_equal(audio.decode(signals.aiff_bytes(samples, RATE, kind)).samples, expected)


def test_a_path_bytes_and_a_file_object_give_the_same_samples(tmp_path: Path) -> None:
    data = signals.wav_bytes(signals.noise(0.2), RATE, "s16")
    path = tmp_path / "track.wav"
    path.write_bytes(data)
    sources: list[audio.AudioSource] = [path, str(path), data, bytearray(data), memoryview(data), io.BytesIO(data)]
    first, *others = (audio.decode(source).samples for source in sources)
    for other in others:
        np.testing.assert_array_equal(other, first)


def test_a_name_that_is_not_utf8_is_opened(tmp_path: Path) -> None:
    path = os.fsencode(tmp_path) + b"/caf\xe9.mp3"
    with open(path, "wb") as file:  # noqa: PTH123 -- pathlib has no bytes
        file.write(signals.wav_bytes(signals.noise(0.1), RATE, "s16"))
    assert audio.decode(os.fsdecode(path)).outcome.ok


def test_the_extension_is_not_believed(tmp_path: Path) -> None:
    path = tmp_path / "track.mp3"
    path.write_bytes(signals.flac_bytes(signals.noise(0.2), RATE, 16))
    assert audio.decode(path).info.codec == "flac"


def test_mono_is_the_mean_of_the_channels() -> None:
    samples = signals.noise(0.2, n_channels=3)
    decoded = audio.decode(signals.wav_bytes(samples, RATE, "f32"), mono=True)
    assert decoded.samples.shape[0] == 1
    np.testing.assert_allclose(decoded.samples[0], samples.mean(axis=0, dtype=np.float64), atol=1e-7)


@pytest.mark.parametrize(
    ("rate", "n_samples"), [(22_050, 22_050), (48_000, 48_000), (16_000, 16_000), (44_100, 44_100)]
)
def test_resampling_keeps_length_pitch_and_level(rate: int, n_samples: int) -> None:
    decoded = audio.decode(signals.wav_bytes(signals.sine(1000, 1.0), RATE, "f32"), sample_rate=rate)
    assert decoded.samples.shape == (1, n_samples)
    expected = signals.sine(1000, 1.0, sample_rate=rate)
    middle = slice(n_samples // 4, 3 * n_samples // 4)
    np.testing.assert_allclose(decoded.samples[:, middle], expected[:, middle], atol=2e-6)


def test_resampling_lets_nothing_alias() -> None:
    above = signals.sine(12_000, 1.0, level=1.0)
    decoded = audio.decode(signals.wav_bytes(above, RATE, "f32"), sample_rate=22_050)
    assert 20 * np.log10(np.abs(decoded.samples[:, 2000:-2000]).max()) < -100


def test_samples_are_writable_and_owned_by_the_caller() -> None:
    decoded = audio.decode(signals.wav_bytes(signals.noise(0.1), RATE, "s16"))
    assert decoded.samples.flags.writeable
    assert decoded.samples.flags.c_contiguous
    decoded.samples[:] = 0


def test_torch_takes_the_memory_without_a_warning() -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    decoded = audio.decode(signals.wav_bytes(signals.noise(0.1), RATE, "s16"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tensor = torch.from_numpy(decoded.samples)
    assert tensor.data_ptr() == decoded.samples.ctypes.data


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"", "not_audio"),
        (b"once upon a time there was no sound " * 200, "not_audio"),
        (bytes(10_000), "not_audio"),
        (b"MThd\x00\x00\x00\x06" + bytes(100), "not_audio"),
        (b"fLaC" + bytes(range(256)), "damaged"),
    ],
)
def test_what_is_no_audio_is_refused_by_kind(data: bytes, kind: str) -> None:
    with pytest.raises(DecodeError) as refused:
        audio.decode(data)
    assert refused.value.kind == kind
    assert "\n" not in str(refused.value)


def test_an_unsupported_codec_is_named(without_ffmpeg: None) -> None:
    del without_ffmpeg
    with pytest.raises(UnsupportedFormatError, match=r"WavPack.*convert it"):
        audio.decode(b"wvpk" + bytes(100))


def test_a_missing_file_is_the_systems_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as refused:
        audio.decode(tmp_path / "nothing.flac")
    assert refused.value.filename == str(tmp_path / "nothing.flac")


def test_a_folder_and_a_pipe_are_refused_at_once(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.wav"
    os.mkfifo(pipe)
    for path in (tmp_path, pipe):
        with pytest.raises(DecodeError, match="expected a regular file"):
            audio.decode(path)


def test_a_track_beyond_a_limit_is_refused() -> None:
    data = signals.wav_bytes(signals.silence(2.0), RATE, "s16")
    for limits in (audio.Limits(max_seconds=1.0), audio.Limits(max_bytes=1000), audio.Limits(max_decoded_samples=100)):
        with pytest.raises(LimitError, match="the limit is"):
            audio.decode(data, limits=limits)


def test_a_track_that_takes_too_much_time_is_refused() -> None:
    # Ten hours of silent MPEG frames: they are counted before anything comes out.
    data = (bytes.fromhex("ffe318c0") + bytes(68)) * 500_000
    with pytest.raises(LimitError, match="CPU time"):
        audio.decode(data, start_seconds=1.0, limits=audio.Limits(max_cpu_seconds=0.0))
    part = audio.decode(data, start_seconds=35_999.5)
    assert part.samples.shape == (1, 4000)


@pytest.mark.parametrize("sample_rate", [None, 24_000])
def test_a_stretch_is_that_of_the_whole(sample_rate: int | None) -> None:
    data = signals.wav_bytes(signals.music(3.0), RATE, "s16")
    whole = audio.decode(data, sample_rate=sample_rate)
    part = audio.decode(data, sample_rate=sample_rate, start_seconds=1.25, duration_seconds=0.5)
    start = round(1.25 * part.sample_rate)
    wanted = whole.samples[:, start : start + part.sample_rate // 2]
    np.testing.assert_allclose(part.samples, wanted, atol=0 if sample_rate is None else 2e-6)
    assert part.outcome.ok
    assert part.info.n_samples == 3 * RATE
    rest = audio.decode(data, sample_rate=sample_rate, start_seconds=2.5, duration_seconds=9.0)
    assert rest.samples.shape == (2, part.sample_rate // 2)


def test_a_stretch_behind_the_end_is_refused_and_named() -> None:
    data = signals.wav_bytes(signals.noise(2.0), RATE, "s16")
    with pytest.raises(DecodeError, match=r"holds no audio from 2.5 s on: it is 2\.000 s long") as caught:
        audio.decode(data, start_seconds=2.5)
    assert caught.value.kind == "empty"


@pytest.mark.parametrize(
    ("start", "duration"), [(-0.5, None), (float("nan"), None), (0.0, 0.0), (0.0, -1.0), (0.0, float("nan"))]
)
def test_a_stretch_that_cannot_be_is_refused(start: float, duration: float | None) -> None:
    data = signals.wav_bytes(signals.noise(0.5), RATE, "s16")
    with pytest.raises(ParameterError, match="_seconds is"):
        audio.decode(data, start_seconds=start, duration_seconds=duration)


def test_an_absurd_sample_rate_is_refused() -> None:
    with pytest.raises(LimitError, match="sample rate is 999 Hz"):
        audio.decode(signals.wav_bytes(signals.silence(0.1), 999, "s16"))


def test_a_cut_file_is_partial_and_says_how_much_is_lost() -> None:
    data = signals.wav_bytes(signals.noise(2.0), RATE, "s16")
    outcome = audio.decode(data[: len(data) // 2]).outcome
    assert (outcome.status, outcome.kind) == ("partial", "damaged")
    assert outcome.seconds_sound == pytest.approx(1.0, abs=0.1)
    assert outcome.seconds_lost == pytest.approx(1.0, abs=0.1)


def test_a_damaged_flac_frame_is_reported_as_lost() -> None:
    data = bytearray(signals.flac_bytes(signals.noise(2.0), RATE, 16))
    data[len(data) // 2] ^= 0x10
    outcome = audio.decode(bytes(data)).outcome
    assert outcome.status == "partial"
    assert 0.0 < outcome.seconds_lost < 0.2


def test_a_broken_picture_block_costs_no_audio() -> None:
    samples = signals.noise(0.5)
    data = signals.flac_bytes(samples, RATE, 16)
    picture = bytes([6]) + (1000).to_bytes(3, "big") + b"\xff" * 1000
    broken = data[:4] + data[4:42] + picture + data[42:]
    broken = broken[:4] + bytes([broken[4] & 0x7F]) + broken[5:]
    decoded = audio.decode(broken)
    assert decoded.outcome.ok
    assert decoded.samples.shape == samples.shape


def test_values_that_are_no_samples_are_silenced_and_counted() -> None:
    samples = signals.noise(0.5)
    samples[0, 100] = np.nan
    samples[0, 200] = np.inf
    decoded = audio.decode(signals.wav_bytes(samples, RATE, "f32"))
    assert np.isfinite(decoded.samples).all()
    assert decoded.outcome.status == "partial"
    assert "2 samples" in decoded.outcome.message


def test_errors_survive_pickling() -> None:
    with pytest.raises(DecodeError) as refused:
        audio.decode(b"")
    again = pickle.loads(pickle.dumps(refused.value))
    assert (type(again), str(again), again.kind) == (DecodeError, str(refused.value), "not_audio")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"sample_rate": 0}, "sample_rate|from_hz|to_hz"),
        ({"quality": "lowest"}, 'quality is "lowest"'),
    ],
)
def test_bad_parameters_are_refused_by_name(arguments: dict[str, object], message: str) -> None:
    data = signals.wav_bytes(signals.noise(0.1), RATE, "s16")
    with pytest.raises(ParameterError, match=message):
        audio.decode(data, **arguments)  # type: ignore[arg-type]

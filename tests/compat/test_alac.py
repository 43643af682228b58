"""Apple Lossless that libavcodec encodes comes back bit for bit, as libavcodec decodes it."""

from __future__ import annotations

import io

import numpy as np
import pytest

import orpheus_fast as orpheus
import signals

av = pytest.importorskip("av", reason="PyAV, whose encoder writes the tracks, is not installed")

LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1"}
SAMPLE_RATE = 44_100


def integers(kind: str, n_channels: int, n_bits: int) -> np.ndarray[tuple[int, int], np.dtype[np.int32]]:
    """A second and a half at full scale: chords, noise, or silence with clicks."""
    if kind == "noise":
        samples = signals.noise(1.5, n_channels=n_channels, level=0.9)
    elif kind == "clicks":
        samples = np.zeros((n_channels, 66_150), np.float32)
        samples[:, 7_000::9_001] = 0.8
    else:
        tones = [
            signals.sine(hertz, 1.5, sample_rate=SAMPLE_RATE, n_channels=n_channels) for hertz in (220.0, 277.2, 1661.0)
        ]
        samples = (0.3 * np.sum(tones, axis=0)).astype(np.float32)
        samples *= np.linspace(1.0, 0.2, n_channels, dtype=np.float32)[:, np.newaxis]
    full_scale = 2.0 ** (n_bits - 1)
    return np.clip(np.round(samples.astype(np.float64) * full_scale), -full_scale, full_scale - 1).astype(np.int32)


def encode(
    values: np.ndarray[tuple[int, int], np.dtype[np.int32]],
    n_bits: int,
    container: str,
    options: dict[str, str] | None = None,
) -> bytes:
    """`values`: shape (n_channels, n_samples), of 16 or 24 bits."""
    layout = LAYOUTS[len(values)]
    name, stored = ("s16p", values.astype(np.int16)) if n_bits == 16 else ("s32p", values << 8)
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        stream = output.add_stream("alac", rate=SAMPLE_RATE, options=options or {})
        stream.codec_context.layout = layout
        stream.codec_context.format = name
        for start in range(0, values.shape[1], 4096):
            part = np.ascontiguousarray(stored[:, start : start + 4096])
            frame = av.AudioFrame.from_ndarray(part, format=name, layout=layout)
            frame.sample_rate = SAMPLE_RATE
            frame.pts = start
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return file.getvalue()


def by_libavcodec(file: bytes, n_bits: int) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    with av.open(io.BytesIO(file)) as track:
        planes = np.concatenate([frame.to_ndarray() for frame in track.decode(audio=0)], axis=1)
    shift = 0 if n_bits == 16 else 8
    return (planes.astype(np.int32) >> shift) / np.float32(2.0 ** (n_bits - 1))


@pytest.mark.parametrize("kind", ["chords", "noise", "clicks"])
@pytest.mark.parametrize("n_channels", [1, 2, 6])
@pytest.mark.parametrize("n_bits", [16, 24])
def test_samples_are_those_that_went_in_and_those_of_libavcodec(kind: str, n_channels: int, n_bits: int) -> None:
    values = integers(kind, n_channels, n_bits)
    file = encode(values, n_bits, "ipod")
    signal = orpheus.decode(file)
    assert (signal.outcome.status, signal.sample_rate) == ("ok", SAMPLE_RATE)
    np.testing.assert_array_equal(signal.samples, values / np.float32(2.0 ** (n_bits - 1)))
    np.testing.assert_array_equal(signal.samples, by_libavcodec(file, n_bits))


@pytest.mark.parametrize("container", ["mov", "matroska"])
def test_the_container_does_not_change_the_samples(container: str) -> None:
    values = integers("chords", 2, 16)
    signal = orpheus.decode(encode(values, 16, container))
    assert signal.outcome.status == "ok"
    np.testing.assert_array_equal(signal.samples, values / np.float32(32_768))


@pytest.mark.parametrize(("fewest", "most"), [(1, 1), (2, 7), (4, 4), (8, 8), (9, 30), (30, 30)])
def test_every_prediction_order_of_the_encoder_comes_back(fewest: int, most: int) -> None:
    options = {"min_prediction_order": str(fewest), "max_prediction_order": str(most)}
    values = integers("chords", 2, 16)
    signal = orpheus.decode(encode(values, 16, "ipod", options))
    assert signal.outcome.status == "ok"
    np.testing.assert_array_equal(signal.samples, values / np.float32(32_768))


@pytest.mark.parametrize("n_bits", [16, 24])
def test_mono_is_the_mean_of_the_channels(n_bits: int) -> None:
    values = integers("noise", 2, n_bits)
    file = encode(values, n_bits, "ipod")
    apart = orpheus.decode(file).samples
    mono = orpheus.decode(file, mono=True).samples
    np.testing.assert_array_equal(mono[0], np.float32(0.5) * (apart[0] + apart[1]))


def test_a_track_with_overwritten_bytes_says_so() -> None:
    file = bytearray(encode(integers("chords", 2, 16), 16, "ipod"))
    middle = file.index(b"mdat") + 40_000
    file[middle : middle + 400] = b"\xa5" * 400
    signal = orpheus.decode(bytes(file))
    assert signal.outcome.status == "partial"
    assert signal.outcome.seconds_lost >= 4096 / SAMPLE_RATE

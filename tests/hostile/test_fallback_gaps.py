"""What FFmpeg cannot decode in the middle of a track is silence there: what follows stays in its place."""

from __future__ import annotations

import io

import numpy as np
import pytest

import foreign_audio
import signals
from orpheus_fast import audio
from orpheus_fast.audio import fallback

pytestmark = pytest.mark.skipif(not fallback.register(), reason="the extra ffmpeg (PyAV) is not installed")

RATE = 48_000


def without_packets(file: bytes, container: str, left_out: range) -> bytes:
    import av  # noqa: PLC0415 -- optional

    remuxed = io.BytesIO()
    with av.open(io.BytesIO(file)) as original, av.open(remuxed, "w", format=container) as output:
        stream = output.add_stream_from_template(original.streams.audio[0])
        for i, packet in enumerate(original.demux(audio=0)):
            if packet.dts is not None and i not in left_out:
                packet.stream = stream
                output.mux(packet)
    return remuxed.getvalue()


def packet_places(file: bytes) -> list[tuple[int, int]]:
    """Offset and length of each packet in the file."""
    import av  # noqa: PLC0415 -- optional

    with av.open(io.BytesIO(file)) as container:
        return [(packet.pos, packet.size) for packet in container.demux(audio=0) if packet.pos is not None]


@pytest.mark.parametrize("container", ["matroska", "mov"])
def test_packets_that_are_not_there_leave_a_stretch_of_silence(container: str) -> None:
    codec = "wavpack" if container == "matroska" else "ac3"
    samples = signals.noise(4.0, sample_rate=RATE, n_channels=2)
    file = foreign_audio.encode(samples, RATE, container, codec)
    n_packets = len(packet_places(file))
    gap = range(n_packets // 3, n_packets // 2)
    whole = audio.decode(file).samples
    decoded = audio.decode(without_packets(file, container, gap))
    assert decoded.outcome.status == "partial", decoded.outcome
    assert decoded.outcome.seconds_lost == pytest.approx(len(gap) / n_packets * 4.0, abs=0.05)
    # Matroska tells the time in milliseconds.
    shift = place_of(whole[0, -RATE : -RATE + 4096], decoded.samples[0]) - (whole.shape[1] - RATE)
    assert abs(shift) <= RATE // 1000
    middle = round((gap.start + gap.stop) / 2 / n_packets * whole.shape[1])
    assert not decoded.samples[:, middle - 1000 : middle + 1000].any()


def place_of(
    part: np.ndarray[tuple[int], np.dtype[np.float32]], signal: np.ndarray[tuple[int], np.dtype[np.float32]]
) -> int:
    return int(np.argmax(np.correlate(signal, part, "valid")))


@pytest.mark.parametrize(("container", "codec"), [("wv", "wavpack"), ("mp4", "ac3"), ("matroska", "wavpack")])
def test_a_packet_that_does_not_decode_is_silence_of_its_length(container: str, codec: str) -> None:
    file = foreign_audio.encode(signals.noise(4.0, sample_rate=RATE, n_channels=2), RATE, container, codec)
    whole = audio.decode(file).samples
    places = packet_places(file)
    offset, length = places[len(places) // 2]
    damaged = bytearray(file)
    for at in range(offset + length // 2, offset + length // 2 + 64):
        damaged[at] ^= 0xFF
    decoded = audio.decode(bytes(damaged))
    assert decoded.outcome.status == "partial", decoded.outcome
    assert decoded.samples.shape == whole.shape
    silent = RATE + np.flatnonzero(~decoded.samples[:, RATE:-RATE].any(axis=0))
    assert len(silent) == silent[-1] + 1 - silent[0] == pytest.approx(decoded.outcome.seconds_lost * RATE, abs=2)
    before, after = slice(0, silent[0]), slice(silent[-1] + 1, None)
    for stretch in (before, after):
        if codec == "ac3":
            # Its decoder fills what the encoder left out with noise, which is another one after a gap.
            assert np.corrcoef(decoded.samples[0, stretch], whole[0, stretch])[0, 1] > 0.9
        else:
            np.testing.assert_array_equal(decoded.samples[:, stretch], whole[:, stretch])

"""Tags and pictures in files that FFmpeg decodes for us: whatever they hold, the sound is that of the file without."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
import pytest

import foreign_audio
import foreign_tags
import signals
import tagged
from orpheus_fast import audio
from orpheus_fast.audio import fallback

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.skipif(not fallback.register(), reason="the extra ffmpeg (PyAV) is not installed")

RATE = 48_000
# Above the most that a worker may ask for at once.
BIG = (3 << 20) // 2


def sound(container: str, codec: str, seconds: float = 0.5) -> bytes:
    return foreign_audio.encode(signals.noise(seconds, sample_rate=RATE, n_channels=2), RATE, container, codec)


def he_aac() -> bytes:
    return foreign_audio.he_aac_bytes(signals.sine(440.0, 0.5, sample_rate=22_050, n_channels=2), 22_050)


def dsf() -> bytes:
    return foreign_audio.dsf_bytes(signals.sine(1000.0, 0.05, sample_rate=2_822_400, n_channels=2))


def with_attachment(file: bytes, n_bytes: int) -> bytes:
    """The same packets in a Matroska file with a cover."""
    import av  # noqa: PLC0415 -- optional

    remuxed = io.BytesIO()
    with av.open(io.BytesIO(file)) as container, av.open(remuxed, "w", format="matroska") as output:
        output.add_attachment("cover.jpg", "image/jpeg", bytes(n_bytes))
        stream = output.add_stream_from_template(container.streams.audio[0])
        for packet in container.demux(audio=0):
            if packet.dts is not None:
                packet.stream = stream
                output.mux(packet)
    return remuxed.getvalue()


COVERS: dict[str, tuple[Callable[[], bytes], Callable[[bytes], bytes]]] = {
    "wv": (lambda: sound("wv", "wavpack"), lambda file: file + foreign_tags.apev2(BIG)),
    "tta": (lambda: sound("tta", "tta"), lambda file: file + foreign_tags.apev2(BIG)),
    "mp4": (lambda: sound("mp4", "ac3"), lambda file: foreign_tags.with_mp4_cover(file, BIG)),
    "he_aac": (he_aac, lambda file: foreign_tags.with_mp4_cover(file, BIG)),
    "matroska": (lambda: sound("matroska", "ac3"), lambda file: with_attachment(file, BIG)),
    "asf": (lambda: sound("asf", "wmav2"), lambda file: foreign_tags.with_asf_picture(file, BIG)),
    "dsdiff": (
        lambda: foreign_tags.dsdiff(20_000),
        lambda _: foreign_tags.dsdiff(20_000, tagged.id3v2([("APIC", b"\0image/jpeg\0\3\0" + bytes(BIG))])),
    ),
    "dsf": (
        dsf,
        lambda file: foreign_tags.with_dsf_tag(
            file, tagged.id3v2([("APIC", b"\0image/jpeg\0\3\0" + foreign_tags.JPEG_START + bytes(BIG))])
        ),
    ),
}


@pytest.mark.parametrize("name", sorted(COVERS))
def test_a_picture_of_more_than_a_megabyte_costs_no_sound(name: str) -> None:
    make, add_cover = COVERS[name]
    plain = make()
    covered = add_cover(plain)
    assert len(covered) > len(plain) + (1 << 20)
    expected = audio.decode(plain)
    decoded = audio.decode(covered)
    assert (decoded.outcome.status, decoded.outcome.message) == ("ok", "")
    np.testing.assert_array_equal(decoded.samples, expected.samples)


RAW = [("wv", "wavpack"), ("tta", "tta"), ("ac3", "ac3"), ("eac3", "eac3")]
TAGS = {
    "apev2": foreign_tags.apev2(20_000),
    "large_apev2": foreign_tags.apev2(20 << 20),
    "id3v1": foreign_tags.id3v1(),
    "all": foreign_tags.apev2(20_000) + foreign_tags.lyrics3() + foreign_tags.id3v1(),
}


@pytest.mark.parametrize("tag", sorted(TAGS))
@pytest.mark.parametrize(("container", "codec"), RAW)
def test_tags_behind_the_sound_are_no_damage(container: str, codec: str, tag: str) -> None:
    plain = sound(container, codec)
    decoded = audio.decode(plain + TAGS[tag])
    assert (decoded.outcome.status, decoded.outcome.message) == ("ok", "")
    np.testing.assert_array_equal(decoded.samples, audio.decode(plain).samples)


@pytest.mark.parametrize(("container", "codec"), RAW)
def test_a_file_that_is_cut_and_then_tagged_is_not_whole(container: str, codec: str) -> None:
    plain = sound(container, codec, 3.0)
    decoded = audio.decode(plain[: -len(plain) // 3 - 77] + TAGS["all"])
    assert decoded.outcome.status == "partial", decoded.outcome


def test_a_dsd_file_that_is_cut_is_not_whole() -> None:
    for whole in (dsf(), foreign_tags.dsdiff(20_000)):
        decoded = audio.decode(whole[: 2 * len(whole) // 3])
        assert decoded.outcome.status == "partial", decoded.outcome

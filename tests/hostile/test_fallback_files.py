"""Hostile files for FFmpeg: what is no audio stays none, damage is found, limits hold."""

from __future__ import annotations

import random
import textwrap
from typing import TYPE_CHECKING

import numpy as np
import pytest

import foreign_audio
import mp4_references
import signals
from fallback_workers import RATE, outcomes, use_worker
from orpheus_fast import _native, audio
from orpheus_fast.audio import fallback
from orpheus_fast.errors import DecodeError, LimitError, UnsupportedFormatError

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.skipif(not fallback.register(), reason="the extra ffmpeg (PyAV) is not installed"),
    pytest.mark.usefixtures("fresh_workers"),
]

# Without the extra, and what is none of its business.


def test_without_the_extra_the_command_that_installs_it_is_named(tone: bytes) -> None:
    _native.set_fallback(None)
    with pytest.raises(UnsupportedFormatError) as refused:
        audio.decode(tone)
    assert 'unsupported codec WavPack; install orpheus-fast[ffmpeg] (pip install "orpheus-fast[ffmpeg]")' in str(
        refused.value
    )
    assert [(end.status, end.kind) for end in outcomes([tone])] == [("failed", "unsupported")]


def test_it_can_be_switched_off(tone: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(fallback.DISABLING_VARIABLE, "1")
    _native.set_fallback(None)
    fallback.register.cache_clear()
    assert fallback.state()["state"] == "disabled"
    with pytest.raises(UnsupportedFormatError, match="install"):
        audio.decode(tone)


NOT_AUDIO = {
    "text": b"once upon a time there was no sound " * 300,
    "html": b"<!DOCTYPE html><html><body>" + b"<p>no sound</p>" * 500,
    "m3u": b"#EXTM3U\n#EXTINF:10,\nhttp://127.0.0.1:9/a.ts\n" * 50,
    "hls": b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n",
    "ffconcat": b"ffconcat version 1.0\nfile '/etc/passwd'\n" * 20,
    "dash": b'<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"></MPD>' * 20,
    "png": b"\x89PNG\r\n\x1a\n" + bytes(3000),
    "zip": b"PK\x03\x04" + bytes(3000),
    "zeros": bytes(20_000),
    "noise": random.Random(3).randbytes(20_000),
}


@pytest.mark.parametrize("name", sorted(NOT_AUDIO))
def test_what_is_no_audio_stays_no_audio(name: str) -> None:
    with pytest.raises(DecodeError) as refused:
        audio.decode(NOT_AUDIO[name])
    assert refused.value.kind == "not_audio"


def test_a_magic_number_before_text_makes_no_music() -> None:
    magics = (
        *(
            b"wvpk",
            b"MAC ",
            b"TTA1",
            b"tBaK",
            b"MPCK",
            b"MP+\x07",
            b"#!AMR\n",
            b"DSD ",
            b"\x7f\xfe\x80\x01",
            b"\x0b\x77",
        ),
        *(b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", b".RMF", b"FLV\x01", b"ajkg", b".snd", b"DTSHDHDR"),
    )
    for outcome, magic in zip(outcomes([magic + NOT_AUDIO["text"] for magic in magics]), magics, strict=True):
        assert outcome.status == "failed", (magic, outcome)
        assert outcome.kind in ("damaged", "unsupported", "not_audio", "limit"), (magic, outcome)


def test_what_ffmpeg_cannot_read_either_is_not_told_to_install_it() -> None:
    for data in (b"RIFF\x00\x01\x00\x00WEBPVP8 " + bytes(300), b"ajkg\x09" + bytes(300), b"wvpk" + bytes(300)):
        with pytest.raises(DecodeError) as refused:
            audio.decode(data)
        assert "install" not in str(refused.value)


def ac3_in_mp4() -> bytes:
    return foreign_audio.encode(signals.sine(440.0, 1.0, sample_rate=48_000), 48_000, "mp4", "ac3")


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """Larger than what is read of it."""
    path = tmp_path / "secret.wav"
    path.write_bytes(signals.wav_bytes(signals.noise(1.0), RATE, "s16"))
    return path


@pytest.mark.parametrize("scheme", ["", "file://"])
def test_an_mp4_that_names_another_file_by_its_url_is_decoded_from_its_own_bytes(secret: Path, scheme: str) -> None:
    file = ac3_in_mp4()
    decoded = audio.decode(mp4_references.with_url(file, f"{scheme}{secret}"))
    np.testing.assert_array_equal(decoded.samples, audio.decode(file).samples)


def test_an_mp4_that_names_another_file_by_an_alias_gives_nothing_of_either(secret: Path, tmp_path: Path) -> None:
    hostile = tmp_path / "hostile.mp4"
    hostile.write_bytes(mp4_references.with_alias(ac3_in_mp4(), secret))
    # The alias is a good one: libav, told to follow it, reads the other file.
    assert first_packet_of(hostile) in secret.read_bytes()
    with pytest.raises(DecodeError) as refused:
        audio.decode(hostile)
    assert (refused.value.kind, "no samples" in str(refused.value)) == ("damaged", True)


def first_packet_of(path: Path) -> bytes:
    import av  # noqa: PLC0415 -- optional

    with av.open(path, options={"enable_drefs": "1", "use_absolute_path": "1"}) as container:
        return bytes(next(container.demux(audio=0)))


def test_a_worker_that_wants_to_follow_an_alias_can_open_nothing(secret: Path) -> None:
    follow = """
        import sys
        sys.path += sys.argv[1:3]
        import av
        from orpheus_fast.ffmpeg_worker import main as worker
        open_container, wish = av.open, {"enable_drefs": "1", "use_absolute_path": "1", "protocol_whitelist": "file"}
        def follow(*arguments, container_options, **named):
            options = {**container_options, **(wish if "mov" in named["format"] else {})}
            return open_container(*arguments, container_options=options, **named)
        av.open = follow
        worker.main(int(sys.argv[3]))
    """
    use_worker(code=textwrap.dedent(follow))
    with pytest.raises(DecodeError, match="secret"):
        audio.decode(mp4_references.with_alias(ac3_in_mp4(), secret))


# Damage.


@pytest.mark.parametrize(("container", "codec"), [("wv", "wavpack"), ("tta", "tta"), ("ac3", "ac3"), ("asf", "wmav2")])
def test_a_file_cut_anywhere_is_never_ok(container: str, codec: str) -> None:
    rate = 48_000 if codec == "ac3" else RATE
    whole = foreign_audio.encode(signals.noise(1.5, sample_rate=rate, n_channels=2), rate, container, codec)
    seconds = outcomes([whole])[0].seconds_sound
    dice = random.Random(codec)
    # A raw stream that ends where a frame ends, or a few bytes behind it, cannot be told from a whole one.
    lengths = [n for n in (dice.randrange(1, len(whole) - 800) for _ in range(40)) if codec != "ac3" or n % 512 > 16]
    for length, outcome in zip(lengths, outcomes([whole[:length] for length in lengths]), strict=True):
        assert outcome.status != "ok", (length, len(whole))
        # What is cut off may have been an index.
        assert outcome.seconds_sound <= seconds
        assert outcome.message


@pytest.mark.parametrize(("container", "codec"), [("wv", "wavpack"), ("tta", "tta"), ("ac3", "ac3")])
def test_flipped_bits_are_found_where_the_format_has_checksums(container: str, codec: str) -> None:
    rate = 48_000 if codec == "ac3" else RATE
    whole = foreign_audio.encode(signals.noise(1.5, sample_rate=rate, n_channels=2), rate, container, codec)
    dice = random.Random(codec)
    flipped = []
    for _ in range(30):
        data = bytearray(whole)
        data[dice.randrange(1000, len(data) - 200)] ^= 1 << dice.randrange(8)
        flipped.append(bytes(data))
    assert {outcome.status for outcome in outcomes(flipped)} <= {"partial", "failed"}


def test_random_damage_always_ends_with_an_outcome() -> None:
    wholes = [
        foreign_audio.encode(signals.noise(0.5, n_channels=2), RATE, container, codec)
        for container, codec in (("wv", "wavpack"), ("tta", "tta"), ("asf", "wmav2"), ("ac3", "ac3"), ("mp4", "ac3"))
    ]
    dice = random.Random(7)
    damaged = []
    for i in range(200):
        data = bytearray(wholes[i % len(wholes)])
        for _ in range(dice.choice((1, 4, 32))):
            data[dice.randrange(len(data) if dice.random() < 0.5 else 128)] = dice.choice((0, 255, dice.randrange(256)))
        damaged.append(bytes(data))
    for outcome in outcomes(damaged):
        assert outcome.status in ("ok", "partial", "failed")
        assert outcome.kind not in ("worker", "panic"), outcome
        assert "\n" not in outcome.message


def test_the_limits_of_a_track_hold_for_workers_too(long_tone: bytes) -> None:
    with pytest.raises(LimitError):
        audio.decode(long_tone, limits=audio.Limits(max_seconds=5.0))
    with pytest.raises(LimitError):
        audio.decode(long_tone, limits=audio.Limits(max_bytes=1000))

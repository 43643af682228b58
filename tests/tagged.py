"""Tags as taggers write them: small writers, so that every file in a test says what it is meant to say."""

from __future__ import annotations

import struct

import signals

RATE = 22_050


def id3v2(frames: list[tuple[str, bytes]], *, version: int = 3) -> bytes:
    """An ID3v2.3 or ID3v2.4 tag; a text frame begins with the number of its encoding."""
    size = _syncsafe if version == 4 else lambda n: struct.pack(">I", n)
    body = b"".join(name.encode() + size(len(content)) + b"\0\0" + content for name, content in frames)
    return b"ID3" + bytes((version, 0, 0)) + _syncsafe(len(body)) + body


def texts(*, version: int = 3, **values: str) -> bytes:
    """An ID3v2 tag of text frames in UTF-16."""
    frames = [(name, b"\1\xff\xfe" + value.encode("utf-16-le")) for name, value in values.items()]
    return id3v2(frames, version=version)


def vorbis_comments(*comments: bytes) -> bytes:
    """A comment header."""
    packed = b"".join(struct.pack("<I", len(comment)) + comment for comment in comments)
    return struct.pack("<I", 6) + b"vendor" + struct.pack("<I", len(comments)) + packed


def wav(seconds: float = 1.0, *, seed: int = 0, tag: bytes = b"") -> bytes:
    """Noise, with an `id3 ` chunk that holds `tag`."""
    sound = bytearray(signals.wav_bytes(signals.noise(seconds, seed=seed, sample_rate=RATE), RATE, "s16"))
    if tag:
        sound += b"id3 " + struct.pack("<I", len(tag)) + tag + b"\0" * (len(tag) % 2)
        sound[4:8] = struct.pack("<I", len(sound) - 8)
    return bytes(sound)


def flac(seconds: float = 1.0, *, comments: bytes = b"", pictures: list[bytes] | None = None) -> bytes:
    """Noise, with pictures and then comments between STREAMINFO and the frames."""
    plain = signals.flac_bytes(signals.noise(seconds, sample_rate=RATE), RATE, 16)
    blocks = [(6, picture) for picture in pictures or []] + [(4, comments)]
    packed = b"".join(bytes([kind]) + len(content).to_bytes(3, "big") + content for kind, content in blocks)
    return plain[:4] + bytes([plain[4] & 0x7F]) + plain[5:42] + _last(packed, blocks) + plain[42:]


def _last(packed: bytes, blocks: list[tuple[int, bytes]]) -> bytes:
    at = len(packed) - len(blocks[-1][1]) - 4
    return packed[:at] + bytes([packed[at] | 0x80]) + packed[at + 1 :]


def _syncsafe(size: int) -> bytes:
    return bytes((size >> shift) & 0x7F for shift in (21, 14, 7, 0))

"""Every input of the tests, made from a seed: signals, and the bytes of audio files that hold them.

Signals are float32 `(n_channels, n_samples)` with full scale at ±1. The writers follow the formats' descriptions in
Python and NumPy alone, so that they share no code with what they test.
"""

from __future__ import annotations

import hashlib
import math
import struct
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from orpheus_fast.demo import Piece, render

if TYPE_CHECKING:
    from collections.abc import Sequence

Signal = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int32]

SAMPLE_RATE: Final = 44_100
FLAC_BLOCK: Final = 4096


# Signals.


def sine(
    hz: float, seconds: float, *, sample_rate: int = SAMPLE_RATE, level: float = 0.5, n_channels: int = 1
) -> Signal:
    """A sine; channel `c` starts a quarter of a cycle after channel `c - 1`."""
    time = np.arange(round(seconds * sample_rate)) / sample_rate
    phases = np.arange(n_channels)[:, None] / 4
    return (level * np.sin(2 * np.pi * (hz * time - phases))).astype(np.float32)


def sweep(
    low_hz: float, high_hz: float, seconds: float, *, sample_rate: int = SAMPLE_RATE, level: float = 0.5
) -> Signal:
    """A sine whose pitch rises by the same number of octaves every second."""
    time = np.arange(round(seconds * sample_rate)) / sample_rate
    octaves = math.log2(high_hz / low_hz)
    cycles = low_hz * seconds / (octaves * math.log(2)) * (np.exp2(octaves * time / seconds) - 1)
    return (level * np.sin(2 * np.pi * cycles)).astype(np.float32)[None, :]


def noise(
    seconds: float, *, seed: int = 0, sample_rate: int = SAMPLE_RATE, level: float = 0.5, n_channels: int = 1
) -> Signal:
    """White noise, uniform within ±level, independent in every channel."""
    n_samples = round(seconds * sample_rate)
    return np.random.default_rng(seed).uniform(-level, level, (n_channels, n_samples)).astype(np.float32)


def impulse(seconds: float, *, at_seconds: float = 0.0, sample_rate: int = SAMPLE_RATE, n_channels: int = 1) -> Signal:
    """One sample of full scale in silence."""
    samples = silence(seconds, sample_rate=sample_rate, n_channels=n_channels)
    samples[:, round(at_seconds * sample_rate)] = 1.0
    return samples


def silence(seconds: float, *, sample_rate: int = SAMPLE_RATE, n_channels: int = 1) -> Signal:
    """Digital zero."""
    return np.zeros((n_channels, round(seconds * sample_rate)), dtype=np.float32)


def music(
    seconds: float,
    *,
    style: str = "folk guitar",
    tempo_bpm: float = 112,
    key: str = "D",
    mode: str = "minor",
    seed: int = 1,
) -> Signal:
    """The beginning of a piece of the demo collection's kind: stereo, at `SAMPLE_RATE`."""
    piece = Piece("test piece", style, tempo_bpm, key, mode, mood="", seed=seed, min_seconds=seconds)
    return np.ascontiguousarray(render(piece).samples[:, : round(seconds * SAMPLE_RATE)])


# Numbers as files hold them.


def to_integers(samples: Signal, bits: int) -> Integers:
    """Round to signed integers of so many bits; full scale becomes the largest of them."""
    scale = 2.0 ** (bits - 1)
    return np.clip(np.rint(samples.astype(np.float64) * scale), -scale, scale - 1).astype(np.int32)


def from_integers(integers: Integers, bits: int) -> Signal:
    """What a decoder returns for those integers: value over 2 to the power of `bits - 1`."""
    return (integers / 2.0 ** (bits - 1)).astype(np.float32)


def _packed(integers: Integers, bits: int, byte_order: str) -> bytes:
    """Interleave the channels and keep the low bytes of every value."""
    n_bytes = bits // 8
    wide = np.ascontiguousarray(integers.T).astype(f"{byte_order}i4").view(np.uint8).reshape(-1, 4)
    return (wide[:, :n_bytes] if byte_order == "<" else wide[:, 4 - n_bytes :]).tobytes()


# WAV.

WAV_KINDS: Final = ("u8", "s16", "s24", "s32", "f32", "f64")


def wav_bytes(
    samples: Signal,
    sample_rate: int = SAMPLE_RATE,
    kind: str = "s16",
    *,
    extensible: bool = False,
    chunks_before_data: Sequence[tuple[bytes, bytes]] = (),
) -> bytes:
    """A RIFF WAVE file.

    `kind` is one of `WAV_KINDS`: unsigned (8 bit only), signed or floating point, and its bits. `extensible` writes the
    longer format chunk that multichannel files need, with speakers in the standard order.
    """
    bits = int(kind[1:])
    data = _wav_data(samples, kind, bits)
    n_channels, n_samples = samples.shape
    tag = 3 if kind[0] == "f" else 1
    frame_bytes = n_channels * bits // 8
    head = struct.pack("<HIIHH", n_channels, sample_rate, sample_rate * frame_bytes, frame_bytes, bits)
    if extensible:
        guid = struct.pack("<H", tag) + bytes.fromhex("000000001000800000aa00389b71")
        format_chunk = struct.pack("<H", 0xFFFE) + head + struct.pack("<HHI", 22, bits, (1 << n_channels) - 1) + guid
    else:
        format_chunk = struct.pack("<H", tag) + head + (struct.pack("<H", 0) if tag == 3 else b"")
    chunks = [(b"fmt ", format_chunk)]
    if tag == 3 or extensible:
        chunks.append((b"fact", struct.pack("<I", n_samples)))
    chunks += [*chunks_before_data, (b"data", data)]
    body = b"WAVE" + b"".join(_chunk(name, content, "<") for name, content in chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _wav_data(samples: Signal, kind: str, bits: int) -> bytes:
    if kind[0] == "f":
        return np.ascontiguousarray(samples.T).astype(f"<f{bits // 8}").tobytes()
    integers = to_integers(samples, bits)
    if kind == "u8":
        return (integers.T + 128).astype(np.uint8).tobytes()
    return _packed(integers, bits, "<")


def _chunk(name: bytes, content: bytes, byte_order: str) -> bytes:
    return name + struct.pack(f"{byte_order}I", len(content)) + content + b"\0" * (len(content) % 2)


# AIFF.

AIFF_KINDS: Final = ("s8", "s16", "s24", "s32")
AIFC_KINDS: Final = ("sowt", "fl32")


def aiff_bytes(samples: Signal, sample_rate: int = SAMPLE_RATE, kind: str = "s16") -> bytes:
    """An AIFF file, or AIFF-C for the kinds of `AIFC_KINDS`: 16 bits low byte first, and 32-bit floating point."""
    n_channels, n_samples = samples.shape
    compressed = kind in AIFC_KINDS
    bits = {"sowt": 16, "fl32": 32}[kind] if compressed else int(kind[1:])
    if kind == "fl32":
        data = np.ascontiguousarray(samples.T).astype(">f4").tobytes()
    else:
        data = _packed(to_integers(samples, bits), bits, "<" if kind == "sowt" else ">")
    common = struct.pack(">hIh", n_channels, n_samples, bits) + _extended(sample_rate)
    if compressed:
        common += kind.encode() + b"\0\0"
    body = b"AIFC" + _chunk(b"FVER", struct.pack(">I", 0xA2805140), ">") if compressed else b"AIFF"
    body += _chunk(b"COMM", common, ">") + _chunk(b"SSND", struct.pack(">II", 0, 0) + data, ">")
    return b"FORM" + struct.pack(">I", len(body)) + body


def _extended(value: int) -> bytes:
    """A positive whole number as an 80-bit IEEE 754 float, big-endian."""
    exponent = value.bit_length() - 1
    return struct.pack(">HQ", 16383 + exponent, value << (63 - exponent))


# FLAC.


def flac_bytes(samples: Signal, sample_rate: int = SAMPLE_RATE, bits: int = 16) -> bytes:
    """A FLAC file of verbatim subframes (RFC 9639): nothing is predicted, everything is checked.

    `bits` is 8, 16 or 24. The decoded integers are `to_integers(samples, bits)`.
    """
    integers = to_integers(samples, bits)
    n_channels, n_samples = integers.shape
    digest = hashlib.md5(_packed(integers, bits, "<"), usedforsecurity=False).digest()
    rate_to_length = sample_rate << 44 | (n_channels - 1) << 41 | (bits - 1) << 36 | n_samples
    stream_info = struct.pack(">HH6xQ", FLAC_BLOCK, FLAC_BLOCK, rate_to_length) + digest
    last_block_flag = 0x80
    header = b"fLaC" + struct.pack(">I", last_block_flag << 24 | len(stream_info)) + stream_info
    starts = range(0, n_samples, FLAC_BLOCK)
    frames = [_flac_frame(integers[:, i : i + FLAC_BLOCK], number, bits) for number, i in enumerate(starts)]
    return header + b"".join(frames)


def _flac_frame(block: Integers, number: int, bits: int) -> bytes:
    """One frame: header and its CRC-8, one verbatim subframe per channel, CRC-16 of it all."""
    n_channels, n_samples = block.shape
    size_in_header, rate_in_stream_info = 0b0111, 0b0000
    sample_size = {8: 0b001, 16: 0b100, 24: 0b110}[bits]
    header = bytes([0xFF, 0xF8, size_in_header << 4 | rate_in_stream_info, (n_channels - 1) << 4 | sample_size << 1])
    # Frame numbers are coded the way UTF-8 codes characters.
    header += chr(number).encode("utf-8", "surrogatepass") + struct.pack(">H", n_samples - 1)
    header += bytes([_crc(header, CRC_8, 8)])
    verbatim = b"\x02"
    frame = header + b"".join(verbatim + _packed(channel[None, :], bits, ">") for channel in block)
    return frame + struct.pack(">H", _crc(frame, CRC_16, 16))


def _crc_table(polynomial: int, width: int) -> tuple[int, ...]:
    """Remainders of all bytes, highest bit first."""
    table = []
    for byte in range(256):
        remainder = byte << (width - 8)
        for _ in range(8):
            remainder = remainder << 1 ^ (polynomial if remainder >> (width - 1) else 0)
            remainder &= (1 << width) - 1
        table.append(remainder)
    return tuple(table)


CRC_8: Final = _crc_table(0x07, 8)
CRC_16: Final = _crc_table(0x8005, 16)


def _crc(data: bytes, table: tuple[int, ...], width: int) -> int:
    remainder = 0
    mask = (1 << width) - 1
    for byte in data:
        remainder = (remainder << 8 & mask) ^ table[remainder >> (width - 8) ^ byte]
    return remainder

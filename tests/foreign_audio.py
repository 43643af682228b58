"""Files that only FFmpeg reads, encoded by PyAV or put together byte by byte."""

from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["dsf_bytes", "encode", "he_aac_bytes"]

# What the encoder takes, by codec.
SAMPLE_FORMATS = {
    "tta": "s16",
    "wavpack": "s16p",
    "wmav2": "fltp",
    "ac3": "fltp",
    "eac3": "fltp",
    "aac": "fltp",
    "libopencore_amrnb": "s16",
}
BIT_RATES = {"libopencore_amrnb": 12_200}


def encode(
    samples: NDArray[np.float32], sample_rate: int, container: str, codec: str, extradata: bytes | None = None
) -> bytes:
    """`samples`: float, shape (n_channels, n_samples), full scale ±1."""
    import av  # noqa: PLC0415 -- optional
    from av.audio.frame import AudioFrame  # noqa: PLC0415

    file = io.BytesIO()
    name = SAMPLE_FORMATS[codec]
    with av.open(file, "w", format=container) as output:
        stream = output.add_stream(codec, rate=sample_rate, options={"strict": "experimental"})
        stream.codec_context.layout = "stereo" if samples.shape[0] == 2 else "mono"
        stream.codec_context.format = name
        stream.codec_context.bit_rate = BIT_RATES.get(codec, 128_000)
        if extradata is not None:
            stream.codec_context.open()
            stream.codec_context.extradata = extradata
        values = samples
        if name.startswith("s16"):
            values = np.clip(np.round(samples * 32768), -32768, 32767).astype(np.int16)
        step = stream.codec_context.frame_size or 4096
        for start in range(0, samples.shape[1], step):
            part = values[:, start : start + step]
            if not name.endswith("p"):
                part = part.T.reshape(1, -1)
            frame = AudioFrame.from_ndarray(
                np.ascontiguousarray(part), format=name, layout="stereo" if samples.shape[0] == 2 else "mono"
            )
            frame.sample_rate = sample_rate
            frame.pts = start
            for packet in stream.encode(frame):
                output.mux(packet)
        for packet in stream.encode(None):
            output.mux(packet)
    return file.getvalue()


def he_aac_bytes(samples: NDArray[np.float32], core_rate: int) -> bytes:
    """MP4 whose AudioSpecificConfig announces SBR over an AAC-LC core: it sounds at twice the core's rate.

    ISO/IEC 14496-3 §1.6.2.1: object type 5, index of the core's rate, channels, index of the rate with
    SBR, object type 2, three flags.
    """
    rates = [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000]
    fields = ((5, 5), (rates.index(core_rate), 4), (samples.shape[0], 4), (rates.index(2 * core_rate), 4), (2, 5))
    bits = "".join(format(value, f"0{width}b") for value, width in fields) + "000"
    config = int(bits.ljust(-(-len(bits) // 8) * 8, "0"), 2).to_bytes(-(-len(bits) // 8), "big")
    return encode(samples, core_rate, "mp4", "aac", extradata=config)


def dsf_bytes(samples: NDArray[np.float32], sample_rate: int = 2_822_400) -> bytes:
    """DSF (Sony, DSF File Format Specification 1.01): one bit per sample, by a first-order modulator."""
    n_channels, n_samples = samples.shape
    block = 4096
    planes = []
    for channel in samples.astype(np.float64):
        bits = np.empty(n_samples, dtype=np.uint8)
        error = 0.0
        for i, value in enumerate(channel.tolist()):
            error += value
            bits[i] = error >= 0
            error -= 1.0 if bits[i] else -1.0
        packed = np.packbits(bits, bitorder="little").tobytes()
        planes.append(packed.ljust(-(-len(packed) // block) * block, b"\x69"))
    n_blocks = len(planes[0]) // block
    data = b"".join(plane[i * block : (i + 1) * block] for i in range(n_blocks) for plane in planes)
    layout = struct.pack(
        "<4sQIIIIIIQII", b"fmt ", 52, 1, 0, n_channels, n_channels, sample_rate, 1, n_samples, block, 0
    )
    body = layout + struct.pack("<4sQ", b"data", 12 + len(data)) + data
    return struct.pack("<4sQQQ", b"DSD ", 28, 28 + len(body), 0) + body

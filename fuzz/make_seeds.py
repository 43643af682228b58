"""Writes the corpora's first files: a fifth of a second of a synthesised chord in every format, and parameters.

    python fuzz/make_seeds.py

The formats that have no writer here are encoded by ffmpeg; without it they are left out.
"""

from __future__ import annotations

import shutil
import struct
import subprocess
import tempfile
from pathlib import Path

import numpy as np

CORPUS = Path(__file__).parent / "corpus"
RATE = 22_050
ENCODED = {
    "layer3.mp3": ["-c:a", "libmp3lame", "-q:a", "6"],
    "layer2.mp2": ["-c:a", "mp2", "-b:a", "64k"],
    "flac.flac": ["-c:a", "flac"],
    "flac.oga": ["-c:a", "flac"],
    "vorbis.ogg": ["-c:a", "libvorbis", "-q:a", "0"],
    "vorbis.mka": ["-c:a", "libvorbis", "-q:a", "0"],
    "opus.opus": ["-c:a", "libopus", "-b:a", "32k"],
    "opus.webm": ["-c:a", "libopus", "-b:a", "32k"],
    "aac.m4a": ["-c:a", "aac", "-b:a", "48k"],
    "aac.aac": ["-c:a", "aac", "-b:a", "48k"],
    "alac.m4a": ["-c:a", "alac"],
    "alac.caf": ["-c:a", "alac"],
    "pcm.aiff": ["-c:a", "pcm_s16be"],
    "pcm.caf": ["-c:a", "pcm_s24be"],
    "pcm.au": ["-c:a", "pcm_mulaw"],
    "pcm.w64": ["-c:a", "pcm_s16le"],
    "ima.wav": ["-c:a", "adpcm_ima_wav"],
    "microsoft.wav": ["-c:a", "adpcm_ms"],
    "float.wav": ["-c:a", "pcm_f32le"],
}
TAGS = [
    "-metadata",
    "title=A title",
    "-metadata",
    "artist=An artist",
    "-metadata",
    "date=1999",
    "-metadata",
    "genre=Ambient",
]


def wav() -> bytes:
    """A chord, stereo, 16 bit."""
    time = np.arange(RATE // 5) / RATE
    chord = sum(np.sin(2 * np.pi * frequency * time) for frequency in (220.0, 277.2, 329.6)) / 4
    pcm = np.rint(np.stack([chord, -chord[::-1]], axis=1) * 32_767).astype("<i2").tobytes()
    header = struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        b"RIFF",
        36 + len(pcm),
        b"WAVE",
        b"fmt ",
        16,
        1,
        2,
        RATE,
        4 * RATE,
        4,
        16,
        b"data",
        len(pcm),
    )
    return header + pcm


def main() -> None:
    """Write the files."""
    for target in ("decode", "tags", "resample"):
        (CORPUS / target).mkdir(parents=True, exist_ok=True)
    (CORPUS / "decode" / "pcm.wav").write_bytes(wav())
    with tempfile.TemporaryDirectory() as scratch:
        source = Path(scratch) / "source.wav"
        source.write_bytes(wav())
        for name, arguments in ENCODED.items() if shutil.which("ffmpeg") else ():
            path = CORPUS / "decode" / name
            command = ["ffmpeg", "-nostdin", "-v", "error", "-y", "-i", str(source), *arguments, *TAGS]
            subprocess.run([*command, "-fflags", "+bitexact", str(path)], check=True)
            shutil.copy(path, CORPUS / "tags" / name)
    rates = [(44_100, 48_000), (48_000, 16_000), (44_100, 44_099), (8_000, 768_000), (1_000, 1_001), (96_000, 22_050)]
    for number, (from_hz, to_hz) in enumerate([*rates, *((b, a) for a, b in rates)]):
        head = (
            struct.pack("<I", from_hz)[:3] + struct.pack("<I", to_hz)[:3] + struct.pack("<BH", number % 2, 700 + number)
        )
        (CORPUS / "resample" / f"{from_hz}-{to_hz}").write_bytes(head + bytes((7 * i) % 251 for i in range(40)))


if __name__ == "__main__":
    main()

"""Writes the corpora's first files: a fifth of a second of a synthesised chord in every format, and parameters.

    python fuzz/make_seeds.py

The formats that have no writer here are encoded by ffmpeg, FAISS files are written by faiss-cpu; without these they
are left out.
"""

from __future__ import annotations

import importlib.util
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


# One of each layout, with a few vectors of few values.
INDEXES = """
Flat IDMap,Flat IDMap2,Flat SQ8 SQ6 SQ4 SQfp16 SQbf16 PQ4x4 PQ3x5 PQ6x4fs PQ3x4fs RaBitQ RaBitQ3 RaBitQfs
RaBitQfs3 IVF3,Flat IVF20,Flat IVF3,SQ8 IVF3,SQfp16 IVF3,PQ4x4 IVF3,PQ6x4fs IVF3,PQ3x4fsr IVF3,RaBitQ
IVF3,RaBitQ2 IVF3,RaBitQfs IVF3,RaBitQfs2 IVF3_HNSW4,Flat IDMap2,IVF3,Flat HNSW2,Flat HNSW4,Flat HNSW4,SQ8
HNSW4,PQ4x4 IDMap2,HNSW4,Flat PCA6,Flat PCAR6,IVF3,SQ8 OPQ3_6,PQ3x4 RR6,Flat L2norm,IVF3,Flat Pad16,SQ4
HR16,Flat SQ4,RFlat IVF3,SQ4,Refine(SQfp16) IDMap2,PCA6,IVF3,SQ8,RFlat
"""


def write_indexes() -> None:
    """Write a FAISS file of every kind."""
    import faiss  # noqa: PLC0415 -- an extra

    faiss.omp_set_num_threads(1)
    vectors = np.random.default_rng(0).standard_normal((300, 12), dtype=np.float32)
    for number, kind in enumerate(INDEXES.split()):
        metric = (faiss.METRIC_L2, faiss.METRIC_INNER_PRODUCT)[number % 2]
        index = faiss.index_factory(12, kind, metric)
        index.train(vectors)
        few = vectors[: 0 if kind == "IVF20,Flat" else 9]
        if kind.startswith("IDMap"):
            index.add_with_ids(few, np.arange(50, 50 + len(few)))
        else:
            index.add(few)
        faiss.write_index(index, str(CORPUS / "faiss" / kind.replace(",", "-")))


def main() -> None:
    """Write the files."""
    for target in ("decode", "tags", "resample", "faiss"):
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
    if importlib.util.find_spec("faiss"):
        write_indexes()


if __name__ == "__main__":
    main()

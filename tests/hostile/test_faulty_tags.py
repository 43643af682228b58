"""Hostile tags: any file ends with tags or a refusal, soon, in little memory."""

from __future__ import annotations

import json
import random
import struct
import subprocess
import sys
from pathlib import Path

import pytest

import tagged
from orpheus_fast import read_tags

SHARED = Path(__file__).parents[3] / "shared"
FAULTY = sorted(path for path in (SHARED / "audio-faulty").rglob("*") if path.is_file())

# Reads the files named on stdin, within 512 MiB of address space on top of what is there by then;
# prints what it took.
READER = """
import json, resource, sys, time
from orpheus_fast import read_tags
from orpheus_fast.errors import DecodeError

def statm(field):
    return int(open("/proc/self/statm").read().split()[field]) * resource.getpagesize()

read_tags(b"")
limit = statm(0) + (512 << 20)
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
before, slowest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, 0.0
results = {}
for path in json.load(sys.stdin):
    started = time.process_time()
    try:
        tags = read_tags(path)
        results[path] = [tags.title, tags.problems]
    except DecodeError as error:
        results[path] = [error.kind, []]
    slowest = max(slowest, time.process_time() - started)
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps({"results": results, "slowest": slowest, "grown_kib": after - before}))
"""


def read_apart(paths: list[Path]) -> dict[str, object]:
    names = json.dumps([str(path) for path in paths])
    run = subprocess.run([sys.executable, "-c", READER], check=True, capture_output=True, text=True, input=names)
    return json.loads(run.stdout)  # type: ignore[no-any-return]


@pytest.mark.skipif(not FAULTY, reason="the shared faulty files are not beside this checkout")
def test_every_faulty_file_ends_with_tags_soon_and_in_little_memory() -> None:
    ended = read_apart(FAULTY)
    assert len(ended["results"]) == len(FAULTY)
    assert "panic" not in {first for first, _ in ended["results"].values()}
    assert ended["slowest"] < 10.0
    assert ended["grown_kib"] < 64 << 10


def test_lengths_of_two_gigabytes_are_not_believed(tmp_path: Path) -> None:
    huge = 0x7FFF_FFF0
    files = {
        "comment.flac": tagged.flac(comments=struct.pack("<I", 0) + struct.pack("<II", 1, huge) + b"TITLE=x"),
        "vendor.flac": tagged.flac(comments=struct.pack("<I", huge) + b"x"),
        "count.flac": tagged.flac(comments=struct.pack("<II", 0, huge)),
        "frame.mp3": b"ID3\3\0\0\0\0\0\x40" + b"TIT2" + struct.pack(">I", huge) + b"\0\0\0x",
        "tag.mp3": b"ID3\4\0\0\x7f\x7f\x7f\x7fTIT2\0\0\0\2\0\0\3T",
        "atom.m4a": struct.pack(">I4s", 16, b"ftyp") + b"M4A \0\0\0\0" + struct.pack(">I4s", huge, b"moov")
        + struct.pack(">I4s", huge, b"udta") + struct.pack(">I4sI", huge, b"meta", 0)
        + struct.pack(">I4s", huge, b"ilst") + struct.pack(">I4s", huge, b"\xa9nam"),
        "item.ape": struct.pack("<II", huge, 0) + b"Title\0x" + b"APETAGEX" + struct.pack("<III", 2000, huge, huge)
        + bytes(12),
        "page.ogg": b"OggS\0\2" + bytes(20) + b"\1\x08OpusHead" + b"OggS\0\0" + bytes(20) + b"\1\x14OpusTags"
        + struct.pack("<III", 0, huge, huge),
        "list.wav": b"RIFF" + struct.pack("<I", huge) + b"WAVELIST" + struct.pack("<I", huge) + b"INFOINAM"
        + struct.pack("<I", huge) + b"x",
    }  # fmt: skip
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    ended = read_apart([tmp_path / name for name in files])
    assert ended["slowest"] < 1.0
    assert ended["grown_kib"] < 16 << 10
    titles = {Path(path).name: title for path, (title, _) in ended["results"].items()}
    assert titles == dict.fromkeys(files) | {"tag.mp3": "T"}


def test_large_pictures_cost_neither_tags_nor_memory(tmp_path: Path) -> None:
    picture = random.Random(1).randbytes(20 << 20)
    block = picture[: (16 << 20) - 1]
    comment = b"METADATA_BLOCK_PICTURE=" + b"A" * (27 << 20)
    files = {
        "a.mp3": tagged.id3v2([("APIC", picture), ("TIT2", b"\0T")]),
        "b.flac": tagged.flac(comments=tagged.vorbis_comments(b"TITLE=T"), pictures=[block, block]),
        "c.wav": tagged.wav(tag=tagged.id3v2([("APIC", picture), ("TIT2", b"\0T")])),
        "d.ogg": opus(tagged.vorbis_comments(comment, b"TITLE=T")),
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    ended = read_apart([tmp_path / name for name in files])
    assert [*ended["results"].values()] == [["T", []]] * len(files)
    assert ended["grown_kib"] < 16 << 10
    assert ended["slowest"] < 1.0


def opus(comments: bytes) -> bytes:
    """An Ogg stream of nothing but headers; the comments fill as many pages as they need."""
    body = b"OpusTags" + comments
    lacing = bytes([255]) * (len(body) // 255) + bytes([len(body) % 255])
    pages = [b"OggS\0\2" + bytes(20) + b"\1\x13OpusHead" + bytes(11)]
    at = 0
    for start in range(0, len(lacing), 255):
        segments = lacing[start : start + 255]
        pages.append(b"OggS\0" + bytes(21) + bytes([len(segments)]) + segments + body[at : at + sum(segments)])
        at += sum(segments)
    return b"".join(pages)


def test_damaged_tags_always_end() -> None:
    dice = random.Random(5)
    whole = [
        tagged.wav(0.01, tag=tagged.texts(TIT2="T", TPE1="A", TCON="(17)")),
        tagged.flac(0.01, comments=tagged.vorbis_comments(b"TITLE=T", b"ARTIST=A", b"TRACKNUMBER=1/2")),
        opus(tagged.vorbis_comments(b"TITLE=T", b"R128_TRACK_GAIN=12")),
    ]
    for original in whole:
        for _ in range(500):
            data = bytearray(original)
            for _ in range(dice.choice((1, 2, 8))):
                data[dice.randrange(len(data))] = dice.choice((0, 1, 0x7F, 0x80, 0xFF, dice.randrange(256)))
            tags = read_tags(bytes(data[: dice.randrange(1, len(data))] if dice.random() < 0.2 else data))
            assert all("\n" not in problem for problem in tags.problems)
            assert tags.title is None or tags.title.isprintable()

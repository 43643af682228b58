"""MP4 files that say that their sound is in another file (ISO/IEC 14496-12 §8.7.2; aliases of QuickTime)."""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["with_alias", "with_url"]

IN_THIS_FILE = struct.pack(">I4sI", 12, b"url ", 1)


def with_url(file: bytes, location: str) -> bytes:
    """`location`: as an MP4 names another file, without the flag that says that it is this one."""
    return _with_reference(file, b"url ", bytes(4) + os.fsencode(location) + b"\0")


def with_alias(file: bytes, path: Path) -> bytes:
    """The alias record of QuickTime: volume, name, then the path as item 2 and once more as item 18."""
    target = os.fsencode(path)
    padded = target + bytes(len(target) % 2)
    items = struct.pack(">HH", 2, len(target)) + padded + struct.pack(">HH", 18, len(target)) + padded
    record = bytes([3]) + b"vol".ljust(27, b"\0") + bytes(4) + b"H+" + bytes(6)
    name = os.fsencode(path.name)
    record += bytes([len(name)]) + name.ljust(63, b"\0") + bytes(16) + bytes(4) + bytes(16)
    record += items + struct.pack(">HH", 0xFFFF, 0)
    return _with_reference(
        file, b"alis", bytes(4) + bytes(4) + struct.pack(">HH", len(record) + 10, 2) + bytes(2) + record
    )


def _with_reference(file: bytes, kind: bytes, body: bytes) -> bytes:
    """`file` ends with its `moov` box."""
    reference = struct.pack(">I4s", len(body) + 8, kind) + body
    at = file.index(IN_THIS_FILE)
    changed = bytearray(file[:at] + reference + file[at + len(IN_THIS_FILE) :])
    for name in (b"dref", b"dinf", b"minf", b"mdia", b"trak", b"moov"):
        start = file.rindex(name, 0, at) - 4
        (size,) = struct.unpack_from(">I", file, start)
        struct.pack_into(">I", changed, start, size + len(reference) - len(IN_THIS_FILE))
    return bytes(changed)

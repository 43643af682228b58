"""Tags and pictures in files that only FFmpeg reads."""

from __future__ import annotations

import struct

import numpy as np

__all__ = ["apev2", "dsdiff", "id3v1", "lyrics3", "with_asf_picture", "with_dsf_tag", "with_mp4_cover"]

# Metadata library object, ASF specification 01.20.06 §4.7, inside a header extension object, §3.4.
ASF_EXTENSION = bytes.fromhex("b503bf5f2ea9cf118ee300c00c205365")
ASF_RESERVED = bytes.fromhex("11d2d3abbaa9cf118ee600c00c205365")
ASF_LIBRARY = bytes.fromhex("941c23449894d149a1411d134e457054")
JPEG_START = b"\xff\xd8\xff\xe0"


def apev2(n_cover_bytes: int) -> bytes:
    """An APEv2 tag with header and footer that holds a title and a front cover."""
    cover = b"cover.jpg\0" + JPEG_START + bytes(n_cover_bytes)
    items = (
        struct.pack("<II", 5, 0) + b"Title\0Alone" + struct.pack("<II", len(cover), 2) + b"Cover Art (Front)\0" + cover
    )
    header, footer = (
        b"APETAGEX" + struct.pack("<IIII", 2000, len(items) + 32, 2, flags) + bytes(8)
        for flags in (0xA000_0000, 0x8000_0000)
    )
    return header + items + footer


def id3v1() -> bytes:
    """128 bytes."""
    return b"TAG" + b"Alone".ljust(30, b"\0") + bytes(94) + b"\xff"


def lyrics3() -> bytes:
    """A Lyrics3 v2 tag with one field, which stands before an ID3v1 tag."""
    body = b"LYRICSBEGINLYR00005hello"
    return body + f"{len(body):06d}LYRICS200".encode()


def with_mp4_cover(file: bytes, n_cover_bytes: int) -> bytes:
    """`file` ends with its `moov` box."""
    at = file.rindex(b"moov") - 4
    data = _box(b"data", struct.pack(">II", 13, 0), JPEG_START, bytes(n_cover_bytes))
    handler = _box(b"hdlr", bytes(8), b"mdirappl", bytes(9))
    meta = _box(b"meta", bytes(4), handler, _box(b"ilst", _box(b"covr", data)))
    return file[:at] + _box(b"moov", file[at + 8 :], _box(b"udta", meta))


def with_asf_picture(file: bytes, n_cover_bytes: int) -> bytes:
    """A second header extension object, with a picture in its metadata library."""
    name, media_type = "WM/Picture\0".encode("utf-16-le"), "image/jpeg\0".encode("utf-16-le")
    cover = JPEG_START + bytes(n_cover_bytes)
    picture = struct.pack("<BI", 3, len(cover)) + media_type + "\0".encode("utf-16-le") + cover
    record = struct.pack("<HHHHI", 0, 0, len(name), 1, len(picture)) + name + picture
    library = ASF_LIBRARY + struct.pack("<QH", 26 + len(record), 1) + record
    extension = (
        ASF_EXTENSION + struct.pack("<Q", 46 + len(library)) + ASF_RESERVED + struct.pack("<HI", 6, len(library))
    )
    n_bytes, n_objects = struct.unpack_from("<QI", file, 16)
    sizes = struct.pack("<QI", n_bytes + len(extension) + len(library), n_objects + 1)
    return file[:16] + sizes + file[28:n_bytes] + extension + library + file[n_bytes:]


def with_dsf_tag(file: bytes, tag: bytes) -> bytes:
    """The tag stands at the end; the DSD chunk says where."""
    return file[:12] + struct.pack("<QQ", len(file) + len(tag), len(file)) + file[28:] + tag


def dsdiff(n_samples: int, tag: bytes = b"") -> bytes:
    """DSDIFF 1.5: noise of one bit on two channels, eight bits to a sample, then perhaps an ID3 chunk."""
    sound = np.random.default_rng(1).integers(0, 256, 2 * n_samples, dtype=np.uint8).tobytes()
    channels = struct.pack(">H", 2) + b"SLFTSRGT"
    fields = ((b"FS  ", struct.pack(">I", 2_822_400)), (b"CHNL", channels), (b"CMPR", b"DSD \x0enot compressed\0"))
    properties = b"SND " + b"".join(_chunk(name, body) for name, body in fields)
    chunks = _chunk(b"FVER", struct.pack(">I", 0x0105_0000)) + _chunk(b"PROP", properties) + _chunk(b"DSD ", sound)
    return _chunk(b"FRM8", b"DSD " + chunks + (_chunk(b"ID3 ", tag) if tag else b""))


def _chunk(name: bytes, body: bytes) -> bytes:
    return name + struct.pack(">Q", len(body)) + body + bytes(len(body) % 2)


def _box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I4s", len(body) + 8, kind) + body

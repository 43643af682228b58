"""What a worker and the program say to each other.

Frames of `kind: u32, length: u32`, little endian, then `length` bytes. The other side is
`rust/orpheus-audio/src/decode/external/protocol.rs`.
"""

from __future__ import annotations

import os
import select
import struct
from typing import Final

__all__ = [
    "BLOCK",
    "DAMAGED",
    "DATA",
    "END",
    "ERROR",
    "FAULT",
    "HEADER",
    "HELLO",
    "LOSS",
    "NOT_AUDIO",
    "OPEN",
    "OUT_OF_MEMORY",
    "READ",
    "READ_BYTES",
    "SOCKET",
    "STOP",
    "UNSUPPORTED",
    "VERSION",
    "Gone",
    "Link",
    "Rehearsal",
    "RemoteFile",
    "Stopped",
    "message",
]

VERSION: Final = 2
OPEN, DATA, STOP = 1, 2, 3
HELLO, READ, HEADER, BLOCK, LOSS, END, ERROR = 16, 17, 18, 19, 20, 21, 22
# Of an ERROR.
DAMAGED, UNSUPPORTED, NOT_AUDIO, OUT_OF_MEMORY, FAULT = 0, 1, 2, 3, 4

SOCKET: Final = 0
READ_BYTES: Final = 128 << 10
# The program takes a worker that asks for more at once for one that has gone astray.
MAX_READ_BYTES: Final = 1 << 20
MESSAGE_BYTES: Final = 400


class Stopped(Exception):  # noqa: N818 -- not an error
    """The program wants no more of this file."""


class Gone(Exception):  # noqa: N818 -- not an error
    """The program has ended."""


class Link:
    """The socket to the program."""

    def __init__(self) -> None:
        self._poll = select.poll()
        self._poll.register(SOCKET, select.POLLIN)

    def send(self, kind: int, *parts: bytes | memoryview) -> None:
        """Write one frame."""
        payload = b"".join(parts)
        rest = memoryview(struct.pack("<II", kind, len(payload)) + payload)
        while rest:
            try:
                rest = rest[os.write(SOCKET, rest) :]
            except BrokenPipeError:
                raise Gone from None

    def receive(self) -> tuple[int, bytes]:
        """Wait for one frame."""
        kind, length = struct.unpack("<II", self._exactly(8))
        return kind, self._exactly(length)

    def check(self) -> None:
        """Raise `Stopped` if the program has said so meanwhile."""
        if self._poll.poll(0) and self.receive()[0] == STOP:
            raise Stopped

    def _exactly(self, n_bytes: int) -> bytes:
        parts = []
        while n_bytes:
            part = os.read(SOCKET, n_bytes)
            if not part:
                raise Gone
            parts.append(part)
            n_bytes -= len(part)
        return b"".join(parts)


class RemoteFile:
    """The file's bytes, asked for as libavformat wants them."""

    def __init__(self, link: Link, n_bytes: int) -> None:
        self._link = link
        self._n_bytes = n_bytes
        self._position = 0
        self._held = b""
        self._held_from = 0
        # PyAV may swallow an exception that passes through libavformat.
        self.interruption: Exception | None = None

    def read(self, n_bytes: int) -> bytes:
        """Return up to `n_bytes`, but at least one, none at the end: libavformat asks again for the rest."""
        n_bytes = min(n_bytes, self._n_bytes - self._position, MAX_READ_BYTES)
        if n_bytes <= 0 or self.interruption:
            return b""
        skipped = self._position - self._held_from
        if not 0 <= skipped < len(self._held):
            try:
                self._held = self._ask(self._position, max(n_bytes, READ_BYTES))
            except (Gone, Stopped) as interruption:
                self.interruption = interruption
                return b""
            self._held_from, skipped = self._position, 0
        data = self._held[skipped : skipped + n_bytes]
        self._position += len(data)
        return data

    def _ask(self, offset: int, n_bytes: int) -> bytes:
        self._link.send(READ, struct.pack("<QI", offset, n_bytes))
        kind, data = self._link.receive()
        if kind == STOP:
            raise Stopped
        return data

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move as file objects do."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._n_bytes}[whence]
        self._position = max(0, base + offset)
        return self._position

    def is_untagged_from(self, n_bytes: int) -> bool:
        """Whether the bytes behind the first `n_bytes` exist and are no tag."""
        self.seek(n_bytes)
        return n_bytes < self._n_bytes and not self.read(8).startswith((b"TAG", b"APETAGEX"))

    def tell(self) -> int:
        """Return the position."""
        return self._position


class Rehearsal(Link):
    """Stands for a program that asks for one tiny file, so that PyAV loads what it loads late."""

    def __init__(self) -> None:
        super().__init__()
        n_data = 64
        self.file = struct.pack(
            "<4sI8sIHHIIHH4sI", b"RIFF", 36 + n_data, b"WAVEfmt ", 16, 1, 1, 8000, 16_000, 2, 16, b"data", n_data
        )
        self.file += bytes(n_data)
        self.heard: list[int] = []

    def send(self, kind: int, *parts: bytes | memoryview) -> None:
        """Note it."""
        del parts
        self.heard.append(kind)

    def receive(self) -> tuple[int, bytes]:
        """Hand over the whole file."""
        return DATA, self.file

    def check(self) -> None:
        """Never stop."""


def message(text: str) -> bytes:
    """One line, not too long."""
    return text.encode(errors="replace")[:MESSAGE_BYTES]

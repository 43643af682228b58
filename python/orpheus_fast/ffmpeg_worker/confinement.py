"""What a worker may not do, and how it ends with the program."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import sys
import time
from pathlib import Path
from typing import Final

from orpheus_fast.ffmpeg_worker.wire import SOCKET

__all__ = ["Budget", "close_inherited", "confine", "die_with"]


# Where the system does not tell: more than any build of the libraries is seen to take.
MAPPED_BYTES_ELSEWHERE: Final = 1 << 30


class Budget:
    """Processor time of one track: so much, and a tenth of its length; the kernel ends a worker that uses more."""

    # As `guard.rs` counts for every track.
    SECONDS_PER_SECOND: Final = 0.1

    def __init__(self) -> None:
        self._started = 0.0
        self._seconds = 0.0
        self._limit = -1

    def begin(self, seconds: float) -> None:
        """Grant a track its `seconds`."""
        self._started = time.process_time()
        self._seconds = seconds
        self.earn(0.0)

    def earn(self, seconds_of_sound: float) -> None:
        """Grant what comes on top for the sound so far."""
        most = self._started + self._seconds + self.SECONDS_PER_SECOND * seconds_of_sound
        # The kernel counts whole seconds, and from the start of the process. It is for what gives no sound:
        # before it, the program has a second in which it ends a track that used up its time.
        limit = int(min(most, 1e9)) + 2
        if limit != self._limit:
            resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.getrlimit(resource.RLIMIT_CPU)[1]))
            self._limit = limit

    def spent_milliseconds(self) -> int:
        """Since the track began."""
        return min(int((time.process_time() - self._started) * 1000), (1 << 32) - 1)


def die_with(parent: int) -> None:
    """End when the program does, however it ends."""
    if sys.platform == "linux":
        import ctypes  # noqa: PLC0415 -- nobody else needs it

        set_death_signal = 1
        ctypes.CDLL(None).prctl(set_death_signal, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit(0)


def confine(memory_bytes: int) -> None:
    """Give up what decoding does not need: files, sockets, children, more memory than `memory_bytes` on top."""
    address_space = mapped_bytes() + memory_bytes
    for name, most in (("CORE", 0), ("FSIZE", 0), ("NPROC", 0), ("NOFILE", SOCKET + 3), ("AS", address_space)):
        # Not every system has every limit, and some refuse to lower one.
        with contextlib.suppress(AttributeError, OSError, ValueError):
            resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (most, most))


def mapped_bytes() -> int:
    """Address space that the interpreter and the libraries take."""
    try:
        n_pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    except (OSError, ValueError, LookupError):
        return MAPPED_BYTES_ELSEWHERE
    return n_pages * os.sysconf("SC_PAGE_SIZE")


def close_inherited() -> None:
    """Close what the program left open for its children."""
    os.closerange(SOCKET + 3, os.sysconf("SC_OPEN_MAX"))

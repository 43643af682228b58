"""What a worker may not do, and how it ends with the program."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import sys
import time

from orpheus_fast.ffmpeg_worker.wire import SOCKET

__all__ = ["Budget", "close_inherited", "confine", "die_with"]


class Budget:
    """Processor time between two blocks of samples; the kernel ends a worker that needs more."""

    def __init__(self, seconds: int) -> None:
        self._seconds = seconds
        self._renewed = -1.0

    def renew(self) -> None:
        """Grant the seconds anew."""
        used = time.process_time()
        if used - self._renewed > 0.5 or self._renewed < 0:  # noqa: PLR2004 -- the kernel counts whole seconds
            hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
            resource.setrlimit(resource.RLIMIT_CPU, (int(used) + 1 + self._seconds, hard))
            self._renewed = used


def die_with(parent: int) -> None:
    """End when the program does, however it ends."""
    if sys.platform == "linux":
        import ctypes  # noqa: PLC0415 -- nobody else needs it

        set_death_signal = 1
        ctypes.CDLL(None).prctl(set_death_signal, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit(0)


def confine(memory_bytes: int) -> None:
    """Give up what decoding does not need: files, sockets, children, memory without end."""
    for name, most in (("CORE", 0), ("FSIZE", 0), ("NPROC", 0), ("NOFILE", SOCKET + 3), ("AS", memory_bytes)):
        # Not every system has every limit, and some refuse to lower one.
        with contextlib.suppress(AttributeError, OSError, ValueError):
            resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (most, most))


def close_inherited() -> None:
    """Close what the program left open for its children."""
    os.closerange(SOCKET + 3, os.sysconf("SC_OPEN_MAX"))

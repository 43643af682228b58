"""The decoding workers of a process, as the system sees them; Linux only."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["eventually", "is_running", "workers_of"]

PROC = Path("/proc")


def workers_of(parent: int | None = None) -> list[int]:
    """Process ids of the workers that `parent`, by default this process, has started; zombies count."""
    parent = os.getpid() if parent is None else parent
    found = []
    for folder in PROC.glob("[0-9]*"):
        try:
            name, fields = (folder / "stat").read_text().rsplit(")", 1)
            command = (folder / "cmdline").read_bytes()
        except OSError:
            continue
        zombie = fields.split()[0] == "Z" and "python" in name
        if int(fields.split()[1]) == parent and (b"ffmpeg_worker" in command or zombie):
            found.append(int(folder.name))
    return sorted(found)


def is_running(process: int) -> bool:
    try:
        return (PROC / str(process) / "stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def eventually(condition: Callable[[], bool], seconds: float = 10.0) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True

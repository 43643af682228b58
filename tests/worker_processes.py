"""The decoding workers of a process, as the system sees them; Linux only."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["eventually", "is_running", "is_stopped", "ready_workers_of", "workers_of"]

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


def ready_workers_of(parent: int) -> list[int]:
    """Those that have loaded what they need and given up the rest."""
    return [worker for worker in workers_of(parent) if "Max open files            3 " in limits_of(worker)]


def limits_of(process: int) -> str:
    try:
        return (PROC / str(process) / "limits").read_text(encoding="ascii")
    except OSError:
        return ""


def is_running(process: int) -> bool:
    return state_of(process) not in ("", "Z")


def is_stopped(process: int) -> bool:
    return state_of(process) == "T"


def state_of(process: int) -> str:
    """Its letter; "" if there is no such process any more."""
    try:
        return (PROC / str(process) / "stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return ""


def eventually(condition: Callable[[], bool], seconds: float = 10.0) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True

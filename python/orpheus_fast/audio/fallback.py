"""FFmpeg for what the decoders of orpheus_fast do not read: the extra `ffmpeg`.

PyAV is never imported here. It runs in worker processes (`ffmpeg_worker`), which are started when
the first file needs one.
"""

from __future__ import annotations

import functools
import os
import sys
from importlib import util
from pathlib import Path
from typing import Final

from orpheus_fast import _native
from orpheus_fast.errors import DecodeError

__all__ = ["DISABLING_VARIABLE", "register", "state"]

# Set to anything but the empty string, files are decoded as if PyAV were not installed.
DISABLING_VARIABLE: Final = "ORPHEUS_NO_FFMPEG"

# On top of what the interpreter and the libraries take: four times the index of an MP4 file of ten hours, and room
# for three copies of a picture of 64 MiB.
MEMORY_BYTES: Final = 384 << 20
STUCK_SECONDS: Final = 30.0
IDLE_SECONDS: Final = 10.0

# What the interpreter runs. Its path holds the standard library, this package and PyAV.
START: Final = (
    "import sys; sys.path += sys.argv[1:3]; "
    "from orpheus_fast.ffmpeg_worker.confinement import die_with; die_with(int(sys.argv[4])); "
    "from orpheus_fast.ffmpeg_worker.main import main; main(int(sys.argv[3]))"
)


@functools.cache
def register() -> bool:
    """Make the fallback known to the decoders, once per process; return whether it is there."""
    folder = _folder_of_pyav()
    if folder is None:
        return False
    _native.set_fallback((sys.executable, worker_arguments(folder), STUCK_SECONDS, IDLE_SECONDS))
    return True


def worker_arguments(folder: Path) -> list[str]:
    """Return what the interpreter is told: the worker alone, nothing of the user's environment or site."""
    package = Path(__file__).resolve().parents[2]
    return ["-I", "-S", "-B", "-c", START, str(package), str(folder), str(MEMORY_BYTES)]


def state() -> dict[str, object]:
    """Return whether the fallback works, and with which libraries; a worker is started to tell."""
    if os.environ.get(DISABLING_VARIABLE):
        return {"state": "disabled", "reason": f"{DISABLING_VARIABLE} is set"}
    if not register():
        return {"state": "missing", "install": 'pip install "orpheus-fast[ffmpeg]"'}
    try:
        return {"state": "working", "libraries": _native.fallback_versions()}
    except DecodeError as error:
        return {"state": "broken", "reason": str(error)}


def _folder_of_pyav() -> Path | None:
    """Return the folder from which `import av` would load; None where workers cannot be started."""
    unusable = os.environ.get(DISABLING_VARIABLE) or getattr(sys, "frozen", False) or not sys.executable
    if unusable or os.name != "posix":
        return None
    try:
        found = util.find_spec("av")
    except (ImportError, ValueError):
        return None
    if found is None or not found.submodule_search_locations:
        return None
    return Path(next(iter(found.submodule_search_locations))).resolve().parent

"""`orpheus` as a process, and something for it to work on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import signals

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = [sys.executable, "-m", "orpheus_fast"]
RATE = 8000
ODD_NAME = b"caf\xe9.wav"


def run(*arguments: object, **options: Any) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ORPHEUS_")}
    environment |= options.pop("env", {})
    words = [os.fspath(word) if isinstance(word, os.PathLike) else str(word) for word in arguments]
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "timeout": 120, **options}
    return subprocess.run([*PROGRAM, *words], env=environment, text=True, check=False, **options)


def only_document(done: subprocess.CompletedProcess[str]) -> Any:
    return json.loads(done.stdout)


def assert_refused(done: subprocess.CompletedProcess[str], exit_code: int, *words: str) -> None:
    """One line on standard error that holds `words`, nothing on standard output."""
    assert done.returncode == exit_code, done.stderr
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in done.stderr


def tone(hz: float, seconds: float = 6.0) -> bytes:
    return signals.wav_bytes(signals.sine(hz, seconds, sample_rate=RATE), RATE)


def make_music(folder: Path) -> Path:
    """Seven sound files, one of them with a name that is no text, and one that only says that it is one."""
    for number in range(6):
        (folder / f"tone {number}.wav").write_bytes(tone(220.0 * 2 ** (number / 6)))
    with open(os.fsencode(folder) + b"/" + ODD_NAME, "wb") as file:  # noqa: PTH123 -- a name in bytes
        file.write(tone(500.0))
    (folder / "broken.mp3").write_bytes(b"\0" * 5000)
    (folder / "cover.jpg").write_bytes(b"\xff\xd8\xff")
    return folder

"""Draws docs/images/demo.svg: what `orpheus demo` writes to a terminal, run now, in an empty folder.

python docs/images/make_demo_svg.py
"""

from __future__ import annotations

import errno
import fcntl
import io
import os
import pty
import re
import struct
import subprocess
import sys
import tempfile
import termios
from pathlib import Path

from rich.console import Console
from rich.text import Text

PICTURE = Path(__file__).with_name("demo.svg")
N_COLUMNS = 110
N_ROWS = 60
# A picture that is shown inside a page may not load fonts from elsewhere; the reader's monospace font does.
WEB_FONTS = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)


def terminal_output(folder: Path) -> str:
    """Run `orpheus demo` in `folder` on a terminal of its own; return what it wrote to standard output."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", N_ROWS, N_COLUMNS, 0, 0))
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("ORPHEUS_")}
    environment = {**inherited, "TERM": "xterm-256color", "COLUMNS": str(N_COLUMNS)}
    command = [sys.executable, "-m", "orpheus_fast", "demo"]
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=theirs, stderr=subprocess.PIPE
    ) as process:
        os.close(theirs)
        written = read_all(ours)
        messages = process.stderr.read().decode() if process.stderr else ""
    if process.returncode != 0:
        sys.exit(f"orpheus demo ended with {process.returncode}: {messages}")
    return written.decode()


def read_all(terminal: int) -> bytes:
    """Read until the other end of the terminal is closed, which Linux reports as an I/O error."""
    written = b""
    while True:
        try:
            piece = os.read(terminal, 65_536)
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            piece = b""
        if not piece:
            os.close(terminal)
            return written
        written += piece


def draw(output: str) -> str:
    """Return the picture of a terminal that shows the command and its output."""
    console = Console(record=True, width=N_COLUMNS, file=io.StringIO(), force_terminal=True)
    console.print(Text.assemble(("$ ", "bold green"), "orpheus demo"))
    console.print(Text.from_ansi(output.replace("\r\n", "\n")))
    svg = console.export_svg(title="orpheus demo", unique_id="orpheus-demo")
    return WEB_FONTS.sub("", svg)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        PICTURE.write_text(draw(terminal_output(Path(name))), encoding="utf-8")

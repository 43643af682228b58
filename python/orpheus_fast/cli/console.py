"""Where words go: results to standard output, everything else to standard error."""

from __future__ import annotations

import contextlib
import json
import math
import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final, TextIO

import click

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console, RenderableType
    from rich.table import Table

__all__ = [
    "ResultsError",
    "discard_results",
    "emit_json",
    "make_streams_safe",
    "one_line",
    "path_fields",
    "printable",
    "say",
    "show",
    "stderr_console",
    "stderr_is_terminal",
    "stdout_is_terminal",
    "table",
    "warn",
    "write_line",
    "write_row",
]

# Wide enough that nothing is folded: a table is no wider than what it holds.
_PIPE_WIDTH: Final = 1000
_N_STANDARD_STREAMS: Final = 3


class ResultsError(Exception):
    """The results cannot be written to standard output."""


def make_streams_safe() -> None:
    """See to it that printing neither fails on a character nor ends up in a data file."""
    # A closed descriptor 0, 1 or 2 would be given to the next file that is opened, the library's included.
    while (fd := os.open(os.devnull, os.O_RDWR)) < _N_STANDARD_STREAMS:
        continue
    os.close(fd)
    sys.stdout = sys.stdout or Path(os.devnull).open("w")  # noqa: SIM115 -- open until the process ends
    sys.stderr = sys.stderr or Path(os.devnull).open("w")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, ValueError):
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]


def discard_results() -> None:
    """Send what is still buffered nowhere, so that the interpreter does not complain at its end."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextlib.contextmanager
def _results() -> Iterator[None]:
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except (OSError, ValueError) as error:
        message = f"the results cannot be written to standard output: {getattr(error, 'strerror', None) or error}"
        raise ResultsError(message) from error


def printable(text: object) -> str:
    r"""Return `text` without anything that could steer a terminal or break a line.

    Examples
    --------
    >>> printable("a\x1b[2J\nb")
    'a\\x1b[2J\\nb'
    """
    string = os.fsencode(text).decode("utf-8", "backslashreplace") if isinstance(text, os.PathLike) else str(text)
    if string.isprintable():
        return string
    # What stands for bytes that are no UTF-8 is shown as those bytes.
    string = string.encode(
        "utf-8",
        "surrogateescape",
    ).decode("utf-8", "backslashreplace")
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in string)


def one_line(text: str) -> str:
    """Join the lines of a message into one that is safe to print."""
    return printable(" ".join(line.strip() for line in text.splitlines() if line.strip()))


def say(text: str) -> None:
    """Write a line for people to standard error; who closed it does not want to know."""
    with contextlib.suppress(OSError, ValueError):
        click.echo(printable(text), err=True)


def warn(text: str) -> None:
    """Write a warning to standard error."""
    say(f"warning: {one_line(text)}")


def write_line(text: str = "") -> None:
    """Write a line of the result to standard output."""
    with _results():
        click.echo(printable(text))


def write_row(*cells: object) -> None:
    """Write a tab-separated line of the result; tabs within a cell are escaped."""
    with _results():
        click.echo("\t".join("" if cell is None else printable(cell) for cell in cells))


def emit_json(kind: str, document: Mapping[str, object]) -> None:
    """Write the one JSON document of a command; `kind` is its name and `schema` its version."""
    values = {"kind": kind, "schema": 1, **document}
    # ASCII is valid in whatever encoding the reader of a pipe expects.
    text = json.dumps(_plain(values), ensure_ascii=True, allow_nan=False, indent=2)
    with _results():
        click.echo(text)


def path_fields(path: str, path_bytes: bytes) -> dict[str, str]:
    """Return the JSON fields of a path: text, and the bytes where the text does not give them back."""
    fields = {"path": path}
    if path.encode("utf-8", "surrogateescape") != path_bytes:
        fields["path_bytes_hex"] = path_bytes.hex()
    return fields


def stdout_is_terminal() -> bool:
    """Whether a person reads the results."""
    return _is_terminal(sys.stdout)


def stderr_is_terminal() -> bool:
    """Whether a person sees the progress; unlike rich's answer, a variable for colours has no say in it."""
    return _is_terminal(sys.stderr)


def _is_terminal(stream: TextIO | None) -> bool:
    with contextlib.suppress(ValueError):
        return stream is not None and stream.isatty()
    return False


def table(*titles: str) -> Table:
    """Return a table to be filled and shown; a title that begins with > stands over numbers."""
    from rich import box  # noqa: PLC0415 -- not needed for --help
    from rich.table import Table  # noqa: PLC0415 -- not needed for --help

    empty = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for title in titles:
        empty.add_column(title.removeprefix(">"), justify="right" if title[0] == ">" else "left", overflow="fold")
    return empty


def show(renderable: RenderableType) -> None:
    """Draw a table or text as the result; without colours where no terminal is."""
    from rich.console import Console  # noqa: PLC0415 -- not needed for --help

    width = None if stdout_is_terminal() else _PIPE_WIDTH
    with _results():
        Console(width=width, markup=False, highlight=False, emoji=False, soft_wrap=False).print(renderable)


def stderr_console() -> Console:
    """Return the console that progress is drawn on."""
    from rich.console import Console  # noqa: PLC0415 -- not needed for --help

    return Console(stderr=True, markup=False, highlight=False, emoji=False)


def _plain(value: object) -> object:
    """Bring a value to what JSON knows."""
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, (str, bytes)):
        return [_plain(item) for item in value]
    return printable(value)

"""What went wrong → one line that says what to do, and an exit code."""

from __future__ import annotations

import contextlib
import errno
import os
import traceback
from dataclasses import dataclass
from typing import Final

import click

from orpheus_fast import errors
from orpheus_fast.cli import stop
from orpheus_fast.cli.console import ResultsError, emit_json, one_line, printable, say

__all__ = [
    "BAD_USAGE",
    "DONE",
    "INTERNAL",
    "LIBRARY",
    "SOME_FAILED",
    "Failure",
    "failure_of",
    "tell",
    "tell_stopped",
]

DONE: Final = 0
SOME_FAILED: Final = 1
BAD_USAGE: Final = 2
LIBRARY: Final = 3
# Outside the documented codes on purpose (`EX_SOFTWARE`): whoever sees it has met a bug.
INTERNAL: Final = 70

# The first match counts.
_EXIT_CODES: Final[tuple[tuple[type[BaseException], int], ...]] = (
    (ResultsError, BAD_USAGE),
    (errors.DecodeError, SOME_FAILED),
    (errors.RootUnavailableError, BAD_USAGE),
    (errors.LibraryError, LIBRARY),
    (errors.IndexFormatError, LIBRARY),
    (errors.OrpheusError, BAD_USAGE),
)
_WRONG_PATH: Final = (FileNotFoundError, PermissionError, FileExistsError, NotADirectoryError, IsADirectoryError)
_FULL: Final = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a command did not do its work.

    Attributes
    ----------
    name : str
        Name of the exception, for programs.
    message : str
        One line: what was given, what was expected, what to do.
    exit_code : int
        What the process ends with.
    """

    name: str
    message: str
    exit_code: int


def failure_of(error: BaseException) -> Failure:
    """Describe `error`; what is not foreseen is a bug and says so."""
    name = type(error).__name__
    if isinstance(error, click.ClickException):
        return Failure("UsageError", _usage(error), BAD_USAGE)
    for kind, exit_code in _EXIT_CODES:
        if isinstance(error, kind):
            return Failure(name, one_line(_advised(error)), exit_code)
    if isinstance(error, OSError) and error.strerror:
        return Failure(name, one_line(_system(error)), BAD_USAGE if isinstance(error, _WRONG_PATH) else LIBRARY)
    if isinstance(error, MemoryError):
        return Failure(name, "not enough memory; close other programs, or use fewer --jobs", INTERNAL)
    if isinstance(error, ImportError):
        message = f"the installation is incomplete: {error}; install orpheus-fast again, then see: orpheus doctor"
        return Failure(name, one_line(message), BAD_USAGE)
    return Failure(name, one_line(_bug(error)), INTERNAL)


def tell(error: BaseException, *, as_json: bool) -> int:
    """Say what went wrong, once for people and where wanted once for programs; return the exit code."""
    if os.environ.get("ORPHEUS_DEBUG"):
        for line in "".join(traceback.format_exception(error)).splitlines():
            say(line)
    return _tell(failure_of(error), as_json=as_json)


def tell_stopped(*, as_json: bool) -> int:
    """Say that a signal ended the command before it had a result."""
    return _tell(Failure("Stopped", "stopped before there was a result", stop.exit_code()), as_json=as_json)


def _tell(failure: Failure, *, as_json: bool) -> int:
    say(f"error: {failure.message}")
    if as_json:
        values = {"name": failure.name, "message": failure.message, "exit_code": failure.exit_code}
        # What cannot be written is not made better by a second complaint.
        with contextlib.suppress(OSError, ResultsError):
            emit_json("error", {"error": values})
    return failure.exit_code


def _usage(error: click.ClickException) -> str:
    message = one_line(error.format_message()).rstrip(".")
    message = message[:1].lower() + message[1:]
    context = error.ctx if isinstance(error, click.UsageError) else None
    return f"{message}; see: {context.command_path} --help" if context else message


def _advised(error: BaseException) -> str:
    if isinstance(error, errors.LibraryNotFoundError):
        return f"{error}; make it with: orpheus index MUSIC --library DIR"
    return str(error)


def _system(error: OSError) -> str:
    name = _spelled(error.filename)
    if isinstance(error, FileNotFoundError):
        return f"{name} does not exist, expected a file or folder; check the spelling"
    if isinstance(error, FileExistsError):
        return f"{name} already exists; pass --overwrite to replace it, or choose another name"
    if isinstance(error, PermissionError):
        return f"{name} may not be read or written by this user: {error.strerror}; check its permissions"
    if error.errno in _FULL:
        return f"{name} cannot be written: {error.strerror}; free some space and run the same command again"
    return f"{name}: {error.strerror}"


def _spelled(name: object) -> str:
    if isinstance(name, bytes):
        return name.decode("utf-8", "backslashreplace")
    return "the output" if name is None else printable(name)


def _bug(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({os.path.basename(frames[-1].filename)}:{frames[-1].lineno})" if frames else ""  # noqa: PTH119
    what = f"{type(error).__name__}: {error}{place}"
    return f"internal error: {what}; please report it with what 'orpheus doctor' prints (ORPHEUS_DEBUG=1 shows more)"

"""One writer at a time, by an operating-system lock that dies with its owner."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import socket
import sys
import time
import weakref
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from orpheus_fast.errors import LibraryLockedError
from orpheus_fast.library.disk import naming

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

__all__ = ["LOCK_NAME", "Owner", "WriterLock", "read_owner"]

LOCK_NAME: Final = "writer.lock"
_POLL_SECONDS: Final = 0.05
_MAX_RECORD_BYTES: Final = 4096
_MAX_COMMAND: Final = 200


@dataclass(frozen=True, slots=True)
class Owner:
    """Who holds the lock, as they said themselves."""

    pid: int
    host: str
    since: str
    command: str

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host} since {self.since}"


class WriterLock:
    """The right to write to one library, held until `release` or until the process ends.

    The lock belongs to the open file, not to the file's existence, so a lock
    file that a killed process left behind locks nobody out. The record in it
    only serves the message that others get.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder, WriterLock.acquire(folder) as lock:
    ...     lock.held
    True
    """

    __slots__ = ("__weakref__", "_fd", "_pid")

    def __init__(self, fd: int) -> None:
        self._fd: int | None = fd
        self._pid = os.getpid()
        _held.add(self)

    @classmethod
    def acquire(cls, folder: str | os.PathLike[str], *, wait_seconds: float = 0.0) -> Self:
        """Take the lock of the library in `folder`.

        Parameters
        ----------
        folder : path-like
            An existing folder; the lock file is made in it where there is none.
        wait_seconds : float >= 0
            How long to wait for another writer to finish; `inf` waits for ever.

        Raises
        ------
        LibraryLockedError
            If another writer still holds it then: which process, where, since when.
        OSError
            If the lock file cannot be written, as on a read-only disk.
        """
        path = Path(folder) / LOCK_NAME
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
        try:
            with naming(path):
                _lock(fd, path, wait_seconds)
                _write_owner(fd)
        except BaseException:
            os.close(fd)
            raise
        return cls(fd)

    @property
    def held(self) -> bool:
        """Whether this process still has the lock."""
        return self._fd is not None

    def release(self) -> None:
        """Give the lock back; a second call does nothing."""
        fd, self._fd = self._fd, None
        if fd is None:
            return
        # The file itself stays: to unlink it would let two writers lock two files of one name. And a
        # record that cannot be emptied does no harm: the lock is what counts.
        with contextlib.suppress(OSError):
            if self._pid == os.getpid():
                os.ftruncate(fd, 0)
        os.close(fd)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.release()


_held: weakref.WeakSet[WriterLock] = weakref.WeakSet()


def _forget_in_child() -> None:
    # A forked child shares the open file and would keep the lock alive after its parent's death.
    # Closing the child's copy leaves the parent's lock as it is.
    for lock in list(_held):
        lock.release()


os.register_at_fork(after_in_child=_forget_in_child)


def read_owner(folder: str | os.PathLike[str]) -> Owner | None:
    """Return the record in the lock file of `folder`, or `None` where there is no sound one.

    A record says who held the lock last, not that it is held now.
    """
    try:
        fd = os.open(Path(folder) / LOCK_NAME, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        return _parse_owner(os.read(fd, _MAX_RECORD_BYTES))
    except OSError:
        return None
    finally:
        os.close(fd)


def _lock(fd: int, path: Path, wait_seconds: float) -> None:
    deadline = time.monotonic() + wait_seconds
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                raise LibraryLockedError(_refusal(path, wait_seconds)) from None
            time.sleep(min(_POLL_SECONDS, remaining))
        else:
            return


def _refusal(path: Path, wait_seconds: float) -> str:
    owner = read_owner(path.parent)
    who = str(owner) if owner else "another process that has not yet said which"
    waited = f" (waited {wait_seconds:g} s)" if wait_seconds > 0 else ""
    return f"library {path.parent} is being written by {who}{waited}; wait until it is done, or stop it"


def _write_owner(fd: int) -> None:
    owner = Owner(
        pid=os.getpid(),
        host=socket.gethostname(),
        since=datetime.now(UTC).isoformat(timespec="seconds"),
        command=" ".join(sys.argv)[:_MAX_COMMAND],
    )
    # ASCII, so that a command line that is no valid Unicode is written too.
    record = json.dumps(asdict(owner), ensure_ascii=True).encode("ascii")
    os.ftruncate(fd, 0)
    os.pwrite(fd, record, 0)


def _parse_owner(record: bytes) -> Owner | None:
    try:
        values = json.loads(record)
        return Owner(
            pid=int(values["pid"]),
            host=_one_line(values["host"]),
            since=_one_line(values["since"]),
            command=_one_line(values["command"]),
        )
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return None


def _one_line(value: object) -> str:
    text = str(value)[:_MAX_COMMAND]
    return "".join(character if character.isprintable() else "?" for character in text)

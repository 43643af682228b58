"""One SQLite file: how it is opened, what its failures mean, where transactions begin and end."""

from __future__ import annotations

import errno
import os
import sqlite3
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final
from urllib.parse import quote_from_bytes

from orpheus_fast.errors import LibraryError, LibraryLockedError
from orpheus_fast.library.damage import damaged

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["Database", "translated"]

_OLDEST_SQLITE: Final = (3, 37, 0)
_BUSY_MILLISECONDS: Final = 10_000
_WAL_LIMIT_BYTES: Final = 64 << 20
_SYSTEM: Final = {
    sqlite3.SQLITE_FULL: errno.ENOSPC,
    sqlite3.SQLITE_IOERR: errno.EIO,
    sqlite3.SQLITE_READONLY: errno.EACCES,
    sqlite3.SQLITE_PERM: errno.EACCES,
    sqlite3.SQLITE_CANTOPEN: errno.EACCES,
    sqlite3.SQLITE_NOMEM: errno.ENOMEM,
}


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn what SQLite raises about the catalog at `path` into what callers are promised."""
    try:
        yield
    except sqlite3.Error as error:
        # No code means that Python's module objects: to a stored value, or to a call of ours.
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
            message = f"catalog {path} is in use by another process; try again"
            raise LibraryLockedError(message) from error
        if code in _SYSTEM:
            number = _SYSTEM[code]
            raise OSError(number, f"{os.strerror(number)} ({error})", str(path)) from error
        if isinstance(error, sqlite3.ProgrammingError):
            message = f"catalog {path} cannot be used: {error}"
            raise LibraryError(message) from error
        # Corrupt pages, but also tables that are not there and rows that break a constraint.
        raise damaged(path, str(error)) from error
    except UnicodeDecodeError as error:
        # SQLite quotes a damaged schema in its message, and Python takes the message for UTF-8.
        raise damaged(path, "it holds text that is not UTF-8") from error


class Database:
    """A connection with transactions that nest, shared safely by the threads of one process."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._connection: sqlite3.Connection | None = connection
        self._lock = threading.RLock()

    @classmethod
    def create(cls, path: Path) -> Database:
        """Open the new, empty file `path`."""
        return cls._connect(path, "rwc", writable=True)

    @classmethod
    def open(cls, path: Path, *, writable: bool) -> Database:
        """Open an existing file; never makes one.

        A reader that may write to the folder still gets a connection that may
        not write data, but that can tidy up after itself: a strictly read-only one
        would leave SQLite's `-wal` and `-shm` behind. Where the folder cannot
        be written to, nothing is made. There, a catalog without a `-wal` has no
        writer and is opened as unchanging: should another account start to write to it
        meanwhile, this reader must be opened again to see that.
        """
        if writable:
            return cls._connect(path, "rw", writable=True)
        if _may_write(path) and _may_write(path.parent):
            return cls._connect(path, "rw", writable=False)
        log = path.with_name(path.name + "-wal")
        has_log = log.exists() and log.stat().st_size > 0
        if has_log and not path.with_name(path.name + "-shm").exists():
            message = (
                f"{path} has changes that are still in {log.name}, and its folder cannot be written to; "
                "copy the library to where you may write, or open it once with more rights"
            )
            raise LibraryError(message)
        return cls._connect(path, "ro" if has_log else "ro&immutable=1", writable=False)

    @classmethod
    def _connect(cls, path: Path, mode: str, *, writable: bool) -> Database:
        if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
            message = f"this Python comes with SQLite {sqlite3.sqlite_version}, a library needs 3.37 or newer"
            raise LibraryError(message)
        uri = f"file:{quote_from_bytes(os.fsencode(path.absolute()))}?mode={mode}"
        with translated(path):
            connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
            try:
                _configure(connection, writable=writable)
            except BaseException:
                connection.close()
                raise
        return cls(path, connection)

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """One consistent state for everything that is read inside, whoever commits meanwhile."""
        with self._transaction("BEGIN DEFERRED") as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """All of what is written inside, on disk at the end; or, on any exception, none of it."""
        with self._transaction("BEGIN IMMEDIATE") as connection:
            yield connection

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[sqlite3.Connection]:
        with self._lock, translated(self.path):
            connection = self._connection
            if connection is None:
                message = f"catalog {self.path} was closed"
                raise LibraryError(message)
            if connection.in_transaction:
                yield connection
                return
            connection.execute(begin)
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                # A failed COMMIT may have rolled back by itself.
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def back_up(self, path: Path) -> None:
        """Copy the whole file to `path`, which appears when it is complete."""
        unfinished = path.with_name(path.name + ".new")
        unfinished.unlink(missing_ok=True)
        with self._lock, translated(self.path):
            if self._connection is None:
                message = f"catalog {self.path} was closed"
                raise LibraryError(message)
            copy = sqlite3.connect(unfinished)
            try:
                self._connection.backup(copy)
            finally:
                copy.close()
        unfinished.replace(path)

    def close(self) -> None:
        """Close the connection; a second call does nothing."""
        with self._lock, translated(self.path):
            connection, self._connection = self._connection, None
            if connection is not None:
                connection.close()


def _configure(connection: sqlite3.Connection, *, writable: bool) -> None:
    connection.execute(f"PRAGMA busy_timeout = {_BUSY_MILLISECONDS}")
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA cell_size_check = ON")
    connection.execute("PRAGMA foreign_keys = ON")
    if writable:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA journal_size_limit = {_WAL_LIMIT_BYTES}")
    else:
        connection.execute("PRAGMA query_only = ON")


def _may_write(path: Path) -> bool:
    effective = os.access in os.supports_effective_ids
    return os.access(path, os.W_OK, effective_ids=effective)

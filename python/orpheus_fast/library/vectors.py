"""The vectors of one space: one `.npy` file that only grows, and is proven before it is used.

Layout: a header of exactly 128 bytes, then the rows, float32 little-endian, one
after the other. So row 0 lies on a multiple of 64 bytes in the file and in
memory, and so do all rows where `dim` is a multiple of 16; the rows of other
spaces (the 44 values of `classical`, for one) follow each other without a gap,
because a gap would not be a plain `.npy` any more.

The catalog says how many rows there are. What lies behind them does not exist:
it is an append that was cut short, or one that is going on. The header's shape
follows each commit for the sake of `numpy.load`, and is never believed here.
"""

from __future__ import annotations

import mmap
import os
import re
import stat
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from orpheus_fast.errors import ParameterError, ShapeError
from orpheus_fast.library.damage import damaged
from orpheus_fast.library.disk import fsync_directory, naming

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]

__all__ = ["BLOCK_BYTES", "HEADER_BYTES", "VERIFIED_BYTES", "Appended", "VectorFile"]

HEADER_BYTES: Final = 128
BLOCK_BYTES: Final = 65_536

# Up to here a reader proves every block before it maps the file (some 0.1 s); beyond, only the last
# one, and `verify` does the rest.
VERIFIED_BYTES: Final = 256 << 20

_ITEM_BYTES: Final = 4
_READ_BYTES: Final = 64 * BLOCK_BYTES
# numpy.lib.format, version 1.0: magic, version, length of what follows.
_PREAMBLE: Final = b"\x93NUMPY\x01\x00" + (HEADER_BYTES - 10).to_bytes(2, "little")
_SHAPE: Final = re.compile(rb"'shape': \((\d{1,20}), (\d{1,9})\)")


@dataclass(frozen=True, slots=True)
class Appended:
    """Rows that are on disk and wait to be committed.

    `blocks` holds number and checksum of each block that they touch: the last
    one so far, which grew, and those behind it.
    """

    first_row: int
    n_rows: int
    blocks: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class VectorFile:
    """The vectors of one space on disk; holds a path and a shape, no open file."""

    path: Path
    dim: int

    @property
    def row_bytes(self) -> int:
        """Bytes per row."""
        return self.dim * _ITEM_BYTES

    def n_bytes(self, n_rows: int) -> int:
        """Length of the file when it holds `n_rows` rows and nothing else."""
        return HEADER_BYTES + n_rows * self.row_bytes

    def n_blocks(self, n_rows: int) -> int:
        """Blocks that `n_rows` rows reach into."""
        return -(-n_rows * self.row_bytes // BLOCK_BYTES)

    def header(self, n_rows: int) -> bytes:
        """Return the header for `n_rows` rows: always 128 bytes, so that it can be replaced in place."""
        text = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({n_rows}, {self.dim}), }}"
        return _PREAMBLE + text.encode("ascii").ljust(HEADER_BYTES - len(_PREAMBLE) - 1) + b"\n"

    def append(self, vectors: Vectors, *, n_rows: int, last_checksum: int) -> Appended:
        """Put `vectors` behind the first `n_rows` rows and see them to the disk.

        Committed bytes are neither read nor written: the checksum of the last
        block goes on from `last_checksum`, so damage to it stays visible.

        Raises
        ------
        OSError
            If the disk is full or fails. What may then lie behind the
            committed rows does not count; the file must be recovered before the next append.
        """
        values = self.checked(vectors)
        if len(values) == 0:
            return Appended(n_rows, n_rows, ())
        data = values.data.cast("B")
        offset = n_rows * self.row_bytes
        with naming(self.path), _opened(self.path, os.O_RDWR) as fd:
            self._check_length(fd, n_rows)
            _write_all(fd, data, HEADER_BYTES + offset)
            os.fsync(fd)
        blocks = _extended_checksums(data, offset, last_checksum)
        return Appended(n_rows, n_rows + len(values), blocks)

    def write_header(self, n_rows: int) -> None:
        """Let the shape follow a commit. Not seen to the disk: a stale one is mended by the next writer."""
        with naming(self.path), _opened(self.path, os.O_RDWR) as fd:
            _write_all(fd, memoryview(self.header(n_rows)), 0)

    def recover(self, n_rows: int, checksums: Sequence[int]) -> list[str]:
        """Bring the file to exactly the committed rows, as a writer does before it appends.

        Returns
        -------
        list of str
            What had to be mended, one line each.

        Raises
        ------
        LibraryDamagedError
            If committed rows are missing, or the last block is not what was committed.
        """
        expected = self.n_bytes(n_rows)
        if n_rows == 0:
            self.path.parent.mkdir(exist_ok=True)
        flags = os.O_RDWR if n_rows else os.O_RDWR | os.O_CREAT
        with naming(self.path), _opened(self.path, flags) as fd:
            n_bytes = os.fstat(fd).st_size
            if n_rows == 0 and n_bytes < HEADER_BYTES:
                self._start(fd)
                return []
            self._check_length(fd, n_rows)
            self._check_blocks(fd, n_rows, checksums, first=max(0, len(checksums) - 1))
            repairs = []
            if n_bytes > expected:
                os.ftruncate(fd, expected)
                repairs.append(f"{self.path}: cut off {n_bytes - expected} bytes that were never committed")
            stated = self._read_header(fd)
            if stated != n_rows:
                _write_all(fd, memoryview(self.header(n_rows)), 0)
                lost = ", so the catalog has lost commits" if stated is not None and stated > n_rows else ""
                repairs.append(f"{self.path}: header stated {stated} rows instead of {n_rows}{lost}")
            if repairs:
                os.fsync(fd)
            return repairs

    def map(self, n_rows: int, checksums: Sequence[int]) -> Vectors:
        """Return the committed rows as one read-only array over the file's own pages.

        Length, header and, up to `VERIFIED_BYTES`, every block are proven first.
        The bytes must then stay as they are, which they do: only rows behind
        them are ever written. (If something else cuts the file short while it is
        mapped, reading the lost part ends the process: no program can help that.)

        Raises
        ------
        LibraryDamagedError
            If the file is not what was committed.
        """
        if n_rows == 0:
            return _frozen(np.empty((0, self.dim), dtype=np.float32))
        with naming(self.path), _opened(self.path, os.O_RDONLY) as fd:
            self._check_length(fd, n_rows)
            self._check_header(fd)
            expected = self.n_bytes(n_rows)
            first = 0 if expected <= VERIFIED_BYTES else len(checksums) - 1
            self._check_blocks(fd, n_rows, checksums, first=first)
            try:
                pages = mmap.mmap(fd, expected, access=mmap.ACCESS_READ)
            except ValueError:
                raise damaged(self.path, "it was cut short while it was opened") from None
        rows = np.frombuffer(pages, dtype="<f4", count=n_rows * self.dim, offset=HEADER_BYTES)
        return rows.reshape(n_rows, self.dim)

    def verify(self, n_rows: int, checksums: Sequence[int]) -> list[int]:
        """Return the numbers of all blocks that are not what was committed.

        Raises
        ------
        LibraryDamagedError
            If the file is too short or its header is not one of ours.
        """
        if n_rows == 0:
            return []
        with naming(self.path), _opened(self.path, os.O_RDONLY) as fd:
            self._check_length(fd, n_rows)
            self._check_header(fd)
            return list(self._bad_blocks(fd, n_rows, checksums, first=0))

    def stated_rows(self) -> int | None:
        """Return the number of rows that the header states, or `None` if it is not a header of ours."""
        with naming(self.path), _opened(self.path, os.O_RDONLY) as fd:
            return self._read_header(fd)

    def rows_of_block(self, block: int, n_rows: int) -> range:
        """Rows of which at least one byte lies in `block`."""
        first = block * BLOCK_BYTES // self.row_bytes
        return range(first, min(n_rows, -(-(block + 1) * BLOCK_BYTES // self.row_bytes)))

    def checked(self, vectors: Vectors) -> Vectors:
        """Return `vectors` as they are stored, or refuse them: wrong shape, NaN, infinity."""
        values = np.ascontiguousarray(vectors, dtype="<f4")
        if values.shape[1:] != (self.dim,):
            message = f"vectors have shape {values.shape}, expected (n_vectors, {self.dim})"
            raise ShapeError(message)
        if not np.isfinite(values).all():
            row = int(np.flatnonzero(~np.isfinite(values).all(axis=1))[0])
            message = f"vector {row} holds NaN or infinity, expected finite float32 values"
            raise ParameterError(message)
        return values

    def _start(self, fd: int) -> None:
        os.ftruncate(fd, 0)
        _write_all(fd, memoryview(self.header(0)), 0)
        os.fsync(fd)
        fsync_directory(self.path.parent)

    def _check_length(self, fd: int, n_rows: int) -> None:
        n_bytes, expected = os.fstat(fd).st_size, self.n_bytes(n_rows)
        if n_bytes < expected:
            raise damaged(self.path, f"expected {expected} bytes ({n_rows} committed rows), got {n_bytes}")

    def _check_header(self, fd: int) -> None:
        if self._read_header(fd) is None:
            raise damaged(self.path, f"its header is not that of float32 rows of {self.dim} values")

    def _read_header(self, fd: int) -> int | None:
        header = os.pread(fd, HEADER_BYTES, 0)
        shape = _SHAPE.search(header)
        # Whatever is not byte for byte what `header` writes was not written by it.
        if shape is None or header != self.header(n_rows := int(shape[1])):
            return None
        return n_rows

    def _check_blocks(self, fd: int, n_rows: int, checksums: Sequence[int], *, first: int) -> None:
        if len(checksums) != self.n_blocks(n_rows):
            raise damaged(self.path, f"expected {self.n_blocks(n_rows)} block checksums, got {len(checksums)}")
        for block in self._bad_blocks(fd, n_rows, checksums, first=first):
            start = HEADER_BYTES + block * BLOCK_BYTES
            end = min(start + BLOCK_BYTES, self.n_bytes(n_rows))
            rows = self.rows_of_block(block, n_rows)
            what = f"bytes {start} to {end} (rows {rows.start} to {rows.stop - 1}) differ from what was committed"
            raise damaged(self.path, what)

    def _bad_blocks(self, fd: int, n_rows: int, checksums: Sequence[int], *, first: int) -> Iterator[int]:
        end = n_rows * self.row_bytes
        for offset in range(first * BLOCK_BYTES, end, _READ_BYTES):
            # Read, not mapped: a disk that fails here raises, where a mapping would kill the process.
            n_bytes = min(_READ_BYTES, end - offset)
            data = memoryview(_read_all(fd, n_bytes, HEADER_BYTES + offset))
            for start in range(0, n_bytes, BLOCK_BYTES):
                block = (offset + start) // BLOCK_BYTES
                if zlib.crc32(data[start : start + BLOCK_BYTES]) != checksums[block]:
                    yield block


@contextmanager
def _opened(path: Path, flags: int) -> Iterator[int]:
    try:
        # Non-blocking, so that a FIFO in the file's place is refused and not waited for.
        fd = os.open(path, flags | os.O_CLOEXEC | os.O_NONBLOCK, 0o644)
    except (FileNotFoundError, IsADirectoryError):
        raise damaged(path, "the file is gone") from None
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise damaged(path, "it is not a regular file")
        yield fd
    finally:
        os.close(fd)


def _extended_checksums(data: memoryview, offset: int, last_checksum: int) -> tuple[tuple[int, int], ...]:
    """Checksums of the blocks that `data` reaches into when it stands `offset` bytes behind the header."""
    block, filled = divmod(offset, BLOCK_BYTES)
    checksum = last_checksum if filled else 0
    checksums = []
    start = 0
    while start < len(data):
        end = start + BLOCK_BYTES - filled
        checksums.append((block, zlib.crc32(data[start:end], checksum)))
        start, block, filled, checksum = end, block + 1, 0, 0
    return tuple(checksums)


def _write_all(fd: int, data: memoryview, offset: int) -> None:
    while data:
        n_written = os.pwrite(fd, data, offset)
        data, offset = data[n_written:], offset + n_written


def _read_all(fd: int, n_bytes: int, offset: int) -> bytes:
    chunks = []
    while n_bytes:
        chunk = os.pread(fd, n_bytes, offset)
        if not chunk:
            break
        chunks.append(chunk)
        n_bytes, offset = n_bytes - len(chunk), offset + len(chunk)
    return b"".join(chunks)


def _frozen(rows: Vectors) -> Vectors:
    rows.setflags(write=False)
    return rows

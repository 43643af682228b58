from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING
from zlib import crc32

import numpy as np
import pytest

from orpheus_fast.errors import LibraryDamagedError, ParameterError, ShapeError
from orpheus_fast.library import vectors as module
from orpheus_fast.library.vectors import BLOCK_BYTES, HEADER_BYTES, VectorFile

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

DIM = 44


def rows(n: int, *, seed: int = 0, dim: int = DIM) -> NDArray[np.float32]:
    return np.random.default_rng(seed).standard_normal((n, dim), dtype=np.float32)


class Committed:
    """A vector file and what a catalog would hold about it."""

    def __init__(self, path: Path, dim: int = DIM) -> None:
        self.file = VectorFile(path, dim)
        self.n_rows = 0
        self.checksums: list[int] = []
        self.file.recover(0, [])

    def append(self, vectors: NDArray[np.float32]) -> None:
        last = self.checksums[-1] if self.checksums else 0
        appended = self.file.append(vectors, n_rows=self.n_rows, last_checksum=last)
        for block, checksum in appended.blocks:
            self.checksums[block:] = [checksum]
        self.n_rows = appended.n_rows
        self.file.write_header(self.n_rows)

    def map(self) -> NDArray[np.float32]:
        return self.file.map(self.n_rows, self.checksums)


@pytest.fixture
def committed(tmp_path: Path) -> Committed:
    return Committed(tmp_path / "vectors" / "small.npy")


def test_rows_come_back_in_the_order_of_appending(committed: Committed) -> None:
    batches = [rows(n, seed=n) for n in (1, 500, 3, 0, 700)]
    for batch in batches:
        committed.append(batch)
    np.testing.assert_array_equal(committed.map(), np.concatenate(batches))


def test_numpy_opens_the_file_by_itself(committed: Committed) -> None:
    batch = rows(1000)
    committed.append(batch)
    loaded = np.load(committed.file.path, mmap_mode="r")
    np.testing.assert_array_equal(loaded, batch)
    assert loaded.dtype == np.float32
    assert loaded.flags.c_contiguous


def test_row_0_lies_on_64_bytes_in_the_file_and_in_memory(committed: Committed) -> None:
    committed.append(rows(3))
    assert HEADER_BYTES % 64 == 0
    assert committed.map().ctypes.data % 64 == 0


def test_the_header_has_one_length_for_any_shape(tmp_path: Path) -> None:
    for dim in (1, 65_536):
        file = VectorFile(tmp_path / "x.npy", dim)
        assert {len(file.header(n)) for n in (0, 1, 10**19)} == {HEADER_BYTES}


def test_the_mapped_array_is_read_only_and_outlives_the_file_object(committed: Committed) -> None:
    batch = rows(10)
    committed.append(batch)
    mapped = committed.map()
    committed.file.path.unlink()
    with pytest.raises(ValueError, match="read-only"):
        mapped[0, 0] = 1.0
    with pytest.raises(ValueError, match="WRITEABLE"):
        mapped.setflags(write=True)
    np.testing.assert_array_equal(mapped, batch)


def test_a_space_without_rows_maps_to_an_empty_array(committed: Committed) -> None:
    mapped = committed.map()
    assert mapped.shape == (0, DIM)
    assert mapped.dtype == np.float32
    assert not mapped.flags.writeable


def test_a_reader_never_sees_rows_that_are_not_committed(committed: Committed) -> None:
    committed.append(rows(5))
    n_rows, checksums = committed.n_rows, list(committed.checksums)
    before = committed.map()
    committed.file.append(rows(5, seed=1), n_rows=n_rows, last_checksum=checksums[-1])
    np.testing.assert_array_equal(committed.file.map(n_rows, checksums), before)


def test_the_next_writer_cuts_off_what_was_never_committed(committed: Committed) -> None:
    committed.append(rows(5))
    committed.file.append(rows(2000, seed=1), n_rows=5, last_checksum=committed.checksums[-1])
    repairs = committed.file.recover(5, committed.checksums)
    assert len(repairs) == 1
    assert f"{2000 * DIM * 4} bytes" in repairs[0]
    assert committed.file.path.stat().st_size == committed.file.n_bytes(5)
    assert committed.file.recover(5, committed.checksums) == []


def test_committed_bytes_stay_what_they_are_while_the_file_grows(committed: Committed) -> None:
    committed.append(rows(777))
    before = committed.file.path.read_bytes()[HEADER_BYTES:]
    committed.append(rows(777, seed=1))
    committed.file.recover(committed.n_rows, committed.checksums)
    assert committed.file.path.read_bytes()[HEADER_BYTES:].startswith(before)


def test_checksums_are_those_of_the_blocks_however_the_rows_came(committed: Committed) -> None:
    batch = rows(1200)
    for start, stop in ((0, 1), (1, 372), (372, 373), (373, 1199), (1199, 1200)):
        committed.append(batch[start:stop])
    data = batch.tobytes()
    assert committed.checksums == [
        crc32(data[start : start + BLOCK_BYTES]) for start in range(0, len(data), BLOCK_BYTES)
    ]


def test_damage_in_the_last_block_stays_visible_after_the_next_append(committed: Committed) -> None:
    committed.append(rows(3))
    with committed.file.path.open("r+b") as file:
        file.seek(HEADER_BYTES + 100)
        file.write(b"\xff")
    committed.append(rows(3, seed=1))
    with pytest.raises(LibraryDamagedError):
        committed.map()


def test_a_file_that_is_too_short_says_what_was_expected_and_what_is_there(committed: Committed) -> None:
    committed.append(rows(10))
    os.truncate(committed.file.path, 1000)
    expected = str(HEADER_BYTES + 10 * DIM * 4)

    def recover() -> None:
        committed.file.recover(10, committed.checksums)

    for use in (committed.map, recover, lambda: committed.append(rows(1))):
        with pytest.raises(LibraryDamagedError) as error:
            use()
        for part in (str(committed.file.path), expected, "1000", "restore"):
            assert part in str(error.value)


def test_a_file_that_is_gone_or_no_file_is_damage(committed: Committed) -> None:
    committed.append(rows(10))
    committed.file.path.unlink()
    with pytest.raises(LibraryDamagedError, match="gone"):
        committed.map()
    os.mkfifo(committed.file.path)
    with pytest.raises(LibraryDamagedError, match="not a regular file"):
        committed.map()
    committed.file.path.unlink()
    committed.file.path.mkdir()
    with pytest.raises(LibraryDamagedError):
        committed.file.recover(10, committed.checksums)


def test_damage_names_bytes_and_rows(committed: Committed) -> None:
    committed.append(rows(1000))
    with committed.file.path.open("r+b") as file:
        file.seek(HEADER_BYTES + BLOCK_BYTES + 5)
        file.write(b"\x01\x02\x03")
    with pytest.raises(LibraryDamagedError) as error:
        committed.map()
    first = BLOCK_BYTES // (DIM * 4)
    last = 2 * BLOCK_BYTES // (DIM * 4)
    assert f"rows {first} to {last}" in str(error.value)
    assert committed.file.verify(1000, committed.checksums) == [1]
    assert committed.file.rows_of_block(1, 1000) == range(first, last + 1)


def test_a_large_file_is_opened_by_its_last_block_and_verified_on_demand(
    committed: Committed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "VERIFIED_BYTES", BLOCK_BYTES)
    committed.append(rows(1000))
    with committed.file.path.open("r+b") as file:
        file.seek(HEADER_BYTES)
        file.write(b"\x01\x02\x03")
    assert committed.map().shape == (1000, DIM)
    assert committed.file.verify(1000, committed.checksums) == [0]
    with committed.file.path.open("r+b") as file:
        file.seek(-3, os.SEEK_END)
        file.write(b"\x01\x02\x03")
    with pytest.raises(LibraryDamagedError):
        committed.map()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_refused_and_nothing_is_written(committed: Committed, value: float) -> None:
    batch = rows(5)
    batch[3, 7] = value
    size = committed.file.path.stat().st_size
    with pytest.raises(ParameterError, match="vector 3"):
        committed.append(batch)
    assert committed.file.path.stat().st_size == size


@pytest.mark.parametrize("shape", [(DIM,), (2, DIM + 1), (2, 2, DIM), ()])
def test_another_shape_is_refused(committed: Committed, shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError):
        committed.append(np.zeros(shape, dtype=np.float32))


def test_a_full_disk_is_a_system_error_with_the_file_name(
    committed: Committed, monkeypatch: pytest.MonkeyPatch
) -> None:
    committed.append(rows(5))

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(OSError, match="No space left") as error:
        committed.append(rows(5, seed=1))
    assert error.value.errno == errno.ENOSPC
    assert error.value.filename == str(committed.file.path)
    monkeypatch.undo()
    np.testing.assert_array_equal(committed.map(), rows(5))


def test_a_write_that_takes_only_a_part_is_continued(committed: Committed, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda fd, data, offset: real(fd, data[:1000], offset))
    committed.append(rows(50))
    np.testing.assert_array_equal(committed.map(), rows(50))


@pytest.mark.parametrize("n_stated", [0, 3, 9, 10**15])
def test_the_shape_in_the_header_is_never_believed_and_always_mended(committed: Committed, n_stated: int) -> None:
    batch = rows(5)
    committed.append(batch)
    committed.file.write_header(n_stated)
    assert committed.file.stated_rows() == n_stated
    np.testing.assert_array_equal(committed.map(), batch)
    assert len(committed.file.recover(5, committed.checksums)) == 1
    assert np.load(committed.file.path).shape == (5, DIM)


def test_a_header_that_is_not_ours_is_damage_to_readers(committed: Committed) -> None:
    committed.append(rows(5))
    other = VectorFile(committed.file.path, DIM - 1)
    with pytest.raises(LibraryDamagedError, match="header"):
        other.map(5, committed.checksums)
    with committed.file.path.open("r+b") as file:
        file.write(b"\x93NUMPZ")
    with pytest.raises(LibraryDamagedError, match="header"):
        committed.map()

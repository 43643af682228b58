from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from zlib import crc32

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orpheus_fast.errors import LibraryDamagedError
from orpheus_fast.library.records import embedding_checksums, row_checksum
from orpheus_fast.library.vectors import BLOCK_BYTES, HEADER_BYTES, VectorFile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

DIMS = st.sampled_from([1, 3, 44, 512, 16_384, 20_000])


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


@dataclass
class Model:
    """What was committed, kept in memory beside the file."""

    file: VectorFile
    data: NDArray[np.float32]
    checksums: list[int] = field(default_factory=list)

    def append(self, n: int, seed: int, *, commit: bool, follow: bool) -> None:
        batch = np.random.default_rng(seed).standard_normal((n, self.file.dim), dtype=np.float32)
        last = self.checksums[-1] if self.checksums else 0
        appended = self.file.append(batch, n_rows=len(self.data), last_checksum=last)
        if not commit:
            # Killed between the append and the commit: the next writer starts by recovering.
            self.file.recover(len(self.data), self.checksums)
            return
        for block, checksum in appended.blocks:
            self.checksums[block:] = [checksum]
        self.data = np.concatenate([self.data, batch])
        if follow:
            self.file.write_header(len(self.data))


def new_model(folder: Path, dim: int) -> Model:
    file = VectorFile(folder / "vectors.npy", dim)
    file.path.unlink(missing_ok=True)
    file.recover(0, [])
    return Model(file, np.empty((0, dim), dtype=np.float32))


STEPS = st.lists(st.tuples(st.integers(0, 90), st.booleans(), st.booleans()), max_size=8)


@settings(max_examples=25, deadline=None)
@given(dim=DIMS, steps=STEPS)
def test_the_file_holds_exactly_what_was_committed_after_any_history(
    folder: Path, dim: int, steps: list[tuple[int, bool, bool]]
) -> None:
    model = new_model(folder, dim)
    for seed, (n, commit, follow) in enumerate(steps):
        model.append(min(n, 2_000_000 // dim), seed, commit=commit, follow=follow)
        np.testing.assert_array_equal(model.file.map(len(model.data), model.checksums), model.data)
    data = model.data.tobytes()
    assert model.checksums == [crc32(data[at : at + BLOCK_BYTES]) for at in range(0, len(data), BLOCK_BYTES)]
    model.file.recover(len(model.data), model.checksums)
    np.testing.assert_array_equal(np.load(model.file.path), model.data)


@settings(max_examples=60, deadline=None)
@given(n=st.integers(1, 800), where=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_any_flipped_bit_is_found_and_its_rows_are_named(folder: Path, n: int, where: float, bit: int) -> None:
    model = new_model(folder, 44)
    model.append(n, 0, commit=True, follow=True)
    offset = int(where * n * 44 * 4)
    with model.file.path.open("r+b") as file:
        file.seek(HEADER_BYTES + offset)
        (byte,) = file.read(1)
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte ^ 1 << bit]))
    with pytest.raises(LibraryDamagedError):
        model.file.map(n, model.checksums)
    (bad,) = model.file.verify(n, model.checksums)
    assert offset // (44 * 4) in model.file.rows_of_block(bad, n)


@settings(max_examples=50, deadline=None)
@given(n=st.integers(1, 800), where=st.floats(0, 1, exclude_max=True))
def test_any_truncation_is_found_by_readers_and_writers(folder: Path, n: int, where: float) -> None:
    model = new_model(folder, 44)
    model.append(n, 0, commit=True, follow=True)
    os.truncate(model.file.path, int(where * model.file.n_bytes(n)))
    with pytest.raises(LibraryDamagedError):
        model.file.map(n, model.checksums)
    with pytest.raises(LibraryDamagedError):
        model.file.recover(n, model.checksums)


@settings(max_examples=50, deadline=None)
@given(position=st.integers(0, HEADER_BYTES - 1), value=st.integers(0, 255))
def test_any_changed_byte_of_the_header_is_harmless_or_found(folder: Path, position: int, value: int) -> None:
    model = new_model(folder, 3)
    model.append(12, 0, commit=True, follow=True)
    with model.file.path.open("r+b") as file:
        file.seek(position)
        file.write(bytes([value]))
    try:
        mapped = model.file.map(12, model.checksums)
    except LibraryDamagedError:
        pass
    else:
        np.testing.assert_array_equal(mapped, model.data)
    model.file.recover(12, model.checksums)
    np.testing.assert_array_equal(np.load(model.file.path), model.data)


INT64 = st.integers(-(2**63), 2**63 - 1)
CELLS = st.none() | INT64 | st.floats(allow_nan=False) | st.text(max_size=8) | st.binary(max_size=8)


@settings(deadline=None)
@given(row=st.lists(CELLS, min_size=1, max_size=6), at=st.integers(0, 5), value=CELLS)
def test_the_checksum_of_a_row_tells_values_and_types_apart(row: list[object], at: int, value: object) -> None:
    changed = list(row)
    changed[at % len(row)] = value
    same = [(type(cell), cell, str(cell)) for cell in row] == [(type(cell), cell, str(cell)) for cell in changed]
    assert (row_checksum(row) == row_checksum(changed)) == same


@given(space=INT64, values=st.tuples(INT64, INT64, INT64), which=st.integers(0, 2), bit=st.integers(0, 62))
def test_the_checksum_of_an_embedding_changes_with_every_bit(
    space: int, values: tuple[int, int, int], which: int, bit: int
) -> None:
    changed = list(values)
    changed[which] ^= 1 << bit
    one, other = (embedding_checksums(space, *([value] for value in row)) for row in (values, changed))
    assert one[0] != other[0]
    assert embedding_checksums(space, *([value] for value in values), "note")[0] != one[0]

"""Codes beside an index: no other answers, made and kept as was asked, and damage that shows."""

from __future__ import annotations

import os
import pickle
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import pytest

from orpheus_fast.errors import IndexFormatError, ParameterError
from orpheus_fast.search import VectorIndex, build_index, write_flat

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

N, DIM = 6000, 192
KINDS = ["Flat", "IVF32,Flat", "HNSW8,Flat"]


@pytest.fixture(scope="module")
def vectors() -> NDArray[np.float32]:
    rng = np.random.default_rng(0)
    centers = rng.standard_normal((40, DIM))
    points = centers[rng.integers(0, 40, N)] + 0.4 * rng.standard_normal((N, DIM))
    return (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32)


def sidecar(path: Path) -> Path:
    return path.with_name(path.name + ".ofx")


@pytest.mark.parametrize("metric", ["l2", "inner_product"])
@pytest.mark.parametrize("kind", KINDS)
def test_codes_lose_nothing(tmp_path: Path, vectors: NDArray[np.float32], kind: str, metric: str) -> None:
    path = tmp_path / "index"
    build_index(path, vectors, kind=kind, metric=metric)
    plain, coded = VectorIndex.open(path, codes="none"), VectorIndex.open(path)
    assert coded.has_codes
    assert not plain.has_codes
    assert sidecar(path).exists()
    queries = vectors[::200] + np.float32(0.01)
    truth = VectorIndex.open(path, codes="none").search(queries, k=10, nprobe=32, ef_search=600)
    for allow in (None, np.arange(0, N, 3), np.arange(N) % 2 == 0):
        expected = plain.search(queries, k=10, allow=allow, nprobe=4, ef_search=200)
        found = coded.search(queries, k=10, allow=allow, nprobe=4, ef_search=200)
        if kind == "HNSW8,Flat":
            overlap = [len(set(a) & set(b)) for a, b in zip(found.ids, expected.ids, strict=True)]
            assert np.mean(overlap) > 9.8
        else:
            np.testing.assert_array_equal(found.ids, expected.ids)
            np.testing.assert_array_equal(found.distances, expected.distances)
    assert (coded.search(queries, k=10, nprobe=32, ef_search=600).ids == truth.ids).mean() > 0.99


def test_codes_come_by_themselves_after_a_few_queries_and_stay(tmp_path: Path, vectors: NDArray[np.float32]) -> None:
    path = tmp_path / "index"
    write_flat(path, vectors, metric="l2")
    index = VectorIndex.open(path)
    for query in vectors[:5]:
        index.search(query, k=3)
    assert index.has_codes
    assert sidecar(path).exists()
    again = pickle.loads(pickle.dumps(index))
    assert again.has_codes
    in_memory = VectorIndex.open(path, codes="memory")
    assert in_memory.has_codes, "what lies beside is used"
    assert not VectorIndex.open(path, codes="none").has_codes


def test_a_sidecar_that_cannot_be_written_is_done_without(tmp_path: Path, vectors: NDArray[np.float32]) -> None:
    path = tmp_path / "index"
    write_flat(path, vectors, metric="l2")
    (sidecar(path) / "in the way").mkdir(parents=True)
    index = VectorIndex.open(path)
    index.accelerate()
    assert index.has_codes
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["index", "index.ofx"]
    expected = VectorIndex.open(path, codes="none").search(vectors[:3], k=4)
    np.testing.assert_array_equal(index.search(vectors[:3], k=4).ids, expected.ids)


def test_another_policy_is_refused_with_those_there_are(tmp_path: Path, vectors: NDArray[np.float32]) -> None:
    write_flat(tmp_path / "index", vectors[:5])
    with pytest.raises(ParameterError, match=r'codes is "all", expected "beside", "memory" or "none"'):
        VectorIndex.open(tmp_path / "index", codes="all")  # type: ignore[arg-type]


def test_a_vector_that_changed_is_an_error_not_an_answer(tmp_path: Path, vectors: NDArray[np.float32]) -> None:
    path = tmp_path / "index"
    write_flat(path, vectors, metric="l2")
    VectorIndex.open(path).accelerate()
    status = path.stat()
    content = bytearray(path.read_bytes())
    content[45 + 17 * DIM * 4 + 9] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    with pytest.raises(IndexFormatError, match="a vector changed since its checksum was made"):
        VectorIndex.open(path).search(vectors[17], k=1)


def test_many_threads_may_make_codes_at_once(tmp_path: Path, vectors: NDArray[np.float32]) -> None:
    path = tmp_path / "index"
    write_flat(path, vectors, metric="inner_product")
    expected = VectorIndex.open(path, codes="none").search(vectors[:64], k=5)
    index = VectorIndex.open(path)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda row: index.search(vectors[row], k=5, n_threads=2).ids, range(64)))
    np.testing.assert_array_equal(found, expected.ids)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["index", "index.ofx"]

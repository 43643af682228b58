"""FAISS files that are cut, lie, or hold another kind of index: a typed error, or a sound answer."""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING

import faiss
import numpy as np
import pytest

from orpheus_fast import search
from orpheus_fast.errors import IndexFormatError
from orpheus_fast.search import VectorIndex

if TYPE_CHECKING:
    from pathlib import Path

N, DIM = 6, 5
HEADER = 37  # tag, dimension, ntotal, two reserved numbers, is_trained, metric
VECTORS = np.random.default_rng(0).standard_normal((N, DIM), dtype=np.float32)
IDS = np.arange(100, 100 + N)

# Kinds that faiss.index_factory makes and that are not read, and what their errors must call them.
OTHER_KINDS = {
    "RQ4x4": "ResidualQuantizer",
    "LSQ4x4": "LocalSearchQuantizer",
    "LSH": "LSH",
    "IVF4,RQ4x4": "IVFResidualQuantizer",
    "NSG8,Flat": "NSGFlat",
    "PCA8,LSH": "LSH",
    "IDMap,LSH": "LSH",
    "SQ8,Refine(LSH)": "LSH",
}


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> None:
    # Threads of OpenMP that wait for each other take minutes on a busy machine.
    faiss.omp_set_num_threads(1)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    path = tmp_path_factory.mktemp("sound") / "index"
    files = {}
    for metric in ("l2", "inner_product"):
        search.write_flat(path, VECTORS, metric=metric)
        files[f"Flat {metric}"] = path.read_bytes()
        search.write_flat(path, VECTORS, metric=metric, ids=IDS)
        files[f"IDMap2 {metric}"] = path.read_bytes()
    search.write_flat(path, VECTORS[:0])
    files["empty"] = path.read_bytes()
    return files


def refused(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    with pytest.raises(IndexFormatError) as caught:
        VectorIndex.open(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    return message.removeprefix(f"{path}: ")


def replaced(content: bytes, at: int, field: bytes) -> bytes:
    return content[:at] + field + content[at + len(field) :]


def test_a_file_cut_at_any_byte_is_refused(tmp_path: Path, sound: dict[str, bytes]) -> None:
    for content in sound.values():
        for length in range(len(content)):
            assert "are left" in refused(tmp_path / "cut", content[:length])


def test_bytes_after_the_index_are_refused(tmp_path: Path, sound: dict[str, bytes]) -> None:
    for content in sound.values():
        assert "followed by 1 bytes" in refused(tmp_path / "long", content + b"\0")
        assert "end of the index" in refused(tmp_path / "twice", content * 2)


@pytest.mark.parametrize("dim", [0, -1, -(2**31), 2**31 - 1, 2**20 + 1, 1, DIM - 1, DIM + 1])
def test_a_dimension_that_cannot_be_is_refused(tmp_path: Path, sound: dict[str, bytes], dim: int) -> None:
    for content in (sound["Flat l2"], sound["IDMap2 l2"]):
        message = refused(tmp_path / "x", replaced(content, 4, struct.pack("<i", dim)))
        assert message.startswith("damaged FAISS index: ")


@pytest.mark.parametrize("ntotal", [-1, -(2**63), 2**63 - 1, 2**62, 2**61 // DIM, N - 1, N + 1, 0])
def test_a_number_of_vectors_that_cannot_be_is_refused(tmp_path: Path, sound: dict[str, bytes], ntotal: int) -> None:
    for content in (sound["Flat l2"], sound["IDMap2 l2"]):
        message = refused(tmp_path / "x", replaced(content, 8, struct.pack("<q", ntotal)))
        assert message.startswith("damaged FAISS index: ")


@pytest.mark.parametrize("ntotal", [N + 1, 2**40, 2**62, 2**63 - 1])
def test_numbers_that_agree_with_each_other_but_not_with_the_file_are_refused(
    tmp_path: Path, sound: dict[str, bytes], ntotal: int
) -> None:
    content = replaced(sound["Flat l2"], 8, struct.pack("<q", ntotal))
    content = replaced(content, HEADER, struct.pack("<Q", ntotal * DIM % 2**64))
    refused(tmp_path / "x", content)


@pytest.mark.parametrize("count", [0, N * DIM - 1, N * DIM + 1, 2**62, 2**64 - 1])
def test_a_count_of_values_that_cannot_be_is_refused(tmp_path: Path, sound: dict[str, bytes], count: int) -> None:
    message = refused(tmp_path / "x", replaced(sound["Flat l2"], HEADER, struct.pack("<Q", count)))
    assert f"vectors at offset {HEADER} is {count}, expected a count of {N * DIM}" in message


@pytest.mark.parametrize("flag", [2, 3, 128, 255])
def test_a_flag_that_is_no_truth_value_is_refused(tmp_path: Path, sound: dict[str, bytes], flag: int) -> None:
    message = refused(tmp_path / "x", replaced(sound["Flat l2"], 32, bytes([flag])))
    assert f"is_trained at offset 32 is {flag}, expected 0 or 1" in message


@pytest.mark.parametrize("metric", [faiss.METRIC_L1, faiss.METRIC_Linf, faiss.METRIC_Lp, faiss.METRIC_Jaccard])
def test_a_metric_that_is_not_implemented_is_named(tmp_path: Path, metric: int) -> None:
    index = faiss.IndexFlat(DIM, metric)
    index.add(VECTORS)
    faiss.write_index(index, str(tmp_path / "x"))
    names = {faiss.METRIC_L1: "L1", faiss.METRIC_Linf: "Linf", faiss.METRIC_Lp: "Lp", faiss.METRIC_Jaccard: "Jaccard"}
    message = refused(tmp_path / "x", (tmp_path / "x").read_bytes())
    assert f"FAISS metric {metric} ({names[metric]}) is not supported" in message


def test_a_metric_that_contradicts_the_tag_is_refused(tmp_path: Path, sound: dict[str, bytes]) -> None:
    message = refused(tmp_path / "x", replaced(sound["Flat l2"], 33, struct.pack("<i", 0)))
    assert "metric at offset 33 is inner_product, expected l2, as the tag says" in message


@pytest.mark.parametrize("kind", OTHER_KINDS)
def test_another_kind_of_index_is_refused_by_name(tmp_path: Path, kind: str) -> None:
    vectors = np.random.default_rng(1).standard_normal((700, 16), dtype=np.float32)
    index = faiss.index_factory(16, kind)
    index.train(vectors)
    if kind.startswith("IDMap"):
        index.add_with_ids(vectors, np.arange(700))
    else:
        index.add(vectors)
    faiss.write_index(index, str(tmp_path / "x"))
    with pytest.raises(IndexFormatError, match=rf'FAISS index kind "....".*\({OTHER_KINDS[kind]}\) is not supported'):
        VectorIndex.open(tmp_path / "x")


def test_a_binary_index_is_refused_by_name(tmp_path: Path) -> None:
    index = faiss.IndexBinaryFlat(16)
    index.add(np.zeros((3, 2), dtype=np.uint8))
    faiss.write_index_binary(index, str(tmp_path / "x"))
    with pytest.raises(IndexFormatError, match=r'"IBxF" \(BinaryFlat\) is not supported'):
        VectorIndex.open(tmp_path / "x")


@pytest.mark.parametrize(
    "content", [b"", b"IxF", b"\x93NUMPY\x01\x00", b"fLaC\0\0\0\x22", b"\0" * 100, b"\xff" * 100, b"IxF2" * 50]
)
def test_what_is_no_index_is_refused(tmp_path: Path, content: bytes) -> None:
    assert re.match("not a|damaged|FAISS", refused(tmp_path / "x", content))


def test_an_id_that_means_none_is_refused(tmp_path: Path) -> None:
    index = faiss.IndexIDMap(faiss.IndexFlatL2(DIM))
    index.add_with_ids(VECTORS, np.array([1, 2, 3, -1, 5, 6]))
    faiss.write_index(index, str(tmp_path / "x"))
    with pytest.raises(IndexFormatError, match=r"id at offset \d+ is -1"):
        VectorIndex.open(tmp_path / "x")


def test_two_thousand_damaged_files_are_refused_or_answer_soundly(tmp_path: Path, sound: dict[str, bytes]) -> None:
    rng = np.random.default_rng(20_26)
    path = tmp_path / "mutant"
    contents = list(sound.values())
    extremes = [struct.pack("<q", value) for value in (0, 1, -1, 2**31, 2**62, -(2**63), 2**63 - 1)]
    n_opened = 0
    for _ in range(2000):
        content = bytearray(contents[rng.integers(len(contents))])
        for _ in range(rng.integers(1, 4)):
            at = int(rng.integers(len(content)))
            match rng.integers(5):
                case 0:
                    content[at] ^= 1 << int(rng.integers(8))
                case 1:
                    content[at] = int(rng.integers(256))
                case 2:
                    field = extremes[rng.integers(len(extremes))][: int(rng.choice([4, 8]))]
                    content[at : at + len(field)] = field
                case 3:
                    del content[at : at + int(rng.integers(1, 9))]
                case _:
                    content[at:at] = rng.bytes(int(rng.integers(1, 9)))
            if not content:
                content = bytearray(b"I")
        path.write_bytes(content)
        try:
            index = VectorIndex.open(path)
        except IndexFormatError:
            continue
        n_opened += 1
        assert index.ntotal * index.dim * 4 <= len(content)
        distances, ids = index.search(np.zeros((2, index.dim)), k=4)
        assert distances.shape == ids.shape == (2, min(4, index.ntotal))
        known = set(index.ids.tolist())
        assert all(i == -1 or i in known for i in ids.ravel().tolist())
    # Damage to the vectors themselves leaves a sound file: the test must have seen both.
    assert 200 < n_opened < 1800

"""FAISS files of every kind, damaged: a typed error or a sound description, in little memory and no time."""

from __future__ import annotations

import os
import random
import struct
import subprocess
import sys
import time
from pathlib import Path

import faiss
import numpy as np
import pytest

from faiss_kinds import KINDS, MADE, index_of
from orpheus_fast import search
from orpheus_fast.errors import IndexFormatError

# `ORPHEUS_MUTATIONS=5000` is the long run.
N_MUTATIONS = int(os.environ.get("ORPHEUS_MUTATIONS", "30"))
MUCH = 64 << 20
QUERIES = np.random.default_rng(3).standard_normal((2, 4096), dtype=np.float32)
EXTREMES = [struct.pack("<q", value) for value in (0, 1, -1, 2**20, 2**31, 2**40, 2**61, 2**62, 2**63 - 1, -(2**63))]
EXTREMES += [struct.pack("<i", value) for value in (0, 1, 2, -1, 2**20, 2**31 - 1, -(2**31))]
EXTREMES += [b"\xff", b"\x02", struct.pack("<f", float("nan")), struct.pack("<f", float("inf"))]


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> None:
    # Threads of OpenMP that wait for each other take minutes on a busy machine.
    faiss.omp_set_num_threads(1)


def mutated(sound: bytes, chance: random.Random) -> bytes:
    content = bytearray(sound)
    for _ in range(chance.randint(1, 4)):
        # Most bytes are codes, which may be anything: fields crowd at the beginning and between parts.
        reach = chance.choice([60, 300, len(content)])
        at = chance.randrange(min(reach, len(content)))
        match chance.randrange(6):
            case 0:
                content[at] ^= 1 << chance.randrange(8)
            case 1 | 2 | 3:
                field = chance.choice(EXTREMES)
                content[at : at + len(field)] = field
            case 4:
                del content[at : at + chance.randint(1, 40)]
            case _:
                content[at:at] = content[at : at + chance.randint(1, 40)]
    return bytes(content[: chance.randrange(len(content))] if content and chance.random() < 0.1 else content)


def digest(path: Path, content: bytes) -> bool:
    """Whether the content is a sound index; in no case does it take long, or fail in another way."""
    path.write_bytes(content)
    start = time.process_time()
    try:
        description = search.describe(path)
        assert description.ntotal <= len(content)
        search.copy_index(path, path.with_name("copy"))
        assert search.describe(path.with_name("copy")) == description
        if description.ntotal:
            found = search.VectorIndex.open(path).search(QUERIES[:, : description.dim], k=5)
            numbers = np.isfinite(found.distances)
            assert (found.ids[numbers] != -1).all()
    except IndexFormatError:
        return False
    finally:
        assert time.process_time() - start < 1
    return True


@pytest.mark.parametrize("kind", KINDS + MADE)
def test_damage_to_a_file_is_a_typed_error_or_another_sound_file(tmp_path: Path, kind: str) -> None:
    chance = random.Random(kind)
    for metric, n in (("l2", 3), ("inner_product", 40)):
        faiss.write_index(index_of(kind, metric, n), str(tmp_path / "sound"))
        sound = (tmp_path / "sound").read_bytes()
        assert digest(tmp_path / "x", sound)
        refused = [not digest(tmp_path / "x", mutated(sound, chance)) for _ in range(N_MUTATIONS)]
        assert sum(refused) >= N_MUTATIONS / 3


@pytest.mark.parametrize("kind", ["SQ8", "PQ8x4", "PQ12x4fs", "RaBitQfs", "IVF8,Flat", "IVF8,RaBitQfs4", "HNSW8,SQ8"])
def test_a_file_cut_anywhere_is_refused(tmp_path: Path, kind: str) -> None:
    faiss.write_index(index_of(kind, "l2", 2), str(tmp_path / "sound"))
    sound = (tmp_path / "sound").read_bytes()
    for length in range(0, len(sound), 1 + len(sound) // 300):
        assert not digest(tmp_path / "cut", sound[:length])
    assert not digest(tmp_path / "long", sound + b"\0")


UNREAD = {
    "RQ4x4": "ResidualQuantizer",
    "LSH": "LSH",
    "NSG8,Flat": "NSGFlat",
    "IVF4,RQ4x4": "IVFResidualQuantizer",
    "ITQ,LSH": "ITQ",
    "IDMap,LSH": "LSH",
    "L2norm,LSH": "LSH",
    "IVF4(LSH),Flat": "LSH",
}


@pytest.mark.parametrize("kind", UNREAD)
def test_a_kind_that_is_not_read_is_refused_by_name_wherever_it_stands(tmp_path: Path, kind: str) -> None:
    try:
        index = index_of(kind, "l2", None)
    except RuntimeError:
        pytest.skip("this version of FAISS does not make it")
    faiss.write_index(index, str(tmp_path / "x"))
    with pytest.raises(IndexFormatError, match=rf"\({UNREAD[kind]}\) is not supported"):
        search.describe(tmp_path / "x")


def test_scalar_codes_that_are_not_read_are_refused_by_name(tmp_path: Path) -> None:
    index = faiss.IndexScalarQuantizer(24, faiss.ScalarQuantizer.QT_0bit)
    faiss.write_index(index, str(tmp_path / "x"))
    with pytest.raises(IndexFormatError, match="QT_0bit"):
        search.describe(tmp_path / "x")


def test_vectors_that_no_list_took_are_counted_by_faiss_and_nothing_else(tmp_path: Path) -> None:
    index = index_of("IVF8,Flat", "l2", 50)
    vectors = faiss.rand((3, 24))
    vectors[1] = float("nan")
    index.add(vectors)
    faiss.write_index(index, str(tmp_path / "x"))
    assert search.describe(tmp_path / "x").ntotal == 53
    assert digest(tmp_path / "x", (tmp_path / "x").read_bytes())


PEAK = """
import resource, sys
from orpheus_fast import search
from orpheus_fast.errors import IndexFormatError

before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for path in sys.argv[1:]:
    try:
        search.describe(path)
        search.copy_index(path, path + ".copy")
    except IndexFormatError:
        pass
print(1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before))
"""


def peak_bytes(*paths: Path) -> int:
    """How much memory a process takes for these files beyond what it takes anyway."""
    arguments = [sys.executable, "-c", PEAK, *map(str, paths)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(arguments, check=True, capture_output=True, text=True, env=environment)
    return int(done.stdout)


def test_no_number_in_a_file_makes_the_reader_take_much_memory(tmp_path: Path) -> None:
    paths = []
    for kind in ("IVF300,Flat", "IVF8,PQ12x4fs", "HNSW8,Flat", "IVF8(SQ8),Flat", "PCA16,Flat", "IDMap2,SQ4,RFlat"):
        for n in (None, 40):
            faiss.write_index(index_of(kind, "l2", n), str(tmp_path / "sound"))
            sound = (tmp_path / "sound").read_bytes()
            for at in range(min(len(sound) - 8, 200)):
                for field in (2**27, 2**40):
                    paths.append(tmp_path / f"{len(paths)}")
                    paths[-1].write_bytes(sound[:at] + struct.pack("<q", field) + sound[at + 8 :])
    for start in range(0, len(paths), 1000):
        assert peak_bytes(*paths[start : start + 1000]) < MUCH


def test_a_large_file_takes_no_more_than_twice_its_size(tmp_path: Path) -> None:
    faiss.write_index(index_of("HNSW8,Flat", "l2", 100_000), str(tmp_path / "graph"))
    faiss.write_index(index_of("IVF300,Flat", "l2", 300_000), str(tmp_path / "lists"))
    for name in ("graph", "lists"):
        path = tmp_path / name
        assert peak_bytes(path) <= 2 * path.stat().st_size + MUCH

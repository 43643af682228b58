"""Adding, removing and compacting as users call it; against a dictionary this is tested in Rust (`live/tests`)."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import numpy as np
import pytest

from orpheus_fast import VectorIndex
from orpheus_fast.errors import IndexFormatError, IndexLockedError, ParameterError, ShapeError
from orpheus_fast.search import build_index, write_flat

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

KINDS = ["Flat", "IVF4,Flat", "HNSW8,Flat"]
DIM = 12


def some_vectors(n: int, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).standard_normal((n, DIM), dtype=np.float32)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "index.faiss"
    write_flat(path, some_vectors(50))
    return path


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("metric", ["l2", "inner_product"])
def test_what_is_added_is_found_and_what_is_removed_is_not(tmp_path: Path, kind: str, metric: str) -> None:
    path = tmp_path / "index.faiss"
    vectors, more = some_vectors(200), some_vectors(30, seed=1)
    build_index(path, vectors, kind=kind, metric=metric)
    index = VectorIndex.open(path)
    assert index.add(more).tolist() == list(range(200, 230))
    assert index.remove([3, 210, 210, 999]) == 2
    kept = np.delete(np.arange(230), [3, 210])
    every = np.concatenate([vectors, more])
    for _ in range(3):
        queries = every[[3, 5, 210, 229]]
        scores = -((queries[:, None] - every[kept]) ** 2).sum(2) if metric == "l2" else queries @ every[kept].T
        expected = kept[np.argsort(-scores, axis=1, kind="stable")[:, :5]]
        assert np.array_equal(index.search(queries, 5, nprobe=4, ef_search=300).ids, expected)
        assert sorted(index.ids) == kept.tolist()
        assert len(index) == 228
        # The same from the journal, and from the file that is made of it all.
        index.close()
        index = VectorIndex.open(path)
        if index.n_added:
            assert (index.n_added, index.n_removed) == (29, 1)
            assert np.array_equal(index.search(queries, 5, nprobe=4, ef_search=300).ids, expected)
            assert index.compact().result() is True
    assert (index.n_added, index.n_removed) == (0, 0)


def test_an_id_is_given_once_unless_it_is_to_be_replaced(path: Path) -> None:
    index, vectors = VectorIndex.open(path), some_vectors(2, seed=3)
    with pytest.raises(ParameterError, match="one that is 7, expected ids that are not in the index, or replace"):
        index.add(vectors, [7, 100])
    assert len(index) == 50
    assert index.add(vectors, [7, 100], replace=True).tolist() == [7, 100]
    assert len(index) == 51
    assert np.array_equal(index.reconstruct(7), vectors[0])
    assert index.search(vectors[0], 1).ids.tolist() == [7]
    index.remove(100)
    assert index.add(vectors[1]).tolist() == [101]


@pytest.mark.parametrize(
    ("vectors", "ids", "message"),
    [
        (np.zeros((2, DIM + 1)), None, "vectors has shape"),
        (np.zeros((2, DIM)), [1, 2, 3], "one for each of the 2 vectors"),
        (np.zeros((2, DIM)), [[60, 61]], "expected one dimension"),
        (np.zeros((2, DIM)), [60, -1], "no vector"),
        (np.zeros((2, DIM)), [60, 60], "once"),
        (np.full((1, DIM), np.nan), None, "finite"),
    ],
)
def test_what_cannot_be_added_is_refused(
    path: Path, vectors: NDArray[np.float64], ids: list[int] | None, message: str
) -> None:
    index = VectorIndex.open(path)
    with pytest.raises((ShapeError, ParameterError), match=message):
        index.add(vectors, ids)
    assert len(index) == 50


def test_filters_reach_what_was_added(path: Path) -> None:
    index = VectorIndex.open(path)
    index.add(some_vectors(5, seed=1))
    index.remove([0, 1, 52])
    query = np.zeros(DIM, np.float32)
    assert sorted(index.search(query, 99, allow=[1, 2, 51, 52, 53]).ids) == [2, 51, 53]
    assert sorted(index.search(query, 99, deny=np.arange(3, 53)).ids) == [2, 53, 54]
    even = index.ids % 2 == 0
    assert sorted(index.search(query, 99, allow=even).ids) == sorted(index.ids[even])
    assert sorted(index.range_search(query, 1e9, deny=even).ids) == sorted(index.ids[~even])
    with pytest.raises(ShapeError, match="one for each of the 52 vectors"):
        index.search(query, 1, allow=np.ones(50, bool))


def test_one_object_updates_at_a_time(path: Path) -> None:
    with VectorIndex.open(path) as first:
        assert not first.is_writer
        first.add(some_vectors(1))
        assert first.is_writer
        second = VectorIndex.open(path)
        assert len(second) == 51
        with pytest.raises(IndexLockedError, match="another writer"):
            second.remove(0)
        first.remove(5)
    assert not first.is_writer
    assert second.remove([0, 5]) == 1, "what the first had done since is known"
    second.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_neither_writes_nor_keeps_the_lock(path: Path) -> None:
    script = """
import os, sys, time
import numpy as np
from orpheus_fast import VectorIndex
from orpheus_fast.errors import IndexLockedError
index = VectorIndex.open(sys.argv[1])
index.add(np.ones((1, 12)))
ready, go = os.pipe()
child = os.fork()
if child == 0:
    try:
        index.remove(0)
    except IndexLockedError:
        pass
    else:
        os._exit(1)
    print("refused", flush=True)
    os.read(ready, 1)  # outlives its parent
    os._exit(0)
time.sleep(1.0)
os._exit(os.waitpid(child, os.WNOHANG)[1])
"""
    done = subprocess.Popen([sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE, text=True)
    assert done.stdout is not None
    assert done.stdout.readline() == "refused\n"
    assert done.wait(60) == 0
    with VectorIndex.open(path) as index:
        assert index.remove(0) == 1
    done.stdout.close()


def test_compaction_in_the_background_takes_updates_meanwhile(path: Path) -> None:
    index = VectorIndex.open(path)
    index.remove([3])
    started, go_on = threading.Event(), threading.Event()

    def wait(step: str, _done: int, _total: int) -> None:
        if step == "write":
            started.set()
            go_on.wait(60)

    done = index.compact(background=True, progress=wait)
    assert started.wait(60)
    index.add(some_vectors(2, seed=9), [3, 70])
    index.remove([4])
    assert not done.done()
    assert len(index) == 50
    go_on.set()
    assert done.result(60) is True
    assert (index.kind, index.n_added, index.n_removed) == ("IDMap2,Flat", 2, 1)
    assert sorted(index.ids) == [0, 1, 2, 3, *range(5, 50), 70]
    index.close()
    assert len(VectorIndex.open(path)) == 50


def test_what_progress_raises_ends_a_compaction_and_leaves_the_index(path: Path) -> None:
    index = VectorIndex.open(path)
    index.remove([3])

    def fail(_step: str, _done: int, _total: int) -> None:
        raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        index.compact(progress=fail)
    with pytest.raises(RuntimeError, match="enough"):
        index.compact(background=True, progress=fail).result(60)
    assert (len(index), index.n_removed) == (49, 1)
    assert {file.name for file in path.parent.iterdir()} == {
        "index.faiss",
        "index.faiss.ofj",
        "index.faiss.ofj.lock",
    }


def test_a_broken_last_update_is_told_once(path: Path) -> None:
    with VectorIndex.open(path) as index:
        index.add(some_vectors(2))
    journal = path.with_name("index.faiss.ofj")
    journal.write_bytes(journal.read_bytes()[:-5])
    index = VectorIndex.open(path)
    assert len(index) == 50
    with pytest.warns(RuntimeWarning, match="155 bytes of an update"):
        index.add(some_vectors(1))
    index.add(some_vectors(1))
    index.close()
    journal.write_bytes(journal.read_bytes()[:-5] + b"other")
    with pytest.raises(IndexFormatError, match="not what was written"):
        VectorIndex.open(path)


def test_files_of_codes_lose_vectors_and_take_none(tmp_path: Path) -> None:
    faiss = pytest.importorskip("faiss")
    index = faiss.index_factory(DIM, "SQ8")
    index.train(some_vectors(50))
    index.add(some_vectors(50))
    faiss.write_index(index, str(tmp_path / "sq.faiss"))
    index = VectorIndex.open(tmp_path / "sq.faiss")
    assert index.remove([0, 49]) == 2
    assert sorted(index.search(np.zeros(DIM), 99).ids) == list(range(1, 49))
    with pytest.raises(ParameterError, match="SQ8, expected Flat"):
        index.add(some_vectors(1))
    with pytest.raises(ParameterError, match="SQ8, expected Flat"):
        index.compact()


def test_a_pickled_index_opens_with_its_updates(path: Path) -> None:
    index = VectorIndex.open(path)
    index.add(some_vectors(1))
    again = pickle.loads(pickle.dumps(index))
    assert len(again) == 51
    assert not again.is_writer


def test_a_compacted_file_is_one_that_faiss_reads(path: Path) -> None:
    faiss = pytest.importorskip("faiss")
    with VectorIndex.open(path) as index:
        index.add(some_vectors(10, seed=1), np.arange(10) + 1000)
        index.remove(np.arange(0, 50, 2))
        index.compact()
        found = index.search(some_vectors(4, seed=2), 8)
    theirs = faiss.read_index(str(path))
    assert theirs.ntotal == 35
    distances, ids = theirs.search(some_vectors(4, seed=2), 8)
    assert np.array_equal(found.ids, ids)
    np.testing.assert_allclose(found.distances, distances, rtol=1e-5)

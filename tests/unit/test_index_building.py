"""What is refused, told and kept when indexes are built; what they find is in `compat/test_built_indexes.py`."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from orpheus_fast import VectorIndex
from orpheus_fast.errors import IndexFormatError, ParameterError, ShapeError
from orpheus_fast.search import HNSWFlat, IVFFlat, add_to_index, build_index, write_flat

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

KINDS = ["Flat", "IVF4,Flat", "HNSW8,Flat"]


def some_vectors(n: int, dim: int = 8, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).standard_normal((n, dim), dtype=np.float32)


def test_a_flat_index_is_byte_for_byte_what_write_flat_writes(tmp_path: Path) -> None:
    vectors, ids = some_vectors(30), np.arange(30) * 3 - 50
    for given in (None, ids):
        build_index(tmp_path / "built", vectors, kind="Flat", metric="l2", ids=given)
        write_flat(tmp_path / "written", vectors, metric="l2", ids=given)
        assert (tmp_path / "built").read_bytes() == (tmp_path / "written").read_bytes()


def test_few_vectors_make_a_flat_index(tmp_path: Path) -> None:
    build_index(tmp_path / "index", some_vectors(100))
    assert VectorIndex.open(tmp_path / "index").kind == "Flat"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_value_that_is_not_finite_is_named_by_row_and_column(tmp_path: Path, kind: str, bad: float) -> None:
    vectors = some_vectors(3000)
    vectors[[2049, 2500], [5, 1]] = bad
    with pytest.raises(ParameterError, match=r"vectors\[2049, 5\]"):
        build_index(tmp_path / "index", vectors, kind=kind, n_threads=2)
    assert list(tmp_path.iterdir()) == []


def test_fewer_vectors_than_lists_are_refused_with_what_would_do(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match=r'nlist is 64, expected at most 10, .*"Flat"'):
        build_index(tmp_path / "index", some_vectors(10), kind="IVF64,Flat")


def test_no_vectors_make_no_lists_but_an_empty_graph_and_flat_index(tmp_path: Path) -> None:
    nothing = np.empty((0, 4), dtype=np.float32)
    with pytest.raises(ParameterError, match="nlist is 1, expected at most 0"):
        build_index(tmp_path / "index", nothing, kind="IVF,Flat")
    for kind in ("Flat", "HNSW,Flat"):
        build_index(tmp_path / "index", nothing, kind=kind)
        add_to_index(tmp_path / "index", np.eye(4))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"kind": "IVF4,PQ8"}, 'kind is "IVF4,PQ8", expected "auto"'),
        ({"kind": "IVF0,Flat"}, "nlist is 0"),
        ({"kind": IVFFlat(0)}, "nlist is 0"),
        ({"kind": IVFFlat(2, n_iterations=0)}, "n_iterations is 0"),
        ({"kind": IVFFlat(2, sample_per_list=-1)}, "sample_per_list is -1"),
        ({"kind": "HNSW1,Flat"}, "m is 1, expected 2 to 512"),
        ({"kind": HNSWFlat(513)}, "m is 513"),
        ({"kind": HNSWFlat(ef_construction=0)}, "ef_construction is 0"),
        ({"metric": "cosine"}, "length one"),
        ({"metric": "l1"}, 'metric is "l1"'),
        ({"seed": -1}, "seed is -1"),
        ({"seed": 2**64}, "seed is 18446744073709551616"),
        ({"n_threads": 0}, "n_threads is 0"),
        ({"ids": [1, 2, -1, *range(10, 17)]}, "-1 at place 2"),
        ({"ids": [1, 2]}, "ids holds 2 values, expected one for each of the 10 vectors"),
    ],
)
def test_what_cannot_be_built_is_refused_with_what_could(
    tmp_path: Path, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(ParameterError, match=message):
        build_index(tmp_path / "index", some_vectors(10), **arguments)
    assert list(tmp_path.iterdir()) == []


def test_a_vector_is_no_matrix(tmp_path: Path) -> None:
    with pytest.raises(ShapeError):
        build_index(tmp_path / "index", np.ones(4))
    with pytest.raises(ParameterError, match="dim is 0"):
        build_index(tmp_path / "index", np.ones((4, 0)))


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as raised:
        build_index(tmp_path / "none" / "index", some_vectors(10))
    assert str(raised.value.filename).endswith("none/index")


@pytest.mark.parametrize("kind", KINDS)
def test_progress_ends_each_step_with_all_done(tmp_path: Path, kind: str) -> None:
    told: list[tuple[str, int, int]] = []
    build_index(tmp_path / "index", some_vectors(3000), kind=kind, progress=lambda *now: told.append(now))
    steps = {"Flat": [], "IVF4,Flat": ["train", "assign"], "HNSW8,Flat": ["link"]}[kind]
    last = {step: (done, total) for step, done, total in told}
    assert list(last) == ["check", *steps, "write"]
    # Writing is told once, when it can still be called off.
    assert last.pop("write") == (0, 3000)
    assert all(done == total for done, total in last.values())
    for step in last:
        counts = [done for name, done, _ in told if name == step]
        assert counts == sorted(counts)


@pytest.mark.parametrize("kind", KINDS)
def test_what_progress_raises_ends_the_building_and_nothing_is_written(tmp_path: Path, kind: str) -> None:
    for last_step in ("check", "train", "assign", "link", "write"):

        def refuse(step: str, done: int, total: int, last_step: str = last_step) -> None:
            assert done <= total
            if step == last_step:
                raise KeyError(step)

        if last_step in {"Flat": "check write", "IVF4,Flat": "check train assign write"}.get(kind, "check link write"):
            with pytest.raises(KeyError, match=last_step):
                build_index(tmp_path / "index", some_vectors(2000), kind=kind, progress=refuse, n_threads=2)
            assert list(tmp_path.iterdir()) == []


def test_other_threads_go_on_while_an_index_is_built(tmp_path: Path) -> None:
    vectors, ticks, is_done = some_vectors(4000, 32), [], threading.Event()

    def tick() -> None:
        while not is_done.wait(0.001):
            ticks.append(1)

    thread = threading.Thread(target=tick)
    thread.start()
    try:
        build_index(tmp_path / "index", vectors, kind="HNSW,Flat", n_threads=1)
    finally:
        is_done.set()
        thread.join()
    assert len(ticks) > 5


@pytest.mark.parametrize("kind", KINDS[1:])
@pytest.mark.parametrize("metric", ["l2", "inner_product"])
def test_the_seed_and_the_vectors_decide_every_byte(tmp_path: Path, kind: str, metric: Any) -> None:
    vectors = some_vectors(2000, 19)
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        build_index(tmp_path / name, vectors, kind=kind, metric=metric, seed=seed, n_threads=1)
    first, second, other = ((tmp_path / name).read_bytes() for name in "abc")
    assert first == second
    assert first != other


@pytest.mark.parametrize("metric", ["l2", "inner_product"])
def test_lists_do_not_depend_on_the_number_of_threads(tmp_path: Path, metric: Any) -> None:
    vectors = some_vectors(5000, 19)
    for n_threads in (1, 4):
        build_index(tmp_path / str(n_threads), vectors, kind="IVF32,Flat", metric=metric, n_threads=n_threads)
    assert (tmp_path / "1").read_bytes() == (tmp_path / "4").read_bytes()


def test_what_has_no_ids_takes_none_and_what_has_them_needs_them(tmp_path: Path) -> None:
    vectors, more = some_vectors(50), some_vectors(2, seed=1)
    for kind in ("Flat", "HNSW,Flat"):
        build_index(tmp_path / "without", vectors, kind=kind)
        with pytest.raises(ParameterError, match="ids is given, expected None"):
            add_to_index(tmp_path / "without", more, ids=[100, 200])
        build_index(tmp_path / "with", vectors, kind=kind, ids=np.arange(50) + 7)
        with pytest.raises(ParameterError, match="ids is None, expected one for each"):
            add_to_index(tmp_path / "with", more)


def test_vectors_that_do_not_fit_the_index_are_refused_and_it_stays(tmp_path: Path) -> None:
    path = tmp_path / "index"
    build_index(path, some_vectors(50), kind="IVF4,Flat")
    before = path.read_bytes()
    for vectors, ids, message in [
        (some_vectors(2, 9), None, "dim is 9, expected 8"),
        (np.full((1, 8), np.nan), None, r"vectors\[0, 0\] is NaN"),
        (some_vectors(2), [4], "ids holds 1 values"),
        (some_vectors(1), [-1], "-1 at place 0"),
    ]:
        with pytest.raises(ParameterError, match=message):
            add_to_index(path, vectors, ids=ids)
    assert path.read_bytes() == before


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    build_index(tmp_path / "index", some_vectors(50), kind="HNSW4,Flat")
    whole = (tmp_path / "index").read_bytes()
    for end in range(0, len(whole) - 1, 37):
        (tmp_path / "cut").write_bytes(whole[:end])
        with pytest.raises(IndexFormatError):
            add_to_index(tmp_path / "cut", some_vectors(1))


def test_adding_to_mutated_graphs_raises_or_works_but_never_crashes(tmp_path: Path) -> None:
    build_index(tmp_path / "index", some_vectors(60, 4), kind="HNSW3,Flat", metric="l2")
    whole = np.frombuffer((tmp_path / "index").read_bytes(), np.uint8)
    rng, n_refused = np.random.default_rng(5), 0
    for _ in range(400):
        mutated = whole.copy()
        places = rng.integers(0, len(whole), rng.integers(1, 4))
        mutated[places] = rng.choice(np.array([0, 1, 127, 128, 255], np.uint8), len(places))
        (tmp_path / "mutated").write_bytes(mutated.tobytes())
        try:
            add_to_index(tmp_path / "mutated", some_vectors(3, 4), n_threads=1)
        except (IndexFormatError, ParameterError):
            n_refused += 1
    assert 0 < n_refused < 400

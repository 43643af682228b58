from __future__ import annotations

import pickle
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from orpheus_fast import search
from orpheus_fast.errors import IndexFormatError, ParameterError, ShapeError
from orpheus_fast.search import VectorIndex

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

N, DIM = 40, 6


@pytest.fixture
def vectors() -> NDArray[np.float32]:
    return np.random.default_rng(7).standard_normal((N, DIM), dtype=np.float32)


@pytest.fixture
def path(tmp_path: Path, vectors: NDArray[np.float32]) -> Path:
    target = tmp_path / "index.faiss"
    search.write_flat(target, vectors, metric="l2")
    return target


def test_an_index_says_what_it_holds(path: Path) -> None:
    index = VectorIndex.open(path)
    assert (index.ntotal, len(index), index.dim, index.metric, index.kind) == (N, N, DIM, "l2", "Flat")
    assert repr(index) == f"VectorIndex({str(path)!r}, kind='Flat', ntotal={N}, dim={DIM}, metric='l2')"
    np.testing.assert_array_equal(index.ids, np.arange(N))


def test_every_vector_finds_itself_at_distance_zero(path: Path, vectors: NDArray[np.float32]) -> None:
    distances, ids = VectorIndex.open(path).search(vectors, k=1)
    assert (distances.dtype, ids.dtype) == (np.float32, np.int64)
    np.testing.assert_array_equal(ids, np.arange(N)[:, np.newaxis])
    np.testing.assert_array_equal(distances, np.zeros((N, 1)))


def test_one_vector_gets_one_row_of_answers(path: Path, vectors: NDArray[np.float32]) -> None:
    index = VectorIndex.open(path)
    batch, single = index.search(vectors[:2], k=3), index.search(vectors[1], k=3)
    assert single.ids.shape == (3,)
    np.testing.assert_array_equal(single.ids, batch.ids[1])
    np.testing.assert_array_equal(single.distances, batch.distances[1])


def test_more_neighbours_than_vectors_gives_all_and_nothing_else(path: Path, vectors: NDArray[np.float32]) -> None:
    distances, ids = VectorIndex.open(path).search(vectors[:2], k=10 * N)
    assert ids.shape == distances.shape == (2, N)
    assert sorted(ids[0].tolist()) == list(range(N))
    assert np.isfinite(distances).all()
    assert VectorIndex.open(path).search(vectors[0], k=sys.maxsize * 4).ids.shape == (N,)


def test_equal_distances_are_ordered_by_id() -> None:
    found = search.search(np.ones((9, 4)), np.ones(4), k=5, metric="l2")
    assert found.ids.tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("k", [0, -1])
def test_k_must_be_positive(path: Path, vectors: NDArray[np.float32], k: int) -> None:
    index = VectorIndex.open(path)
    with pytest.raises(ParameterError, match=f"k is {k}, expected at least 1"):
        index.search(vectors[0], k=k)
    with pytest.raises(ParameterError, match=f"n_threads is {k}, expected at least 1"):
        index.search(vectors[0], k=1, n_threads=k)


def test_a_k_that_is_no_whole_number_is_a_type_error(path: Path, vectors: NDArray[np.float32]) -> None:
    with pytest.raises(TypeError):
        VectorIndex.open(path).search(vectors[0], k=1.5)  # type: ignore[arg-type]


@pytest.mark.parametrize("shape", [(), (DIM + 1,), (3, DIM - 1), (2, 2, DIM), (0,)])
def test_queries_of_another_shape_are_refused(path: Path, shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match="queries has shape"):
        VectorIndex.open(path).search(np.zeros(shape), k=1)


def test_no_queries_get_no_answers(path: Path) -> None:
    distances, ids = VectorIndex.open(path).search(np.zeros((0, DIM)), k=3)
    assert ids.shape == distances.shape == (0, 3)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_query_that_is_not_finite_is_refused_by_its_place(path: Path, value: float) -> None:
    queries = np.zeros((3, DIM))
    queries[2, 4] = value
    with pytest.raises(ParameterError, match=r"queries\[2, 4\] is (NaN|-?inf), expected a finite number"):
        VectorIndex.open(path).search(queries, k=1)


def test_lists_integers_and_other_memory_orders_are_converted(path: Path, vectors: NDArray[np.float32]) -> None:
    index = VectorIndex.open(path)
    expected = index.search(vectors[:5], k=4)
    for same in (vectors[:5].tolist(), vectors[:5].astype(np.float64), np.asfortranarray(vectors[:5])):
        np.testing.assert_array_equal(index.search(same, k=4).ids, expected.ids)
    whole = np.arange(DIM, dtype=np.int16)
    np.testing.assert_array_equal(index.search(whole, k=4).ids, index.search(whole.astype(np.float32), k=4).ids)


def test_only_allowed_vectors_are_found_however_they_are_named(path: Path, vectors: NDArray[np.float32]) -> None:
    index = VectorIndex.open(path)
    mask = np.zeros(N, dtype=bool)
    mask[[3, 4, 11, 30]] = True
    expected = index.search(vectors[3], k=9, allow=mask).ids
    assert sorted(expected.tolist()) == [3, 4, 11, 30]
    for allow in (
        [30, 11, 3, 4],
        [3, 3, 4, 11, 30, 10**15, -7],
        np.array([3, 4, 11, 30], dtype=np.uint8),
        np.array([3, 4, 11, 30], dtype=np.uint64),
        np.flatnonzero(mask)[::-1],
        mask.tolist(),
        np.repeat(mask, 2)[::2],
    ):
        np.testing.assert_array_equal(index.search(vectors[3], k=9, allow=allow).ids, expected)


def test_nothing_allowed_finds_nothing(path: Path, vectors: NDArray[np.float32]) -> None:
    index = VectorIndex.open(path)
    for allow in ([], np.zeros(N, dtype=bool), [N, -1]):
        assert index.search(vectors[:2], k=3, allow=allow).ids.shape == (2, 0)
        assert index.search(vectors[0], k=3, allow=allow).ids.shape == (0,)


def test_a_filter_that_does_not_fit_is_refused(path: Path, vectors: NDArray[np.float32]) -> None:
    index = VectorIndex.open(path)
    with pytest.raises(ShapeError, match="allow holds 3 values, expected one for each of the 40 vectors"):
        index.search(vectors[0], k=1, allow=[True, False, True])
    for allow in ([[1, 2]], [1.0, 2.0], ["a"], np.ones((N, 1), dtype=bool)):
        with pytest.raises(ShapeError, match="allow has dtype"):
            index.search(vectors[0], k=1, allow=allow)
    with pytest.raises(ParameterError, match=r"allow holds 18446744073709551615, expected values below 2\*\*63"):
        index.search(vectors[0], k=1, allow=np.array([2**64 - 1], dtype=np.uint64))


def test_a_stored_vector_is_given_back_as_a_copy(path: Path, vectors: NDArray[np.float32]) -> None:
    index = VectorIndex.open(path)
    copy = index.reconstruct(5)
    np.testing.assert_array_equal(copy, vectors[5])
    copy[:] = 0
    np.testing.assert_array_equal(index.reconstruct(5), vectors[5])


@pytest.mark.parametrize("number", [-1, N, 2**63, -(2**70)])
def test_an_unknown_id_is_refused(path: Path, number: int) -> None:
    with pytest.raises(ParameterError, match=f"id {number} is not in the index of {N} vectors"):
        VectorIndex.open(path).reconstruct(number)


def test_an_index_travels_through_pickle_by_its_path(
    path: Path, vectors: NDArray[np.float32], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(path.parent)
    index = VectorIndex.open(path.name)
    sent = pickle.dumps(index)
    monkeypatch.chdir("/")
    again = pickle.loads(sent)
    np.testing.assert_array_equal(again.search(vectors, k=3).ids, index.search(vectors, k=3).ids)


def test_a_path_may_be_bytes_that_are_no_text(tmp_path: Path, vectors: NDArray[np.float32]) -> None:
    name = bytes(tmp_path) + b"/\xff\xfe.faiss"
    search.write_flat(name, vectors)
    assert len(VectorIndex.open(name)) == N


def test_the_systems_errors_keep_their_class_and_filename(tmp_path: Path, vectors: NDArray[np.float32]) -> None:
    missing = tmp_path / "no" / "such.faiss"
    with pytest.raises(FileNotFoundError) as caught:
        VectorIndex.open(missing)
    assert caught.value.filename == str(missing)
    with pytest.raises(FileNotFoundError) as caught:
        search.write_flat(missing, vectors)
    assert caught.value.filename == str(missing)
    with pytest.raises(IsADirectoryError) as caught:
        VectorIndex.open(tmp_path)
    assert caught.value.filename == str(tmp_path)


def test_a_file_that_was_cut_after_opening_is_refused(path: Path, vectors: NDArray[np.float32]) -> None:
    index = VectorIndex.open(path)
    with path.open("r+b") as file:
        file.truncate(50)
    with pytest.raises(IndexFormatError, match=r"index\.faiss: the index file was cut to 50 bytes"):
        index.search(vectors, k=1)
    with pytest.raises(IndexFormatError, match="was cut"):
        index.reconstruct(0)


def test_writing_over_an_open_index_leaves_it_as_it_was(path: Path, vectors: NDArray[np.float32]) -> None:
    index = VectorIndex.open(path)
    search.write_flat(path, -vectors)
    np.testing.assert_array_equal(index.reconstruct(0), vectors[0])
    np.testing.assert_array_equal(VectorIndex.open(path).reconstruct(0), -vectors[0])
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_what_a_file_cannot_say_is_not_written(tmp_path: Path, vectors: NDArray[np.float32]) -> None:
    target = tmp_path / "x.faiss"
    with pytest.raises(ParameterError, match=r'metric is "cosine", expected .* length one'):
        search.write_flat(target, vectors, metric="cosine")  # type: ignore[arg-type]
    with pytest.raises(ShapeError, match="ids holds 2 values, expected one for each of the 40 vectors"):
        search.write_flat(target, vectors, ids=[1, 2])
    with pytest.raises(ParameterError, match="ids is -1 at place 3"):
        search.write_flat(target, vectors[:5], ids=[5, 6, 7, -1, 8])
    with pytest.raises(ShapeError, match="vectors has shape"):
        search.write_flat(target, vectors[0])
    with pytest.raises(ParameterError, match="dim is 0, expected at least 1"):
        search.write_flat(target, np.zeros((3, 0)))
    assert not list(tmp_path.iterdir())


def test_a_matrix_is_searched_like_an_index_of_it(path: Path, vectors: NDArray[np.float32]) -> None:
    for allow in (None, [2, 3, 5, 7]):
        in_file = VectorIndex.open(path).search(vectors, k=8, allow=allow)
        in_memory = search.search(vectors, vectors, k=8, metric="l2", allow=allow)
        np.testing.assert_array_equal(in_file.ids, in_memory.ids)
        np.testing.assert_array_equal(in_file.distances, in_memory.distances)


def test_a_read_only_mapped_matrix_is_searched(tmp_path: Path, vectors: NDArray[np.float32]) -> None:
    np.save(tmp_path / "vectors.npy", vectors)
    mapped = np.load(tmp_path / "vectors.npy", mmap_mode="r")
    np.testing.assert_array_equal(search.search(mapped, mapped, k=1).ids[:, 0], np.arange(N))


def test_cosines_ignore_length_and_lie_between_minus_one_and_one(vectors: NDArray[np.float32]) -> None:
    scaled = vectors * np.geomspace(1e-15, 1e15, N, dtype=np.float32)[:, np.newaxis]
    lengths = search.inverse_norms(scaled)
    for given in (None, lengths):
        found = search.search(scaled, vectors, k=N, inverse_norms=given)
        np.testing.assert_array_equal(found.ids[:, 0], np.arange(N))
        np.testing.assert_allclose(found.distances[:, 0], 1, rtol=3e-7)
        assert np.abs(found.distances).max() <= 1
        unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        expected = -np.sort(-(unit.astype(np.float64) @ unit.T.astype(np.float64)))
        np.testing.assert_allclose(found.distances, expected, atol=5e-7)


def test_zeros_have_cosine_zero_with_everything() -> None:
    matrix = [[1.0, 0.0], [0.0, 0.0], [-1.0, 0.0]]
    found = search.search(matrix, [[1.0, 1.0], [0.0, 0.0]], k=3)
    assert found.ids.tolist() == [[0, 1, 2], [0, 1, 2]]
    np.testing.assert_allclose(found.distances, [[0.5**0.5, 0, -(0.5**0.5)], [0, 0, 0]], rtol=1e-6)


def test_stored_nans_are_nobodys_neighbours() -> None:
    matrix = np.array([[1.0], [np.nan], [3.0]])
    assert search.search(matrix, [1.0], k=3, metric="l2").ids.tolist() == [0, 2]
    found = search.search(matrix, [[1.0]], k=3, metric="l2")
    assert found.ids.tolist() == [[0, 2, -1]]
    assert np.isnan(found.distances[0, 2])


def test_an_unknown_metric_is_refused_with_the_known_ones(vectors: NDArray[np.float32]) -> None:
    with pytest.raises(ParameterError, match='metric is "euclid", expected "cosine", "inner_product" or "l2"'):
        search.search(vectors, vectors, k=1, metric="euclid")  # type: ignore[arg-type]


def test_lengths_of_another_matrix_are_refused(vectors: NDArray[np.float32]) -> None:
    with pytest.raises(ShapeError, match="inverse_norms holds 3 values, expected one for each of the 40 rows"):
        search.search(vectors, vectors, k=1, inverse_norms=np.ones(3))


def test_threads_do_not_change_the_answer() -> None:
    rng = np.random.default_rng(3)
    matrix = rng.integers(-3, 4, (30_000, 24)).astype(np.float32)
    queries = matrix[:40] + 1
    for metric in ("l2", "inner_product", "cosine"):
        alone = search.search(matrix, queries, k=50, metric=metric)
        for n_threads in (2, 5, 10**9):
            together = search.search(matrix, queries, k=50, metric=metric, n_threads=n_threads)
            np.testing.assert_array_equal(together.ids, alone.ids)
            np.testing.assert_array_equal(together.distances, alone.distances)


def test_several_threads_may_search_one_index(path: Path, vectors: NDArray[np.float32]) -> None:
    index = VectorIndex.open(path)
    expected = index.search(vectors, k=5).ids
    wrong: list[Any] = []

    def work() -> None:
        for _ in range(50):
            ids = index.search(vectors, k=5).ids
            if not np.array_equal(ids, expected):
                wrong.append(ids)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_statistics_are_those_of_numpy_in_float64(vectors: NDArray[np.float32]) -> None:
    matrix = np.hstack([vectors * 1000 + 5, np.full((N, 1), 0.1, dtype=np.float32)])
    for rows in (None, [3, 1, 4, 15]):
        mean, scale = search.column_statistics(matrix, rows=rows)
        chosen = matrix[slice(None) if rows is None else rows].astype(np.float64)
        np.testing.assert_allclose(mean, chosen.mean(axis=0), rtol=1e-12)
        np.testing.assert_allclose(scale[:-1], chosen.std(axis=0)[:-1], rtol=1e-12)
        assert scale[-1] == 1.0


def test_statistics_of_nothing_or_of_nan_are_refused(vectors: NDArray[np.float32]) -> None:
    with pytest.raises(ParameterError, match="rows is empty"):
        search.column_statistics(vectors, rows=[])
    with pytest.raises(ParameterError, match=f"id {N} is not in the index"):
        search.column_statistics(vectors, rows=[N])
    vectors[3, 2] = np.nan
    with pytest.raises(ParameterError, match=r"rows\[3, 2\] is NaN"):
        search.column_statistics(vectors)


def test_inner_products_of_standardised_rows_are_cosines_of_standardised_columns(
    vectors: NDArray[np.float32],
) -> None:
    matrix = vectors * np.geomspace(1, 1e6, DIM, dtype=np.float32) + 17
    mean, scale = search.column_statistics(matrix)
    standardised = search.standardise_rows(matrix, mean, scale)
    assert standardised.dtype == np.float32
    z = (matrix.astype(np.float64) - mean) / scale
    z /= np.linalg.norm(z, axis=1, keepdims=True)
    np.testing.assert_allclose(standardised, z, atol=1e-7)


def test_scales_and_means_that_do_not_fit_are_refused(vectors: NDArray[np.float32]) -> None:
    ones, zeros = np.ones(DIM), np.zeros(DIM)
    with pytest.raises(ShapeError, match="mean holds 5 values, expected one for each of the 6 columns"):
        search.standardise_rows(vectors, zeros[:5], ones)
    with pytest.raises(ParameterError, match="scale is 0 in column 0, expected more than 0"):
        search.standardise_rows(vectors, zeros, zeros)


def test_other_threads_run_during_a_search() -> None:
    matrix = np.ones((20_000, 64), dtype=np.float32)
    queries = np.ones((2_000, 64), dtype=np.float32)
    started, ended = threading.Event(), threading.Event()

    def work() -> None:
        started.set()
        search.search(matrix, queries, k=1)
        ended.set()

    thread = threading.Thread(target=work)
    thread.start()
    started.wait()
    n_steps = 0
    while not ended.is_set():
        n_steps += 1
        time.sleep(0.001)
    thread.join()
    assert n_steps > 5


_LONG_SEARCH = """
import numpy as np
from orpheus_fast import search
matrix = np.ones((50_000, 64), dtype=np.float32)
queries = np.ones((500_000, 64), dtype=np.float32)
print("started", flush=True)
search.search(matrix, queries, k=1, n_threads=int(__import__("sys").argv[1]))
"""


@pytest.mark.parametrize("n_threads", [1, 2])
def test_an_interrupt_ends_a_long_search_at_once(n_threads: int) -> None:
    command = [sys.executable, "-c", _LONG_SEARCH, str(n_threads)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "started\n"
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        sent = time.monotonic()
        _, errors = process.communicate(timeout=60)
        assert time.monotonic() - sent < 2
    assert errors.rstrip().endswith("KeyboardInterrupt")


@pytest.mark.parametrize("exact", [None, True, False])
def test_what_is_asked_of_exactness_reaches_the_search(
    path: Path, vectors: NDArray[np.float32], exact: bool | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Recorder:
        dim = DIM
        asked: Any = "by the short way, which asks for nothing"

        def __init__(self, native: Any) -> None:
            self.native = native

        def find(self, queries: Any, k: Any) -> Any:
            return self.native.find(queries, k)

        def search(self, queries: Any, k: int, filters: Any, options: Any) -> Any:
            self.asked = options[3]
            return self.native.search(queries, k, filters, options)

    index = VectorIndex.open(path)
    recorder = Recorder(index._native)
    monkeypatch.setattr(index, "_native", recorder)
    assert index.search(vectors[:3], k=1, exact=exact).ids[:, 0].tolist() == [0, 1, 2]
    assert recorder.asked == (Recorder.asked if exact is None else exact)

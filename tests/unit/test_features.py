"""`orpheus_fast.features`: the classical vector, as Python gets it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
import pytest

import signals
from orpheus_fast import features
from orpheus_fast.errors import ParameterError, ShapeError

if TYPE_CHECKING:
    import numpy.typing as npt

RATE = 22_050
WINDOW = RATE


def windows(n_windows: int) -> npt.NDArray[np.float32]:
    samples = signals.music(n_windows * WINDOW / signals.SAMPLE_RATE).mean(axis=0)
    return np.ascontiguousarray(samples[: n_windows * WINDOW].reshape(n_windows, WINDOW))


@pytest.mark.parametrize(("layout", "dim"), [("chroma12", 44), ("chroma_mean", 33)])
def test_a_window_gives_one_named_value_per_column(layout: features.ClassicalLayout, dim: int) -> None:
    vector = features.classical_vector(windows(1)[0], layout=layout)
    columns = features.classical_columns(layout)
    assert (vector.shape, vector.dtype) == ((dim,), np.float32)
    assert len(set(columns)) == len(columns) == dim
    assert np.isfinite(vector).all()


def test_the_layouts_are_those_of_the_type() -> None:
    assert get_args(features.ClassicalLayout) == features.CLASSICAL_LAYOUTS


def test_windows_in_a_matrix_give_their_vectors_in_a_matrix() -> None:
    matrix = windows(5)
    vectors = features.classical_vector(matrix)
    assert vectors.shape == (5, 44)
    np.testing.assert_array_equal(vectors, [features.classical_vector(window) for window in matrix])


def test_no_windows_give_no_vectors() -> None:
    assert features.classical_vector(np.zeros((0, WINDOW), dtype=np.float32)).shape == (0, 44)


def test_the_vector_is_the_callers_to_write_into() -> None:
    vectors = features.classical_vector(windows(2))
    vectors *= 0
    assert not vectors.any()


@pytest.mark.parametrize("convert", [np.float64, list, lambda a: np.repeat(a, 2)[::2], lambda a: a.astype(">f4")])
def test_any_array_like_of_the_same_numbers_gives_the_same_vector(convert: Any) -> None:
    window = windows(1)[0, :5000]
    np.testing.assert_array_equal(features.classical_vector(convert(window)), features.classical_vector(window))


def test_the_rate_moves_what_is_in_hz_and_bpm() -> None:
    window, columns = windows(1)[0], features.classical_columns()
    slow, fast = (features.classical_vector(window, sample_rate=rate) for rate in (RATE, 2 * RATE))
    at = columns.index("spectral_centroid_hz")
    assert fast[at] == pytest.approx(2 * slow[at], rel=1e-5)
    at = columns.index("zero_crossing_rate")
    assert fast[at] == slow[at]


def test_threads_get_what_one_thread_gets() -> None:
    matrix = windows(8)
    with ThreadPoolExecutor(4) as pool:
        vectors = list(pool.map(features.classical_vector, matrix))
    np.testing.assert_array_equal(vectors, features.classical_vector(matrix))


@pytest.mark.parametrize("shape", [(), (2, 3, 4)])
def test_another_number_of_dimensions_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match=r"samples has shape .*, expected 1 or 2 dimension"):
        features.classical_vector(np.zeros(shape, dtype=np.float32))


@pytest.mark.parametrize("shape", [(0,), (3, 0)])
def test_windows_without_samples_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ParameterError, match="no samples"):
        features.classical_vector(np.zeros(shape, dtype=np.float32))


@pytest.mark.parametrize(("value", "complaint"), [(np.nan, "not finite"), (np.inf, "not finite"), (-3e12, "-3e12")])
def test_a_sample_that_cannot_be_described_is_named(value: float, complaint: str) -> None:
    matrix = windows(2)
    matrix[1, 7] = value
    with pytest.raises(ParameterError, match=rf"sample {WINDOW + 7} is {complaint}"):
        features.classical_vector(matrix)


@pytest.mark.parametrize("rate", [-1, 0, 999, 768_001, 1 << 40])
def test_a_rate_out_of_range_is_refused(rate: int) -> None:
    with pytest.raises(ParameterError, match=f"sample_rate is {rate} Hz, expected 1000 to 768000"):
        features.classical_vector(windows(1)[0], sample_rate=rate)


def test_a_rate_that_is_no_whole_number_is_refused() -> None:
    with pytest.raises(TypeError):
        features.classical_vector(windows(1)[0], sample_rate=22_050.5)  # type: ignore[arg-type]


def test_an_unknown_layout_is_refused_by_name() -> None:
    with pytest.raises(ParameterError, match='unknown layout "chroma", expected "chroma12" or "chroma_mean"'):
        features.classical_columns("chroma")  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match="unknown layout"):
        features.classical_vector(windows(1)[0], layout="44")  # type: ignore[arg-type]

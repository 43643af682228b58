"""Several queries as one."""

from __future__ import annotations

import numpy as np
import pytest

from orpheus_fast.errors import ParameterError, ShapeError
from orpheus_fast.search import blend


def test_a_blend_has_the_largest_sum_of_cosines_of_all_directions() -> None:
    rng = np.random.default_rng(0)
    wanted, unwanted = rng.standard_normal((3, 6)), rng.standard_normal((2, 6))
    weights = np.array([1.0, 2.0, 3.0, 0.5, 4.0])
    units = np.concatenate([wanted, -unwanted])
    units = units / np.linalg.norm(units, axis=1, keepdims=True)
    best = weights @ units @ blend(wanted, unwanted, weights=weights)
    others = rng.standard_normal((5000, 6))
    others /= np.linalg.norm(others, axis=1, keepdims=True)
    assert best > (others @ units.T @ weights).max()


def test_lengths_do_not_count() -> None:
    np.testing.assert_allclose(blend([[1.0, 0.0], [0.0, 100.0]]), np.full(2, np.sqrt(0.5)), rtol=1e-6)


@pytest.mark.parametrize(
    ("wanted", "unwanted", "weights", "error"),
    [
        ([[1.0, 0.0]], [[1.0, 0.0]], None, "cancel out"),
        ([[0.0, 0.0]], None, None, "vector 0 of those to be blended has length 0.0"),
        ([[1.0, np.nan]], None, None, "has length nan"),
        ([[1.0, 0.0]], [[1.0]], None, "equal columns"),
        (np.empty((0, 3)), None, None, "one wanted vector"),
        ([[1.0, 0.0]], None, [1.0, 2.0], r"expected \(1,\)"),
        ([[1.0, 0.0]], None, [-1.0], "expected positive numbers"),
    ],
)
def test_what_has_no_blend_is_refused(wanted: object, unwanted: object, weights: object, error: str) -> None:
    with pytest.raises((ParameterError, ShapeError), match=error):
        blend(wanted, unwanted, weights=weights)  # type: ignore[arg-type]

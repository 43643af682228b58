"""Labelled vectors for tests of evaluation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def clusters(
    seed: int = 0, *, n: int = 120, dim: int = 16, n_labels: int = 4, spread: float = 1.0
) -> tuple[NDArray[np.float32], list[str]]:
    random = np.random.default_rng(seed)
    centres = random.standard_normal((n_labels, dim))
    numbers = random.integers(n_labels, size=n)
    vectors = centres[numbers] + spread * random.standard_normal((n, dim))
    return vectors.astype(np.float32), [f"label {number}" for number in numbers]

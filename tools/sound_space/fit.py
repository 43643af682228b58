"""Fit the constants of the sound space, without labels.

    python tools/sound_space/fit.py ../shared/audio

reads the recordings under `music` there, makes the rest from seeds and writes what the Rust crate embeds. The numbers
of every library change with them: raise `REVISION` in `vector/sound/mod.rs` when a release has had the old ones.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from material import altered, demo_clips, environment_clips, mixed, music_clips

from orpheus_fast import _native

if TYPE_CHECKING:
    from material import Clip

    Matrix = np.ndarray[tuple[int, int], np.dtype[np.float64]]
    Row = np.ndarray[tuple[int], np.dtype[np.float64]]

CONSTANTS: Final = Path(__file__).parents[2] / "rust/orpheus-features/src/vector/sound/constants.bin"
SEED: Final = 20_000

# As in `projection.rs`.
SATURATION: Final = 3.0
# How far the values of a family are brought to one variance: 0 leaves it, 0.5 makes all alike.
WHITENING: Final = 0.3
# Correlations between statistics are taken for this much smaller than they are measured to be.
SHRINKAGE: Final = 0.05


def statistics_of(clips: list[Clip]) -> Matrix:
    """Return the statistics of each clip, one row each."""
    return np.stack([_native.sound_statistics(clip.samples.astype(np.float32)) for clip in clips]).astype(np.float64)


def pool(folder: Path) -> tuple[Matrix, Row]:
    """Return the statistics that the constants are fitted to, and how much each row counts."""
    music = music_clips(folder)
    parts = [
        (2.0, music),
        (1.0, [altered(clip, SEED + number) for number, clip in enumerate(music)]),
        (1.0, mixed(music, 160, SEED)),
        (1.0, demo_clips(5, SEED)),
        (0.35, environment_clips(14, SEED)),
    ]
    weights = np.concatenate([np.full(len(clips), share / len(clips)) for share, clips in parts])
    return np.concatenate([statistics_of(clips) for _, clips in parts]), weights / weights.sum()


def constants_of(columns: Matrix, weights: Row, dim: int) -> list[Row | Matrix]:
    """Fit one family: means, inverse deviations, offsets and basis, in the order of the file."""
    means = weights @ columns
    deviations = np.sqrt(weights @ (columns - means) ** 2) + 1e-6
    standard = (columns - means) / deviations
    saturated = standard / np.sqrt(1 + (standard / SATURATION) ** 2)
    centre = weights @ saturated
    spread = saturated - centre
    covariance = (weights[:, None] * spread).T @ spread
    covariance = (1 - SHRINKAGE) * covariance + SHRINKAGE * np.diag(np.diag(covariance))
    variances, directions = np.linalg.eigh(covariance)
    order = np.argsort(-variances)[:dim]
    basis = (directions[:, order] * np.maximum(variances[order], 1e-6) ** -WHITENING).T
    # The sign of a direction is chance; its largest component decides.
    basis *= np.sign(basis[np.arange(dim), np.argmax(np.abs(basis), axis=1)])[:, None]
    basis /= np.sqrt(weights @ ((spread @ basis.T) ** 2).sum(axis=1))
    return [means, 1 / deviations, basis @ centre, basis]


def main() -> None:
    """Fit and write."""
    columns, weights = pool(Path(sys.argv[1]))
    start, constants = 0, []
    for _, n_statistics, dim, _ in _native.sound_families():
        family = columns[:, start : start + n_statistics]
        constants += constants_of(family, weights, dim)
        start += n_statistics
    values = np.concatenate([constant.ravel() for constant in constants]).astype("<f4")
    CONSTANTS.write_bytes(values.tobytes())
    print(f"{len(values)} constants from {len(columns)} clips: {CONSTANTS}")


if __name__ == "__main__":
    main()

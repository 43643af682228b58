"""Which tracks are held out together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["assign_folds"]


def assign_folds(
    groups: NDArray[np.int64], labels: NDArray[np.int64] | None, *, n_folds: int, seed: int
) -> NDArray[np.int64]:
    """Return the fold of each track: no group in two folds, labels spread as evenly as that allows.

    The largest groups choose first, equally large ones in an order drawn from the seed; each takes the fold in which
    its labels are rarest so far, and of equal ones the smallest.

    Parameters
    ----------
    groups : ndarray of int, shape (n_tracks,)
        Number of the group of each track.
    labels : ndarray of int, shape (n_tracks,), optional
        What to spread; None spreads the tracks.
    n_folds : int > 0
        At most so many folds; fewer if there are fewer groups.
    seed : int
        The same seed gives the same folds.
    """
    _, members = np.unique(groups, return_inverse=True)
    sizes = np.bincount(members)
    values = np.zeros(len(groups), dtype=np.int64) if labels is None else np.unique(labels, return_inverse=True)[1]
    n_values = int(values.max()) + 1
    wanted = np.bincount(values, minlength=n_values).astype(np.float64)
    order = np.random.default_rng(seed).permutation(len(sizes))
    order = order[np.argsort(-sizes[order], kind="stable")]
    by_group = np.argsort(members, kind="stable")
    starts = np.concatenate(([0], np.cumsum(sizes)))
    held = np.zeros((min(n_folds, len(sizes)), n_values))
    fold_of = np.empty(len(sizes), dtype=np.int64)
    for group in order:
        own = np.bincount(values[by_group[starts[group] : starts[group + 1]]], minlength=n_values)
        # In shares of each label: a rare one counts as much as a frequent one.
        crowding = (held / wanted) @ (own / wanted)
        fold_of[group] = np.lexsort((held.sum(axis=1), crowding))[0]
        held[fold_of[group]] += own
    return fold_of[members]

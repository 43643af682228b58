"""Everything that scikit-learn does here; it is imported when it is first needed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from orpheus_fast.errors import MissingExtraError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    F32 = NDArray[np.float32]
    F64 = NDArray[np.float64]
    Ints = NDArray[np.int64]

__all__ = ["check_installed", "cluster_scores", "predict_labels", "predict_numbers"]

_N_STARTS: Final = 10
# Silhouettes take all pairs of what they look at.
_SILHOUETTE_TRACKS: Final = 5000
# The penalty goes with 1 / dim, so that the odds it allows do not grow with the number of values; it is not tuned.
_INVERSE_PENALTY: Final = 10.0
_MAX_ITERATIONS: Final = 2000
_RIDGE_PENALTIES: Final = tuple(10.0**power for power in range(-1, 6))


def check_installed() -> None:
    """Refuse to begin without the extra.

    Raises
    ------
    MissingExtraError
        If scikit-learn is not installed; the message says how to have it.
    """
    try:
        import sklearn  # noqa: F401, PLC0415 -- an extra
    except ImportError as error:
        message = (
            'scikit-learn is not installed: pip install "orpheus-fast[evaluate]"; '
            "retrieval alone needs none of it (probe=False, --no-probe)"
        )
        raise MissingExtraError(message) from error


def cluster_scores(rows: F32, labels: Ints, *, seed: int) -> tuple[int, float, float, float, float]:
    """Return the number of k-means clusters, their NMI, ARI and silhouette, and the silhouette of the labels.

    Parameters
    ----------
    rows : ndarray, shape (n_tracks, dim)
        Of length 1 where cosines compare.
    labels : ndarray of int, shape (n_tracks,)
        As many clusters are made as there are labels, or different rows if those are fewer.
    seed : int
        Of the starts, and of the sample of 5,000 tracks that silhouettes of more are taken from.
    """
    from sklearn import metrics  # noqa: PLC0415 -- an extra
    from sklearn.cluster import KMeans  # noqa: PLC0415 -- an extra

    n_clusters = min(len(np.unique(labels)), len(np.unique(rows, axis=0)))
    clusters = KMeans(n_clusters, n_init=_N_STARTS, random_state=seed).fit_predict(rows)

    def silhouette(of: Ints) -> float:
        sample = np.arange(len(rows))
        if len(rows) > _SILHOUETTE_TRACKS:
            sample = np.random.default_rng(seed).choice(len(rows), _SILHOUETTE_TRACKS, replace=False)
        # Undefined for one cluster, and for one per track.
        if not 1 < len(np.unique(of[sample])) < len(sample):
            return float("nan")
        return float(metrics.silhouette_score(rows[sample], of[sample]))

    return (
        n_clusters,
        float(metrics.normalized_mutual_info_score(labels, clusters)),
        float(metrics.adjusted_rand_score(labels, clusters)),
        silhouette(clusters),
        silhouette(labels),
    )


def predict_labels(rows: F32, labels: Ints, folds: Ints) -> Ints:
    """Predict the label of each track by logistic regression on the tracks of the other folds."""
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415 -- an extra

    predicted = np.empty_like(labels)
    for fold in np.unique(folds):
        held = folds == fold
        known = np.unique(labels[~held])
        if len(known) == 1:
            predicted[held] = known[0]
            continue
        model = LogisticRegression(C=_INVERSE_PENALTY / rows.shape[1], max_iter=_MAX_ITERATIONS)
        predicted[held] = _fitted(model, rows[~held], labels[~held]).predict(rows[held])
    return predicted


def predict_numbers(rows: F32, values: F64, folds: Ints) -> F64:
    """Predict a number for each track by ridge regression; its penalty is chosen within the other folds."""
    from sklearn.linear_model import RidgeCV  # noqa: PLC0415 -- an extra

    predicted = np.empty_like(values)
    for fold in np.unique(folds):
        held = folds == fold
        model = RidgeCV(alphas=_RIDGE_PENALTIES)
        predicted[held] = _fitted(model, rows[~held], values[~held]).predict(rows[held])
    return predicted


def _fitted(model: Any, rows: F32, targets: Ints | F64) -> Any:  # noqa: ANN401 -- scikit-learn has no types
    """Fit a model on columns of mean 0 and deviation 1."""
    from sklearn.pipeline import make_pipeline  # noqa: PLC0415 -- an extra
    from sklearn.preprocessing import StandardScaler  # noqa: PLC0415 -- an extra

    # In float64: penalties of large and small columns differ by more than float32 tells apart.
    return make_pipeline(StandardScaler(), model).fit(rows.astype(np.float64), targets)

"""What an evaluation says."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

__all__ = [
    "Clustering",
    "Estimate",
    "Evaluation",
    "Hubness",
    "LabelScores",
    "Matching",
    "Probe",
    "Ranking",
    "Regression",
    "Reranked",
    "SpaceEvaluation",
]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over queries, and where it would lie had other tracks been labelled.

    Attributes
    ----------
    value : float
        The mean.
    low, high : float
        The middle 95 % of the means of seeded bootstrap samples, of whole groups where there are groups.
    """

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class LabelScores:
    """How well tracks of one label find each other.

    Attributes
    ----------
    label : str
        The label.
    n_tracks, n_queries : int
        Tracks that have it; those of them that asked and had something to find.
    precision, average_precision, r_precision, nearest : float
        Means over its queries, as in `Ranking`; NaN where none had anything to find.
    """

    label: str
    n_tracks: int
    n_queries: int
    precision: float
    average_precision: float
    r_precision: float
    nearest: float


@dataclass(frozen=True, slots=True)
class Ranking:
    """Leave-one-out retrieval: every track asks for the tracks of its label among all others.

    Answers that are equally near count as in random order, by their expectation. Queries for which no candidate has
    their label are left out of all means.

    Attributes
    ----------
    n_queries, n_unanswerable : int
        Queries in the means; queries that were left out.
    precision : Estimate
        P@k: share of the first k answers that have the query's label. Always divided by k (or by the number of
        candidates, if smaller), also where fewer than k candidates have the label: see `ceiling`.
    average_precision : Estimate
        mAP: mean over queries of the average precision over the whole ranking.
    r_precision : Estimate
        Precision at R, R being the number of candidates with the label.
    nearest : Estimate
        1-NN accuracy: share of queries whose nearest candidate has their label.
    chance : float
        What answers drawn at random would get for P@k, R-precision and 1-NN.
    ceiling : float
        P@k of a perfect ranking: below 1 where labels have fewer than k tracks.
    labels : tuple of LabelScores
        Label by label, in their order.
    """

    n_queries: int
    n_unanswerable: int
    precision: Estimate
    average_precision: Estimate
    r_precision: Estimate
    nearest: Estimate
    chance: float
    ceiling: float
    labels: tuple[LabelScores, ...]


@dataclass(frozen=True, slots=True)
class Hubness:
    """Whether some tracks are among everybody's neighbours (Radovanovic, Nanopoulos, Ivanovic, JMLR 11, 2010).

    Attributes
    ----------
    skewness : float
        Of the 10-occurrence: how many other tracks have a track among their ten nearest. 0 without hubs; above 1 is
        noticeable.
    orphans : float
        Share of tracks that are nobody's neighbour.
    largest : float
        Largest 10-occurrence, as a share of the tracks.
    n_tracks : int
        Tracks it was counted over.
    """

    skewness: float
    orphans: float
    largest: float
    n_tracks: int


@dataclass(frozen=True, slots=True)
class Reranked:
    """The same figures where mutual proximity ranks."""

    all: Ranking
    filtered: Ranking | None
    hubness: Hubness


@dataclass(frozen=True, slots=True)
class Clustering:
    """k-means with as many clusters as labels, and how it agrees with them.

    Attributes
    ----------
    n_clusters : int
        Clusters.
    nmi : float
        Normalised mutual information with the labels, arithmetic mean; not corrected for chance, so that many small
        labels raise it.
    ari : float
        Adjusted Rand index: 0 by chance, 1 for the labels themselves.
    silhouette : float
        Of the clusters. It favours few dimensions and round clusters whatever they mean: compare it only between
        spaces of like dimension, and never instead of the two above.
    label_silhouette : float
        Of the labels as if they were clusters.
    """

    n_clusters: int
    nmi: float
    ari: float
    silhouette: float
    label_silhouette: float


@dataclass(frozen=True, slots=True)
class Probe:
    """What a linear model reads off the vectors: accuracy over held-out folds, groups kept together.

    Attributes
    ----------
    accuracy, balanced_accuracy : float
        Share of tracks whose label was predicted; mean of that share over labels.
    chance : float
        Share of the most frequent label.
    n_folds : int
        Folds.
    """

    accuracy: float
    balanced_accuracy: float
    chance: float
    n_folds: int


@dataclass(frozen=True, slots=True)
class Regression:
    """Ridge regression on a number, such as valence, over held-out folds.

    Attributes
    ----------
    name : str
        The number.
    n_tracks : int
        Tracks that have it.
    r2 : float
        1 - squared error / variance; 0 for predicting the mean, negative for worse.
    r : float
        Pearson correlation of prediction and truth.
    """

    name: str
    n_tracks: int
    r2: float
    r: float


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How good vectors are, judged by labels.

    Attributes
    ----------
    n_tracks, n_labels, n_groups : int
        What was compared; `n_groups` is 0 without groups.
    dim : int
        Values per vector.
    metric : str
        How vectors are compared.
    k : int
        Of `precision`.
    effective_dim : float
        Participation ratio of the principal variances: how many dimensions the vectors use.
    all : Ranking
        With every other track as a candidate.
    filtered : Ranking or None
        Without candidates of the query's own group; None without groups.
    hubness : Hubness
        Of the vectors as they are compared.
    mutual_proximity : Reranked or None
        The same under mutual proximity, where asked for.
    clustering : Clustering or None
        None where not asked for.
    probe : Probe or None
        None where not asked for, or where no two groups could be kept apart.
    regressions : tuple of Regression
        One per number.
    """

    n_tracks: int
    n_labels: int
    n_groups: int
    dim: int
    metric: str
    k: int
    effective_dim: float
    all: Ranking
    filtered: Ranking | None
    hubness: Hubness
    mutual_proximity: Reranked | None = None
    clustering: Clustering | None = None
    probe: Probe | None = None
    regressions: tuple[Regression, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the same as plain values, fit for JSON but for NaN."""
        return asdict(self)


@dataclass(slots=True)
class Matching:
    """Which lines of a table of labels were used, and why the others were not.

    Attributes
    ----------
    n_lines : int
        Lines of the table.
    n_used : int
        Tracks that were compared.
    without_label : list of str
        Paths whose label is empty.
    unknown, ambiguous : list of str
        Paths that name no track of the library, or several.
    failed : list of str
        Paths of tracks that could not be decoded.
    without_vector : list of str
        Paths of tracks that have no vector in the space.
    n_unlabelled : int
        Tracks of the space that the table does not name.
    """

    n_lines: int = 0
    n_used: int = 0
    without_label: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    ambiguous: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    without_vector: list[str] = field(default_factory=list)
    n_unlabelled: int = 0

    @property
    def is_whole(self) -> bool:
        """Whether every line with a label was used."""
        return not (self.unknown or self.ambiguous or self.failed or self.without_vector)


@dataclass(frozen=True, slots=True)
class SpaceEvaluation:
    """The evaluation of a space of a library.

    Attributes
    ----------
    space, space_id : str
        Which space.
    matching : Matching
        Which labels were used.
    evaluation : Evaluation
        The figures.
    """

    space: str
    space_id: str
    matching: Matching
    evaluation: Evaluation

    def to_dict(self) -> dict[str, Any]:
        """Return the same as plain values, fit for JSON but for NaN."""
        return asdict(self)

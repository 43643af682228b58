"""How good a space is, judged by labels: retrieval, hubness, clusters, what a linear model reads off it."""

from orpheus_fast.evaluate.results import (
    Clustering,
    Estimate,
    Evaluation,
    Hubness,
    LabelScores,
    Matching,
    Probe,
    Ranking,
    Regression,
    Reranked,
    SpaceEvaluation,
)
from orpheus_fast.evaluate.spaces import LabelColumns, evaluate_space
from orpheus_fast.evaluate.vectors import evaluate_vectors

__all__ = [
    "Clustering",
    "Estimate",
    "Evaluation",
    "Hubness",
    "LabelColumns",
    "LabelScores",
    "Matching",
    "Probe",
    "Ranking",
    "Regression",
    "Reranked",
    "SpaceEvaluation",
    "evaluate_space",
    "evaluate_vectors",
]

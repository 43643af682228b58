"""Samples in, numbers out: what describes music without a model."""

from __future__ import annotations

from orpheus_fast.features.vectors import (
    CLASSICAL_LAYOUTS,
    ClassicalLayout,
    classical_columns,
    classical_vector,
)

__all__ = ["CLASSICAL_LAYOUTS", "ClassicalLayout", "classical_columns", "classical_vector"]

"""Samples in, numbers out: what describes music without a model."""

from __future__ import annotations

from orpheus_fast.features.front_ends import (
    ClapPadding,
    Precision,
    clap_log_mel,
    panns_log_mel,
    vggish_log_mel,
    wav2vec2_input,
    yamnet_log_mel,
)
from orpheus_fast.features.sound import (
    SOUND_DIM,
    SOUND_REVISION,
    SOUND_SAMPLE_RATE,
    SoundFamily,
    sound_families,
    sound_vector,
)
from orpheus_fast.features.vectors import (
    CLASSICAL_LAYOUTS,
    ClassicalLayout,
    classical_columns,
    classical_vector,
)

__all__ = [
    "CLASSICAL_LAYOUTS",
    "SOUND_DIM",
    "SOUND_REVISION",
    "SOUND_SAMPLE_RATE",
    "ClapPadding",
    "ClassicalLayout",
    "Precision",
    "SoundFamily",
    "clap_log_mel",
    "classical_columns",
    "classical_vector",
    "panns_log_mel",
    "sound_families",
    "sound_vector",
    "vggish_log_mel",
    "wav2vec2_input",
    "yamnet_log_mel",
]

"""Samples in, numbers out: what describes music without a model."""

from __future__ import annotations

from orpheus_fast.features.chroma import chroma, chroma_stft, estimate_tuning
from orpheus_fast.features.front_ends import (
    ClapPadding,
    Precision,
    clap_log_mel,
    panns_log_mel,
    vggish_log_mel,
    wav2vec2_input,
    yamnet_log_mel,
)
from orpheus_fast.features.key import KEY_NAMES, Key, key
from orpheus_fast.features.loudness import Loudness, loudness
from orpheus_fast.features.onsets import onset_strength, tempogram
from orpheus_fast.features.rhythm import Beats, Tempo, beats, tempo
from orpheus_fast.features.sound import (
    SOUND_DIM,
    SOUND_REVISION,
    SOUND_SAMPLE_RATE,
    SoundFamily,
    sound_families,
    sound_vector,
)
from orpheus_fast.features.spectral import (
    bandwidth,
    rolloff,
    spectral_bandwidth,
    spectral_centroid,
    spectral_contrast,
    spectral_flatness,
    spectral_rolloff,
)
from orpheus_fast.features.spectrum import (
    amplitude_to_db,
    mel_spectrogram,
    melspectrogram,
    mfcc,
    power_to_db,
    stft,
)
from orpheus_fast.features.vectors import (
    CLASSICAL_LAYOUTS,
    ClassicalLayout,
    classical_columns,
    classical_vector,
)
from orpheus_fast.features.waveform import rms, zero_crossing_rate

__all__ = [
    "CLASSICAL_LAYOUTS",
    "KEY_NAMES",
    "SOUND_DIM",
    "SOUND_REVISION",
    "SOUND_SAMPLE_RATE",
    "Beats",
    "ClapPadding",
    "ClassicalLayout",
    "Key",
    "Loudness",
    "Precision",
    "SoundFamily",
    "Tempo",
    "amplitude_to_db",
    "bandwidth",
    "beats",
    "chroma",
    "chroma_stft",
    "clap_log_mel",
    "classical_columns",
    "classical_vector",
    "estimate_tuning",
    "key",
    "loudness",
    "mel_spectrogram",
    "melspectrogram",
    "mfcc",
    "onset_strength",
    "panns_log_mel",
    "power_to_db",
    "rms",
    "rolloff",
    "sound_families",
    "sound_vector",
    "spectral_bandwidth",
    "spectral_centroid",
    "spectral_contrast",
    "spectral_flatness",
    "spectral_rolloff",
    "stft",
    "tempo",
    "tempogram",
    "vggish_log_mel",
    "wav2vec2_input",
    "yamnet_log_mel",
    "zero_crossing_rate",
]

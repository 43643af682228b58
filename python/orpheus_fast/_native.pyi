# Types of what Rust gives to Python. Every argument is given; defaults and documentation live in the callers.

import os
from collections.abc import Callable, Sequence
from typing import Literal, TypeAlias, final

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "TrackLoader",
    "VectorIndex",
    "__version__",
    "add_to_index",
    "add_vectors",
    "build_index",
    "chroma",
    "classical_columns",
    "classical_vectors",
    "close_index",
    "column_statistics",
    "compact_index",
    "copy_index",
    "decibels",
    "decode_track",
    "describe_index",
    "estimate_key",
    "estimate_tempo",
    "estimate_tempo_of",
    "estimate_tuning",
    "fallback_versions",
    "flush_index",
    "forget_lock_in_child",
    "front_end_rows",
    "inverse_norms",
    "likely_tempo",
    "measure_loudness",
    "mel_spectrogram",
    "mfcc",
    "onset_strength",
    "onset_strength_of",
    "pending_updates",
    "read_tags",
    "remove_vectors",
    "resample_rows",
    "resampled_length",
    "rms_of_magnitudes",
    "rms_of_samples",
    "search_rows",
    "set_fallback",
    "sound_families",
    "sound_space",
    "sound_statistics",
    "sound_vectors",
    "spectral_bandwidth",
    "spectral_centroid",
    "spectral_contrast",
    "spectral_flatness",
    "spectral_rolloff",
    "standardise_rows",
    "stft",
    "tempogram",
    "track_beats",
    "window_values",
    "write_flat",
    "zero_crossing_rate",
]

__version__: str

_F32: TypeAlias = NDArray[np.float32]
_F64: TypeAlias = NDArray[np.float64]
_I64: TypeAlias = NDArray[np.int64]
_Path: TypeAlias = str | os.PathLike[str]
_Progress: TypeAlias = Callable[[str, int, int], object] | None

# (kind, dim, ntotal, metric, is_trained, settings, parts)
_Description: TypeAlias = tuple[
    str, int, int, Literal["inner_product", "l2"], bool, dict[str, float], dict[str, _Description]
]
# (container, codec, sample_rate, n_channels, n_samples)
_InfoParts: TypeAlias = tuple[str, str, int, int, int | None]
# (status, kind, message, seconds_sound, seconds_lost)
_OutcomeParts: TypeAlias = tuple[str, str, str, float, float]
# (sample_rate, placement, window_seconds, hop_seconds, pad_threshold, max_windows, front_end)
_TapParts: TypeAlias = tuple[int, str, float, float, float, int | None, str | None]
# (max_bytes, max_seconds, max_decoded_samples, max_cpu_seconds)
_LimitParts: TypeAlias = tuple[int, float, int, float]
# (tap, buffer of the caller, rows, track, start_seconds, valid_samples, [(track, info, outcome)])
_BatchParts: TypeAlias = tuple[
    int, int | None, _F32, _I64, _F64, _I64, list[tuple[int, _InfoParts | None, _OutcomeParts]]
]
# ((title, artist, album, album_artist, date), (artists, album_artists, genres, kinds, problems),
#  (year, track_number, track_total, disc_number, disc_total),
#  (recording, track, release, release group, artists, album artists),
#  (track_gain_db, track_peak, album_gain_db, album_peak), stated_seconds)
_Text: TypeAlias = str | None
_Number: TypeAlias = int | None
_Gain: TypeAlias = float | None
_TagParts: TypeAlias = tuple[
    tuple[_Text, _Text, _Text, _Text, _Text],
    tuple[list[str], list[str], list[str], list[str], list[str]],
    tuple[_Number, _Number, _Number, _Number, _Number],
    tuple[_Text, _Text, _Text, _Text, list[str], list[str]],
    tuple[_Gain, _Gain, _Gain, _Gain],
    float | None,
]

def decode_track(
    track: tuple[bool, bytes],
    stretch: tuple[float, float | None],
    shape: tuple[int | None, bool, str],
    limit_parts: _LimitParts,
) -> tuple[_F32, int, _InfoParts, _OutcomeParts]: ...
def read_tags(track: tuple[bool, bytes], max_bytes: int) -> _TagParts: ...

@final
class TrackLoader:
    def __new__(
        cls,
        taps: Sequence[_TapParts],
        options: tuple[int, int, bool, str],
        limit_parts: _LimitParts,
        out: Sequence[Sequence[_F32]] | None,
    ) -> TrackLoader: ...
    def push(self, parts: tuple[bool, bytes]) -> None: ...
    def push_failed(self, message: str) -> None: ...
    def seal(self) -> None: ...
    def appetite(self) -> int: ...
    def next_batch(self) -> tuple[bool, _BatchParts | None]: ...
    def close(self) -> None: ...
    def stage_seconds(self) -> tuple[float, float, float]: ...

# (program, arguments, silence_seconds, idle_seconds)
def set_fallback(worker: tuple[_Path, Sequence[str], float, float] | None) -> None: ...
def fallback_versions() -> str | None: ...

# What is allowed, and what is shut out: ids, or one byte per vector.
_FilterParts: TypeAlias = tuple[_I64 | NDArray[np.uint8] | None, _I64 | NDArray[np.uint8] | None]

# (n_threads, nprobe, ef_search, exact)
_SearchNumbers: TypeAlias = tuple[int, int | None, int | None, bool | None]

@final
class VectorIndex:
    def __new__(cls, path: _Path, codes: str) -> VectorIndex: ...
    def accelerate(self, n_threads: int) -> None: ...
    @property
    def has_codes(self) -> bool: ...
    @property
    def ntotal(self) -> int: ...
    @property
    def dim(self) -> int: ...
    @property
    def metric(self) -> Literal["inner_product", "l2"]: ...
    @property
    def kind(self) -> str: ...
    def search(self, queries: _F32, k: int, filters: _FilterParts, options: _SearchNumbers) -> tuple[_F32, _I64]: ...
    def find(self, queries: object, k: object) -> tuple[_F32, _I64] | None: ...
    def range_search(
        self, queries: _F32, radius: float, filters: _FilterParts, options: _SearchNumbers
    ) -> tuple[_I64, _F32, _I64]: ...
    def reconstruct(self, number: int) -> _F32: ...
    def ids(self) -> _I64: ...

def resampled_length(n_samples: int, from_hz: int, to_hz: int) -> int: ...
def resample_rows(samples: _F32, output: _F32, from_hz: int, to_hz: int, quality_name: str) -> None: ...
def search_rows(
    matrix: _F32,
    queries: _F32,
    allow: _I64 | NDArray[np.uint8] | None,
    inverse_norms: _F32 | None,
    options: tuple[int, str, int],
) -> tuple[_F32, _I64]: ...
def inverse_norms(matrix: _F32) -> _F32: ...
def copy_index(source: _Path, target: _Path) -> None: ...
def describe_index(path: _Path) -> _Description: ...
def write_flat(path: _Path, vectors: _F32, ids: _I64 | None, metric: str) -> None: ...

# kind: a name, (nlist, n_iterations, sample_per_list) or (m, ef_construction)
# options: (n_threads, seed, progress)
def build_index(
    path: _Path,
    vectors: _F32,
    ids: _I64 | None,
    plan: tuple[str | tuple[int | None, int, int] | tuple[int, int], str],
    options: tuple[int, int, _Progress],
) -> None: ...
def add_to_index(
    path: _Path, target: _Path, vectors: _F32, ids: _I64 | None, options: tuple[int, int, _Progress]
) -> None: ...

# options: (replace, sync); what comes last is how many bytes of a broken update were cut off
def add_vectors(
    index: VectorIndex, vectors: _F32, ids: _I64 | None, options: tuple[bool, bool]
) -> tuple[_I64, int]: ...
def remove_vectors(index: VectorIndex, ids: _I64, sync: bool) -> tuple[int, int]: ...

# options: (n_threads, seed, progress)
def compact_index(index: VectorIndex, options: tuple[int, int, _Progress]) -> tuple[bool, int]: ...
def flush_index(index: VectorIndex) -> None: ...
def close_index(index: VectorIndex) -> None: ...

# (added, removed, whether the lock is held)
def pending_updates(index: VectorIndex) -> tuple[int, int, bool]: ...
def forget_lock_in_child(index: VectorIndex) -> None: ...
def column_statistics(matrix: _F32, selected: _I64 | None) -> tuple[_F64, _F64]: ...
def standardise_rows(matrix: _F32, mean: _F64, scale: _F64) -> _F32: ...

# parts: (front end, padding, whether in float64)
def front_end_rows(
    windows: _F32, valid_samples: _I64 | None, sample_rate: int, parts: tuple[str, str, bool]
) -> _F32: ...
def classical_vectors(windows: _F32, sample_rate: int, layout: str) -> _F32: ...
def sound_vectors(windows: _F32) -> _F32: ...
def sound_statistics(samples: _F32) -> _F32: ...
def sound_families() -> list[tuple[str, int, int, float]]: ...
def sound_space() -> tuple[int, int, str]: ...
def classical_columns(layout: str) -> list[str]: ...

_Floats: TypeAlias = _F32 | _F64
# (n_fft, hop_length, window, pad_mode, precision)
_TransformParts: TypeAlias = tuple[int, int, _F64, str | None, str]
# Signals with their transform, or spectrograms.
_Spectra: TypeAlias = tuple[_F32, _TransformParts] | _Floats
# (frame_length, hop_length, pad_mode)
_FramesParts: TypeAlias = tuple[int, int, str | None]
# (sr, n_fft, power, n_mels, fmin, fmax, htk, slaney_norm)
_MelParts: TypeAlias = tuple[float, int, float, int, float, float, bool, bool]
# (sr, fmin, n_bands, quantile, linear)
_ContrastParts: TypeAlias = tuple[float, float, int, float, bool]
# (sr, n_fft, n_chroma, tuning, ctroct, octwidth, base_c, norm)
_ChromaParts: TypeAlias = tuple[float, int, int, float | None, float, float | None, bool, float | None]
# (sr, n_fft, bins_per_octave, resolution, fmin, fmax, threshold)
_TuningParts: TypeAlias = tuple[float, int, int, float, float, float, float]

def window_values(name: str, parameter: float | None, length: int) -> _F64: ...
def stft(y: _F32, transform: _TransformParts) -> _Floats: ...
def mel_spectrogram(spectra: _Spectra, mel: _MelParts) -> _Floats: ...
def mfcc(spectra: _Spectra, mel: _MelParts, n_mfcc: int, ortho: bool, lifter: float) -> _Floats: ...
def decibels(values: _Floats, reference: float, amin: float, top_db: float | None, squared: bool) -> _Floats: ...
def spectral_centroid(spectra: _Spectra, frequencies: _F64) -> _Floats: ...
def spectral_bandwidth(
    spectra: _Spectra, frequencies: _F64, centroids: _F64 | None, normalize: bool, p: float
) -> _Floats: ...
def spectral_rolloff(spectra: _Spectra, frequencies: _F64, share: float) -> _Floats: ...
def spectral_flatness(spectra: _Spectra, amin: float, power: float) -> _Floats: ...
def spectral_contrast(spectra: _Spectra, frequencies: _F64, options: _ContrastParts) -> _Floats: ...
def rms_of_samples(y: _F32, frames: _FramesParts, precision_name: str) -> _Floats: ...
def rms_of_magnitudes(spectra: _Spectra, frame_length: int) -> _Floats: ...
def zero_crossing_rate(y: _F32, frames: _FramesParts, threshold: float, pad: bool, zero_is_positive: bool) -> _F32: ...
def chroma(spectra: _Spectra, options: _ChromaParts) -> _Floats: ...
def estimate_tuning(spectra: _Spectra, options: _TuningParts) -> float: ...

# (sample_rate, n_fft, hop_length, n_mels, fmin, fmax)
_BandParts: TypeAlias = tuple[float, int, int, int, float, float]
# (lag, max_size, detrend, center, aggregate)
_RiseParts: TypeAlias = tuple[int, int, bool, bool, str]
# (start_bpm, std_bpm, max_tempo)
_PriorParts: TypeAlias = tuple[float, float, float]

def onset_strength(samples: _F32, bands: _BandParts, rise: _RiseParts) -> _F32: ...
def onset_strength_of(levels: _F32, reference: _F32 | None, bands: _BandParts, rise: _RiseParts) -> _F32: ...
def tempogram(strength: _F32, window: Sequence[float], center: bool, norm: float | None) -> _F32: ...
def likely_tempo(strength: _F32, rates: tuple[float, int, float], prior_parts: _PriorParts) -> float: ...
def estimate_tempo(samples: _F32, sample_rate: float, prior_parts: _PriorParts) -> tuple[float, float]: ...
def estimate_tempo_of(strength: _F32, frame_rate: float, prior_parts: _PriorParts) -> tuple[float, float]: ...
def track_beats(strength: _F32, frame_rate: float, bpm: float, tightness: float, trim: bool) -> _I64: ...
def estimate_key(samples: _F32, sample_rate: int) -> tuple[int | None, Sequence[float], Sequence[float], float]: ...
def measure_loudness(
    samples: _F32, sample_rate: int, weights: Sequence[float] | None
) -> tuple[float, float, float, float, float, float]: ...

# Types of what Rust gives to Python. Every argument is given; defaults and documentation live in the callers.

import os
from collections.abc import Sequence
from typing import Literal, TypeAlias, final

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "FlatIndex",
    "TrackLoader",
    "__version__",
    "classical_columns",
    "classical_vectors",
    "column_statistics",
    "decode_track",
    "fallback_versions",
    "front_end_rows",
    "inverse_norms",
    "read_tags",
    "resample_rows",
    "resampled_length",
    "search_rows",
    "set_fallback",
    "sound_families",
    "sound_space",
    "sound_statistics",
    "sound_vectors",
    "standardise_rows",
    "write_flat",
]

__version__: str

_F32: TypeAlias = NDArray[np.float32]
_F64: TypeAlias = NDArray[np.float64]
_I64: TypeAlias = NDArray[np.int64]
_Path: TypeAlias = str | os.PathLike[str]

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

@final
class FlatIndex:
    def __new__(cls, path: _Path) -> FlatIndex: ...
    @property
    def ntotal(self) -> int: ...
    @property
    def dim(self) -> int: ...
    @property
    def metric(self) -> Literal["inner_product", "l2"]: ...
    @property
    def kind(self) -> str: ...
    def search(
        self, queries: _F32, k: int, allow: _I64 | NDArray[np.uint8] | None, n_threads: int
    ) -> tuple[_F32, _I64]: ...
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
def write_flat(path: _Path, vectors: _F32, ids: _I64 | None, metric: str) -> None: ...
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

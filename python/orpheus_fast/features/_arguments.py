"""What the frame-by-frame features have in common: librosa's arguments in, what `_native` accepts out."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from numbers import Real
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from orpheus_fast import _native
from orpheus_fast.errors import ParameterError, ShapeError
from orpheus_fast.features.front_ends import Precision

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, DTypeLike, NDArray

__all__ = ["Floats", "PadMode", "Precision", "Spectra", "Window", "count", "frames", "number", "signals", "spectra"]

PadMode: TypeAlias = Literal["constant", "edge", "reflect"]
"""What frames see beyond the ends of a signal; the names are NumPy's."""

Window: TypeAlias = "str | float | tuple[str, float] | Sequence[float] | NDArray[Any] | Callable[[int], ArrayLike]"
"""A window by name, by name and parameter, as values, or as a function of its length."""

Floats: TypeAlias = "NDArray[np.float32] | NDArray[np.float64]"
"""Results: float32, or float64 where `precision` is `reference`."""

_DTYPES: dict[str, Any] = {"fast": np.float32, "reference": np.float64}
_LAST_COUNT = 2**62


def number(name: str, value: float, *, expected: str = "a finite number") -> float:
    """Return a finite number as a float."""
    result = float(value)
    if not np.isfinite(result):
        message = f"{name} is {value}, expected {expected}"
        raise ParameterError(message)
    return result


def sample_rate(sr: float) -> float:
    """Return a rate in Hz, which need not be a whole number."""
    rate = number("sr", sr, expected="a positive number")
    if rate <= 0:
        message = f"sr is {sr}, expected a positive number"
        raise ParameterError(message)
    return rate


def count(name: str, value: int) -> int:
    """Return a count that is at least 1 and fits the native type."""
    result = operator.index(value)
    if not 1 <= result <= _LAST_COUNT:
        message = f"{name} is {result}, expected at least 1"
        raise ParameterError(message)
    return result


def dtype_of(precision: Precision) -> Any:  # noqa: ANN401 -- NumPy's own type for it takes any two
    """Return the type that a precision computes in."""
    if precision not in _DTYPES:
        message = f'precision is {precision!r}, expected "fast" or "reference"'
        raise ParameterError(message)
    return _DTYPES[precision]


def floats(name: str, values: ArrayLike, dtype: DTypeLike, *, n_dims: int) -> NDArray[Any]:
    """Return real numbers of at least `n_dims` dimensions as a C-contiguous array."""
    array = np.asarray(values)
    if array.dtype.kind == "c":
        message = f"{name} holds complex numbers, expected real ones: pass np.abs({name})"
        raise ShapeError(message)
    if array.dtype.kind not in "fiub":
        message = f"{name} has dtype {array.dtype}, expected real numbers such as float32"
        raise ShapeError(message)
    if array.ndim < n_dims:
        message = f"{name} has shape {array.shape}, expected at least {n_dims} dimension(s)"
        raise ShapeError(message)
    # What float32 cannot hold becomes infinite, and is refused as such.
    with np.errstate(over="ignore"):
        return np.asarray(array, dtype=dtype, order="C")


def signals(y: ArrayLike) -> tuple[NDArray[np.float32], tuple[int, ...]]:
    """Return samples as a matrix, one signal per row, and the dimensions that were folded."""
    samples = floats("y", y, np.float32, n_dims=1)
    lead = samples.shape[:-1]
    return samples.reshape(int(np.prod(lead)), samples.shape[-1]), lead


def frames(frame_length: int, hop_length: int, *, center: bool, pad_mode: str) -> tuple[int, int, str | None]:
    """Return what `_native` calls frames: those that are not centred have no pad mode."""
    return count("frame_length", frame_length), count("hop_length", hop_length), pad_mode if center else None


def transform(
    n_fft: int,
    hop_length: int | None,
    win_length: int | None,
    window: Window,
    *,
    center: bool,
    pad_mode: str,
    precision: Precision,
) -> tuple[int, int, NDArray[np.float64], str | None, str]:
    """Return what `_native` calls a transform."""
    n_fft = count("n_fft", n_fft)
    win_length = n_fft if win_length is None else count("win_length", win_length)
    if win_length > n_fft:
        message = f"win_length is {win_length}, expected 1 to n_fft ({n_fft})"
        raise ParameterError(message)
    hop_length = win_length // 4 if hop_length is None else operator.index(hop_length)
    dtype_of(precision)
    hop_length = count("hop_length", hop_length)
    return n_fft, hop_length, window_values(window, win_length), pad_mode if center else None, precision


def window_values(window: Window, length: int) -> NDArray[np.float64]:
    """Return the values of a window."""
    if isinstance(window, str):
        return _named_window(window, None, length)
    if isinstance(window, Real):
        # A number alone is the parameter of a Kaiser window, as in SciPy.
        return _named_window("kaiser", float(window), length)
    if isinstance(window, tuple) and window and isinstance(window[0], str):
        name, *parameters = window
        if len(parameters) > 1:
            message = f"window is {window!r}, expected a name with at most one parameter"
            raise ParameterError(message)
        return _named_window(name, number("window", parameters[0]) if parameters else None, length)
    values = window(length) if callable(window) else window
    array = floats("window", values, np.float64, n_dims=1)
    if array.shape != (length,):
        message = f"window has shape {array.shape}, expected (win_length,), which is ({length},)"
        raise ShapeError(message)
    return array


@lru_cache(maxsize=32)
def _named_window(name: str, parameter: float | None, length: int) -> NDArray[np.float64]:
    values = _native.window_values(name, parameter, length)
    values.flags.writeable = False
    return values


@dataclass(frozen=True)
class Spectra:
    """Signals with how to transform them, or spectrograms that are there already."""

    native: Any
    """What `_native` takes."""
    lead: tuple[int, ...]
    """Dimensions before rows and frames."""
    n_fft: int
    """Samples of a frame."""
    n_bins: int
    """Rows of a spectrogram."""

    def unfold(self, table: Floats) -> Floats:
        """Give a table `(n_signals, n_lines, n_frames)` its dimensions back."""
        return table.reshape(self.lead + table.shape[1:])

    def frequencies(self, sr: float, freq: ArrayLike | None) -> NDArray[np.float64]:
        """Return the frequency of each bin, in Hz."""
        if freq is None:
            return np.asarray(np.fft.rfftfreq(self.n_fft, 1.0 / sample_rate(sr)), dtype=np.float64)
        values = floats("freq", freq, np.float64, n_dims=1)
        if values.shape != (self.n_bins,):
            message = f"freq has shape {values.shape}, expected one frequency per bin, ({self.n_bins},)"
            raise ShapeError(message)
        return values


def spectra(
    y: ArrayLike | None,
    s: ArrayLike | None,
    n_fft: int,
    hop_length: int | None,
    win_length: int | None,
    window: Window,
    *,
    center: bool,
    pad_mode: str,
    precision: Precision,
) -> Spectra:
    """Take signals or a spectrogram; where both are given, the spectrogram counts, as in librosa."""
    if s is not None:
        values = floats("S", s, dtype_of(precision), n_dims=2)
        *lead, n_bins, n_frames = values.shape
        if n_fft // 2 + 1 != n_bins:
            n_fft = 2 * (n_bins - 1)
        if not n_bins or not n_frames:
            message = f"S has shape {values.shape}, expected at least one bin and one frame"
            raise ShapeError(message)
        native = values.reshape(int(np.prod(lead)), n_bins, n_frames)
        return Spectra(native, tuple(lead), n_fft, n_bins)
    if y is None:
        message = "y and S are None, expected one of them"
        raise ParameterError(message)
    options = transform(n_fft, hop_length, win_length, window, center=center, pad_mode=pad_mode, precision=precision)
    samples, leading = signals(y)
    return Spectra((samples, options), leading, options[0], options[0] // 2 + 1)

"""What makes two vectors comparable, written down and hashed."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, fields
from hashlib import blake2b
from typing import Any, Final

from orpheus_fast.errors import LibraryFormatError, ParameterError, UnknownSpaceError
from orpheus_fast.features import SOUND_DIM, SOUND_REVISION, SOUND_SAMPLE_RATE

__all__ = ["BUILT_IN", "METRICS", "POLICIES", "POOLINGS", "SpaceSpec", "built_in", "space_id_of"]

POLICIES: Final = ("whole", "center", "evenly", "every")
POOLINGS: Final = ("mean",)
METRICS: Final = ("cosine", "inner_product", "l2")

# A space's name is also a file name and a word on the command line.
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}", re.ASCII)
_MAX_DIM: Final = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class SpaceSpec:
    """Everything that two vectors must share before their distance means something.

    Fields left at `None` do not enter the id, so a field added to this class
    later leaves the ids of existing spaces alone.

    Parameters
    ----------
    name : str
        What people call the space: lower-case letters, digits, `-` and `_`.
    model : str
        What turns windows into vectors.
    revision : str
        Hash of the model's weights, or the version of the code that computes the
        numbers: it changes when, and only when, the numbers do.
    sample_rate : int > 0
        Rate of the windows, Hz.
    dim : int > 0
        Values per vector.
    policy : {'every', 'evenly', 'center', 'whole'}
        Which windows represent a track.
    window_seconds, hop_seconds : float > 0, optional
        Length of a window, and from one start to the next. Not for `whole`.
    pad_threshold : float in [0, 1], optional
        A tail shorter than `pad_threshold` x window is dropped, otherwise padded.
    max_windows : int > 0, optional
        At most so many windows per track.
    pooling : {'mean'}
        How the windows of a track become one vector.
    metric : {'cosine', 'inner_product', 'l2'}
        How vectors are compared.
    standardise : bool
        Whether each value is brought to mean 0 and deviation 1 over the library
        before comparing. What is stored are the values as computed.
    layer : int, optional
        Layer of the model that the vector is taken from.
    layout : str, optional
        Order and choice of the values, where a model offers several.
    front_end : str, optional
        What computes the model's input from samples.

    Examples
    --------
    >>> built_in("classical").space_id.startswith("classical-")
    True
    """

    name: str
    model: str
    revision: str
    sample_rate: int
    dim: int
    policy: str = "every"
    window_seconds: float | None = None
    hop_seconds: float | None = None
    pad_threshold: float | None = None
    max_windows: int | None = None
    pooling: str = "mean"
    metric: str = "cosine"
    standardise: bool = False
    layer: int | None = None
    layout: str | None = None
    front_end: str | None = None

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            message = f"space name {self.name!r} is not 1 to 64 lower-case letters, digits, '-' or '_'"
            raise ParameterError(message)
        _check_choice("policy", self.policy, POLICIES)
        _check_choice("pooling", self.pooling, POOLINGS)
        _check_choice("metric", self.metric, METRICS)
        _check_count("sample_rate", self.sample_rate)
        _check_count("dim", self.dim, _MAX_DIM)
        if self.max_windows is not None:
            _check_count("max_windows", self.max_windows)
        self._make_floats()
        if self.pad_threshold is not None and not 0.0 <= self.pad_threshold <= 1.0:
            message = f"pad_threshold is {self.pad_threshold}, expected 0 to 1"
            raise ParameterError(message)
        self._check_window()

    def _make_floats(self) -> None:
        # 5 and 5.0 seconds are one space, so they must be one text in `config`.
        for name in ("window_seconds", "hop_seconds", "pad_threshold"):
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, float(value))

    def _check_window(self) -> None:
        if self.policy == "whole":
            return
        for name in ("window_seconds", "hop_seconds"):
            seconds = getattr(self, name)
            if seconds is None and name == "hop_seconds" and self.policy != "every":
                continue
            if seconds is None or not math.isfinite(seconds) or seconds <= 0:
                message = f"{name} is {seconds}, expected a positive number of seconds for policy {self.policy!r}"
                raise ParameterError(message)

    @property
    def config(self) -> str:
        """Canonical JSON of everything but the name: sorted keys, no spaces, no `None`."""
        values = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "name"}
        present = {key: value for key, value in values.items() if value is not None}
        return json.dumps(present, sort_keys=True, separators=(",", ":"), allow_nan=False)

    @property
    def space_id(self) -> str:
        """Name and hash of the rest; stored vectors under another id are stale."""
        return space_id_of(self.name, self.config)

    @classmethod
    def from_config(cls, name: str, config: str) -> SpaceSpec:
        """Build the space that `config` was written from.

        Raises
        ------
        LibraryFormatError
            If `config` is not what this version would write: another version did.
        """
        try:
            values: dict[str, Any] = json.loads(config)
            spec = cls(name=name, **values)
        except (TypeError, ValueError, RecursionError) as error:
            message = f"space {name!r} is described in a way that this version does not know: {error}"
            raise LibraryFormatError(message) from None
        return spec


def space_id_of(name: str, config: str) -> str:
    """Return the id of the space that is called `name` and described by the text `config`."""
    return f"{name}-{blake2b(config.encode('utf-8', 'backslashreplace'), digest_size=6).hexdigest()}"


def _check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        message = f"{name} is {value!r}, expected one of {', '.join(choices)}"
        raise ParameterError(message)


def _check_count(name: str, value: int, most: int = 2**31 - 1) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
        message = f"{name} is {value!r}, expected a whole number from 1 to {most}"
        raise ParameterError(message)


def _classical(name: str, layout: str, dim: int) -> SpaceSpec:
    # The study pads a tail only when less than 5 % of the window is missing.
    return SpaceSpec(
        name=name,
        model="classical",
        revision="1",
        sample_rate=22_050,
        dim=dim,
        policy="every",
        window_seconds=5.0,
        hop_seconds=5.0,
        pad_threshold=0.95,
        metric="cosine",
        standardise=True,
        layout=layout,
    )


def _sound(name: str, *, standardise: bool) -> SpaceSpec:
    # Three windows tell a song's parts apart at a fraction of its decoding; a clip of 30 s is one window.
    return SpaceSpec(
        name=name,
        model="sound",
        revision=SOUND_REVISION,
        sample_rate=SOUND_SAMPLE_RATE,
        dim=SOUND_DIM,
        policy="evenly",
        window_seconds=30.0,
        pad_threshold=0.5,
        max_windows=3,
        metric="cosine",
        standardise=standardise,
    )


BUILT_IN: Final = {
    spec.name: spec
    for spec in (
        _sound("sound", standardise=False),
        _sound("sound-standardised", standardise=True),
        _classical("classical", "chroma12", 44),
        _classical("classical33", "chroma_mean", 33),
    )
}


def built_in(name: str) -> SpaceSpec:
    """Return the built-in space called `name`.

    Raises
    ------
    UnknownSpaceError
        If there is none of that name.
    """
    try:
        return BUILT_IN[name]
    except KeyError:
        message = f"unknown space {name!r}, expected one of {', '.join(BUILT_IN)}"
        raise UnknownSpaceError(message) from None

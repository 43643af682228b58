"""The demo collection: which pieces there are, and how they get onto disk."""

from __future__ import annotations

import csv
import io
import math
import os
import wave
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from orpheus_fast.demo import acoustic, electric
from orpheus_fast.demo.session import BEATS_PER_BAR, Session
from orpheus_fast.demo.synthesis import SAMPLE_RATE
from orpheus_fast.demo.theory import Key
from orpheus_fast.errors import ParameterError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy.typing as npt

    from orpheus_fast.demo.synthesis import Sound
    from orpheus_fast.demo.theory import Chord

__all__ = ["PIECES", "STYLES", "Piece", "Rendered", "Style", "render", "wav_bytes", "write_collection"]

LABELS_NAME = "pieces.csv"
RING_OUT_SECONDS = 2.0


@dataclass(frozen=True)
class Style:
    """What the pieces of one style share.

    Attributes
    ----------
    name : str
        Also the name of the style's folder.
    arrange : callable
        Records the piece: who plays what.
    progressions : mapping of mode to sequence of str
        Roman numerals, one chord per bar, repeated to the length of the piece.
    room_seconds : float
        Reverberation time.
    peak : float
        Level of the loudest sample of the finished piece.
    drive : float
        Saturation of the sum; 0 leaves it clean.
    """

    name: str
    arrange: Callable[[Session, Key, Sequence[Chord]], None]
    progressions: Mapping[str, Sequence[str]]
    room_seconds: float
    peak: float
    drive: float = 0.0


@dataclass(frozen=True)
class Piece:
    """One track and everything that is known about it.

    Attributes
    ----------
    title, style, mood : str
    tempo_bpm : float
    key, mode : str
        Tonic (`C`, `Eb`, `F#` …) and `major` or `minor`.
    seed : int
        Everything that chance decides in the piece.
    min_seconds : float
        Music lasts at least this long, rounded up to an even number of bars, and rings out afterwards.
    """

    title: str
    style: str
    tempo_bpm: float
    key: str
    mode: str
    mood: str
    seed: int
    min_seconds: float = 18.5

    def __post_init__(self) -> None:
        if not (0 < self.tempo_bpm < math.inf and 0 < self.min_seconds < math.inf):
            msg = f"tempo_bpm is {self.tempo_bpm} and min_seconds {self.min_seconds}, expected positive numbers"
            raise ParameterError(msg)

    @property
    def n_bars(self) -> int:
        """Least even number of bars that lasts `min_seconds`."""
        return 2 * math.ceil(self.min_seconds * self.tempo_bpm / (60 * BEATS_PER_BAR * 2))

    @property
    def n_samples(self) -> int:
        """Length per channel, with the time the last chord rings out."""
        return round((self.n_bars * BEATS_PER_BAR * 60 / self.tempo_bpm + RING_OUT_SECONDS) * SAMPLE_RATE)


class Rendered(NamedTuple):
    """Samples, float32 `(2, n_samples)` within ±1, and their rate."""

    samples: Sound
    sample_rate: int


STYLES = (
    Style(
        "slow piano ballad",
        acoustic.piano_ballad,
        {"major": ("I V vi IV", "I iii IV V", "vi IV I V"), "minor": ("i VI III VII", "i iv VII III", "i VI iv V")},
        room_seconds=1.8,
        peak=0.60,
    ),
    Style(
        "ambient pad",
        acoustic.ambient_pad,
        {"major": ("Iadd9 vi IVmaj7 Vsus4", "Imaj7 iii IVadd9"), "minor": ("i VImaj7 iv VII", "iadd9 III VImaj7")},
        room_seconds=3.5,
        peak=0.45,
    ),
    Style(
        "techno",
        electric.techno,
        {"major": ("I I IV I", "I I vi IV"), "minor": ("i i i VI", "i i iv i", "i i VII VI")},
        room_seconds=1.2,
        peak=0.97,
        drive=1.6,
    ),
    Style(
        "drum and bass",
        electric.drum_and_bass,
        {"major": ("I I vi vi IV IV V V",), "minor": ("i i VI VI iv iv VII VII", "i i VII VII VI VI v v")},
        room_seconds=1.4,
        peak=0.97,
        drive=1.8,
    ),
    Style(
        "folk guitar",
        acoustic.folk_guitar,
        {"major": ("I IV I V", "I vi IV V", "I V IV I"), "minor": ("i VII VI VII", "i III VII iv")},
        room_seconds=0.9,
        peak=0.75,
    ),
    Style(
        "orchestral strings",
        acoustic.orchestral_strings,
        {"major": ("I V vi iii IV I ii V", "I IV V vi"), "minor": ("i iv V i VI iv V i", "i VI III VII")},
        room_seconds=2.4,
        peak=0.80,
    ),
    Style(
        "chiptune",
        electric.chiptune,
        {"major": ("I V vi IV", "IV V iii vi", "I vi IV V"), "minor": ("i VI VII i", "i VII VI V")},
        room_seconds=0.3,
        peak=0.70,
    ),
    Style(
        "funk",
        electric.funk,
        {"major": ("I7 I7 IV7 I7", "I9 IV9"), "minor": ("i7 i7 iv7 i7", "i9 IV9", "i7 VII")},
        room_seconds=0.6,
        peak=0.92,
        drive=1.2,
    ),
)

# Title, tempo in BPM, key, mode, mood; four for each style, in the order of STYLES.
SHEET = (
    (
        ("First Snow", 66, "C", "major", "tender"),
        ("Letters Never Sent", 62, "A", "minor", "melancholic"),
        ("The Empty Ballroom", 70, "E", "minor", "wistful"),
        ("Lamp in the Window", 68, "Eb", "major", "warm"),
    ),
    (
        ("Tide Pools", 54, "D", "major", "calm"),
        ("Aurora", 50, "F", "minor", "mysterious"),
        ("Glass Horizon", 57, "A", "major", "serene"),
        ("Deep Field", 52, "C", "minor", "dark"),
    ),
    (
        ("Concrete Echo", 128, "A", "minor", "driving"),
        ("Night Shift", 132, "F", "minor", "dark"),
        ("Voltage", 126, "D", "minor", "hypnotic"),
        ("Sunrise on the Roof", 124, "G", "major", "euphoric"),
    ),
    (
        ("Last Tram", 174, "E", "minor", "restless"),
        ("Undertow", 172, "G", "minor", "dark"),
        ("Paper Tigers", 176, "C", "minor", "tense"),
        ("Skyline", 170, "F", "major", "uplifting"),
    ),
    (
        ("Orchard Road", 100, "G", "major", "cheerful"),
        ("The Ferryman", 92, "D", "minor", "wistful"),
        ("Bread and Honey", 106, "C", "major", "warm"),
        ("Barefoot in June", 96, "A", "major", "content"),
    ),
    (
        ("Coronation", 88, "D", "major", "majestic"),
        ("The Long Siege", 84, "G", "minor", "tragic"),
        ("Over the Mountains", 92, "Bb", "major", "heroic"),
        ("Winter Court", 80, "C", "minor", "solemn"),
    ),
    (
        ("Pixel Parade", 150, "C", "major", "playful"),
        ("Lava Level", 160, "E", "minor", "frantic"),
        ("Save Point", 140, "F", "major", "happy"),
        ("Boss at the Gate", 156, "A", "minor", "tense"),
    ),
    (
        ("Sidewalk Strut", 104, "E", "minor", "groovy"),
        ("Butter and Brass", 108, "Bb", "major", "sunny"),
        ("Corner Store", 100, "A", "minor", "cool"),
        ("Saturday Shoes", 112, "F", "major", "exuberant"),
    ),
)

PIECES = tuple(
    Piece(title, style.name, tempo, key, mode, mood, seed=100 * (i + 1) + j)
    for i, (style, rows) in enumerate(zip(STYLES, SHEET, strict=True))
    for j, (title, tempo, key, mode, mood) in enumerate(rows)
)


def render(piece: Piece) -> Rendered:
    """Play a piece.

    The same piece gives the same samples every time; two pieces that differ only in `seed` are two songs.

    Returns
    -------
    samples : float32 (2, n_samples)
        Within ±1.
    sample_rate : int
    """
    style = next((style for style in STYLES if style.name == piece.style), None)
    if style is None:
        msg = f"unknown style {piece.style!r}; there are: {', '.join(style.name for style in STYLES)}"
        raise ParameterError(msg)
    key = Key(piece.key, piece.mode)
    session = Session(piece.tempo_bpm, piece.n_samples, piece.seed)
    progressions = style.progressions[piece.mode]
    numerals = progressions[int(session.rng.integers(len(progressions)))].split()
    tonic = "I" if piece.mode == "major" else "i"
    numerals = [numerals[bar % len(numerals)] for bar in range(piece.n_bars - 1)] + [tonic]
    style.arrange(session, key, [key.chord(numeral) for numeral in numerals])
    samples = session.master(room_seconds=style.room_seconds, peak=style.peak, drive=style.drive)
    return Rendered(samples, SAMPLE_RATE)


def write_collection(folder: str | os.PathLike[str], n_pieces: int | None = None) -> list[Path]:
    """Write the collection as 16-bit WAV files, one folder per style, with `pieces.csv` beside them.

    A file that is already there in full is left as it is, so an interrupted call goes on where it stopped. A file
    appears under its name only when it is complete.

    Parameters
    ----------
    folder : path
        Made if it does not exist.
    n_pieces : int, 1 to len(PIECES), optional
        Write only the first so many of `PIECES`, which come style by style. Default: all.

    Returns
    -------
    list of Path
        The audio files, in the order of `PIECES`.

    Examples
    --------
    >>> write_collection("demo-music")  # doctest: +SKIP
    """
    n_pieces = len(PIECES) if n_pieces is None else n_pieces
    if not 1 <= n_pieces <= len(PIECES):
        msg = f"n_pieces is {n_pieces}, expected 1 to {len(PIECES)}"
        raise ParameterError(msg)
    root = Path(folder)
    paths = [_path_of(piece, root) for piece in PIECES]
    for piece, path in zip(PIECES[:n_pieces], paths, strict=False):
        path.parent.mkdir(parents=True, exist_ok=True)
        if not _is_complete(path, piece):
            _write_whole(path, wav_bytes(*render(piece)))
    _write_whole(root / LABELS_NAME, _labels(root, paths))
    return paths[:n_pieces]


def _path_of(piece: Piece, root: Path) -> Path:
    number = 1 + [other for other in PIECES if other.style == piece.style].index(piece)
    return root / piece.style / f"{number:02d} - {piece.title}.wav"


def _is_complete(path: Path, piece: Piece) -> bool:
    header_and_samples = len(wav_bytes(np.zeros((2, 0), dtype=np.float32), SAMPLE_RATE)) + 4 * piece.n_samples
    return path.is_file() and path.stat().st_size == header_and_samples


def wav_bytes(samples: Sound, sample_rate: int) -> bytes:
    """Return a 16-bit WAV file with these samples, shape (n_channels, n_samples) within ±1."""
    frames: npt.NDArray[np.int16] = np.rint(samples.T * np.float32(32767)).astype("<i2")
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(samples.shape[0])
        file.setsampwidth(2)
        file.setframerate(sample_rate)
        file.writeframes(frames.tobytes())
    return buffer.getvalue()


def _labels(root: Path, paths: Sequence[Path]) -> bytes:
    """List every piece that is on disk, whichever call wrote it."""
    text = io.StringIO(newline="")
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["path", "title", "style", "tempo_bpm", "key", "mode", "mood"])
    for piece, path in zip(PIECES, paths, strict=True):
        if _is_complete(path, piece):
            relative = path.relative_to(root).as_posix()
            table.writerow([relative, piece.title, piece.style, piece.tempo_bpm, piece.key, piece.mode, piece.mood])
    return text.getvalue().encode()


def _write_whole(path: Path, data: bytes) -> None:
    """Write beside the final name and rename, so that nobody ever sees half a file."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        unfinished.write_bytes(data)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)

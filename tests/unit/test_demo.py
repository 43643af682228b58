"""The demo collection: the same every time, sound as files, and as music what its labels say."""

from __future__ import annotations

import csv
import hashlib
import math
import os
import subprocess
import sys
import wave
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import librosa
import numpy as np
import numpy.typing as npt
import pytest

from orpheus_fast.demo import PIECES, STYLES, Piece, Style, render, write_collection
from orpheus_fast.demo.theory import Key, melody, voice
from orpheus_fast.errors import ParameterError

if TYPE_CHECKING:
    from pathlib import Path

Floats = npt.NDArray[np.float32]

RHYTHMIC = ("techno", "drum and bass", "folk guitar", "chiptune", "funk")
ANALYSIS_RATE = 22_050
# How well each pitch class fits a key, tonic first (Krumhansl & Kessler 1982, probe-tone ratings).
KEY_PROFILES = {
    "major": (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88),
    "minor": (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17),
}


def named(piece: Piece) -> str:
    return piece.title


@pytest.fixture(scope="module")
def rendered() -> dict[Piece, Floats]:
    return {piece: render(piece).samples for piece in PIECES}


@pytest.fixture(scope="module")
def heard(rendered: dict[Piece, Floats]) -> dict[Piece, Floats]:
    """Mono at the rate of librosa's defaults."""
    mono = {piece: samples.mean(axis=0) for piece, samples in rendered.items()}
    return {piece: librosa.resample(y, orig_sr=44_100, target_sr=ANALYSIS_RATE) for piece, y in mono.items()}


def classical(y: Floats) -> Floats:
    """The study's 44 values of a track: means over 5-s windows, a short tail left out."""
    length = 5 * ANALYSIS_RATE
    starts = range(0, y.size - length + 1, length)
    return np.mean([classical_window(y[i : i + length]) for i in starts], axis=0, dtype=np.float32)


def classical_window(y: Floats) -> Floats:
    magnitude = np.abs(librosa.stft(y))
    mel_db = librosa.power_to_db(librosa.feature.melspectrogram(S=magnitude**2, sr=ANALYSIS_RATE))
    mfcc = librosa.feature.mfcc(S=mel_db, sr=ANALYSIS_RATE, n_mfcc=13)
    onset = librosa.onset.onset_strength(S=mel_db, sr=ANALYSIS_RATE, aggregate=np.median)
    tempo, _ = librosa.beat.beat_track(onset_envelope=onset, sr=ANALYSIS_RATE)
    of_spectrum = (
        librosa.feature.spectral_centroid(S=magnitude, sr=ANALYSIS_RATE),
        librosa.feature.spectral_bandwidth(S=magnitude, sr=ANALYSIS_RATE),
        librosa.feature.spectral_rolloff(S=magnitude, sr=ANALYSIS_RATE),
        librosa.feature.zero_crossing_rate(y),
    )
    scalars = [*(feature.mean() for feature in of_spectrum), float(np.squeeze(tempo)), np.mean(y**2)]
    chroma = librosa.feature.chroma_stft(S=magnitude**2, sr=ANALYSIS_RATE)
    return np.concatenate([mfcc.mean(axis=1), mfcc.var(axis=1), scalars, chroma.mean(axis=1)])


def digest(samples: Floats) -> str:
    return hashlib.sha256(samples.tobytes()).hexdigest()


# What there is.


def test_there_are_eight_styles_of_four_pieces_with_a_title_and_a_seed_each() -> None:
    assert Counter(piece.style for piece in PIECES) == {style.name: 4 for style in STYLES}
    assert len(STYLES) == 8
    assert len({piece.title for piece in PIECES}) == len({piece.seed for piece in PIECES}) == len(PIECES)


@pytest.mark.parametrize("style", STYLES, ids=lambda style: style.name)
def test_a_style_is_played_in_both_modes_and_several_keys(style: Style) -> None:
    pieces = [piece for piece in PIECES if piece.style == style.name]
    assert {piece.mode for piece in pieces} == {"major", "minor"}
    assert len({(piece.key, piece.mode) for piece in pieces}) == len(pieces)


# Sound.


@pytest.mark.parametrize("piece", PIECES, ids=named)
def test_a_piece_is_clean_stereo_of_twenty_to_thirty_seconds(piece: Piece, rendered: dict[Piece, Floats]) -> None:
    samples = rendered[piece]
    assert samples.dtype == np.float32
    assert samples.shape == (2, piece.n_samples)
    assert 20 <= samples.shape[1] / 44_100 <= 30
    assert np.isfinite(samples).all()
    assert np.abs(samples).max() < 0.98
    assert np.sqrt(np.mean(samples**2)) > 0.03
    assert not np.array_equal(samples[0], samples[1])


@pytest.mark.parametrize("piece", PIECES, ids=named)
def test_a_piece_starts_and_ends_without_a_click(piece: Piece, rendered: dict[Piece, Floats]) -> None:
    samples = rendered[piece]
    assert np.abs(samples[:, 0]).max() < 1e-3
    assert np.abs(samples[:, -1]).max() < 1e-3


def test_the_same_piece_gives_the_same_samples_twice(rendered: dict[Piece, Floats]) -> None:
    for piece in PIECES[::4]:
        assert digest(render(piece).samples) == digest(rendered[piece])


def test_another_process_with_other_hashes_gives_the_same_samples(rendered: dict[Piece, Floats]) -> None:
    program = (
        "import hashlib; from orpheus_fast.demo import PIECES, render; "
        "print(hashlib.sha256(render(PIECES[17]).samples.tobytes()).hexdigest())"
    )
    command = [sys.executable, "-c", program]
    found = subprocess.run(
        command, env={**os.environ, "PYTHONHASHSEED": "7"}, capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == digest(rendered[PIECES[17]])


def test_another_seed_is_another_song(rendered: dict[Piece, Floats]) -> None:
    piece = PIECES[16]
    other = render(replace(piece, seed=piece.seed + 1000)).samples
    assert other.shape == rendered[piece].shape
    assert np.abs(other - rendered[piece]).max() > 0.1


# Music.


@pytest.mark.parametrize("piece", [piece for piece in PIECES if piece.style in RHYTHMIC], ids=named)
def test_the_tempo_of_a_rhythmic_piece_is_heard(piece: Piece, heard: dict[Piece, Floats]) -> None:
    """Within 4 % (librosa's tempo bins are up to 6 % apart here), or an octave away, where a listener may tap too."""
    tempo, _ = librosa.beat.beat_track(y=heard[piece], sr=ANALYSIS_RATE)
    ratio = float(np.squeeze(tempo)) / piece.tempo_bpm
    assert min(abs(ratio / octave - 1) for octave in (0.5, 1.0, 2.0)) <= 0.04, f"heard {ratio * piece.tempo_bpm:.1f}"


@pytest.mark.parametrize("piece", PIECES, ids=named)
def test_the_key_of_a_piece_is_among_the_four_of_twenty_four_that_fit_it_best(
    piece: Piece, heard: dict[Piece, Floats]
) -> None:
    """The relative key, the parallel key and the dominant share most of its notes."""
    chroma = librosa.feature.chroma_stft(y=heard[piece], sr=ANALYSIS_RATE).mean(axis=1)
    fit = {
        (root, mode): np.corrcoef(np.roll(profile, root), chroma)[0, 1]
        for mode, profile in KEY_PROFILES.items()
        for root in range(12)
    }
    best = sorted(fit, key=fit.__getitem__, reverse=True)[:4]
    assert (Key(piece.key, piece.mode).root, piece.mode) in best


def test_the_nearest_neighbour_of_a_piece_is_of_its_style(heard: dict[Piece, Floats]) -> None:
    """Measured: 32 of 32. The floor leaves room for other versions of NumPy and librosa."""
    vectors = np.stack([classical(heard[piece]) for piece in PIECES])
    assert vectors.shape == (32, 44)
    standardised = (vectors - vectors.mean(axis=0)) / vectors.std(axis=0)
    unit = standardised / np.linalg.norm(standardised, axis=1, keepdims=True)
    cosine = unit @ unit.T
    np.fill_diagonal(cosine, -np.inf)
    nearest = cosine.argmax(axis=1)
    strangers = [PIECES[i].title for i, j in enumerate(nearest) if PIECES[i].style != PIECES[j].style]
    assert 1 - len(strangers) / len(PIECES) >= 0.85, strangers


@pytest.mark.parametrize(
    ("key", "numeral", "pitch_classes"),
    [
        (Key("C", "major"), "V", (7, 11, 2)),
        (Key("C", "major"), "ii7", (2, 5, 9, 0)),
        (Key("A", "minor"), "V", (4, 8, 11)),
        (Key("A", "minor"), "v", (4, 7, 11)),
        (Key("A", "minor"), "VImaj7", (5, 9, 0, 4)),
        (Key("Eb", "major"), "bVII", (1, 5, 8)),
        (Key("F#", "minor"), "iv", (11, 2, 6)),
        (Key("G", "major"), "Vsus4", (2, 7, 9)),
        (Key("B", "minor"), "iidim", (1, 4, 7)),
    ],
)
def test_a_roman_numeral_is_read_in_its_key(key: Key, numeral: str, pitch_classes: tuple[int, ...]) -> None:
    assert key.chord(numeral).pitch_classes == pitch_classes


@pytest.mark.parametrize("numeral", ["", "H", "iiii", "Vx", "7", "V 7"])
def test_what_is_not_a_roman_numeral_is_refused(numeral: str) -> None:
    with pytest.raises(ValueError, match="not a Roman numeral"):
        Key("C", "major").chord(numeral)


def test_voices_move_little_from_chord_to_chord() -> None:
    chords = Key("C", "major").chords("I vi IV V I")
    voicings = voice(chords, 60)
    assert [{pitch % 12 for pitch in voicing} for voicing in voicings] == [set(c.pitch_classes) for c in chords]
    for before, after in pairwise(voicings):
        assert max(min(abs(pitch - old) for old in before) for pitch in after) <= 4


@pytest.mark.parametrize("seed", range(20))
def test_a_melody_stays_in_its_range_and_ends_on_the_tonic(seed: int) -> None:
    key = Key("E", "minor")
    chords = key.chords("i VI III V i iv V i")
    notes = melody(np.random.default_rng(seed), key, chords, ("x---x-x-x---x---", "x-x-x---x-------"), 64, 81)
    assert all(64 <= pitch <= 81 for _, _, pitch in notes)
    assert notes[-1][2] % 12 == key.root
    on_the_bar = [(start, pitch) for start, _, pitch in notes if start % 4 == 0]
    assert len(on_the_bar) == len(chords)
    for start, pitch in on_the_bar:
        assert pitch % 12 in chords[int(start // 4)].pitch_classes
    assert all(start + length <= 4 * len(chords) for start, length, _ in notes)


@pytest.mark.parametrize(("tonic", "mode"), [("H", "major"), ("c", "minor"), ("C", "dorian")])
def test_a_key_that_does_not_exist_is_refused(tonic: str, mode: str) -> None:
    with pytest.raises(ParameterError, match=f"unknown key '{tonic}' '{mode}'"):
        render(replace(PIECES[0], key=tonic, mode=mode))


@pytest.mark.parametrize("change", [{"tempo_bpm": 0}, {"tempo_bpm": math.nan}, {"min_seconds": -1}])
def test_a_piece_without_tempo_or_length_is_refused(change: dict[str, float]) -> None:
    with pytest.raises(ParameterError, match="expected positive numbers"):
        replace(PIECES[0], **change)


@pytest.mark.parametrize("style", STYLES, ids=lambda style: style.name)
def test_a_piece_of_two_bars_can_be_played(style: Style) -> None:
    piece = replace(PIECES[0], style=style.name, tempo_bpm=140, min_seconds=0.1)
    samples = render(piece).samples
    assert piece.n_bars == 2
    assert samples.shape == (2, piece.n_samples)
    assert np.abs(samples).max() == pytest.approx(style.peak, rel=0.5)


def test_a_piece_of_an_unknown_style_is_refused() -> None:
    with pytest.raises(ParameterError, match="unknown style 'polka'; there are: slow piano ballad, "):
        render(replace(PIECES[0], style="polka"))


# Files.


@pytest.fixture
def two_files(tmp_path: Path) -> list[Path]:
    return write_collection(tmp_path / "demo", 2)


def test_files_are_named_by_style_and_number_and_hold_what_was_played(two_files: list[Path], tmp_path: Path) -> None:
    names = ["01 - First Snow.wav", "02 - Letters Never Sent.wav"]
    assert two_files == [tmp_path / "demo" / "slow piano ballad" / name for name in names]
    samples = render(PIECES[0]).samples
    with wave.open(str(two_files[0])) as file:
        assert file.getparams()[:4] == (2, 2, 44_100, samples.shape[1])
        frames = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2").reshape(-1, 2)
    assert np.abs(frames.T / 32767 - samples).max() <= 0.51 / 32767


def test_the_labels_list_what_is_on_disk(two_files: list[Path], tmp_path: Path) -> None:
    table = tmp_path / "demo" / "pieces.csv"
    rows = list(csv.DictReader(table.read_text(encoding="utf-8").splitlines()))
    assert [table.parent / row["path"] for row in rows] == two_files
    piece = PIECES[1]
    labels = [piece.title, piece.style, str(piece.tempo_bpm), piece.key, piece.mode, piece.mood]
    assert [rows[1][name] for name in ("title", "style", "tempo_bpm", "key", "mode", "mood")] == labels
    write_collection(table.parent, 1)
    assert len(table.read_text(encoding="utf-8").splitlines()) == 3, "the second piece is still there"


def test_a_second_call_leaves_complete_files_alone_and_mends_the_rest(two_files: list[Path], tmp_path: Path) -> None:
    whole, cut = two_files
    before = cut.read_bytes()
    cut.write_bytes(before[: len(before) // 2])
    untouched = whole.stat().st_mtime_ns, whole.stat().st_ino
    assert write_collection(tmp_path / "demo", 2) == two_files
    assert (whole.stat().st_mtime_ns, whole.stat().st_ino) == untouched
    assert cut.read_bytes() == before
    assert sorted(path.name for path in (tmp_path / "demo").rglob("*") if path.is_file()) == sorted(
        [whole.name, cut.name, "pieces.csv"]
    )


def test_a_failed_write_leaves_nothing_under_the_final_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full_disk(path: Path, data: bytes) -> int:
        with path.open("wb") as file:
            file.write(data[:1000])
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr("pathlib.Path.write_bytes", full_disk)
    with pytest.raises(OSError, match="No space left"):
        write_collection(tmp_path, 1)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("n_pieces", [0, -1, 33])
def test_an_impossible_number_of_pieces_is_refused_before_anything_is_written(tmp_path: Path, n_pieces: int) -> None:
    with pytest.raises(ParameterError, match=f"n_pieces is {n_pieces}, expected 1 to 32"):
        write_collection(tmp_path / "demo", n_pieces)
    assert not (tmp_path / "demo").exists()


def test_a_folder_that_is_a_file_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("mine")
    with pytest.raises(OSError, match="notes") as caught:
        write_collection(path, 1)
    assert "notes.txt" in str(caught.value.filename)
    assert path.read_text() == "mine"

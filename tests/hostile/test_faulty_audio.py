"""Damaged, lying and misnamed audio: every file ends, with an outcome, and nothing wrong is `ok`."""

from __future__ import annotations

import csv
import random
from pathlib import Path

import numpy as np
import pytest

import signals
from orpheus_fast import audio
from orpheus_fast.audio import fallback
from orpheus_fast.errors import DecodeError

SHARED = Path(__file__).parents[3] / "shared"
RATE = 22_050


def outcomes_of(data: list[bytes]) -> list[audio.Outcome]:
    limits = audio.Limits(max_seconds=600.0, max_decoded_samples=1 << 28)
    ended = [
        end
        for batch in audio.stream(data, sample_rate=RATE, window_seconds=1.0, batch_size=32, limits=limits)
        for end in batch.outcomes
    ]
    assert [end.track for end in ended] == list(range(len(data)))
    return [end.outcome for end in ended]


def originals() -> dict[str, bytes]:
    samples = signals.noise(0.6, sample_rate=RATE, n_channels=2)
    return {
        "wav": signals.wav_bytes(samples, RATE, "s16"),
        "wav_f32": signals.wav_bytes(samples, RATE, "f32"),
        "aiff": signals.aiff_bytes(samples, RATE, "s16"),
        "flac": signals.flac_bytes(samples, RATE, 16),
    }


@pytest.mark.parametrize("name", ["wav", "wav_f32", "aiff", "flac"])
def test_a_file_cut_anywhere_is_never_ok(name: str) -> None:
    whole = originals()[name]
    whole_seconds = outcomes_of([whole])[0].seconds_sound
    lengths = sorted({*range(0, 200, 3), *range(200, len(whole) - 1, 997)})
    for length, outcome in zip(lengths, outcomes_of([whole[:length] for length in lengths]), strict=True):
        assert outcome.status != "ok", f"{name} cut to {length} of {len(whole)} bytes"
        assert outcome.seconds_sound < whole_seconds + 1e-6
        assert outcome.kind
        assert outcome.message


@pytest.mark.parametrize("name", ["wav", "wav_f32", "aiff", "flac"])
def test_random_damage_always_ends_with_an_outcome(name: str) -> None:
    whole = originals()[name]
    dice = random.Random(name)
    damaged = []
    for _ in range(300):
        data = bytearray(whole)
        for _ in range(dice.choice((1, 2, 8, 64))):
            # Headers are where lies do most harm.
            at = dice.randrange(len(data) if dice.random() < 0.5 else 64)
            data[at] = dice.choice((0, 1, 0x7F, 0x80, 0xFF, dice.randrange(256)))
        damaged.append(bytes(data[: dice.randrange(1, len(data))] if dice.random() < 0.2 else data))
    for outcome in outcomes_of(damaged):
        assert outcome.status in ("ok", "partial", "failed")
        assert "\n" not in outcome.message
        assert outcome.kind != "panic"


def test_random_bytes_are_not_audio() -> None:
    dice = random.Random(1)
    heads = (b"", b"\xff\xfb\x90\x64", b"\xff\xf1\x50\x80", b"ID3\x04\x00\x00\x00\x00\x00\x10", b"OggS", b"RIFF")
    data = [head + dice.randbytes(20_000) for head in heads for _ in range(20)]
    assert {outcome.status for outcome in outcomes_of(data)} == {"failed"}


def test_a_header_that_asks_for_the_world_gets_nothing() -> None:
    data = bytearray(signals.wav_bytes(signals.silence(0.1), RATE, "s16"))
    data[40:44] = b"\xf0\xff\xff\x7f"
    assert outcomes_of([bytes(data)])[0].status != "ok"


def test_damaged_floats_never_reach_the_samples() -> None:
    samples = signals.noise(0.5, sample_rate=RATE)
    samples[0, ::7] = np.nan
    samples[0, ::11] = 3e38
    for batch in audio.stream([signals.wav_bytes(samples, RATE, "f32")], sample_rate=16_000, window_seconds=0.5):
        assert np.isfinite(batch.samples).all()
        assert np.abs(batch.samples).max() < 2.0


def manifest(folder: str) -> list[dict[str, str]]:
    path = SHARED / folder / "manifest.csv"
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


# Containers and codecs that only the extra ffmpeg decodes.
UNSUPPORTED = {"ac3", "speex", "tta", "wavpack", "wmav2"}


@pytest.mark.skipif(not manifest("audio"), reason="the shared recordings are not beside this checkout")
def test_real_recordings_decode_to_the_length_of_their_manifest() -> None:
    for row in manifest("audio"):
        path = SHARED / "audio" / row["path"]
        if not fallback.register() and row["codec"] in UNSUPPORTED:
            with pytest.raises(DecodeError, match="unsupported"):
                audio.decode(path)
            continue
        decoded = audio.decode(path)
        assert decoded.outcome.ok, (row["path"], decoded.outcome)
        assert decoded.sample_rate == int(row["sample_rate"]), row["path"]
        assert decoded.samples.shape[0] == int(row["channels"]), row["path"]
        # libav hands out whole packets of AAC where MP4 says that the last is shorter; one Vorbis file starts
        # 256 samples late in libav.
        tolerance = 1024 if row["codec"] == "aac" else 256 if row["codec"] == "vorbis" else 0
        assert abs(decoded.samples.shape[1] - int(row["samples_libav"])) <= tolerance, row["path"]


@pytest.mark.skipif(not manifest("audio-faulty"), reason="the shared faulty files are not beside this checkout")
def test_every_faulty_file_ends_with_an_outcome() -> None:
    rows = manifest("audio-faulty")
    paths = [SHARED / "audio-faulty" / row["path"] for row in rows]
    ended = [end for batch in audio.stream(paths, sample_rate=RATE) for end in batch.outcomes]
    assert [end.track for end in ended] == list(range(len(paths)))
    for row, end in zip(rows, ended, strict=True):
        assert end.outcome.kind != "panic", row["path"]
        cut_or_flipped = "-cut-" in row["path"] or "-bitflips" in row["path"]
        assert not (cut_or_flipped and end.outcome.ok), row["path"]

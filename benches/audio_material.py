"""180 s of music in the formats that people have, for the audio benches: encoded by ffmpeg from the demo's pieces or
from a file of yours, once, into a folder that is used again."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from orpheus_fast.demo import PIECES, render, wav_bytes

SECONDS = 180
# Name, suffix, ffmpeg's arguments. The order is that of the tables.
FORMATS: dict[str, tuple[str, list[str]]] = {
    "MP3 128 CBR": ("mp3", ["-c:a", "libmp3lame", "-b:a", "128k"]),
    "MP3 320 CBR": ("mp3", ["-c:a", "libmp3lame", "-b:a", "320k"]),
    "MP3 V2": ("mp3", ["-c:a", "libmp3lame", "-q:a", "2"]),
    "FLAC 16": ("flac", ["-c:a", "flac"]),
    "FLAC 24": ("flac", ["-c:a", "flac", "-sample_fmt", "s32", "-bits_per_raw_sample", "24", "-af", "volume=0.71"]),
    "Ogg Vorbis q5": ("ogg", ["-c:a", "libvorbis", "-q:a", "5"]),
    "AAC-LC 192 m4a": ("m4a", ["-c:a", "aac", "-b:a", "192k"]),
    "ALAC m4a": ("m4a", ["-c:a", "alac"]),
    "WAV 16": ("wav", ["-c:a", "pcm_s16le"]),
    "AIFF 16": ("aiff", ["-c:a", "pcm_s16be"]),
    "Opus 128": ("opus", ["-c:a", "libopus", "-b:a", "128k"]),
}


def synthesised(path: Path, seconds: int = SECONDS) -> None:
    """The demo's pieces, one after the other, 44.1 kHz stereo, 16 bit."""
    parts, sample_rate, n_samples = [], 44_100, 0
    for number in range(len(PIECES) * 100):
        samples, sample_rate = render(PIECES[number % len(PIECES)])
        parts.append(samples)
        n_samples += samples.shape[1]
        if n_samples >= seconds * sample_rate:
            break
    whole = np.concatenate(parts, axis=1)[:, : seconds * sample_rate]
    path.write_bytes(wav_bytes(whole, sample_rate))


def make(
    music: Path | None, seconds: int = SECONDS, formats: dict[str, tuple[str, list[str]]] = FORMATS
) -> dict[str, Path]:
    """Path of each format's file; what ffmpeg here cannot encode is left out, with a word."""
    if shutil.which("ffmpeg") is None:
        sys.exit("ffmpeg is not on PATH: it makes the files and is one of the peers")
    name = "demo" if music is None else music.stem
    folder = Path(tempfile.gettempdir()) / f"orpheus-bench-audio-{name}-{seconds}"
    folder.mkdir(parents=True, exist_ok=True)
    source = folder / "source.wav"
    if not source.exists():
        if music is None:
            synthesised(source, seconds)
        else:
            # Looped where it is shorter, so that a file of any length will do.
            loop = ["-stream_loop", "-1", "-i", str(music), "-t", str(seconds)]
            ffmpeg(*loop, "-ar", "44100", "-ac", "2", "-c:a", "pcm_s16le", str(source))
    files = {}
    for title, (suffix, arguments) in formats.items():
        path = folder / f"{title.lower().replace(' ', '-')}.{suffix}"
        if not path.exists() and not ffmpeg("-i", str(source), *arguments, "-map_metadata", "-1", str(path)):
            print(f"{title}: this ffmpeg cannot encode it; left out", file=sys.stderr)
            continue
        files[title] = path
    return files


def ffmpeg(*arguments: str) -> bool:
    command = ["ffmpeg", "-nostdin", "-v", "error", "-y", *arguments]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0

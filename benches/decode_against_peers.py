"""Files to 48 kHz mono float32, whole and in windows: CPU time against the libraries that people use today.

    python benches/decode_against_peers.py                  the demo's music, 180 s, eleven formats
    python benches/decode_against_peers.py --music SONG     a file of yours, looped or cut to that length

The answers are compared before a ratio is printed: a peer whose length differs by more than 0.1 s, or whose sound
differs by more than its resampler explains, is marked with *. Peers: torchcodec, PyAV, soundfile with soxr HQ, librosa
with soxr HQ, the ffmpeg command; those that are not installed are left out. torchcodec, PyAV and ffmpeg resample with
libswresample's default filter, which is far from the quality of the others (28 dB against 130 dB): they are let off
lightly.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import warnings
from functools import partial
from pathlib import Path

import numpy as np
from audio_material import SECONDS, make
from audio_peers import RATE, Reader, Samples, cpu_seconds, one_thread, peers

LENGTH = 8192
MIN_COSINE = 0.98
# Formats that a peer is known not to read: soundfile has no AAC or ALAC.
UNREAD = {("soundfile+soxr", "AAC-LC 192 m4a"), ("soundfile+soxr", "ALAC m4a")}
WINDOWS = {
    "whole file": [(0.0, None)],
    "30 s from the middle": [(SECONDS / 2 - 15, 30.0)],
    "three 10-s windows": [(0.0, 10.0), (SECONDS / 2 - 5, 10.0), (SECONDS - 10.0, 10.0)],
}
WINDOWED_FORMATS = ("MP3 128 CBR", "MP3 V2", "FLAC 16", "Ogg Vorbis q5", "AAC-LC 192 m4a", "WAV 16", "Opus 128")


def agrees(got: Samples, wanted: Samples) -> bool:
    """Same length, and the same sound but for the loudness: some peers' mono is louder by the root of two."""
    n = min(len(got), len(wanted))
    if abs(len(got) - len(wanted)) > RATE // 10 or n == 0:
        return False
    # Encoder delay that a peer leaves in shifts its samples: the best match near zero counts.
    a, b = got[n // 2 : n // 2 + LENGTH], wanted[n // 2 - LENGTH // 2 : n // 2 + 2 * LENGTH]
    products = np.correlate(b.astype(np.float64), a.astype(np.float64), mode="valid")
    energies = np.convolve(b.astype(np.float64) ** 2, np.ones(len(a)), mode="valid") * np.dot(a, a)
    return bool((products / np.sqrt(energies + 1e-12)).max() > MIN_COSINE)


def measure(readers: dict[str, Reader], title: str, path: Path, task: str, n_runs: int) -> dict[str, float]:
    best: dict[str, float] = {}
    wanted: Samples | None = None
    for name, reader in readers.items():
        if (name, title) in UNREAD:
            continue
        read = partial(read_all, reader, path, WINDOWS[task])
        # Warms up imports and the page cache, and is what the answers are compared by.
        samples = read()
        wanted = samples if wanted is None else wanted
        if not agrees(samples, wanted):
            print(f"* {name} differs on {title}, {task}", file=sys.stderr)
    for _ in range(n_runs):
        for name, reader in readers.items():
            if (name, title) not in UNREAD:
                seconds = cpu_seconds(partial(read_all, reader, path, WINDOWS[task]))
                best[name] = min(best.get(name, np.inf), seconds)
    return best


def read_all(reader: Reader, path: Path, stretches: list[tuple[float, float | None]]) -> Samples:
    return [reader(path, *stretch) for stretch in stretches][-1]


def row(title: str, seconds: dict[str, float], names: list[str]) -> str:
    mine = seconds["orpheus_fast"]
    cells = [f"{seconds[n]:.3f} s ({seconds[n] / mine:5.2f} x)" if n in seconds else "-" for n in names[1:]]
    return f"{title:16} {mine:10.4f} s " + " ".join(f"{cell:>20}" for cell in cells)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--music", type=Path, help="an audio file (default: the demo's music)")
    parser.add_argument("--formats", nargs="*", help="only these, such as 'FLAC 16'")
    parser.add_argument("--tasks", nargs="*", choices=[*WINDOWS], default=[*WINDOWS])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", type=Path, help="write the CPU seconds there")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    one_thread()
    files = make(arguments.music)
    readers = peers()
    everything: dict[str, dict[str, dict[str, float]]] = {}
    for task in arguments.tasks:
        titles = [title for title in (files if task == "whole file" else WINDOWED_FORMATS) if title in files]
        machine = platform.processor() or platform.machine()
        print(f"\n{task}, of {SECONDS} s: CPU seconds to 48 kHz mono, and how many times ours ({machine})")
        print(f"{'':16} {'orpheus_fast':>12} " + " ".join(f"{name:>20}" for name in [*readers][1:]))
        results = everything.setdefault(task, {})
        for title in titles:
            if not arguments.formats or title in arguments.formats:
                results[title] = measure(readers, title, files[title], task, arguments.runs)
                print(row(title, results[title], [*readers]), flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(everything, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()

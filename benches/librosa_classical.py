"""The classical 44-value vector as a librosa user computes it: the baseline that `orpheus index` is measured against.

Each file is decoded to 22.05 kHz mono, cut into 5-s windows, each window is described by 44 values, and the windows
are averaged: 13 MFCC means, 13 MFCC variances, spectral centroid, bandwidth, roll-off, zero-crossing rate, tempo,
energy, 12 chroma means. By default every librosa function is called on the samples, as the study did; `--shared-stft`
hands all of them one STFT, which gives the same numbers in less time. Everything runs on one thread. The first window
is computed once before the clock starts, because librosa compiles some functions on first use; that time is reported
as `warm_up`.

    python benches/librosa_classical.py clips/*.mp3 --json baseline.json --npy baseline.npy
"""

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

# The thread pools of librosa's dependencies read these when they are loaded.
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["NUMBA_NUM_THREADS"] = "1"
os.environ["OPENBLAS_NUM_THREADS"] = "1"
os.environ["MKL_NUM_THREADS"] = "1"

import librosa
import numpy as np
import numpy.typing as npt

Given = ParamSpec("Given")
Result = TypeVar("Result")
Samples = npt.NDArray[np.float32]
Vector = npt.NDArray[np.float32]

SAMPLE_RATE = 22_050
WINDOW_SECONDS = 5
PAD_THRESHOLD = 0.95
DIM = 44


def windows(samples: Samples) -> list[Samples]:
    """Cut a track into 5-s windows; a tail counts only when it fills more than `PAD_THRESHOLD` of one."""
    length = WINDOW_SECONDS * SAMPLE_RATE
    whole, tail = divmod(samples.size, length)
    cut = [samples[i * length : (i + 1) * length] for i in range(whole)]
    if tail > PAD_THRESHOLD * length or not cut:
        cut.append(librosa.util.fix_length(samples[whole * length :], size=length))
    return cut


def join(*parts: object) -> Vector:
    """One vector out of scalars, one-element arrays and rows of means."""
    return np.concatenate([np.atleast_1d(np.asarray(part, dtype=np.float32)) for part in parts])


def call_by_call(y: Samples) -> Vector:
    """Describe one window; every feature starts again from the samples."""
    sr = SAMPLE_RATE
    mfcc = librosa.feature.mfcc(y=y, sr=sr, n_mfcc=13)
    centroid = librosa.feature.spectral_centroid(y=y, sr=sr)
    bandwidth = librosa.feature.spectral_bandwidth(y=y, sr=sr)
    rolloff = librosa.feature.spectral_rolloff(y=y, sr=sr)
    crossings = librosa.feature.zero_crossing_rate(y)
    tempo, _ = librosa.beat.beat_track(y=y, sr=sr)
    chroma = librosa.feature.chroma_stft(y=y, sr=sr)
    return join(
        np.mean(mfcc, axis=1),
        np.var(mfcc, axis=1),
        np.mean(centroid),
        np.mean(bandwidth),
        np.mean(rolloff),
        np.mean(crossings),
        tempo,
        np.mean(np.square(y)),
        np.mean(chroma, axis=1),
    )


def shared_stft(y: Samples) -> Vector:
    """Describe one window; whatever takes a spectrogram gets the one computed here."""
    sr = SAMPLE_RATE
    magnitude = np.abs(librosa.stft(y))
    power = np.square(magnitude)
    mel_db = librosa.power_to_db(librosa.feature.melspectrogram(S=power, sr=sr))
    mfcc = librosa.feature.mfcc(S=mel_db, sr=sr, n_mfcc=13)
    centroid = librosa.feature.spectral_centroid(S=magnitude, sr=sr)
    bandwidth = librosa.feature.spectral_bandwidth(S=magnitude, sr=sr, centroid=centroid)
    rolloff = librosa.feature.spectral_rolloff(S=magnitude, sr=sr)
    crossings = librosa.feature.zero_crossing_rate(y)
    onset = librosa.onset.onset_strength(S=mel_db, sr=sr, aggregate=np.median)
    tempo, _ = librosa.beat.beat_track(onset_envelope=onset, sr=sr)
    chroma = librosa.feature.chroma_stft(S=power, sr=sr)
    return join(
        np.mean(mfcc, axis=1),
        np.var(mfcc, axis=1),
        np.mean(centroid),
        np.mean(bandwidth),
        np.mean(rolloff),
        np.mean(crossings),
        tempo,
        np.mean(np.square(y)),
        np.mean(chroma, axis=1),
    )


class Clock:
    """Adds up wall and CPU seconds per stage."""

    def __init__(self) -> None:
        self.wall: dict[str, float] = {}
        self.cpu: dict[str, float] = {}

    def run(self, stage: str, work: Callable[Given, Result], *args: Given.args, **kwargs: Given.kwargs) -> Result:
        """Do the work and charge its time to the stage."""
        wall, cpu = time.perf_counter(), time.process_time()
        result = work(*args, **kwargs)
        self.wall[stage] = self.wall.get(stage, 0.0) + time.perf_counter() - wall
        self.cpu[stage] = self.cpu.get(stage, 0.0) + time.process_time() - cpu
        return result


def load(path: Path) -> Samples:
    samples: Samples = librosa.load(path, sr=SAMPLE_RATE, mono=True)[0]
    return samples


def describe(samples: Samples, of_window: Callable[[Samples], Vector]) -> Vector:
    """Mean over the windows of a track."""
    vector: Vector = np.mean([of_window(window) for window in windows(samples)], axis=0, dtype=np.float32)
    return vector


def warm_up(path: Path, of_window: Callable[[Samples], Vector]) -> None:
    """Make librosa compile and load what it does lazily."""
    describe(load(path)[: WINDOW_SECONDS * SAMPLE_RATE], of_window)


def measure(
    paths: list[Path], of_window: Callable[[Samples], Vector]
) -> tuple[npt.NDArray[np.float32], dict[str, Any]]:
    """Vectors of all tracks, and what they cost."""
    clock = Clock()
    clock.run("warm_up", warm_up, paths[0], of_window)
    vectors = np.empty((len(paths), DIM), dtype=np.float32)
    audio_seconds = 0.0
    for row, path in enumerate(paths):
        samples = clock.run("decode", load, path)
        audio_seconds += samples.size / SAMPLE_RATE
        vectors[row] = clock.run("features", describe, samples, of_window)
    wall = clock.wall["decode"] + clock.wall["features"]
    cpu = clock.cpu["decode"] + clock.cpu["features"]
    return vectors, {
        "tracks": len(paths),
        "audio_seconds": audio_seconds,
        "tracks_per_second": len(paths) / wall,
        "cpu_seconds_per_track": cpu / len(paths),
        "wall_seconds": clock.wall,
        "cpu_seconds": clock.cpu,
        "librosa": version("librosa"),
        "numpy": version("numpy"),
        "python": platform.python_version(),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description="classical 44-value vectors with librosa, on one thread, timed")
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("--shared-stft", action="store_true", help="one STFT per window instead of one per feature")
    parser.add_argument("--json", type=Path, metavar="OUT", help="write the timings as JSON")
    parser.add_argument("--npy", type=Path, metavar="OUT", help="write the vectors, (n_files, 44), in the order given")
    options = parser.parse_args()
    missing = [str(path) for path in options.files if not path.is_file()]
    if missing:
        print(f"no such file: {missing[0]}", file=sys.stderr)
        return 2

    variant = shared_stft if options.shared_stft else call_by_call
    vectors, report = measure(options.files, variant)
    report["variant"] = variant.__name__
    if options.npy:
        np.save(options.npy, vectors)
    if options.json:
        options.json.write_text(json.dumps({**report, "files": [str(path) for path in options.files]}, indent=2) + "\n")
    per_track = {stage: 1000 * seconds / report["tracks"] for stage, seconds in report["cpu_seconds"].items()}
    print(
        f"{report['variant']}: {report['tracks']} tracks, {report['tracks_per_second']:.2f} tracks/s, "
        f"{report['cpu_seconds_per_track']:.4f} CPU s per track "
        f"(decode {per_track['decode']:.1f} ms, features {per_track['features']:.1f} ms); "
        f"warm-up {report['wall_seconds']['warm_up']:.1f} s not counted"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())

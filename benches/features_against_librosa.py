"""Features against librosa, in one run, on one thread, in CPU time: each function at librosa's defaults, the classical
vector, and the first vector of a fresh process.

Each case is checked before it is timed: the numbers must be librosa's. librosa has compiled what it compiles on first
use by then. The best of several rounds counts, and the rounds of both alternate.

    python benches/features_against_librosa.py [--seconds 30] [--rounds 7] [--json OUT]
"""

import argparse
import json
import os
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

# The thread pools of librosa's dependencies read these when they are loaded.
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["NUMBA_NUM_THREADS"] = "1"
os.environ["OPENBLAS_NUM_THREADS"] = "1"
os.environ["MKL_NUM_THREADS"] = "1"

import librosa
import numpy as np
import numpy.typing as npt
from librosa_classical import SAMPLE_RATE, call_by_call, describe, shared_stft, windows

from orpheus_fast import demo, features

Samples = npt.NDArray[np.float32]
Call = Callable[[], Any]

# Feature by feature, and librosa with one STFT for all; a fresh process, in seconds.
BARS = {"vector": 18.0, "vector, shared STFT": 10.0}
FIRST_VECTOR_SECONDS = 0.3

FIRST = """
import time
begin = time.perf_counter()
{imports}
imported = time.perf_counter()
import numpy as np
y = np.random.default_rng(0).uniform(-0.5, 0.5, 5 * 22_050).astype(np.float32)
start = time.perf_counter()
{work}
print(imported - begin, time.perf_counter() - start)
"""
FIRST_OURS = ("from orpheus_fast import features", "features.classical_vector(y)")
FIRST_THEIRS = (
    "import sys; sys.path.insert(0, {folder!r}); from librosa_classical import call_by_call",
    "call_by_call(y)",
)


def music(seconds: float) -> Samples:
    """A synthesised piece at 22.05 kHz, mono."""
    piece = demo.Piece("bench piece", "folk guitar", 112, "D", "minor", mood="", seed=4, min_seconds=seconds)
    stereo, sample_rate = demo.render(piece)
    samples = librosa.resample(stereo.mean(axis=0), orig_sr=sample_rate, target_sr=SAMPLE_RATE)
    return np.ascontiguousarray(samples[: round(seconds * SAMPLE_RATE)], dtype=np.float32)


def cases(y: Samples) -> dict[str, tuple[Call, Call, float]]:
    """Ours, librosa's, and the greatest difference that is allowed, as a share of the largest value."""
    f, l = features, librosa.feature  # noqa: E741 -- ours and theirs
    power = np.abs(librosa.stft(y)) ** 2
    bins = np.ascontiguousarray(power)
    return {
        "stft": (lambda: f.stft(y), lambda: librosa.stft(y), 1e-6),
        "mel_spectrogram": (lambda: f.mel_spectrogram(y=y), lambda: l.melspectrogram(y=y), 1e-5),
        "mfcc": (lambda: f.mfcc(y=y), lambda: l.mfcc(y=y), 1e-4),
        "chroma": (lambda: f.chroma(y=y), lambda: l.chroma_stft(y=y), 1e-4),
        "estimate_tuning": (lambda: f.estimate_tuning(y=y), lambda: librosa.estimate_tuning(y=y), 1e-9),
        "spectral_centroid": (lambda: f.spectral_centroid(y=y), lambda: l.spectral_centroid(y=y), 1e-4),
        "bandwidth": (lambda: f.bandwidth(y=y), lambda: l.spectral_bandwidth(y=y), 1e-4),
        "rolloff": (lambda: f.rolloff(y=y), lambda: l.spectral_rolloff(y=y), 2e-3),
        "spectral_contrast": (lambda: f.spectral_contrast(y=y), lambda: l.spectral_contrast(y=y), 2e-2),
        "spectral_flatness": (lambda: f.spectral_flatness(y=y), lambda: l.spectral_flatness(y=y), 1e-4),
        "rms": (lambda: f.rms(y=y), lambda: l.rms(y=y), 1e-5),
        "zero_crossing_rate": (lambda: f.zero_crossing_rate(y), lambda: l.zero_crossing_rate(y), 1e-6),
        "power_to_db": (lambda: f.power_to_db(power), lambda: librosa.power_to_db(power), 1e-5),
        "mel_spectrogram(S)": (lambda: f.mel_spectrogram(S=bins), lambda: l.melspectrogram(S=power), 1e-5),
        "chroma(S)": (lambda: f.chroma(S=bins), lambda: l.chroma_stft(S=power), 1e-4),
        "vector": (lambda: vector(y), lambda: describe(y, call_by_call), 1e-4),
        "vector, shared STFT": (lambda: vector(y), lambda: describe(y, shared_stft), 1e-4),
    }


def vector(y: Samples) -> Samples:
    """Mean of the vectors of 5-s windows, as the study has it."""
    mean: Samples = features.classical_vector(np.stack(windows(y)), sample_rate=SAMPLE_RATE).mean(axis=0)
    return mean


def check(name: str, ours: Call, theirs: Call, tolerance: float) -> None:
    """Raise unless both give the same numbers; librosa compiles here."""
    found, expected = np.asarray(ours()), np.asarray(theirs())
    difference = np.abs(found - expected).max() / max(np.abs(expected).max(), 1e-12)
    if found.shape != expected.shape or not difference <= tolerance:
        message = f"{name}: off by {difference:.2g} of the largest value, allowed is {tolerance:.2g}"
        raise AssertionError(message)


def best_cpu_seconds(calls: tuple[Call, Call], rounds: int) -> tuple[float, float]:
    """Least CPU time of one call of each; short calls are repeated until a round takes a while."""
    best = [float("inf"), float("inf")]
    repeats = [1, 1]
    for _ in range(rounds):
        for which, call in enumerate(calls):
            while True:
                start = time.process_time()
                for _ in range(repeats[which]):
                    call()
                elapsed = time.process_time() - start
                if elapsed > 0.01 or repeats[which] >= 256:
                    break
                repeats[which] *= 2
            best[which] = min(best[which], elapsed / repeats[which])
    return best[0], best[1]


def first_vector_seconds(imports: str, work: str) -> tuple[float, float]:
    """Wall time of the import and of the first vector after it, in a fresh process; best of three."""
    code = FIRST.format(imports=imports.format(folder=os.path.dirname(__file__)), work=work)  # noqa: PTH120 -- as text
    runs = []
    for _ in range(3):
        run = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True)
        runs.append(tuple(map(float, run.stdout.split())))
    return min(run[0] for run in runs), min(run[1] for run in runs)


def main() -> int:
    parser = argparse.ArgumentParser(description="features against librosa: one run, one thread, CPU time")
    parser.add_argument("--seconds", type=float, default=30.0, help="length of the piece")
    parser.add_argument("--rounds", type=int, default=7, help="the best of so many counts")
    parser.add_argument("--json", metavar="OUT", help="write the figures as JSON")
    options = parser.parse_args()
    warnings.simplefilter("ignore")

    figures: dict[str, Any] = {}
    print(f"{options.seconds:g} s of music at 22.05 kHz, librosa {librosa.__version__}, CPU ms, one thread")
    print(f"{'':22}{'librosa':>10}{'ours':>10}{'ratio':>9}")
    for name, (ours, theirs, tolerance) in cases(music(options.seconds)).items():
        check(name, ours, theirs, tolerance)
        fast, slow = best_cpu_seconds((ours, theirs), options.rounds)
        bar = f"  (bar {BARS[name]:g})" if name in BARS else ""
        print(f"{name:22}{1000 * slow:10.2f}{1000 * fast:10.3f}{slow / fast:8.1f}x{bar}", flush=True)
        figures[name] = {"librosa_ms": 1000 * slow, "ours_ms": 1000 * fast, "ratio": slow / fast}
    print("fresh process, wall seconds: import, then the first vector")
    for name, code in (("ours", FIRST_OURS), ("librosa", FIRST_THEIRS)):
        imported, first = first_vector_seconds(*code)
        bar = f"  (bar {FIRST_VECTOR_SECONDS:g})" if name == "ours" else ""
        print(f"{name:22}{imported:10.3f}{first:10.3f}{bar}")
        figures[f"first vector, {name}"] = {"import_seconds": imported, "seconds": first}
    if options.json:
        with open(options.json, "w", encoding="utf-8") as out:  # noqa: PTH123 -- one line
            json.dump(figures, out, indent=2)
    return 0


if __name__ == "__main__":
    sys.exit(main())

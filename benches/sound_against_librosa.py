"""What a sound vector costs: beside our classical vector, and beside the study's vector as a librosa user computes it.

    python benches/sound_against_librosa.py                    clips made from the demo's music
    python benches/sound_against_librosa.py --clips FOLDER     your own MP3 clips of 30 s

CPU seconds of one thread, least of several runs, all in one process; librosa's compilation is not counted. Last comes
the time from `import` to the first vector, each in a process of its own.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import librosa
import librosa_classical  # first: it sets the number of threads before librosa is loaded
import numpy as np
from index_against_librosa import make_clips

import orpheus_fast as orpheus
from orpheus_fast.features import classical_vector, sound_vector

if TYPE_CHECKING:
    from collections.abc import Callable

SAMPLE_RATE = 22_050
FIRST_VECTOR = {
    "orpheus_fast": "from orpheus_fast.features import sound_vector; sound_vector(samples)",
    "librosa": "import librosa; librosa.beat.beat_track(y=samples); librosa.feature.chroma_stft(y=samples)",
}


def least_seconds(work: Callable[[], object], n_runs: int) -> float:
    """Least CPU time of some runs."""
    spent = []
    for _ in range(n_runs):
        start = time.process_time()
        work()
        spent.append(time.process_time() - start)
    return min(spent)


def ours(clip: Path) -> np.ndarray:
    """Decode, resample and describe."""
    signal = orpheus.decode(clip, sample_rate=SAMPLE_RATE, mono=True)
    return sound_vector(signal.samples[0])


def theirs(clip: Path) -> np.ndarray:
    """Load, and describe window by window as the study did."""
    samples, _ = librosa.load(clip, sr=SAMPLE_RATE, mono=True)
    windows = librosa_classical.windows(samples)
    return np.mean([librosa_classical.call_by_call(window) for window in windows], axis=0)


def first_vector_seconds(name: str) -> float:
    """Seconds from `import` to the first vector, without the start of Python and NumPy."""
    program = (
        "import time, numpy\n"
        "samples = numpy.random.default_rng(0).uniform(-0.1, 0.1, 5 * 22050).astype('f4')\n"
        f"start = time.perf_counter()\n{FIRST_VECTOR[name]}\nprint(time.perf_counter() - start)"
    )
    run = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    return float(run.stdout)


def measured(clips: list[Path]) -> None:
    """Print the ratios."""
    theirs(clips[0])
    samples = orpheus.decode(clips[0], sample_rate=SAMPLE_RATE, mono=True).samples[0]
    classical = 1e3 * least_seconds(lambda: classical_vector(samples), 20)
    sound = 1e3 * least_seconds(lambda: sound_vector(samples), 20)
    seconds = samples.size / SAMPLE_RATE
    print(f"{seconds:.0f} s: classical {classical:.2f} ms, sound {sound:.2f} ms, {sound / classical:.2f} of classical")
    mine = statistics.mean(least_seconds(lambda c=clip: ours(c), 5) for clip in clips)
    other = statistics.mean(least_seconds(lambda c=clip: theirs(c), 2) for clip in clips)
    print(f"from {len(clips)} MP3 clips: sound {1e3 * mine:.1f} ms, librosa's load and the study's vector", end=" ")
    print(f"{1e3 * other:.1f} ms: {other / mine:.1f} x")
    for name in FIRST_VECTOR:
        print(f"import and first vector, {name}: {min(first_vector_seconds(name) for _ in range(3)):.2f} s")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=Path, help="folder of MP3 clips")
    parser.add_argument("--n-clips", type=int, default=6)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        given = arguments.clips
        clips = sorted(given.glob("*.mp3")) if given else make_clips(Path(folder), arguments.n_clips)
        measured(clips[: arguments.n_clips])


if __name__ == "__main__":
    main()

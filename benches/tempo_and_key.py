"""Tempo and key on the synthesised set, against librosa: how often each is right, and how long it takes.

Accuracy 1 is the share of tempi within 4 %; accuracy 2 also takes the double, the triple, the half and the third. The
MIREX score of keys counts a fifth off as 0.5, the relative key as 0.3 and the parallel key as 0.2. librosa has no key
finder: its peer is the mean of its chroma, correlated with the profiles of Krumhansl and Kessler. Times are CPU
seconds of one thread, best of six, in one process.

    python benches/tempo_and_key.py [n_seeds]
"""

from __future__ import annotations

import os
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

# The thread pools of librosa's dependencies read these when they are loaded.
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["NUMBA_NUM_THREADS"] = "1"
os.environ["OPENBLAS_NUM_THREADS"] = "1"
os.environ["MKL_NUM_THREADS"] = "1"

import librosa
import numpy as np
import numpy.typing as npt

from orpheus_fast import features

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
import rhythm_and_key

if TYPE_CHECKING:
    from collections.abc import Callable

Sound = npt.NDArray[np.float32]

RATE = rhythm_and_key.SAMPLE_RATE
RELATED = (1, 2, 3, 1 / 2, 1 / 3)
KRUMHANSL = (
    (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88),
    (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17),
)


def tempo_finders() -> dict[str, Callable[[Sound], float]]:
    return {
        "orpheus": lambda y: float(features.tempo(y=y, sr=RATE).bpm),
        "librosa tempo": lambda y: float(librosa.feature.tempo(y=y, sr=RATE)[0]),
        "librosa beat_track": lambda y: float(np.atleast_1d(librosa.beat.beat_track(y=y, sr=RATE)[0])[0]),
    }


def by_krumhansl(chroma: Sound) -> int:
    profiles = [np.roll(profile, tonic) for profile in KRUMHANSL for tonic in range(12)]
    return int(np.argmax([np.corrcoef(chroma.mean(axis=1), profile)[0, 1] for profile in profiles]))


def key_finders() -> dict[str, Callable[[Sound], int]]:
    return {
        "orpheus": lambda y: int(np.argmax(features.key(y, RATE).correlations)),
        "librosa chroma_stft": lambda y: by_krumhansl(librosa.feature.chroma_stft(y=y, sr=RATE)),
        "librosa chroma_cqt": lambda y: by_krumhansl(librosa.feature.chroma_cqt(y=y, sr=RATE)),
    }


def mirex(found: int, truth: int) -> float:
    (tonic, mode), (true_tonic, true_mode) = (divmod(key, 12)[::-1] for key in (found, truth))
    steps = (tonic - true_tonic) % 12
    if mode == true_mode:
        return {0: 1.0, 7: 0.5}.get(steps, 0.0)
    return {0: 0.2, 9 if true_mode == 0 else 3: 0.3}.get(steps, 0.0)


def report_tempo(n_seeds: int) -> None:
    hits: dict[str, dict[str, list[tuple[bool, bool]]]] = defaultdict(lambda: defaultdict(list))
    for seed in range(n_seeds):
        for piece in rhythm_and_key.rhythms(seed=seed):
            for name, find in tempo_finders().items():
                ratio = find(piece.samples) / piece.tempo_bpm
                exact, related = (
                    any(abs(ratio / factor - 1) <= 0.04 for factor in factors) for factors in ((1,), RELATED)
                )
                hits[piece.part][name].append((exact, related))
    print(f"{'part':20s}" + "".join(f"{name:>22s}" for name in tempo_finders()))
    for part in (*rhythm_and_key.RHYTHM_PARTS, "all"):
        cells = []
        for name in tempo_finders():
            chosen = hits[part][name] if part != "all" else [hit for one in hits.values() for hit in one[name]]
            exact, related = np.mean(chosen, axis=0)
            cells.append(f"{exact:.3f} / {related:.3f}")
        print(f"{part:20s}" + "".join(f"{cell:>22s}" for cell in cells))


def report_key(n_seeds: int) -> None:
    scores: dict[str, list[float]] = defaultdict(list)
    for piece in rhythm_and_key.tonalities(seeds=range(n_seeds)):
        truth = 12 * rhythm_and_key.MODES.index(piece.mode) + rhythm_and_key.TONICS.index(piece.tonic)
        for name, find in key_finders().items():
            scores[name].append(mirex(find(piece.samples), truth))
    for name, found in scores.items():
        print(f"{name:20s} key right {np.mean(np.array(found) == 1):.3f}, MIREX score {np.mean(found):.3f}")


def best_seconds(call: Callable[[], object]) -> float:
    times = []
    for _ in range(6):
        start = time.process_time()
        call()
        times.append(time.process_time() - start)
    return min(times)


def pairs(y: Sound) -> dict[str, tuple[Callable[[], object], Callable[[], object]]]:
    def chroma_key() -> object:
        return by_krumhansl(librosa.feature.chroma_cqt(y=y, sr=RATE))

    cases: dict[str, tuple[Callable[[], object], Callable[[], object]]] = {
        "onset_strength": (
            lambda: features.onset_strength(y=y, sr=RATE),
            lambda: librosa.onset.onset_strength(y=y, sr=RATE),
        ),
        "tempogram": (lambda: features.tempogram(y=y, sr=RATE), lambda: librosa.feature.tempogram(y=y, sr=RATE)),
        "tempo": (lambda: features.tempo(y=y, sr=RATE), lambda: librosa.feature.tempo(y=y, sr=RATE)),
        "tempo, method librosa": (
            lambda: features.tempo(y=y, sr=RATE, method="librosa"),
            lambda: librosa.feature.tempo(y=y, sr=RATE),
        ),
        "beats": (lambda: features.beats(y=y, sr=RATE), lambda: librosa.beat.beat_track(y=y, sr=RATE)),
        "key": (lambda: features.key(y, RATE), chroma_key),
    }
    try:
        import pyloudnorm  # noqa: PLC0415 - a peer that may not be there
    except ImportError:
        return cases
    meter = pyloudnorm.Meter(RATE, filter_class="DeMan")
    # It measures the integrated loudness alone.
    cases["loudness"] = (lambda: features.loudness(y, RATE), lambda: meter.integrated_loudness(y))
    return cases


def report_speed() -> None:
    y = np.tile(rhythm_and_key.rhythm("rock", 3, seconds=15).samples, 2)
    print(f"{y.size / RATE:.0f} s at {RATE} Hz")
    for name, (ours, theirs) in pairs(y).items():
        seconds, peer = best_seconds(ours), best_seconds(theirs)
        print(f"{name:24s} {1e3 * seconds:7.2f} ms, peer {1e3 * peer:7.2f} ms: {peer / seconds:5.1f} x")


if __name__ == "__main__":
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    report_tempo(seeds)
    report_key(seeds)
    report_speed()

"""Sample-rate conversion against soxr, and against torchaudio, librosa and SciPy where they are installed.

One channel on one thread, all in one run; CPU time of the thread, the best of several. The figures of quality are
measured on the same converters: how far all noise lies below a tone (dB), where the pass band ends (share of the
lower Nyquist frequency, at -0.1 dB) and what is left of a tone above it (dB).

    python benches/resample_against_peers.py [--seconds 180] [--runs 5]
"""

from __future__ import annotations

import argparse
import importlib.util
import time
from typing import TYPE_CHECKING

import numpy as np
import soxr

import orpheus_fast

if TYPE_CHECKING:
    from collections.abc import Callable

PAIRS = [
    (44_100, 48_000),
    (44_100, 24_000),
    (44_100, 22_050),
    (44_100, 16_000),
    (48_000, 44_100),
    (48_000, 24_000),
    (48_000, 22_050),
    (48_000, 16_000),
    (44_100, 44_099),
]


def converters() -> dict[str, Callable]:
    """Every converter that is installed; the first one is ours."""
    found: dict[str, Callable] = {
        "orpheus high": orpheus_fast.resample,
        "soxr HQ": lambda x, a, b: soxr.resample(x, a, b, quality="HQ"),
        "orpheus best": lambda x, a, b: orpheus_fast.resample(x, a, b, quality="best"),
        "soxr VHQ": lambda x, a, b: soxr.resample(x, a, b, quality="VHQ"),
    }
    if importlib.util.find_spec("librosa"):
        import librosa  # noqa: PLC0415 -- only where it is installed

        found["librosa"] = lambda x, a, b: librosa.resample(x, orig_sr=a, target_sr=b)
    if importlib.util.find_spec("torchaudio"):
        import torch  # noqa: PLC0415
        import torchaudio  # noqa: PLC0415

        torch.set_num_threads(1)
        found["torchaudio"] = lambda x, a, b: torchaudio.functional.resample(torch.from_numpy(x), a, b).numpy()
    if importlib.util.find_spec("scipy"):
        from scipy.signal import resample_poly  # noqa: PLC0415

        def poly(x: np.ndarray, a: int, b: int) -> np.ndarray:
            divisor = np.gcd(a, b)
            return resample_poly(x, b // divisor, a // divisor)

        found["scipy poly"] = poly
    return found


def cpu_seconds(work: Callable[[], object], n_runs: int) -> float:
    best = float("inf")
    for _ in range(n_runs):
        start = time.thread_time()
        work()
        best = min(best, time.thread_time() - start)
    return best


def gain_and_snr_db(convert: Callable, pair: tuple[int, int], hz: float) -> tuple[float, float]:
    samples = np.sin(2 * np.pi * hz / pair[0] * np.arange(pair[0] // 2)).astype(np.float32)
    output = convert(samples, *pair).astype(np.float64)
    middle = slice(len(output) // 4, 3 * len(output) // 4)
    phase = 2 * np.pi * hz / pair[1] * np.arange(len(output))[middle]
    basis = np.stack([np.sin(phase), np.cos(phase)], axis=1)
    amplitudes, *_ = np.linalg.lstsq(basis, output[middle], rcond=None)
    tone = basis @ amplitudes
    return 20 * np.log10(np.linalg.norm(amplitudes)), 10 * np.log10(
        np.sum(tone**2) / np.sum((output[middle] - tone) ** 2)
    )


def edge(convert: Callable, pair: tuple[int, int]) -> float:
    low, high = 0.5, 1.0
    while high - low > 0.001:
        middle = (low + high) / 2
        is_flat = gain_and_snr_db(convert, pair, middle * min(pair) / 2)[0] >= -0.1
        low, high = (middle, high) if is_flat else (low, middle)
    return low


def leakage_db(convert: Callable, pair: tuple[int, int]) -> float:
    if pair[0] < pair[1]:
        return float("nan")
    worst = 0.0
    for hz in np.linspace(1.002 * pair[1] / 2, 0.99 * pair[0] / 2, 7):
        samples = np.sin(2 * np.pi * hz / pair[0] * np.arange(pair[0] // 2)).astype(np.float32)
        output = convert(samples, *pair)
        worst = max(worst, 2 * float(np.mean(output[len(output) // 4 : 3 * len(output) // 4].astype(np.float64) ** 2)))
    return 10 * np.log10(worst + 1e-30)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=180)
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    found = converters()
    print(f"{arguments.seconds} s, one channel, float32; CPU seconds, times ours; SNR dB, -0.1 dB edge, leakage dB")
    for pair in PAIRS:
        samples = np.random.default_rng(0).uniform(-1, 1, pair[0] * arguments.seconds).astype(np.float32)
        ours = float("nan")
        for name, convert in found.items():
            if name == "scipy poly" and pair[1] == 44_099:
                continue
            tones = np.array([0.05, 0.37, 0.83]) * min(pair) / 2
            snr = min(gain_and_snr_db(convert, pair, hz)[1] for hz in tones)
            seconds = cpu_seconds(lambda c=convert, x=samples, p=pair: c(x, *p), arguments.runs)
            ours = seconds if name == "orpheus high" else ours
            figures = f"{snr:6.1f} {edge(convert, pair):6.3f} {leakage_db(convert, pair):7.1f}"
            print(f"{pair[0]:6} -> {pair[1]:6}  {name:13} {seconds:7.4f} {seconds / ours:6.2f} x {figures}")


if __name__ == "__main__":
    main()

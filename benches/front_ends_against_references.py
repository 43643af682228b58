"""Model front ends against their makers' extractors: one thread, CPU seconds, one run, errors first.

CLAP's reference is `ClapFeatureExtractor` of transformers where torch is installed, and otherwise the NumPy functions
of transformers that it calls; the others' are the formulas of `tests/front_end_references.py` in NumPy. Both sides
take turns on the same ten-second clips, and the best of the rounds counts for each.

    python benches/front_ends_against_references.py                    clips made from the demo's music
    python benches/front_ends_against_references.py --audio FOLDER     ten seconds of each of your own files
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from orpheus_fast import audio, features
from orpheus_fast.demo import PIECES, render, wav_bytes

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
import front_end_references as references

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    Samples = npt.NDArray[np.float32]
    Levels = npt.NDArray[np.float32] | npt.NDArray[np.float64]

SECONDS = 10
# Most that a level may differ: everywhere, and above -60 dB.
TOLERANCES = {"fast": (0.05, 2e-3), "reference": (1e-4, 1e-4)}
# Of natural logarithms of magnitudes, which have no -60 dB: 0.04 dB.
LOGARITHM = 5e-3


def clips_at(rate: int, folder: Path | None) -> list[Samples]:
    if folder is not None:
        paths = sorted(path for path in folder.iterdir() if path.suffix in (".mp3", ".ogg", ".flac", ".wav"))
        sources: list[Path | bytes] = list(paths)
    else:
        sources = [wav_bytes(*render(piece)) for piece in PIECES[:8]]
    return [np.resize(audio.decode(s, sample_rate=rate, mono=True).samples[0], SECONDS * rate) for s in sources]


def clap_reference() -> tuple[str, Callable[[Samples], Levels]]:
    try:
        import torch  # noqa: PLC0415 -- not a dependency
        from transformers import ClapFeatureExtractor  # noqa: PLC0415
    except ImportError:
        return "transformers.audio_utils", references.clap
    torch.set_num_threads(1)
    extractor = ClapFeatureExtractor(frequency_min=50, frequency_max=14_000, truncation="rand_trunc")

    def extract(samples: Samples) -> Levels:
        levels: Levels = np.asarray(extractor(samples, sampling_rate=48_000)["input_features"][0])
        return levels

    return "ClapFeatureExtractor", extract


def cpu_seconds(work: Callable[[Samples], Levels], clip: Samples) -> float:
    started = time.thread_time()
    work(clip)
    return time.thread_time() - started


def errors(ours: Callable[[Samples], Levels], expected: list[Levels], clips: list[Samples]) -> tuple[float, float]:
    """Largest difference everywhere, and above -60 dB."""
    everywhere = above = 0.0
    for clip, reference in zip(clips, expected, strict=True):
        difference = np.abs(ours(clip) - reference)
        everywhere = max(everywhere, float(difference.max()))
        above = max(above, float(difference[reference > -60].max(initial=0)))
    return everywhere, above


def compare(
    name: str, reference: tuple[str, Callable[[Samples], Levels]], ours: Callable[..., Levels], clips: list[Samples]
) -> None:
    expected = [reference[1](clip) for clip in clips]
    kinds = ("fast", "reference") if ours is not features.wav2vec2_input else ("fast",)
    for precision in kinds:

        def run(clip: Samples, precision: str = precision) -> Levels:
            return ours(clip) if ours is features.wav2vec2_input else ours(clip, precision=precision)

        everywhere, above = errors(run, expected, clips)
        most, most_above = TOLERANCES[precision]
        if everywhere > most or above > (LOGARITHM if name in ("VGGish", "YAMNet") else most_above):
            sys.exit(f"{name}, {precision}: off by {everywhere:.2g} ({above:.2g} above -60 dB): no ratio is printed")
        theirs = best = float("inf")
        for _ in range(5):
            for clip in clips[:8]:
                theirs = min(theirs, cpu_seconds(reference[1], clip))
                best = min(best, *(cpu_seconds(run, clip) for _ in range(5)))
        print(
            f"{name:10}{'float32' if precision == 'fast' else 'float64':10}{reference[0]:26}{theirs * 1e3:10.2f}"
            f"{best * 1e3:10.3f}{theirs / best:8.1f}x{everywhere:12.1e}{above:16.1e}"
        )


def restart_with_one_thread() -> None:
    """How many threads NumPy's libraries use is settled when they are loaded."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    if any(os.environ.get(name) != "1" for name in names):
        os.environ.update(dict.fromkeys(names, "1"))
        os.execv(sys.executable, [sys.executable, *sys.argv])


def main() -> None:
    restart_with_one_thread()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--audio", type=Path, help="folder of files (default: the demo's music)")
    folder = parser.parse_args().audio
    print(f"{SECONDS}-s clips, one thread, CPU ms per clip")
    titles = f"{'theirs':>10}{'ours':>10}{'ratio':>9}{'error':>12}{'above -60 dB':>16}"
    print(f"{'model':10}{'ours in':10}{'reference':26}{titles}")
    compare("CLAP", clap_reference(), features.clap_log_mel, clips_at(48_000, folder))
    compare("PANNs", ("NumPy, float64", references.panns), features.panns_log_mel, clips_at(32_000, folder))
    for name, reference, ours in (
        ("VGGish", references.vggish, features.vggish_log_mel),
        ("YAMNet", references.yamnet, features.yamnet_log_mel),
        ("wav2vec2", references.wav2vec2, features.wav2vec2_input),
    ):
        compare(name, ("NumPy, float64", reference), ours, clips_at(16_000, folder))


if __name__ == "__main__":
    main()

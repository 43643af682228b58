"""Judge the sound space beside the classical one, on labels that were not used to fit it.

    python tools/sound_space/judge.py ../shared/audio

Single sounds by kind, recordings by artist (another recording of the artist has to be found), sounds and pieces that
are made from other seeds than those that the constants were fitted to.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from material import Clip, altered, demo_clips, environment_clips, music_clips, sample_clips

from orpheus_fast.evaluate import evaluate_vectors
from orpheus_fast.features import classical_vector, sound_vector

SEED = 50_000


def classical_vectors(clips: list[Clip]) -> np.ndarray:
    """Describe by the study's vector, as the library compares it: standardised over the set."""
    vectors = np.stack([classical_vector(clip.samples) for clip in clips])
    deviations = vectors.std(axis=0)
    return (vectors - vectors.mean(axis=0)) / np.where(deviations > 0, deviations, 1)


def sound_vectors(clips: list[Clip]) -> np.ndarray:
    """Describe by the sound vector."""
    return np.stack([sound_vector(clip.samples) for clip in clips])


def main() -> None:
    """Print one line for each set and space."""
    folder = Path(sys.argv[1])
    music = music_clips(folder)
    sets = {
        "single sounds": sample_clips(folder),
        "artists": music,
        "artists, altered": [altered(clip, SEED + number) for number, clip in enumerate(music)],
        "environment, made": environment_clips(14, SEED),
        "styles, made": demo_clips(6, SEED),
    }
    for name, clips in sets.items():
        labels, groups = [clip.label for clip in clips], [clip.group for clip in clips]
        for space, vectors in (("classical", classical_vectors(clips)), ("sound", sound_vectors(clips))):
            found = evaluate_vectors(vectors, labels, groups=groups)
            ranking = found.filtered or found.all
            figures = {
                "P@10": ranking.precision.value,
                "mAP": ranking.average_precision.value,
                "1-NN": ranking.nearest.value,
                "hubness": found.hubness.skewness,
                "probe": found.probe.accuracy if found.probe else float("nan"),
            }
            print(f"{name:18} {space:10}" + "  ".join(f"{key} {value:.3f}" for key, value in figures.items()))


if __name__ == "__main__":
    main()

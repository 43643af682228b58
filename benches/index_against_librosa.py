"""`orpheus index` against a librosa script that computes the same vectors, on one core, in one run.

Both get the same 30-s MP3 clips. The script is `librosa_classical.py`, as the study wrote it and with one shared STFT;
its warm-up (librosa compiles some functions on first use) is not counted. Ours is the whole command: start of the
process, scan, decode, vectors, commit to disk. The answers are compared before any ratio is printed.

    python benches/index_against_librosa.py                    clips made from the demo's music
    python benches/index_against_librosa.py --clips FOLDER     your own
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from orpheus_fast import Library
from orpheus_fast.demo import PIECES, render

HERE = Path(__file__).parent
CLIP_SECONDS = 30
# The features agree to 1e-4 on the same samples (tests/parity). Here each side also resamples with its
# own filter, and the two differ in the transition band above 10 kHz, which the upper mel bands see.
MIN_COSINE = 0.98


def make_clips(folder: Path, n_clips: int) -> list[Path]:
    """30-s clips, MP3, 128 kbit/s, 44.1 kHz stereo."""
    import lameenc  # noqa: PLC0415 -- only where clips have to be made

    folder.mkdir(parents=True, exist_ok=True)
    clips = []
    for number in range(n_clips):
        path = folder / f"{number:02}.mp3"
        clips.append(path)
        if path.exists():
            continue
        samples, sample_rate = render(PIECES[number % len(PIECES)])
        samples = np.resize(np.roll(samples, number * 9973, axis=1).T, (CLIP_SECONDS * sample_rate, 2))
        encoder = lameenc.Encoder()
        encoder.set_bit_rate(128)
        encoder.set_in_sample_rate(sample_rate)
        encoder.set_channels(2)
        encoder.set_quality(2)
        pcm = np.clip(np.rint(samples * 32_767), -32_768, 32_767).astype("<i2").tobytes()
        path.write_bytes(bytes(encoder.encode(pcm)) + bytes(encoder.flush()))
    return clips


def run_librosa(clips: list[Path], out: Path, *extra: str) -> dict[str, Any]:
    report = out / "librosa.json"
    command = [sys.executable, str(HERE / "librosa_classical.py"), *map(str, clips)]
    subprocess.run(
        [*command, "--json", str(report), "--npy", str(out / "librosa.npy"), *extra], check=True, capture_output=True
    )
    result: dict[str, Any] = json.loads(report.read_text(encoding="utf-8"))
    return result


def run_ours(clips: list[Path], out: Path) -> tuple[float, float]:
    """(wall, CPU) seconds of the whole command."""
    library = out / f"clips-{time.monotonic_ns()}.orpheus"
    command = [sys.executable, "-m", "orpheus_fast", "index", *map(str, clips)]
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(
        [*command, "--library", str(library), "--jobs", "1", "--space", "classical", "--json"],
        check=True,
        capture_output=True,
    )
    wall = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    compare(library, clips, out)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def compare(library: Path, clips: list[Path], out: Path) -> None:
    """Stop if the vectors are not those of librosa."""
    with Library.open(library) as opened:
        vectors, track_ids = opened.vectors("classical")
        ids = {track.path: track.id for track in opened._store.catalog.all_tracks()}
    row = {track_id: number for number, track_id in enumerate(track_ids.tolist())}
    ours = np.stack([vectors[row[ids[os.fsencode(clip.absolute())]]] for clip in clips])
    theirs = np.load(out / "librosa.npy")
    mean, scale = theirs.mean(axis=0), theirs.std(axis=0)
    a, b = ((side - mean) / np.where(scale > 0, scale, 1) for side in (ours, theirs))
    cosines = (a @ b.T) / np.outer(np.linalg.norm(a, axis=1), np.linalg.norm(b, axis=1))
    same = np.diag(cosines)
    found = int((cosines.argmax(axis=1) == np.arange(len(clips))).sum())
    print(
        f"agreement: standardised cosine {same.min():.4f} to {same.max():.4f}, {found} of {len(clips)} find themselves"
    )
    if same.min() < MIN_COSINE or found < len(clips):
        sys.exit("the vectors differ: no ratio is printed")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=Path, help="folder of clips (default: made from the demo's music)")
    parser.add_argument("--n-clips", type=int, default=40)
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch)
        folder = arguments.clips or Path(tempfile.gettempdir()) / "orpheus-bench-clips"
        clips = sorted(arguments.clips.glob("*.mp3")) if arguments.clips else make_clips(folder, arguments.n_clips)
        report(clips, out, arguments.runs)


def report(clips: list[Path], out: Path, n_runs: int) -> None:
    baselines = {
        "librosa, call by call": run_librosa(clips, out),
        "librosa, shared STFT": run_librosa(clips, out, "--shared-stft"),
    }
    runs = [run_ours(clips, out) for _ in range(n_runs)]
    wall, cpu = (min(values) for values in zip(*runs, strict=True))
    print(f"\n{len(clips)} clips, one core")
    print(f"{'':24}{'tracks/s':>10}{'CPU ms/track':>14}{'ratio':>8}")
    for name, baseline in baselines.items():
        rate, cost = baseline["tracks_per_second"], baseline["cpu_seconds_per_track"] * 1e3
        print(f"{name:24}{rate:10.2f}{cost:14.1f}{len(clips) / wall / rate:7.1f}x")
    print(f"{'orpheus index':24}{len(clips) / wall:10.2f}{cpu / len(clips) * 1e3:14.1f}")


if __name__ == "__main__":
    main()

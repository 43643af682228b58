"""Many files to windows of 48 kHz mono float32 on threads: our loader against a thread pool over the usual libraries.

    python benches/loader_against_peers.py [--music SONG] [--threads 2]

Prints tracks per second (wall clock), how two threads do against one, what is left of a Python thread's speed while the
loader works on the other core, and the time until the first batch. Run it on a machine with nothing else to do.
"""

from __future__ import annotations

import argparse
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from audio_material import make
from audio_peers import RATE, Reader, peers

import orpheus_fast as orpheus

TITLES = ("MP3 128 CBR", "FLAC 16", "Ogg Vorbis q5", "AAC-LC 192 m4a", "WAV 16")
# soundfile cannot read it: every peer is timed on what all of them read.
COMMON = ("MP3 128 CBR", "FLAC 16", "Ogg Vorbis q5", "WAV 16")

RATES = (48_000, 24_000, 22_050)


def stream_seconds(paths: list[Path], n_threads: int) -> float:
    started = time.perf_counter()
    with orpheus.stream(paths, sample_rate=RATE, window_seconds=10.0, batch_size=16, n_threads=n_threads) as batches:
        ends = [end for batch in batches for end in batch.outcomes]
    if len(ends) != len(paths) or not all(end.outcome.ok for end in ends):
        raise SystemExit([end.outcome for end in ends if not end.outcome.ok])
    return time.perf_counter() - started


def pool_seconds(reader: Reader, paths: list[Path], n_threads: int) -> float:
    started = time.perf_counter()
    with ThreadPoolExecutor(n_threads) as pool:
        for samples in pool.map(lambda path: reader(path, 0.0, None), paths):
            assert len(samples)
    return time.perf_counter() - started


def first_batch_seconds(path: Path) -> float:
    started = time.perf_counter()
    with orpheus.stream([path] * 8, sample_rate=RATE, window_seconds=10.0, batch_size=1) as batches:
        next(batches)
        return time.perf_counter() - started


def rates_seconds(path: Path, rates: tuple[int, ...], n_runs: int) -> float:
    """CPU time of one track as windows of each rate, out of one decode."""
    taps = [orpheus.Tap(sample_rate=rate, window_seconds=10.0) for rate in rates]
    best = float("inf")
    for _ in range(n_runs):
        started = time.process_time()
        with orpheus.AudioStream([path], taps, batch_size=16, n_threads=1) as batches:
            assert sum(len(batch.samples) for batch in batches) > len(rates)
        best = min(best, time.process_time() - started)
    return best


def ticks_per_second(done: threading.Event) -> float:
    """How fast this thread counts in Python until `done`."""
    n_ticks, started = 0, time.perf_counter()
    while not done.is_set():
        for _ in range(10_000):
            n_ticks += 1
    return n_ticks / (time.perf_counter() - started)


def share_left_to_python(paths: list[Path]) -> float:
    """Speed of a busy Python thread beside a loader with one thread, against its speed alone."""
    alone_done = threading.Event()
    threading.Timer(2.0, alone_done.set).start()
    alone = ticks_per_second(alone_done)
    beside_done = threading.Event()

    def load() -> None:
        stream_seconds(paths, 1)
        beside_done.set()

    threading.Thread(target=load).start()
    return ticks_per_second(beside_done) / alone


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--music", type=Path, help="an audio file (default: the demo's music)")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--copies", type=int, default=4, help="how often each file is in the list")
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    files = make(arguments.music)
    paths = [files[title] for title in TITLES] * arguments.copies
    one, many = (min(stream_seconds(paths, n) for _ in range(arguments.runs)) for n in (1, arguments.threads))
    print(f"loader, {len(paths)} tracks: {len(paths) / one:.2f} tracks/s on 1 thread,", end=" ")
    print(f"{len(paths) / many:.2f} on {arguments.threads} ({one / many:.2f} x)")
    print(f"a busy Python thread beside it keeps {100 * share_left_to_python(paths * 2):.0f} % of its speed")
    first = [first_batch_seconds(files[title]) for title in TITLES]
    print("first batch after " + ", ".join(f"{1000 * s:.0f} ms ({t})" for s, t in zip(first, TITLES, strict=True)))
    for title in ("MP3 128 CBR", "FLAC 16", "WAV 16"):
        three = rates_seconds(files[title], RATES, arguments.runs)
        dearest = max(rates_seconds(files[title], (rate,), arguments.runs) for rate in RATES)
        print(f"{title} at three rates: {three:.4f} CPU-s, {three / dearest:.2f} x the dearest one alone")
    common = [files[title] for title in COMMON] * arguments.copies
    ours = min(stream_seconds(common, arguments.threads) for _ in range(arguments.runs))
    print(f"\n{len(common)} tracks on {arguments.threads} threads: {len(common) / ours:.2f} tracks/s")
    for name, reader in peers().items():
        if name != "orpheus_fast":
            seconds = min(pool_seconds(reader, common, arguments.threads) for _ in range(arguments.runs))
            print(f"  {name:16} {len(common) / seconds:6.2f} tracks/s, ours {seconds / ours:.2f} x")


if __name__ == "__main__":
    main()

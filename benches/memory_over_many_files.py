"""Memory of one process that decodes very many short files: it must not grow with their number.

    python benches/memory_over_many_files.py [--files 100000]

Seven formats in turn, 0.2 s each, some of them damaged, through one stream after another (as an index run does). Prints
the resident memory every 10,000 files, and its slope after the first 2,000.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import orpheus_fast as orpheus

SEEDS = Path(__file__).parent.parent / "fuzz" / "corpus" / "decode"
SETTLED = 2_000


def resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def tracks(n_files: int) -> Iterator[bytes]:
    """Whole files of every format, every seventh of them cut or with a byte changed."""
    whole = [path.read_bytes() for path in sorted(SEEDS.iterdir())]
    dice = np.random.default_rng(0)
    for number in range(n_files):
        data = whole[number % len(whole)]
        if number % 7 == 0:
            damaged = bytearray(data)
            damaged[int(dice.integers(len(damaged)))] ^= 0x55
            data = bytes(damaged[: int(dice.integers(len(damaged) // 2, len(damaged)))])
        yield data


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=100_000)
    arguments = parser.parse_args()
    counts, sizes, n_done, started = [], [], 0, time.perf_counter()
    n_open_before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 -- of this process, not of a folder
    with orpheus.stream(tracks(arguments.files), sample_rate=16_000, window_seconds=0.2, ordered=False) as batches:
        for batch in batches:
            n_done += len(batch.outcomes)
            if n_done >= SETTLED and (not counts or n_done - counts[-1] >= 1_000):
                counts.append(n_done)
                sizes.append(resident_bytes())
                if n_done // 10_000 != (n_done - 1_000) // 10_000:
                    print(f"{n_done:7} files: {sizes[-1] / 2**20:.1f} MiB", flush=True)
    slope = np.polyfit(counts, sizes, 1)[0] * 10_000 / 2**20
    n_open = len(os.listdir("/proc/self/fd")) - n_open_before  # noqa: PTH208
    seconds = time.perf_counter() - started
    print(f"{n_done} files in {seconds:.0f} s: {slope:+.3f} MiB per 10,000 after the first {SETTLED}")
    print(f"{(max(sizes) - sizes[0]) / 2**20:.1f} MiB above the plateau at most; {n_open} more open files")


if __name__ == "__main__":
    main()

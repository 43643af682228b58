"""Feeds windows of many tracks to a torch model while the next ones are decoded in the background.

python examples/stream_into_torch.py

Without torch it says so and does nothing. `torch.from_numpy` shares the batch's memory: nothing is copied on the way.
"""

import sys
import tempfile
from pathlib import Path

import orpheus_fast as orpheus
from orpheus_fast.demo import write_collection

try:
    import torch
except ImportError:
    print("skipped: torch is not installed (pip install torch)")
    sys.exit()

SAMPLE_RATE = 16_000
WINDOW_SECONDS = 5
N_FEATURES = 64
device = "cuda" if torch.cuda.is_available() else "cpu"
# Stands in for your model: the level of each of 64 stretches of the window.
model = torch.nn.Sequential(
    torch.nn.Unflatten(1, (1, -1)),
    torch.nn.LPPool1d(2, SAMPLE_RATE * WINDOW_SECONDS // N_FEATURES),
    torch.nn.Flatten(),
).to(device)

with tempfile.TemporaryDirectory() as folder:
    tracks = write_collection(Path(folder) / "music", n_pieces=3)
    sums = [torch.zeros(N_FEATURES) for _ in tracks]
    n_windows = [0 for _ in tracks]
    with orpheus.stream(tracks, sample_rate=SAMPLE_RATE, window_seconds=WINDOW_SECONDS, batch_size=8) as stream:
        for batch in stream:
            # A batch without windows may come at the end, to carry the last outcomes.
            if len(batch):
                with torch.no_grad():
                    features = model(torch.from_numpy(batch.samples).to(device)).cpu()
                for number, row in zip(batch.track.tolist(), features, strict=True):
                    sums[number] += row
                    n_windows[number] += 1
            for ended in batch.outcomes:
                name, n = tracks[ended.track].name, n_windows[ended.track]
                mean = sums[ended.track] / max(n, 1)
                print(f"{name}: {ended.outcome.status}, {n} windows, a vector of {len(mean)} values")
        print({stage: f"{seconds:.3f} s" for stage, seconds in stream.stage_seconds().items()})

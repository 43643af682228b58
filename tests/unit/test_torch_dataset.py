"""Windows as a torch dataset."""

from __future__ import annotations

import numpy as np
import pytest

import signals
from orpheus_fast import audio

torch = pytest.importorskip("torch", reason="torch is not installed")

from orpheus_fast import StreamDataset  # noqa: E402 -- needs torch

RATE = 8000
TRACKS = [signals.wav_bytes(signals.noise(1.0 + seed % 2, seed=seed), RATE, "s16") for seed in range(7)]
TAP = audio.Tap(RATE, window_seconds=0.5)


def rows_of(batches: object) -> dict[tuple[int, float], np.ndarray]:
    rows = {}
    for batch in batches:
        keys = zip(batch["track"].tolist(), batch["start_seconds"].tolist(), strict=True)
        rows |= dict(zip(keys, batch["samples"].numpy(), strict=True))
    return rows


@pytest.mark.parametrize(("n_workers", "context"), [(0, None), (2, "fork"), (2, "spawn")])
def test_every_window_comes_once_whatever_the_workers(n_workers: int, context: str | None) -> None:
    dataset = StreamDataset(TRACKS, TAP, batch_size=3)
    loader = torch.utils.data.DataLoader(
        dataset, batch_size=None, num_workers=n_workers, multiprocessing_context=context
    )
    wanted = {
        (int(track), float(start)): row
        for batch in audio.stream(TRACKS, sample_rate=RATE, window_seconds=0.5)
        for track, start, row in zip(batch.track, batch.start_seconds, batch.rows, strict=True)
    }
    got = rows_of(loader)
    assert got.keys() == wanted.keys()
    assert all(np.array_equal(got[key], wanted[key]) for key in wanted)


def test_outcomes_name_tracks_of_the_whole_list() -> None:
    dataset = StreamDataset([*TRACKS, b"not audio"], TAP)
    loader = torch.utils.data.DataLoader(dataset, batch_size=None, num_workers=2, multiprocessing_context="fork")
    ends = {end.track: end.outcome.status for batch in loader for end in batch["outcomes"]}
    assert ends == dict.fromkeys(range(7), "ok") | {7: "failed"}


def test_a_batch_shares_its_memory_with_the_stream() -> None:
    batch = next(iter(StreamDataset(TRACKS, TAP)))
    assert batch["samples"].dtype == torch.float32
    batch["samples"][0, 0] = 0.25
    assert batch["samples"].numpy()[0, 0] == 0.25

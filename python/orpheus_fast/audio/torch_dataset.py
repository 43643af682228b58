"""A stream of windows as a torch `IterableDataset`."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from orpheus_fast import threads
from orpheus_fast.audio.streams import AudioStream, Tap
from orpheus_fast.errors import MissingExtraError

try:
    import torch
    from torch.utils.data import IterableDataset, get_worker_info
except ImportError as error:
    message = 'torch is not installed: pip install "orpheus-fast[torch]"'
    raise MissingExtraError(message) from error

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from orpheus_fast.audio.streams import Batch
    from orpheus_fast.audio.tracks import AudioSource, Limits, Quality

__all__ = ["StreamDataset"]


# torch's types are only there for those who installed it.
class StreamDataset(IterableDataset[dict[str, Any]]):  # type: ignore[misc, unused-ignore]
    """Windows of many tracks, batched, for `torch.utils.data.DataLoader(dataset, batch_size=None)`.

    The stream decodes on threads of its own, so `num_workers=0` is the fast way: batches reach the
    training loop without being pickled. With `num_workers=n`, each worker process takes every n-th
    track and its share of the threads; nothing is shared with the parent, so forked and spawned
    workers are alike.

    Parameters
    ----------
    sources : sequence of paths or bytes, or any iterable of them
        One track each. With workers, every worker iterates over all of them and takes its own.
    tap : Tap
        Rate, windows, front end.
    batch_size : int > 0
        Windows per batch.
    ordered, n_threads, quality, limits
        As `stream` has them.

    Yields
    ------
    dict
        `samples` (or `input_features`, with a front end): float32 tensor (n_windows, ...) over the
        batch's memory; `track`: int64 tensor, index in `sources`; `start_seconds`: float64;
        `valid_samples`: int64; `outcomes`: list of `TrackOutcome` with indices in `sources`.
    """

    def __init__(
        self,
        sources: Iterable[AudioSource],
        tap: Tap,
        *,
        batch_size: int = 64,
        ordered: bool = True,
        n_threads: int | None = None,
        quality: Quality = "high",
        limits: Limits | None = None,
    ) -> None:
        super().__init__()
        self._sources = sources
        self._tap = tap
        self._batch_size = batch_size
        self._ordered = ordered
        self._n_threads = n_threads
        self._quality: Quality = quality
        self._limits = limits

    def __iter__(self) -> Iterator[dict[str, Any]]:
        worker = get_worker_info()
        first, step = (0, 1) if worker is None else (worker.id, worker.num_workers)
        n_threads = self._n_threads
        if worker is not None and n_threads is None:
            n_threads = max(1, threads.total() // step)
        stream = AudioStream(
            islice(self._sources, first, None, step),
            [self._tap],
            batch_size=self._batch_size,
            ordered=self._ordered,
            n_threads=n_threads,
            quality=self._quality,
            limits=self._limits,
        )
        with stream:
            for batch in stream:
                yield self._tensors(batch, first, step)

    def _tensors(self, batch: Batch, first: int, step: int) -> dict[str, Any]:
        return {
            "samples" if self._tap.front_end is None else "input_features": torch.from_numpy(batch.rows),
            "track": torch.from_numpy(batch.track) * step + first,
            "start_seconds": torch.from_numpy(batch.start_seconds),
            "valid_samples": torch.from_numpy(batch.valid_samples),
            "outcomes": [replace(end, track=first + step * end.track) for end in batch.outcomes],
        }

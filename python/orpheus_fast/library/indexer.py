"""Files → outcomes and vectors, committed batch by batch."""

from __future__ import annotations

import os
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, cast

import numpy as np

from orpheus_fast import _native
from orpheus_fast.audio import AudioStream, Outcome, Tap, read_tags
from orpheus_fast.errors import DecodeError, ParameterError
from orpheus_fast.library.interrupt import deferred_interrupts
from orpheus_fast.library.ledger import file_digest
from orpheus_fast.library.records import Embedding, TrackResult
from orpheus_fast.library.results import IndexProgress, IndexReport
from orpheus_fast.library.scan import found_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from concurrent.futures import Future

    from numpy.typing import NDArray

    from orpheus_fast.audio import Batch, Tags, TrackOutcome
    from orpheus_fast.library.ledger import Job
    from orpheus_fast.library.records import Outcome as RecordedOutcome
    from orpheus_fast.library.scan import FoundFile
    from orpheus_fast.library.spaces import SpaceSpec
    from orpheus_fast.library.writer import Writer

__all__ = ["ENGINE_VERSION", "Indexer", "tags_of", "tap_of"]

# Failed files are tried again when what decodes them has changed.
ENGINE_VERSION: Final = f"orpheus {_native.__version__}"

# What turns windows into vectors within the loader.
_FEATURE_MODELS: Final = ("sound", "classical")
# A crash costs at most one batch.
_BATCH_TRACKS: Final = 256
_BATCH_SECONDS: Final = 30.0
# Rows come to Python in groups this large: a track counts as finished when its group is full, and what is not finished
# is lost where a run is interrupted.
_ROWS_PER_BATCH: Final = 16
_PROGRESS_SECONDS: Final = 0.1
# Reading tags is waiting for the disk, if anything: while the next tracks are decoded.
_TAG_THREADS: Final = 2
# Less sound than lost: the track is not what the neighbours would be told.
_LEAST_SOUND_SHARE: Final = 0.5


def tap_of(spec: SpaceSpec) -> Tap:
    """Return what the loader must do for vectors of `spec`."""
    if spec.model not in _FEATURE_MODELS:
        message = f"space {spec.name!r} needs model {spec.model!r}, expected one of {', '.join(_FEATURE_MODELS)}"
        raise ParameterError(message)
    return Tap(
        sample_rate=spec.sample_rate,
        placement=spec.policy,  # type: ignore[arg-type]  # SpaceSpec has checked it
        window_seconds=spec.window_seconds or 0.0,
        hop_seconds=spec.hop_seconds,
        pad_threshold=spec.pad_threshold or 0.0,
        max_windows=spec.max_windows,
        front_end=spec.model if spec.layout is None else f"{spec.model}_{spec.layout}",
    )


@dataclass(slots=True)
class _Sum:
    """The windows of one track in one space, so far."""

    total: NDArray[np.float64]
    n_windows: int = 0

    def embedding(self) -> Embedding:
        mean = self.total / self.n_windows
        if not np.isfinite(mean).all():
            return Embedding(None, self.n_windows, note="the vector is not finite")
        return Embedding(mean.astype(np.float32), self.n_windows)


@dataclass(slots=True)
class _Run:
    """One pass over a list of files, for spaces that all of them lack."""

    jobs: Sequence[Job]
    specs: Sequence[SpaceSpec]
    sums: dict[tuple[int, int], _Sum] = field(default_factory=dict)
    changed: list[Job] = field(default_factory=list)


class Indexer:
    """Works through files and commits what becomes of them.

    Parameters
    ----------
    writer : Writer
        The library.
    n_threads : int, optional
        Decoding threads; None takes one per core.
    report : IndexReport
        Kept up to date.
    progress : callable
        Told how far the run is.
    """

    def __init__(
        self,
        writer: Writer,
        *,
        n_threads: int | None,
        report: IndexReport,
        progress: Callable[[IndexProgress], None],
    ) -> None:
        self._writer = writer
        self._n_threads = n_threads
        self._report = report
        self._progress = progress
        self._pending: list[TrackResult] = []
        self._tags: list[Future[Tags | None]] = []
        self._tag_readers = ThreadPoolExecutor(_TAG_THREADS, thread_name_prefix="orpheus-tags")
        self._outcomes: Counter[str] = Counter()
        self._kinds: Counter[str] = Counter()
        self._write_seconds = 0.0
        self._last_commit = self._last_progress = self._started = time.monotonic()
        self._n_total = 0

    def run(self, jobs: Sequence[Job], specs: Mapping[str, SpaceSpec]) -> None:
        """Decode and embed the files of `jobs`; on an interruption, commit what is finished and raise it again.

        `specs` are the spaces by name; the library must have them.
        """
        groups: dict[tuple[str, ...], list[Job]] = {}
        for job in jobs:
            groups.setdefault(job.spaces, []).append(job)
        self._n_total = len(jobs)
        self._tell(force=True)
        try:
            for names, group in groups.items():
                wanted = [specs[name] for name in names]
                changed = self._pass(group, wanted, may_retry=True)
                # Written to while they were read: once more, now that they may have settled.
                self._pass([_looked_at_again(job) for job in changed], wanted, may_retry=False)
        finally:
            with deferred_interrupts():
                self._commit()
                self._tag_readers.shutdown()
            self._tell(force=True)

    @property
    def outcomes(self) -> Counter[str]:
        """Outcomes of the committed files of this run."""
        return self._outcomes

    @property
    def kinds(self) -> Counter[str]:
        """Reasons of those that are not `ok`."""
        return self._kinds

    def _pass(self, jobs: Sequence[Job], specs: Sequence[SpaceSpec], *, may_retry: bool) -> list[Job]:
        if not jobs:
            return []
        run = _Run(jobs, specs)
        paths = [os.fsdecode(job.found.path) for job in jobs]
        taps = [tap_of(spec) for spec in specs]
        with AudioStream(paths, taps, batch_size=_ROWS_PER_BATCH, ordered=False, n_threads=self._n_threads) as stream:
            for batch in stream:
                self._add_rows(run, batch)
                for ended in batch.outcomes:
                    self._end_track(run, ended, may_retry=may_retry)
                with deferred_interrupts():
                    self._commit_if_due()
                self._tell(stream=stream)
        return run.changed

    def _add_rows(self, run: _Run, batch: Batch) -> None:
        if not len(batch):
            return
        # Rows of one track stand together: sum each stretch at once.
        edges = np.flatnonzero(np.diff(batch.track)) + 1
        for first, rows in zip([0, *edges.tolist()], np.split(batch.rows, edges), strict=True):
            key = (int(batch.track[first]), batch.tap)
            held = run.sums.setdefault(key, _Sum(np.zeros(rows.shape[1])))
            held.total += rows.sum(axis=0, dtype=np.float64)
            held.n_windows += rows.shape[0]

    def _end_track(self, run: _Run, ended: TrackOutcome, *, may_retry: bool) -> None:
        job = run.jobs[ended.track]
        sums = {spec.name: run.sums.pop((ended.track, tap), None) for tap, spec in enumerate(run.specs)}
        result = _result(job, ended, sums)
        if may_retry and result.kind == "changed":
            run.changed.append(job)
            return
        self._pending.append(result)
        self._tags.append(self._tag_readers.submit(tags_of, job.found.path))
        self._report.audio_seconds += result.seconds_sound

    def _commit_if_due(self) -> None:
        waited = time.monotonic() - self._last_commit
        if len(self._pending) >= _BATCH_TRACKS or (self._pending and waited >= _BATCH_SECONDS):
            self._commit()

    def _commit(self) -> None:
        started = time.monotonic()
        tagged = [replace(result, tags=tags.result()) for result, tags in zip(self._pending, self._tags, strict=True)]
        for batch in _chunks(tagged, _BATCH_TRACKS):
            self._writer.commit(batch)
            self._report.decoded += len(batch)
            self._outcomes.update(result.outcome for result in batch)
            self._kinds.update(result.kind for result in batch if result.kind)
        self._pending.clear()
        self._tags.clear()
        self._last_commit = time.monotonic()
        self._write_seconds += self._last_commit - started

    def _tell(self, *, stream: AudioStream | None = None, force: bool = False) -> None:
        now = time.monotonic()
        if not force and now - self._last_progress < _PROGRESS_SECONDS:
            return
        self._last_progress = now
        stages = stream.stage_seconds() if stream else {}
        stages.pop("blocked", None)
        stages["write"] = self._write_seconds
        busiest = max(stages, key=lambda name: stages[name])
        total = sum(stages.values())
        outcomes = self._outcomes + Counter(result.outcome for result in self._pending)
        self._progress(
            IndexProgress(
                stage="decode",
                n_done=self._report.decoded + len(self._pending),
                n_total=self._n_total,
                n_failed=outcomes["failed"],
                n_partial=outcomes["partial"],
                audio_seconds=self._report.audio_seconds,
                elapsed_seconds=now - self._started,
                bottleneck=busiest if total > 0 else "",
                bottleneck_share=stages[busiest] / total if total > 0 else 0.0,
            )
        )


def _result(job: Job, ended: TrackOutcome, sums: Mapping[str, _Sum | None]) -> TrackResult:
    """Put together what is to be committed of one track."""
    found, info = job.found, ended.info
    duration_seconds = _duration_seconds(ended)
    outcome, digest = _settled(found, ended.outcome, duration_seconds)
    failed = outcome.status == "failed"
    nothing = Embedding(None, 0, note="the track yields no window")
    embeddings = {name: nothing if held is None else held.embedding() for name, held in sums.items() if not failed}
    return TrackResult(
        found=found,
        outcome=cast("RecordedOutcome", outcome.status),
        engine_version=ENGINE_VERSION,
        kind=outcome.kind,
        message=outcome.message,
        seconds_sound=outcome.seconds_sound,
        seconds_lost=outcome.seconds_lost,
        duration_seconds=None if failed else duration_seconds,
        sample_rate=info.sample_rate if info else None,
        n_channels=info.n_channels if info else None,
        codec=info.codec if info else None,
        digest=digest,
        embeddings=embeddings,
        keep_other_spaces=job.keep_other_spaces and not failed,
    )


def _duration_seconds(ended: TrackOutcome) -> float:
    """Return how long the track is, also where only windows of it were decoded."""
    seconds = ended.outcome.seconds_sound + ended.outcome.seconds_lost
    info = ended.info
    if info is None or info.n_samples is None:
        return seconds
    return max(seconds, info.n_samples / info.sample_rate)


def _settled(found: FoundFile, outcome: Outcome, duration_seconds: float) -> tuple[Outcome, bytes | None]:
    """Look at the file again: return the outcome that stands, and the file's digest."""
    try:
        same = found_file(found.path, found.root).is_same_as(found)
    except OSError as error:
        reason = f"the file cannot be looked at any more: {error.strerror}"
        return (outcome if outcome.status == "failed" else Outcome("failed", "vanished", reason)), None
    if not same:
        return Outcome("failed", "changed", "the file changed while it was being read"), None
    lost = outcome.seconds_lost
    if outcome.status == "partial" and duration_seconds - lost < _LEAST_SOUND_SHARE * duration_seconds:
        message = f"less than half of it is sound: {outcome.message}"
        outcome = Outcome("failed", outcome.kind, message, seconds_lost=lost)
    return outcome, file_digest(found.path)


def tags_of(path: bytes) -> Tags | None:
    """Read the tags of a file, whatever became of its audio; `None` if it cannot be read."""
    try:
        return read_tags(os.fsdecode(path))
    except (OSError, DecodeError):
        return None


def _looked_at_again(job: Job) -> Job:
    """Return the job for the file as it is now; if it is gone, the decoder will say so."""
    try:
        return replace(job, found=found_file(job.found.path, job.found.root))
    except OSError:
        return job


def _chunks(results: list[TrackResult], n: int) -> Iterator[list[TrackResult]]:
    for start in range(0, len(results), n):
        yield results[start : start + n]

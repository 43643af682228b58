"""How far the work is: a live line on a terminal, a plain line now and then elsewhere, on standard error."""

from __future__ import annotations

import time
from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, NamedTuple

from orpheus_fast.cli.console import say, stderr_console, stderr_is_terminal
from orpheus_fast.cli.quantities import clock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.progress import Progress, TaskID

    from orpheus_fast.library.results import IndexProgress

__all__ = ["Pace", "counting", "describe", "fit", "index_progress"]

_WINDOW_SECONDS: Final = 30.0
_PLAIN_LINE_SECONDS: Final = 10.0
_LEAST_SECONDS: Final = 0.5
_ETA_FROM: Final = 3
_BAR_WIDTH: Final = 24
_REFRESHES_PER_SECOND: Final = 8
_SLOW_RATE: Final = 10
_STAGE_NAMES: Final = {"decode": "decoding", "front_end": "features", "write": "writing"}


class _Moment(NamedTuple):
    elapsed_seconds: float
    n_done: int
    audio_seconds: float


class Pace:
    """Speed over the last half minute, so that a slow start does not spoil the estimate for hours."""

    def __init__(self) -> None:
        self._moments: deque[_Moment] = deque([_Moment(0.0, 0, 0.0)])
        self._n_total = 0

    def add(self, progress: IndexProgress) -> None:
        """Take note of how far the work is."""
        self._n_total = progress.n_total
        self._moments.append(_Moment(progress.elapsed_seconds, progress.n_done, progress.audio_seconds))
        # One moment older than the window stays, so that there is always a stretch to measure.
        while len(self._moments) > 2 and self._moments[1].elapsed_seconds < progress.elapsed_seconds - _WINDOW_SECONDS:  # noqa: PLR2004
            self._moments.popleft()

    @property
    def tracks_per_second(self) -> float:
        """Tracks finished per second; 0 while unknown."""
        return self._slope(self._moments[-1].n_done - self._moments[0].n_done)

    @property
    def times_real_time(self) -> float:
        """Seconds of audio decoded per second; 0 while unknown."""
        return self._slope(self._moments[-1].audio_seconds - self._moments[0].audio_seconds)

    @property
    def seconds_left(self) -> float | None:
        """Estimated time to the end; None while unknown."""
        rate, n_done = self.tracks_per_second, self._moments[-1].n_done
        return (self._n_total - n_done) / rate if rate > 0 and n_done >= min(_ETA_FROM, self._n_total) else None

    def _slope(self, amount: float) -> float:
        seconds = self._moments[-1].elapsed_seconds - self._moments[0].elapsed_seconds
        return max(amount, 0) / seconds if seconds >= _LEAST_SECONDS else 0.0


def describe(progress: IndexProgress, pace: Pace) -> list[tuple[int, str]]:
    """Return what there is to say, in order, each with its rank; for want of room the highest rank goes first."""
    if progress.stage == "scan":
        return [(0, f"{progress.n_total:,} files")]
    parts = [(0, f"{progress.n_done:,}/{progress.n_total:,}")]
    rate, speed, left = pace.tracks_per_second, pace.times_real_time, pace.seconds_left
    if rate > 0:
        parts.append((2, f"{rate:.{1 if rate < _SLOW_RATE else 0}f} tracks/s"))
    if speed > 0:
        parts.append((4, f"{speed:,.0f}x real time"))
    if left is not None:
        parts.append((1, f"{clock(left)} left"))
    if progress.n_failed:
        parts.append((1, f"{progress.n_failed:,} failed"))
    if progress.n_partial:
        parts.append((3, f"{progress.n_partial:,} partial"))
    if progress.bottleneck:
        stage = _STAGE_NAMES.get(progress.bottleneck, progress.bottleneck)
        parts.append((5, f"{stage} {progress.bottleneck_share:.0%}"))
    return parts


def fit(parts: list[tuple[int, str]], width: int) -> str:
    """Join as many parts as `width` columns hold; the most important one stays in any case."""
    kept = list(parts)
    while len(kept) > 1 and sum(len(text) + 2 for _, text in kept) - 2 > width:
        kept.remove(max(kept, key=lambda part: part[0]))
    return "  ".join(text for _, text in kept)


@contextmanager
def index_progress(*, quiet: bool) -> Iterator[Callable[[IndexProgress], None] | None]:
    """Give what to pass to `Library.index` as `progress`; None when nobody is to be told."""
    if quiet:
        yield None
        return
    if not stderr_is_terminal():
        yield _PlainLines()
        return
    with _bar() as bar:
        yield _LiveLine(bar)


@contextmanager
def counting(what: str, n_total: int, *, quiet: bool) -> Iterator[Callable[[int], None]]:
    """Give a function to call with the number of things that are done."""
    if quiet or not stderr_is_terminal():
        if not quiet:
            say(f"{what} ...")
        yield lambda _n_done: None
        return
    with _bar() as bar:
        task = bar.add_task(what, total=n_total, status=f"0/{n_total}")
        yield lambda n_done: bar.update(task, completed=n_done, status=f"{n_done}/{n_total}")


class _PlainLines:
    """For logs: one line every ten seconds at most, and none for work that is over before."""

    def __init__(self) -> None:
        self._pace = Pace()
        self._last_line = time.monotonic()

    def __call__(self, progress: IndexProgress) -> None:
        if progress.stage != "scan":
            self._pace.add(progress)
        if time.monotonic() - self._last_line < _PLAIN_LINE_SECONDS:
            return
        self._last_line = time.monotonic()
        verb = "scanning" if progress.stage == "scan" else "indexing"
        say(f"{verb}: {', '.join(text for _, text in describe(progress, self._pace))}")


class _LiveLine:
    """For a person: one line that redraws itself and vanishes at the end."""

    def __init__(self, bar: Progress) -> None:
        self._bar = bar
        self._pace = Pace()
        self._task: TaskID | None = None

    def __call__(self, progress: IndexProgress) -> None:
        scanning = progress.stage == "scan"
        if not scanning:
            self._pace.add(progress)
        verb = "scanning" if scanning else "indexing"
        width = self._bar.console.width - len(verb) - _BAR_WIDTH - 3
        if self._task is None:
            self._task = self._bar.add_task(verb, total=None, status="")
        self._bar.update(
            self._task,
            description=verb,
            total=None if scanning else progress.n_total,
            completed=0 if scanning else progress.n_done,
            status=fit(describe(progress, self._pace), width),
        )


def _bar() -> Progress:
    from rich.progress import BarColumn, Progress, TextColumn  # noqa: PLC0415 -- not needed for --help

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=_BAR_WIDTH),
        TextColumn("{task.fields[status]}", style="progress.remaining", markup=False),
        console=stderr_console(),
        transient=True,
        refresh_per_second=_REFRESHES_PER_SECOND,
        redirect_stdout=False,
    )

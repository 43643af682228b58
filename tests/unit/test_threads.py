"""One budget of threads."""

from __future__ import annotations

import gc
import os
import signal
import threading
from typing import TYPE_CHECKING

import pytest

import signals
from orpheus_fast import audio, threads
from orpheus_fast.errors import ParameterError

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def budget_of_eight() -> Iterator[None]:
    gc.collect()
    threads.set_total(8)
    yield
    threads.set_total(None)


def test_what_one_stream_holds_the_next_does_not_get() -> None:
    first = threads.lease(6)
    second = threads.lease()
    assert second.n_threads == 2
    assert threads.available() == 1, "everybody gets on"
    first.release()
    first.release()
    assert threads.available() == 6
    second.release()


def test_a_stream_gives_its_threads_back_when_it_ends_or_is_closed() -> None:
    tracks = [signals.wav_bytes(signals.noise(0.2), 8000, "s16")] * 3
    ended = audio.stream(tracks, sample_rate=8000, window_seconds=0.1, n_threads=3)
    assert threads.available() == 5
    list(ended)
    assert threads.available() == 8
    with audio.stream(tracks, sample_rate=8000, window_seconds=0.1, n_threads=3):
        assert threads.available() == 5
    assert threads.available() == 8


def test_a_stream_takes_no_more_threads_than_it_has_tracks() -> None:
    data = signals.wav_bytes(signals.noise(0.2), 8000, "s16")
    with audio.stream([data], sample_rate=8000, window_seconds=0.1):
        assert threads.available() == 7
    with audio.stream([data] * 2, sample_rate=8000, window_seconds=0.1, n_threads=5):
        assert threads.available() == 6
    with audio.stream([], sample_rate=8000, window_seconds=0.1):
        assert threads.available() == 7
    assert threads.available() == 8


def test_what_is_available_is_asked_and_taken_in_one_step(monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[bool] = []

    def total() -> int:
        held.append(threads._lock._is_owned())  # type: ignore[attr-defined]
        return 8

    monkeypatch.setattr(threads, "total", total)
    threads.lease().release()
    assert held == [True]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_child_has_the_whole_budget_and_waits_for_no_lock() -> None:
    held = threads.lease(5)
    locked, done = threading.Event(), threading.Event()

    def hold_lock() -> None:
        with threads._lock:
            locked.set()
            done.wait(30)

    holder = threading.Thread(target=hold_lock)
    holder.start()
    locked.wait(30)
    child = os.fork()
    if child == 0:
        code = 2
        try:
            signal.alarm(20)
            held.release()
            code = 0 if threads.available() == 8 and threads.lease().n_threads == 8 else 1
        finally:
            os._exit(code)
    done.set()
    holder.join()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert threads.available() == 3
    held.release()


def test_the_environment_sets_the_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    threads.set_total(None)
    monkeypatch.setenv("ORPHEUS_NUM_THREADS", "3")
    assert threads.total() == 3
    monkeypatch.setenv("ORPHEUS_NUM_THREADS", "many")
    with pytest.raises(ParameterError, match="ORPHEUS_NUM_THREADS is 'many'"):
        threads.total()


def test_torch_gets_what_streams_leave() -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    before = torch.get_num_threads()
    held = threads.lease(7)
    try:
        assert threads.share_with_torch() == 1
        assert torch.get_num_threads() == 1
        held.release()
        assert threads.available() == 7, "torch keeps what it was given"
    finally:
        threads.share_with_torch(before)
        threads._kept_by_torch = 0

"""One budget of threads."""

from __future__ import annotations

import gc
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

"""What goes wrong where a stream's sources come from costs no other track its place."""

from __future__ import annotations

import io
import sys
import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import signals
from orpheus_fast import Limits, audio
from orpheus_fast.errors import ParameterError, ShapeError

if TYPE_CHECKING:
    from collections.abc import Iterator

RATE = 8_000


def track(seconds: float, seed: int = 0) -> bytes:
    return signals.wav_bytes(signals.noise(seconds, seed=seed, sample_rate=RATE), RATE, "f32")


def outcomes(stream: audio.AudioStream) -> dict[int, str]:
    return {end.track: end.outcome.status for batch in stream for end in batch.outcomes}


class Interrupted(io.BytesIO):
    def read(self, _size: int | None = -1, /) -> bytes:
        raise KeyboardInterrupt


def test_an_interrupt_while_a_source_is_read_costs_that_track_alone() -> None:
    sources = [io.BytesIO(track(1.0)) for _ in range(60)]
    sources[40] = Interrupted()
    stream = audio.stream(iter(sources), sample_rate=RATE, window_seconds=1.0, batch_size=4, n_threads=1)
    found: dict[int, str] = {}
    n_interrupts = 0
    while len(found) < len(sources):
        try:
            found |= {end.track: end.outcome.status for end in next(stream).outcomes}
        except KeyboardInterrupt:
            n_interrupts += 1
    assert n_interrupts == 1
    assert [number for number, status in found.items() if status != "ok"] == [40]


def test_what_the_list_raises_at_its_beginning_comes_with_the_first_batch() -> None:
    def sources() -> Iterator[bytes]:
        yield track(1.0)
        message = "the drive is gone"
        raise OSError(message)

    stream = audio.stream(sources(), sample_rate=RATE, window_seconds=1.0)
    with pytest.raises(OSError, match="the drive is gone"):
        next(stream)
    assert outcomes(stream) == {0: "ok"}


def test_a_list_that_asks_its_own_stream_is_told_so() -> None:
    streams: list[audio.AudioStream] = []

    def sources() -> Iterator[bytes]:
        for _ in range(100):
            yield track(0.5)
            for stream in streams:
                next(stream)

    streams.append(audio.stream(sources(), sample_rate=RATE, window_seconds=1.0, batch_size=1))
    with pytest.raises(RuntimeError, match="the list of sources asks the stream"):
        list(streams[0])
    streams[0].close()


def test_a_stream_is_closed_under_a_thread_that_waits_for_it() -> None:
    hold = threading.Event()

    def sources() -> Iterator[bytes]:
        yield track(1.0)
        hold.wait(30)

    stream = audio.stream(sources(), sample_rate=RATE, window_seconds=1.0, batch_size=64)
    ended: list[bool] = []

    def wait() -> None:
        ended.append(not any(len(batch) > 1 for batch in stream))

    waiter = threading.Thread(target=wait)
    waiter.start()
    stream.close()
    hold.set()
    waiter.join(30)
    assert ended == [True]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"sample_rate": -1}, "sample_rate is -1, expected 1000 to 768000"),
        ({"sample_rate": 2**40}, "sample_rate is 1099511627776"),
        ({"max_windows": -1}, "max_windows is -1, expected at least 1"),
        ({"batch_size": 10**15}, "batch_size is 1000000000000000, expected 1 to "),
        ({"n_threads": 10**10}, "n_threads is 10000000000, expected 1 to 1024"),
        ({"n_threads": 2**70}, "n_threads is "),
        ({"limits": 5}, "limits is 5, expected orpheus_fast.Limits"),
    ],
)
def test_numbers_beyond_all_bounds_are_refused_by_name(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        audio.stream(iter([track(1.0)]), **{"sample_rate": RATE, **arguments})


def test_a_rate_that_cannot_be_is_refused_by_decode_too() -> None:
    with pytest.raises(ParameterError, match="sample_rate is -1"):
        audio.decode(track(1.0), sample_rate=-1)


@pytest.mark.parametrize("name", ["max_bytes", "max_seconds", "max_decoded_samples", "max_cpu_seconds"])
def test_a_limit_that_is_not_a_number_is_refused(name: str) -> None:
    with pytest.raises(ParameterError, match=f"{name} is nan"):
        Limits(**{name: float("nan")})


def test_a_limit_beyond_all_files_is_none() -> None:
    limits = Limits(max_bytes=sys.maxsize * 4, max_decoded_samples=sys.maxsize * 4, max_seconds=float("inf"))
    assert audio.decode(track(1.0), limits=limits).outcome.ok


def test_a_batch_far_larger_than_the_list_takes_no_more_memory_than_the_list() -> None:
    stream = audio.stream([track(3.0)], sample_rate=RATE, window_seconds=1.0, batch_size=10**9)
    assert [batch.rows.shape for batch in stream] == [(3, RATE)]


def test_a_file_object_instead_of_a_list_is_refused() -> None:
    with pytest.raises(ParameterError, match="one file object"):
        audio.stream(io.BytesIO(track(1.0)), sample_rate=RATE)


def test_buffers_that_share_memory_are_refused() -> None:
    memory = np.zeros((6, RATE), dtype=np.float32)
    for out in ([memory[:4], memory[2:]], [memory[:4], memory[:4]]):
        with pytest.raises(ShapeError, match="share memory"):
            audio.stream([track(1.0)], sample_rate=RATE, window_seconds=1.0, batch_size=4, out=out)

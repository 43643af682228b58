"""`orpheus_fast.audio.stream`: batches of windows, in bounded memory, with an outcome for every track."""

from __future__ import annotations

import io
import threading
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import signals
from orpheus_fast import audio
from orpheus_fast.errors import ParameterError, ShapeError

if TYPE_CHECKING:
    from collections.abc import Iterator

RATE = 8_000


def track(seconds: float, seed: int = 0) -> bytes:
    return signals.wav_bytes(signals.noise(seconds, seed=seed, sample_rate=RATE), RATE, "f32")


def windows(batches: Iterator[audio.Batch]) -> tuple[dict[int, list[tuple[float, int, Any]]], list[audio.TrackOutcome]]:
    """All windows by track, and all outcomes."""
    found: dict[int, list[tuple[float, int, Any]]] = {}
    outcomes: list[audio.TrackOutcome] = []
    for batch in batches:
        rows = zip(batch.track, batch.start_seconds, batch.valid_samples, batch.samples, strict=True)
        for number, start, n_valid, row in rows:
            found.setdefault(int(number), []).append((float(start), int(n_valid), row))
        outcomes += batch.outcomes
    return found, outcomes


def test_windows_are_the_slices_of_the_whole_track() -> None:
    tracks = [track(seconds, seed) for seed, seconds in enumerate((3.0, 0.25, 2.7, 1.4))]
    stream = audio.stream(tracks, sample_rate=RATE, window_seconds=1.0, pad_threshold=0.5, batch_size=3)
    found, outcomes = windows(stream)
    assert {number: [start for start, _, _ in rows] for number, rows in found.items()} == {
        0: [0.0, 1.0, 2.0],
        1: [0.0],
        2: [0.0, 1.0, 2.0],
        3: [0.0],
    }
    for number, rows in found.items():
        whole = audio.decode(tracks[number]).samples[0]
        for start, n_valid, row in rows:
            first = round(start * RATE)
            np.testing.assert_array_equal(row[:n_valid], whole[first : first + n_valid])
            assert not row[n_valid:].any()
    assert sorted(end.track for end in outcomes) == [0, 1, 2, 3]
    assert all(end.outcome.ok for end in outcomes)


def test_batches_are_full_but_for_the_last() -> None:
    stream = audio.stream([track(5.0, seed) for seed in range(4)], sample_rate=RATE, window_seconds=1.0, batch_size=8)
    assert [batch.samples.shape for batch in stream] == [(8, RATE), (8, RATE), (4, RATE)]


@pytest.mark.parametrize("n_threads", [1, 4])
def test_order_is_that_of_the_list(n_threads: int) -> None:
    lengths = [6.0, 0.2, 0.2, 3.0, 0.2, 1.0, 0.2, 0.2] * 4
    tracks = [track(seconds, seed) for seed, seconds in enumerate(lengths)]
    stream = audio.stream(tracks, sample_rate=RATE, window_seconds=0.5, batch_size=5, n_threads=n_threads)
    numbers = [int(number) for batch in stream for number in batch.track]
    assert numbers == sorted(numbers)
    assert set(numbers) == set(range(len(tracks)))


def test_unordered_holds_the_same_windows() -> None:
    tracks = [track(1.0 + seed % 3, seed) for seed in range(12)]
    kwargs: dict[str, Any] = {"sample_rate": RATE, "window_seconds": 0.5, "batch_size": 7, "n_threads": 3}
    ordered, _ = windows(audio.stream(tracks, **kwargs))
    unordered, outcomes = windows(audio.stream(tracks, ordered=False, **kwargs))
    assert len(outcomes) == 12
    assert ordered.keys() == unordered.keys()
    for number, rows in ordered.items():
        for (start, n_valid, row), (start_, n_valid_, row_) in zip(rows, unordered[number], strict=True):
            assert (start, n_valid) == (start_, n_valid_)
            np.testing.assert_array_equal(row, row_)


def test_an_outcome_comes_with_or_after_the_last_window_of_its_track() -> None:
    tracks = [track(2.3, seed) if seed % 3 else b"no audio" for seed in range(20)]
    seen: dict[int, int] = {}
    ended: set[int] = set()
    for batch in audio.stream(tracks, sample_rate=RATE, window_seconds=0.5, batch_size=4, ordered=False, n_threads=3):
        assert ended.isdisjoint(batch.track.tolist())
        for number in batch.track.tolist():
            seen[number] = seen.get(number, 0) + 1
        ended |= {end.track for end in batch.outcomes}
    assert ended == set(range(20))
    assert seen == {number: 5 for number in range(20) if number % 3}


def test_many_tracks_without_audio_all_end_with_an_outcome() -> None:
    outcomes = [end for batch in audio.stream([b"text"] * 1000, sample_rate=RATE) for end in batch.outcomes]
    assert [end.track for end in outcomes] == list(range(1000))
    assert {end.outcome.kind for end in outcomes} == {"not_audio"}


@pytest.mark.parametrize(
    ("arguments", "starts"),
    [
        ({"placement": "center"}, [4.5]),
        ({"placement": "evenly", "max_windows": 3}, [0.0, 4.5, 9.0]),
        ({"placement": "every", "max_windows": 2}, [0.0, 1.0]),
        ({"placement": "every", "hop_seconds": 4.0}, [0.0, 4.0, 8.0]),
    ],
)
def test_placement(arguments: dict[str, Any], starts: list[float]) -> None:
    found, outcomes = windows(audio.stream([track(10.0)], sample_rate=RATE, window_seconds=1.0, **arguments))
    assert [start for start, _, _ in found[0]] == starts
    assert outcomes[0].outcome.ok


def test_the_whole_track_is_one_window_of_its_own_length() -> None:
    tracks = [track(seconds, 1) for seconds in (0.5, 2.0, 1.25)]
    shapes = [batch.samples.shape for batch in audio.stream(tracks, sample_rate=RATE, placement="whole")]
    assert shapes == [(1, 4000), (1, 16_000), (1, 10_000)]


def test_windows_are_placed_by_what_is_there_when_the_header_lies() -> None:
    cut = track(10.0)[: 44 + 4 * 5 * RATE + 64]
    found, outcomes = windows(audio.stream([cut], sample_rate=RATE, window_seconds=1.0, placement="center"))
    assert outcomes[0].outcome.status == "partial"
    assert found[0][0][0] == pytest.approx(2.0, abs=0.05)


def test_one_pass_feeds_several_taps() -> None:
    taps = [
        audio.Tap(RATE, window_seconds=1.0),
        audio.Tap(4000, window_seconds=0.5, placement="center"),
        audio.Tap(22_050, window_seconds=2.0, pad_threshold=0.95, front_end="classical_chroma12"),
    ]
    shapes: dict[int, set[tuple[int, ...]]] = {}
    rows: dict[int, int] = {}
    outcomes = 0
    for batch in audio.AudioStream([track(4.0, seed) for seed in range(3)], taps, batch_size=2):
        shapes.setdefault(batch.tap, set()).add(batch.rows.shape[1:])
        rows[batch.tap] = rows.get(batch.tap, 0) + len(batch)
        outcomes += len(batch.outcomes)
    assert shapes == {0: {(8000,)}, 1: {(2000,)}, 2: {(44,)}}
    assert (rows, outcomes) == ({0: 12, 1: 3, 2: 6}, 3)


def test_rows_are_writable() -> None:
    for batch in audio.stream([track(2.0)], sample_rate=RATE, window_seconds=1.0):
        assert batch.samples.flags.writeable
        batch.samples[:] = 1.0


def test_stopping_early_stops_the_threads() -> None:
    before = threading.active_count()
    stream = audio.stream([track(60.0, seed) for seed in range(8)], sample_rate=RATE, window_seconds=0.1, batch_size=1)
    next(stream)
    started = time.monotonic()
    stream.close()
    assert time.monotonic() - started < 1.0
    assert list(stream) == []
    assert threading.active_count() == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"window_seconds": 0.0}, "window_seconds is 0"),
        ({"hop_seconds": -1.0}, "hop_seconds is -1"),
        ({"pad_threshold": 1.5}, "pad_threshold is 1.5"),
        ({"max_windows": 0}, "max_windows is 0"),
        ({"placement": "evenly"}, "max_windows is missing"),
        ({"placement": "nowhere"}, 'placement is "nowhere"'),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"n_threads": 0}, "n_threads is 0"),
        ({"sample_rate": 10}, "sample_rate is 10"),
        ({"front_end": "opera"}, 'front_end is "opera"'),
    ],
)
def test_bad_parameters_are_refused_by_name(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        audio.stream([track(1.0)], **{"sample_rate": RATE, **arguments})


def test_one_path_instead_of_a_list_is_refused() -> None:
    with pytest.raises(ParameterError, match="expected a list"):
        audio.stream("track.wav", sample_rate=RATE)


def test_stage_seconds_stay_after_the_stream_is_closed() -> None:
    with audio.stream([track(20.0)], sample_rate=4000, window_seconds=1.0) as stream:
        for _ in stream:
            pass
    assert stream.stage_seconds()["decode"] > 0


@pytest.mark.parametrize("n_buffers", [1, 2, 3])
def test_batches_stay_in_the_buffers_of_the_caller_until_all_others_were_filled(n_buffers: int) -> None:
    tracks = [track(0.5 * (1 + i % 3), seed=i) for i in range(21)]
    wanted = [batch.rows.copy() for batch in audio.stream(tracks, sample_rate=RATE, window_seconds=0.5, batch_size=4)]
    out = [np.full((4, RATE // 2), np.nan, dtype=np.float32) for _ in range(n_buffers)]
    with audio.stream(tracks, sample_rate=RATE, window_seconds=0.5, batch_size=4, out=out) as batches:
        taken: list[audio.Batch] = []
        for number, batch in enumerate(batches):
            taken.append(batch)
            if len(batch):
                assert np.shares_memory(batch.rows, out[number % n_buffers])
            for earlier in range(max(0, number - n_buffers + 1), number + 1):
                np.testing.assert_array_equal(taken[earlier].rows, wanted[earlier], f"{earlier} of {number + 1}")
    assert len(taken) == len(wanted) > 8


def test_buffers_that_do_not_fit_are_refused_before_anything_is_decoded() -> None:
    def start(buffer: Any) -> None:
        audio.stream([track(1.0)], sample_rate=RATE, window_seconds=0.5, batch_size=4, out=[buffer])

    with pytest.raises(ShapeError, match=r"out has shape \[4, 5\], expected \[4, 4000\]"):
        start(np.zeros((4, 5), dtype=np.float32))
    with pytest.raises(ShapeError, match="float32"):
        start(np.zeros((4, RATE // 2)))
    read_only = np.zeros((4, RATE // 2), dtype=np.float32)
    read_only.flags.writeable = False
    with pytest.raises(ShapeError, match="writable"):
        start(read_only)
    with pytest.raises(ParameterError, match="whole tracks differ in length"):
        audio.stream([track(1.0)], sample_rate=RATE, placement="whole", out=[np.zeros((64, 0), dtype=np.float32)])


def test_a_generator_is_drawn_from_only_as_tracks_are_needed() -> None:
    drawn = 0

    def tracks() -> Iterator[bytes]:
        nonlocal drawn
        for seed in range(500):
            drawn += 1
            yield track(0.5, seed=seed)

    with audio.stream(tracks(), sample_rate=RATE, window_seconds=0.5, batch_size=2, n_threads=1) as batches:
        next(batches)
        assert drawn < 50
        assert sum(len(batch) for batch in batches) == 498
    assert drawn == 500


def test_the_workers_get_more_tracks_while_batches_are_ready() -> None:
    drawn = 0
    data = track(0.5)

    def tracks() -> Iterator[bytes]:
        nonlocal drawn
        for _ in range(40):
            drawn += 1
            yield data

    with audio.stream(tracks(), sample_rate=RATE, window_seconds=0.5, batch_size=1, n_threads=1) as batches:
        taken = 0
        for batch in batches:
            taken += len(batch)
            assert drawn >= min(taken + 4, 40)
            time.sleep(0.02)
    assert taken == 40


def test_what_a_generator_raises_reaches_the_caller() -> None:
    def tracks() -> Iterator[bytes]:
        yield track(0.5)
        message = "the database went away"
        raise RuntimeError(message)

    with pytest.raises(RuntimeError, match="went away"):
        list(audio.stream(tracks(), sample_rate=RATE, window_seconds=0.5))


def test_a_file_object_is_read_when_its_turn_comes() -> None:
    class Counted(io.BytesIO):
        n_read = 0

        def read(self, n_bytes: int | None = -1) -> bytes:
            Counted.n_read += 1
            return super().read(n_bytes)

    files = [Counted(track(0.5, seed=seed)) for seed in range(200)]
    with audio.stream(files, sample_rate=RATE, window_seconds=0.5, batch_size=1, n_threads=1) as batches:
        next(batches)
        assert Counted.n_read < 50


class Unreadable(io.BytesIO):
    """A file on a disk that fails."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def read(self, n_bytes: int | None = -1) -> bytes:
        del n_bytes
        raise self.error


@pytest.mark.parametrize("as_generator", [False, True])
def test_a_file_object_that_cannot_be_read_is_a_failed_track_and_costs_no_other(as_generator: bool) -> None:
    sources: list[Any] = [track(0.5, seed=seed) for seed in range(81)]
    sources[40] = Unreadable(OSError(5, "Input/output error"))
    sources[60] = Unreadable(RuntimeError("the bucket is gone"))
    sources[70] = io.StringIO("opened as text")
    given = iter(sources) if as_generator else sources
    found, outcomes = windows(audio.stream(given, sample_rate=RATE, window_seconds=0.5, n_threads=2))
    assert [end.track for end in outcomes] == list(range(81))
    failed = {end.track: end.outcome for end in outcomes if not end.outcome.ok}
    assert {number: (outcome.status, outcome.kind) for number, outcome in failed.items()} == {
        40: ("failed", "io"),
        60: ("failed", "io"),
        70: ("failed", "io"),
    }
    assert "Input/output error" in failed[40].message
    assert "the bucket is gone" in failed[60].message
    assert "reads str" in failed[70].message
    for number in found:
        np.testing.assert_array_equal(found[number][0][2], audio.decode(sources[number]).samples[0])


def test_what_is_no_source_raises_and_the_stream_goes_on_behind_it() -> None:
    sources: list[Any] = [track(0.5, seed=seed) for seed in range(40)]
    sources[30] = 7
    stream = audio.stream(iter(sources), sample_rate=RATE, window_seconds=0.5, batch_size=1, n_threads=1)
    outcomes: list[audio.TrackOutcome] = []
    with pytest.raises(ParameterError, match="source is int"):
        outcomes.extend(end for batch in stream for end in batch.outcomes)
    outcomes.extend(end for batch in stream for end in batch.outcomes)
    assert [end.track for end in outcomes] == list(range(40))
    assert [end.track for end in outcomes if not end.outcome.ok] == [30]


def test_a_batch_that_is_ready_waits_for_one_source_of_a_slow_list_at_most() -> None:
    drawn = 0

    def tracks() -> Iterator[bytes]:
        nonlocal drawn
        for seed in range(16):
            time.sleep(0.1)
            drawn += 1
            yield track(0.5, seed=seed)

    with audio.stream(tracks(), sample_rate=RATE, window_seconds=0.5, batch_size=1, n_threads=2) as batches:
        assert drawn == 1
        taken = 0
        for batch in batches:
            taken += len(batch)
            # One that is being decoded, one that is drawn meanwhile; the rest is what a busy machine takes.
            assert drawn < taken + 6
    assert taken == 16

"""Behaviour inside other people's programs: threads, forks, signals, memory."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest

import signals
from orpheus_fast import audio

if TYPE_CHECKING:
    from pathlib import Path

RATE = 44_100


@pytest.fixture(scope="module")
def long_track() -> bytes:
    return signals.flac_bytes(signals.noise(120.0, n_channels=2), RATE, 16)


def test_other_python_threads_go_on_while_a_track_is_decoded(long_track: bytes) -> None:
    ticks = 0
    done = threading.Event()

    def tick() -> None:
        nonlocal ticks
        while not done.is_set():
            ticks += 1
            time.sleep(0.001)

    thread = threading.Thread(target=tick)
    thread.start()
    before = ticks
    audio.decode(long_track, sample_rate=48_000)
    counted = ticks - before
    done.set()
    thread.join()
    # With the GIL held the counter would stand still; how far it comes depends on the machine.
    assert counted > 10


def test_many_threads_may_decode_and_stream_at_once() -> None:
    data = signals.wav_bytes(signals.noise(2.0, n_channels=2), RATE, "s16")
    expected = audio.decode(data, sample_rate=22_050, mono=True).samples
    results: list[bool] = []

    def work() -> None:
        for _ in range(5):
            same = np.array_equal(audio.decode(data, sample_rate=22_050, mono=True).samples, expected)
            rows = sum(len(batch) for batch in audio.stream([data] * 3, sample_rate=22_050, window_seconds=1.0))
            results.append(same and rows == 6)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [True] * 40


def test_two_threads_may_share_one_stream() -> None:
    tracks = [signals.wav_bytes(signals.noise(1.0, seed=seed), RATE, "s16") for seed in range(30)]
    stream = audio.stream(tracks, sample_rate=RATE, window_seconds=0.5, batch_size=4)
    seen: list[tuple[int, float]] = []
    lock = threading.Lock()

    def work() -> None:
        for batch in stream:
            with lock:
                seen.extend(zip(batch.track.tolist(), batch.start_seconds.tolist(), strict=True))

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(seen) == [(track, start) for track in range(30) for start in (0.0, 0.5)]


def run(code: str, timeout: float = 30.0) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )


def test_a_forked_child_gets_a_clear_error_and_can_start_anew() -> None:
    done = run(
        """
        import os, warnings
        warnings.simplefilter("ignore")
        import signals
        from orpheus_fast import audio, errors
        tracks = [signals.wav_bytes(signals.noise(5.0), 44_100, "s16")] * 20
        stream = audio.stream(tracks, sample_rate=44_100, window_seconds=0.5, batch_size=1)
        next(stream)
        child = os.fork()
        if child == 0:
            try:
                next(stream)
            except errors.DecodeError as error:
                assert "forked" in str(error), error
                fresh = sum(len(b) for b in audio.stream(tracks, sample_rate=44_100, window_seconds=0.5))
                stream.close()
                os._exit(0 if fresh == 200 else 3)
            os._exit(4)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), sum(len(b) for b in stream))
        """
    )
    assert done.stdout.split() == ["0", "199"], done.stderr


def test_a_child_that_is_forked_while_a_thread_iterates_does_not_hang() -> None:
    done = run(
        """
        import os, signal, threading, warnings
        warnings.simplefilter("ignore")
        import signals
        from orpheus_fast import audio, errors
        track = signals.wav_bytes(signals.silence(20.0), 44_100, "s16")
        def tracks():
            while True:
                yield track
        stream = audio.stream(tracks(), sample_rate=44_100, window_seconds=20.0, batch_size=64, n_threads=1)
        stop = threading.Event()
        def iterate():
            for batch in stream:
                if stop.is_set():
                    break
        thread = threading.Thread(target=iterate)
        thread.start()
        codes = []
        for number in range(8):
            stop.wait(0.05)
            child = os.fork()
            if child == 0:
                signal.alarm(10)
                if number % 2:
                    try:
                        next(stream)
                    except errors.DecodeError as error:
                        assert error.kind == "forked", error
                    else:
                        os._exit(4)
                stream.stage_seconds()
                stream.close()
                del stream
                fresh = audio.stream([track], sample_rate=44_100, window_seconds=1.0)
                os._exit(0 if sum(len(batch) for batch in fresh) == 20 else 3)
            codes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        stop.set()
        thread.join()
        stream.close()
        print(codes)
        """,
        timeout=120.0,
    )
    assert done.stdout.strip() == str([0] * 8), done.stderr


def test_ctrl_c_ends_a_stream_within_a_second(tmp_path: Path) -> None:
    path = tmp_path / "long.wav"
    path.write_bytes(signals.wav_bytes(signals.silence(600.0, n_channels=2), RATE, "s16"))
    code = """
        import sys
        from orpheus_fast import audio
        print("ready", flush=True)
        try:
            for batch in audio.stream([sys.argv[1]] * 1000, sample_rate=48_000, placement="whole"):
                del batch
        except KeyboardInterrupt:
            print("stopped")
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), str(path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    time.sleep(0.3)
    started = time.monotonic()
    process.send_signal(signal.SIGINT)
    try:
        printed, _ = process.communicate(timeout=30)
    finally:
        process.kill()
    assert (printed, process.returncode) == ("stopped\n", 0)
    assert time.monotonic() - started < 1.5


def test_memory_does_not_grow_with_the_length_of_a_track() -> None:
    done = run(
        """
        import resource, signals
        from orpheus_fast import audio
        import tempfile, struct
        header = bytearray(signals.wav_bytes(signals.silence(1.0, n_channels=2), 44_100, "s16")[:44])
        n_data = 3600 * 44_100 * 4
        header[4:8] = struct.pack("<I", 36 + n_data)
        header[40:44] = struct.pack("<I", n_data)
        with tempfile.NamedTemporaryFile(suffix=".wav") as file:
            file.write(header)
            file.truncate(44 + n_data)  # an hour of silence that takes no room on the disk
            file.flush()
            def peak():
                return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            list(audio.stream([signals.wav_bytes(signals.silence(60.0), 44_100, "s16")], sample_rate=22_050))
            before = peak()
            rows = 0
            for batch in audio.stream([file.name], sample_rate=22_050, window_seconds=5.0, batch_size=4, n_threads=1):
                rows += len(batch)
            print(rows, peak() - before)
        """
    )
    assert done.returncode == 0, done.stderr
    rows, growth = done.stdout.split()
    assert rows == "720", done.stderr
    assert float(growth) < 64

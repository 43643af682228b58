"""Workers that crash, hang, are killed or want too much: it costs one track, and the outcome says what happened."""

from __future__ import annotations

import os
import signal
import struct
import sys
import textwrap
import time
from typing import TYPE_CHECKING

import pytest

import foreign_audio
import signals
from fallback_workers import RATE, outcomes, sabotaged, use_worker
from orpheus_fast import _native, audio
from orpheus_fast.audio import fallback
from orpheus_fast.errors import LimitError
from worker_processes import eventually, workers_of

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.skipif(not fallback.register(), reason="the extra ffmpeg (PyAV) is not installed"),
    pytest.mark.usefixtures("fresh_workers"),
]
linux = pytest.mark.skipif(sys.platform != "linux", reason="looks at processes in /proc")


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("os.kill(os.getpid(), signal.SIGSEGV)", "crashed (signal 11)"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "was killed (signal 9)"),
        ("os._exit(7)", "ended with exit status 7"),
        ("sys.exit('out of ideas')", "out of ideas"),
        ("raise RuntimeError('no such luck')", "no such luck"),
        ("raise MemoryError", "needs more memory than it may have"),
        ("os.write(0, b'not of the protocol' * 9)", "not of the protocol"),
        ("os.write(0, bytes.fromhex('13000000ffffffff'))", "not of the protocol"),
        ("time.sleep(60)", "gave no answer for 2 s"),
        ("os.kill(os.getpid(), signal.SIGSTOP)", "gave no answer for 2 s"),
    ],
)
def test_a_worker_that_fails_costs_its_track_and_says_how(tone: bytes, what: str, message: str) -> None:
    use_worker(silence=2.0 if "no answer" in message else 30.0, code=sabotaged(what))
    wav = signals.wav_bytes(signals.silence(1.0), RATE, "s16")
    sound, failed, last = outcomes([wav, tone, wav], n_threads=1)
    assert sound.ok
    assert last.ok
    assert (failed.status, failed.kind) == ("failed", "worker"), failed
    assert message in failed.message
    assert failed.message.startswith("decoding worker ")


def test_a_decoder_that_only_computes_runs_out_of_processor_time(tone: bytes) -> None:
    use_worker(code=sabotaged("[budget.begin(1.0), next(x for x in iter(int, 1) if x)]"))
    started = time.monotonic()
    assert "processor time" in outcomes([tone])[0].message
    assert time.monotonic() - started < 25


def test_a_decoder_that_gives_a_little_sound_for_much_computing_runs_out_of_processor_time_too(tone: bytes) -> None:
    slow = """
        import sys, time
        sys.path += sys.argv[1:3]
        from orpheus_fast.ffmpeg_worker import main, track
        send = track.Track._send
        def send_slowly(self, frame):
            until = time.process_time() + 0.3
            while time.process_time() < until:
                pass
            send(self, frame)
        track.Track._send = send_slowly
        main.main(int(sys.argv[3]))
    """
    use_worker(code=textwrap.dedent(slow))
    limits = audio.Limits(max_cpu_seconds=1.0)
    with pytest.raises(LimitError, match="CPU time"):
        audio.decode(foreign_audio.encode(signals.silence(8.0, sample_rate=RATE), RATE, "tta", "tta"), limits=limits)
    # Sound earns a tenth of its length: another limit, and the same decoder is fast enough.
    assert audio.decode(tone, limits=audio.Limits(max_cpu_seconds=5.0)).outcome.ok


@linux
def test_a_worker_out_of_memory_costs_its_track(tone: bytes) -> None:
    use_worker(code=sabotaged("[bytearray(1 << 20) for _ in iter(int, 1)]"))
    outcome = outcomes([tone])[0]
    assert (outcome.status, outcome.kind) == ("failed", "worker")
    assert "memory" in outcome.message


@linux
def test_a_file_that_makes_libav_ask_for_a_gigabyte_costs_its_track(tone: bytes) -> None:
    # To TwinVQ, the text is the length of a chunk, for which libav asks at once.
    (n_bytes,) = struct.unpack(">I", b"once")
    assert n_bytes > 1 << 30
    first, greedy, last = outcomes([tone, b"TWIN" + b"once upon a time there was no sound " * 300, tone], n_threads=1)
    assert first.ok
    assert last.ok
    assert (greedy.status, greedy.kind) == ("failed", "worker"), greedy
    assert "memory" in greedy.message


def test_a_worker_that_cannot_be_started_is_an_outcome(tone: bytes, tmp_path: Path) -> None:
    _native.set_fallback((str(tmp_path / "nothing"), [], 1.0, 1.0))
    outcome = outcomes([tone])[0]
    assert (outcome.status, outcome.kind) == ("failed", "worker")
    assert "cannot start" in outcome.message


@linux
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_a_worker_killed_or_stopped_in_the_middle_costs_one_track(how: int, tone: bytes, long_tone: bytes) -> None:
    use_worker(silence=3.0)
    stream = audio.stream(
        [tone, long_tone, tone], sample_rate=RATE, window_seconds=1.0, batch_size=1, n_threads=1, ordered=True
    )
    ended = list(next(stream).outcomes)
    ended += next(stream).outcomes
    assert eventually(lambda: len(workers_of()) == 1)
    os.kill(workers_of()[0], how)
    ended += [end for batch in stream for end in batch.outcomes]
    assert [end.track for end in ended] == [0, 1, 2]
    assert [end.outcome.status for end in ended] == ["ok", "failed", "ok"]
    assert ended[1].outcome.kind == "worker"
    expected = "was killed (signal 9)" if how == signal.SIGKILL else "gave no answer"
    assert expected in ended[1].outcome.message


@linux
def test_a_worker_that_died_while_it_waited_costs_nothing(tone: bytes) -> None:
    assert audio.decode(tone).outcome.ok
    for worker in workers_of():
        os.kill(worker, signal.SIGKILL)
    assert audio.decode(tone).outcome.ok

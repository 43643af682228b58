"""The worker processes that decode what we do not: whatever happens to one costs one track."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

import foreign_audio
import signals
from orpheus_fast import _native, audio
from orpheus_fast.audio import fallback
from orpheus_fast.errors import DecodeError, LimitError, UnsupportedFormatError
from worker_processes import eventually, is_running, workers_of

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(not fallback.register(), reason="the extra ffmpeg (PyAV) is not installed")
linux = pytest.mark.skipif(sys.platform != "linux", reason="looks at processes in /proc")

RATE = 44_100
HOSTILE = Path(__file__).parent


def use_worker(
    *,
    silence: float = 30.0,
    idle: float = 10.0,
    memory_bytes: int = fallback.MEMORY_BYTES,
    cpu_seconds: int = fallback.STUCK_CPU_SECONDS,
    code: str = fallback.START,
) -> None:
    folder = fallback._folder_of_pyav()
    assert folder is not None
    arguments = fallback.worker_arguments(folder, memory_bytes=memory_bytes, stuck_cpu_seconds=cpu_seconds)
    arguments[arguments.index(fallback.START)] = code
    _native.set_fallback((sys.executable, arguments, silence, idle))


@pytest.fixture(autouse=True)
def _fresh_workers() -> Iterator[None]:
    use_worker()
    yield
    fallback.register.cache_clear()
    fallback.register()


@pytest.fixture(scope="module")
def tone() -> bytes:
    return foreign_audio.encode(signals.sine(440.0, 1.0), RATE, "wv", "wavpack")


@pytest.fixture(scope="module")
def long_tone() -> bytes:
    """Far more blocks than the queues of a stream hold."""
    return foreign_audio.encode(signals.silence(240.0, sample_rate=RATE), RATE, "wv", "wavpack")


def sabotaged(what: str) -> str:
    """A worker that does `what` when it is given a file; the first two are its own rehearsal."""
    code = f"""
        import os, resource, signal, sys, time
        sys.path += sys.argv[1:3]
        from orpheus_fast.ffmpeg_worker import main as worker
        serve, requests = worker.serve, []
        def sabotage(link, budget, request, whitelist):
            requests.append(request)
            if len(requests) < 3:
                return serve(link, budget, request, whitelist)
            {what}
        worker.serve = sabotage
        worker.main(*map(int, sys.argv[3:]))
    """
    return textwrap.dedent(code)


def outcomes(data: list[bytes], **options: object) -> list[audio.Outcome]:
    stream = audio.stream(data, sample_rate=16_000, window_seconds=0.5, **options)  # type: ignore[arg-type]
    ended = [end for batch in stream for end in batch.outcomes]
    assert sorted(end.track for end in ended) == list(range(len(data)))
    return [end.outcome for end in sorted(ended, key=lambda end: end.track)]


# Without the extra, and what is none of its business.


def test_without_the_extra_the_command_that_installs_it_is_named(tone: bytes) -> None:
    _native.set_fallback(None)
    with pytest.raises(UnsupportedFormatError) as refused:
        audio.decode(tone)
    assert 'unsupported codec WavPack; install orpheus-fast[ffmpeg] (pip install "orpheus-fast[ffmpeg]")' in str(
        refused.value
    )
    assert [(end.status, end.kind) for end in outcomes([tone])] == [("failed", "unsupported")]


def test_it_can_be_switched_off(tone: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(fallback.DISABLING_VARIABLE, "1")
    _native.set_fallback(None)
    fallback.register.cache_clear()
    assert fallback.state()["state"] == "disabled"
    with pytest.raises(UnsupportedFormatError, match="install"):
        audio.decode(tone)


NOT_AUDIO = {
    "text": b"once upon a time there was no sound " * 300,
    "html": b"<!DOCTYPE html><html><body>" + b"<p>no sound</p>" * 500,
    "m3u": b"#EXTM3U\n#EXTINF:10,\nhttp://127.0.0.1:9/a.ts\n" * 50,
    "hls": b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n",
    "ffconcat": b"ffconcat version 1.0\nfile '/etc/passwd'\n" * 20,
    "dash": b'<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"></MPD>' * 20,
    "png": b"\x89PNG\r\n\x1a\n" + bytes(3000),
    "zip": b"PK\x03\x04" + bytes(3000),
    "zeros": bytes(20_000),
    "noise": random.Random(3).randbytes(20_000),
}


@pytest.mark.parametrize("name", sorted(NOT_AUDIO))
def test_what_is_no_audio_stays_no_audio(name: str) -> None:
    with pytest.raises(DecodeError) as refused:
        audio.decode(NOT_AUDIO[name])
    assert refused.value.kind == "not_audio"


def test_a_magic_number_before_text_makes_no_music() -> None:
    magics = (
        *(b"wvpk", b"MAC ", b"TTA1", b"tBaK", b"MPCK", b"MP+\x07", b"#!AMR\n", b"DSD ", b"\x7f\xfe\x80\x01"),
        *(
            b"\x0b\x77",
            b"\x30\x26\xb2\x75\x8e\x66\xcf\x11",
            b".RMF",
            b"FLV\x01",
            b"ajkg",
            b"TWIN",
            b".snd",
            b"DTSHDHDR",
        ),
    )
    for outcome, magic in zip(outcomes([magic + NOT_AUDIO["text"] for magic in magics]), magics, strict=True):
        assert outcome.status == "failed", (magic, outcome)
        assert outcome.kind in ("damaged", "unsupported", "not_audio", "limit"), (magic, outcome)


def test_what_ffmpeg_cannot_read_either_is_not_told_to_install_it() -> None:
    for data in (b"RIFF\x00\x01\x00\x00WEBPVP8 " + bytes(300), b"ajkg\x09" + bytes(300), b"wvpk" + bytes(300)):
        with pytest.raises(DecodeError) as refused:
            audio.decode(data)
        assert "install" not in str(refused.value)


def test_an_mp4_that_points_to_another_file_gets_nothing_of_it(tmp_path: Path) -> None:
    secret = tmp_path / "secret.wav"
    secret.write_bytes(signals.wav_bytes(signals.noise(1.0), RATE, "s16"))
    file = bytearray(foreign_audio.encode(signals.sine(440.0, 1.0, sample_rate=48_000), 48_000, "mp4", "ac3"))
    # The data reference "url " with flag 1 says: in this file. Without the flag, it names another.
    at = file.index(b"url \x00\x00\x00\x01")
    file[at + 7] = 0
    with contextlib.suppress(DecodeError):
        decoded = audio.decode(bytes(file))
        assert np.abs(decoded.samples).max() < 0.6


# Damage.


@pytest.mark.parametrize(("container", "codec"), [("wv", "wavpack"), ("tta", "tta"), ("ac3", "ac3"), ("asf", "wmav2")])
def test_a_file_cut_anywhere_is_never_ok(container: str, codec: str) -> None:
    rate = 48_000 if codec == "ac3" else RATE
    whole = foreign_audio.encode(signals.noise(1.5, sample_rate=rate, n_channels=2), rate, container, codec)
    seconds = outcomes([whole])[0].seconds_sound
    dice = random.Random(codec)
    # A raw stream that ends where a frame ends, or a few bytes behind it, cannot be told from a whole one.
    lengths = [n for n in (dice.randrange(1, len(whole) - 800) for _ in range(40)) if codec != "ac3" or n % 512 > 16]
    for length, outcome in zip(lengths, outcomes([whole[:length] for length in lengths]), strict=True):
        assert outcome.status != "ok", (length, len(whole))
        # What is cut off may have been an index.
        assert outcome.seconds_sound <= seconds
        assert outcome.message


@pytest.mark.parametrize(("container", "codec"), [("wv", "wavpack"), ("tta", "tta"), ("ac3", "ac3")])
def test_flipped_bits_are_found_where_the_format_has_checksums(container: str, codec: str) -> None:
    rate = 48_000 if codec == "ac3" else RATE
    whole = foreign_audio.encode(signals.noise(1.5, sample_rate=rate, n_channels=2), rate, container, codec)
    dice = random.Random(codec)
    flipped = []
    for _ in range(30):
        data = bytearray(whole)
        data[dice.randrange(1000, len(data) - 200)] ^= 1 << dice.randrange(8)
        flipped.append(bytes(data))
    assert {outcome.status for outcome in outcomes(flipped)} <= {"partial", "failed"}


def test_random_damage_always_ends_with_an_outcome() -> None:
    wholes = [
        foreign_audio.encode(signals.noise(0.5, n_channels=2), RATE, container, codec)
        for container, codec in (("wv", "wavpack"), ("tta", "tta"), ("asf", "wmav2"), ("ac3", "ac3"), ("mp4", "ac3"))
    ]
    dice = random.Random(7)
    damaged = []
    for i in range(200):
        data = bytearray(wholes[i % len(wholes)])
        for _ in range(dice.choice((1, 4, 32))):
            data[dice.randrange(len(data) if dice.random() < 0.5 else 128)] = dice.choice((0, 255, dice.randrange(256)))
        damaged.append(bytes(data))
    for outcome in outcomes(damaged):
        assert outcome.status in ("ok", "partial", "failed")
        assert outcome.kind not in ("worker", "panic"), outcome
        assert "\n" not in outcome.message


def test_the_limits_of_a_track_hold_for_workers_too(long_tone: bytes) -> None:
    with pytest.raises(LimitError):
        audio.decode(long_tone, limits=audio.Limits(max_seconds=5.0))
    with pytest.raises(LimitError):
        audio.decode(long_tone, limits=audio.Limits(max_bytes=1000))


# Workers that fail.


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
        ("time.sleep(60)", "gave no answer for 1 s"),
        ("os.kill(os.getpid(), signal.SIGSTOP)", "gave no answer for 1 s"),
    ],
)
def test_a_worker_that_fails_costs_its_track_and_says_how(tone: bytes, what: str, message: str) -> None:
    use_worker(silence=1.0, code=sabotaged(what))
    wav = signals.wav_bytes(signals.silence(1.0), RATE, "s16")
    sound, failed, last = outcomes([wav, tone, wav], n_threads=1)
    assert sound.ok
    assert last.ok
    assert (failed.status, failed.kind) == ("failed", "worker"), failed
    assert message in failed.message
    assert failed.message.startswith("decoding worker ")


def test_a_decoder_that_only_computes_runs_out_of_processor_time(tone: bytes) -> None:
    use_worker(cpu_seconds=1, code=sabotaged("[budget.renew(), [0 for _ in iter(int, 1)]]"))
    started = time.monotonic()
    assert "processor time" in outcomes([tone])[0].message
    assert time.monotonic() - started < 25


@linux
def test_a_worker_out_of_memory_costs_its_track(tone: bytes) -> None:
    use_worker(memory_bytes=256 << 20, code=sabotaged("[bytearray(1 << 20) for _ in iter(int, 1)]"))
    outcome = outcomes([tone])[0]
    assert (outcome.status, outcome.kind) == ("failed", "worker")
    assert "memory" in outcome.message


def test_a_worker_that_cannot_be_started_is_an_outcome(tone: bytes, tmp_path: Path) -> None:
    _native.set_fallback((str(tmp_path / "nothing"), [], 1.0, 1.0))
    outcome = outcomes([tone])[0]
    assert (outcome.status, outcome.kind) == ("failed", "worker")
    assert "cannot start" in outcome.message


@linux
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_a_worker_killed_or_stopped_in_the_middle_costs_one_track(how: int, tone: bytes, long_tone: bytes) -> None:
    use_worker(silence=1.0)
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


# Workers and the program around them.


@linux
def test_a_worker_can_open_nothing_and_hears_no_ctrl_c(tone: bytes) -> None:
    audio.decode(tone)
    (worker,) = workers_of()
    limits = Path(f"/proc/{worker}/limits").read_text(encoding="ascii")
    rows = {line[:26].strip(): line[26:].split() for line in limits.splitlines()}
    assert rows["Max open files"][:2] == ["3", "3"]
    assert rows["Max file size"][:2] == ["0", "0"]
    assert rows["Max core file size"][:2] == ["0", "0"]
    assert rows["Max address space"][:2] == [str(2 << 30)] * 2
    assert sorted(os.listdir(f"/proc/{worker}/fd")) == ["0", "1", "2"]  # noqa: PTH208 -- names, not paths
    assert os.getpgid(worker) == worker != os.getpgid(0)


@linux
def test_many_files_share_few_workers(tone: bytes) -> None:
    use_worker(idle=0.3)
    assert eventually(lambda: not workers_of())
    seen = set()
    ended = []
    for batch in audio.stream([tone] * 50, sample_rate=16_000, window_seconds=0.5, batch_size=4, n_threads=2):
        seen |= set(workers_of())
        ended += batch.outcomes
    assert [end.track for end in ended] == list(range(50))
    assert all(end.outcome.ok for end in ended)
    assert 1 <= len(seen) <= 2
    # Nobody needs them any more: no worker and no zombie is left.
    assert eventually(lambda: not workers_of())


@linux
def test_a_track_that_is_left_early_gives_its_worker_back(long_tone: bytes) -> None:
    seen = set()
    for _ in range(5):
        stream = audio.stream([long_tone], sample_rate=RATE, window_seconds=1.0, max_windows=1)
        assert sum(len(batch) for batch in stream) == 1
        seen |= set(workers_of())
    assert len(seen) == 1


@linux
def test_memory_of_a_worker_does_not_grow_with_the_length_of_a_track(long_tone: bytes, tone: bytes) -> None:
    def peak_mib() -> float:
        (worker,) = workers_of()
        lines = Path(f"/proc/{worker}/status").read_text(encoding="ascii").splitlines()
        return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024

    outcomes([tone] * 5, n_threads=1)
    before = peak_mib()
    outcomes([long_tone], n_threads=1)
    assert peak_mib() - before < 16


def test_many_threads_may_use_workers_at_once(tone: bytes) -> None:
    expected = audio.decode(tone).samples
    results: list[bool] = []

    def work() -> None:
        results.extend(np.array_equal(audio.decode(tone).samples, expected) for _ in range(3))

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [True] * 18


def run(code: str, *arguments: str, timeout: float = 60.0) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(HOSTILE.parent), *sys.path])
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *arguments],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        env={**os.environ, "PYTHONPATH": path},
    )


def test_the_users_process_never_loads_ffmpeg(tmp_path: Path, tone: bytes) -> None:
    path = tmp_path / "a.wv"
    path.write_bytes(tone)
    done = run(
        """
        import sys
        from orpheus_fast import audio
        print(audio.decode(sys.argv[1]).outcome.status, "av" in sys.modules)
        """,
        str(path),
    )
    assert done.stdout.split() == ["ok", "False"], done.stderr


@linux
def test_a_forked_child_has_workers_of_its_own(tmp_path: Path, tone: bytes) -> None:
    path = tmp_path / "a.wv"
    path.write_bytes(tone)
    done = run(
        """
        import os, sys, warnings
        warnings.simplefilter("ignore")
        from orpheus_fast import audio
        from worker_processes import workers_of
        track = sys.argv[1]
        audio.decode(track)
        before = workers_of()
        child = os.fork()
        if child == 0:
            fine = audio.decode(track).outcome.ok and audio.decode(track).outcome.ok
            os._exit(0 if fine and len(workers_of()) == 1 else 3)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), audio.decode(track).outcome.status, workers_of() == before)
        """,
        str(path),
    )
    assert done.stdout.split() == ["0", "ok", "True"], done.stderr


@linux
@pytest.mark.parametrize("stopped", [False, True])
def test_killing_the_program_leaves_no_worker_behind(tmp_path: Path, long_tone: bytes, stopped: bool) -> None:
    path = tmp_path / "long.wv"
    path.write_bytes(long_tone)
    code = """
        import os, sys, time
        from orpheus_fast import audio
        stream = audio.stream([sys.argv[1]] * 4, sample_rate=44_100, window_seconds=1.0, batch_size=1, n_threads=2)
        next(stream)
        if os.fork() == 0:
            # A sibling that holds the sockets open.
            time.sleep(20)
        print("ready", flush=True)
        time.sleep(60)
    """
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", textwrap.dedent(code), str(path)],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        assert eventually(lambda: len(workers_of(process.pid)) == 2)
        workers = workers_of(process.pid)
        if stopped:
            for worker in workers:
                os.kill(worker, signal.SIGSTOP)
        process.kill()
        process.wait()
        assert eventually(lambda: not any(is_running(worker) for worker in workers), 5.0)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.stdout.close()
        process.wait()


def test_its_state_names_the_libraries() -> None:
    state = fallback.state()
    assert state["state"] == "working"
    assert "libavcodec" in str(state["libraries"])
    use_worker(code="import no_such_worker")
    broken = fallback.state()
    assert broken["state"] == "broken"
    assert "no_such_worker" in str(broken["reason"])

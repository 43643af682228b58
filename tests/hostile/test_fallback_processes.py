"""Workers and the program around them: few, confined, shared, and gone when nobody needs them."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from fallback_workers import RATE, outcomes, use_worker
from orpheus_fast import audio
from orpheus_fast.audio import fallback
from worker_processes import eventually, is_running, is_stopped, ready_workers_of, workers_of

pytestmark = [
    pytest.mark.skipif(not fallback.register(), reason="the extra ffmpeg (PyAV) is not installed"),
    pytest.mark.usefixtures("fresh_workers"),
]
linux = pytest.mark.skipif(sys.platform != "linux", reason="looks at processes in /proc")

HOSTILE = Path(__file__).parent


@linux
def test_a_worker_can_open_nothing_and_hears_no_ctrl_c(tone: bytes) -> None:
    audio.decode(tone)
    (worker,) = workers_of()
    limits = Path(f"/proc/{worker}/limits").read_text(encoding="ascii")
    rows = {line[:26].strip(): line[26:].split() for line in limits.splitlines()}
    assert rows["Max open files"][:2] == ["3", "3"]
    assert rows["Max file size"][:2] == ["0", "0"]
    assert rows["Max core file size"][:2] == ["0", "0"]
    soft, hard = map(int, rows["Max address space"][:2])
    assert soft == hard <= 512 << 20
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
def test_a_worker_that_nobody_needs_ends_although_another_one_is_busy(tone: bytes) -> None:
    use_worker(idle=0.5)
    together = threading.Barrier(2)

    def work() -> None:
        together.wait()
        outcomes([tone] * 4, n_threads=1)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(workers_of()) == 2
    # Fewer files than a worker is given before it is replaced by another one.
    for _ in range(100):
        audio.decode(tone)
        time.sleep(0.02)
    assert len(workers_of()) == 1


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
        assert eventually(lambda: len(ready_workers_of(process.pid)) == 2, 60.0)
        workers = ready_workers_of(process.pid)
        if stopped:
            for worker in workers:
                os.kill(worker, signal.SIGSTOP)
        process.kill()
        process.wait()
        assert eventually(lambda: not any(is_running(worker) for worker in workers))
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.stdout.close()
        process.wait()


@linux
def test_a_worker_that_was_stopped_before_it_could_do_anything_ends_with_the_program_too(
    tmp_path: Path, tone: bytes
) -> None:
    path = tmp_path / "a.wv"
    path.write_bytes(tone)
    code = """
        import sys
        from fallback_workers import use_worker
        from orpheus_fast import audio
        from orpheus_fast.audio import fallback
        fallback.register()
        use_worker(code="import os, signal; os.kill(os.getpid(), signal.SIGSTOP); " + fallback.START)
        audio.decode(sys.argv[1])
    """
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", textwrap.dedent(code), str(path)],
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(HOSTILE.parent), *sys.path])},
    )
    try:
        assert eventually(lambda: any(is_stopped(worker) for worker in workers_of(process.pid)), 60.0)
        (worker,) = workers_of(process.pid)
    finally:
        process.kill()
        process.wait()
    # The system wakes the stopped members of a group that has lost its session, by SIGHUP and SIGCONT.
    assert eventually(lambda: not is_running(worker))


def test_its_state_names_the_libraries() -> None:
    state = fallback.state()
    assert state["state"] == "working"
    assert "libavcodec" in str(state["libraries"])
    use_worker(code="import no_such_worker")
    broken = fallback.state()
    assert broken["state"] == "broken"
    assert "no_such_worker" in str(broken["reason"])

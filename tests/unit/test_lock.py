from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from orpheus_fast.errors import LibraryLockedError
from orpheus_fast.library.lock import LOCK_NAME, WriterLock, read_owner

if TYPE_CHECKING:
    from collections.abc import Iterator

_HOLD = """
import sys, time
from orpheus_fast.library.lock import WriterLock
lock = WriterLock.acquire(sys.argv[1])
print("held", flush=True)
time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True, env=environment
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_a_second_writer_is_told_who_writes_and_since_when(tmp_path: Path, holder: subprocess.Popen[str]) -> None:
    owner = read_owner(tmp_path)
    assert owner is not None
    assert owner.pid == holder.pid
    with pytest.raises(LibraryLockedError) as refusal:
        WriterLock.acquire(tmp_path)
    message = str(refusal.value)
    for part in (str(tmp_path), f"process {holder.pid}", owner.host, owner.since):
        assert part in message


def test_the_lock_of_a_killed_writer_locks_nobody_out(tmp_path: Path, holder: subprocess.Popen[str]) -> None:
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    with WriterLock.acquire(tmp_path, wait_seconds=5.0) as lock:
        assert lock.held
        owner = read_owner(tmp_path)
        assert owner is not None
        assert owner.pid == os.getpid()


def test_a_writer_that_waits_gets_the_lock_when_it_is_free(tmp_path: Path) -> None:
    first = WriterLock.acquire(tmp_path)
    timer = threading.Timer(0.3, first.release)
    timer.start()
    started = time.monotonic()
    with WriterLock.acquire(tmp_path, wait_seconds=30.0):
        assert 0.2 < time.monotonic() - started < 10.0
    timer.join()


def test_a_writer_that_waited_in_vain_says_so(tmp_path: Path) -> None:
    with WriterLock.acquire(tmp_path), pytest.raises(LibraryLockedError, match=r"waited 0\.2 s"):
        WriterLock.acquire(tmp_path, wait_seconds=0.2)


def test_one_process_cannot_take_the_lock_twice(tmp_path: Path) -> None:
    with WriterLock.acquire(tmp_path), pytest.raises(LibraryLockedError, match=f"process {os.getpid()} "):
        WriterLock.acquire(tmp_path)


def test_releasing_twice_does_not_release_the_next_owner(tmp_path: Path) -> None:
    first = WriterLock.acquire(tmp_path)
    first.release()
    with WriterLock.acquire(tmp_path):
        first.release()
        with pytest.raises(LibraryLockedError):
            WriterLock.acquire(tmp_path)


def test_a_forked_child_does_not_keep_the_lock_alive(tmp_path: Path) -> None:
    # In a process of its own, so that nothing of the test runner is forked.
    script = """
import os, sys, time
from orpheus_fast.library.lock import WriterLock
lock = WriterLock.acquire(sys.argv[1])
child = os.fork()
if child == 0:
    time.sleep(60)
print(child, flush=True)
os._exit(0)
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True, env=environment
    ) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        try:
            parent.wait()
            with WriterLock.acquire(tmp_path, wait_seconds=5.0):
                os.kill(child, 0)
        finally:
            os.kill(child, signal.SIGKILL)


@pytest.mark.parametrize("record", [b"", b"\xff", b"[]", b"{}", b'{"pid": "x"}', b"[" * 4000, b'{"pid": 1e999}'])
def test_a_damaged_record_costs_the_name_and_not_the_lock(tmp_path: Path, record: bytes) -> None:
    (tmp_path / LOCK_NAME).write_bytes(record)
    assert read_owner(tmp_path) is None
    with WriterLock.acquire(tmp_path):
        (tmp_path / LOCK_NAME).write_bytes(record)
        with pytest.raises(LibraryLockedError, match="not yet said which"):
            WriterLock.acquire(tmp_path)


def test_a_record_cannot_smuggle_control_characters_into_the_message(tmp_path: Path) -> None:
    with WriterLock.acquire(tmp_path):
        record = {"pid": 1, "host": "evil\x1b[2J\n", "since": "now", "command": "x"}
        (tmp_path / LOCK_NAME).write_text(json.dumps(record))
        with pytest.raises(LibraryLockedError) as refusal:
            WriterLock.acquire(tmp_path)
    assert str(refusal.value).isprintable()


def test_the_lock_file_is_not_followed_out_of_the_folder(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("text")
    folder = tmp_path / "library"
    folder.mkdir()
    (folder / LOCK_NAME).symlink_to(precious)
    with pytest.raises(OSError, match=LOCK_NAME):
        WriterLock.acquire(folder)
    assert precious.read_text() == "text"


def test_a_folder_that_is_not_there_is_a_system_error_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as error:
        WriterLock.acquire(tmp_path / "none")
    assert LOCK_NAME in str(error.value.filename)

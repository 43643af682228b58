"""One budget of threads for everything in this process.

Decoding, search and torch each would take a thread per core if left alone, and then fight for the cores. Streams take
theirs from this budget, and `share_with_torch` gives torch what they leave.
"""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path
from threading import RLock

from orpheus_fast.errors import MissingExtraError, ParameterError

__all__ = ["Lease", "available", "lease", "set_total", "share_with_torch", "total"]

# Re-entrant: a lease may be collected, and give back its threads, at any moment.
_lock = RLock()
# Counts the forks that led to this process: what was leased before them is held by threads that are not here.
_generation = 0
_leased = 0
_kept_by_torch = 0
_total: int | None = None


class Lease:
    """Threads taken from the budget until `release`."""

    def __init__(self, n_threads: int) -> None:
        self.n_threads = n_threads
        self._generation = _generation
        self._held = True

    def release(self) -> None:
        """Give the threads back; a second call does nothing, nor does one in a forked process."""
        global _leased  # noqa: PLW0603 -- the budget is the process's
        with _lock:
            if self._held and self._generation == _generation:
                self._held = False
                _leased -= self.n_threads

    def __del__(self) -> None:
        self.release()


def total() -> int:
    """Return the budget: `set_total`, else ORPHEUS_NUM_THREADS, else the cores this process may use."""
    if _total is not None:
        return _total
    text = os.environ.get("ORPHEUS_NUM_THREADS", "")
    if text:
        if not text.isdecimal() or int(text) < 1:
            message = f"ORPHEUS_NUM_THREADS is {text!r}, expected a number of at least 1"
            raise ParameterError(message)
        return int(text)
    return usable_cores()


def set_total(n_threads: int | None) -> None:
    """Set the budget for this process; None goes back to the default."""
    global _total  # noqa: PLW0603 -- the budget is the process's
    if n_threads is not None and n_threads < 1:
        message = f"n_threads is {n_threads}, expected at least 1"
        raise ParameterError(message)
    _total = n_threads


def available() -> int:
    """Return how many threads nobody holds; at least 1, because everybody must get on."""
    return max(1, total() - _leased - _kept_by_torch)


def lease(n_threads: int | None = None, *, most: int | None = None) -> Lease:
    """Take threads: as many as asked for, or what is available; no more than `most`, which have work."""
    global _leased  # noqa: PLW0603 -- the budget is the process's
    with _lock:
        taken = available() if n_threads is None else n_threads
        taken = taken if most is None else min(taken, most)
        _leased += taken
        return Lease(taken)


def share_with_torch(n_threads: int | None = None) -> int:
    """Limit torch's operators to `n_threads`, or to what is left of the budget; return the number.

    Streams that are started afterwards leave these threads alone.
    """
    global _kept_by_torch  # noqa: PLW0603 -- the budget is the process's
    try:
        torch = import_module("torch")
    except ImportError as error:
        message = 'torch is not installed: pip install "orpheus-fast[torch]"'
        raise MissingExtraError(message) from error
    left = max(1, total() - _leased) if n_threads is None else n_threads
    torch.set_num_threads(left)
    _kept_by_torch = left
    return left


def usable_cores() -> int:
    """Return the cores that affinity and the container's quota leave to this process."""
    n_cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="ascii").split()
        return max(1, min(n_cores, round(int(quota) / int(period))))
    except (OSError, ValueError):
        # No control group, or no quota ("max").
        return n_cores


def _start_anew() -> None:
    """In a forked child: no thread of the parent is here to hold the lock, or what it leased."""
    global _lock, _generation, _leased  # noqa: PLW0603 -- the budget is the process's
    _lock = RLock()
    _generation += 1
    _leased = 0


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_anew)

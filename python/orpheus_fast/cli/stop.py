"""Being stopped: the first signal lets the command finish what it holds, the second one ends it at once."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from types import FrameType

__all__ = ["exit_code", "install"]

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else []))
_SHOW_CURSOR: Final = b"\x1b[?25h"

_received: list[int] = []


def install() -> None:
    """Turn SIGINT, SIGTERM and SIGHUP into one `KeyboardInterrupt`.

    A signal that is ignored stays ignored: `nohup` and a shell's `&` mean it.
    """
    _received.clear()
    for number in _SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _stop)


def exit_code() -> int:
    """Return 130 after Ctrl-C and 143 after SIGTERM or SIGHUP."""
    by_user = not _received or _received[0] == signal.SIGINT
    return 128 + (signal.SIGINT if by_user else signal.SIGTERM)


def _stop(number: int, _frame: FrameType | None) -> None:
    _received.append(number)
    # From here on the kernel answers: a second Ctrl-C works even while native code runs.
    for other in _SIGNALS:
        if signal.getsignal(other) is _stop:
            signal.signal(other, signal.SIG_DFL)
    # A live line hides the cursor, and nobody would be left to show it again.
    with contextlib.suppress(OSError, ValueError, AttributeError):
        if sys.stderr.isatty():
            os.write(sys.stderr.fileno(), _SHOW_CURSOR)
    raise KeyboardInterrupt

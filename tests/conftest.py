"""What every test may rely on, however the run was started."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator


def pytest_configure() -> None:
    """Undo ignored signals: a run in the background hands them to its children, and they would never stop."""
    for number, handler in (
        (signal.SIGINT, signal.default_int_handler),
        (signal.SIGTERM, signal.SIG_DFL),
        (signal.SIGHUP, signal.SIG_DFL),
    ):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, handler)


@pytest.fixture
def without_ffmpeg() -> Iterator[None]:
    """As if the extra `ffmpeg` were not installed."""
    from orpheus_fast import _native  # noqa: PLC0415 -- only where it is built
    from orpheus_fast.audio import fallback  # noqa: PLC0415

    fallback.register()
    _native.set_fallback(None)
    yield
    fallback.register.cache_clear()
    fallback.register()

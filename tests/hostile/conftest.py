"""What the tests of the FFmpeg fallback share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import foreign_audio
import signals
from fallback_workers import RATE, use_worker
from orpheus_fast.audio import fallback

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def fresh_workers() -> Iterator[None]:
    """Workers of the usual kind that no test before has seen; whatever a test does with them is undone."""
    use_worker()
    yield
    fallback.register.cache_clear()
    fallback.register()


@pytest.fixture(scope="session")
def tone() -> bytes:
    return foreign_audio.encode(signals.sine(440.0, 1.0), RATE, "wv", "wavpack")


@pytest.fixture(scope="session")
def long_tone() -> bytes:
    """Far more blocks than the queues of a stream hold."""
    return foreign_audio.encode(signals.silence(240.0, sample_rate=RATE), RATE, "wv", "wavpack")

"""Workers that decode by FFmpeg with other limits than theirs, or other manners."""

from __future__ import annotations

import sys
import textwrap

from orpheus_fast import _native, audio
from orpheus_fast.audio import fallback

__all__ = ["RATE", "outcomes", "sabotaged", "use_worker"]

RATE = 44_100


def use_worker(
    *,
    silence: float = 30.0,
    idle: float = 10.0,
    code: str = fallback.START,
) -> None:
    folder = fallback._folder_of_pyav()
    assert folder is not None
    arguments = fallback.worker_arguments(folder)
    arguments[arguments.index(fallback.START)] = code
    _native.set_fallback((sys.executable, arguments, silence, idle))


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
        worker.main(int(sys.argv[3]))
    """
    return textwrap.dedent(code)


def outcomes(data: list[bytes], **options: object) -> list[audio.Outcome]:
    stream = audio.stream(data, sample_rate=16_000, window_seconds=0.5, **options)  # type: ignore[arg-type]
    ended = [end for batch in stream for end in batch.outcomes]
    assert sorted(end.track for end in ended) == list(range(len(data)))
    return [end.outcome for end in sorted(ended, key=lambda end: end.track)]

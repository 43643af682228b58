"""Numbers as people read them."""

from __future__ import annotations

from typing import Final

__all__ = ["clock", "counted", "size", "span", "times_real_time"]

_MINUTE: Final = 60
_HOUR: Final = 3600
_DAY: Final = 86_400
_THOUSAND: Final = 1000
_TEN: Final = 10


def counted(n: int, noun: str) -> str:
    """Return a number and its noun.

    Examples
    --------
    >>> counted(1, "track"), counted(12000, "track")
    ('1 track', '12,000 tracks')
    """
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def clock(seconds: float | None) -> str:
    """Return a duration as on a player; nothing where it is unknown.

    Examples
    --------
    >>> clock(65.4), clock(3661), clock(None)
    ('1:05', '1:01:01', '')
    """
    if seconds is None:
        return ""
    minutes, rest = divmod(round(seconds), _MINUTE)
    hours, minutes = divmod(minutes, _MINUTE)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def span(seconds: float) -> str:
    """Return a length of time in its two largest units.

    Examples
    --------
    >>> span(0.4), span(41), span(192), span(11_520), span(200_000)
    ('0.4 s', '41 s', '3 min 12 s', '3 h 12 min', '2 d 7 h')
    """
    if seconds < _TEN:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE} s"
    if whole < _DAY:
        return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE} min"
    return f"{whole // _DAY} d {whole % _DAY // _HOUR} h"


def size(n_bytes: float) -> str:
    """Return a number of bytes.

    Examples
    --------
    >>> size(512), size(1_234_567)
    ('512 B', '1.2 MB')
    """
    for unit in ("B", "kB", "MB", "GB"):
        if n_bytes < _THOUSAND:
            return f"{n_bytes:.0f} B" if unit == "B" else f"{n_bytes:.1f} {unit}"
        n_bytes /= _THOUSAND
    return f"{n_bytes:.1f} TB"


def times_real_time(audio_seconds: float, seconds: float) -> str:
    """Return how fast audio was worked through, to stand at the end of a sentence.

    Examples
    --------
    >>> times_real_time(600, 2), times_real_time(600, 0)
    (', 300x real time', '')
    """
    return f", {audio_seconds / seconds:,.0f}x real time" if seconds > 0 else ""

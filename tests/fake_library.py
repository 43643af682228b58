"""A stand-in for a library, for tests of what is made of its answers; and answers to give."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from orpheus_fast.cli import opening
from orpheus_fast.library.results import Hit, IndexReport, LibraryInfo, SpaceInfo, Trouble

if TYPE_CHECKING:
    from typing import Self

    import pytest

HIT = Hit(0.75, 7, "/m/a.flac", b"/m/a.flac", "Title", "Artist", 61.0, "ok")
TROUBLE = Trouble(1, "/m/x.mp3", "failed", "not_audio", "no audio in it", 0.0, 0.0, missing=False)
DONE = IndexReport(found=2, decoded=2, outcomes={"ok": 2, "partial": 0, "failed": 0}, seconds=2.0, audio_seconds=600.0)
INFO = LibraryInfo(
    folder=Path("/x.orpheus"),
    format_version=1,
    created_at="2026-01-01T00:00:00+00:00",
    created_by="orpheus_fast 0.1.0",
    n_tracks=3,
    outcomes={"ok": 2, "failed": 1},
    n_missing=1,
    audio_seconds=4000.0,
    spaces=[SpaceInfo("classical", "classical-123", 44, "cosine", 2, 4096)],
    n_bytes=123_456,
)


class FakeLibrary:
    """Answers what it was given, or raises it, and remembers how it was asked."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def __getattr__(self, name: str) -> Any:
        def answer(*args: Any, **kwargs: Any) -> Any:
            self.calls.append((name, args, kwargs))
            value = self.answers[name]
            if isinstance(value, BaseException):
                raise value
            return value

        return answer


def install(monkeypatch: pytest.MonkeyPatch, **answers: Any) -> FakeLibrary:
    """Have every command open this library, whichever it names, and let no variable of the user name one."""
    library = FakeLibrary(**answers)

    def open_it(folder: Path) -> FakeLibrary:
        library.calls.append(("open", (folder,), {}))
        return library

    monkeypatch.setattr(opening, "open_library", open_it)
    monkeypatch.setattr(opening, "open_or_create_library", open_it)
    for name in ("ORPHEUS_LIBRARY", "ORPHEUS_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    return library

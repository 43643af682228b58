"""`orpheus report`: every outcome that is not ok."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

import click

from orpheus_fast.cli import opening, options
from orpheus_fast.cli.console import emit_json, write_line
from orpheus_fast.cli.errors import DONE
from orpheus_fast.cli.quantities import counted, span

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from orpheus_fast.library.results import Trouble

__all__ = ["report"]

_DEFAULT_LIMIT: Final = 20
_ORDER: Final = ("failed", "partial", "missing")


@click.command(
    cls=options.Taught,
    examples=(
        ("orpheus report --library music.orpheus", f"how many of what kind, and the first {_DEFAULT_LIMIT} files"),
        ("orpheus report --library music.orpheus --all", "every file"),
        ("orpheus report --library music.orpheus --json", "every file, for a program"),
    ),
)
@options.library
@click.option(
    "--limit", type=options.at_least_one, metavar="N", help=f"Files to name.  [default: {_DEFAULT_LIMIT}; all in JSON]"
)
@click.option("--all", "show_all", is_flag=True, help="Name every file.")
@options.as_json
def report(*, library: Path, limit: int | None, show_all: bool, as_json: bool) -> int:
    """List every track that is not ok, and why.

    Failed tracks have no vector: nothing usable could be decoded. Partial ones are compared by what is sound of them.
    Missing ones were indexed, but their files are gone. A failed file is tried again when it changes, when a newer
    version decodes it, or with `orpheus index --retry-failed`.
    """
    if show_all and limit is not None:
        message = "--all and --limit were both given, expected one of them"
        raise click.UsageError(message)
    most = limit if limit is not None else None if show_all or as_json else _DEFAULT_LIMIT
    with opening.open_library(library) as opened:
        numbers, first = _collect(opened.troubles(), most)
    n_total = sum(numbers.values())
    if as_json:
        groups = [{"outcome": outcome, "kind": kind, "n": n} for (outcome, kind), n in _sorted(numbers)]
        tracks = [_fields(trouble) for trouble in first]
        emit_json("report", {"library": library, "n_tracks": n_total, "groups": groups, "tracks": tracks})
        return DONE
    if not n_total:
        write_line("every track is ok")
        return DONE
    _print(numbers, first)
    if n_total > len(first):
        write_line(f"... and {n_total - len(first):,} more; --all names them")
    return DONE


def _collect(troubles: Iterable[Trouble], most: int | None) -> tuple[Counter[tuple[str, str]], list[Trouble]]:
    """Count all, keep the first: a library may hold a great many."""
    numbers: Counter[tuple[str, str]] = Counter()
    first: list[Trouble] = []
    for trouble in troubles:
        numbers[_group(trouble)] += 1
        if most is None or len(first) < most:
            first.append(trouble)
    return numbers, first


def _group(trouble: Trouble) -> tuple[str, str]:
    return ("missing", "") if trouble.outcome == "ok" else (trouble.outcome, trouble.kind)


def _sorted(numbers: Counter[tuple[str, str]]) -> list[tuple[tuple[str, str], int]]:
    """Failed, partial, missing; within each the most frequent kind first."""

    def key(entry: tuple[tuple[str, str], int]) -> tuple[int, int, str]:
        (outcome, kind), n = entry
        return (_ORDER.index(outcome) if outcome in _ORDER else len(_ORDER), -n, kind)

    return sorted(numbers.items(), key=key)


def _print(numbers: Counter[tuple[str, str]], first: list[Trouble]) -> None:
    for outcome in _ORDER:
        group = [(kind, n) for (other, kind), n in _sorted(numbers) if other == outcome]
        if group:
            write_line(f"{counted(sum(n for _, n in group), 'track')} {outcome}")
            for kind, n in group:
                if kind:
                    write_line(f"  {n:>7,}  {kind}")
    write_line()
    for trouble in sorted(first, key=lambda trouble: (_ORDER.index(_group(trouble)[0]), trouble.kind)):
        write_line(_line(trouble))


def _line(trouble: Trouble) -> str:
    outcome, kind = _group(trouble)
    gone = " and missing" if trouble.missing and outcome != "missing" else ""
    lost = ""
    if trouble.outcome == "partial":
        lost = f" ({span(trouble.seconds_sound)} sound, {span(trouble.seconds_lost)} lost)"
    reason = trouble.message or kind
    return f"{outcome}{gone}: {trouble.path}{': ' if reason else ''}{reason}{lost}"


def _fields(trouble: Trouble) -> dict[str, object]:
    names = ("track_id", "path", "outcome", "kind", "message", "seconds_sound", "seconds_lost", "missing")
    return {name: getattr(trouble, name) for name in names}

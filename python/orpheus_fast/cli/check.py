"""`orpheus check`: is every stored byte what was committed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from orpheus_fast.cli import opening, options
from orpheus_fast.cli.console import emit_json, say, write_line
from orpheus_fast.cli.errors import DONE, LIBRARY
from orpheus_fast.cli.quantities import counted

if TYPE_CHECKING:
    from pathlib import Path

    from orpheus_fast.library.damage import Damage

__all__ = ["check"]


@click.command(
    cls=options.Taught,
    examples=(
        ("orpheus check --library music.orpheus", "says that all is well, or what is not"),
        ("orpheus check --library music.orpheus --json", "the same for a program; exit code 3 if it is damaged"),
    ),
)
@options.library
@options.as_json
def check(*, library: Path, as_json: bool) -> int:
    """Verify that a library holds what was stored in it.

    Every row of its catalog and every block of its vectors has a checksum. Takes about a second per hundred thousand
    tracks, and changes nothing. A finding that mends itself affects no answer; the next `orpheus index` puts it right.
    """
    with opening.open_library(library) as opened:
        findings = opened.check()
    serious = [finding for finding in findings if not finding.mends_itself]
    if as_json:
        values = {"library": library, "sound": not serious, "findings": [_fields(finding) for finding in findings]}
        emit_json("check", values)
    else:
        for finding in findings:
            write_line(_line(finding))
        if not findings:
            write_line("every stored byte is what was committed")
    if serious:
        say(f"error: library {library} is damaged; restore it from a backup, or delete it and index again")
    return LIBRARY if serious else DONE


def _line(finding: Damage) -> str:
    tracks = f" ({counted(len(finding.track_ids), 'track')} affected)" if finding.track_ids else ""
    mends = "; the next index puts it right" if finding.mends_itself else ""
    return f"{finding.file}: {finding.what}{tracks}{mends}"


def _fields(finding: Damage) -> dict[str, object]:
    return {
        "file": finding.file,
        "what": finding.what,
        "mends_itself": finding.mends_itself,
        "track_ids": finding.track_ids,
    }

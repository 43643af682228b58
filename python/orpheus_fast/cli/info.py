"""`orpheus info`: what is in a library."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from orpheus_fast.cli import opening, options
from orpheus_fast.cli.console import emit_json, printable, show, table, write_line
from orpheus_fast.cli.errors import DONE
from orpheus_fast.cli.index import counts
from orpheus_fast.cli.quantities import counted, size, span

if TYPE_CHECKING:
    from pathlib import Path

    from rich.table import Table

    from orpheus_fast.library.results import LibraryInfo

__all__ = ["info"]


@click.command(
    cls=options.Taught,
    examples=(
        ("orpheus info --library music.orpheus", "tracks, hours, spaces, size on disk"),
        ("orpheus info --library music.orpheus --json", "the same for a program"),
    ),
)
@options.library
@options.as_json
def info(*, library: Path, as_json: bool) -> int:
    """Say what is in a library.

    Tracks and how they ended, hours of sound, the spaces with their dimensions and numbers of vectors, bytes on disk,
    and which version made it. Reads the catalog only; to verify every stored byte, use `orpheus check`.
    """
    with opening.open_library(library) as opened:
        found = opened.info()
    if as_json:
        emit_json("info", found.to_dict())
        return DONE
    write_line(str(found.folder))
    outcomes = f": {counts(found.outcomes)}" if counts(found.outcomes) else ""
    write_line(f"  {counted(found.n_tracks, 'track')}{outcomes}")
    if found.n_missing:
        write_line(f"  {found.n_missing:,} missing from their folders")
    write_line(f"  {span(found.audio_seconds)} of sound, {size(found.n_bytes)} on disk")
    write_line(f"  format {found.format_version}, made {found.created_at} by {found.created_by}")
    if found.spaces:
        show(_table(found))
    return DONE


def _table(found: LibraryInfo) -> Table:
    drawn = table("space", ">vectors", ">dim", "metric", ">size", "id")
    for space in found.spaces:
        cells = (space.name, f"{space.n_vectors:,}", str(space.dim), space.metric, size(space.n_bytes), space.space_id)
        drawn.add_row(*(printable(cell) for cell in cells))
    return drawn

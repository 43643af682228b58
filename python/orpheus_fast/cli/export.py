"""`orpheus export`: vectors and catalog as other programs read them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import click

from orpheus_fast.cli import opening, options
from orpheus_fast.cli.console import emit_json, write_line
from orpheus_fast.cli.errors import DONE

if TYPE_CHECKING:
    Format = Literal["faiss", "npy", "csv"]

__all__ = ["export"]

_FORMATS: Final[tuple[Format, ...]] = ("faiss", "npy", "csv")


@click.command(
    cls=options.Taught,
    examples=(
        ("orpheus export music.faiss --library music.orpheus", "a Flat index for FAISS, and what each row is"),
        ("orpheus export vectors.npy --space sound --library music.orpheus", "for numpy.load"),
        ("orpheus export music.csv --library music.orpheus --overwrite", "every track and its outcome as a table"),
    ),
)
@click.argument("destination", type=click.Path(), metavar="FILE")
@click.option("--format", "wanted", type=click.Choice(_FORMATS), help="What to write.  [default: as FILE ends]")
@options.library
@options.space
@click.option("--overwrite", is_flag=True, help="Replace files that exist.")
@options.as_json
def export(
    *, destination: str, wanted: Format | None, library: Path, space: str | None, overwrite: bool, as_json: bool
) -> int:
    """Write vectors and tracks to FILE, for other programs.

    faiss is a Flat index of the vectors as they are compared, for `faiss.read_index`; npy is a float32 array of the
    vectors as they are stored; beside each stands a table of its rows. csv is a table of all tracks, or with --space
    of those that have a vector, and the vectors too. Prints the names of the files that were written.
    """
    target = Path(destination)
    chosen = wanted or _format_of(target)
    with opening.open_library(library) as opened:
        files = opened.export(target, format=chosen, space=space, overwrite=overwrite)
    if as_json:
        emit_json("export", {"library": library, "format": chosen, "files": files})
    else:
        for file in files:
            write_line(str(file))
    return DONE


def _format_of(target: Path) -> Format:
    ending = target.suffix.lower().removeprefix(".")
    for name in _FORMATS:
        if name == ending:
            return name
    message = (
        f"{str(target)!r} does not end in a format that can be written, expected .{', .'.join(_FORMATS)} or --format"
    )
    raise click.UsageError(message)

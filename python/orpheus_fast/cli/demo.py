"""`orpheus demo`: the whole way from music to neighbours, with nothing to prepare."""

from __future__ import annotations

import os
import shlex
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from orpheus_fast.cli import opening, options
from orpheus_fast.cli.console import emit_json, path_fields, printable, say, show, table, write_line
from orpheus_fast.cli.errors import DONE, SOME_FAILED
from orpheus_fast.cli.index import exit_code_of, tell_problems
from orpheus_fast.cli.progress import counting, index_progress
from orpheus_fast.cli.quantities import counted, span, times_real_time
from orpheus_fast.cli.similar import name_of
from orpheus_fast.errors import DecodeError, ParameterError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from orpheus_fast.library import Library
    from orpheus_fast.library.results import Hit, IndexReport

__all__ = ["demo"]

_N_SHOWN: Final = 5
_K: Final = 3


@dataclass(frozen=True, slots=True)
class _Answer:
    """A track and its nearest neighbours."""

    path: bytes
    hits: list[Hit]


@click.command(
    cls=options.Taught,
    examples=(
        ("orpheus demo", "synthesise a small collection and find neighbours in it, below ./orpheus-demo"),
        ("orpheus demo --music ~/Music", "the same with your own files"),
    ),
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default="orpheus-demo",
    metavar="DIR",
    help="Folder to work in.  [default: ./orpheus-demo]",
)
@click.option(
    "--music", type=click.Path(), metavar="DIR", help="Your own music, instead of the synthesised collection."
)
@options.library_named
@options.quiet
@options.as_json
def demo(*, out: Path, music: str | None, library: Path | None, quiet: bool, as_json: bool) -> int:
    """Show all of it on music that it makes itself, or on yours.

    Writes a small collection of synthesised pieces in several styles, indexes it, and names the nearest neighbours of
    some of them. Needs no network and no model weights. Run again, it goes on where it stopped.
    """
    source = _yours(music) if music else _synthesised(out / "music", quiet=quiet)
    # A library of its own for every folder: neighbours from another one would only puzzle.
    folder = library or out / (f"music-{source.name}.orpheus" if music else "demo.orpheus")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with opening.open_or_create_library(folder) as opened:
        with index_progress(quiet=quiet) as progress:
            report = opened.index([source], progress=progress)
        tell_problems(report)
        if report.interrupted:
            say("stopped; what was finished is committed, and the same command goes on from there")
            return exit_code_of(report)
        answers = _answers(opened, _tracks(source, everything=music is None))
    style = _same_style(answers) if music is None else None
    if as_json:
        _emit(folder, source, report, answers, style)
    elif answers:
        _print(report, answers, style, source)
        _suggest(answers[0], folder)
    if not answers:
        say(f"error: no neighbours: {source} has fewer than two playable tracks; name a folder with more music")
    elif report.outcomes.get("failed"):
        say(f"{counted(report.outcomes['failed'], 'file')} could not be played; see: orpheus report --library {folder}")
    return DONE if answers else SOME_FAILED


def _yours(music: str) -> Path:
    given = Path(music).expanduser()
    given.stat()
    return Path(os.path.abspath(given))  # noqa: PTH100 -- resolving links would hide the name that was given


def _synthesised(folder: Path, *, quiet: bool) -> Path:
    from orpheus_fast.demo import PIECES, write_collection  # noqa: PLC0415 -- NumPy

    with counting("synthesising", len(PIECES), quiet=quiet) as tell:
        for n in range(1, len(PIECES) + 1):
            # Finished pieces are left as they are, so this makes one more each time.
            write_collection(folder, n)
            tell(n)
    return folder


def _tracks(source: Path, *, everything: bool) -> list[bytes]:
    """Return tracks to ask about: all of a collection whose styles are known, some of any other."""
    from orpheus_fast.library.scan import scan  # noqa: PLC0415 -- NumPy

    found = [file.path for file in scan([source]).files]
    return found if everything else _spread(found, 4 * _N_SHOWN)


def _spread(items: Sequence[bytes], n: int) -> list[bytes]:
    return [items[i * len(items) // n] for i in range(n)] if len(items) > n else list(items)


def _answers(library: Library, paths: Sequence[bytes]) -> list[_Answer]:
    answers = []
    for path in paths:
        try:
            hits = library.similar(os.fsdecode(path), _K)
        except (DecodeError, ParameterError, OSError):
            # Cannot be played: the report of the indexing has counted it.
            continue
        if hits:
            answers.append(_Answer(path, hits))
    return answers


def _same_style(answers: Sequence[_Answer]) -> tuple[float, float] | None:
    """Share of the neighbours that have the style of their track, and what it would be by chance.

    In the synthesised collection the folder of a piece is its style.
    """
    if len(answers) <= 1:
        return None
    sizes = Counter(os.path.dirname(answer.path) for answer in answers)  # noqa: PTH120 -- bytes
    same = [os.path.dirname(hit.path_bytes) == os.path.dirname(a.path) for a in answers for hit in a.hits]  # noqa: PTH120
    chance = sum(n * (n - 1) for n in sizes.values()) / (len(answers) * (len(answers) - 1))
    return sum(same) / len(same), chance


def _emit(
    folder: Path, source: Path, report: IndexReport, answers: Sequence[_Answer], style: tuple[float, float] | None
) -> None:
    from orpheus_fast.library.scan import display_path  # noqa: PLC0415 -- NumPy

    neighbours = [
        {
            **path_fields(display_path(answer.path), answer.path),
            "hits": [{"score": hit.score, **path_fields(hit.path, hit.path_bytes)} for hit in answer.hits],
        }
        for answer in answers
    ]
    share = dict(zip(("same_style_share", "same_style_by_chance"), style or (None, None), strict=True))
    values = {"library": folder, "music": source, "index": report.to_dict(), **share}
    emit_json("demo", {**values, "neighbours": neighbours})


def _print(report: IndexReport, answers: Sequence[_Answer], style: tuple[float, float] | None, source: Path) -> None:
    if report.decoded:
        music = f"{counted(report.decoded, 'track')}, {span(report.audio_seconds)} of music"
        write_line(f"{music}, indexed in {span(report.seconds)}{times_real_time(report.audio_seconds, report.seconds)}")
    else:
        write_line(f"{counted(report.found, 'track')}, indexed before: nothing to decode")
    show(_table(answers, source))
    if style is not None:
        share, chance = style
        n = sum(len(answer.hits) for answer in answers)
        write_line(
            f"{share:.0%} of all {n} nearest neighbours have the style of their track; chance would be {chance:.0%}"
        )


def _table(answers: Sequence[_Answer], source: Path) -> Table:
    drawn = table("track", "sounds like", ">score")
    step = max(len(answers) // _N_SHOWN, 1)
    for answer in answers[::step][:_N_SHOWN]:
        name = _short(printable(os.fsdecode(answer.path)), source)
        for rank, hit in enumerate(answer.hits):
            drawn.add_row("" if rank else name, _short(name_of(hit), source), f"{hit.score:.2f}")
        drawn.add_section()
    return drawn


def _short(name: str, source: Path) -> str:
    """Leave out of a path what all of them share."""
    return printable(name.removeprefix(f"{printable(source.absolute())}/"))


def _suggest(answer: _Answer, folder: Path) -> None:
    path = os.fsdecode(answer.path)
    nearby = os.path.relpath(path)
    track = shlex.quote(printable(path if nearby.startswith("..") else nearby))
    library = shlex.quote(printable(folder))
    write_line()
    write_line("Try next:")
    write_line(f"  orpheus similar {track} --library {library}")
    write_line(f"  orpheus info --library {library}")
    write_line("  orpheus index ~/Music --library music.orpheus")

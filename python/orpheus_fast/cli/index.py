"""`orpheus index`: folders in, a library out."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final, TypedDict

import click

from orpheus_fast.cli import opening, options, stop
from orpheus_fast.cli.console import emit_json, say, warn, write_line
from orpheus_fast.cli.errors import DONE, SOME_FAILED
from orpheus_fast.cli.progress import index_progress
from orpheus_fast.cli.quantities import counted, span, times_real_time

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Unpack

    from orpheus_fast.library.results import IndexReport

__all__ = ["counts", "exit_code_of", "index", "tell_problems"]

_MAX_PROBLEMS: Final = 10


class _Given(TypedDict):
    paths: tuple[str, ...]
    library: Path
    spaces: tuple[str, ...]
    jobs: int | None
    dry_run: bool
    retry_failed: bool
    refresh: bool
    accept_losses: bool
    wait: float
    quiet: bool
    as_json: bool


@click.command(
    cls=options.Taught,
    examples=(
        ("orpheus index ~/Music --library music.orpheus", "make the library, or bring it up to date"),
        ("orpheus index ~/Music --library music.orpheus --dry-run", "say what there is to do, and do nothing"),
        ("orpheus index new.flac --library music.orpheus --json", "add one file; the report as JSON"),
    ),
)
@click.argument("paths", nargs=-1, required=True, type=click.Path(), metavar="PATH...")
@options.library
@options.spaces
@click.option("--jobs", "-j", type=options.at_least_one, metavar="N", help="Decoding threads.  [default: one per core]")
@click.option("--dry-run", "-n", is_flag=True, help="Only say what would be done; write nothing.")
@click.option("--retry-failed", is_flag=True, help="Try the files again that failed before and have not changed.")
@click.option("--refresh", is_flag=True, help="Compute a space anew that another version defined differently.")
@click.option(
    "--accept-losses", is_flag=True, help="Go on where a folder lost most of its tracks: they really were removed."
)
@click.option(
    "--wait",
    type=options.seconds,
    default=0.0,
    metavar="SECONDS",
    help="Wait so long for another process that is writing to the library.  [default: 0]",
)
@options.quiet
@options.as_json
def index(**given: Unpack[_Given]) -> int:
    """Make a library of music, or bring it up to date.

    Every audio file below each PATH is decoded once, described by a vector in each space, and committed. Whatever is
    in the library already and has not changed is left alone, so the same command resumes after Ctrl-C, a crash or a
    new album. Every file gets an outcome (ok, partial or failed); `orpheus report` lists those that are not ok.

    Ctrl-C commits what is finished and stops; a second one stops at once, and loses nothing that was committed.
    """
    _refuse_what_cannot_be(given)
    report = _preview(given) if given["dry_run"] else _index(given)
    if given["as_json"]:
        emit_json("index", {"library": given["library"], "dry_run": given["dry_run"], **report.to_dict()})
    elif report.found or report.missing:
        _print(report, given["library"], dry_run=given["dry_run"])
    tell_problems(report)
    if report.interrupted:
        say("stopped; what was finished is committed, and the same command goes on from there")
    elif report.found == 0:
        say(f"error: no audio found in {' '.join(given['paths'])}{_ignored(report)}; name a folder that holds music")
    return exit_code_of(report, dry_run=given["dry_run"])


def exit_code_of(report: IndexReport, *, dry_run: bool = False) -> int:
    """Return what a process that ran this indexing ends with."""
    if report.interrupted:
        return stop.exit_code()
    if report.found == 0 or report.problems:
        return SOME_FAILED
    return SOME_FAILED if report.outcomes.get("failed") and not dry_run else DONE


def tell_problems(report: IndexReport) -> None:
    """Warn of the places that could not be looked at."""
    for path, message in report.problems[:_MAX_PROBLEMS]:
        warn(f"{path}: {message}")
    if len(report.problems) > _MAX_PROBLEMS:
        warn(f"{len(report.problems) - _MAX_PROBLEMS:,} more places could not be looked at; --json lists them all")


def _refuse_what_cannot_be(given: _Given) -> None:
    """Find mistakes before a library is made for nothing."""
    from orpheus_fast.library.spaces import built_in  # noqa: PLC0415 -- NumPy

    for name in given["spaces"]:
        built_in(name)
    if given["library"].exists():
        # It knows whether a folder that is not there was misspelt or is offline.
        return
    for path in given["paths"]:
        os.stat(os.path.expanduser(path))  # noqa: PTH111, PTH116 -- keeps the name as it was given


def _preview(given: _Given) -> IndexReport:
    from orpheus_fast.library import preview  # noqa: PLC0415 -- NumPy

    with index_progress(quiet=given["quiet"]) as progress:
        return preview(
            given["library"],
            given["paths"],
            spaces=given["spaces"] or None,
            retry_failed=given["retry_failed"],
            progress=progress,
        )


def _index(given: _Given) -> IndexReport:
    with opening.open_or_create_library(given["library"]) as library, index_progress(quiet=given["quiet"]) as progress:
        return library.index(
            given["paths"],
            spaces=given["spaces"] or None,
            jobs=given["jobs"],
            retry_failed=given["retry_failed"],
            refresh=given["refresh"],
            accept_losses=given["accept_losses"],
            wait_seconds=given["wait"],
            progress=progress,
        )


def _print(report: IndexReport, library: Path, *, dry_run: bool) -> None:
    write_line(f"{counted(report.found, 'track')} found: {counts(report.outcomes) or 'nothing to do'}")
    if dry_run:
        write_line(
            f"{report.outcomes.get('pending', 0):,} to decode, {report.unchanged:,} unchanged; nothing was written"
        )
    else:
        speed = times_real_time(report.audio_seconds, report.seconds)
        work = f"; {span(report.audio_seconds)} of sound in {span(report.seconds)}{speed}" if report.decoded else ""
        write_line(f"{report.decoded:,} decoded, {report.unchanged:,} unchanged{work}")
    if report.missing:
        write_line(
            f"{counted(report.missing, 'track')} of the library missing from these folders; kept, and marked as missing"
        )
    if report.kinds:
        write_line(f"not ok: {counts(report.kinds)}; see: orpheus report --library {library}")


def counts(numbers: dict[str, int]) -> str:
    """Return numbers by name as text, without those that are zero."""
    return ", ".join(f"{n:,} {name}" for name, n in numbers.items() if n)


def _ignored(report: IndexReport) -> str:
    n_ignored = sum(report.ignored.values())
    return f" ({counted(n_ignored, 'other file')} passed over)" if n_ignored else ""

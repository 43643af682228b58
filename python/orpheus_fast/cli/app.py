"""The program: its commands, and the one place where it ends."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Final, NoReturn

import click
from click.shell_completion import shell_complete

from orpheus_fast.cli import options, stop
from orpheus_fast.cli.check import check
from orpheus_fast.cli.completion import COMPLETE_VARIABLE, PROGRAM, completion
from orpheus_fast.cli.console import ResultsError, discard_results, make_streams_safe, write_line
from orpheus_fast.cli.demo import demo
from orpheus_fast.cli.doctor import doctor, installed_version
from orpheus_fast.cli.errors import DONE, tell, tell_stopped
from orpheus_fast.cli.evaluate import evaluate
from orpheus_fast.cli.export import export
from orpheus_fast.cli.index import index
from orpheus_fast.cli.info import info
from orpheus_fast.cli.report import report
from orpheus_fast.cli.similar import similar

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main", "orpheus", "run"]

# What a shell reports of a program that SIGPIPE ended: nobody reads the results any more.
_CLOSED_PIPE: Final = 141


class _InOrder(click.Group):
    """Lists its commands in the order in which people need them."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 -- click's
        return list(self.commands)


def _version(context: click.Context, _parameter: click.Parameter, value: bool) -> None:  # noqa: FBT001 -- click's
    if value and not context.resilient_parsing:
        write_line(f"orpheus {installed_version()}")
        context.exit()


@click.group(
    cls=_InOrder,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=(
        "Start with: orpheus demo.  Exit codes: 0 done; 1 done, but some tracks failed or nothing was found; "
        "2 bad usage or a missing extra; 3 library missing, locked or damaged; 130 and 143 stopped."
    ),
)
@options.library_of_program
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show the version.")
def orpheus(library: object) -> None:
    """Make a music collection searchable by sound.

    Point `orpheus index` at folders of music. Every track is decoded once and described by vectors, in a library that
    answers "what sounds like this" within milliseconds. Music files are only ever read.
    """


for _command in (index, similar, info, report, check, export, evaluate, demo, doctor, completion):
    orpheus.add_command(_command)


def run(arguments: Sequence[str]) -> int:
    """Run the command line `arguments` and return its exit code; every failure becomes one line."""
    words = list(arguments) or ["--help"]
    as_json = "--json" in (words[: words.index("--")] if "--" in words else words)
    try:
        with orpheus.make_context(PROGRAM, words) as context:
            exit_code = orpheus.invoke(context)
    except click.exceptions.Exit as end:
        return end.exit_code
    except BrokenPipeError:
        discard_results()
        return _CLOSED_PIPE
    except ResultsError as error:
        discard_results()
        return tell(error, as_json=False)
    except (KeyboardInterrupt, click.Abort):
        return tell_stopped(as_json=as_json)
    except BaseException as error:
        return tell(error, as_json=as_json)
    return exit_code if isinstance(exit_code, int) else DONE


def main() -> NoReturn:
    """Run `orpheus` as a process: signals, streams, shell completion, exit code."""
    make_streams_safe()
    if instruction := os.environ.get(COMPLETE_VARIABLE):
        sys.exit(shell_complete(orpheus, {}, PROGRAM, COMPLETE_VARIABLE, instruction))
    stop.install()
    sys.exit(run(sys.argv[1:]))

"""Options that several commands share, and help that teaches by example."""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

__all__ = [
    "LIBRARY_VARIABLE",
    "Taught",
    "as_json",
    "at_least_one",
    "library",
    "library_if_given",
    "library_named",
    "library_of_program",
    "quiet",
    "seconds",
    "space",
    "spaces",
]

LIBRARY_VARIABLE = "ORPHEUS_LIBRARY"


class Taught(click.Command):
    """A command whose help ends with examples: pairs of a command line and what it does."""

    def __init__(self, *args: Any, examples: tuple[tuple[str, str], ...] = (), **kwargs: Any) -> None:  # noqa: ANN401 -- click's
        super().__init__(*args, **kwargs)
        self.examples = examples

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples."""
        super().format_epilog(ctx, formatter)
        if not self.examples:
            return
        with formatter.section("Examples"):
            for line, what in self.examples:
                formatter.write(f"{'':>{formatter.current_indent}}{line}\n")
                with formatter.indentation():
                    formatter.indent()
                    formatter.write_text(what)
                    formatter.dedent()


class _Count(click.ParamType):  # type: ignore[type-arg]  # generic only from click 8.4 on
    """A whole number from 1."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:  # noqa: ANN401 -- click's
        if isinstance(value, int):
            return value
        if re.fullmatch(r"0*[1-9][0-9]{0,17}", value):
            return int(value)
        return self.fail(f"{value!r}, expected a whole number from 1", param, ctx)


class _Seconds(click.ParamType):  # type: ignore[type-arg]  # generic only from click 8.4 on
    """A length of time."""

    name = "seconds"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:  # noqa: ANN401 -- click's
        with contextlib.suppress(ValueError):
            # Not `value < 0`, which lets NaN through.
            if float(value) >= 0:
                return float(value)
        return self.fail(f"{value!r}, expected a number of seconds from 0", param, ctx)


class _LibraryFolder(click.ParamType):  # type: ignore[type-arg]  # generic only from click 8.4 on
    """A folder that need not exist: what is wrong with it, the library says better."""

    name = "directory"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:  # noqa: ANN401 -- click's
        if isinstance(value, Path):
            return value
        if not value or "\0" in value:
            return self.fail(f"{value!r}, expected the folder of a library, such as music.orpheus", param, ctx)
        return Path(value)

    def shell_complete(
        self,
        ctx: click.Context,  # noqa: ARG002 -- click's
        param: click.Parameter,  # noqa: ARG002 -- click's
        incomplete: str,
    ) -> list[CompletionItem]:
        """Complete names of folders."""
        return [CompletionItem(incomplete, type="dir")]


class _SpaceName(click.ParamType):  # type: ignore[type-arg]  # generic only from click 8.4 on
    """The name of a space; whether there is one, the library knows."""

    name = "name"

    def shell_complete(
        self,
        ctx: click.Context,  # noqa: ARG002 -- click's
        param: click.Parameter,  # noqa: ARG002 -- click's
        incomplete: str,
    ) -> list[CompletionItem]:
        """Complete the built-in spaces."""
        from orpheus_fast.library.spaces import BUILT_IN  # noqa: PLC0415 -- NumPy

        return [CompletionItem(name) for name in BUILT_IN if name.startswith(incomplete)]


at_least_one = _Count()
seconds = _Seconds()

_LIBRARY_HELP = f"The library: a folder such as music.orpheus.  [env: {LIBRARY_VARIABLE}]"


def _named(context: click.Context, _parameter: click.Parameter, value: Path | None) -> Path | None:
    """Return the library that the command line names, after the command or before it."""
    return value or context.find_root().params.get("library")


def _required(context: click.Context, parameter: click.Parameter, value: Path | None) -> Path | None:
    chosen = _given(context, parameter, value)
    if chosen is None and not context.resilient_parsing:
        message = f"no library given; name its folder with --library DIR, or set {LIBRARY_VARIABLE}"
        raise click.UsageError(message, context)
    return chosen


def _given(context: click.Context, parameter: click.Parameter, value: Path | None) -> Path | None:
    chosen = _named(context, parameter, value)
    fallback = os.environ.get(LIBRARY_VARIABLE)
    return Path(fallback) if chosen is None and fallback else chosen


library_of_program = click.option("--library", type=_LibraryFolder(), metavar="DIR", help=_LIBRARY_HELP)
library = click.option("--library", type=_LibraryFolder(), metavar="DIR", callback=_required, help=_LIBRARY_HELP)
library_if_given = click.option("--library", type=_LibraryFolder(), metavar="DIR", callback=_given, help=_LIBRARY_HELP)
library_named = click.option(
    "--library",
    type=_LibraryFolder(),
    metavar="DIR",
    callback=_named,
    # Not the variable: who has a library of their own does not want the demo's tracks in it.
    help="The library to make.  [default: one in --out for each folder]",
)
as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON document on standard output.")
quiet = click.option("--quiet", "-q", is_flag=True, help="Show no progress.")
space = click.option(
    "--space", type=_SpaceName(), metavar="NAME", help="Whose vectors to use.  [default: the library's first]"
)
spaces = click.option(
    "--space",
    "spaces",
    type=_SpaceName(),
    metavar="NAME",
    multiple=True,
    help="A space to compute vectors in; may be given several times.  [default: those of the library, or sound]",
)

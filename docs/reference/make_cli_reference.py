"""Writes docs/reference/cli.md from the commands themselves.

    python docs/reference/make_cli_reference.py

`tests/contract/test_docs.py` fails when the page is not what this script writes.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

import click

from orpheus_fast.cli.app import orpheus

PAGE = Path(__file__).with_name("cli.md")
INTRODUCTION = """\
# Command line

Generated from the program by [make_cli_reference.py](make_cli_reference.py); `orpheus COMMAND --help` (or `-h`) says
the same. The [guide to indexing](../guides/indexing.md#exit-codes) has the exit codes in full.

Results go to standard output, everything else to standard error. `--json` prints exactly one JSON document, also for a
failure. `ORPHEUS_LIBRARY` stands in for `--library`; `ORPHEUS_DEBUG=1` shows the traceback of an error.
"""


def page() -> str:
    """Return the whole page."""
    program = click.Context(orpheus, info_name="orpheus")
    parts = [INTRODUCTION, *_section(orpheus, program)]
    for name, command in orpheus.commands.items():
        parts += _section(command, click.Context(command, info_name=name, parent=program))
    return "\n".join(parts).rstrip() + "\n"


def _section(command: click.Command, context: click.Context) -> Iterator[str]:
    yield f"## {context.command_path}\n"
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    yield f"```text\n{usage}\n```\n"
    yield from _paragraphs(command.help or "")
    options = [parameter for parameter in command.params if isinstance(parameter, click.Option)]
    if options:
        yield "| Option | |\n|---|---|"
        yield from (f"| {_spelling(option)} | {_cell(option.help or '')} |" for option in options)
        yield ""
    if isinstance(command, click.Group):
        yield "| Command | |\n|---|---|"
        for name, inner in command.commands.items():
            yield f"| [`{name}`](#orpheus-{name}) | {_cell(inner.get_short_help_str(limit=200))} |"
        yield ""
    yield from _paragraphs(command.epilog or "")
    examples: tuple[tuple[str, str], ...] = getattr(command, "examples", ())
    if examples:
        lines = "\n".join(f"# {what}\n{line}" for line, what in examples)
        yield f"```bash\n{lines}\n```\n"


def _paragraphs(text: str) -> Iterator[str]:
    for paragraph in re.split(r"\n\s*\n", text.strip()):
        if paragraph:
            yield textwrap.fill(" ".join(paragraph.split()), 120, break_long_words=False, break_on_hyphens=False) + "\n"


def _spelling(option: click.Option) -> str:
    names = ", ".join(f"`{name}`" for name in sorted(option.opts, key=len))
    if option.is_flag or option.count:
        return names
    if isinstance(option.type, click.Choice):
        return f"{names} {' or '.join(f'`{choice}`' for choice in option.type.choices)}"
    return f"{names} `{option.metavar or option.type.name.upper()}`"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")

"""`orpheus completion`: the script that teaches a shell the commands."""

from __future__ import annotations

from typing import Final

import click
from click.shell_completion import get_completion_class

from orpheus_fast.cli.console import write_line
from orpheus_fast.cli.errors import DONE
from orpheus_fast.cli.options import Taught

__all__ = ["COMPLETE_VARIABLE", "PROGRAM", "completion"]

PROGRAM: Final = "orpheus"
COMPLETE_VARIABLE: Final = "_ORPHEUS_COMPLETE"


@click.command(
    cls=Taught,
    examples=(
        ('eval "$(orpheus completion bash)"', "complete in this shell; the same line in ~/.bashrc does it for ever"),
        ('eval "$(orpheus completion zsh)"', "the same for ~/.zshrc, after compinit"),
        ("orpheus completion fish > ~/.config/fish/completions/orpheus.fish", "fish reads it by itself"),
    ),
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> int:
    """Print the script that makes a shell complete commands.

    The script asks `orpheus` itself, so it stays right when the program is updated.
    """
    kind = get_completion_class(shell)
    if kind is None:  # pragma: no cover -- click knows all three
        message = f"no completion for {shell}"
        raise click.UsageError(message, context)
    program = context.find_root().command
    # Not `source()`: for bash that starts a bash, to warn about one that is ten years old.
    script = kind(program, {}, PROGRAM, COMPLETE_VARIABLE)
    for line in (script.source_template % script.source_vars()).splitlines():
        write_line(line)
    return DONE

# SPDX-License-Identifier: Apache-2.0
"""`tidegate completion`."""

from typing import Final

import click

from tidegate.cli.call import Call
from tidegate.cli.click_verb import verb

_SHELLS: Final = ("bash", "zsh", "fish")
_ASKED_BY: Final = "_TIDEGATE_COMPLETE"
"""The variable by which a shell's script asks click for words."""


@verb(
    "completion",
    examples=(
        ("source <(tidegate completion bash)", "for this shell; in ~/.bashrc for each"),
        ("tidegate completion zsh > ~/.zfunc/_tidegate", "where zsh looks for functions (fpath)"),
        ("tidegate completion fish > ~/.config/fish/completions/tidegate.fish", "where fish looks"),
    ),
)
@click.argument("shell", type=click.Choice(_SHELLS))
def command(_call: Call, shell: str) -> int:
    """Write a script that completes verbs, options and their values in a shell."""
    from click.shell_completion import ShellComplete, get_completion_class

    kind = get_completion_class(shell)
    if kind is None:  # never: click knows all three
        raise click.BadParameter(f"{shell} is not known here")
    # The script alone: that of bash would be preceded by a look at the version of whatever bash there is.
    click.echo(ShellComplete.source(kind(click.Command("tidegate"), {}, "tidegate", _ASKED_BY)))
    return 0

# SPDX-License-Identifier: Apache-2.0
"""Options of verbs that verify a ledger: whose word counts."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click


def belief_options(function: Callable[..., int]) -> Callable[..., int]:
    """Adds `--key` and `--policy`; the verb gets them as `keys` and `policy`."""
    add: tuple[Callable[[Any], Any], ...] = (
        click.option(
            "--policy",
            type=click.Path(path_type=Path),
            metavar="FILE",
            help="C2SP tlog-policy file: logs that are believed, witnesses, and how many must have cosigned.",
        ),
        click.option(
            "--key",
            "keys",
            multiple=True,
            metavar="VKEY",
            help="Key of a log that is believed, NAME+HASH+KEY or a file with it. [that of this home]",
        ),
    )
    for decorate in add:
        function = decorate(function)
    return function

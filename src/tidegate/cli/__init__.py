# SPDX-License-Identifier: Apache-2.0
"""The command. Nothing heavy may be imported by this file: `tidegate version` pays for it."""

import sys
from collections.abc import Sequence

from tidegate import __version__
from tidegate.cli.failures import guarded

__all__ = ["main"]

VERSION_LINE = f"tidegate {__version__}\n"
_VERSION_ASKED = (["version"], ["--version"], ["-V"])


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command line.

    Args:
        argv: words after the program's name; None takes the process's own.

    Returns:
        The exit status: 0 fine, 1 refused, 2 wrong usage or input, 3 something outside failed, 130 interrupted.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    return guarded(lambda: _run(words), debug="--debug" in words)


def _run(words: list[str]) -> int:
    if words in _VERSION_ASKED:  # answered without click, whose import costs more than all the rest
        sys.stdout.write(VERSION_LINE)
        return 0
    from tidegate.cli.command import run

    return run(words)

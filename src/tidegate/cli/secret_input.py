# SPDX-License-Identifier: Apache-2.0
"""Secrets typed or piped in: a command's own words are seen by every user of a machine."""

import sys
from typing import Final

from tidegate.errors import InvalidInputError

_MAX_CHARS: Final = 12_000  # tokens are longer than passwords


def read_secret(prompt: str = "Password: ") -> str:
    """The first line of standard input; asked for, unseen, on a terminal.

    Raises:
        InvalidInputError: there is none.
    """
    if sys.stdin.isatty():
        from getpass import getpass

        return getpass(prompt)
    line = sys.stdin.readline(_MAX_CHARS).rstrip("\r\n")
    if not line:
        raise InvalidInputError("no password on standard input", remedy="write it there: … < password.txt")
    return line

# SPDX-License-Identifier: Apache-2.0
"""Who made a package, as its metadata names them: one line that fits a report."""

from typing import Final

MAX_SUPPLIER_CHARS: Final = 256
"""Characters kept; the rest of a longer name is cut off."""


def supplier_of(*stated: str) -> str:
    """The first that says something, in one printable line; "" when none does.

    Args:
        stated: as written: `Name <address>`, a name, an address.
    """
    for text in stated:
        line = " ".join("".join(char if char.isprintable() else " " for char in text[:MAX_SUPPLIER_CHARS]).split())
        if line and line.upper() not in {"UNKNOWN", "NONE", "(NONE)"}:
            return line
    return ""

# SPDX-License-Identifier: Apache-2.0
"""The order of RPM packages (rpm-version(7)), as rpm's own `rpmvercmp` compares epoch, version and release.

Runs of ASCII digits and runs of ASCII letters are compared, everything else separates them. `~` is before the end,
the end before `^`, `^` before letters, letters before numbers. A version without a release is before any with one.
"""

import re
from typing import Final

from tidegate.inventory import Version
from tidegate.knowledge.versions.order import checked, number

_TOKEN: Final = re.compile(r"~|\^|[A-Za-z]+|[0-9]+")
_EPOCH: Final = re.compile(r"([0-9]*):")
_NO_RELEASE, _TILDE, _END, _CARET, _LETTERS, _NUMBER = b"\x00", b"\x01", b"\x02", b"\x03", b"\x04", b"\x05"


class RpmOrder:
    """Orders `[epoch:]version[-release]` as rpm does."""

    name: Final = "rpm"

    def key(self, version: Version) -> bytes:
        """See `VersionOrder.key`."""
        text = checked(self.name, version)
        epoch = ""
        if found := _EPOCH.match(text):
            epoch = found[1]
            text = text[found.end() :]
        head, dash, release = text.rpartition("-")
        if not dash:
            return number(epoch) + _part(text) + _NO_RELEASE
        return number(epoch) + _part(head) + _part(release)


def _part(text: str) -> bytes:
    out: list[bytes] = []
    for token in _TOKEN.findall(text):
        first = token[0]
        if first == "~":
            out.append(_TILDE)
        elif first == "^":
            out.append(_CARET)
        elif first.isdecimal():
            out.append(_NUMBER + number(token))
        else:
            out.append(_LETTERS + token.encode("ascii") + b"\x00")
    out.append(_END)
    return b"".join(out)

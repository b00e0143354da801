# SPDX-License-Identifier: Apache-2.0
"""The order of Debian packages (deb-version(7)), as dpkg compares them.

A version is `[epoch:]upstream[-revision]`. Either part is read as turns of non-digits and digits: `~` is before the
end, the end before letters, letters before all else; digits are numbers. A missing revision equals `0`.
"""

import re
from typing import Final

from tidegate.inventory import Version
from tidegate.knowledge.versions.order import InvalidVersionError, checked, number

_TURN: Final = re.compile(r"([^0-9]*)([0-9]*)")
_END: Final = 0x02
_ALLOWED: Final = re.compile(r"[A-Za-z0-9.+~:_-]*")
# `_` is not of the policy, but dpkg compares it, and old packages have it.
_WEIGHT: Final = bytes.maketrans(b"~+-.:_", bytes((0x01, 0xAB, 0xAD, 0xAE, 0xBA, 0xDF)))


class DebOrder:
    """Orders versions as `dpkg --compare-versions` does."""

    name: Final = "deb"

    def key(self, version: Version) -> bytes:
        """See `VersionOrder.key`."""
        text = checked(self.name, version)
        if not _ALLOWED.fullmatch(text):
            raise InvalidVersionError(self.name, version, "it has characters outside A-Za-z0-9.+~:_-")
        epoch, colon, rest = text.partition(":")
        if not colon:
            epoch, rest = "", text
        elif not epoch.isdecimal():
            raise InvalidVersionError(self.name, version, "the epoch is not a number")
        upstream, dash, revision = rest.rpartition("-")
        if not dash:
            upstream, revision = rest, ""
        if not upstream:
            raise InvalidVersionError(self.name, version, "there is nothing but an epoch or a revision")
        return number(epoch) + upstream_part(upstream) + upstream_part(revision)


def upstream_part(text: str) -> bytes:
    """Writes one part, without epoch or revision, so that byte order is dpkg's order of it."""
    # No part's key is a prefix of another's: after digits either the end or a non-digit follows.
    out = bytearray()
    for letters, digits in _TURN.findall(text):
        if not letters and not digits and out:
            break
        out += letters.encode("ascii").translate(_WEIGHT)
        out.append(_END)
        out += number(digits)
    out.append(_END)
    return bytes(out)

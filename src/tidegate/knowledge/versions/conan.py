# SPDX-License-Identifier: Apache-2.0
"""The order of Conan recipes (Conan 2, "Version ranges"): items between dots, `-pre` before, `+build` after.

Trailing zeros do not count. Items that are numbers are compared as such and come before words; an item that begins
with a number (`1t` of openssl 1.1.1t) follows that number. Where Conan compares such an item with a longer number it
does so by letter, which makes a circle (`2 < 10 < 10a < 2`); here numbers decide.
"""

import re
from typing import Final

from tidegate.inventory import Version
from tidegate.knowledge.versions.order import InvalidVersionError, checked, number

_FORM: Final = re.compile(r"[0-9a-z_][0-9a-z_.+-]*")
_HEAD: Final = re.compile(r"[0-9]*")
_END, _NUMBER, _WORD = b"\x00", b"\x01", b"\x02"
_PRERELEASE, _RELEASE = b"\x00", b"\x01"


class ConanOrder:
    """Orders versions as Conan's `Version` does."""

    name: Final = "conan"

    def key(self, version: Version) -> bytes:
        """See `VersionOrder.key`."""
        text = checked(self.name, version).lower()
        if not _FORM.fullmatch(text):
            raise InvalidVersionError(self.name, version, "it has characters outside a-z0-9_.+-")
        text, _, build = text.rpartition("+") if "+" in text else (text, "", "")
        text, _, before = text.rpartition("-") if "-" in text else (text, "", "")
        head = _items(text)
        return head + (_PRERELEASE + _items(before) if before else _RELEASE) + _items(build)


def _items(text: str) -> bytes:
    items = text.split(".") if text else []
    while items and not items[-1].strip("0"):
        items.pop()
    return b"".join(map(_item, items)) + _END


def _item(text: str) -> bytes:
    digits = _HEAD.match(text)
    head = digits[0] if digits else ""
    if not head:
        return _WORD + text.encode("ascii") + b"\x00"
    return _NUMBER + number(head) + text[len(head) :].encode("ascii") + b"\x00"

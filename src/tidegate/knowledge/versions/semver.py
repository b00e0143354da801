# SPDX-License-Identifier: Apache-2.0
"""The order of Semantic Versioning 2.0.0 (section 11), for npm, Go, crates.io and their like.

Read with tolerance, for advisories and packages are not always strict: a leading `v` is dropped, missing minor and
patch numbers are 0, leading zeros do not count, and numbers past the third decide among versions equal in the first
three (1.1.3 < 1.1.3.4) instead of being called equal. Build metadata does not take part.
"""

import re
from typing import Final

from tidegate.inventory import Version
from tidegate.knowledge.versions.order import InvalidVersionError, checked, number

_FORM: Final = re.compile(r"[vV=]*([0-9]+(?:\.[0-9]+)*)(?:-([0-9A-Za-z.-]*))?(?:\+.*)?")
_END, _MORE = b"\x00", b"\x01"
_PRERELEASE, _RELEASE = b"\x00", b"\x01"
_NUMERIC, _TEXT = b"\x01", b"\x02"
_CORE_NUMBERS: Final = 3


class SemverOrder:
    """Orders versions by the precedence of Semantic Versioning."""

    name: Final = "semver"

    def key(self, version: Version) -> bytes:
        """See `VersionOrder.key`."""
        text = checked(self.name, version)
        form = _FORM.fullmatch(text)
        if form is None:
            raise InvalidVersionError(self.name, version, "not of the form 1.2.3[-pre][+build]")
        core, prerelease = form.groups()
        return _core(core) + (_RELEASE if not prerelease else _PRERELEASE + identifiers(prerelease))


def identifiers(text: str) -> bytes:
    """Writes dot-separated identifiers so that byte order is their precedence (section 11.4)."""
    out = [
        _NUMERIC + number(part) if part.isdecimal() else _TEXT + part.encode("ascii") + b"\x00"
        for part in text.split(".")
    ]
    return b"".join(out) + _END


def _core(text: str) -> bytes:
    numbers = [part.lstrip("0") for part in text.split(".")]
    numbers += [""] * (_CORE_NUMBERS - len(numbers))
    while len(numbers) > _CORE_NUMBERS and not numbers[-1]:
        numbers.pop()
    head = b"".join(number(part) for part in numbers[:_CORE_NUMBERS])
    return head + b"".join(_MORE + number(part) for part in numbers[_CORE_NUMBERS:]) + _END

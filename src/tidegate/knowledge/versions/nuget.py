# SPDX-License-Identifier: Apache-2.0
"""The order of NuGet packages: Semantic Versioning 2.0.0 with up to four numbers, as NuGet.Versioning compares.

Labels are compared without regard to case; a label that is no 32-bit number is a word. Metadata does not take part.
"""

import re
from typing import Final

from tidegate.inventory import Version
from tidegate.knowledge.versions.order import InvalidVersionError, checked, number

_FORM: Final = re.compile(r"[vV]?([0-9]+(?:\.[0-9]+){0,3})(?:-([0-9A-Za-z.-]+))?(?:\+.*)?")
_PRERELEASE, _RELEASE = b"\x00", b"\x01"
_END, _NUMBER, _WORD = b"\x00", b"\x01", b"\x02"
_NUMBERS: Final = 4
_LARGEST: Final = 2**31 - 1
_LARGEST_DIGITS: Final = 10


class NuGetOrder:
    """Orders versions as NuGet's `VersionComparer` does."""

    name: Final = "nuget"

    def key(self, version: Version) -> bytes:
        """See `VersionOrder.key`."""
        form = _FORM.fullmatch(checked(self.name, version))
        if form is None:
            raise InvalidVersionError(self.name, version, "not of the form 1.2.3.4[-label][+metadata]")
        core, labels = form.groups()
        numbers = core.split(".")
        numbers += [""] * (_NUMBERS - len(numbers))
        head = b"".join(map(number, numbers))
        if not labels:
            return head + _RELEASE
        return head + _PRERELEASE + b"".join(map(_label, labels.upper().split("."))) + _END


def _label(text: str) -> bytes:
    digits = text.lstrip("0")
    if text.isdecimal() and len(digits) <= _LARGEST_DIGITS and int(digits or "0") <= _LARGEST:
        return _NUMBER + number(text)
    return _WORD + text.encode("ascii") + b"\x00"

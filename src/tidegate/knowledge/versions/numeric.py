# SPDX-License-Identifier: Apache-2.0
"""The order of plain numbers, one by one, for R (`package_version`) and Haskell (`Data.Version`).

What is longer and equal so far is later: `1.0 < 1.0.0`. R writes `.` and `-` alike.
"""

import re
from typing import Final

from tidegate.inventory import Version
from tidegate.knowledge.versions.order import InvalidVersionError, checked, number

_FORM: Final = re.compile(r"[0-9]+(?:[.-][0-9]+)*")
_SEPARATOR: Final = re.compile(r"[.-]")
_END, _MORE = b"\x00", b"\x01"


class NumericOrder:
    """Orders lists of numbers."""

    name: Final = "numeric"

    def key(self, version: Version) -> bytes:
        """See `VersionOrder.key`."""
        text = checked(self.name, version)
        if not _FORM.fullmatch(text):
            raise InvalidVersionError(self.name, version, "not numbers with . or - between")
        return b"".join(_MORE + number(part) for part in _SEPARATOR.split(text)) + _END

# SPDX-License-Identifier: Apache-2.0
"""The one form of a Python distribution's name, by which installed, locked, claimed and advised ones are the same."""

import re
from typing import Final

_SEPARATORS: Final = re.compile(r"[-_.]+")


def normalised(name: str) -> str:
    """A distribution's name in its one form (PEP 503): lower case, runs of `-`, `_` and `.` as one `-`."""
    return _SEPARATORS.sub("-", name).lower()

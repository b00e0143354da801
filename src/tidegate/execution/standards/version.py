# SPDX-License-Identifier: Apache-2.0
"""Versions of the standards: those of Kubernetes, `v1.34` or `latest`."""

import re
from dataclasses import dataclass
from typing import Final

from tidegate.errors import InvalidInputError

NEWEST: Final = 36
"""Minor of the newest Kubernetes whose standard is known; newer ones are held to this one."""
_VERSION: Final = re.compile(r"v1\.(0|[1-9][0-9]{0,2})")


@dataclass(frozen=True, slots=True, order=True)
class StandardVersion:
    """The standard of Kubernetes 1.`minor`."""

    minor: int = NEWEST

    @classmethod
    def parse(cls, text: str) -> "StandardVersion":
        """Reads `latest` or `v1.MINOR`, as labels of namespaces have it.

        Raises:
            InvalidInputError: it is neither.
        """
        if text == "latest":
            return LATEST
        found = _VERSION.fullmatch(text)
        if not found:
            raise InvalidInputError(f"no version of Kubernetes: {text[:40]!r}", remedy="write latest, or v1.34")
        return cls(min(int(found[1]), NEWEST))

    def __str__(self) -> str:
        return f"v1.{self.minor}"


LATEST: Final = StandardVersion()

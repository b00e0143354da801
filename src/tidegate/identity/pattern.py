# SPDX-License-Identifier: Apache-2.0
"""Patterns of repository names: `team-a/app`, `team-a/*` (one part), `team-a/**` (any depth), `**` (everything)."""

import re
from functools import lru_cache
from typing import Final, Self

from tidegate.errors import InvalidInputError

_MAX_CHARS: Final = 255
_MAX_WILDCARDS: Final = 3  # what it takes to match grows with its length to this power
_PATTERN: Final = re.compile(r"[a-z0-9._*-]+(?:/[a-z0-9._*-]+)*")
_WILDCARD: Final = re.compile(r"\*+")
EVERYTHING: Final = "**"


class RepositoryPattern(str):
    """A pattern of repository names.

    Raises:
        InvalidInputError: it is no pattern, or has more than three wildcards.
    """

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        """Checks the text."""
        wildcards = _WILDCARD.findall(text)
        if len(text) > _MAX_CHARS or not _PATTERN.fullmatch(text) or "***" in text:
            raise InvalidInputError(
                f"not a pattern of repositories: {text[:80]!r}",
                remedy="write it like team-a/app, team-a/* or team-a/**",
            )
        if len(wildcards) > _MAX_WILDCARDS:
            raise InvalidInputError(f"a pattern with more than {_MAX_WILDCARDS} wildcards: {text[:80]!r}")
        return super().__new__(cls, text)

    def matches(self, repository: str) -> bool:
        """True when the pattern means this repository. "" stands for the server as a whole: only `**` means that."""
        if not repository:
            return self == EVERYTHING
        return _expression(self).fullmatch(repository) is not None

    def covers(self, other: "RepositoryPattern") -> bool:
        """True when every repository that another pattern means is meant by this one; False where that is not plain."""
        if self in (other, EVERYTHING):
            return True
        if "*" not in other:
            return self.matches(other)
        head = self.removesuffix(EVERYTHING)
        return head != self and "*" not in head and other.literal.startswith(head)

    @property
    def literal(self) -> str:
        """What every name it means begins with: the text before its first wildcard."""
        return self.partition("*")[0]


@lru_cache(maxsize=4096)
def _expression(pattern: str) -> re.Pattern[str]:
    parts = re.split(r"(\*+)", pattern)
    return re.compile("".join({"*": "[^/]*", "**": ".*"}.get(part, re.escape(part)) for part in parts))

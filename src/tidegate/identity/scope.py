# SPDX-License-Identifier: Apache-2.0
"""Scopes of Docker token authentication: `repository:team/app:pull,push`, `registry:catalog:*`.

https://distribution.github.io/distribution/spec/auth/scope/
"""

import re
from collections.abc import Iterable
from typing import Final

from tidegate.errors import BoundExceededError, InvalidInputError
from tidegate.values import Struct

MAX_SCOPES: Final = 64
REPOSITORY: Final = "repository"
REGISTRY: Final = "registry"
CATALOG: Final = "catalog"
ANY: Final = "*"
_MAX_CHARS: Final = 512
_SCOPE: Final = re.compile(r"([a-z]+)(?:\([a-z]+\))?:([^\s,]+):([a-z*]*(?:,[a-z*]+)*)")


class ScopeAccess(Struct, frozen=True, kw_only=True):
    """One entry of a token's `access`: which actions on which resource.

    Attributes:
        actions: sorted; `*` is any.
    """

    type: str
    name: str
    actions: tuple[str, ...] = ()

    def allows(self, type_: str, name: str, action: str) -> bool:
        """True when a token with this entry may do that."""
        return self.type == type_ and self.name == name and (action in self.actions or ANY in self.actions)

    def __str__(self) -> str:
        return f"{self.type}:{self.name}:{','.join(self.actions)}"


def parse_scopes(texts: Iterable[str]) -> tuple[ScopeAccess, ...]:
    """Reads scopes; one text may hold several with blanks between. The same resource twice becomes one entry.

    Raises:
        InvalidInputError: one is none.
        BoundExceededError: they are more than 64.
    """
    found: dict[tuple[str, str], set[str]] = {}
    for count, word in enumerate(word for text in texts for word in text.split()):
        if count >= MAX_SCOPES:
            raise BoundExceededError("MAX_SCOPES", MAX_SCOPES, where="scope")
        match = _SCOPE.fullmatch(word) if len(word) <= _MAX_CHARS else None
        if match is None:
            raise InvalidInputError(f"not a scope: {word[:80]!r}", remedy="write it like repository:team/app:pull")
        actions = {action for action in match[3].split(",") if action}
        found.setdefault((match[1], match[2]), set()).update(actions)
    return tuple(
        ScopeAccess(type=type_, name=name, actions=tuple(sorted(actions))) for (type_, name), actions in found.items()
    )

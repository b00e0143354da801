# SPDX-License-Identifier: Apache-2.0
"""SPDX licence expressions (SPDX 2.3 annex D) as trees, and back as text. WITH binds closest, then AND, then OR."""

import re
from collections.abc import Callable
from typing import Final, TypeAlias

from tidegate.values import Struct

MAX_TOKENS: Final = 20_000
MAX_DEPTH: Final = 50

_TOKEN: Final = re.compile(r"[()]|[^\s()]+")
_WORDS: Final = frozenset({"AND", "OR", "WITH", "(", ")"})


class Term(Struct, frozen=True):
    """One licence, perhaps under an exception (`WITH`)."""

    license: str
    exception: str = ""


class Joined(Struct, frozen=True):
    """Two different parts or more under `AND` or `OR`; none of them is joined by the same word."""

    operator: str
    parts: "tuple[Tree, ...]"


Tree: TypeAlias = Term | Joined


def parse(text: str) -> Tree | None:
    """The tree of an expression over any names; None when it is none, or is over a bound."""
    tokens = _TOKEN.findall(text)
    if not tokens or len(tokens) > MAX_TOKENS:
        return None
    reader = _Reader([word if (word := token.upper()) in _WORDS else token for token in tokens])
    tree = reader.alternatives(0)
    return tree if reader.is_done else None


def render(tree: Tree) -> str:
    """The expression in canonical form: words in capitals, brackets only where alternatives stand in an AND."""
    if isinstance(tree, Term):
        return f"{tree.license} WITH {tree.exception}" if tree.exception else tree.license
    parts = (f"({render(part)})" if isinstance(part, Joined) and part.operator == "OR" else render(part)
             for part in tree.parts)  # fmt: skip
    return f" {tree.operator} ".join(parts)


def renamed(tree: Tree, name: Callable[[Term], Term | None]) -> Tree | None:
    """The tree with every term put through a function; None when it gives none for one of them."""
    if isinstance(tree, Term):
        return name(tree)
    parts = [renamed(part, name) for part in tree.parts]
    kept = tuple(part for part in parts if part is not None)
    return Joined(tree.operator, kept) if len(kept) == len(parts) else None


class _Reader:
    """Reads by descent; a defect gives None all the way up, and what was not read tells of it."""

    def __init__(self, tokens: list[str]) -> None:
        self._tokens = tokens
        self._at = 0

    @property
    def is_done(self) -> bool:
        return self._at == len(self._tokens)

    def alternatives(self, depth: int) -> Tree | None:
        return self._joined("OR", lambda: self._joined("AND", lambda: self._term(depth)))

    def _joined(self, operator: str, read: Callable[[], Tree | None]) -> Tree | None:
        parts: list[Tree] = []
        while True:
            part = read()
            if part is None:
                return None
            parts += part.parts if isinstance(part, Joined) and part.operator == operator else (part,)
            if not self._take(operator):
                distinct = tuple(dict.fromkeys(parts))
                return distinct[0] if len(distinct) == 1 else Joined(operator, distinct)

    def _term(self, depth: int) -> Tree | None:
        if self._take("("):
            inside = self.alternatives(depth + 1) if depth < MAX_DEPTH else None
            return inside if self._take(")") else None
        name = self._name()
        if not name or not self._take("WITH"):
            return Term(name) if name else None
        exception = self._name()
        return Term(name, exception) if exception else None

    def _name(self) -> str:
        if self.is_done or self._tokens[self._at] in _WORDS:
            return ""
        self._at += 1
        return self._tokens[self._at - 1]

    def _take(self, token: str) -> bool:
        found = not self.is_done and self._tokens[self._at] == token
        self._at += found
        return found

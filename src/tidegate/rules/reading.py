# SPDX-License-Identifier: Apache-2.0
"""Takes from a YAML node what a key wants: text, a number, a duration, a date, a list; complains with the place."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from difflib import get_close_matches
from enum import StrEnum
from typing import Final, TypeVar

from tidegate.errors import InvalidInputError
from tidegate.rules.marked_yaml import Listing, Node, Scalar, Table

_DURATION: Final = re.compile(r"([1-9][0-9]{0,5})([mhdw])")
_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_NULL: Final = frozenset({"", "~", "null"})
_E = TypeVar("_E", bound=StrEnum)


class DocumentError(InvalidInputError):
    """A document of rules is wrong.

    Attributes:
        defects: everything found wrong, in the order of the file; the error's own text is the first of them.
    """

    def __init__(self, defects: Iterable[InvalidInputError]) -> None:
        self.defects = tuple(defects)
        first = self.defects[0]
        more = f" (and {len(self.defects) - 1} more)" if len(self.defects) > 1 else ""
        super().__init__(first.what + more, where=first.where, remedy=first.remedy)


def defect(node: Node, what: str, remedy: str = "") -> InvalidInputError:
    """A complaint about a node."""
    return InvalidInputError(what, where=str(node.place), remedy=remedy)


def suggestion(name: str, known: Iterable[str]) -> str:
    """The way out for a name nobody knows: the nearest one, or all of them."""
    names = sorted(str(name) for name in known)
    near = get_close_matches(name, names, n=1)
    return f"did you mean {near[0]!r}?" if near else f"known are {', '.join(names) or 'none'}"


@dataclass(frozen=True, slots=True)
class Fields:
    """A table whose keys are all known.

    Raises:
        InvalidInputError: it is no table, or has a key that is not known.
    """

    table: Table

    @classmethod
    def of(cls, node: Node, *known: str) -> "Fields":
        """Checks the keys."""
        if not isinstance(node, Table):
            raise defect(node, "expected keys and values")
        for name, (key, _) in node.entries.items():
            if name not in known:
                raise defect(key, f"unknown key {name!r}", suggestion(name, known))
        return cls(node)

    def optional(self, name: str) -> Node | None:
        """The value of a key; None when it is missing or null."""
        found = self.table.entries.get(name)
        if found is None or (isinstance(found[1], Scalar) and not found[1].style and found[1].text in _NULL):
            return None
        return found[1]

    def node(self, name: str) -> Node:
        """The value of a key that must be there."""
        found = self.optional(name)
        if found is None:
            raise defect(self.table, f"the key {name!r} is missing")
        return found

    def scalar(self, name: str) -> Scalar:
        """Text with its place."""
        return as_scalar(self.node(name))

    def text(self, name: str, default: str | None = None) -> str:
        """Text, stripped; a missing key is an error unless there is a default."""
        node = self.node(name) if default is None else self.optional(name)
        return default or "" if node is None else as_scalar(node).text.strip()

    def name(self, name: str) -> str:
        """A name as Kubernetes has them: lower case, digits and dashes."""
        scalar = self.scalar(name)
        if not _NAME.fullmatch(scalar.text):
            raise defect(scalar, f"not a name: {scalar.text[:80]!r}", "use lower-case letters, digits and dashes")
        return scalar.text

    def duration(self, name: str, default: timedelta) -> timedelta:
        """A duration such as `36h`, `7d` or `2w`."""
        node = self.optional(name)
        return default if node is None else as_duration(node)

    def whole_number(self, name: str, default: int, *, most: int) -> int:
        """A number from 1 up to a limit."""
        node = self.optional(name)
        if node is None:
            return default
        text = as_scalar(node).text
        if not text.isascii() or not text.isdecimal() or not 1 <= int(text[:12]) <= most:
            raise defect(node, f"not a whole number from 1 to {most}")
        return int(text)

    def day(self, name: str) -> date:
        """A date, `2026-12-31`."""
        scalar = self.scalar(name)
        try:
            return date.fromisoformat(scalar.text)
        except ValueError as error:
            raise defect(scalar, f"not a date: {scalar.text[:40]!r}", "write it as 2026-12-31") from error

    def listing(self, name: str) -> tuple[Node, ...]:
        """The items of a list; none when the key is missing."""
        node = self.optional(name)
        if node is None:
            return ()
        if not isinstance(node, Listing):
            raise defect(node, "expected a list")
        return node.items

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of text."""
        return tuple(as_scalar(item).text for item in self.listing(name))


def as_scalar(node: Node) -> Scalar:
    """Text with its place.

    Raises:
        InvalidInputError: the node is a list or a table.
    """
    if not isinstance(node, Scalar):
        raise defect(node, "expected text")
    return node


def as_duration(node: Node) -> timedelta:
    """A duration such as `36h`, `7d` or `2w`.

    Raises:
        InvalidInputError: the node is something else.
    """
    found = _DURATION.fullmatch(as_scalar(node).text)
    if not found:
        raise defect(node, f"not a duration: {as_scalar(node).text[:40]!r}", "write it like 36h, 7d or 2w")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def as_member(node: Node, kind: type[_E]) -> _E:
    """A member of a closed vocabulary.

    Raises:
        InvalidInputError: the node is none.
    """
    text = as_scalar(node).text
    try:
        return kind(text)
    except ValueError as error:
        raise defect(node, f"unknown {kind.__name__.lower()} {text[:40]!r}", suggestion(text, kind)) from error

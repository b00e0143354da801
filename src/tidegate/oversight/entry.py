# SPDX-License-Identifier: Apache-2.0
"""One line of a passport, and where it stands among the others."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, Protocol

from tidegate.values import Struct

Place = tuple[str, int, int, int]
"""When (RFC 3339), which part of the work of that second, which line of it, before or after what it rests on."""


class EntryKind(StrEnum):
    """What a line tells of."""

    TAKEN_IN = "taken in"  # from an upstream registry
    PUSHED = "pushed"
    STATE = "state"
    STATEMENT = "statement"
    DECISION = "decision"
    KEY = "key"  # a change of trust in a key that signed for this digest
    PROMOTION = "promotion"
    COPY = "copy"  # an encrypted copy of it, or what it is a copy of
    PULL = "pull"  # one consumer of one repository
    REFUSAL = "refusal"
    RELEASE = "key release"  # layer keys of an encrypted copy
    WORKLOAD = "workload"
    EVENT = "event"


class Entry(Struct, frozen=True, kw_only=True):
    """One line.

    Attributes:
        at: RFC 3339.
        what: in a few words.
        who: did it; "" when nobody is named.
        why: in their words; "" when nobody said.
        detail: the rest, as plain data. Of what is signed: `verified`, `signers`, `in_ledger`, `ledger_index`.
    """

    at: str
    kind: EntryKind
    what: str
    who: str = ""
    why: str = ""
    detail: Mapping[str, Any]

    @property
    def is_signed(self) -> bool:
        """True for what has a signature and a place in the ledger of its own."""
        return "verified" in self.detail

    @property
    def holds(self) -> bool:
        """False when its signature or its place in the ledger does not hold."""
        return not self.is_signed or bool(self.detail["verified"] and self.detail["in_ledger"])


class Draft(Struct, frozen=True):
    """A line that is known to be there and not made yet: many are counted, few are shown."""

    place: Place
    make: Callable[[], Entry]


class Sight(Protocol):
    """What the reader of a passport may see."""

    @property
    def sees_all(self) -> bool:
        """True for whoever may read everything on this server."""
        ...

    def sees(self, repository: str) -> bool:
        """Whether they may know of a repository."""
        ...


class WholeSight:
    """Sees everything: the owner of this machine."""

    sees_all = True

    def sees(self, repository: str) -> bool:
        """Every one."""
        return bool(repository) or True

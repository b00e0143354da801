# SPDX-License-Identifier: Apache-2.0
"""The states an artifact can be in, and which may follow which: a table, and nothing that acts.

submitted ─► quarantined ─► analysing ─► admitted ─► restricted ─► deprecated ─► recalled ─► retired
    │             ▲  ▲          │            (any later one may be reached directly;
    ▼             │  └──────────┤             a restriction or deprecation may be lifted)
attached          └── rejected ◄┘
                      (rejected and recalled may be looked at again)
"""

from enum import StrEnum
from typing import Final

from tidegate.errors import RefusedError
from tidegate.events import EventKind


class State(StrEnum):
    """What is thought of an artifact now."""

    SUBMITTED = "submitted"
    QUARANTINED = "quarantined"
    ANALYSING = "analysing"
    ADMITTED = "admitted"
    REJECTED = "rejected"
    RESTRICTED = "restricted"
    DEPRECATED = "deprecated"
    RECALLED = "recalled"
    RETIRED = "retired"
    ATTACHED = "attached"

    @property
    def is_served(self) -> bool:
        """True when a manifest in this state is handed out."""
        return self in _SERVED


class UnlawfulChangeError(RefusedError):
    """No edge leads from one state to the other."""

    def __init__(self, before: State, after: State, *, where: str = "") -> None:
        lawful = sorted(to for frm, to in EDGES if frm is before)
        super().__init__(
            f"is {before} and cannot become {after}",
            where=where,
            remedy=f"it may become {', '.join(lawful)}" if lawful else f"{before} is final",
        )
        self.before = before
        self.after = after


_SERVED: Final = frozenset({State.ADMITTED, State.DEPRECATED, State.ATTACHED})

UNDECIDED: Final = frozenset({State.SUBMITTED, State.QUARANTINED, State.ANALYSING})
"""No verdict yet."""
VENDED: Final = frozenset({State.ADMITTED, State.RESTRICTED, State.DEPRECATED})
"""A verdict that lets it out, to somebody at least."""
SHUT: Final = frozenset({State.REJECTED, State.RECALLED})
"""A verdict that keeps it in."""

EDGES: Final = {
    (State.SUBMITTED, State.QUARANTINED): EventKind.IMAGE_QUARANTINED,
    (State.SUBMITTED, State.ATTACHED): EventKind.EVIDENCE_ADDED,
    (State.QUARANTINED, State.ANALYSING): EventKind.IMAGE_ANALYSING,
    (State.QUARANTINED, State.RETIRED): EventKind.IMAGE_RETIRED,
    (State.ANALYSING, State.ADMITTED): EventKind.IMAGE_ADMITTED,
    (State.ANALYSING, State.REJECTED): EventKind.IMAGE_REJECTED,
    (State.ANALYSING, State.QUARANTINED): EventKind.IMAGE_QUARANTINED,
    (State.REJECTED, State.QUARANTINED): EventKind.IMAGE_QUARANTINED,
    (State.REJECTED, State.ANALYSING): EventKind.IMAGE_ANALYSING,
    (State.REJECTED, State.RETIRED): EventKind.IMAGE_RETIRED,
    (State.ADMITTED, State.RESTRICTED): EventKind.IMAGE_RESTRICTED,
    (State.ADMITTED, State.DEPRECATED): EventKind.IMAGE_DEPRECATED,
    (State.ADMITTED, State.RECALLED): EventKind.IMAGE_RECALLED,
    (State.ADMITTED, State.RETIRED): EventKind.IMAGE_RETIRED,
    (State.RESTRICTED, State.ADMITTED): EventKind.IMAGE_ADMITTED,
    (State.RESTRICTED, State.DEPRECATED): EventKind.IMAGE_DEPRECATED,
    (State.RESTRICTED, State.RECALLED): EventKind.IMAGE_RECALLED,
    (State.RESTRICTED, State.RETIRED): EventKind.IMAGE_RETIRED,
    (State.DEPRECATED, State.ADMITTED): EventKind.IMAGE_ADMITTED,
    (State.DEPRECATED, State.RECALLED): EventKind.IMAGE_RECALLED,
    (State.DEPRECATED, State.RETIRED): EventKind.IMAGE_RETIRED,
    (State.RECALLED, State.QUARANTINED): EventKind.IMAGE_QUARANTINED,
    (State.RECALLED, State.ANALYSING): EventKind.IMAGE_ANALYSING,
    (State.RECALLED, State.RETIRED): EventKind.IMAGE_RETIRED,
}
"""Every lawful change, with what it is told as. Staying where one is, is no change."""


def told_as(before: State, after: State, *, where: str = "") -> EventKind:
    """The event of a change.

    Raises:
        UnlawfulChangeError: there is no such edge.
    """
    kind = EDGES.get((before, after))
    if kind is None:
        raise UnlawfulChangeError(before, after, where=where)
    return kind

# SPDX-License-Identifier: Apache-2.0
"""What one message says, before it has a form: what happened to what, why, what mends it and what proves that."""

from enum import StrEnum

from tidegate.values import Struct


class Cause(StrEnum):
    """Why an owner is told."""

    REJECTED = "rejected"
    RECALLED = "recalled"
    RESTRICTED = "restricted"
    INCIDENT = "incident"


class Turn(StrEnum):
    """How far the story is."""

    OPENED = "opened"
    CHANGED = "changed"
    CLOSED = "closed"
    DIGEST = "digest"
    TEST = "test"


class Severity(StrEnum):
    """How much it matters, least first."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """0 for low, 3 for critical."""
        return list(Severity).index(self)


class Objection(Struct, frozen=True, kw_only=True):
    """One thing that stands in the way.

    Attributes:
        item: what it is about; "" for the whole.
        fix: what would take it away; "" when nothing is known.
    """

    message: str
    item: str = ""
    fix: str = ""


class Affected(Struct, frozen=True, kw_only=True):
    """One image, or one incident, that a case is about.

    Attributes:
        subject: its digest, or the incident.
        tags: that point to it now.
        workloads: how many run it now.
        mended: how it was; "" while it is not.
    """

    subject: str
    repository: str
    tags: tuple[str, ...] = ()
    workloads: int = 0
    mended: str = ""


class Fix(Struct, frozen=True, kw_only=True):
    """What mends it, and what the gate said of that when it was tried without putting anything on record.

    Attributes:
        what: in words.
        commands: to be run, exactly so; may be empty.
        passes: the gate admitted it.
        proof: what was tried, and what the gate said.
        left: what the gate objects to even so.
    """

    what: str
    commands: tuple[str, ...] = ()
    passes: bool = False
    proof: str = ""
    left: tuple[str, ...] = ()


class Notice(Struct, frozen=True, kw_only=True):
    """A case as it stands.

    Attributes:
        case: its id, which names the thread.
        revision: of the case.
        owner: "" for nobody.
        owner_by: how the owner was found.
        passports: a line each for whoever wants to know all.
        seconds: from open to mended, of a closed one.
        tide: id of the update of knowledge it came of; "" for none.
    """

    case: str
    revision: int
    turn: Turn
    cause: Cause
    severity: Severity
    owner: str
    owner_by: str
    why: str
    objections: tuple[Objection, ...]
    affected: tuple[Affected, ...]
    affected_in_all: int
    fixes: tuple[Fix, ...] = ()
    passports: tuple[str, ...] = ()
    opened_at: str = ""
    told_at: str = ""
    seconds: float = 0.0
    tide: str = ""

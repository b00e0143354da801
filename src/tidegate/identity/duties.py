# SPDX-License-Identifier: Apache-2.0
"""Segregation of duties: which two acts one person may not do, as one table. Pure.

Who somebody is comes from the principal that was let in (`Principal.identity`), never from what a request says. Whoever
shows the server's shared access token is one person, whatever they call themselves. Where nobody proves who they are
(nothing is set up, this machine's own users) there is nobody to tell apart: only the act itself is on record.

An administrator may break a rule with a reason (break-glass); it is on record, and stands in the passport.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Self

from tidegate.errors import InvalidInputError, RefusedError
from tidegate.identity.principal import ANONYMOUS, Principal

MAX_REASON_CHARS: Final = 1000
NOBODY_TO_TELL_APART: Final = "nobody proves who they are on this server"
"""The reason on record where a server is open to this machine's own users."""


class Duty(StrEnum):
    """What somebody did, or wants to do."""

    PUSH = "pushed the image"
    RELEASE = "let it out again"
    EXCEPT = "approved an exception for it"
    APPROVE_EVIDENCE = "approved it"
    PROMOTE_OUT = "promoted it to another registry"
    ASK_GRANT = "asked for the grant, or is who it is for"
    GIVE_GRANT = "approved the grant"
    PROPOSE_KEY = "proposed the key"
    CONFIRM_KEY = "confirmed the key"
    ASK_RESPONSE = "asked for the response"
    APPROVE_RESPONSE = "approved the response"
    ASK_UPDATE = "asked for the update"
    APPROVE_UPDATE = "approved the update"


class Separation(StrEnum):
    """One rule of the table."""

    RELEASED = "released"
    EXCEPTED = "excepted"
    APPROVED = "approved"
    PROMOTED = "promoted"
    GRANTED = "granted"
    KEY_CONFIRMED = "key confirmed"
    CONTAINED = "contained"
    UPDATED = "updated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Whoever did the one may not do the other.

    Attributes:
        may_be_broken: by an administrator, with a reason that is on record.
    """

    first: Duty
    then: Duty
    may_be_broken: bool


RULES: Final[Mapping[Separation, Rule]] = {
    Separation.RELEASED: Rule(first=Duty.PUSH, then=Duty.RELEASE, may_be_broken=True),
    Separation.EXCEPTED: Rule(first=Duty.PUSH, then=Duty.EXCEPT, may_be_broken=False),
    Separation.APPROVED: Rule(first=Duty.PUSH, then=Duty.APPROVE_EVIDENCE, may_be_broken=False),
    Separation.PROMOTED: Rule(first=Duty.PUSH, then=Duty.PROMOTE_OUT, may_be_broken=True),
    Separation.GRANTED: Rule(first=Duty.ASK_GRANT, then=Duty.GIVE_GRANT, may_be_broken=False),
    Separation.KEY_CONFIRMED: Rule(first=Duty.PROPOSE_KEY, then=Duty.CONFIRM_KEY, may_be_broken=True),
    Separation.CONTAINED: Rule(first=Duty.ASK_RESPONSE, then=Duty.APPROVE_RESPONSE, may_be_broken=False),
    Separation.UPDATED: Rule(first=Duty.ASK_UPDATE, then=Duty.APPROVE_UPDATE, may_be_broken=False),
}


class SameHandError(RefusedError):
    """One person wants to do both of what takes two."""

    def __init__(self, separation: Separation, *, where: str = "") -> None:
        rule = RULES[separation]
        way_out = "ask somebody else" + (
            ", or have an administrator do it alone with a reason" if rule.may_be_broken else ""
        )
        super().__init__(f"nobody who {rule.first} may be the one who {rule.then}", where=where, remedy=way_out)
        self.separation = separation


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Somebody who does or did something.

    Attributes:
        identity: what two acts of one person have in common; "" when nobody knows, which is nobody.
        may_break: an administrator, who may act alone with a reason.
    """

    name: str
    identity: str
    may_break: bool = False

    @classmethod
    def of(cls, principal: Principal) -> Self:
        """Whoever was let in."""
        return cls(name=principal.name, identity=principal.identity, may_break=principal.is_administrator)

    @classmethod
    def nobody(cls) -> Self:
        """Nobody: tidegate itself."""
        return cls(name="tidegate", identity="")

    def is_same(self, other: Self) -> bool:
        """Whether both are one person. Of some acts the record has a name and no more: then that decides."""
        if self.identity and self.identity == other.identity:
            return True
        return bool(_folded(self.name)) and _folded(self.name) == _folded(other.name)


def named_on_record(name: str) -> Actor:
    """Somebody the record knows by name only."""
    return Actor(name=name, identity="")


def are_apart(separation: Separation, then: str, first: Iterable[str]) -> bool:
    """Whether whoever did the second act did none of the first: by names, where the record has no more. Pure.

    For rules that nobody may break; a name that is missing is nobody who could have done it.
    """
    if RULES[separation].may_be_broken or not then.strip():
        return False
    doer = named_on_record(then)
    return not any(doer.is_same(named_on_record(name)) for name in first)


def separate(separation: Separation, *, doer: Actor, earlier: Iterable[Actor], alone: str = "", where: str = "") -> str:
    """Lets pass who did not do the other of two acts.

    Args:
        separation: which rule.
        doer: wants to do the second.
        earlier: who did the first.
        alone: why an administrator does both; "" where nobody claims that.
        where: what it is about, for the refusal.

    Returns:
        The reason it was broken for, to be recorded; "" when it was not.

    Raises:
        SameHandError: the same person did the first.
        InvalidInputError: a reason that is none.
    """
    if not any(doer.is_same(one) for one in earlier):
        return ""
    may_be_broken = RULES[separation].may_be_broken
    if doer.identity == ANONYMOUS.identity and may_be_broken and not alone:
        return NOBODY_TO_TELL_APART
    if not (alone and may_be_broken and doer.may_break):
        raise SameHandError(separation, where=where)
    if not alone.strip() or not alone.isprintable() or len(alone) > MAX_REASON_CHARS:
        raise InvalidInputError("acting alone needs a reason", remedy="say why nobody else could be asked, in one line")
    return alone


def _folded(name: str) -> str:
    return name.strip().casefold()

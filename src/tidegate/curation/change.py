# SPDX-License-Identifier: Apache-2.0
"""Changes of state that people make: restrict, deprecate, recall, retire, and release, which takes the last one back.

Each is signed as a statement, on record and in the ledger, together with the state, its history and its event: all in
one transaction. What is recalled or retired is denied by a decision too, which is what the execution gate reads.
"""

from contextlib import suppress
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection, exists, select

from tidegate.admission.gate import Gate
from tidegate.admission.restrictions import impose, lift_from
from tidegate.artifact import Digest
from tidegate.clock import rfc3339
from tidegate.curation.lifecycle import SHUT, State, UnlawfulChangeError, told_as
from tidegate.curation.shelved import pushers_of, repositories_of
from tidegate.curation.standing import Standing, clear_standing, set_standing, standing_of, with_standing
from tidegate.curation.states import advance, hold, repeat, state_of
from tidegate.errors import InvalidInputError, NotFoundError, TidegateError
from tidegate.evidence import STATE_CHANGE, Boundary, Decision, Statement, Subject, Verdict
from tidegate.evidence.restriction import Restriction
from tidegate.identity.duties import Actor, Separation, named_on_record, separate
from tidegate.storage import schema
from tidegate.storage.carried import carried, carrying
from tidegate.storage.tides import Cause, begin_tide, note_judged, tide_named, tide_of
from tidegate.values import Struct, replace
from tidegate.wire import to_builtins

MAX_REASON_CHARS: Final = 1000
_DENIAL_HOLDS: Final = timedelta(days=7)


class Act(StrEnum):
    """What a person may do."""

    RESTRICT = "restrict"
    DEPRECATE = "deprecate"
    RECALL = "recall"
    RETIRE = "retire"
    RELEASE = "release"


_LEADS_TO: Final = {
    Act.RESTRICT: State.RESTRICTED,
    Act.DEPRECATE: State.DEPRECATED,
    Act.RECALL: State.RECALLED,
    Act.RETIRE: State.RETIRED,
}


class Wish(Struct, frozen=True, kw_only=True):
    """A change that somebody wants.

    Attributes:
        reason: why, in one line; told to whoever is refused the artifact.
        who: the principal.
        restriction: whom it is kept for, of a restriction.
        sunset: when a deprecated one is to be gone; None for no day.
        replacement: what to use instead; "" when there is nothing.
        by: who that is where it counts that two are not the same one; None for tidegate itself.
        alone: why an administrator lets out what they pushed themselves; "" where another does.
    """

    act: Act
    reason: str
    who: str
    restriction: Restriction | None = None
    sunset: datetime | None = None
    replacement: str = ""
    by: Actor | None = None
    alone: str = ""


class Changed(Struct, frozen=True, kw_only=True):
    """What became of a wish.

    Attributes:
        statement: the envelope on record.
        with_children: of an index, the images that went along.
    """

    digest: Digest
    before: State
    after: State
    statement: Digest
    with_children: tuple[Digest, ...] = ()


def change_state(connection: Connection, gate: Gate, digest: Digest, wish: Wish, *, at: datetime) -> Changed:
    """Makes a change, in the caller's transaction.

    Released, what was restricted or deprecated is admitted again; what was recalled or rejected goes back to
    quarantine and is judged. With an index go the images that are in no other one and have no tag of their own: they
    are had by its name, and by their digests they would be had still.

    Raises:
        NotFoundError: nothing is stored under this digest.
        UnlawfulChangeError: no edge leads there; it names those that do.
        InvalidInputError: no reason, or not what the act needs.
        SameHandError: whoever pushed it wants to let it out.
    """
    _check(wish)
    wish = _apart(connection, digest, wish)
    own = own_children(connection, digest)
    hold(connection, [digest, *own])
    changed = _change_one(connection, gate, digest, wish, at=at)
    along = []
    for child in own:
        with suppress(UnlawfulChangeError):  # one that is there already, or was never handed out
            along.append(_change_one(connection, gate, child, wish, at=at).digest)
    return replace(changed, with_children=tuple(along))


def _change_one(connection: Connection, gate: Gate, digest: Digest, wish: Wish, *, at: datetime) -> Changed:
    before = state_of(connection, digest)
    if before is None:
        raise NotFoundError("no such image", where=digest)
    to = _goal(before, wish.act)
    if before is not to or wish.act not in {Act.RESTRICT, Act.DEPRECATE}:
        told_as(before, to, where=digest)
    names = repositories_of(connection, digest)
    uri = f"{names[0]}@{digest}" if names else digest
    statement = gate.add(connection, _statement(wish, digest, uri, before, to, at), at=at).digest
    _take_down(connection, digest, wish, to, statement, at)
    decision, expires_at = _decision(connection, gate, digest, uri, at)
    details = _details(wish)
    said: dict[str, Any] = {"who": wish.who, "why": wish.reason, "at": at, "evidence": statement, "details": details}
    with carrying(_tide(connection, digest, wish, to, statement, at)):
        if before is to:
            repeat(connection, digest, to, **said)
        else:
            advance(connection, digest, to, decision=decision, expires_at=expires_at, **said)
        note_judged(connection, digest, to, at=at)
    return Changed(digest=digest, before=before, after=to, statement=statement)


def _tide(connection: Connection, digest: Digest, wish: Wish, to: State, statement: Digest, at: datetime) -> str:
    """A recall begins a tide, unless it is part of one; whatever else is said of an image is part of its last."""
    found = tide_of(connection, digest) if wish.act is not Act.RECALL else carried()
    if found or to is not State.RECALLED:
        return found
    name = tide_named(Cause.RECALL, statement)
    begin_tide(connection, name, Cause.RECALL, subject=digest, event="", why=wish.reason, at=at, digests=[digest])
    return name


def _check(wish: Wish) -> None:
    if not wish.reason.strip() or not wish.reason.isprintable() or len(wish.reason) > MAX_REASON_CHARS:
        raise InvalidInputError(
            "a change needs a reason", remedy=f"say why, in one line of at most {MAX_REASON_CHARS} characters"
        )
    if (wish.act is Act.RESTRICT) != (wish.restriction is not None):
        raise InvalidInputError("who, where and until belong to a restriction, which needs one of them")
    if wish.act is not Act.DEPRECATE and wish.sunset is not None:
        raise InvalidInputError("a sunset belongs to a deprecation")
    if not wish.replacement.isprintable() or len(wish.replacement) > MAX_REASON_CHARS:
        raise InvalidInputError("the replacement is not a name")


def _apart(connection: Connection, digest: Digest, wish: Wish) -> Wish:
    """The wish with the reason for which one person does both, where that is; what lets nothing out needs no second."""
    if wish.act is not Act.RELEASE or wish.by is None:
        return replace(wish, alone="")
    pushers = [named_on_record(name) for name in pushers_of(connection, digest)]
    alone = separate(Separation.RELEASED, doer=wish.by, earlier=pushers, alone=wish.alone, where=digest)
    return replace(wish, alone=alone)


def own_children(connection: Connection, digest: Digest) -> list[Digest]:
    """The images of an index that are in no other one and have no tag."""
    child, other = schema.manifest_child, schema.manifest_child.alias("other")
    elsewhere = exists().where(other.c.child == child.c.child, other.c.parent != digest)
    tagged = exists().where(schema.tag.c.digest == child.c.child)
    query = select(child.c.child).where(child.c.parent == digest, ~elsewhere, ~tagged).order_by(child.c.child)
    return [Digest(text) for text in connection.scalars(query) if state_of(connection, Digest(text)) is not None]


def _goal(before: State, act: Act) -> State:
    if act is not Act.RELEASE:
        return _LEADS_TO[act]
    return State.QUARANTINED if before in SHUT else State.ADMITTED


def _statement(wish: Wish, digest: Digest, uri: str, before: State, to: State, at: datetime) -> Statement:
    predicate = {
        "before": before.value,
        "after": to.value,
        "act": wish.act.value,
        "who": wish.who,
        "why": wish.reason,
        "at": rfc3339(at),
        **_details(wish),
    }
    return Statement(subjects=(Subject(name=uri, digest=digest),), predicate_type=STATE_CHANGE, predicate=predicate)


def _details(wish: Wish) -> dict[str, Any]:
    found = {
        "restriction": to_builtins(wish.restriction) if wish.restriction else None,
        "sunset": rfc3339(wish.sunset) if wish.sunset else "",
        "replacement": wish.replacement,
        "alone": wish.alone,
    }
    return {name: value for name, value in found.items() if value}


def _take_down(connection: Connection, digest: Digest, wish: Wish, to: State, statement: Digest, at: datetime) -> None:
    """Writes what holds from now on."""
    if wish.restriction is not None:
        restriction, reason, by = wish.restriction, wish.reason, wish.who
        impose(connection, restriction, digest=digest, reason=reason, by=by, at=at, statement=statement)
    elif to is State.ADMITTED:
        clear_standing(connection, digest)
        lift_from(connection, digest, by=wish.who, at=at)
    elif wish.act is Act.RELEASE:
        clear_standing(connection, digest)
    else:
        said = Standing(
            state=to,
            who=wish.who,
            why=wish.reason,
            since=rfc3339(at),
            statement=statement,
            sunset=rfc3339(wish.sunset) if wish.sunset else "",
            replacement=wish.replacement,
        )
        set_standing(connection, digest, said)


def _decision(connection: Connection, gate: Gate, digest: Digest, uri: str, at: datetime) -> tuple[str, str]:
    """The decision behind the state from now on, and when it ends."""
    table = schema.state
    row = connection.execute(select(table.c.decision, table.c.expires_at).where(table.c.digest == digest)).one()
    said = standing_of(connection, digest)
    if said is None or not said.is_held:
        return row.decision, row.expires_at
    denied = with_standing(_behind(connection, gate, row.decision) or _none(digest, at), said)
    denied = replace(denied, decided_at=at, expires_at=max(denied.expires_at, at + _DENIAL_HOLDS))
    return gate.conclude(connection, denied, resource_uri=uri, at=at).digest, rfc3339(denied.expires_at)


def _behind(connection: Connection, gate: Gate, envelope: str) -> Decision | None:
    try:
        return gate.decision_named(connection, Digest(envelope)) if envelope else None
    except TidegateError:
        return None  # a recall does not fail because nobody can vouch for the decision before


def _none(digest: Digest, at: datetime) -> Decision:
    return Decision(
        boundary=Boundary.CURATION,
        subject=digest,
        verdict=Verdict.DENY,
        reasons=(),
        rules=(),
        policies=(),
        inputs=(),
        decided_at=at,
        expires_at=at,
    )

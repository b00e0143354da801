# SPDX-License-Identifier: Apache-2.0
"""Grants as they are asked for, given, refused, revoked and ended; each a change with its event in one transaction.

Nobody approves what they asked for, or what is for themselves: two people, or it does not happen.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import uuid4

from sqlalchemy import Connection, insert, or_, select, update

from tidegate.clock import parse_rfc3339, rfc3339
from tidegate.errors import InvalidInputError, NotFoundError, RefusedError
from tidegate.events import Event, EventKind
from tidegate.identity.condition import Condition
from tidegate.identity.duties import Actor, Separation, named_on_record, separate
from tidegate.identity.grant import GROUP_MARK, Grant, GrantState, Holder
from tidegate.identity.pattern import RepositoryPattern
from tidegate.identity.principal import EVERYONE, Principal
from tidegate.identity.revision import bump
from tidegate.identity.verb import Verb, parse_verbs
from tidegate.storage.identity_schema import access_grant
from tidegate.storage.lock_order import Rank, taking
from tidegate.storage.outbox import publish

MAX_REASON_CHARS: Final = 1000
MAX_PAGE: Final = 1000
_EXPIRED_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A grant as somebody wants it.

    Attributes:
        lasts: how long it allows, from when it is given; None for no end.
        condition: CEL; "" for none.
        reason: why; recorded.
    """

    holder: Holder
    pattern: RepositoryPattern
    verbs: frozenset[Verb]
    lasts: timedelta | None = None
    condition: str = ""
    reason: str = ""

    def __post_init__(self) -> None:
        """Checks what the parts' own types do not.

        Raises:
            InvalidInputError: no verb, a condition that is none, an end that lies not ahead, or too long a reason.
        """
        if not self.verbs:
            raise InvalidInputError("a grant without a verb")
        if self.condition:
            Condition.parse(self.condition)
        if self.lasts is not None and self.lasts <= timedelta(0):
            raise InvalidInputError(f"a grant cannot last {self.lasts}")
        if len(self.reason) > MAX_REASON_CHARS:
            raise InvalidInputError(f"a reason longer than {MAX_REASON_CHARS} characters")


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantRecord:
    """A grant with its history."""

    id: str
    holder: str
    pattern: str
    verbs: tuple[str, ...]
    condition: str
    state: GrantState
    lasts_seconds: int
    expires_at: str
    asked_at: str
    asked_by: str
    reason: str
    decided_at: str
    decided_by: str
    decided_why: str


def give(connection: Connection, wanted: Wanted, *, by: Principal, at: datetime) -> GrantRecord:
    """Gives a grant at once, as an administrator does."""
    grant_id = _insert(connection, wanted, GrantState.ACTIVE, by=by, at=at)
    _decided(connection, grant_id, by=by, why=wanted.reason, at=at)
    return _tell(connection, EventKind.GRANT_GIVEN, grant_id, by=by, at=at)


def ask(connection: Connection, wanted: Wanted, *, by: Principal, max_lasts: timedelta, at: datetime) -> GrantRecord:
    """Asks for a grant for a time; it allows nothing until another has approved it.

    Raises:
        InvalidInputError: it has no end, one too far away, or no reason.
    """
    if wanted.lasts is None or wanted.lasts > max_lasts:
        raise InvalidInputError(
            "what is asked for needs an end", remedy=f"ask for {max_lasts} at most (identity.request_max_hours)"
        )
    if not wanted.reason.strip():
        raise InvalidInputError("what is asked for needs a reason", remedy="say what it is needed for")
    grant_id = _insert(connection, wanted, GrantState.REQUESTED, by=by, at=at)
    return _tell(connection, EventKind.GRANT_REQUESTED, grant_id, by=by, at=at)


def approve(connection: Connection, grant_id: str, *, by: Principal, why: str = "", at: datetime) -> GrantRecord:
    """Gives what was asked for; its time begins now. Whether `by` may approve at all is the caller's question.

    Raises:
        NotFoundError: no such grant.
        RefusedError: it is not waiting for this.
        SameHandError: `by` asked for it, or it is for them.
    """
    row = _locked(connection, grant_id, GrantState.REQUESTED)
    involved = [Actor(name=row.asked_by, identity=row.asked_identity), named_on_record(row.holder)]
    if _is_of_own_group(row.holder, by):
        involved.append(Actor.of(by))
    separate(Separation.GRANTED, doer=Actor.of(by), earlier=involved, where=grant_id)
    _set(connection, grant_id, state=GrantState.ACTIVE.value, expires_at=_end(row.lasts_seconds, at))
    _decided(connection, grant_id, by=by, why=why, at=at)
    return _tell(connection, EventKind.GRANT_GIVEN, grant_id, by=by, at=at)


def refuse(connection: Connection, grant_id: str, *, by: Principal, why: str = "", at: datetime) -> GrantRecord:
    """Refuses what was asked for.

    Raises:
        NotFoundError: no such grant.
        RefusedError: it is not waiting for this.
    """
    _locked(connection, grant_id, GrantState.REQUESTED)
    _set(connection, grant_id, state=GrantState.REFUSED.value)
    _decided(connection, grant_id, by=by, why=why, at=at)
    return _tell(connection, EventKind.GRANT_REFUSED, grant_id, by=by, at=at)


def revoke(connection: Connection, grant_id: str, *, by: Principal, why: str = "", at: datetime) -> GrantRecord:
    """Takes a grant back, at once; or what was asked for and not decided.

    Raises:
        NotFoundError: no such grant.
        RefusedError: it is neither in force nor asked for.
    """
    _locked(connection, grant_id, GrantState.ACTIVE, GrantState.REQUESTED)
    _set(connection, grant_id, state=GrantState.REVOKED.value)
    _decided(connection, grant_id, by=by, why=why, at=at)
    return _tell(connection, EventKind.GRANT_REVOKED, grant_id, by=by, at=at)


def revoke_all(connection: Connection, holder: str, *, by: str, why: str, at: datetime) -> None:
    """Takes back all that one holder has, and refuses what was asked for it: another of its name gets none of it."""
    table = access_grant
    mine = (table.c.holder == holder) & table.c.state.in_([GrantState.ACTIVE.value, GrantState.REQUESTED.value])
    query = select(table.c.id).where(mine).order_by(table.c.id).with_for_update()
    taking(connection, Rank.GRANT)
    for grant_id in list(connection.scalars(query)):
        values = {"decided_at": rfc3339(at), "decided_by": by, "decided_why": why}
        _set(connection, grant_id, state=GrantState.REVOKED.value, **values)
        _tell(connection, EventKind.GRANT_REVOKED, grant_id, by=by, at=at)


def expire(connection: Connection, *, at: datetime) -> int:
    """Marks and tells those whose time is up (they allow nothing since then anyway). Returns how many."""
    table = access_grant
    due = (table.c.state == GrantState.ACTIVE.value) & (table.c.expires_at != "") & (table.c.expires_at <= rfc3339(at))
    query = select(table.c.id).where(due).order_by(table.c.expires_at).limit(_EXPIRED_AT_ONCE)
    found = list(connection.scalars(query.with_for_update(skip_locked=True)))
    for grant_id in found:
        _set(connection, grant_id, state=GrantState.EXPIRED.value)
        _tell(connection, EventKind.GRANT_EXPIRED, grant_id, by="", at=at)
    return len(found)


def list_grants(
    connection: Connection,
    *,
    holder: str = "",
    state: GrantState | None = None,
    concerns: str = "",
    limit: int = MAX_PAGE,
) -> Sequence[GrantRecord]:
    """At most `limit` grants, newest first.

    Args:
        connection: to the database.
        holder: whose; "" for everybody's.
        state: of one state only.
        concerns: who holds it, asked for it or decided over it.
        limit: at most.
    """
    query = select(access_grant).order_by(access_grant.c.asked_at.desc(), access_grant.c.id).limit(limit)
    if holder:
        query = query.where(access_grant.c.holder == holder)
    if state is not None:
        query = query.where(access_grant.c.state == state.value)
    if concerns:
        part = (access_grant.c.holder, access_grant.c.asked_by, access_grant.c.decided_by)
        query = query.where(or_(*(column == concerns for column in part)))
    return [_record(row) for row in connection.execute(query)]


def find(connection: Connection, grant_id: str) -> GrantRecord:
    """One grant.

    Raises:
        NotFoundError: there is none of this id.
    """
    row = connection.execute(select(access_grant).where(access_grant.c.id == grant_id)).first()
    if row is None:
        raise NotFoundError("no such grant", where=grant_id[:64])
    return _record(row)


def named(connection: Connection, start: str) -> str:
    """The id that begins so.

    Raises:
        NotFoundError: none does, or several do.
    """
    table = access_grant
    begins = table.c.id.startswith(start, autoescape=True)
    found = list(connection.scalars(select(table.c.id).where(begins).limit(2)))
    if len(found) != 1 or not start:
        raise NotFoundError("no such grant" if not found else "several grants begin so", where=start[:64])
    return str(found[0])


def active_grants(connection: Connection, name: str, groups: Iterable[str]) -> tuple[Grant, ...]:
    """What holds for a principal and its groups; the cost follows their number, not that of all grants."""
    holders = [name, *(GROUP_MARK + group for group in {*groups, EVERYONE})]
    query = select(access_grant).where(
        access_grant.c.holder.in_(holders), access_grant.c.state == GrantState.ACTIVE.value
    )
    return tuple(_grant(row) for row in connection.execute(query.order_by(access_grant.c.id)))


def _insert(connection: Connection, wanted: Wanted, state: GrantState, *, by: Principal, at: datetime) -> str:
    grant_id = uuid4().hex
    seconds = int(wanted.lasts.total_seconds()) if wanted.lasts else 0
    connection.execute(
        insert(access_grant).values(
            id=grant_id,
            holder=wanted.holder,
            pattern=wanted.pattern,
            verbs=",".join(sorted(wanted.verbs)),
            condition=wanted.condition,
            state=state.value,
            lasts_seconds=seconds,
            expires_at=_end(seconds, at) if state is GrantState.ACTIVE else "",
            asked_at=rfc3339(at),
            asked_by=by.name,
            asked_identity=by.identity,
            reason=wanted.reason,
            decided_at="",
            decided_by="",
            decided_why="",
        )
    )
    return grant_id


def _end(seconds: int, at: datetime) -> str:
    return rfc3339(at + timedelta(seconds=seconds)) if seconds else ""


def _locked(connection: Connection, grant_id: str, *wanted: GrantState) -> Any:
    """The row, locked, so that of two who decide at once the second finds it decided."""
    taking(connection, Rank.GRANT, [grant_id])
    row = connection.execute(select(access_grant).where(access_grant.c.id == grant_id).with_for_update()).first()
    if row is None:
        raise NotFoundError("no such grant", where=grant_id[:64])
    if row.state not in wanted:
        raise RefusedError(f"the grant is {row.state}, not {' or '.join(wanted)}", where=grant_id)
    return row


def _is_of_own_group(holder: str, by: Principal) -> bool:
    return holder.startswith(GROUP_MARK) and Holder(holder).is_(by)


def _set(connection: Connection, grant_id: str, **values: object) -> None:
    connection.execute(update(access_grant).where(access_grant.c.id == grant_id).values(**values))


def _decided(connection: Connection, grant_id: str, *, by: Principal, why: str, at: datetime) -> None:
    _set(connection, grant_id, decided_at=rfc3339(at), decided_by=by.name, decided_why=why[:MAX_REASON_CHARS])


def _tell(connection: Connection, kind: EventKind, grant_id: str, *, by: Principal | str, at: datetime) -> GrantRecord:
    bump(connection)
    record = find(connection, grant_id)
    data = {
        "grant": grant_id,
        "holder": record.holder,
        "pattern": record.pattern,
        "verbs": list(record.verbs),
        "expires_at": record.expires_at,
        "asked_by": record.asked_by,
        "reason": record.reason,
        "who": by if isinstance(by, str) else by.name,
    }
    publish(connection, Event(id=uuid4().hex, kind=kind, subject=grant_id, time=at, data=data))
    return record


def _grant(row: Any) -> Grant:
    return Grant(
        id=row.id,
        holder=Holder(row.holder),
        pattern=RepositoryPattern(row.pattern),
        verbs=parse_verbs(row.verbs.split(",")),
        condition=Condition.parse(row.condition) if row.condition else None,
        expires_at=parse_rfc3339(row.expires_at) if row.expires_at else None,
    )


def _record(row: Any) -> GrantRecord:
    return GrantRecord(
        id=row.id,
        holder=row.holder,
        pattern=row.pattern,
        verbs=tuple(row.verbs.split(",")),
        condition=row.condition,
        state=GrantState(row.state),
        lasts_seconds=row.lasts_seconds,
        expires_at=row.expires_at,
        asked_at=row.asked_at,
        asked_by=row.asked_by,
        reason=row.reason,
        decided_at=row.decided_at,
        decided_by=row.decided_by,
        decided_why=row.decided_why,
    )

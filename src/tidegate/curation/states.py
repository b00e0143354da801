# SPDX-License-Identifier: Apache-2.0
"""Performs what `tidegate.curation.lifecycle` allows: the state, its history and its event in one transaction."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, insert, select

from tidegate.artifact import Digest
from tidegate.clock import rfc3339
from tidegate.curation.lifecycle import EDGES, State, told_as
from tidegate.events import Event, EventKind
from tidegate.storage.insert import insert_or_update
from tidegate.storage.lock_order import Rank, taking
from tidegate.storage.outbox import publish
from tidegate.storage.schema import manifest, repository_manifest, state, state_change

__all__ = ["State", "advance", "hold", "repeat", "state_of"]

_TOLD_AS: Final = {after: kind for (_, after), kind in EDGES.items()}


def state_of(connection: Connection, digest: Digest) -> State | None:
    """The state a digest is in; None when nothing was ever stored under it."""
    found = connection.scalar(select(state.c.state).where(state.c.digest == digest))
    return None if found is None else State(found)


def hold(connection: Connection, digests: Iterable[Digest]) -> None:
    """Keeps the states of digests as they are until the transaction ends; to be called before anything is concluded.

    Whoever decides reads what people said, and then writes: between the two nobody may say anything else. It comes
    before the locks below it (`tidegate.storage.lock_order`), and in one order, so that nobody waits in a circle.
    """
    wanted = sorted(set(digests))
    taking(connection, Rank.STATE, wanted)
    query = select(state.c.digest).where(state.c.digest.in_(wanted)).order_by(state.c.digest).with_for_update()
    connection.execute(query).all()


def advance(
    connection: Connection,
    digest: Digest,
    to: State,
    *,
    who: str,
    why: str,
    at: datetime,
    decision: str = "",
    expires_at: str = "",
    evidence: str = "",
    details: Mapping[str, Any] | None = None,
) -> bool:
    """Moves a digest along one lawful edge, in the caller's transaction; being there already is no change.

    Args:
        connection: inside a transaction that writes.
        digest: of a stored manifest.
        to: the state wanted.
        who: the principal or the part of tidegate that wants it.
        why: in one line, shown to whoever is refused the manifest.
        at: the moment recorded.
        decision: digest of the envelope that justifies it.
        expires_at: when that decision ends (RFC 3339); "" for never.
        evidence: the envelope the change rests on; "" for the decision's.
        details: more for the event.

    Returns:
        True when the state changed.

    Raises:
        UnlawfulChangeError: no edge leads there.
    """
    row = connection.execute(select(state.c.state).where(state.c.digest == digest).with_for_update()).first()
    if row:  # else nobody else can reach it: its manifest is stored in this transaction
        taking(connection, Rank.STATE, [digest])
    before = State(row.state) if row else State.SUBMITTED
    if before is to:
        return False
    kind = told_as(before, to, where=digest)
    insert_or_update(
        connection, state, digest=digest, state=to, since=rfc3339(at), decision=decision, expires_at=expires_at
    )
    change = {"digest": digest, "before": before, "after": to, "at": rfc3339(at), "who": who, "why": why}
    change["evidence"] = evidence or decision
    _record(connection, change, kind, at=at, more={"decision": decision, **(details or {})})
    return True


def repeat(
    connection: Connection,
    digest: Digest,
    state: State,
    *,
    who: str,
    why: str,
    at: datetime,
    evidence: str,
    details: Mapping[str, Any],
) -> None:
    """Records that a digest stays in a state for another reason or on other terms, in the caller's transaction."""
    change = {"digest": digest, "before": state, "after": state, "at": rfc3339(at), "who": who, "why": why}
    _record(connection, {**change, "evidence": evidence}, _TOLD_AS[state], at=at, more=details)


def _record(
    connection: Connection, change: dict[str, Any], kind: EventKind, *, at: datetime, more: Mapping[str, Any]
) -> None:
    digest = Digest(change["digest"])
    key = connection.execute(insert(state_change).values(change)).inserted_primary_key
    told = _told(connection, digest, {**change, **more})
    publish(connection, Event(id=f"{digest}/{key[0] if key else ''}", kind=kind, subject=digest, time=at, data=told))


def _told(connection: Connection, digest: Digest, change: dict[str, Any]) -> dict[str, Any]:
    held = select(repository_manifest.c.repository).where(repository_manifest.c.digest == digest)
    row = connection.execute(select(manifest.c.kind, manifest.c.subject).where(manifest.c.digest == digest)).first()
    attached = {"subject": row.subject} if row and row.subject else {}
    return {
        **change,
        **attached,
        "kind": row.kind if row else "",
        "repositories": sorted(connection.scalars(held)),
    }

# SPDX-License-Identifier: Apache-2.0
"""The audit trail: who did what to which repository, from where, and with which outcome.

Entries are only added, and each is hashed with the hash of the one before: one that is changed or taken out of the
middle is found by `verify`. The oldest are removed by age; where the chain begins then is kept. That it was not cut off
or rewritten as a whole is seen by `tidegate.oversight.audit_verifying`.
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from tidegate.clock import rfc3339
from tidegate.storage.identity_schema import audit_entry, audit_head
from tidegate.storage.insert import insert_once
from tidegate.storage.lock_order import Rank, taking
from tidegate.values import Struct
from tidegate.wire import to_json

MAX_PAGE: Final = 1000
_ROW: Final = 1
_ORIGIN: Final = "0" * 64
_MAX_TEXT_CHARS: Final = 500
_PRUNED_AT_ONCE: Final = 20_000
_BATCH: Final = 1000
# Built once: building a statement takes longer than running it, and every change runs these.
_HEAD: Final = select(audit_head).where(audit_head.c.id == _ROW).with_for_update()
_ADD: Final = insert(audit_entry)
_MOVE: Final = update(audit_head).where(audit_head.c.id == _ROW).values(next=bindparam("moved"), hash=bindparam("last"))


class Outcome(StrEnum):
    """How it ended."""

    CHANGED = "changed"  # written in the transaction of the change itself
    ALLOWED = "allowed"
    DENIED = "denied"  # not let in, or not allowed
    FAILED = "failed"
    LOST = "lost"  # entries that could not be kept; `why` says how many


class AuditEntry(Struct, frozen=True, kw_only=True):
    """One access.

    Attributes:
        at: RFC 3339, UTC.
        kind: of the principal; "" when nobody was let in.
        target: tag, digest, scopes or path.
        status: of the answer; 0 for a change within its own transaction.
        why: the grant that allowed it, or why none did.
    """

    at: str
    who: str
    kind: str
    address: str
    verb: str
    outcome: Outcome
    repository: str = ""
    target: str = ""
    status: int = 0
    why: str = ""


class AuditRecord(Struct, frozen=True, kw_only=True):
    """An entry in its place."""

    sequence: int
    hash: str
    entry: AuditEntry


class Verified(Struct, frozen=True, kw_only=True):
    """What a walk along the chain found.

    Attributes:
        broken_at: the first entry that is missing or is not what it was; None for none.
        head: hash of the newest: kept elsewhere, it shows later that nothing before it was rewritten.
    """

    entries: int
    head: str
    broken_at: int | None


class Head(Struct, frozen=True, kw_only=True):
    """Where the chain begins and ends.

    Attributes:
        first: sequence of the oldest entry that is kept.
        before: hash of the one before it.
        last: sequence of the newest; one less than `first` when none is kept.
        hash: of the newest that was ever written.
    """

    first: int
    before: str
    last: int
    hash: str


def head(connection: Connection) -> Head | None:
    """Where the chain begins and ends by now; None before the first entry."""
    row = connection.execute(select(audit_head).where(audit_head.c.id == _ROW)).first()
    return None if row is None else Head(first=row.first, before=row.before, last=row.next - 1, hash=row.hash)


def hash_of(connection: Connection, sequence: int) -> str:
    """The hash an entry is kept with; "" when it is not kept."""
    return connection.scalar(select(audit_entry.c.hash).where(audit_entry.c.sequence == sequence)) or ""


def append(connection: Connection, entries: Sequence[AuditEntry]) -> None:
    """Adds entries, in the caller's transaction, as its last part: others that add wait for its end."""
    if not entries:
        return
    taking(connection, Rank.AUDIT)
    head = connection.execute(_HEAD).first()
    if head is None:
        insert_once(connection, audit_head, id=_ROW, first=1, before=_ORIGIN, next=1, hash=_ORIGIN)
        head = connection.execute(_HEAD).one()
    sequence, before, rows = head.next, head.hash, []
    for entry in entries:
        shortened = _shortened(entry)
        before = _hash(before, sequence, shortened)
        rows.append({**shortened, "sequence": sequence, "hash": before})
        sequence += 1
    connection.execute(_ADD, rows)
    connection.execute(_MOVE, {"moved": sequence, "last": before})


def find(
    connection: Connection,
    *,
    who: str = "",
    repository: str = "",
    verb: str = "",
    outcome: str = "",
    address: str = "",
    since: str = "",
    before: int | None = None,
    limit: int = MAX_PAGE,
) -> Sequence[AuditRecord]:
    """At most `limit` entries, newest first; "" is any.

    Args:
        connection: any.
        who: exactly this principal.
        repository: exactly this one.
        verb: exactly this one.
        outcome: exactly this one.
        address: exactly this one.
        since: RFC 3339; entries of that moment or later.
        before: entries before this one: the last one of the page before.
        limit: how many at most.
    """
    table = audit_entry
    query = select(table).order_by(table.c.sequence.desc()).limit(limit)
    for column, value in (
        (table.c.who, who),
        (table.c.repository, repository),
        (table.c.verb, verb),
        (table.c.outcome, outcome),
        (table.c.address, address),
    ):
        if value:
            query = query.where(column == value)
    if since:
        query = query.where(table.c.at >= since)
    if before is not None:
        query = query.where(table.c.sequence < before)
    return [AuditRecord(sequence=row.sequence, hash=row.hash, entry=_entry(row)) for row in connection.execute(query)]


def verify(connection: Connection) -> Verified:
    """Walks the whole chain; the cost follows its length."""
    head = connection.execute(select(audit_head).where(audit_head.c.id == _ROW)).first()
    if head is None:
        found = connection.execute(select(audit_entry.c.sequence).limit(1)).first()
        return Verified(entries=0, head=_ORIGIN, broken_at=found.sequence if found else None)
    sequence, before = head.first, head.before
    while sequence < head.next:
        rows = connection.execute(
            select(audit_entry).where(audit_entry.c.sequence >= sequence).order_by(audit_entry.c.sequence).limit(_BATCH)
        ).all()
        for row in rows:
            if row.sequence != sequence or row.hash != _hash(before, sequence, _columns(_entry(row))):
                return Verified(entries=sequence - head.first, head=head.hash, broken_at=sequence)
            sequence, before = sequence + 1, row.hash
        if not rows:
            return Verified(entries=sequence - head.first, head=head.hash, broken_at=sequence)
    more = connection.execute(
        select(audit_entry.c.sequence).where(audit_entry.c.sequence >= head.next).limit(1)
    ).first()
    sound = before == head.hash and more is None
    return Verified(entries=sequence - head.first, head=head.hash, broken_at=None if sound else sequence)


def prune(connection: Connection, *, older_than: datetime) -> int:
    """Removes entries from the beginning of the chain up to a moment, some thousands at once. Returns how many."""
    table, limit = audit_entry, rfc3339(older_than)
    taking(connection, Rank.AUDIT)
    head = connection.execute(_HEAD).first()
    if head is None:
        return 0
    kept = select(table.c.sequence).where(table.c.at >= limit).order_by(table.c.sequence).limit(1)
    end = min(connection.scalar(kept) or head.next, head.first + _PRUNED_AT_ONCE)
    last = connection.execute(select(table.c.hash).where(table.c.sequence == end - 1)).first()
    if end <= head.first or last is None:
        return 0
    connection.execute(delete(table).where(table.c.sequence < end))
    connection.execute(update(audit_head).where(audit_head.c.id == _ROW).values(first=end, before=last.hash))
    return int(end - head.first)


def _hash(before: str, sequence: int, columns: dict[str, Any]) -> str:
    return hashlib.sha256(f"{before}\n{sequence}\n".encode() + to_json(columns)).hexdigest()


def _shortened(entry: AuditEntry) -> dict[str, Any]:
    """The columns, as long as they are kept: what is hashed is what is read back."""
    columns = _columns(entry)
    limits = {"who": 255, "address": 64, "repository": 255, "verb": 16}
    for name, value in columns.items():
        if isinstance(value, str):
            # PostgreSQL's text has no NUL, and lone surrogates are no text.
            text = value.replace("\0", "")
            text = text if text.isascii() else text.encode("utf-8", "replace").decode()
            columns[name] = text[: limits.get(name, _MAX_TEXT_CHARS)]
    return columns


def _columns(entry: AuditEntry) -> dict[str, Any]:
    return {
        "at": entry.at,
        "who": entry.who,
        "kind": entry.kind,
        "address": entry.address,
        "verb": entry.verb,
        "repository": entry.repository,
        "target": entry.target,
        "outcome": entry.outcome.value,
        "status": entry.status,
        "why": entry.why,
    }


def _entry(row: Any) -> AuditEntry:
    return AuditEntry(
        at=row.at,
        who=row.who,
        kind=row.kind,
        address=row.address,
        verb=row.verb,
        repository=row.repository,
        target=row.target,
        outcome=Outcome(row.outcome),
        status=row.status,
        why=row.why,
    )


def lost(count: int, *, at: datetime) -> AuditEntry:
    """An entry that says that others are missing."""
    return AuditEntry(
        at=rfc3339(at),
        who="tidegate",
        kind="",
        address="",
        verb="audit",
        outcome=Outcome.LOST,
        why=f"{count} entries of accesses that changed nothing could not be kept",
    )

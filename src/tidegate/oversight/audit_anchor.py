# SPDX-License-Identifier: Apache-2.0
"""The audit trail is anchored: at intervals a signed statement of where it begins and ends goes on record.

The statement stands in the ledger and names the one before, so that the newest vouches for all. From then on neither
what was anchored can be rewritten, nor its end be cut off, by anybody who has the database and not the key. What is
removed by age is removed together with an anchor that says so; what no longer fits the last anchor is told, and nothing
of it is removed or anchored any more: it is evidence.
"""

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection

from tidegate import ledger
from tidegate.admission.gate import Gate
from tidegate.admission.records import Recorded, newest_of, verify_recorded
from tidegate.artifact import Digest
from tidegate.clock import Clock, rfc3339
from tidegate.errors import TidegateError
from tidegate.events import Event, EventKind
from tidegate.evidence import PredicateType, Statement, Subject, parse_statement
from tidegate.identity import audit
from tidegate.identity.audit import Head
from tidegate.signing.envelope import parse_envelope
from tidegate.storage import outbox
from tidegate.storage.database import Database
from tidegate.trust.standing import Origin, Trust
from tidegate.values import Struct
from tidegate.wire import from_builtins, to_builtins

_log = logging.getLogger(__name__)
AUDIT_HEAD: Final = PredicateType("https://tidegate.dev/predicates/audit-head/v1")
TRAIL: Final = Subject(name="tidegate:audit-trail", digest=Digest.of(b"tidegate:audit-trail"))
"""What the statements are about and filed under: the trail has no digest of its own, as it grows."""


class Anchor(Struct, frozen=True, kw_only=True):
    """Where the trail began and ended.

    Attributes:
        first: sequence of the oldest entry that was kept.
        before: hash of the one before it.
        last: sequence of the newest entry.
        hash: of the newest entry, which is over all before it.
        at: RFC 3339.
        previous: digest of the anchor before; "" for the first.
    """

    first: int
    before: str
    last: int
    hash: str
    at: str
    previous: str


class AuditAnchoring:
    """Keeps the trail for its time, and anchors it.

    Args:
        gate: signs and records.
        kept: how long entries are kept.
        every: how often it is anchored, when anything was added.
    """

    def __init__(self, database: Database, gate: Gate, clock: Clock, *, kept: timedelta, every: timedelta) -> None:
        self._database = database
        self._gate = gate
        self._clock = clock
        self._kept = kept
        self._every = every

    def once(self) -> bool:
        """Removes what is too old and anchors what is there, when it is time; returns whether it was anchored.

        Raises:
            OutsideError: the database failed.
            RefusedError: the key that signs is trusted no more; nothing was removed.
        """
        at = self._clock()
        with self._database.read() as connection:
            newest, head = newest_anchor(connection), audit.head(connection)
            if not self._is_due(newest, head, at):
                return False
            objection = self._objection(connection, head, newest)
        if objection:
            self._tell(objection, newest, at)
            return False
        with self._database.begin() as connection:
            ledger.take_turn(connection)  # before the trail's own lock, as every change takes it
            newest = newest_anchor(connection)
            if not self._is_due(newest, audit.head(connection), at):
                return False  # another replica was first
            audit.prune(connection, older_than=at - self._kept)
            return anchor(connection, self._gate, newest, at=at) is not None

    def _is_due(self, newest: "Anchored | None", head: Head | None, at: datetime) -> bool:
        if newest is None:
            return head is not None
        said = newest.anchor
        is_same = head == Head(first=said.first, before=said.before, last=said.last, hash=said.hash)
        return at - newest.record.recorded_at >= self._every and not is_same

    def _objection(self, connection: Connection, head: Head | None, newest: "Anchored | None") -> str:
        if newest is not None and not is_ours(connection, newest.record, self._gate.trust(connection)):
            return f"the anchor of {newest.anchor.at} is not signed by this server"
        return objection_to(connection, head, newest)

    def _tell(self, objection: str, newest: "Anchored | None", at: datetime) -> None:
        _log.error("the audit trail is not what it was when it was anchored: %s", objection)
        own, kind = f"audit/{newest.record.digest if newest else ''}", EventKind.AUDIT_BROKEN  # told once
        with self._database.begin() as connection:
            outbox.publish(connection, Event(id=own, kind=kind, subject="audit", time=at, data={"why": objection}))


class Anchored(Struct, frozen=True, kw_only=True):
    """An anchor with its place on record."""

    anchor: Anchor
    record: Recorded


def anchor(connection: Connection, gate: Gate, newest: Anchored | None, *, at: datetime) -> Recorded | None:
    """Puts on record where the trail is now, in the caller's transaction; None when there is none.

    Args:
        connection: an open write transaction, which has its turn in the ledger.
        gate: signs and records.
        newest: the anchor before.
        at: the moment recorded.
    """
    head = audit.head(connection)
    if head is None:
        return None
    said = Anchor(
        first=head.first,
        before=head.before,
        last=head.last,
        hash=head.hash,
        at=rfc3339(at),
        previous=newest.record.digest if newest else "",
    )
    statement = Statement(subjects=(TRAIL,), predicate_type=AUDIT_HEAD, predicate=to_builtins(said))
    return gate.add(connection, statement, at=at)


def newest_anchor(connection: Connection) -> Anchored | None:
    """The last anchor on record, not verified; None when there is none.

    Raises:
        InvalidInputError: what stands there is none.
    """
    found = newest_of(connection, TRAIL.digest, AUDIT_HEAD)
    return anchored(found) if found else None


def anchored(record: Recorded) -> Anchored:
    """Reads an anchor, not verified.

    Raises:
        InvalidInputError: it is none.
    """
    where = f"anchor {record.digest}"
    predicate: Mapping[str, Any] = parse_statement(parse_envelope(record.envelope, where=where).payload).predicate
    return Anchored(anchor=from_builtins(predicate, Anchor, what=where), record=record)


def is_ours(connection: Connection, record: Recorded, trust: Trust) -> bool:
    """Whether a key of this server signed an anchor, and did when it counted."""
    try:
        verified = verify_recorded(connection, record, trust)
    except TidegateError:
        return False
    ours = {key for key, standing in trust.standings.items() if standing.origin is Origin.OWN}
    return verified.statement.predicate_type == AUDIT_HEAD and bool(ours & set(verified.signers))


def objection_to(connection: Connection, head: Head | None, newest: Anchored | None) -> str:
    """Why the trail cannot be what the last anchor saw; "" when it can. The cost is that of one look."""
    if newest is None:
        return ""
    said = newest.anchor
    if head is None or head.last < said.last:
        left = f"there are {head.last}" if head else "there is none"
        return f"entries up to {said.last} were anchored at {said.at}, and {left}: its end was cut off"
    if (head.first, head.before) != (said.first, said.before):
        return f"it began with entry {said.first} at {said.at}, and begins with {head.first}: its beginning was cut off"
    if said.last >= said.first and audit.hash_of(connection, said.last) != said.hash:
        return f"entry {said.last} is not the one that was anchored at {said.at}: it was rewritten"
    return ""


def is_anchor_line(line: bytes) -> bool:
    """Whether a line of the ledger is of an anchor."""
    return AUDIT_HEAD.encode() in line

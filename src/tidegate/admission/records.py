# SPDX-License-Identifier: Apache-2.0
"""Statements on record: signed, in the ledger, found again by subject.

All in the caller's transaction, so that a change of state and the evidence for it become true together.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, RowMapping, bindparam, insert, select

from tidegate import ledger
from tidegate.artifact import Digest
from tidegate.clock import parse_rfc3339, rfc3339
from tidegate.errors import InvalidInputError, RefusedError
from tidegate.evidence import VSA, Boundary, Evidence, PredicateType, Statement
from tidegate.evidence.predicates.kinds import counts_with_others, kind_of, kinds_of_type, may_come_from_others
from tidegate.signing.envelope import Verified, sign, verify
from tidegate.signing.keys import SigningKey, TrustedKeys
from tidegate.storage import schema
from tidegate.values import Struct, replace
from tidegate.wire import from_json, to_json

_SAME_CLAIM_WITHIN: Final = timedelta(hours=1)
# Built once: making a statement of SQL costs more than running it.
_NEW: Final = insert(schema.statement)
_NEWEST: Final = (
    select(schema.statement)
    .where(schema.statement.c.subject == bindparam("about"), schema.statement.c.predicate_type == bindparam("kind"))
    .order_by(schema.statement.c.ledger_index.desc())
    .limit(1)
)


class Recorded(Struct, frozen=True, kw_only=True):
    """A statement on record: the digest of its envelope and its place in the ledger (counted from 0)."""

    digest: Digest
    subject: Digest
    predicate_type: PredicateType
    envelope: bytes
    recorded_at: datetime
    ledger_index: int


def record(connection: Connection, statement: Statement, signer: SigningKey, *, at: datetime) -> Recorded:
    """Signs a statement and appends it to the ledger.

    When the newest statement of that type about that subject makes the same claim and is not an hour old, it is
    returned instead: work that is done again after a kill leaves one record. Later the same claim is news, since it
    was found to hold still.

    Args:
        connection: an open write transaction.
        statement: about one subject or more; it is filed under the first.
        signer: whose key signs.
        at: the moment recorded.
    """
    asked = {"about": statement.subjects[0].digest, "kind": statement.predicate_type}
    newest = connection.execute(_NEWEST, asked).mappings().first()
    if newest is not None and newest["payload"] == Digest.of(statement.to_bytes()):
        known = _recorded(newest)
        if at - known.recorded_at < _SAME_CLAIM_WITHIN:
            return known
    return file_envelope(connection, sign(statement, signer).content, statement, at=at)


def file_envelope(connection: Connection, envelope: bytes, statement: Statement, *, at: datetime) -> Recorded:
    """Files an envelope that was signed already, by whomever.

    Raises:
        InvalidInputError: the statement names no artifact, only commits.
    """
    if not statement.subjects:
        raise InvalidInputError("names no artifact it could be filed under", where="statement")
    digest = Digest.of(envelope)
    subject = statement.subjects[0].digest
    index = ledger.append(connection, ledger_line(digest, subject, statement.predicate_type), recorded_at=at)
    row = {
        "digest": digest,
        "subject": subject,
        "predicate_type": statement.predicate_type,
        "payload": Digest.of(statement.to_bytes()),
        "envelope": envelope,
        "recorded_at": rfc3339(at),
        "ledger_index": index,
    }
    connection.execute(_NEW, row)
    return _recorded(row)


def file_others(
    connection: Connection, envelopes: Iterable[bytes], subject: Digest, trusted: TrustedKeys, *, at: datetime
) -> tuple[Recorded, ...]:
    """Puts what others say of a subject on record, where somebody trusted signed it.

    What nothing is known of is kept too, byte for byte, for people to see. Scans, bills of materials and decisions
    count only when they were made here, and are passed over.

    Args:
        connection: an open write transaction.
        envelopes: as they came, by whomever.
        subject: must be among those a statement names.
        trusted: whose signatures count.
        at: the moment recorded.
    """
    found: list[Recorded] = []
    for envelope, verified in _of_others(envelopes, subject, trusted):
        known = record_named(connection, verified.digest)
        # It is filed under this subject, wherever among its subjects the statement names it.
        named = tuple(it for it in verified.statement.subjects if it.digest == subject)
        found.append(known or file_envelope(connection, envelope, replace(verified.statement, subjects=named), at=at))
    return tuple(found)


def evidence_of_others(
    envelopes: Iterable[bytes], subject: Digest, trusted: TrustedKeys, *, at: datetime
) -> tuple[Evidence, ...]:
    """The same as evidence, with nothing put on record: for a dry run."""
    return tuple(
        Evidence(
            digest=verified.digest,
            subject=subject,
            predicate_type=verified.statement.predicate_type,
            predicate=verified.statement.predicate,
            signers=verified.signers,
            made_at=at,
        )
        for _, verified in _of_others(envelopes, subject, trusted)
    )


def _of_others(envelopes: Iterable[bytes], subject: Digest, trusted: TrustedKeys) -> Iterator[tuple[bytes, Verified]]:
    for envelope in envelopes:
        try:
            verified = verify(envelope, trusted)
        except (InvalidInputError, RefusedError):
            continue
        statement = verified.statement
        if subject in {it.digest for it in statement.subjects} and may_come_from_others(
            statement.predicate_type, statement.predicate
        ):
            yield envelope, verified


def ledger_line(envelope: Digest, subject: Digest, predicate_type: PredicateType) -> bytes:
    """What the ledger holds of a statement: the digest of its envelope, and what it is about, as canonical JSON."""
    return to_json({"envelope": envelope, "predicateType": predicate_type, "subject": subject})


def records_of(connection: Connection, subject: Digest, *, kind: PredicateType | None = None) -> tuple[Recorded, ...]:
    """Every statement filed under a subject, or those of one kind, oldest first."""
    table = schema.statement
    query = select(table).where(table.c.subject == subject).order_by(table.c.ledger_index)
    if kind is not None:
        query = query.where(table.c.predicate_type == kind)
    return tuple(_recorded(row) for row in connection.execute(query).mappings())


def record_named(connection: Connection, digest: Digest) -> Recorded | None:
    """The statement whose envelope has this digest."""
    row = connection.execute(select(schema.statement).where(schema.statement.c.digest == digest)).mappings().first()
    return _recorded(row) if row is not None else None


class Gathered(Struct, frozen=True, kw_only=True):
    """What a gate may read of a subject.

    Attributes:
        evidence: verified statements: of each kind the newest, of those of which several count all.
        newest: for each kind (`tidegate.evidence.predicates.kinds`, or a predicate type that is not known), the newest
            envelope that counts as ours, verified or not: one that was tampered with stands in the way of the older,
            kinder one.
        known: for each kind of which several count, all its envelopes, verified or not.
    """

    evidence: tuple[Evidence, ...]
    newest: Mapping[str, Digest]
    known: Mapping[str, frozenset[Digest]] = {}


def gather(
    connection: Connection, subject: Digest, trusted: TrustedKeys, *, kind: PredicateType | None = None
) -> Gathered:
    """Reads and verifies the record of a subject, or its statements of one kind.

    Of decisions only those of the curation gate are evidence: what the execution gate said before proves nothing to it.
    A stranger's statement is no evidence; it stays on record for people to see.
    """
    found: list[Evidence] = []
    spoilt: list[tuple[int, str, Digest]] = []
    for item in records_of(connection, subject, kind=kind):
        try:
            verified = verify(item.envelope, trusted)
        except (InvalidInputError, RefusedError):
            if not _is_strangers(item.envelope, trusted):
                names = kinds_of_type(item.predicate_type)
                spoilt += [(len(found), name, item.digest) for name in names]
            continue
        statement = verified.statement
        if subject not in {named.digest for named in statement.subjects} or _is_of_execution(statement):
            continue
        found.append(
            Evidence(
                digest=item.digest,
                subject=subject,
                predicate_type=statement.predicate_type,
                predicate=statement.predicate,
                signers=verified.signers,
                made_at=item.recorded_at,
            )
        )
    return gathered_of(found, spoilt)


def gathered_of(evidence: Sequence[Evidence], spoilt: Sequence[tuple[int, str, Digest]] = ()) -> Gathered:
    """What counts of statements, oldest first.

    Args:
        evidence: verified.
        spoilt: envelopes that cannot be verified any more: how many verified ones are older, the kind, the digest.
    """
    alone: dict[str, Evidence] = {}
    several: list[Evidence] = []
    newest: dict[str, tuple[int, Digest]] = {}
    known: dict[str, set[Digest]] = {}
    for place, item in enumerate(evidence):
        name = kind_of(item.predicate_type, item.predicate)
        if counts_with_others(name):
            several.append(item)
            known.setdefault(name, set()).add(item.digest)
        else:
            alone[name] = item
            newest[name] = (place, item.digest)
    for place, name, digest in spoilt:
        if counts_with_others(name):
            known.setdefault(name, set()).add(digest)
        elif name not in newest or newest[name][0] < place:
            newest[name] = (place, digest)
    return Gathered(
        evidence=tuple(sorted((*alone.values(), *several), key=lambda it: it.predicate_type)),
        newest={name: digest for name, (_, digest) in newest.items()},
        known={name: frozenset(digests) for name, digests in known.items()},
    )


def _is_strangers(envelope: bytes, trusted: TrustedKeys) -> bool:
    """True for an envelope that is whole and names only keys we do not trust."""
    try:
        signatures = from_json(envelope, dict[str, Any], what="envelope", max_bytes=len(envelope)).get("signatures")
    except InvalidInputError:
        return False
    names = [item.get("keyid") for item in signatures if isinstance(item, dict)] if isinstance(signatures, list) else []
    return bool(names) and all(isinstance(name, str) and name and name not in trusted.ids for name in names)


def _is_of_execution(statement: Statement) -> bool:
    """True for a decision of the execution gate; one that names no boundary is somebody else's, and stays."""
    return statement.predicate_type == VSA and statement.predicate.get("tidegate.dev/boundary") == Boundary.EXECUTION


def _recorded(row: Mapping[str, Any] | RowMapping) -> Recorded:
    return Recorded(
        digest=Digest(row["digest"]),
        subject=Digest(row["subject"]),
        predicate_type=PredicateType(row["predicate_type"]),
        envelope=bytes(row["envelope"]),
        recorded_at=parse_rfc3339(row["recorded_at"]),
        ledger_index=int(row["ledger_index"]),
    )

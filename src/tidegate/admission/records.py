# SPDX-License-Identifier: Apache-2.0
"""Statements on record: signed, in the ledger, found again by subject.

All in the caller's transaction, so that a change of state and the evidence for it become true together.
"""

import dataclasses
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, RowMapping, bindparam, insert, select

from tidegate import ledger
from tidegate.admission.gathered import Gathered, gathered_of
from tidegate.admission.ledger_line import ledger_line
from tidegate.artifact import Digest
from tidegate.clock import parse_rfc3339, rfc3339
from tidegate.errors import InvalidInputError, NotFoundError, RefusedError
from tidegate.evidence import VSA, Boundary, Evidence, PredicateType, Statement
from tidegate.evidence.predicates.kinds import counts_with_others, kind_of, kinds_of_type, may_come_from_others
from tidegate.signing.bounds import MAX_SIGNATURES
from tidegate.signing.envelope import Verified, parse_envelope, sign, verify
from tidegate.signing.enveloped import envelope_in
from tidegate.signing.keys import KeyId, SigningKey
from tidegate.storage import schema
from tidegate.storage.trust_schema import statement_signer
from tidegate.trust.standing import Trust, VoidSignatureError
from tidegate.values import Struct, replace
from tidegate.wire import demand_unique_keys, from_json

_SAME_CLAIM_WITHIN: Final = timedelta(hours=1)
_MAX_KEY_ID_CHARS: Final = 64
# Built once: making a statement of SQL costs more than running it.
_NEW: Final = insert(schema.statement)
_NEW_SIGNERS: Final = insert(statement_signer)
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

    When the newest statement of that type about that subject makes the same claim, by the same key, and is not an hour
    old, it is returned instead: work that is done again after a kill leaves one record. Later the same claim is news,
    since it was found to hold still; and so it is by another key, since the first one may be trusted no more.

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
        if at - known.recorded_at < _SAME_CLAIM_WITHIN and _is_signed_by(connection, known, signer.key_id):
            return known
    envelope = sign(statement, signer).content
    return file_envelope(connection, envelope, statement, at=at, signers=(signer.key_id,))


def file_envelope(
    connection: Connection, envelope: bytes, statement: Statement, *, at: datetime, signers: Iterable[str] = ()
) -> Recorded:
    """Files an envelope that was signed already, by whomever.

    Args:
        connection: an open write transaction.
        envelope: as it came.
        statement: what it carries.
        at: the moment recorded.
        signers: keys whose signatures hold, or those it names when nobody looked: it is found again by them when one of
            them is revoked.

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
    named = [
        {"key_id": name, "ledger_index": index, "subject": subject}
        for name in sorted(set(signers) or _named_in(envelope))
    ]
    if named:
        connection.execute(_NEW_SIGNERS, named)
    return _recorded(row)


def _is_signed_by(connection: Connection, item: Recorded, key_id: str) -> bool:
    table = statement_signer
    here = (table.c.key_id == key_id) & (table.c.ledger_index == item.ledger_index)
    return connection.scalar(select(table.c.key_id).where(here)) is not None


class OutOfRoleError(RefusedError):
    """Those who signed it are trusted, and not for this kind of statement."""


def verify_recorded(connection: Connection, item: Recorded, trust: Trust) -> Verified:
    """Verifies a statement by what its signers count for at its place in the ledger.

    Where the place matters (a key that is revoked, or valid for a time) the ledger must hold the statement there:
    a row that claims another place is believed by nobody.

    Raises:
        InvalidInputError: malformed.
        VoidSignatureError: its signers are revoked by its place, or were not valid.
        OutOfRoleError: they are not trusted for this kind.
        RefusedError: no trusted key signed it, or a signature does not hold.
    """
    verified = verify(item.envelope, trust.every_key(), where=item.digest)
    kind = verified.statement.predicate_type
    good: list[KeyId] = []
    said: list[tuple[bool, str]] = []
    for signer in verified.signers:
        standing = trust.standings[signer]
        objection = standing.objection(kind, index=item.ledger_index, at=item.recorded_at)
        if not objection and standing.depends_on_place and not _is_in_its_place(connection, item, kind):
            objection = f"it is not ledger entry {item.ledger_index}, as it claims"
        if objection:
            said.append((standing.is_of_role(kind), objection))
        else:
            good.append(signer)
    if not good:
        error = VoidSignatureError if any(void for void, _ in said) else OutOfRoleError
        raise error(
            "; ".join(text for _, text in said), where=item.digest, remedy="have it made again by a trusted key"
        )
    return dataclasses.replace(verified, signers=tuple(good))


def _is_in_its_place(connection: Connection, item: Recorded, kind: PredicateType) -> bool:
    try:
        entry = ledger.entry_at(connection, item.ledger_index)
    except NotFoundError:
        return False
    return entry == ledger_line(Digest.of(item.envelope), item.subject, kind)


def file_others(
    connection: Connection, envelopes: Iterable[bytes], subject: Digest, trust: Trust, *, at: datetime
) -> tuple[Recorded, ...]:
    """Puts what others say of a subject on record, where somebody trusted signed it.

    What nothing is known of is kept too, byte for byte, for people to see. Scans, bills of materials and decisions
    count only when they were made here, and are passed over.

    Args:
        connection: an open write transaction.
        envelopes: as they came, by whomever, in Sigstore bundles or without; kept without.
        subject: must be among those a statement names.
        trust: whose signatures count, and for what.
        at: the moment recorded.
    """
    found: list[Recorded] = []
    for envelope, verified in _of_others(envelopes, subject, trust, at):
        known = record_named(connection, verified.digest)
        # It is filed under this subject, wherever among its subjects the statement names it.
        named = tuple(it for it in verified.statement.subjects if it.digest == subject)
        statement = replace(verified.statement, subjects=named)
        found.append(known or file_envelope(connection, envelope, statement, at=at, signers=verified.signers))
    return tuple(found)


def evidence_of_others(
    envelopes: Iterable[bytes], subject: Digest, trust: Trust, *, at: datetime
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
        for _, verified in _of_others(envelopes, subject, trust, at)
    )


def _of_others(
    envelopes: Iterable[bytes], subject: Digest, trust: Trust, at: datetime
) -> Iterator[tuple[bytes, Verified]]:
    trusted = trust.every_key()
    for content in envelopes:
        try:
            envelope = envelope_in(content)
            verified = verify(envelope, trusted)
            # What is on record must be one thing to every reader: `ledger verify` says so of each statement.
            demand_unique_keys(parse_envelope(envelope).payload, what="statement")
        except (InvalidInputError, RefusedError):
            continue
        statement = verified.statement
        good = tuple(
            signer
            for signer in verified.signers
            if not trust.standings[signer].objection(statement.predicate_type, index=None, at=at)
        )
        if (
            good
            and subject in {it.digest for it in statement.subjects}
            and may_come_from_others(statement.predicate_type, statement.predicate)
        ):
            yield envelope, dataclasses.replace(verified, signers=good)


def records_of(connection: Connection, subject: Digest, *, kind: PredicateType | None = None) -> tuple[Recorded, ...]:
    """Every statement filed under a subject, or those of one kind, oldest first."""
    table = schema.statement
    query = select(table).where(table.c.subject == subject).order_by(table.c.ledger_index)
    if kind is not None:
        query = query.where(table.c.predicate_type == kind)
    return tuple(_recorded(row) for row in connection.execute(query).mappings())


def newest_of(connection: Connection, subject: Digest, kind: PredicateType) -> Recorded | None:
    """The newest statement of a kind filed under a subject; None when there is none."""
    row = connection.execute(_NEWEST, {"about": subject, "kind": kind}).mappings().first()
    return _recorded(row) if row is not None else None


def record_named(connection: Connection, digest: Digest) -> Recorded | None:
    """The statement whose envelope has this digest."""
    row = connection.execute(select(schema.statement).where(schema.statement.c.digest == digest)).mappings().first()
    return _recorded(row) if row is not None else None


def gather(connection: Connection, subject: Digest, trust: Trust, *, kind: PredicateType | None = None) -> Gathered:
    """Reads and verifies the record of a subject, or its statements of one kind.

    Of decisions only those of the curation gate are evidence: what the execution gate said before proves nothing to it.
    One that rests on a statement that is void by now is void with it. A stranger's statement is no evidence; it stays
    on record for people to see.
    """
    found: list[Evidence] = []
    spoilt: list[tuple[int, str, Digest]] = []
    void: set[Digest] = set()
    for item in records_of(connection, subject, kind=kind):
        try:
            verified = verify_recorded(connection, item, trust)
        except OutOfRoleError:
            continue  # it never counted
        except VoidSignatureError:
            void.add(item.digest)
            spoilt += [(len(found), name, item.digest) for name in _kinds_alone(item.predicate_type)]
            continue
        except (InvalidInputError, RefusedError):
            if not _is_strangers(item.envelope, trust.ids):
                names = kinds_of_type(item.predicate_type)
                spoilt += [(len(found), name, item.digest) for name in names]
            continue
        statement = verified.statement
        if subject not in {named.digest for named in statement.subjects} or _is_of_execution(statement):
            continue
        if rests_on(statement.predicate, void):
            name = kind_of(statement.predicate_type, statement.predicate)
            spoilt.append((len(found), name, item.digest))
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
    return replace(gathered_of(found, spoilt), trusted=trust.ids, void=frozenset(void))


def _kinds_alone(predicate_type: PredicateType) -> list[str]:
    """Kinds of which the newest alone counts: there a void one stands in the way. Of several, it is one less."""
    return [name for name in kinds_of_type(predicate_type) if not counts_with_others(name)]


def rests_on(predicate: Mapping[str, Any], envelopes: Collection[Digest]) -> bool:
    """Whether a decision read any of these envelopes."""
    return bool(envelopes) and not inputs_in(predicate).isdisjoint(envelopes)


def inputs_in(predicate: Mapping[str, Any]) -> set[str]:
    """The envelopes a decision says it read (`inputAttestations` of a verification summary)."""
    inputs = predicate.get("inputAttestations")
    named = [item.get("digest") for item in inputs if isinstance(item, dict)] if isinstance(inputs, list) else []
    return {f"{name}:{value}" for digests in named if isinstance(digests, dict) for name, value in digests.items()}


def _is_strangers(envelope: bytes, trusted: frozenset[str]) -> bool:
    """True for an envelope that is whole and names only keys we do not trust."""
    names = _named_in(envelope)
    return bool(names) and all(name and name not in trusted for name in names)


def _named_in(envelope: bytes) -> set[str]:
    """The key ids an envelope names; "" for a signature that names none, nothing at all for what is no envelope."""
    try:
        signatures = from_json(envelope, dict[str, Any], what="envelope", max_bytes=len(envelope)).get("signatures")
    except InvalidInputError:
        return set()
    items = [item for item in signatures if isinstance(item, dict)] if isinstance(signatures, list) else []
    return {str(item.get("keyid") or "")[:_MAX_KEY_ID_CHARS] for item in items[:MAX_SIGNATURES]}


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

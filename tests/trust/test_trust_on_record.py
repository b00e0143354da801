# SPDX-License-Identifier: Apache-2.0
"""Revocation, rotation and roles at the gate's own reading of the record, with real keys and a real ledger."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, delete, select, update

from migrated import migrated
from tidegate import ledger
from tidegate.admission.gate import Gate
from tidegate.admission.key_revocation import Revocation, revoke
from tidegate.admission.key_row import NewKey
from tidegate.admission.records import (
    OutOfRoleError,
    file_envelope,
    file_others,
    records_of,
    verify_recorded,
)
from tidegate.admission.trust_changes import confirm, propose, refuse, rotate, rotate_own
from tidegate.artifact import Digest
from tidegate.errors import InvalidInputError, NotFoundError, RefusedError, UsageError
from tidegate.evidence import PROVENANCE, SCAN, VSA, Boundary, Decision, PredicateType, Statement, Subject, Verdict
from tidegate.identity.duties import Actor, SameHandError
from tidegate.policy.vsa import to_vsa
from tidegate.signing.envelope import sign
from tidegate.signing.keys import SigningKey, TrustedKeys
from tidegate.storage import schema
from tidegate.storage.database import Database
from tidegate.storage.encryption_schema import encrypted_copy
from tidegate.storage.lock_order import begin_order
from tidegate.storage.trust_schema import trusted_key
from tidegate.trust.key_record import find_key, list_keys
from tidegate.trust.resting_on import affected
from tidegate.trust.role import TRUST_CHANGE, Role
from tidegate.trust.standing import VoidSignatureError
from tidegate.values import replace

AT = datetime(2026, 6, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
IMAGE = Digest.of(b"image")
ANNA = Actor(name="anna", identity="user:anna")
BOB = Actor(name="bob", identity="user:bob")
ROOT = Actor(name="root", identity="administrator:", may_break=True)


@dataclass
class Stand:
    connection: Connection
    gate: Gate
    own: SigningKey
    builder: SigningKey

    def follow(self, key: SigningKey) -> "Stand":
        """The same record, at which another key signs."""
        gate = Gate(policies=(), signer=key, trusted=self.gate.trusted, verifier_id="https://x.example")
        return Stand(self.connection, gate, key, self.builder)

    def file(self, statement: Statement, key: SigningKey, at: datetime = AT) -> Digest:
        return file_envelope(self.connection, sign(statement, key).content, statement, at=at).digest

    def counts(self, digest: Digest) -> bool:
        found = self.gate.evidence_of(self.connection, IMAGE)
        newest = set(found.newest.values())  # the policy takes no other, whatever lies beneath it
        return digest in {item.digest for item in found.evidence} & newest


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[Stand]:
    url = f"sqlite:///{tmp_path / 'state.db'}"
    migrated(url)
    database = Database(url)
    own, builder = SigningKey.generate(), SigningKey.generate()
    trusted = TrustedKeys.of([own.verifying, builder.verifying])
    gate = Gate(policies=(), signer=own, trusted=trusted, verifier_id="https://x.example")
    with database.begin() as connection:
        begin_order(connection, writes=False)  # a test is many transactions in one, each in order
        yield Stand(connection, gate, own, builder)
    database.close()


def said(kind: PredicateType, number: int = 0) -> Statement:
    return Statement(subjects=(Subject(name="image", digest=IMAGE),), predicate_type=kind, predicate={"number": number})


def test_what_was_on_record_before_a_revocation_stays_good(stand: Stand) -> None:
    before = stand.file(said(PROVENANCE, 1), stand.builder)
    done = revoke(stand.connection, stand.gate, stand.builder.key_id, Revocation(why="gone"), by=ANNA, at=AT + HOUR)
    assert stand.counts(before)
    assert (done.void, done.key.state, done.key.revoked_by) == ((), "revoked", "anna")
    after = stand.file(said(PROVENANCE, 2), stand.builder, AT)  # it may claim what it likes
    found = stand.gate.evidence_of(stand.connection, IMAGE)
    assert not stand.counts(after)
    assert found.newest["provenance"] == after, "and the one of before does not stand in for it"
    envelope = sign(said(PROVENANCE, 3), stand.builder).content
    assert file_others(stand.connection, [envelope], IMAGE, stand.gate.trust(stand.connection), at=AT + HOUR) == ()


def test_compromised_since_voids_what_came_on_record_since(stand: Stand) -> None:
    good = stand.file(said(PROVENANCE, 1), stand.builder, AT)
    bad = stand.file(said(PROVENANCE, 2), stand.builder, AT + 2 * HOUR)
    assert stand.counts(bad)
    stolen = Revocation(why="the laptop was stolen", since=AT + HOUR)
    done = revoke(stand.connection, stand.gate, stand.builder.key_id, stolen, by=ANNA, at=AT + 5 * HOUR)
    assert done.void == (), "it lies on no shelf here"
    assert affected(stand.connection, stand.builder.key_id, done.from_entry) == [IMAGE]
    assert done.from_entry == records_of(stand.connection, IMAGE)[1].ledger_index
    assert not stand.counts(bad)
    assert not stand.counts(good), "the newest is void, and nothing older comes back in its place"
    fresh = stand.file(said(PROVENANCE, 3), stand.own, AT + 6 * HOUR)
    assert stand.counts(fresh)


def test_a_replayed_statement_with_a_forged_place_is_void(stand: Stand) -> None:
    stand.file(said(SCAN, 0), stand.own)
    revoke(stand.connection, stand.gate, stand.builder.key_id, Revocation(why="stolen"), by=ANNA, at=AT)
    replayed = stand.file(said(PROVENANCE, 2), stand.builder)
    table = schema.statement
    stand.connection.execute(delete(table).where(table.c.ledger_index == 0))
    stand.connection.execute(
        update(table).where(table.c.digest == replayed).values(ledger_index=0, recorded_at="2020-01-01T00:00:00Z")
    )
    (item,) = (one for one in records_of(stand.connection, IMAGE) if one.digest == replayed)
    with pytest.raises(VoidSignatureError, match="not ledger entry 0"):
        verify_recorded(stand.connection, item, stand.gate.trust(stand.connection))


def test_a_key_outside_its_role_is_refused(stand: Stand) -> None:
    tester = SigningKey.generate()
    new = NewKey(key=tester.verifying, name="qa", roles=frozenset({Role.TEST}))
    assert propose(stand.connection, stand.gate, new, by=ANNA, why="tests", at=AT).state == "trusted"
    kinds = (VSA, SCAN, PROVENANCE, TRUST_CHANGE)
    for kind in kinds:
        assert not stand.counts(stand.file(said(kind), tester)), kind
    for item in records_of(stand.connection, IMAGE):
        with pytest.raises(OutOfRoleError):
            verify_recorded(stand.connection, item, stand.gate.trust(stand.connection))
    assert stand.gate.evidence_of(stand.connection, IMAGE).newest == {}, "it stands in nobody's way either"


def test_a_key_that_could_open_the_gate_needs_two(stand: Stand) -> None:
    key = SigningKey.generate().verifying
    new = NewKey(key=key, name="gate-2", roles=frozenset({Role.DECISION}))
    made = propose(stand.connection, stand.gate, new, by=ANNA, why="another gate", at=AT)
    assert (made.state, key.key_id in stand.gate.trust(stand.connection).ids) == ("proposed", False)
    with pytest.raises(SameHandError):
        confirm(stand.connection, stand.gate, "gate-2", by=ANNA, at=AT)
    with pytest.raises(SameHandError):  # a reason alone makes nobody an administrator
        confirm(stand.connection, stand.gate, "gate-2", by=ANNA, alone="in a hurry", at=AT)
    assert confirm(stand.connection, stand.gate, "gate-2", by=BOB, at=AT).confirmed_by == "bob"
    assert key.key_id in stand.gate.trust(stand.connection).ids
    with pytest.raises(RefusedError, match="not waiting"):
        confirm(stand.connection, stand.gate, "gate-2", by=BOB, at=AT)


def test_break_glass_is_for_administrators_and_on_record(stand: Stand) -> None:
    key = SigningKey.generate().verifying
    new = NewKey(key=key, name="night", roles=frozenset({Role.DECISION}))
    with pytest.raises(SameHandError):
        propose(stand.connection, stand.gate, new, by=ANNA, why="x", alone="all are asleep", at=AT)
    made = propose(stand.connection, stand.gate, new, by=ROOT, why="x", alone="all are asleep", at=AT)
    assert made.state == "trusted"
    subject = Digest(f"sha256:{key.key_id}")
    (item,) = records_of(stand.connection, subject)
    verified = verify_recorded(stand.connection, item, stand.gate.trust(stand.connection))
    assert verified.statement.predicate["alone"] == "all are asleep"
    assert b"alone" in bytes(stand.connection.scalar(select(schema.outbox.c.data)) or b"")


def test_the_own_key_rotates_with_an_overlap(stand: Stand) -> None:
    old = stand.gate.add(stand.connection, said(SCAN, 1), at=AT).digest
    following = SigningKey.generate()
    rotate_own(
        stand.connection,
        stand.gate,
        following.verifying,
        by=ANNA,
        why="every year",
        overlap=HOUR,
        made_here=True,
        at=AT,
    )
    late = stand.gate.add(stand.connection, said(SCAN, 2), at=AT + HOUR / 2).digest  # a replica that has not followed
    assert stand.counts(late)
    with pytest.raises(RefusedError, match="no longer valid"):
        stand.gate.add(stand.connection, said(SCAN, 3), at=AT + HOUR)
    then = stand.follow(following)
    new = then.gate.add(stand.connection, said(SCAN, 4), at=AT + 2 * HOUR).digest
    assert then.counts(new)
    trust = then.gate.trust(stand.connection)
    items = {item.digest: item for item in records_of(stand.connection, IMAGE)}
    assert verify_recorded(stand.connection, items[old], trust).signers == (stand.own.key_id,)
    introduced = records_of(stand.connection, Digest(f"sha256:{following.key_id}"))
    assert verify_recorded(stand.connection, introduced[0], trust).signers == (stand.own.key_id,)


def test_the_key_in_use_is_not_revoked_and_a_revoked_one_signs_nothing(stand: Stand) -> None:
    with pytest.raises(RefusedError, match="signs with it"):
        revoke(stand.connection, stand.gate, stand.own.key_id, Revocation(why="x"), by=ANNA, at=AT)
    following = SigningKey.generate()
    rotate_own(
        stand.connection, stand.gate, following.verifying, by=ANNA, why="stolen", overlap=HOUR, made_here=True, at=AT
    )
    then = stand.follow(following)
    revoke(then.connection, then.gate, stand.own.key_id, Revocation(why="stolen"), by=ANNA, at=AT)
    with pytest.raises(RefusedError, match="trusted no more"):
        stand.gate.add(stand.connection, said(SCAN, 3), at=AT)
    with pytest.raises(RefusedError, match="already"):
        revoke(then.connection, then.gate, stand.own.key_id, Revocation(why="x"), by=ANNA, at=AT)


def test_a_next_key_made_elsewhere_needs_two(stand: Stand) -> None:
    theirs = SigningKey.generate()
    made = rotate_own(
        stand.connection, stand.gate, theirs.verifying, by=ANNA, why="mine", overlap=HOUR, made_here=False, at=AT
    )
    assert made.state == "proposed"
    with pytest.raises(SameHandError):
        confirm(stand.connection, stand.gate, theirs.key_id, by=ANNA, at=AT)
    with pytest.raises(RefusedError, match="not known"):
        stand.follow(theirs).gate.add(stand.connection, said(SCAN, 3), at=AT)


def test_others_rotate_and_both_count_for_a_while(stand: Stand) -> None:
    new = SigningKey.generate()
    first = SigningKey.generate()
    ci = NewKey(key=first.verifying, name="ci", roles=frozenset({Role.PROVENANCE}))
    propose(stand.connection, stand.gate, ci, by=ANNA, why="builder", at=AT)
    made = rotate(stand.connection, stand.gate, "ci", new.verifying, by=ANNA, why="year", overlap=HOUR, at=AT)
    assert (made.name, made.roles, made.state) == ("ci", ("provenance",), "trusted")
    assert stand.counts(stand.file(said(PROVENANCE, 1), first, AT + HOUR / 2))
    assert stand.counts(stand.file(said(PROVENANCE, 2), new, AT + HOUR / 2))
    assert not stand.counts(stand.file(said(PROVENANCE, 3), first, AT + HOUR))
    with pytest.raises(NotFoundError, match="several"):
        find_key(stand.connection, stand.gate.trust(stand.connection), "ci")
    with pytest.raises(UsageError):
        rotate(stand.connection, stand.gate, stand.own.key_id, new.verifying, by=ANNA, why="x", overlap=HOUR, at=AT)


def test_every_change_has_a_ledger_entry_that_proves(stand: Stand) -> None:
    key = SigningKey.generate().verifying
    propose(
        stand.connection, stand.gate, NewKey(key=key, name="a", roles=frozenset({Role.TEST})), by=ANNA, why="x", at=AT
    )
    revoke(stand.connection, stand.gate, "a", Revocation(why="y"), by=BOB, at=AT)
    other = SigningKey.generate().verifying
    propose(
        stand.connection,
        stand.gate,
        NewKey(key=other, name="b", roles=frozenset({Role.TRUST})),
        by=ANNA,
        why="x",
        at=AT,
    )
    refuse(stand.connection, stand.gate, "b", by=BOB, why="nobody knows it", at=AT)
    acts = []
    for key_id in (key.key_id, other.key_id):
        for item in records_of(stand.connection, Digest(f"sha256:{key_id}")):
            verified = verify_recorded(stand.connection, item, stand.gate.trust(stand.connection))
            acts.append(verified.statement.predicate["act"])
    assert acts == ["trusted", "revoked", "proposed", "refused"]
    assert ledger.size(stand.connection) == 4
    assert {one.name: one.state for one in list_keys(stand.connection, stand.gate.trust(stand.connection)) if one.name}[
        "b"
    ] == "refused"


@pytest.mark.parametrize(
    "revocation",
    [Revocation(why=""), Revocation(why="x", since=AT + 9 * HOUR), Revocation(why="x", since_entry=99)],
)
def test_half_a_revocation_is_refused(stand: Stand, revocation: Revocation) -> None:
    with pytest.raises(InvalidInputError):
        revoke(stand.connection, stand.gate, stand.builder.key_id, revocation, by=ANNA, at=AT)
    assert stand.connection.execute(select(trusted_key)).first() is None


def test_what_rests_on_a_key_is_found_through_copies_and_indexes(stand: Stand) -> None:
    stand.connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
    stand.file(said(SCAN), stand.builder)
    top, index, copy = (Digest.of(name) for name in (b"top", b"index", b"copy"))
    stand.connection.exec_driver_sql("PRAGMA defer_foreign_keys=ON")
    for parent, child in ((index, IMAGE), (top, index), (IMAGE, top)):  # a circle ends too
        for digest in (parent,):
            stand.connection.execute(
                schema.manifest.insert()
                .prefix_with("OR IGNORE")
                .values(digest=digest, media_type="x", kind="index", document=b"", stored_at="")
            )
        stand.connection.execute(schema.manifest_child.insert().values(parent=parent, child=child))
    stand.connection.execute(
        encrypted_copy.insert().values(encrypted=copy, plain=IMAGE, consumers="[]", made_at="", made_by="")
    )
    assert set(affected(stand.connection, stand.builder.key_id, 0)) == {IMAGE, index, top, copy}
    assert affected(stand.connection, stand.builder.key_id, 1) == []
    assert affected(stand.connection, stand.own.key_id, 0) == []


def test_a_decision_by_a_revoked_key_is_no_decision(stand: Stand) -> None:
    decision = Decision(
        boundary=Boundary.CURATION,
        subject=IMAGE,
        verdict=Verdict.ALLOW,
        reasons=(),
        rules=("all",),
        policies=(),
        inputs=(),
        decided_at=AT,
        expires_at=AT + 24 * HOUR,
    )
    statement = to_vsa(decision, verifier_id="https://x.example", resource_uri="x")
    stolen = SigningKey.generate()
    new = NewKey(key=stolen.verifying, name="gate-2", roles=frozenset({Role.DECISION}))
    propose(stand.connection, stand.gate, new, by=ROOT, why="x", alone="test", at=AT)
    before = stand.file(statement, stolen)
    assert stand.gate.decision_named(stand.connection, before) == decision
    revoke(stand.connection, stand.gate, "gate-2", Revocation(why="stolen"), by=ANNA, at=AT)
    assert stand.gate.decision_named(stand.connection, before) == decision
    later = replace(decision, expires_at=AT + 48 * HOUR)
    after = stand.file(to_vsa(later, verifier_id="https://x.example", resource_uri="x"), stolen)
    with pytest.raises(VoidSignatureError):
        stand.gate.decision_named(stand.connection, after)

# SPDX-License-Identifier: Apache-2.0
"""A record with one image as a gate leaves it: examined, decided, its key rotated, one builder revoked."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection

from tidegate.admission.gate import Gate
from tidegate.admission.key_revocation import Revocation, revoke
from tidegate.admission.key_row import NewKey
from tidegate.admission.records import file_envelope
from tidegate.admission.trust_changes import propose, rotate_own
from tidegate.artifact import Digest
from tidegate.evidence import (
    PROVENANCE,
    SCAN,
    Boundary,
    Decision,
    PolicyRef,
    PredicateType,
    Statement,
    Subject,
    Verdict,
)
from tidegate.identity.duties import Actor
from tidegate.ledger import NoteSigner
from tidegate.signing.envelope import sign
from tidegate.signing.keys import SigningKey, TrustedKeys
from tidegate.storage.database import Database
from tidegate.storage.lock_order import begin_order
from tidegate.trust.role import Role

AT = datetime(2026, 6, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
IMAGE = Digest.of(b"image")
ANNA = Actor(name="anna", identity="user:anna")
NOTES = NoteSigner.from_seed("x.example/log", b"7" * 32)


@dataclass
class Stand:
    connection: Connection
    gate: Gate
    notes: NoteSigner
    old: SigningKey
    new: SigningKey
    builder: SigningKey


def statement(kind: PredicateType, number: int, subject: Digest = IMAGE) -> Statement:
    named = Subject(name="team/app", digest=subject)
    return Statement(subjects=(named,), predicate_type=kind, predicate={"findings": [], "number": number})


def provenance(subject: Digest = IMAGE) -> Statement:
    source = {"uri": "git+https://example.com/team/app@refs/heads/main", "digest": {"gitCommit": "c" * 40}}
    build = {"buildType": "https://example.com/build", "externalParameters": {}, "resolvedDependencies": [source]}
    predicate = {"buildDefinition": build, "runDetails": {"builder": {"id": "https://example.com/builder"}}}
    return Statement(
        subjects=(Subject(name="team/app", digest=subject),), predicate_type=PROVENANCE, predicate=predicate
    )


def decision(*inputs: Digest, subject: Digest = IMAGE, at: datetime = AT) -> Decision:
    return Decision(
        boundary=Boundary.CURATION,
        subject=subject,
        verdict=Verdict.ALLOW,
        reasons=(),
        rules=("all",),
        policies=(PolicyRef(name="default", digest=Digest.of(b"policy")),),
        inputs=tuple(sorted(inputs)),
        decided_at=at,
        expires_at=at + 24 * HOUR,
    )


@contextmanager
def open_record(folder: Path, empty: Path) -> Iterator[tuple[Connection, Gate]]:
    """A record with nothing on it, and the gate that writes it, in one transaction."""
    database = Database(f"sqlite:///{shutil.copy(empty, folder / 'state.db')}")
    key = SigningKey.generate()
    gate = Gate(policies=(), signer=key, trusted=TrustedKeys.of([key.verifying]), verifier_id="https://x.example")
    with database.begin() as connection:
        begin_order(connection, writes=False)  # a test is many transactions in one, each in order
        yield connection, gate
    database.close()


@contextmanager
def open_stand(folder: Path, empty: Path) -> Iterator[Stand]:
    """Seven statements: a key added, a provenance, a scan, a decision, a rotation, a scan, a decision."""
    new, builder = SigningKey.generate(), SigningKey.generate()
    with open_record(folder, empty) as (connection, first):
        added = NewKey(key=builder.verifying, name="ci", roles=frozenset({Role.PROVENANCE}))
        propose(connection, first, added, by=ANNA, why="the builder", at=AT)
        built = file_envelope(
            connection, sign(provenance(), builder).content, provenance(), at=AT, signers=(builder.key_id,)
        )
        seen = first.add(connection, statement(SCAN, 1), at=AT)
        first.conclude(connection, decision(built.digest, seen.digest), resource_uri="team/app", at=AT)
        rotate_own(
            connection, first, new.verifying, by=ANNA, why="every year", overlap=HOUR, made_here=True, at=AT + HOUR
        )
        second = Gate(policies=(), signer=new, trusted=first.trusted, verifier_id="https://x.example")
        again = second.add(connection, statement(SCAN, 2), at=AT + 3 * HOUR)
        second.conclude(
            connection,
            decision(built.digest, again.digest, at=AT + 3 * HOUR),
            resource_uri="team/app",
            at=AT + 3 * HOUR,
        )
        yield Stand(connection, second, NOTES, first.signer, new, builder)


def revoke_builder(stand: Stand, **since: int) -> None:
    """From now on, or from an entry."""
    revocation = Revocation(why="broken into", since_entry=since.get("since_entry"))
    revoke(stand.connection, stand.gate, "ci", revocation, by=ANNA, at=AT + 4 * HOUR)

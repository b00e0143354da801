# SPDX-License-Identifier: Apache-2.0
"""The gate, the act: gather evidence, decide, record. Every boundary goes through here.

The judgement itself is `tidegate.policy.decide`, which is pure; what stands here reads the record and writes it.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from tidegate.admission.encrypted import following, plain_of
from tidegate.admission.gathered import Gathered
from tidegate.admission.index import decide_index
from tidegate.admission.records import (
    Recorded,
    file_others,
    gather,
    record,
    record_named,
    verify_recorded,
)
from tidegate.artifact import Digest
from tidegate.errors import RefusedError
from tidegate.evidence import ENCRYPTION, Boundary, Decision, Statement
from tidegate.policy.context import Context
from tidegate.policy.decide import decide
from tidegate.policy.rule import Policy
from tidegate.policy.vsa import from_vsa, to_vsa
from tidegate.signing.keys import SigningKey, TrustedKeys
from tidegate.trust.book import TrustBook
from tidegate.trust.standing import Trust
from tidegate.values import Struct


class Gate(Struct, frozen=True, kw_only=True):
    """Everything a gate needs besides the subject.

    Attributes:
        policies: all of them apply; none denies everything.
        signer: signs what the gate records.
        trusted: whose statements count as evidence, as far as nothing else is on record of a key.
        verifier_id: URI that names this gate in its decisions (SLSA VSA `verifier.id`).
        admits_in_part: an index may pass at the curation boundary though some of its images do not; those are withheld.
        book: remembers what is on record of keys; None reads it anew each time.
        follow: gives the key that signs now, where it rotates; None for `signer` always.
    """

    policies: tuple[Policy, ...]
    signer: SigningKey
    trusted: TrustedKeys
    verifier_id: str
    admits_in_part: bool = False
    book: TrustBook | None = None
    follow: Callable[[Trust], SigningKey] | None = None

    def signing_key(self, trust: Trust) -> SigningKey:
        """The key that signs now."""
        return self.follow(trust) if self.follow is not None else self.signer

    def trust(self, connection: Connection) -> Trust:
        """Whose signatures count, for what and from when until when, as of the caller's transaction."""
        return (self.book or TrustBook(self.trusted, self.signer.verifying)).of(connection)

    def evidence_of(self, connection: Connection, subject: Digest) -> Gathered:
        """What may be read of a subject: verified, newest of each kind; of an encrypted copy what the plain one has."""
        trust = self.trust(connection)
        own = gather(connection, subject, trust)
        found = plain_of(own.evidence)
        return following(own, gather(connection, found[0], trust), subject) if found else own

    def plain_of(self, connection: Connection, subject: Digest) -> tuple[Digest, Digest] | None:
        """What a subject is the encryption of, and the envelope that says so; None for most."""
        return plain_of(gather(connection, subject, self.trust(connection), kind=ENCRYPTION).evidence)

    def judge(
        self, boundary: Boundary, subject: Digest, context: Context, gathered: Gathered, *, at: datetime
    ) -> Decision:
        """Decides and records nothing: what a person or a dry run asks.

        The context is completed by whom this gate trusts, and by which evidence is the newest it knows of.
        """
        trusted = self.trusted.ids | gathered.trusted
        knowing = replace(context, trusted=trusted, latest=gathered.newest, known=gathered.known)
        return decide(boundary, subject, knowing, gathered.evidence, self.policies, at)

    def judge_index(
        self, boundary: Boundary, subject: Digest, children: Sequence[tuple[str, Decision]], *, at: datetime
    ) -> Decision:
        """Decides over an index by the decisions over its images (`decide_index`).

        At execution every image counts: which one runs is the node's to choose, and it may have one that was withheld.
        """
        in_part = self.admits_in_part and boundary is Boundary.CURATION
        return decide_index(boundary, subject, children, at, in_part=in_part)

    def add(
        self, connection: Connection, statement: Statement, *, at: datetime, signer: SigningKey | None = None
    ) -> Recorded:
        """Signs a statement and puts it on record.

        Args:
            connection: an open write transaction.
            statement: what is claimed.
            at: the moment recorded.
            signer: the key to sign with; None for the one that signs now.

        Raises:
            RefusedError: the key that signs here is trusted no more.
        """
        trust = self.trust(connection)
        key = signer or self.signing_key(trust)
        standing = trust.standings.get(key.key_id)
        objection = standing.objection(statement.predicate_type, index=None, at=at) if standing else "it is not known"
        if objection:
            raise RefusedError(
                f"the key that signs here is trusted no more: {objection}",
                where=key.key_id[:12],
                remedy="rotate it (tidegate keys rotate), or put the new one where signing.key_file says",
            )
        return record(connection, statement, key, at=at)

    def add_others(
        self, connection: Connection, envelopes: Iterable[bytes], subject: Digest, *, at: datetime
    ) -> tuple[Recorded, ...]:
        """Puts what others say of a subject, and hung on it, on record, where somebody trusted signed it."""
        return file_others(connection, envelopes, subject, self.trust(connection), at=at)

    def conclude(self, connection: Connection, decision: Decision, *, resource_uri: str, at: datetime) -> Recorded:
        """Puts a decision on record as a signed verification summary.

        Args:
            connection: an open write transaction; the change of state belongs in it too.
            decision: what was decided.
            resource_uri: what the subject is called where it lies.
            at: the moment recorded.
        """
        return self.add(connection, to_vsa(decision, verifier_id=self.verifier_id, resource_uri=resource_uri), at=at)

    def decision_named(self, connection: Connection, envelope: Digest) -> Decision | None:
        """The decision carried by an envelope on record; None when there is no such envelope.

        Raises:
            RefusedError: no trusted key signed it, or one that was revoked by then.
            InvalidInputError: it carries something else.
        """
        recorded = record_named(connection, envelope)
        if recorded is None:
            return None
        return from_vsa(verify_recorded(connection, recorded, self.trust(connection)).statement)


NOTHING = Gathered(evidence=(), newest={})
"""No evidence at all, which denies."""

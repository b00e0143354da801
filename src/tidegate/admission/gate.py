# SPDX-License-Identifier: Apache-2.0
"""The gate, the act: gather evidence, decide, record. Every boundary goes through here.

The judgement itself is `tidegate.policy.decide`, which is pure; what stands here reads the record and writes it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from tidegate.admission.encrypted import following, plain_of
from tidegate.admission.index import decide_index
from tidegate.admission.records import Gathered, Recorded, file_others, gather, record, record_named
from tidegate.artifact import Digest
from tidegate.evidence import ENCRYPTION, Boundary, Decision, Statement
from tidegate.policy.context import Context
from tidegate.policy.decide import decide
from tidegate.policy.rule import Policy
from tidegate.policy.vsa import from_vsa, to_vsa
from tidegate.signing.envelope import verify
from tidegate.signing.keys import SigningKey, TrustedKeys
from tidegate.values import Struct


class Gate(Struct, frozen=True, kw_only=True):
    """Everything a gate needs besides the subject.

    Attributes:
        policies: all of them apply; none denies everything.
        signer: signs what the gate records.
        trusted: whose statements count as evidence.
        verifier_id: URI that names this gate in its decisions (SLSA VSA `verifier.id`).
        admits_in_part: an index may pass at the curation boundary though some of its images do not; those are withheld.
    """

    policies: tuple[Policy, ...]
    signer: SigningKey
    trusted: TrustedKeys
    verifier_id: str
    admits_in_part: bool = False

    def evidence_of(self, connection: Connection, subject: Digest) -> Gathered:
        """What may be read of a subject: verified, newest of each kind; of an encrypted copy what the plain one has."""
        own = gather(connection, subject, self.trusted)
        found = plain_of(own.evidence)
        return following(own, gather(connection, found[0], self.trusted), subject) if found else own

    def plain_of(self, connection: Connection, subject: Digest) -> tuple[Digest, Digest] | None:
        """What a subject is the encryption of, and the envelope that says so; None for most."""
        return plain_of(gather(connection, subject, self.trusted, kind=ENCRYPTION).evidence)

    def judge(
        self, boundary: Boundary, subject: Digest, context: Context, gathered: Gathered, *, at: datetime
    ) -> Decision:
        """Decides and records nothing: what a person or a dry run asks.

        The context is completed by whom this gate trusts, and by which evidence is the newest it knows of.
        """
        knowing = replace(context, trusted=self.trusted.ids, latest=gathered.newest, known=gathered.known)
        return decide(boundary, subject, knowing, gathered.evidence, self.policies, at)

    def judge_index(
        self, boundary: Boundary, subject: Digest, children: Sequence[tuple[str, Decision]], *, at: datetime
    ) -> Decision:
        """Decides over an index by the decisions over its images (`decide_index`).

        At execution every image counts: which one runs is the node's to choose, and it may have one that was withheld.
        """
        in_part = self.admits_in_part and boundary is Boundary.CURATION
        return decide_index(boundary, subject, children, at, in_part=in_part)

    def add(self, connection: Connection, statement: Statement, *, at: datetime) -> Recorded:
        """Signs a statement and puts it on record."""
        return record(connection, statement, self.signer, at=at)

    def add_others(
        self, connection: Connection, envelopes: Iterable[bytes], subject: Digest, *, at: datetime
    ) -> tuple[Recorded, ...]:
        """Puts what others say of a subject, and hung on it, on record, where somebody trusted signed it."""
        return file_others(connection, envelopes, subject, self.trusted, at=at)

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
            RefusedError: no trusted key signed it.
            InvalidInputError: it carries something else.
        """
        recorded = record_named(connection, envelope)
        if recorded is None:
            return None
        return from_vsa(verify(recorded.envelope, self.trusted, where=envelope).statement)


NOTHING = Gathered(evidence=(), newest={})
"""No evidence at all, which denies."""

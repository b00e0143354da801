# SPDX-License-Identifier: Apache-2.0
"""Making verdicts: what the record says of images at the execution gate, signed for those who ask elsewhere."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sqlalchemy import Connection, select

from tidegate.admission.index import decide_index
from tidegate.admission.restrictions import Imposed, restrictions_over, restrictions_revision
from tidegate.artifact import Digest
from tidegate.bounds import printable
from tidegate.evidence import Boundary, Decision, Reason, Verdict
from tidegate.execution.admit import ExecutionGate, judged_images
from tidegate.execution.gate import is_root
from tidegate.execution.kept import shut_by_curation, with_denials
from tidegate.execution.verdicts.following import Head
from tidegate.execution.verdicts.verdict import (
    MAX_BATCH,
    MAX_NAMES,
    MAX_REASONS,
    ImageVerdict,
    PolicyTexts,
    VerdictBatch,
    policies_statement,
    to_statement,
)
from tidegate.execution.verdicts.workload_rules import image_part
from tidegate.policy.context import ContainerContext, Context
from tidegate.signing.envelope import sign
from tidegate.storage import outbox, schema

_NO_DECISION: Final = "execution/no-decision"
_ATTACHED: Final = "attached"
_MAX_TEXT_CHARS: Final = 300
_UNKNOWN_FOR: Final = timedelta(days=30)
"""An event tells when something is decided; until then nobody need ask again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictIssue:
    """Makes verdicts.

    Attributes:
        gate: judges, and signs.
        files: texts of the policies it judges by.
        lasting: how long a verdict holds at most.
    """

    gate: ExecutionGate
    files: Mapping[str, str]
    lasting: timedelta

    def head(self) -> Head:
        """What verdicts stand on now."""
        with self.gate.database.read() as connection:
            offset, restrictions = outbox.newest(connection), restrictions_revision(connection)
            signer = self.gate.gate.signing_key(self.gate.gate.trust(connection))
        policies = sign(policies_statement(self._texts()), signer).content
        return Head(offset=offset, policies=policies, restrictions=restrictions)

    def verdicts(self, digests: Sequence[Digest]) -> bytes:
        """A signed batch over images; over one that nothing is on record of it says so.

        Args:
            digests: 1 to `MAX_BATCH`, each once.

        Raises:
            ValueError: none, or too many.
        """
        if not 0 < len(digests) <= MAX_BATCH:
            raise ValueError(f"1 to {MAX_BATCH} images at once")
        with self.gate.database.read() as connection:
            # Read before all else: nothing that is read later is older.
            offset = outbox.newest(connection)
            batch = VerdictBatch(
                offset=offset,
                made_at=self.gate.clock(),
                policy=self._texts().digest,
                verdicts=tuple(self._verdict(connection, digest) for digest in digests),
            )
            signer = self.gate.gate.signing_key(self.gate.gate.trust(connection))
        return sign(to_statement(batch), signer).content

    def known_after(self, digest: str, limit: int = MAX_BATCH) -> list[Digest]:
        """Digests of what is on the shelf, in their order, past one; "" for from the first.

        What only hangs on an image runs nowhere, and is left out.
        """
        table = schema.state
        runs = (table.c.digest > digest) & (table.c.state != _ATTACHED)
        query = select(table.c.digest).where(runs).order_by(table.c.digest).limit(limit)
        with self.gate.database.read() as connection:
            return [Digest(text) for text in connection.scalars(query)]

    def _texts(self) -> PolicyTexts:
        return PolicyTexts(files=dict(self.files), made_at=self.gate.clock())

    def _verdict(self, connection: Connection, digest: Digest) -> ImageVerdict:
        at = self.gate.clock()
        images = judged_images(connection, digest)
        decision = self._decision(connection, digest, images)
        imposed: dict[int, Imposed] = {
            one.id: one for image in (digest, *images) for one in restrictions_over(connection, image)
        }
        return ImageVerdict(
            digest=digest,
            verdict=decision.verdict,
            expires_at=min(decision.expires_at, at + self.lasting),
            reasons=_worst(decision.reasons),
            user=self.gate.user_of(connection, digest),
            expected=self.gate.expected_of(connection, digest),
            names=_names(connection, digest),
            images=images,
            restrictions=tuple(imposed.values()),
        )

    def _decision(self, connection: Connection, digest: Digest, images: Sequence[Digest]) -> Decision:
        gathered = self.gate.gate.evidence_of(connection, digest)
        at = self.gate.clock()
        if not gathered.newest:
            return _unknown(digest, self.gate)
        if not images:
            decision = self._of_image(connection, digest)
        else:
            children = [(child, self._of_image(connection, child)) for child in images]
            decision = decide_index(Boundary.EXECUTION, digest, children, at)
        return with_denials(decision, shut_by_curation(gathered))

    def _of_image(self, connection: Connection, digest: Digest) -> Decision:
        """What holds of it in any workload."""
        gate, user = self.gate.gate, self.gate.user_of(connection, digest)
        container = ContainerContext(name="image", runs_as_root=is_root(user))
        gathered = gate.evidence_of(connection, digest)
        context = Context(repositories=_repositories(connection, digest), containers=(container,))
        decision = gate.judge(Boundary.EXECUTION, digest, context, gathered, at=self.gate.clock())
        return image_part(decision, gate.policies)


def _unknown(digest: Digest, gate: ExecutionGate) -> Decision:
    at = gate.clock()
    reason = Reason(
        rule=_NO_DECISION,
        verdict=Verdict.DENY,
        message="no gate has decided on it",
        fix="push it through the curation gate first",
    )
    return Decision(
        boundary=Boundary.EXECUTION,
        subject=digest,
        verdict=Verdict.DENY,
        reasons=(reason,),
        rules=(),
        policies=(),
        inputs=(),
        decided_at=at,
        expires_at=at + _UNKNOWN_FOR,
    )


def _worst(reasons: Sequence[Reason]) -> tuple[Reason, ...]:
    told = sorted(reasons, key=lambda one: (bool(one.excepted_by), -one.verdict.rank))[:MAX_REASONS]
    return tuple(
        Reason(
            rule=one.rule,
            verdict=one.verdict,
            message=printable(one.message[:_MAX_TEXT_CHARS]),
            item=one.item[:_MAX_TEXT_CHARS],
            fix=printable(one.fix[:_MAX_TEXT_CHARS]),
            excepted_by=one.excepted_by,
        )
        for one in told
    )


def _repositories(connection: Connection, digest: Digest) -> tuple[str, ...]:
    table = schema.repository_manifest
    query = select(table.c.repository).where(table.c.digest == digest).order_by(table.c.repository)
    return tuple(connection.scalars(query))


def _names(connection: Connection, digest: Digest) -> tuple[str, ...]:
    table = schema.tag
    query = (
        select(table.c.repository, table.c.name)
        .where(table.c.digest == digest)
        .order_by(table.c.repository, table.c.name)
        .limit(MAX_NAMES)
    )
    return tuple(f"{row.repository}:{row.name}" for row in connection.execute(query))

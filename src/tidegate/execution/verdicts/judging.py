# SPDX-License-Identifier: Apache-2.0
"""The execution gate where nobody can be asked: by verdicts and policies of the store, and the workload at hand."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tidegate.artifact import Digest, Reference
from tidegate.clock import Clock, rfc3339
from tidegate.evidence import Boundary, Decision, Reason, Verdict
from tidegate.execution.behaviour import Expected
from tidegate.execution.gate import Question
from tidegate.execution.kept import kept_for_others, node_demands
from tidegate.execution.placing.strategy import NodeDemand
from tidegate.execution.verdicts.store import VerdictStore
from tidegate.execution.verdicts.verdict import ImageVerdict
from tidegate.policy.context import Context

_EXPIRED: Final = "execution/verdict-expired"
_NO_POLICY: Final = "execution/no-policy"


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalJudge:
    """Resolves names and decides, from memory alone."""

    store: VerdictStore
    clock: Clock

    def resolve(self, reference: Reference) -> Digest | None:
        """Which image a reference means; None when nobody said, or what was said is over."""
        digest = self.store.digest_of(reference)
        if digest is None or reference.digest is not None:
            return digest
        said = self.store.verdict_of(digest)
        # Where a tag points to is worth as much as the verdict that told it.
        return digest if said is not None and said.expires_at > self.clock() else None

    def user_of(self, digest: Digest) -> str | None:
        """Whom an image runs as; None when that is not known."""
        said = self.store.verdict_of(digest)
        return None if said is None else said.user

    def expected_of(self, digest: Digest) -> Expected | None:
        """What an image's behaviour profile tells; None where there is none."""
        said = self.store.verdict_of(digest)
        return None if said is None else said.expected

    def nodes_of(self, digest: Digest, reference: Reference) -> tuple[NodeDemand, ...]:
        """What the restrictions of an image, asked for by this name, demand of nodes."""
        said = self.store.verdict_of(digest)
        imposed = () if said is None else said.restrictions
        return node_demands(one for one in imposed if one.is_for(reference.repository))

    def decide(self, question: Question) -> Decision | None:
        """The decision over one image of one workload; None when nothing is known of it."""
        said, at = self.store.verdict_of(question.digest), self.clock()
        if said is None:
            return None
        rules = self.store.rules
        reasons: list[Reason] = list(said.reasons)
        if said.expires_at <= at:
            reasons.append(_expired(said))
        standing = [one for one in said.restrictions if one.is_for(question.reference.repository)]
        reasons += kept_for_others(standing, question.namespace, question.cluster, at=at)
        if rules is None:
            reasons.append(_deny(_NO_POLICY, "no policy was heard of yet", "let the webhook reach its server once"))
        else:
            reasons += rules.reasons(question.digest, _context(question), at)
        return Decision(
            boundary=Boundary.EXECUTION,
            subject=question.digest,
            verdict=_worst(said.verdict, reasons),
            reasons=tuple(reasons),
            rules=tuple(dict.fromkeys(one.rule for one in reasons)),
            policies=rules.refs if rules is not None else (),
            inputs=(),
            decided_at=at,
            expires_at=said.expires_at,
        )


def _context(question: Question) -> Context:
    return Context(
        repository=question.reference.repository,
        reference=str(question.reference),
        cluster=question.cluster,
        namespace=question.namespace,
        labels=question.labels,
        containers=question.containers,
    )


def _worst(said: Verdict, reasons: Sequence[Reason]) -> Verdict:
    counting = [said, *(one.verdict for one in reasons if not one.excepted_by)]
    return max(counting, key=lambda one: one.rank)


def _expired(said: ImageVerdict) -> Reason:
    message = f"the verdict over it ended at {rfc3339(said.expires_at)}"
    return _deny(_EXPIRED, message, "let the webhook reach its server, which renews it")


def _deny(rule: str, message: str, fix: str) -> Reason:
    return Reason(rule=rule, verdict=Verdict.DENY, message=message, fix=fix)

# SPDX-License-Identifier: Apache-2.0
"""What a policy asks, and why each of its rules did or did not count in a decision."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from tidegate.evidence import Boundary, Decision, Reason
from tidegate.policy.rule import Policy, Rule
from tidegate.policy.shelf import in_words


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleExplanation:
    """A rule in words.

    Attributes:
        reads: what it needs, such as `scan, at most 7 days old`.
        asked_of: `the image`, or what it is asked of each of.
        objects_when: its expression; "" when it only asks for evidence.
    """

    policy: str
    name: str
    description: str
    reference: str
    boundaries: tuple[Boundary, ...]
    reads: tuple[str, ...]
    asked_of: str
    objects_when: str
    verdict: str


class Part(StrEnum):
    """What a rule had to do with a decision."""

    OBJECTED = "objected"
    EXCEPTED = "excepted"
    SATISFIED = "satisfied"
    ELSEWHERE = "stands at another boundary"
    UNHEARD = "was not part of the decision"


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleInDecision:
    """Why a rule did or did not count; `reasons` are its objections, excepted ones too."""

    policy: str
    rule: str
    part: Part
    why: str
    reasons: tuple[Reason, ...]


def explain_policy(policy: Policy) -> tuple[RuleExplanation, ...]:
    """Every rule of a policy in words, in its order."""
    return tuple(_explain(policy, rule) for rule in policy.rules)


def explain_decision(policies: Sequence[Policy], decision: Decision) -> tuple[RuleInDecision, ...]:
    """For every rule of these policies, why it did or did not count in a decision.

    Two policies with a rule of one name share its reasons: a decision names rules, not policies.
    """
    return tuple(_in_decision(policy, rule, decision) for policy in policies for rule in policy.rules)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasonGroup:
    """One thing said by several rules, most often that evidence is missing, or of several packages of one source.

    Attributes:
        items: what it is said of, each once.
    """

    reason: Reason
    rules: tuple[str, ...]
    items: tuple[str, ...] = ()


def group_reasons(reasons: Iterable[Reason]) -> tuple[ReasonGroup, ...]:
    """Puts reasons that say the same together, in the order they first come."""
    groups: dict[tuple[str, ...], list[Reason]] = {}
    for reason in reasons:
        key = (reason.message, reason.fix, reason.verdict.value, reason.excepted_by)
        groups.setdefault(key, []).append(reason)
    return tuple(
        ReasonGroup(
            reason=found[0],
            rules=tuple(dict.fromkeys(one.rule for one in found)),
            items=tuple(dict.fromkeys(one.item for one in found)),
        )
        for found in groups.values()
    )


def _explain(policy: Policy, rule: Rule) -> RuleExplanation:
    reads = tuple(f"{kind}, at most {in_words(max_age)} old" for kind, max_age in rule.reads.items())
    return RuleExplanation(
        policy=policy.name,
        name=rule.name,
        description=rule.description,
        reference=rule.reference,
        boundaries=rule.boundaries,
        reads=reads,
        asked_of=f"each of {rule.each.name}" if rule.each else "the image",
        objects_when=rule.when,
        verdict=rule.verdict.value,
    )


def _in_decision(policy: Policy, rule: Rule, decision: Decision) -> RuleInDecision:
    reasons = tuple(reason for reason in decision.reasons if reason.rule == rule.name)
    part, why = _part(policy, rule, decision, reasons)
    return RuleInDecision(policy=policy.name, rule=rule.name, part=part, why=why, reasons=reasons)


def _part(policy: Policy, rule: Rule, decision: Decision, reasons: Sequence[Reason]) -> tuple[Part, str]:
    if policy.refs[0] not in decision.policies:
        return Part.UNHEARD, f"the decision did not use this version of {policy.name}"
    if decision.boundary not in rule.boundaries:
        return Part.ELSEWHERE, f"stands at {', '.join(rule.boundaries)}, not at {decision.boundary.value}"
    counting = [reason for reason in reasons if not reason.excepted_by]
    if counting:
        more = f" (and {len(counting) - 1} more)" if len(counting) > 1 else ""
        return Part.OBJECTED, counting[0].message + more
    if reasons:
        return Part.EXCEPTED, "all it objects to is excepted by " + ", ".join(sorted({r.excepted_by for r in reasons}))
    if not rule.when:
        return Part.SATISFIED, "all evidence it asks for is there"
    return Part.SATISFIED, f"true of nothing: {' '.join(rule.when.split())}"

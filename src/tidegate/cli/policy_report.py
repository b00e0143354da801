# SPDX-License-Identifier: Apache-2.0
"""Policies explained to people: rule by rule, or against one scan report."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from tidegate.artifact import Digest
from tidegate.bounds import MIB
from tidegate.cli.named_file import read_named_file
from tidegate.cli.page import Line, Style, piece
from tidegate.clock import system_clock
from tidegate.errors import InvalidInputError
from tidegate.evidence import SCAN, Boundary, Decision, Evidence, Verdict
from tidegate.policy.context import Context
from tidegate.policy.decide import decide
from tidegate.policy.explain import Part, RuleExplanation, RuleInDecision, explain_decision
from tidegate.policy.rule import Policy
from tidegate.wire import from_json

MAX_REPORT_BYTES: Final = 256 * MIB
_SIGNER: Final = "whoever explains"
_VERDICTS: Final = {Verdict.ALLOW: Style.GOOD, Verdict.WARN: Style.WARN, Verdict.DENY: Style.BAD}
_PARTS: Final = {Part.OBJECTED: Style.BAD, Part.EXCEPTED: Style.WARN, Part.SATISFIED: Style.GOOD}


def rules_page(rules: Sequence[RuleExplanation]) -> Iterator[Line]:
    """Every rule in words."""
    for rule in rules:
        yield (piece(f"{rule.policy}/{rule.name}", Style.TITLE), piece(f"  {rule.verdict}", Style.NOTE))
        yield (piece(f"  {rule.description}"),)
        yield (piece(f"  at {', '.join(rule.boundaries)}; asks of {rule.asked_of}", Style.FAINT),)
        if rule.reads:
            yield (piece(f"  needs {'; '.join(rule.reads)}", Style.FAINT),)
        if rule.objects_when:
            yield (piece(f"  objects when {' '.join(rule.objects_when.split())}", Style.FAINT),)
        if rule.reference:
            yield (piece(f"  stands for {rule.reference}", Style.FAINT),)
        yield ()


def explain_report(policies: Sequence[Policy], path: Path, boundary: str) -> tuple[dict[str, Any], Iterator[Line]]:
    """Judges a report of `tidegate scan`, as if a trusted key had signed it just now.

    Returns:
        What a program is told, and what people are.

    Raises:
        TidegateError: the file is missing or holds no report.
    """
    raw = read_named_file(path, max_bytes=MAX_REPORT_BYTES)
    document = from_json(raw, dict[str, Any], what=str(path), max_bytes=MAX_REPORT_BYTES)
    artifact = document.get("artifact")
    if not isinstance(artifact, dict) or not isinstance(artifact.get("digest"), str):
        raise InvalidInputError("not a report of tidegate scan", where=str(path), remedy="write it with --format json")
    subject, now = Digest(artifact["digest"]), system_clock()
    evidence = Evidence(
        digest=Digest.of(raw), subject=subject, predicate_type=SCAN, predicate=document, signers=(_SIGNER,), made_at=now
    )
    context = Context(trusted=frozenset({_SIGNER}))
    decision = decide(Boundary(boundary), subject, context, [evidence], policies, now)
    rules = explain_decision(policies, decision)
    return {"decision": decision, "rules": rules}, _decision_page(decision, rules)


def _decision_page(decision: Decision, rules: Sequence[RuleInDecision]) -> Iterator[Line]:
    yield (
        piece(f"{decision.boundary.value} would say  "),
        piece(decision.verdict.value.upper(), _VERDICTS[decision.verdict]),
        piece(f"  to {decision.subject}", Style.FAINT),
    )
    for rule in rules:
        if rule.part is Part.ELSEWHERE:
            continue
        yield ()
        yield (
            piece(f"{rule.policy}/{rule.rule}", Style.TITLE),
            piece(f"  {rule.part}", _PARTS.get(rule.part, Style.FAINT)),
        )
        if not rule.reasons:
            yield (piece(f"  {rule.why}", Style.FAINT),)
        for reason in rule.reasons:
            silenced = f"  (excepted by {reason.excepted_by})" if reason.excepted_by else ""
            yield (piece(f"  {reason.message}{silenced}"),)
            if reason.fix:
                yield (piece(f"    {reason.fix}", Style.GOOD),)

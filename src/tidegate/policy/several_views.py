# SPDX-License-Identifier: Apache-2.0
"""Statements of which several count side by side, as rules see them: tests, reviews, summaries of others, VEX."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, Generic, TypeVar

from tidegate.errors import BoundExceededError
from tidegate.evidence import Evidence
from tidegate.evidence.predicates.review import Opinion, Review, read_review
from tidegate.evidence.predicates.summary import Summary, SummaryResult, read_summary
from tidegate.evidence.predicates.test_results import TestCounts, TestResult, TestResults, read_test_results
from tidegate.identity.duties import Separation, are_apart
from tidegate.policy.context import Context
from tidegate.policy.exception import same_person
from tidegate.policy.item import Item, Values, View
from tidegate.policy.scan_items import Shape
from tidegate.vex.claim import Claim
from tidegate.vex.openvex import read_openvex
from tidegate.wire import to_json

MAX_STATEMENTS: Final = 1000
"""Statements of one kind about one artifact; with more, it is judged by nobody."""
MAX_CLAIMS: Final = 20_000

_HOUR: Final = timedelta(hours=1)
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Said(Generic[_T]):
    """What one statement says, and who signed it when."""

    what: _T
    age_hours: int
    signers: tuple[str, ...]


def view_several(kind: str, evidence: Sequence[Evidence], context: Context, at: datetime) -> View:
    """What statements of one kind bring together; `at` is the moment of the decision.

    Raises:
        InvalidInputError: one of them is malformed, or there are more than `MAX_STATEMENTS`.
    """
    if len(evidence) > MAX_STATEMENTS:
        raise BoundExceededError("MAX_STATEMENTS", MAX_STATEMENTS, where=kind)
    found = _reviews(evidence, context, at) if kind == "reviews" else _VIEWS[kind](evidence, at)
    newest = max(evidence, key=lambda it: it.made_at)
    shared: Values = {
        "age_hours": (at - newest.made_at) // _HOUR,
        "signers": sorted({signer for item in evidence for signer in item.signers}),
    }
    return View(variables={kind: {**shared, **found.variables[kind]}}, collections=found.collections)


def _said(item: Evidence, what: _T, at: datetime) -> _Said[_T]:
    return _Said(what=what, age_hours=(at - item.made_at) // _HOUR, signers=item.signers)


def _tests(evidence: Sequence[Evidence], at: datetime) -> View:
    runs = [
        _said(it, read_test_results(it.predicate_type, it.predicate, where=f"tests {it.digest}"), at) for it in evidence
    ]
    passed = [run for run in runs if run.what.result is not TestResult.FAILED]
    counts = [run.what.counts or TestCounts() for run in runs]
    values: dict[str, object] = {
        "runs": len(runs),
        "passed_runs": len(passed),
        "failed_runs": len(runs) - len(passed),
        "all_passed": len(passed) == len(runs),
        **{name: sum(getattr(it, name) for it in counts) for name in _COUNTED},
        "tools": _sorted(run.what.tool for run in runs),
        "suites": _sorted(run.what.suite for run in runs),
        "passed_suites": _sorted(run.what.suite for run in passed),
    }
    return View(variables={"tests": values}, collections={"test_runs": partial(_RUNS.members, runs)})


def _reviews(evidence: Sequence[Evidence], context: Context, at: datetime) -> View:
    reviews = [_said(it, read_review(it.predicate, where=f"reviews {it.digest}"), at) for it in evidence]
    authors = {same_person(name) for it in reviews for name in it.what.authors}
    interested = authors | {same_person(name) for name in (context.pushed_by, *context.pushers) if name}
    approving = [it for it in reviews if it.what.decision is Opinion.APPROVED]
    approvers = {same_person(it.what.reviewer) for it in approving}
    values: dict[str, object] = {
        "count": len(reviews),
        "approvals": len(approvers),
        "rejections": sum(it.what.decision is Opinion.REJECTED for it in reviews),
        "independent_approvals": sum(are_apart(Separation.APPROVED, name, interested) for name in approvers),
        "approving_keys": len({key for it in approving for key in it.signers}),
        "approvers": _sorted(it.what.reviewer for it in approving),
        "reviewers": _sorted(it.what.reviewer for it in reviews),
        "authors": _sorted(name for it in reviews for name in it.what.authors),
    }
    shape = _review_shape(interested)
    return View(variables={"reviews": values}, collections={"review_list": partial(shape.members, reviews)})


def _summaries(evidence: Sequence[Evidence], at: datetime) -> View:
    found = [_said(it, read_summary(it.predicate, where=f"summaries {it.digest}"), at) for it in evidence]
    passed = [it for it in found if it.what.verification_result is SummaryResult.PASSED]
    values: dict[str, object] = {
        "count": len(found),
        "passed": len(passed),
        "failed": len(found) - len(passed),
        "verifiers": _sorted(it.what.verifier.id for it in found),
        "levels": _sorted(level for it in passed for level in it.what.verified_levels),
    }
    return View(variables={"summaries": values}, collections={"verifications": partial(_VERIFICATIONS.members, found)})


def _vex(evidence: Sequence[Evidence], at: datetime) -> View:
    claims: list[_Said[Claim]] = []
    for item in evidence:
        where = f"vex {item.digest}"
        claims += [_said(item, claim, at) for claim in read_openvex(to_json(item.predicate), where=where)]
        if len(claims) > MAX_CLAIMS:
            raise BoundExceededError("MAX_CLAIMS", MAX_CLAIMS, where=where)
    statuses = [it.what.word.status for it in claims]
    values: dict[str, object] = {
        "documents": len(evidence),
        "statements": len(claims),
        **{name: statuses.count(name) for name in ("affected", "not_affected", "fixed", "under_investigation")},
    }
    return View(variables={"vex": values}, collections={"vex_statements": partial(_CLAIMS.members, claims)})


def _sorted(names: Any) -> list[str]:
    return sorted({name for name in names if name})


def _count(name: str) -> Callable[[_Said[TestResults]], object]:
    return lambda it: getattr(it.what.counts, name) if it.what.counts else 0


def _review_shape(interested: set[str]) -> Shape[_Said[Review]]:
    return Shape(
        fields={
            **_SIGNED,
            "reviewer": lambda it: it.what.reviewer,
            "decision": lambda it: it.what.decision.value,
            "approved": lambda it: it.what.decision is Opinion.APPROVED,
            "is_independent": lambda it: same_person(it.what.reviewer) not in interested,
            "authors": lambda it: list(it.what.authors),
            "scope": lambda it: it.what.scope,
            "change": lambda it: it.what.change,
            "commit": lambda it: it.what.commit,
            "comment": lambda it: it.what.comment,
        },
        item=lambda it: Item(shown=it.what.reviewer, names=frozenset({it.what.reviewer})),
    )


_COUNTED: Final = ("passed", "failed", "errors", "skipped", "warnings")
_SIGNED: Final[Mapping[str, Callable[[_Said[Any]], object]]] = {
    "age_hours": lambda it: it.age_hours,
    "signers": lambda it: list(it.signers),
}
_RUNS: Final[Shape[_Said[TestResults]]] = Shape(
    fields={
        **_SIGNED,
        "tool": lambda it: it.what.tool,
        "suite": lambda it: it.what.suite,
        "form": lambda it: it.what.form,
        "result": lambda it: it.what.result.value,
        "passed": lambda it: it.what.result is not TestResult.FAILED,
        "has_counts": lambda it: it.what.counts is not None,
        "passed_tests": _count("passed"),
        "failed_tests": _count("failed"),
        "errors": _count("errors"),
        "skipped": _count("skipped"),
        "warnings": _count("warnings"),
        "notes": _count("notes"),
        "failed_names": lambda it: list(it.what.failed_tests),
        "url": lambda it: it.what.url,
    },
    item=lambda it: Item(
        shown=f"{it.what.tool} {it.what.suite}".strip(), names=frozenset(filter(None, (it.what.tool, it.what.suite)))
    ),
)
_VERIFICATIONS: Final[Shape[_Said[Summary]]] = Shape(
    fields={
        **_SIGNED,
        "verifier": lambda it: it.what.verifier.id,
        "policy": lambda it: it.what.policy.uri or "",
        "resource": lambda it: it.what.resource_uri,
        "passed": lambda it: it.what.verification_result is SummaryResult.PASSED,
        "levels": lambda it: list(it.what.verified_levels),
        "verified": lambda it: it.what.time_verified or "",
        "slsa_version": lambda it: it.what.slsa_version or "",
    },
    item=lambda it: Item(shown=it.what.verifier.id, names=frozenset({it.what.verifier.id})),
)
_CLAIMS: Final[Shape[_Said[Claim]]] = Shape(
    fields={
        **_SIGNED,
        "id": lambda it: it.what.word.id,
        "ids": lambda it: sorted(it.what.ids),
        "status": lambda it: it.what.word.status,
        "reason": lambda it: it.what.word.reason,
    },
    item=lambda it: Item(shown=it.what.word.id, names=it.what.ids),
)
_VIEWS: Final[Mapping[str, Callable[[Sequence[Evidence], datetime], View]]] = {
    "tests": _tests,
    "summaries": _summaries,
    "vex": _vex,
}

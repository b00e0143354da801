# SPDX-License-Identifier: Apache-2.0
"""Kinds of evidence of which several statements count side by side: which of them replaces which, and which object.

Something that speaks against an artifact does not fade: where a word in favour is too old to count, a word against
still does, until the same signer takes it back by a newer statement of the same thing.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from tidegate.errors import InvalidInputError
from tidegate.evidence.predicates.kinds import kind_of
from tidegate.evidence.predicates.review import Opinion, read_review
from tidegate.evidence.predicates.summary import SummaryResult, read_summary
from tidegate.evidence.predicates.test_results import TestResult, read_test_results
from tidegate.evidence.statement import Evidence

_Scope = tuple[object, ...]


def latest_of_each(evidence: Iterable[Evidence]) -> tuple[Evidence, ...]:
    """Of statements of the same thing by the same signers the newest; oldest first."""
    found: dict[_Scope, Evidence] = {}
    for item in sorted(evidence, key=lambda it: (it.made_at, it.digest)):
        scope = _scope(item)
        found.pop(scope, None)
        found[scope] = item
    return tuple(found.values())


def speaks_against(item: Evidence) -> bool:
    """True for a failed run, a review that approves nothing, a summary that failed, a flaw said to matter.

    What cannot be read counts as speaking against: it must not go unnoticed.
    """
    rule = _AGAINST.get(kind_of(item.predicate_type, item.predicate))
    try:
        return rule is not None and rule(item)
    except InvalidInputError:
        return True


def _scope(item: Evidence) -> _Scope:
    kind = kind_of(item.predicate_type, item.predicate)
    try:
        return (kind, item.signers, *_SCOPES[kind](item))
    except (InvalidInputError, KeyError):
        return (kind, item.digest)


def _of_tests(item: Evidence) -> _Scope:
    run = read_test_results(item.predicate_type, item.predicate, where="")
    return (run.tool, run.suite, run.form)


def _of_review(item: Evidence) -> _Scope:
    review = read_review(item.predicate, where="")
    return (review.reviewer.strip().casefold(), review.scope)


def _of_summary(item: Evidence) -> _Scope:
    summary = read_summary(item.predicate, where="")
    return (summary.verifier.id, summary.policy.uri)


def _of_vex(item: Evidence) -> _Scope:
    if not isinstance(name := item.predicate.get("@id"), str):
        raise InvalidInputError("a document without a name")
    return (name,)


def _failed(item: Evidence) -> bool:
    return read_test_results(item.predicate_type, item.predicate, where="").result is TestResult.FAILED


def _disapproves(item: Evidence) -> bool:
    return read_review(item.predicate, where="").decision is Opinion.REJECTED


def _denies(item: Evidence) -> bool:
    return read_summary(item.predicate, where="").verification_result is SummaryResult.FAILED


def _tells_of_flaws(item: Evidence) -> bool:
    said: Any = item.predicate.get("statements")
    words = said if isinstance(said, list) else [None]
    return any(not isinstance(one, dict) or one.get("status") not in _HARMLESS for one in words)


_HARMLESS: Final = ("not_affected", "fixed")
_SCOPES: Final[Mapping[str, Callable[[Evidence], _Scope]]] = {
    "tests": _of_tests,
    "reviews": _of_review,
    "summaries": _of_summary,
    "vex": _of_vex,
}
_AGAINST: Final[Mapping[str, Callable[[Evidence], bool]]] = {
    "tests": _failed,
    "reviews": _disapproves,
    "summaries": _denies,
    "vex": _tells_of_flaws,
}

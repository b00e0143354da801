# SPDX-License-Identifier: Apache-2.0
"""The judgement: evidence and policies in, a decision out. Pure: no clock, no disk, no network; same input, same bytes.

Deny is where it starts and where every doubt ends: no policy, no rule at this boundary, evidence missing, stale,
unsigned or malformed, a rule that cannot be evaluated. A rule sees only evidence it requires, so taking evidence away
cannot help; nor can adding a policy, because the worst word counts.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from tidegate.artifact import Digest
from tidegate.bounds import printable
from tidegate.errors import InvalidInputError
from tidegate.evidence import Boundary, Decision, Evidence, Reason, Verdict
from tidegate.policy.context import Context
from tidegate.policy.exception import applying
from tidegate.policy.fields import EVIDENCE_KINDS
from tidegate.policy.item import WHOLE_IMAGE, Item, Members, Values, View
from tidegate.policy.rule import Policy, Rule
from tidegate.policy.several_views import view_several
from tidegate.policy.shelf import Problem, Shelf, holds_until
from tidegate.policy.view import view_context, view_evidence
from tidegate.rules.expression import EvaluationError, Objection, objections

MAX_REASONS_PER_RULE: Final = 1000
"""Objections of one rule that are told one by one; the rest is counted."""
MAX_TEXT_CHARS: Final = 2000
"""Longest message or fix; the rest is cut."""
NO_POLICY: Final = "no-policy"
"""Rule name of the reason given when there is no policy."""
NO_RULE: Final = "no-rule"
"""Rule name of the reason given when no rule stands at the boundary."""

_NO_MEMBERS: Final = Members(values=lambda _: (), item=lambda _: WHOLE_IMAGE)


def decide(
    boundary: Boundary,
    subject: Digest,
    context: Context,
    evidence: Sequence[Evidence],
    policies: Sequence[Policy],
    at: datetime,
) -> Decision:
    """Judges whether a subject may cross a boundary.

    Args:
        boundary: where it stands.
        subject: the artifact; evidence about another one is passed over.
        context: everything beside evidence, and whose evidence counts.
        evidence: verified statements. Of each kind the newest that counts is read; of some kinds, several.
        policies: all of them must agree.
        at: the moment of the decision.

    Returns:
        The decision. It expires when the first thing it stands on does: the policy's `validFor`, the `maxAge` of
        evidence it read, the decision of the gate before, an exception it used.
    """
    sitting = _Sitting(Shelf(boundary=boundary, subject=subject, context=context, evidence=evidence, at=at))
    for policy in policies:
        sitting.hear(policy)
    reasons = (*sitting.reasons, *_emptiness(policies, sitting.rules, boundary))
    counting = [reason.verdict for reason in reasons if not reason.excepted_by]
    return Decision(
        boundary=boundary,
        subject=subject,
        verdict=max(counting, key=lambda verdict: verdict.rank, default=Verdict.ALLOW),
        reasons=reasons,
        rules=tuple(sitting.rules),
        policies=tuple(ref for policy in policies for ref in policy.refs),
        inputs=tuple(sorted(sitting.read)),
        decided_at=at,
        expires_at=max(at, min(sitting.ends, default=at)),
    )


def _emptiness(policies: Sequence[Policy], rules: Sequence[str], boundary: Boundary) -> tuple[Reason, ...]:
    if rules:
        return ()
    if not policies:
        return (Reason(rule=NO_POLICY, verdict=Verdict.DENY, message="there is no policy", fix="name one"),)
    message = f"no rule stands at {boundary.value}"
    return (Reason(rule=NO_RULE, verdict=Verdict.DENY, message=message, fix=f"add {boundary.value} to a rule"),)


class _Sitting:
    """One decision in the making: policies are heard in order, each rule once."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._variables: dict[str, Values] = {}
        self._shapers: dict[str, Callable[[], Members]] = {}
        self._members: dict[str, Members] = {}
        self._opened: dict[_Reading, str] = {}
        self._apart: dict[_Reading, View] = {}
        self.reasons: list[Reason] = []
        self.rules: list[str] = []
        self.read: set[Digest] = set()
        self.ends: list[datetime] = []
        self._show(view_context(shelf.context, shelf.boundary))

    def hear(self, policy: Policy) -> None:
        self.ends.append(self._shelf.at + policy.valid_for)
        standing = [rule for rule in policy.rules if self._shelf.boundary in rule.boundaries]
        complete = {rule.name for rule in standing if self._gather(rule)}
        staged: dict[_Stage, list[Any]] = {}
        for rule in standing:
            self.rules.append(rule.name)
            if rule.name in complete:
                self._ask(rule, policy, staged)
            else:
                self._tell_problems(rule)

    def _gather(self, rule: Rule) -> bool:
        """Opens the evidence a rule reads; all rules' before the first is asked, so that values are staged once."""
        return not [kind for kind in rule.reads if self._problem(rule, kind)]

    def _problem(self, rule: Rule, kind: str) -> Problem | None:
        max_age = rule.reads[kind]
        found = self._shelf.evidence(kind, max_age)
        if isinstance(found, Problem):
            return found
        reading = _reading(rule, kind)
        if reading not in self._opened:
            self._opened[reading] = self._open(reading, found)
        if self._opened[reading]:
            return Problem(message=self._opened[reading], fix="make it anew, in a form this version of tidegate reads")
        self.read.update(item.digest for item in found)
        self.ends += holds_until(kind, found, max_age)
        return None

    def _open(self, reading: "_Reading", found: Sequence[Evidence]) -> str:
        kind, age = reading
        try:
            if age is None:
                self._show(view_evidence(kind, found[0], self._shelf.at))
            else:
                self._apart[reading] = view_several(kind, found, self._shelf.context, self._shelf.at)
        except InvalidInputError as error:
            return f"the {kind} cannot be read: {error}"
        return ""

    def _show(self, view: View) -> None:
        self._variables.update(view.variables)
        self._shapers.update(view.collections)

    def _tell_problems(self, rule: Rule) -> None:
        for problem in filter(None, [self._problem(rule, kind) for kind in rule.reads]):
            self._deny(rule, problem.message, problem.fix)

    def _ask(self, rule: Rule, policy: Policy, staged: "dict[_Stage, list[Any]]") -> None:
        if rule.program is None:
            return
        name = rule.each.name if rule.each else ""
        apart = tuple(reading for kind in rule.reads if (reading := _reading(rule, kind))[1] is not None)
        members = self._collection(name, apart)
        if (name, apart) not in staged:
            values = members.values(policy.runtime.needed(name))
            variables = dict(self._variables)
            for reading in apart:
                variables.update(self._apart[reading].variables)
            # There is nothing to ask of each of none.
            staged[name, apart] = policy.runtime.stage(variables, name, values) if values or not name else []
        try:
            found = objections(rule.program, staged[name, apart])
        except EvaluationError as error:
            self._deny(rule, f"the rule cannot be evaluated: {error}", "mend the rule")
            return
        for objection in found[:MAX_REASONS_PER_RULE]:
            item = members.item(objection.index) if objection.index >= 0 else WHOLE_IMAGE
            self.reasons.append(self._reason(rule, policy, objection, item))
        if len(found) > MAX_REASONS_PER_RULE:
            more = f"and {len(found) - MAX_REASONS_PER_RULE} more"
            self.reasons.append(Reason(rule=rule.name, verdict=rule.verdict, message=more))

    def _collection(self, name: str, apart: "Sequence[_Reading]") -> Members:
        if not name:
            return _NO_MEMBERS
        for reading in apart:
            if name in self._apart[reading].collections:
                return self._apart[reading].collections[name]()
        if name not in self._members:
            self._members[name] = self._shapers[name]()
        return self._members[name]

    def _reason(self, rule: Rule, policy: Policy, objection: Objection, item: Item) -> Reason:
        exception, remark = applying(policy.exceptions, rule.name, item, self._shelf.context, self._shelf.at)
        if exception is not None:
            self.ends.append(exception.ends_at)
        return Reason(
            rule=rule.name,
            verdict=rule.verdict,
            message=_text(objection.message + remark),
            item=_text(item.shown),
            fix=_text(objection.fix),
            excepted_by=exception.name if exception else "",
        )

    def _deny(self, rule: Rule, message: str, fix: str) -> None:
        self.reasons.append(Reason(rule=rule.name, verdict=Verdict.DENY, message=_text(message), fix=_text(fix)))


_Reading = tuple[str, timedelta | None]
"""A kind of evidence as rules read it: where several count, how old they may be decides which."""
_Stage = tuple[str, tuple[_Reading, ...]]


def _reading(rule: Rule, kind: str) -> _Reading:
    return (kind, rule.reads[kind] if EVIDENCE_KINDS[kind].several else None)


def _text(text: str) -> str:
    """Evidence is hostile to terminals too."""
    shown = printable(text)
    return shown if len(shown) <= MAX_TEXT_CHARS else shown[: MAX_TEXT_CHARS - 1] + "…"

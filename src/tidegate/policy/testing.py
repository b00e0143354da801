# SPDX-License-Identifier: Apache-2.0
"""Tests that teams write for their policies: given this evidence, that verdict, by these rules (kind PolicyTest)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from tidegate.artifact import Digest
from tidegate.clock import parse_rfc3339
from tidegate.errors import InvalidInputError
from tidegate.evidence import Boundary, Decision, Evidence, Verdict
from tidegate.policy.context import ContainerContext, Context
from tidegate.policy.decide import decide
from tidegate.policy.document import kind_of
from tidegate.policy.fields import EVIDENCE_KINDS
from tidegate.policy.rule import Policy
from tidegate.policy.sample import (
    CONTAINER,
    SIGNER,
    SOURCE,
    SUBJECT,
    filled,
    sample_provenance,
    sample_report,
    sample_sbom,
    sample_vsa,
)
from tidegate.policy.sample_statements import sample_statement
from tidegate.rules.document import each_of, header_and_spec
from tidegate.rules.marked_yaml import Listing, Node, read_documents
from tidegate.rules.reading import Fields, as_member, defect, suggestion
from tidegate.wire import from_builtins

DEFAULT_AT: Final = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
"""The moment of a test that names none."""
DEFAULT_AGE: Final = timedelta(hours=1)
"""How old evidence is when a test does not say."""

_CONTENT: Final = {"scan": "report", "sbom": "components", "vsa": "verdict", "provenance": "source"}
_SAYS: Final = "says"
"""The key of all other kinds: a predicate in its own field names."""
"""Kinds of evidence a test may give, and the key beside `age` and `signed` that says what is in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyTest:
    """One case: what is given, and what should come of it.

    Attributes:
        rules: names of exactly the rules that should count against the image; None leaves that open.
    """

    name: str
    policy: str
    boundary: Boundary
    at: datetime
    context: Context
    evidence: tuple[Evidence, ...]
    verdict: Verdict
    rules: frozenset[str] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TestResult:
    """How a case went.

    Attributes:
        problems: what was not as expected, in words; empty when all was.
        decision: what was decided; None when the policy is not there.
    """

    __test__ = False  # the name is the model's, not pytest's

    test: PolicyTest
    problems: tuple[str, ...]
    decision: Decision | None

    @property
    def passed(self) -> bool:
        """True when all was as expected."""
        return not self.problems


def load_tests(files: Mapping[str, str]) -> tuple[PolicyTest, ...]:
    """Reads the cases of every PolicyTest document in some files, text by file name; other kinds are passed over.

    Raises:
        DocumentError: something is wrong; it carries every defect found in one document.
    """
    found: list[PolicyTest] = []
    for file, text in files.items():
        for node in read_documents(text, file=file):
            if kind_of(node) == "PolicyTest":
                found += each_of([node], _document)[0]
    return tuple(found)


def run_tests(policies: Sequence[Policy], tests: Sequence[PolicyTest]) -> tuple[TestResult, ...]:
    """Decides every case by the policy it names."""
    known = {policy.name: policy for policy in policies}
    return tuple(_run(test, known) for test in tests)


def _run(test: PolicyTest, policies: Mapping[str, Policy]) -> TestResult:
    policy = policies.get(test.policy)
    if policy is None:
        problem = f"no policy is called {test.policy!r}; {suggestion(test.policy, policies)}"
        return TestResult(test=test, problems=(problem,), decision=None)
    decision = decide(test.boundary, SUBJECT, test.context, test.evidence, [policy], test.at)
    return TestResult(test=test, problems=tuple(_problems(test, policy, decision)), decision=decision)


def _problems(test: PolicyTest, policy: Policy, decision: Decision) -> list[str]:
    problems = []
    if decision.verdict is not test.verdict:
        problems.append(f"expected {test.verdict.value}, got {decision.verdict.value}")
    if test.rules is not None:
        objected = {reason.rule for reason in decision.reasons if not reason.excepted_by}
        names = {rule.name for rule in policy.rules}
        problems += [f"the policy has no rule {name!r}" for name in sorted(test.rules - names)]
        problems += [f"{name} should have objected" for name in sorted(test.rules & names - objected)]
        problems += [f"{name} should not have objected" for name in sorted(objected - test.rules)]
    return problems


def _document(node: Node) -> tuple[PolicyTest, ...]:
    _, spec = header_and_spec(node, "policy", "tests")
    policy = spec.text("policy")
    tests = spec.listing("tests")
    if not tests:
        raise defect(node, "holds no tests")
    return each_of(tests, lambda one: _test(one, policy))


def _test(node: Node, policy: str) -> PolicyTest:
    fields = Fields.of(node, "name", "boundary", "at", "context", "given", "expect")
    moment = fields.text("at", "")
    at = parse_rfc3339(moment) if moment else DEFAULT_AT
    boundary = as_member(fields.node("boundary"), Boundary)
    expect = Fields.of(fields.node("expect"), "verdict", "rules")
    rules = frozenset(expect.texts("rules")) if expect.optional("rules") else None
    return PolicyTest(
        name=fields.text("name"),
        policy=policy,
        boundary=boundary,
        at=at,
        context=_context(fields.optional("context")),
        evidence=_evidence(fields.optional("given"), boundary, at),
        verdict=as_member(expect.node("verdict"), Verdict),
        rules=rules,
    )


def _context(node: Node | None) -> Context:
    if node is None:
        return Context(trusted=frozenset({SIGNER}))
    names = ("repository", "reference", "pushed_by", "environment", "cluster", "namespace")
    fields = Fields.of(node, *names, "labels", "containers")
    containers = tuple(_typed(item, filled(item, CONTAINER), ContainerContext) for item in fields.listing("containers"))
    labels = fields.optional("labels")
    table = Fields.of(labels, *getattr(labels, "entries", {})) if labels is not None else None
    words = {name: fields.text(name, "") for name in names}
    return Context(
        repository=words["repository"],
        reference=words["reference"],
        pushed_by=words["pushed_by"],
        environment=words["environment"],
        cluster=words["cluster"],
        namespace=words["namespace"],
        labels={name: table.text(name) for name in table.table.entries} if table else {},
        containers=containers,
        trusted=frozenset({SIGNER}),
    )


def _typed(node: Node, value: object, kind: type[ContainerContext]) -> ContainerContext:
    try:
        return from_builtins(value, kind, what="container")
    except InvalidInputError as error:
        raise defect(node, error.what) from error


def _evidence(node: Node | None, boundary: Boundary, at: datetime) -> tuple[Evidence, ...]:
    if node is None:
        return ()
    kinds = Fields.of(node, *EVIDENCE_KINDS)
    found: list[Evidence] = []
    for kind in kinds.table.entries:
        several = EVIDENCE_KINDS[kind].several and isinstance(kinds.node(kind), Listing)
        given = kinds.listing(kind) if several else (kinds.node(kind),)
        found += [_one(kind, one, boundary, at) for one in given]
    return tuple(found)


def _one(kind: str, node: Node, boundary: Boundary, at: datetime) -> Evidence:
    content = _CONTENT.get(kind, _SAYS)
    fields = Fields.of(node, "age", "signed", content)
    made_at = at - fields.duration("age", DEFAULT_AGE)
    given = fields.optional(content)
    if kind == "scan":
        predicate_type, predicate = sample_report(given, made_at)
    elif kind == "sbom":
        predicate_type, predicate = sample_sbom(fields.whole_number(content, 1, most=100_000))
    elif kind == "provenance":
        predicate_type, predicate = sample_provenance(fields.text(content, SOURCE))
    elif content == _SAYS:
        predicate_type, predicate = sample_statement(kind, given, node)
    else:
        verdict = as_member(given, Verdict) if given is not None else Verdict.ALLOW
        predicate_type, predicate = sample_vsa(verdict, boundary, made_at)
    signed = fields.text("signed", "true")
    if signed not in {"true", "false"}:
        raise defect(fields.node("signed"), "not true or false")
    return Evidence(
        digest=Digest.of(f"{kind} {node.place}".encode()),
        subject=SUBJECT,
        predicate_type=predicate_type,
        predicate=predicate,
        signers=(SIGNER,) if signed == "true" else (),
        made_at=made_at,
    )

# SPDX-License-Identifier: Apache-2.0
"""Policies and exceptions from YAML, as docs/reference/policy.md has them; refused whole when anything is unknown."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final

from tidegate.artifact import Digest
from tidegate.errors import BoundExceededError, InvalidInputError
from tidegate.evidence import Boundary, Verdict
from tidegate.policy.exception import ExceptionSet, PolicyException, same_person
from tidegate.policy.fields import COLLECTIONS, EVIDENCE_KINDS, VARIABLES
from tidegate.policy.rule import Policy, Rule
from tidegate.rules.document import API_VERSION, each_of, header_and_spec
from tidegate.rules.expression import Checker, Runtime
from tidegate.rules.field import Collection
from tidegate.rules.marked_yaml import Node, Scalar, Table, read_documents
from tidegate.rules.reading import DocumentError, Fields, as_duration, as_member, as_scalar, defect, suggestion

MAX_RULES: Final = 500
MAX_EXCEPTIONS: Final = 5000
DEFAULT_VALID_FOR: Final = timedelta(days=7)
DEFAULT_MAX_EXCEPTION_DAYS: Final = 90

_MAX_DAYS: Final = 3650


def load_policies(files: Mapping[str, str]) -> tuple[Policy, ...]:
    """Reads policies and their exceptions from any number of files; documents of kind PolicyTest are passed over.

    Args:
        files: text by file name; the name stands in errors.

    Returns:
        The policies, in the order of the files, each with the exceptions that name it.

    Raises:
        DocumentError: something is wrong; it carries every defect of the first file that has any.
        BoundExceededError: a document is over a bound.
    """
    documents = [(file, text, node) for file, text in files.items() for node in read_documents(text, file=file)]
    policies: dict[str, Policy] = {}
    for file, text, node in documents:
        if kind_of(node) == "Policy":
            policy = _policy(node, Digest.of(text.encode()))
            if policy.name in policies:
                raise DocumentError(
                    [defect(node, f"a second policy is called {policy.name!r}", f"rename it in {file}")]
                )
            policies[policy.name] = policy
    for _, text, node in documents:
        if kind_of(node) == "Exceptions":
            name, found = _exceptions(node, policies, Digest.of(text.encode()))
            policies[name] = replace(policies[name], exceptions=(*policies[name].exceptions, found))
    return tuple(policies.values())


def load_policy(text: str, *, file: str) -> Policy:
    """Reads the one policy of a text, with the exceptions beside it.

    Raises:
        DocumentError: something is wrong, or there is not exactly one policy.
        BoundExceededError: a document is over a bound.
    """
    policies = load_policies({file: text})
    if len(policies) != 1:
        raise DocumentError([InvalidInputError(f"holds {len(policies)} policies, not one", where=file)])
    return policies[0]


def kind_of(node: Node) -> str:
    """The kind of a document.

    Raises:
        DocumentError: it is none of ours.
    """
    try:
        header = node if isinstance(node, Table) else Fields.of(node).table
        fields = Fields(header)
        if fields.text("apiVersion") != API_VERSION:
            raise defect(fields.node("apiVersion"), "unknown apiVersion", f"write {API_VERSION}")
        kind = fields.scalar("kind")
        if kind.text not in {"Policy", "Exceptions", "PolicyTest"}:
            raise defect(kind, f"unknown kind {kind.text[:40]!r}", "known are Policy, Exceptions, PolicyTest")
    except InvalidInputError as error:
        raise DocumentError([error]) from error
    return kind.text


def _policy(node: Node, digest: Digest) -> Policy:
    return each_of([node], lambda document: _read_policy(document, digest))[0]


def _read_policy(node: Node, digest: Digest) -> Policy:
    metadata, spec = header_and_spec(node, "validFor", "maxExceptionDays", "rules")
    runtime = Runtime(VARIABLES)
    rules = each_of(_bounded(spec.listing("rules"), "MAX_RULES", MAX_RULES, node), lambda one: _rule(one, runtime))
    if not rules:
        raise defect(node, "a policy without rules", "a gate denies where no rule stands")
    _check_unique("rule", [rule.name for rule in rules], node)
    days = spec.whole_number("maxExceptionDays", DEFAULT_MAX_EXCEPTION_DAYS, most=_MAX_DAYS)
    return Policy(
        name=metadata.name("name"),
        description=metadata.text("description", ""),
        digest=digest,
        valid_for=spec.duration("validFor", DEFAULT_VALID_FOR),
        max_exception=timedelta(days=days),
        rules=rules,
        runtime=runtime,
    )


_RULE_KEYS: Final = (
    "name", "description", "reference", "boundaries", "reads", "each", "when", "verdict", "message", "fix",
)  # fmt: skip


def _rule(node: Node, runtime: Runtime) -> Rule:
    fields = Fields.of(node, *_RULE_KEYS)
    reads, each = _reads(fields), _each(fields)
    if each is not None and each.item.evidence and each.item.evidence not in reads:
        raise defect(fields.node("each"), f"{each.name} come from a {each.item.evidence} it does not read",
                     f"add {each.item.evidence} to reads")  # fmt: skip
    boundaries = tuple(as_member(item, Boundary) for item in fields.listing("boundaries"))
    if not boundaries:
        raise defect(node, "the key 'boundaries' is missing", f"known are {', '.join(Boundary)}")
    checker = Checker(VARIABLES, reads=reads, each=each)
    when = fields.optional("when")
    if when is None and (not reads or each is not None):
        raise defect(node, "the key 'when' is missing", "only a rule that asks for evidence alone goes without")
    verdict = Verdict.DENY if when is None else as_member(fields.node("verdict"), Verdict)
    if verdict is Verdict.ALLOW:
        raise defect(fields.node("verdict"), "an objection cannot allow", "write warn or deny")
    program, condition = None, ""
    if when is not None:
        condition, program = _compile(fields, as_scalar(when), checker, runtime, each)
    return Rule(
        name=fields.name("name"),
        description=fields.text("description", ""),
        reference=fields.text("reference", ""),
        boundaries=boundaries,
        reads=reads,
        each=each,
        when=condition.strip(),
        verdict=verdict,
        message=fields.text("message", ""),
        fix=fields.text("fix", ""),
        program=program,
    )


def _compile(
    fields: Fields, when: Scalar, checker: Checker, runtime: Runtime, each: Collection | None
) -> tuple[str, object]:
    fix = fields.optional("fix")
    jobs = [(checker.condition, when), (checker.template, fields.scalar("message"))]
    jobs += [(checker.template, as_scalar(fix))] if fix is not None else []
    defects: list[InvalidInputError] = []
    checked: list[str] = []
    for check, text in jobs:
        try:
            checked.append(check(text))
        except InvalidInputError as error:
            defects.append(error)
    if defects:
        raise DocumentError(defects)
    condition, message, *rest = checked
    try:
        return condition, runtime.program(each=each, when=condition, message=message, fix=rest[0] if rest else '""')
    except InvalidInputError as error:
        raise defect(when, error.what) from error


def _reads(fields: Fields) -> Mapping[str, timedelta]:
    node = fields.optional("reads")
    if node is None:
        return {}
    kinds = Fields.of(node, *EVIDENCE_KINDS)
    found: dict[str, timedelta] = {}
    for name in kinds.table.entries:
        limits = Fields.of(kinds.node(name), "maxAge")
        found[name] = as_duration(limits.node("maxAge"))
    return found


def _each(fields: Fields) -> Collection | None:
    node = fields.optional("each")
    if node is None:
        return None
    name = as_scalar(node).text
    if name not in COLLECTIONS:
        raise defect(node, f"unknown collection {name[:40]!r}", suggestion(name, COLLECTIONS))
    return COLLECTIONS[name]


def _exceptions(node: Node, policies: Mapping[str, Policy], digest: Digest) -> tuple[str, ExceptionSet]:
    return each_of([node], lambda document: _read_exceptions(document, policies, digest))[0]


def _read_exceptions(node: Node, policies: Mapping[str, Policy], digest: Digest) -> tuple[str, ExceptionSet]:
    metadata, spec = header_and_spec(node, "policy", "exceptions")
    policy = policies.get(spec.text("policy"))
    if policy is None:
        name = spec.scalar("policy")
        raise defect(name, f"no policy is called {name.text[:80]!r}", suggestion(name.text, policies))
    nodes = _bounded(spec.listing("exceptions"), "MAX_EXCEPTIONS", MAX_EXCEPTIONS, node)
    found = each_of(nodes, lambda one: _exception(one, policy))
    _check_unique("exception", [one.name for one in found], node)
    return policy.name, ExceptionSet(name=metadata.name("name"), digest=digest, exceptions=found)


_EXCEPTION_KEYS: Final = (
    "name", "rule", "items", "packages", "repositories", "owner", "approver", "reason", "granted", "expires",
)  # fmt: skip


def _exception(node: Node, policy: Policy) -> PolicyException:
    fields = Fields.of(node, *_EXCEPTION_KEYS)
    rule = fields.scalar("rule")
    names = [one.name for one in policy.rules]
    if rule.text not in names:
        raise defect(rule, f"policy {policy.name!r} has no rule {rule.text[:80]!r}", suggestion(rule.text, names))
    found = PolicyException(
        name=fields.name("name"),
        rule=rule.text,
        items=fields.texts("items"),
        packages=fields.texts("packages"),
        repositories=fields.texts("repositories"),
        owner=_person(fields, "owner"),
        approver=_person(fields, "approver"),
        reason=fields.text("reason"),
        granted=fields.day("granted"),
        expires=fields.day("expires"),
    )
    _check_exception(found, fields, policy)
    return found


def _check_exception(found: PolicyException, fields: Fields, policy: Policy) -> None:
    if same_person(found.owner) == same_person(found.approver):
        raise defect(fields.node("approver"), "the owner cannot approve", "let somebody else approve it")
    if not found.reason:
        raise defect(fields.node("reason"), "the reason is empty")
    if not (found.items or found.packages or found.repositories):
        raise defect(fields.table, "matches everything", "name items, packages or repositories")
    if found.expires < found.granted:
        raise defect(fields.node("expires"), "expires before it is granted")
    if found.expires - found.granted > policy.max_exception:
        limit = f"{policy.max_exception.days} days, the policy's maxExceptionDays"
        raise defect(fields.node("expires"), f"lasts {(found.expires - found.granted).days} days", f"at most {limit}")


def _person(fields: Fields, name: str) -> str:
    person = fields.text(name)
    if not person:
        raise defect(fields.node(name), f"the {name} is empty")
    return person


def _bounded(nodes: Sequence[Node], bound: str, limit: int, document: Node) -> Sequence[Node]:
    if len(nodes) > limit:
        raise BoundExceededError(bound, limit, where=str(document.place))
    return nodes


def _check_unique(what: str, names: Sequence[str], node: Node) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise defect(node, f"two {what}s are called {name!r}")
        seen.add(name)

# SPDX-License-Identifier: Apache-2.0
"""Policies of response from YAML, as docs/reference/response.md has them; refused whole when anything is unknown."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from enum import StrEnum
from typing import Final, TypeVar

from tidegate.execution.drift_rules import EVERYTHING, Mode
from tidegate.execution.observation import Act
from tidegate.execution.response_policy import ON_THE_NODE, Limits, ResponsePolicy, ResponseRule, Severity, Step
from tidegate.execution.rule_documents import few, patterns, rule_documents, yes
from tidegate.rules.document import each_of, header_and_spec
from tidegate.rules.marked_yaml import Node
from tidegate.rules.reading import Fields, as_member, defect

KIND: Final = "ResponsePolicy"
MAX_RULES: Final = 500
MAX_ITEMS: Final = 100
_MAX_PER_NODE: Final = 10_000
_HUNDRED: Final = 100
_PLACES: Final = ("containers", "images", "namespaces", "pods")
_KEYS: Final = ("name", "description", "acts", "modes", *_PLACES, "severity", "steps", "alone", "workloadPercent")
_E = TypeVar("_E", bound=StrEnum)


def load_response_policy(files: Mapping[str, str]) -> ResponsePolicy:
    """Reads the policy of any number of files: rules in their order, limits and approvals of the last that has any.

    Args:
        files: text by file name; the name stands in errors.

    Raises:
        DocumentError: something is wrong; it carries every defect of the first document that has any.
        BoundExceededError: a document is over a bound.
    """
    policy = ResponsePolicy()
    for node in rule_documents(files, KIND):
        (policy,) = each_of([node], lambda one, before=policy: _policy(one, before))  # type: ignore[misc] # likewise
    return policy


def _policy(node: Node, before: ResponsePolicy) -> ResponsePolicy:
    _, spec = header_and_spec(node, "rules", "limits", "approval")
    approval, limits = spec.optional("approval"), spec.optional("limits")
    return ResponsePolicy(
        rules=before.rules + each_of(few(spec.listing("rules"), "MAX_RULES", MAX_RULES), _rule),
        limits=before.limits if limits is None else _limits(limits),
        approval=before.approval if approval is None else _members(spec, "approval", Step),
    )


def _limits(node: Node) -> Limits:
    fields, known = Fields.of(node, "window", "perNode", "perCluster", "namespacePercent", "workloadPercent"), Limits()
    return Limits(
        window=fields.duration("window", timedelta(minutes=10)),
        per_node=fields.whole_number("perNode", known.per_node, most=_MAX_PER_NODE),
        per_cluster=fields.whole_number("perCluster", known.per_cluster, most=_MAX_PER_NODE),
        namespace_percent=fields.whole_number("namespacePercent", known.namespace_percent, most=_HUNDRED),
        workload_percent=fields.whole_number("workloadPercent", known.workload_percent, most=_HUNDRED),
    )


def _rule(node: Node) -> ResponseRule:
    fields = Fields.of(node, *_KEYS)
    severity = fields.optional("severity")
    steps = tuple(as_member(one, Step) for one in few(fields.listing("steps"), "MAX_ITEMS", MAX_ITEMS))
    return ResponseRule(
        name=fields.name("name"),
        acts=_members(fields, "acts", Act),
        modes=_members(fields, "modes", Mode) or frozenset({Mode.ALERT, Mode.ENFORCE}),
        containers=patterns(fields, "containers") or EVERYTHING,
        images=patterns(fields, "images") or EVERYTHING,
        namespaces=patterns(fields, "namespaces") or EVERYTHING,
        pods=patterns(fields, "pods") or EVERYTHING,
        severity=None if severity is None else as_member(severity, Severity),
        steps=tuple(dict.fromkeys(steps)),
        alone=_alone(fields, steps),
        workload_percent=0 if fields.optional("workloadPercent") is None else _percent(fields),
    )


def _alone(fields: Fields, steps: Sequence[Step]) -> bool:
    alone = yes(fields, "alone")
    if alone and not ON_THE_NODE & set(steps):
        own = ", ".join(step for step in Step if step in ON_THE_NODE)
        raise defect(fields.node("alone"), f"a sensor takes none of these steps by itself, but {own}")
    return alone


def _percent(fields: Fields) -> int:
    return fields.whole_number("workloadPercent", _HUNDRED, most=_HUNDRED)


def _members(fields: Fields, key: str, kind: type[_E]) -> frozenset[_E]:
    return frozenset(as_member(one, kind) for one in few(fields.listing(key), "MAX_ITEMS", MAX_ITEMS))

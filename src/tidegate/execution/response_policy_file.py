# SPDX-License-Identifier: Apache-2.0
"""Policies of response from YAML, as docs/reference/response.md has them; refused whole when anything is unknown."""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Final, TypeVar

from tidegate.execution.drift_rules import EVERYTHING, Mode
from tidegate.execution.observation import Act
from tidegate.execution.response_policy import Limits, ResponsePolicy, ResponseRule, Severity, Step
from tidegate.policy.document import API_VERSION, each_of, header_and_spec
from tidegate.rules.marked_yaml import Node, Table, read_documents
from tidegate.rules.reading import Fields, as_member, as_scalar, defect

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
    for file, text in files.items():
        for node in read_documents(text, file=file):
            (policy,) = each_of([node], lambda one, before=policy: _policy(one, before))  # type: ignore[misc]
    return policy


def _policy(node: Node, before: ResponsePolicy) -> ResponsePolicy:
    document = Fields(node if isinstance(node, Table) else Fields.of(node).table)
    if document.text("apiVersion") != API_VERSION:
        raise defect(document.node("apiVersion"), "unknown apiVersion", f"write {API_VERSION}")
    if document.text("kind") != KIND:
        raise defect(document.node("kind"), "not a policy of response", f"write {KIND}")
    _, spec = header_and_spec(node, "rules", "limits", "approval")
    approval, limits = spec.optional("approval"), spec.optional("limits")
    return ResponsePolicy(
        rules=before.rules + each_of(_few(spec.listing("rules"), "MAX_RULES", MAX_RULES), _rule),
        limits=before.limits if limits is None else _limits(limits),
        approval=before.approval if approval is None else _members(spec, "approval", Step),
    )


def _limits(node: Node) -> Limits:
    fields, known = Fields.of(node, "window", "perNode", "namespacePercent", "workloadPercent"), Limits()
    return Limits(
        window=fields.duration("window", timedelta(minutes=10)),
        per_node=fields.whole_number("perNode", known.per_node, most=_MAX_PER_NODE),
        namespace_percent=fields.whole_number("namespacePercent", known.namespace_percent, most=_HUNDRED),
        workload_percent=fields.whole_number("workloadPercent", known.workload_percent, most=_HUNDRED),
    )


def _rule(node: Node) -> ResponseRule:
    fields = Fields.of(node, *_KEYS)
    severity, alone = fields.optional("severity"), fields.text("alone", "false")
    if alone not in {"true", "false"}:
        raise defect(fields.node("alone"), "is neither true nor false")
    steps = tuple(as_member(one, Step) for one in _few(fields.listing("steps"), "MAX_ITEMS", MAX_ITEMS))
    return ResponseRule(
        name=fields.name("name"),
        acts=_members(fields, "acts", Act),
        modes=_members(fields, "modes", Mode) or frozenset({Mode.ALERT, Mode.ENFORCE}),
        containers=_patterns(fields, "containers"),
        images=_patterns(fields, "images"),
        namespaces=_patterns(fields, "namespaces"),
        pods=_patterns(fields, "pods"),
        severity=None if severity is None else as_member(severity, Severity),
        steps=tuple(dict.fromkeys(steps)),
        alone=alone == "true",
        workload_percent=0 if fields.optional("workloadPercent") is None else _percent(fields),
    )


def _percent(fields: Fields) -> int:
    return fields.whole_number("workloadPercent", _HUNDRED, most=_HUNDRED)


def _members(fields: Fields, key: str, kind: type[_E]) -> frozenset[_E]:
    return frozenset(as_member(one, kind) for one in _few(fields.listing(key), "MAX_ITEMS", MAX_ITEMS))


def _patterns(fields: Fields, key: str) -> tuple[str, ...]:
    return tuple(as_scalar(one).text for one in _few(fields.listing(key), "MAX_ITEMS", MAX_ITEMS)) or EVERYTHING


def _few(nodes: tuple[Node, ...], bound: str, limit: int) -> tuple[Node, ...]:
    if len(nodes) > limit:
        raise defect(nodes[limit], f"over the limit {bound} = {limit}")
    return nodes

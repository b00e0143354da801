# SPDX-License-Identifier: Apache-2.0
"""Rules of drift from YAML, as docs/reference/sensor.md has them; refused whole when anything is unknown."""

from collections.abc import Mapping
from typing import Final

from tidegate.execution.drift_rules import EVERYTHING, DriftRule, DriftRules, Mode
from tidegate.policy.document import API_VERSION, each_of, header_and_spec
from tidegate.rules.marked_yaml import Node, Table, read_documents
from tidegate.rules.reading import Fields, as_member, as_scalar, defect

KIND: Final = "DriftRules"
MAX_RULES: Final = 500
MAX_PATTERNS: Final = 100
_KEYS: Final = ("name", "description", "containers", "images", "namespaces", "pods", "mode", "allow", "opened")


def load_drift_rules(files: Mapping[str, str], *, otherwise: Mode = Mode.ALERT) -> DriftRules:
    """Reads the rules of any number of files, in the order of the files and within them.

    Args:
        files: text by file name; the name stands in errors.
        otherwise: holds for workloads no rule speaks of.

    Raises:
        DocumentError: something is wrong; it carries every defect of the first document that has any.
        BoundExceededError: a document is over a bound.
    """
    rules: list[DriftRule] = []
    for file, text in files.items():
        for node in read_documents(text, file=file):
            rules += each_of([node], _rules)[0]
    return DriftRules(rules=tuple(rules), otherwise=otherwise)


def _rules(node: Node) -> tuple[DriftRule, ...]:
    document = Fields(node if isinstance(node, Table) else Fields.of(node).table)
    if document.text("apiVersion") != API_VERSION:
        raise defect(document.node("apiVersion"), "unknown apiVersion", f"write {API_VERSION}")
    if document.text("kind") != KIND:
        raise defect(document.node("kind"), "not rules of drift", f"write {KIND}")
    _, spec = header_and_spec(node, "rules")
    rules = _few(spec.listing("rules"), "MAX_RULES", MAX_RULES)
    if not rules:
        raise defect(node, "no rules in it", "add one to spec.rules")
    return each_of(rules, _rule)


def _rule(node: Node) -> DriftRule:
    fields = Fields.of(node, *_KEYS)
    mode, opened = fields.optional("mode"), fields.text("opened", "false")
    if opened not in {"true", "false"}:
        raise defect(fields.node("opened"), "is neither true nor false")
    return DriftRule(
        name=fields.name("name"),
        containers=_patterns(fields, "containers") or EVERYTHING,
        images=_patterns(fields, "images") or EVERYTHING,
        namespaces=_patterns(fields, "namespaces") or EVERYTHING,
        pods=_patterns(fields, "pods") or EVERYTHING,
        mode=Mode.ALERT if mode is None else as_member(mode, Mode),
        allow=_patterns(fields, "allow"),
        opened=opened == "true",
    )


def _patterns(fields: Fields, key: str) -> tuple[str, ...]:
    return tuple(as_scalar(one).text for one in _few(fields.listing(key), "MAX_PATTERNS", MAX_PATTERNS))


def _few(nodes: tuple[Node, ...], bound: str, limit: int) -> tuple[Node, ...]:
    if len(nodes) > limit:
        raise defect(nodes[limit], f"over the limit {bound} = {limit}")
    return nodes

# SPDX-License-Identifier: Apache-2.0
"""Rules of drift from YAML, as docs/reference/sensor.md has them; refused whole when anything is unknown."""

from collections.abc import Mapping
from typing import Final

from tidegate.execution.drift_rules import EVERYTHING, DriftRule, DriftRules, Mode
from tidegate.execution.rule_documents import few, patterns, rule_documents, yes
from tidegate.rules.document import each_of, header_and_spec
from tidegate.rules.marked_yaml import Node
from tidegate.rules.reading import Fields, as_member, defect

KIND: Final = "DriftRules"
MAX_RULES: Final = 500
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
    for node in rule_documents(files, KIND):
        rules += each_of([node], _rules)[0]
    return DriftRules(rules=tuple(rules), otherwise=otherwise)


def _rules(node: Node) -> tuple[DriftRule, ...]:
    _, spec = header_and_spec(node, "rules")
    rules = few(spec.listing("rules"), "MAX_RULES", MAX_RULES)
    if not rules:
        raise defect(node, "no rules in it", "add one to spec.rules")
    return each_of(rules, _rule)


def _rule(node: Node) -> DriftRule:
    fields = Fields.of(node, *_KEYS)
    mode = fields.optional("mode")
    return DriftRule(
        name=fields.name("name"),
        containers=patterns(fields, "containers") or EVERYTHING,
        images=patterns(fields, "images") or EVERYTHING,
        namespaces=patterns(fields, "namespaces") or EVERYTHING,
        pods=patterns(fields, "pods") or EVERYTHING,
        mode=Mode.ALERT if mode is None else as_member(mode, Mode),
        allow=patterns(fields, "allow"),
        opened=yes(fields, "opened"),
    )

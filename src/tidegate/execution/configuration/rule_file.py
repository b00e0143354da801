# SPDX-License-Identifier: Apache-2.0
"""Rules of configuration from YAML, as docs/reference/pods.md has them; refused whole when anything is unknown."""

from collections.abc import Mapping
from typing import Final

from tidegate.bounds import MIB
from tidegate.evidence import Verdict
from tidegate.execution.configuration.rules import (
    CODE_KEYS,
    CONFIGURATION,
    EVERYTHING,
    ConfigurationRule,
    ConfigurationRules,
)
from tidegate.execution.rule_documents import few, rule_documents, unique
from tidegate.identity.condition import Condition
from tidegate.rules.document import each_of, header_and_spec
from tidegate.rules.marked_yaml import Node
from tidegate.rules.reading import Fields, as_member, as_scalar, defect

KIND: Final = "ConfigurationRules"
MAX_RULES: Final = 500
_KEYS: Final = (
    *("name", "description", "namespaces", "kinds", "names", "when"),
    *("secrets", "mutable", "code", "codeKeys", "maxBytes"),
)


def load_configuration_rules(files: Mapping[str, str]) -> ConfigurationRules:
    """Reads the rules of any number of files, in the order of the files and within them.

    Args:
        files: text by file name; the name stands in errors.

    Raises:
        DocumentError: something is wrong; it carries every defect of the first document that has any.
        BoundExceededError: a document is over a bound.
    """
    rules: list[ConfigurationRule] = []
    for node in rule_documents(files, KIND):
        rules += each_of([node], _rules)[0]
    return ConfigurationRules(rules=tuple(rules))


def _rules(node: Node) -> tuple[ConfigurationRule, ...]:
    _, spec = header_and_spec(node, "rules")
    listed = few(spec.listing("rules"), "MAX_RULES", MAX_RULES)
    if not listed:
        raise defect(node, "no rules in it", "add one to spec.rules")
    made = each_of(listed, _rule)
    unique(listed, [one.name for one in made])
    return made


def _rule(node: Node) -> ConfigurationRule:
    fields = Fields.of(node, *_KEYS)
    when = fields.optional("when")
    return ConfigurationRule(
        name=fields.name("name"),
        namespaces=fields.texts("namespaces") or EVERYTHING,
        kinds=fields.texts("kinds") or EVERYTHING,
        names=fields.texts("names") or EVERYTHING,
        when=None if when is None else Condition.of(as_scalar(when), CONFIGURATION),
        secrets=_verdict(fields, "secrets", Verdict.DENY),
        mutable=_verdict(fields, "mutable", Verdict.ALLOW),
        code=_verdict(fields, "code", Verdict.WARN),
        code_keys=(*CODE_KEYS, *fields.texts("codeKeys")),
        max_bytes=fields.whole_number("maxBytes", MIB, most=MIB),
    )


def _verdict(fields: Fields, key: str, default: Verdict) -> Verdict:
    node = fields.optional(key)
    return default if node is None else as_member(node, Verdict)

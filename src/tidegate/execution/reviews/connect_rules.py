# SPDX-License-Identifier: Apache-2.0
"""Who may open a way into running pods (exec, attach, portforward), where: rules from YAML. Pure.

The first rule that fits decides; where none fits, nobody may.
"""

import fnmatch
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from tidegate.execution.rule_documents import few, patterns, rule_documents
from tidegate.policy.document import each_of, header_and_spec
from tidegate.rules.marked_yaml import Node
from tidegate.rules.reading import Fields, defect
from tidegate.values import Struct

KIND: Final = "ConnectRules"
ACTS: Final = ("exec", "attach", "portforward")
MAX_RULES: Final = 500
EVERYTHING: Final = ("*",)
GROUP: Final = "group:"
_KEYS: Final = ("name", "description", "who", "namespaces", "pods", "containers", "acts", "verdict")


class Connection(Struct, frozen=True, kw_only=True):
    """A way that somebody asks for.

    Attributes:
        act: one of `ACTS`.
        who: the user's name, and their groups as `group:…`.
        container: "" where none is named.
    """

    act: str
    who: tuple[str, ...]
    namespace: str
    pod: str
    container: str = ""


class ConnectRule(Struct, frozen=True, kw_only=True):
    """What holds for some ways; shell patterns, all of which must fit."""

    name: str
    who: tuple[str, ...] = EVERYTHING
    namespaces: tuple[str, ...] = EVERYTHING
    pods: tuple[str, ...] = EVERYTHING
    containers: tuple[str, ...] = EVERYTHING
    acts: tuple[str, ...] = ACTS
    allows: bool = True

    def fits(self, asked: Connection) -> bool:
        """True when it speaks of such a way."""
        return (
            asked.act in self.acts
            and any(_matches(self.who, name) for name in asked.who)
            and _matches(self.namespaces, asked.namespace)
            and _matches(self.pods, asked.pod)
            and _matches(self.containers, asked.container)
        )


class ConnectRules(Struct, frozen=True):
    """Rules in their order."""

    rules: tuple[ConnectRule, ...] = ()

    def ruling(self, asked: Connection) -> ConnectRule | None:
        """The rule that decides; None when none speaks of it, which denies."""
        return next((rule for rule in self.rules if rule.fits(asked)), None)


def load_connect_rules(files: Mapping[str, str]) -> ConnectRules:
    """Reads rules of any number of files, in the order of the files and within them.

    Args:
        files: text by file name; the name stands in errors.

    Raises:
        DocumentError: something is wrong; it carries every defect of the first document that has any.
        BoundExceededError: a document is over a bound.
    """
    rules: list[ConnectRule] = []
    for node in rule_documents(files, KIND):
        rules += each_of([node], _rules)[0]
    return ConnectRules(tuple(rules))


def _rules(node: Node) -> tuple[ConnectRule, ...]:
    _, spec = header_and_spec(node, "rules")
    rules = few(spec.listing("rules"), "MAX_RULES", MAX_RULES)
    if not rules:
        raise defect(node, "no rules in it", "add one to spec.rules")
    return each_of(rules, _rule)


def _rule(node: Node) -> ConnectRule:
    fields = Fields.of(node, *_KEYS)
    verdict = fields.text("verdict", "allow")
    if verdict not in {"allow", "deny"}:
        raise defect(fields.node("verdict"), "is neither allow nor deny")
    acts = patterns(fields, "acts") or ACTS
    if unknown := [act for act in acts if act not in ACTS]:
        raise defect(fields.node("acts"), f"no such act: {unknown[0][:40]!r}", f"name some of {', '.join(ACTS)}")
    return ConnectRule(
        name=fields.name("name"),
        who=patterns(fields, "who") or EVERYTHING,
        namespaces=patterns(fields, "namespaces") or EVERYTHING,
        pods=patterns(fields, "pods") or EVERYTHING,
        containers=patterns(fields, "containers") or EVERYTHING,
        acts=acts,
        allows=verdict == "allow",
    )


def _matches(patterns: tuple[str, ...], text: str) -> bool:
    return any(_compiled(pattern).match(text) for pattern in patterns)


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> "re.Pattern[str]":
    return re.compile(fnmatch.translate(pattern))

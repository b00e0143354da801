# SPDX-License-Identifier: Apache-2.0
"""Who may open a way into what runs (exec, attach, port forwards, proxies), evict and scale, where: rules. Pure.

The first rule that fits decides. Where none fits, nobody may open a way in, and whoever else may evicts and scales.
"""

import fnmatch
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from tidegate.execution.rule_documents import few, patterns, rule_documents
from tidegate.rules.document import each_of, header_and_spec
from tidegate.rules.marked_yaml import Node
from tidegate.rules.reading import Fields, defect
from tidegate.values import Struct

KIND: Final = "ConnectRules"
OF_PODS: Final = ("exec", "attach", "portforward")
OF_PROXIES: Final = ("podproxy", "serviceproxy", "nodeproxy")
"""Through the API server to a port of a pod, of a service, or to a node's kubelet, which runs commands in any pod."""
WAYS_IN: Final = (*OF_PODS, *OF_PROXIES)
OF_OTHERS: Final = ("evict", "scale")
"""They open nothing, and are asked of only where a rule names them."""
ACTS: Final = (*WAYS_IN, *OF_OTHERS)
MAX_RULES: Final = 500
EVERYTHING: Final = ("*",)
GROUP: Final = "group:"
_KEYS: Final = ("name", "description", "who", "namespaces", "pods", "containers", "acts", "verdict")


class Connection(Struct, frozen=True, kw_only=True):
    """A way that somebody asks for.

    Attributes:
        act: one of `ACTS`.
        who: the user's name, and their groups as `group:…`.
        namespace: "" for a node.
        pod: its name, or that of the service, node or workload.
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
    acts: tuple[str, ...] = OF_PODS
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
        """The rule that decides; None when none speaks of it, which denies a way in."""
        return next((rule for rule in self.rules if rule.fits(asked)), None)

    def speaks_of(self, act: str) -> bool:
        """True when a rule names an act."""
        return any(act in rule.acts for rule in self.rules)


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
    # Whoever lets somebody in says which proxies they mean; whoever keeps somebody out means all of them.
    acts = patterns(fields, "acts") or (OF_PODS if verdict == "allow" else WAYS_IN)
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

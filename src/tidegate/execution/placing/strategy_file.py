# SPDX-License-Identifier: Apache-2.0
"""Strategies from YAML, as docs/reference/placement.md has them; refused whole when anything is unknown."""

import re
from collections.abc import Mapping
from typing import Final

from tidegate.execution.placing.strategy import Isolation, Scaling, Spread, Strategies, Strategy, Taint
from tidegate.execution.rule_documents import few, rule_documents, unique, yes
from tidegate.execution.workload_terms import TERM_KEYS, terms_in
from tidegate.rules.document import each_of, header_and_spec
from tidegate.rules.marked_yaml import Listing, Node, Table
from tidegate.rules.reading import Fields, as_scalar, defect

KIND: Final = "PlacementStrategies"
MAX_STRATEGIES: Final = 500
MAX_VALUES: Final = 100
_MAX_SKEW: Final = 1000
_MAX_REPLICAS: Final = 100_000
_KEYS: Final = (
    "name", "description", *TERM_KEYS, "nodes", "taints", "spread", "runtimeClass", "class", "tenant", "replicas",
)  # fmt: skip
_LABEL: Final = re.compile(
    r"(?:[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
)
_VALUE: Final = re.compile(r"(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
_TAINT: Final = re.compile(r"([^=:]+)=([^=:]*):(NoSchedule|NoExecute)")


def load_strategies(files: Mapping[str, str]) -> Strategies:
    """Reads the strategies of any number of files; at most one of them speaks of isolation.

    Args:
        files: text by file name; the name stands in errors.

    Raises:
        DocumentError: something is wrong; it carries every defect of the first document that has any.
        BoundExceededError: a document is over a bound.
    """
    nodes: list[Node] = []
    isolated: list[Node] = []
    for document in rule_documents(files, KIND):
        spec = each_of([document], _spec)[0]
        nodes += each_of([document], lambda _: spec.listing("strategies"))[0]  # noqa: B023 - called at once
        isolated += [one for one in (spec.optional("isolation"),) if one is not None]
    strategies = each_of(few(tuple(nodes), "MAX_STRATEGIES", MAX_STRATEGIES), _strategy)
    unique(tuple(nodes), [one.name for one in strategies])
    unique(tuple(isolated), ["isolation"] * len(isolated))
    isolation = each_of(isolated, _isolation)
    return Strategies(strategies=strategies, isolation=isolation[0] if isolation else Isolation())


def _spec(node: Node) -> Fields:
    _, spec = header_and_spec(node, "strategies", "isolation")
    if not spec.table.entries:
        raise defect(node, "nothing in it", "add spec.strategies or spec.isolation")
    return spec


def _strategy(node: Node) -> Strategy:
    fields = Fields.of(node, *_KEYS)
    found = Strategy(
        name=fields.name("name"),
        terms=terms_in(fields),
        nodes=_nodes(fields),
        taints=each_of(few(fields.listing("taints"), "MAX_VALUES", MAX_VALUES), _taint),
        spread=each_of(few(fields.listing("spread"), "MAX_VALUES", MAX_VALUES), _spread),
        runtime_class=fields.text("runtimeClass", ""),
        data_class=_word(fields, "class"),
        tenant=_word(fields, "tenant"),
        scaling=_scaling(fields),
    )
    if found.taints and not found.nodes:
        raise defect(fields.node("taints"), "taints without nodes", "name the nodes that have them, too")
    return found


def _nodes(fields: Fields) -> dict[str, tuple[str, ...]]:
    node = fields.optional("nodes")
    if node is None:
        return {}
    if not isinstance(node, Table):
        raise defect(node, "expected labels and their values")
    found: dict[str, tuple[str, ...]] = {}
    for label, (place, value) in node.entries.items():
        if not _LABEL.fullmatch(label):
            raise defect(place, f"no label that Kubernetes takes: {label[:80]!r}")
        listed = few(value.items, "MAX_VALUES", MAX_VALUES) if isinstance(value, Listing) else (value,)
        found[label] = tuple(dict.fromkeys(each_of(listed, _value)))
        if not found[label]:
            raise defect(place, "names no value")
    return found


def _value(node: Node) -> str:
    text = as_scalar(node).text
    if not _VALUE.fullmatch(text):
        raise defect(node, f"no value that a label takes: {text[:80]!r}")
    return text


def _word(fields: Fields, key: str) -> str:
    node = fields.optional(key)
    return "" if node is None else _value(node)


def _taint(node: Node) -> Taint:
    text = as_scalar(node).text
    found = _TAINT.fullmatch(text)
    if not found or not _LABEL.fullmatch(found[1]) or not _VALUE.fullmatch(found[2]):
        raise defect(node, f"no taint: {text[:80]!r}", "write pool=secret:NoSchedule")
    return Taint(key=found[1], value=found[2], effect=found[3])


def _spread(node: Node) -> Spread:
    fields = Fields.of(node, "over", "maxSkew", "firm")
    topology = fields.text("over")
    if not _LABEL.fullmatch(topology):
        raise defect(fields.node("over"), f"no label of nodes: {topology[:80]!r}", "write topology.kubernetes.io/zone")
    skew = fields.whole_number("maxSkew", 1, most=_MAX_SKEW)
    return Spread(topology=topology, max_skew=skew, is_firm=yes(fields, "firm"))


def _scaling(fields: Fields) -> Scaling:
    node = fields.optional("replicas")
    if node is None:
        return Scaling()
    said = Fields.of(node, "least", "most")
    least = None if said.optional("least") is None else said.whole_number("least", 1, most=_MAX_REPLICAS)
    most = None if said.optional("most") is None else said.whole_number("most", 1, most=_MAX_REPLICAS)
    if least is not None and most is not None and least > most:
        raise defect(node, "least is more than most")
    return Scaling(least=least, most=most)


def _isolation(node: Node) -> Isolation:
    fields = Fields.of(node, "apart", "tenants", "default", "reserved", "exempt")
    tenants = fields.text("tenants", "together")
    if tenants not in {"apart", "together"}:
        raise defect(fields.node("tenants"), "is neither apart nor together")
    return Isolation(
        classes=each_of(few(fields.listing("apart"), "MAX_VALUES", MAX_VALUES), _pair),
        tenants=tenants == "apart",
        default_class=_word(fields, "default"),
        reserved=_reserved(fields),
        exempt=each_of(
            few(fields.listing("exempt"), "MAX_VALUES", MAX_VALUES), lambda one: terms_in(Fields.of(one, *TERM_KEYS))
        ),
    )


def _pair(node: Node) -> frozenset[str]:
    values = each_of(node.items, _value) if isinstance(node, Listing) else ()
    if len({*values}) != 2:  # noqa: PLR2004 - a pair
        raise defect(node, "not two data classes", "write [public, secret]")
    return frozenset(values)


def _reserved(fields: Fields) -> dict[str, tuple[Taint, ...]]:
    node = fields.optional("reserved")
    if node is None:
        return {}
    if not isinstance(node, Table):
        raise defect(node, "expected data classes and their taints")
    return {
        name: each_of(value.items if isinstance(value, Listing) else (value,), _taint)
        for name, (_, value) in node.entries.items()
    }

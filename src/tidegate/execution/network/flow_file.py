# SPDX-License-Identifier: Apache-2.0
"""Declared flows from YAML, as docs/reference/network-policies.md has them; refused whole when anything is wrong."""

import ipaddress
import re
from collections.abc import Mapping
from typing import Final

from tidegate.errors import InvalidInputError
from tidegate.execution.network.flows import (
    USUAL_RESOLVER,
    Addresses,
    Flow,
    Flows,
    Party,
    Ports,
    Segment,
    parse_ports,
)
from tidegate.execution.network.network_policy import IpBlock, Network
from tidegate.execution.rule_documents import few, rule_documents, unique, yes
from tidegate.rules.document import each_of, header_and_spec
from tidegate.rules.marked_yaml import Node, Table
from tidegate.rules.reading import DocumentError, Fields, as_scalar, defect, suggestion

KIND: Final = "NetworkFlows"
MAX_SEGMENTS: Final = 2000
MAX_FLOWS: Final = 10_000
MAX_PORTS: Final = 100
_LABEL: Final = re.compile(
    r"(?:[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
)
_VALUE: Final = re.compile(r"(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")


def load_flows(files: Mapping[str, str]) -> Flows:
    """Reads what any number of files declare; a segment of one may be named in all.

    Args:
        files: text by file name; the name stands in errors.

    Raises:
        DocumentError: something is wrong; it carries every defect of the first document that has any.
        BoundExceededError: a document is over a bound.
    """
    specs = [(node, each_of([node], _spec)[0]) for node in rule_documents(files, KIND)]
    nodes = tuple(one for _, spec in specs for one in few(spec.listing("segments"), "MAX_SEGMENTS", MAX_SEGMENTS))
    segments = each_of(nodes, _segment)
    unique(nodes, [segment.name for segment in segments])
    ranges = tuple(_network(one) for _, spec in specs for one in spec.listing("clusterAddresses"))
    apart = tuple(_pair(one) for _, spec in specs for one in spec.listing("apart"))
    resolver = next((found for _, spec in specs if (found := _resolver(spec)) is not USUAL_RESOLVER), USUAL_RESOLVER)
    named = (as_scalar(one).text for _, spec in specs for one in spec.listing("namespaces"))
    known = Flows(
        segments=segments,
        namespaces=tuple(sorted({*named, *(segment.namespace for segment in segments)})),
        resolver=resolver,
        apart=apart,
    )
    flows: list[Flow] = []
    for _, spec in specs:
        written = few(spec.listing("flows"), "MAX_FLOWS", MAX_FLOWS)
        flows += each_of(written, lambda node: _flow(node, known, ranges))
    return Flows(segments=segments, flows=tuple(flows), namespaces=known.namespaces, resolver=resolver, apart=apart)


def _spec(node: Node) -> Fields:
    _, spec = header_and_spec(node, "segments", "flows", "namespaces", "names", "apart", "clusterAddresses")
    return spec


def _segment(node: Node) -> Segment:
    fields = Fields.of(node, "name", "namespace", "labels", "tenant", "class")
    written = fields.optional("labels")
    labels = {} if written is None else _labels(written)
    return Segment(
        name=fields.name("name"),
        namespace=fields.name("namespace"),
        labels=labels,
        tenant=fields.text("tenant", ""),
        data_class=fields.text("class", ""),
    )


def _labels(node: Node) -> dict[str, str]:
    if not isinstance(node, Table):
        raise defect(node, "expected labels and their values")
    found: dict[str, str] = {}
    for key, (place, value) in node.entries.items():
        text = as_scalar(value).text
        if not _LABEL.fullmatch(key) or not _VALUE.fullmatch(text):
            raise defect(place, f"no label that Kubernetes takes: {key[:80]!r}")
        found[key] = text
    return found


def _resolver(spec: Fields) -> Segment | None:
    node = spec.optional("names")
    if node is None:
        return USUAL_RESOLVER
    fields = Fields.of(node, "namespace", "labels", "closed")
    if yes(fields, "closed"):
        return None
    written = fields.optional("labels")
    labels = USUAL_RESOLVER.labels if written is None else _labels(written)
    return Segment(name="names", namespace=fields.text("namespace", USUAL_RESOLVER.namespace), labels=labels)


def _pair(node: Node) -> frozenset[str]:
    texts = frozenset(as_scalar(one).text for one in getattr(node, "items", ()))
    if len(texts) != 2:  # noqa: PLR2004 - a pair
        raise DocumentError([defect(node, "not two data classes", "write [public, secret]")])
    return texts


def _flow(node: Node, known: Flows, ranges: tuple[Network, ...]) -> Flow:
    fields = Fields.of(node, "from", "to", "ports", "why")
    source, target = _party(fields.node("from"), known, ranges), _party(fields.node("to"), known, ranges)
    if isinstance(source, Addresses) and isinstance(target, Addresses):
        raise defect(node, "neither side is of the cluster")
    why = fields.text("why", "")
    objection = known.objection(source, target)
    if objection and not why:
        raise defect(node, objection, "leave it out, or say why")
    ports = each_of(few(fields.listing("ports"), "MAX_PORTS", MAX_PORTS), _ports)
    if not ports:
        raise defect(node, "names no ports", "name those it needs, such as [443]")
    if isinstance(target, Addresses) and any(isinstance(one.first, str) for one in ports):
        raise defect(node, "an address outside has no named ports", "write numbers")
    return Flow(source=source, target=target, ports=ports, why=why)


def _party(node: Node, known: Flows, ranges: tuple[Network, ...]) -> Party:
    if not isinstance(node, Table):
        names = {segment.name: segment for segment in known.segments}
        text = as_scalar(node).text
        if text not in names:
            raise defect(node, f"no segment is called {text[:80]!r}", suggestion(text, names))
        return names[text]
    fields = Fields.of(node, "cidr", "except")
    cidr = _network(fields.node("cidr"))
    excepted = [_network(one) for one in fields.listing("except")]
    for inner in ranges:
        if inner.version != cidr.version:
            continue
        if cidr.subnet_of(inner):  # type: ignore[arg-type] # of one version, as was asked
            raise defect(node, f"{cidr} is of the cluster itself", "name a segment")
        if inner.subnet_of(cidr):  # type: ignore[arg-type] # likewise
            excepted.append(inner)
    for one in excepted:
        if one.version != cidr.version or one == cidr or not one.subnet_of(cidr):  # type: ignore[arg-type]
            raise defect(node, f"{one} is not a part of {cidr}")
    return Addresses(block=IpBlock(cidr=cidr, excepted=tuple(dict.fromkeys(excepted))))


def _network(node: Node) -> Network:
    text = as_scalar(node).text
    try:
        return ipaddress.ip_network(text)
    except ValueError as error:
        raise defect(node, f"no range of addresses: {text[:60]!r}", "write 203.0.113.0/24") from error


def _ports(node: Node) -> Ports:
    try:
        return parse_ports(as_scalar(node).text)
    except InvalidInputError as error:
        raise defect(node, error.what, error.remedy) from error

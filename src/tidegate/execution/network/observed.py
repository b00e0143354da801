# SPDX-License-Identifier: Apache-2.0
"""Flows as they were seen, JSON Lines: what sensors, and tools that translate for them, hand in.

One object a line, as docs/reference/network-policies.md has it: `source` and `destination` with `namespace`, `labels`,
`workload` and `address`, `port`, `protocol`, `count`. Whoever opened the connection is the source.
"""

import ipaddress
from collections.abc import Iterable, Mapping
from typing import Annotated, Final

from tidegate.errors import BoundExceededError, InvalidInputError
from tidegate.execution.network.endpoint import Endpoint, Outside, Pod, Protocol
from tidegate.execution.network.flows import Flow, Flows, Ports, Segment
from tidegate.execution.network.network_policy import MAX_PORT
from tidegate.values import Struct, field, msgspec
from tidegate.wire import from_json

MAX_LINES: Final = 1_000_000
MAX_LINE_BYTES: Final = 64 * 1024
_STABLE: Final = (
    "app.kubernetes.io/name",
    "app.kubernetes.io/instance",
    "app.kubernetes.io/component",
    "app",
    "k8s-app",
)
_VOLATILE: Final = frozenset(
    {
        *("pod-template-hash", "controller-revision-hash", "pod-template-generation", "job-name", "controller-uid"),
        *("batch.kubernetes.io/job-name", "batch.kubernetes.io/controller-uid", "statefulset.kubernetes.io/pod-name"),
        *("apps.kubernetes.io/pod-index", "batch.kubernetes.io/job-completion-index"),
    }
)
_Name = Annotated[str, msgspec.Meta(max_length=253)]


class Seen(Struct, frozen=True, kw_only=True):
    """One side of a connection; without a namespace it is outside of the cluster.

    Attributes:
        workload: `Kind/name` of what made the pod; for people.
    """

    namespace: _Name = ""
    labels: Annotated[dict[str, str], msgspec.Meta(max_length=100)] = field(default_factory=dict)
    workload: _Name = ""
    address: _Name = ""

    def endpoint(self) -> Endpoint:
        """As policies see it."""
        if self.namespace:
            return Pod(namespace=self.namespace, labels=self.labels, address=self.address)
        return Outside(address=self.address)


class ObservedFlow(Struct, frozen=True, kw_only=True):
    """Connections that were seen; `count` of them.

    Attributes:
        first, last: when, RFC 3339; "" when nobody says.
    """

    source: Seen
    destination: Seen
    port: Annotated[int, msgspec.Meta(ge=1, le=MAX_PORT)]
    protocol: Protocol = Protocol.TCP
    count: Annotated[int, msgspec.Meta(ge=1, le=2**53)] = 1
    first: Annotated[str, msgspec.Meta(max_length=40)] = ""
    last: Annotated[str, msgspec.Meta(max_length=40)] = ""


def is_stable(label: str) -> bool:
    """True for a label that may stay the same from pod to pod of a workload."""
    return label not in _VOLATILE


def read_observed(lines: Iterable[bytes], *, where: str) -> tuple[ObservedFlow, ...]:
    """Reads flows; the same one on several lines is one with their counts together.

    Args:
        lines: each with one object; empty ones are passed over.
        where: their name in errors.

    Raises:
        InvalidInputError: a line is no such object; names it.
        BoundExceededError: more or longer lines than allowed.
    """
    found: dict[tuple[object, ...], ObservedFlow] = {}
    for number, line in enumerate(lines, start=1):
        if number > MAX_LINES:
            raise BoundExceededError("MAX_LINES", MAX_LINES, where=where)
        if not line.strip():
            continue
        place = f"{where}:{number}"
        one = from_json(line, ObservedFlow, what=place, max_bytes=MAX_LINE_BYTES)
        _check(one, place)
        key = (*_key(one.source), *_key(one.destination), one.port, one.protocol)
        before = found.get(key)
        found[key] = one if before is None else msgspec.structs.replace(one, count=before.count + one.count)
    return tuple(found.values())


def learned(observed: Iterable[ObservedFlow], known: Flows) -> tuple[Flows, tuple[tuple[ObservedFlow, str], ...]]:
    """What was seen as if it had been declared, beside what is declared.

    Pods of no segment get one of their own, by the labels that stay the same from pod to pod.

    Returns:
        The declared flows and the learned ones; and what was seen and is not let in, with the reason.
    """
    segments = {segment.name: segment for segment in known.segments}
    flows = list(known.flows)
    refused: list[tuple[ObservedFlow, str]] = []
    for one in observed:
        source, target = one.source.endpoint(), one.destination.endpoint()
        so_far = msgspec.structs.replace(known, segments=tuple(segments.values()), flows=tuple(flows))
        if so_far.covers(source, target, one.port, one.protocol):
            continue
        if isinstance(source, Outside) or isinstance(target, Outside):
            refused.append((one, "a side of it is outside of the cluster: declare it with its range of addresses"))
            continue
        parties = [_segment_of(endpoint, so_far) for endpoint in (source, target)]
        if objection := so_far.objection(*parties):
            refused.append((one, objection))
            continue
        segments |= {party.name: party for party in parties}
        ports = (Ports(first=one.port, last=one.port, protocol=one.protocol),)
        flows.append(Flow(source=parties[0], target=parties[1], ports=ports, why=f"seen {one.count} times"))
    namespaces = {*known.namespaces, *(segment.namespace for segment in segments.values())}
    made = msgspec.structs.replace(
        known, segments=tuple(segments.values()), flows=tuple(flows), namespaces=tuple(sorted(namespaces))
    )
    return made, tuple(refused)


def _segment_of(pod: Pod, known: Flows) -> Segment:
    found = next(known.segments_of(pod), None)
    if found is not None:
        return found
    labels = {key: pod.labels[key] for key in _STABLE if key in pod.labels} or {
        key: value for key, value in pod.labels.items() if key not in _VOLATILE
    }
    said = "-".join([pod.namespace, *(value for _, value in sorted(labels.items()))])
    name = "".join(char if char.isascii() and char.isalnum() else "-" for char in said.lower())[:50].strip("-")
    taken = {segment.name for segment in known.segments}
    unique = next(n for at in range(len(taken) + 1) if (n := f"{name}-{at}" if at else name) not in taken)
    return Segment(name=unique, namespace=pod.namespace, labels=dict(sorted(labels.items())))


def _check(one: ObservedFlow, where: str) -> None:
    for side in (one.source, one.destination):
        if not side.namespace and not side.address:
            raise InvalidInputError("a side has neither namespace nor address", where=where)
        if side.address:
            try:
                ipaddress.ip_address(side.address)
            except ValueError as error:
                raise InvalidInputError(f"no address: {side.address[:60]!r}", where=where) from error


def _key(side: Seen) -> tuple[object, ...]:
    """Pods of one workload are one, whatever their address and their own labels."""
    if not side.namespace:
        return (side.address,)
    kept: Mapping[str, str] = {key: value for key, value in side.labels.items() if key not in _VOLATILE}
    return side.namespace, tuple(sorted(kept.items()))

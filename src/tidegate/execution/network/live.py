# SPDX-License-Identifier: Apache-2.0
"""A cluster as it runs, against its policies: pods nobody isolates, policies of nobody, addresses that are pods'. Pure.

Objects come as the API server has them, plain data.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from tidegate.errors import InvalidInputError
from tidegate.execution.network.compare import Difference, Lack
from tidegate.execution.network.endpoint import NAMESPACE_NAME, Pod, Protocol
from tidegate.execution.network.network_policy import Direction, NetworkPolicy, parse_policy
from tidegate.execution.network.observed import ObservedFlow, Seen, is_stable
from tidegate.values import Struct, replace

_OVER: Final = frozenset({"Succeeded", "Failed"})
_SHOWN: Final = 3


class LivePod(Struct, frozen=True, kw_only=True):
    """A pod that runs, with an address of its own.

    Attributes:
        owner: `Kind/name` of what made it; its own where nothing did.
    """

    name: str
    owner: str
    pod: Pod


class Service(Struct, frozen=True, kw_only=True):
    """A service of pods: `ports` of the pods by its own port and protocol, a number or a name."""

    namespace: str
    addresses: tuple[str, ...]
    selector: Mapping[str, str]
    ports: Mapping[tuple[int, Protocol], int | str]


class LiveCluster(Struct, frozen=True, kw_only=True):
    """What runs."""

    pods: tuple[LivePod, ...]
    services: tuple[Service, ...]
    policies: tuple[NetworkPolicy, ...]


def live_cluster(
    *,
    namespaces: Iterable[Mapping[str, Any]],
    pods: Iterable[Mapping[str, Any]],
    services: Iterable[Mapping[str, Any]],
    policies: Iterable[Mapping[str, Any]],
) -> LiveCluster:
    """Reads a cluster's objects; pods of the host's network and those that are over are no matter of policies.

    Raises:
        InvalidInputError: one is not as an API server has it.
    """
    where = "cluster"
    labels = {_name(one): _texts(_map(one, "metadata"), "labels") for one in namespaces}
    found = (_pod(one, labels) for one in pods)
    return LiveCluster(
        pods=tuple(one for one in found if one is not None),
        services=tuple(_service(one) for one in services),
        policies=tuple(parse_policy(dict(one), where=where) for one in policies),
    )


def unmatched(live: LiveCluster) -> tuple[Difference, ...]:
    """Pods that no policy isolates in a direction, by what made them; and policies that select nothing that runs."""
    return (*_bare(live), *_idle(live))


def resolved(observed: Iterable[ObservedFlow], live: LiveCluster) -> Iterator[ObservedFlow]:
    """What was seen, with pods where there were addresses of pods and of services.

    A service is told as the pods it stands for now, at the port they have.
    """
    by_address = {one.pod.address: one for one in live.pods if one.pod.address}
    for one in observed:
        source, target, port = one.source, one.destination, one.port
        if not source.namespace and source.address in by_address:
            source = _seen(by_address[source.address])
        if not target.namespace and target.address in by_address:
            target = _seen(by_address[target.address])
        elif not target.namespace and (behind := _behind(live, target.address, port, one.protocol)) is not None:
            target, port = behind
        yield replace(one, source=source, destination=target, port=port)


def _bare(live: LiveCluster) -> Iterator[Difference]:
    bare: dict[tuple[str, str, Direction], list[str]] = {}
    for one in live.pods:
        selecting = [p for p in live.policies if p.namespace == one.pod.namespace and p.pods.selects(one.pod.labels)]
        for direction in Direction:
            if not any(direction in policy.types for policy in selecting):
                bare.setdefault((one.pod.namespace, one.owner, direction), []).append(one.name)
    for (namespace, owner, direction), names in sorted(bare.items()):
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        yield Difference(
            lack=Lack.BARE,
            source=f"{namespace}/{owner}",
            target="",
            ports=(),
            policies=(),
            why=f"no policy isolates {', '.join(names[:_SHOWN])}{more} in the direction {direction}",
        )


def _idle(live: LiveCluster) -> Iterator[Difference]:
    for policy in live.policies:
        if not any(one.pod.namespace == policy.namespace and policy.pods.selects(one.pod.labels) for one in live.pods):
            yield Difference(
                lack=Lack.IDLE,
                source=policy.namespace,
                target="",
                ports=(),
                policies=(str(policy),),
                why="selects no pod that runs",
            )


def _behind(live: LiveCluster, address: str, port: int, protocol: Protocol) -> tuple[Seen, int] | None:
    for service in live.services:
        wanted = service.ports.get((port, protocol))
        if address not in service.addresses or wanted is None:
            continue
        for one in live.pods:
            labels = one.pod.labels.items()
            if one.pod.namespace == service.namespace and service.selector.items() <= labels:
                number = one.pod.named_ports.get(wanted, (0, protocol))[0] if isinstance(wanted, str) else wanted
                return (_seen(one), number) if number else None
    return None


def _seen(one: LivePod) -> Seen:
    labels = {key: value for key, value in one.pod.labels.items() if is_stable(key)}
    return Seen(namespace=one.pod.namespace, workload=one.owner[:253], labels=labels)


def _pod(document: Mapping[str, Any], namespaces: Mapping[str, Mapping[str, str]]) -> LivePod | None:
    metadata, spec, status = (_map(document, key) for key in ("metadata", "spec", "status"))
    if spec.get("hostNetwork") or str(status.get("phase")) in _OVER or metadata.get("deletionTimestamp"):
        return None
    namespace, name = str(metadata.get("namespace") or "default"), _name(document)
    of_namespace = {key: text for key, text in namespaces.get(namespace, {}).items() if key != NAMESPACE_NAME}
    ports = {
        str(port["name"]): (int(port["containerPort"]), _protocol(port))
        for container in _maps(spec, "containers")
        for port in _maps(container, "ports")
        if port.get("name") and isinstance(port.get("containerPort"), int)
    }
    owner = next((f"{one.get('kind')}/{one.get('name')}" for one in _maps(metadata, "ownerReferences")), f"Pod/{name}")
    pod = Pod(
        namespace=namespace,
        labels=_texts(metadata, "labels"),
        namespace_labels=of_namespace,
        named_ports=ports,
        address=str(status.get("podIP") or ""),
    )
    return LivePod(name=name, owner=owner, pod=pod)


def _service(document: Mapping[str, Any]) -> Service:
    spec = _map(document, "spec")
    addresses = spec.get("clusterIPs") or [spec.get("clusterIP")]
    if not isinstance(addresses, list):
        raise InvalidInputError("clusterIPs is not a list", where="cluster")
    ports = {
        (port["port"], _protocol(port)): target
        for port in _maps(spec, "ports")
        if isinstance(port.get("port"), int) and isinstance(target := port.get("targetPort") or port["port"], int | str)
    }
    selector = _texts(spec, "selector")
    return Service(
        namespace=str(_map(document, "metadata").get("namespace") or "default"),
        # A service that selects nothing stands for whatever somebody wrote into its endpoints.
        addresses=tuple(str(one) for one in addresses if one and one != "None") if selector else (),
        selector=selector,
        ports=ports,
    )


def _protocol(port: Mapping[str, Any]) -> Protocol:
    text = port.get("protocol") or "TCP"
    if not isinstance(text, str) or text not in {*Protocol}:
        raise InvalidInputError(f"no protocol: {str(text)[:20]!r}", where="cluster")
    return Protocol(text)


def _name(document: Mapping[str, Any]) -> str:
    return str(_map(document, "metadata").get("name") or "")[:253]


def _map(document: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = document.get(key) or {}
    if not isinstance(value, dict):
        raise InvalidInputError(f"{key} is not a map", where="cluster")
    return value


def _maps(document: Mapping[str, Any], key: str) -> Sequence[Mapping[str, Any]]:
    value = document.get(key) or []
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise InvalidInputError(f"{key} is not a list of maps", where="cluster")
    return value


def _texts(document: Mapping[str, Any], key: str) -> dict[str, str]:
    value = _map(document, key)
    if not all(isinstance(one, str) for one in value.values()):
        raise InvalidInputError(f"{key} are not texts", where="cluster")
    return dict(value)

# SPDX-License-Identifier: Apache-2.0
"""The record of observed flows: what sensors count is put together on arrival, workload to workload.

A connection between two pods is told by the sensor of whoever was connected to: there its port is the container's own,
and its address the pod's, whatever service stood between. What a pod connects to is kept where that is no pod.
"""

import json
import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from hashlib import sha256
from ipaddress import ip_address
from typing import Any, Final

from sqlalchemy import Connection, RowMapping, delete, func, select, update

from tidegate.clock import parse_rfc3339, rfc3339
from tidegate.errors import InvalidInputError
from tidegate.execution.network.endpoint import Protocol
from tidegate.execution.network.flow_report import CountedFlow, FlowReport
from tidegate.execution.network.observed import ObservedFlow, Seen, is_stable
from tidegate.execution.report import NodeKind
from tidegate.storage.flow_schema import flow, flow_report, pod_address
from tidegate.storage.insert import insert_once, insert_or_update
from tidegate.storage.node_schema import node, node_container
from tidegate.values import Struct
from tidegate.wire import to_json

_log = logging.getLogger(__name__)
MAX_KEPT: Final = 100_000
"""Different flows of one cluster; further ones are not taken down until old ones went."""
_SEEN_EVERY: Final = timedelta(hours=1)
"""How often it is written down that an address is still whose it was."""
_MADE: Final = re.compile(r"(?:-[a-f0-9]{6,10})?-[a-z0-9]{5}$|-\d+$")
"""What controllers append to the names of their pods."""
_AT_ONCE: Final = 500
Workload = tuple[str, str, str]
"""Namespace, name and labels (JSON) of what a pod is one of."""


class FlowPage(Struct, frozen=True, kw_only=True):
    """Some of the flows on record; `next` asks for those after them, "" when there are no more."""

    flows: tuple[ObservedFlow, ...]
    next: str = ""


def take_flows(connection: Connection, name: str, report: FlowReport, at: datetime) -> None:
    """Takes what a node's sensor counted, in the caller's transaction and after it holds the node; once each.

    Raises:
        InvalidInputError: an address is none.
    """
    if connection.scalar(select(flow_report.c.id).where(flow_report.c.node == name)) == report.id:
        return
    insert_or_update(connection, flow_report, node=name, id=report.id)
    pods = _pods(connection, name, {*report.addresses, *(one.container for one in report.flows)})
    _learn_addresses(connection, report.addresses, pods, at)
    cluster_of = {cluster for cluster, _ in pods.values()}
    known = {cluster: _owners(connection, cluster, {one.address for one in report.flows}) for cluster in cluster_of}
    counted: dict[str, dict[str, Any]] = {}
    for one in report.flows:
        if one.container in pods:
            cluster, own = pods[one.container]
            row = _row(cluster, own, one, known[cluster].get(_address(one.address)))
            if row is not None:
                row = counted.setdefault(row["id"], row)
                row["count"] += one.count
    _count(connection, counted, at)


def list_flows(
    connection: Connection, *, cluster: str, namespace: str = "", since: datetime | None = None, after: str, limit: int
) -> FlowPage:
    """Flows of a cluster, in the form that policies are generated from.

    Addresses that were nobody's when a flow was seen, and are known now, are told as the pods they are of.

    Args:
        connection: any.
        cluster: by the name it reports under; "" for nodes of which no cluster tells.
        namespace: of either side; "" for all.
        since: seen at that moment or later.
        after: where the page before ended; "" for the first.
        limit: how many are looked at.
    """
    query = select(flow).where((flow.c.cluster == cluster) & (flow.c.id > after)).order_by(flow.c.id).limit(limit)
    if namespace:
        query = query.where((flow.c.source_namespace == namespace) | (flow.c.target_namespace == namespace))
    if since is not None:
        query = query.where(flow.c.last_at >= rfc3339(since))
    rows = connection.execute(query).mappings().all()
    unknown = {row[f"{side}_address"] for row in rows for side in ("source", "target")}
    owners = _owners(connection, cluster, unknown - {""})
    found = [
        ObservedFlow(
            source=_side(row, "source", owners),
            destination=_side(row, "target", {}),
            port=row["port"],
            protocol=Protocol(row["protocol"]),
            count=row["count"],
            first=row["first_at"],
            last=row["last_at"],
        )
        for row in rows
        # Of a pod that became known since, its own sensor tells.
        if row["target_address"] not in owners
    ]
    return FlowPage(flows=tuple(found), next=rows[-1]["id"] if len(rows) == limit else "")


def drop_flows(connection: Connection, before: datetime) -> int:
    """Lets go of flows that were not seen since, and of addresses nobody had; returns how many flows."""
    connection.execute(delete(pod_address).where(pod_address.c.seen_at < rfc3339(before)))
    return connection.execute(delete(flow).where(flow.c.last_at < rfc3339(before))).rowcount


def _pods(connection: Connection, name: str, ids: Iterable[str]) -> dict[str, tuple[str, Workload]]:
    """Cluster and workload of a node's containers that are in pods; nobody speaks for those of other nodes.

    What the cluster tells of them counts for more than what the node does.
    """
    found: dict[str, tuple[str, Workload]] = {}
    here: set[str] = set()
    query = (
        select(node_container, node.c.kind)
        .join(node, node.c.name == node_container.c.node)
        .order_by(node.c.kind.desc(), node.c.name)  # nodes first: a cluster's word takes their place
    )
    for some in _some(sorted(ids)):
        for row in connection.execute(query.where(node_container.c.id.in_(some))).mappings():
            if row["node"] == name:
                here.add(row["id"])
            if row["pod"] and row["namespace"]:
                cluster = row["node"] if row["kind"] == NodeKind.CLUSTER.value else ""
                found[row["id"]] = cluster, _workload(row)
    return {one: pod for one, pod in found.items() if one in here}


def _workload(row: RowMapping) -> Workload:
    name = f"{row['owner_kind']}/{row['owner']}" if row["owner"] else f"Pod/{_MADE.sub('', row['pod'])}"
    labels = {key: value for key, value in sorted(json.loads(row["labels"]).items()) if is_stable(key)}
    return row["namespace"][:253], name, to_json(labels).decode()


def _learn_addresses(
    connection: Connection,
    addresses: Mapping[str, Sequence[str]],
    pods: Mapping[str, tuple[str, Workload]],
    at: datetime,
) -> None:
    told = {
        (pods[name][0], _address(one)): pods[name][1]
        for name, several in addresses.items()
        if name in pods
        for one in several
    }
    for cluster in {one for one, _ in told}:
        wanted = sorted(address for of, address in told if of == cluster)
        rows = {row["address"]: row for row in _addresses(connection, cluster, wanted)}
        for address in wanted:
            namespace, workload, labels = told[cluster, address]
            row = rows.get(address)
            same = row is not None and (row["namespace"], row["workload"], row["labels"]) == told[cluster, address]
            if same and row is not None and parse_rfc3339(row["seen_at"]) > at - _SEEN_EVERY:
                continue
            insert_or_update(
                connection,
                pod_address,
                cluster=cluster,
                address=address,
                namespace=namespace,
                workload=workload,
                labels=labels,
                since=row["since"] if same and row is not None else rfc3339(at),
                seen_at=rfc3339(at),
            )


def _owners(connection: Connection, cluster: str, addresses: Iterable[str]) -> dict[str, Workload]:
    rows = _addresses(connection, cluster, sorted({_address(one) for one in addresses}))
    return {row["address"]: (row["namespace"], row["workload"], row["labels"]) for row in rows}


def _addresses(connection: Connection, cluster: str, addresses: Sequence[str]) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = []
    for some in _some(addresses):
        query = select(pod_address).where((pod_address.c.cluster == cluster) & pod_address.c.address.in_(some))
        found += [dict(row) for row in connection.execute(query).mappings()]
    return found


def _row(cluster: str, own: Workload, one: CountedFlow, other: Workload | None) -> dict[str, Any] | None:
    """The flow of a count; None for one that the other's own sensor tells."""
    if not one.inward and other is not None:
        return None
    elsewhere = _columns(other, "" if other is not None else _address(one.address))
    source, target = (elsewhere, _columns(own, "")) if one.inward else (_columns(own, ""), elsewhere)
    values: dict[str, Any] = {"cluster": cluster, "port": one.port, "protocol": one.protocol.value}
    values |= {f"source_{name}": value for name, value in source.items()}
    values |= {f"target_{name}": value for name, value in target.items()}
    return {"id": sha256(to_json(sorted(values.items()))).hexdigest(), "count": 0, **values}


def _columns(workload: Workload | None, address: str) -> dict[str, str]:
    namespace, name, labels = workload or ("", "", "{}")
    return {"namespace": namespace, "workload": name, "labels": labels, "address": address}


def _count(connection: Connection, counted: Mapping[str, Mapping[str, Any]], at: datetime) -> None:
    moment, kept = rfc3339(at), {}
    for name in sorted(counted):  # one order for all nodes, so that none waits for another in a ring
        row = counted[name]
        more = {"count": flow.c.count + row["count"], "last_at": moment}
        if connection.execute(update(flow).where(flow.c.id == name).values(**more)).rowcount:
            continue
        cluster = row["cluster"]
        if cluster not in kept:
            kept[cluster] = connection.scalar(select(func.count()).where(flow.c.cluster == cluster)) or 0
        if kept[cluster] >= MAX_KEPT:
            _log.warning("flows: %s has more than %d different ones, and new ones are not taken", cluster, MAX_KEPT)
            return
        kept[cluster] += 1
        if not insert_once(connection, flow, **row, first_at=moment, last_at=moment):
            connection.execute(update(flow).where(flow.c.id == name).values(**more))


def _side(row: RowMapping, side: str, owners: Mapping[str, Workload]) -> Seen:
    address = row[f"{side}_address"]
    if address in owners:
        namespace, workload, labels = owners[address]
        return Seen(namespace=namespace, workload=workload[:253], labels=json.loads(labels))
    return Seen(
        namespace=row[f"{side}_namespace"],
        workload=row[f"{side}_workload"][:253],
        labels=json.loads(row[f"{side}_labels"]),
        address=address,
    )


def _address(text: str) -> str:
    with suppress(ValueError):
        # What follows a percent sign is an interface's name, of whatever length and letters.
        return str(ip_address(text if "%" not in text else ""))
    raise InvalidInputError(f"no address: {text[:60]!r}", where="flows")


def _some(names: Sequence[str]) -> Iterable[Sequence[str]]:
    return (names[first : first + _AT_ONCE] for first in range(0, len(names), _AT_ONCE))

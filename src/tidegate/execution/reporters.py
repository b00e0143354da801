# SPDX-License-Identifier: Apache-2.0
"""Which sensors tell of a container now: that of its node, that of its cluster, or both."""

from collections.abc import Sequence

from sqlalchemy import Connection, select

from tidegate.execution.container_record import container_of
from tidegate.execution.nodes import NodeState
from tidegate.execution.observation import Container
from tidegate.execution.report import NodeKind
from tidegate.execution.route import Reporter
from tidegate.storage.node_schema import node, node_container


def reporters_of(connection: Connection, container: Container) -> Sequence[Reporter]:
    """Those that tell of a container: by its id, and of its pod where it was begun anew under another one."""
    same = node_container.c.id == container.id
    if container.pod_uid:
        same |= (node_container.c.pod_uid == container.pod_uid) & (node.c.kind == NodeKind.CLUSTER.value)
    query = (
        select(node_container, node.c.kind, node.c.state)
        .join(node, node.c.name == node_container.c.node)
        .where(same)
        .order_by(node_container.c.node)
    )
    return [
        Reporter(
            name=row["node"],
            is_cluster=row["kind"] == NodeKind.CLUSTER.value,
            is_heard=row["state"] == NodeState.WATCHED.value,
            container=container_of(dict(row)),
        )
        for row in connection.execute(query).mappings()
    ]

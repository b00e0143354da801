# SPDX-License-Identifier: Apache-2.0
"""What other tools saw, taken on record by whichever way it came: Falco's alerts, audit events of API servers."""

from datetime import datetime

from sqlalchemy import Connection

from tidegate.clock import rfc3339
from tidegate.execution.falco import alert_seen, read_alert
from tidegate.execution.kubernetes_audit import audit_seen, read_audit
from tidegate.execution.nodes import observed_elsewhere, running_on
from tidegate.execution.report import check_node
from tidegate.storage import outbox


def take_alert(connection: Connection, body: bytes, *, node: str, at: datetime) -> int:
    """Takes one alert of Falco in; the same again changes nothing.

    Args:
        connection: in a transaction.
        body: the JSON that Falco writes.
        node: where it was seen; "" is what the alert says.
        at: the moment recorded.

    Returns:
        How many observations are new: 0 or 1.

    Raises:
        InvalidInputError: it is none.
    """
    alert = read_alert(body)
    name = check_node(node or alert.hostname or "falco")
    known = {one.container.id[:12]: one.container for one in running_on(connection, name)}
    seen = alert_seen(alert, known, at=rfc3339(at))
    key = alert.uuid or f"{alert.time}\0{alert.rule}\0{alert.output}"
    return int(outbox.publish(connection, observed_elsewhere(name, f"falco\0{key}", seen, at)))


def take_audit(connection: Connection, body: bytes, *, cluster: str, at: datetime) -> int:
    """Takes a list of audit events of a Kubernetes API server in; the same again changes nothing.

    Returns:
        How many observations are new.

    Raises:
        InvalidInputError: it is none.
    """
    name = check_node(cluster)
    seen = [(event, audit_seen(event, at=rfc3339(at))) for event in read_audit(body)]
    return sum(
        outbox.publish(connection, observed_elsewhere(name, f"kubernetes\0{event.audit_id}", one, at))
        for event, one in seen
        if one is not None
    )

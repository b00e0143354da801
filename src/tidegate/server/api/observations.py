# SPDX-License-Identifier: Apache-2.0
"""What other tools see: Falco's alerts, and audit events of Kubernetes API servers."""

from typing import Annotated, Final

from anyio.to_thread import run_sync
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from tidegate.assembly.server import Server
from tidegate.clock import rfc3339
from tidegate.execution.falco import MAX_ALERT_BYTES, alert_seen, read_alert
from tidegate.execution.kubernetes_audit import MAX_LIST_BYTES, audit_seen, read_audit
from tidegate.execution.nodes import observed_elsewhere, running_on
from tidegate.execution.report import check_node
from tidegate.server.api.body import read_bytes
from tidegate.server.api.problem import reply
from tidegate.storage import outbox

_TAKEN: Final = 202


def routes(server: Server) -> APIRouter:
    """The routes of other tools."""
    router = APIRouter(tags=["nodes"])

    @router.post("/observations/falco", status_code=_TAKEN, summary="An alert of Falco, by its HTTP output")
    async def falco(request: Request, node: Annotated[str, Query(max_length=253)] = "") -> Response:
        body = await read_bytes(request, max_bytes=MAX_ALERT_BYTES)
        return reply({"new": await run_sync(_take_alert, server, body, node)}, status=_TAKEN)

    @router.post(
        "/observations/kubernetes",
        status_code=_TAKEN,
        summary="Audit events of a Kubernetes API server, by its webhook",
    )
    async def audit(request: Request, cluster: Annotated[str, Query(max_length=253)] = "kubernetes") -> Response:
        body = await read_bytes(request, max_bytes=MAX_LIST_BYTES)
        return reply({"new": await run_sync(_take_audit, server, body, cluster)}, status=_TAKEN)

    return router


def _take_alert(server: Server, body: bytes, node: str) -> int:
    alert, at = read_alert(body), server.clock()
    name = check_node(node or alert.hostname or "falco")
    with server.database.begin() as connection:
        known = {one.container.id[:12]: one.container for one in running_on(connection, name)}
        seen = alert_seen(alert, known, at=rfc3339(at))
        key = alert.uuid or f"{alert.time}\0{alert.rule}\0{alert.output}"
        return int(outbox.publish(connection, observed_elsewhere(name, f"falco\0{key}", seen, at)))


def _take_audit(server: Server, body: bytes, cluster: str) -> int:
    events, at, name = read_audit(body), server.clock(), check_node(cluster)
    seen = [(event, audit_seen(event, at=rfc3339(at))) for event in events]
    with server.database.begin() as connection:
        return sum(
            outbox.publish(connection, observed_elsewhere(name, f"kubernetes\0{event.audit_id}", one, at))
            for event, one in seen
            if one is not None
        )

# SPDX-License-Identifier: Apache-2.0
"""What other tools see: Falco's alerts, and audit events of Kubernetes API servers."""

from typing import Annotated, Final

from anyio.to_thread import run_sync
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from tidegate.assembly.server import Server
from tidegate.execution.falco import MAX_ALERT_BYTES
from tidegate.execution.kubernetes_audit import MAX_LIST_BYTES
from tidegate.execution.other_tools import take_alert, take_audit
from tidegate.server.api.body import read_bytes
from tidegate.server.api.problem import reply

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
    with server.database.begin() as connection:
        return take_alert(connection, body, node=node, at=server.clock())


def _take_audit(server: Server, body: bytes, cluster: str) -> int:
    with server.database.begin() as connection:
        return take_audit(connection, body, cluster=cluster, at=server.clock())

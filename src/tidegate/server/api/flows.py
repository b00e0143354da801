# SPDX-License-Identifier: Apache-2.0
"""Observed flows: who talked to whom in a cluster."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from tidegate.assembly.server import Server
from tidegate.clock import parse_rfc3339
from tidegate.execution.network.flow_record import list_flows
from tidegate.server.api.problem import reply

_MAX_AT_ONCE = 2000


def routes(server: Server) -> APIRouter:
    """The routes of flows."""
    router = APIRouter(tags=["nodes"])

    @router.get("/flows", summary="Who talked to whom, workload to workload, as sensors counted it")
    def show_flows(
        *,
        cluster: Annotated[str, Query(max_length=253)] = "",
        namespace: Annotated[str, Query(max_length=253)] = "",
        since: Annotated[str, Query(max_length=40)] = "",
        after: Annotated[str, Query(max_length=64)] = "",
        limit: Annotated[int, Query(ge=1, le=_MAX_AT_ONCE)] = 1000,
    ) -> Response:
        moment = parse_rfc3339(since) if since else None
        with server.database.read() as connection:
            found = list_flows(connection, cluster=cluster, namespace=namespace, since=moment, after=after, limit=limit)
        return reply(found)

    return router

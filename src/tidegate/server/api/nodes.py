# SPDX-License-Identifier: Apache-2.0
"""Nodes: their sensors' reports, and the orders they take."""

from collections.abc import Sequence
from typing import Annotated

from anyio.to_thread import run_sync
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from tidegate.assembly.server import Server
from tidegate.errors import RefusedError
from tidegate.execution.nodes import forget_node, list_nodes, principal_of_node, running_on, take_report
from tidegate.execution.order import Outcome
from tidegate.execution.report import MAX_REPORT_BYTES, Report, Taken
from tidegate.execution.responses import conclude, orders_for
from tidegate.loops.rogue_running import tell_of_rogues_started
from tidegate.server.api.body import read_body
from tidegate.server.api.problem import reply
from tidegate.server.api.waiting import wait_for
from tidegate.server.authentication import principal_of
from tidegate.values import msgspec


def routes(server: Server) -> APIRouter:
    """The routes of nodes."""
    router = APIRouter(tags=["nodes"])

    @router.get("/nodes", summary="Nodes with a sensor, and how that is")
    def listed() -> Response:
        with server.database.read() as connection:
            return reply({"nodes": list_nodes(connection)})

    @router.get("/nodes/{node}/containers", summary="What runs on a node")
    def containers(node: str) -> Response:
        with server.database.read() as connection:
            return reply({"containers": running_on(connection, node)})

    @router.delete("/nodes/{node}", summary="Forget a node, so that another principal may report for it")
    def forget(node: str) -> Response:
        with server.database.begin() as connection:
            forget_node(connection, node, at=server.clock())
        return reply({"node": node, "forgotten": True})

    @router.post("/nodes/{node}/observations", summary="A sensor's report: what it saw, what runs, and that it lives")
    async def report(node: str, request: Request) -> Response:
        body = await read_body(request, Report, max_bytes=MAX_REPORT_BYTES)
        return reply(await run_sync(_take, server, node, body, principal_of(request).name))

    _add_orders(router, server)
    return router


def _add_orders(router: APIRouter, server: Server) -> None:
    @router.get("/nodes/{node}/orders", summary="What a node's sensor is to do, signed; can wait for it")
    def orders(node: str, request: Request, wait: Annotated[float, Query(ge=0, le=60)] = 0) -> Response:
        _own(server, node, principal_of(request).name)

        def look() -> list[tuple[str, bytes]] | None:
            with server.database.read() as connection:
                return list(orders_for(connection, node, at=server.clock())) or None

        found = wait_for(server, look, seconds=wait) or []
        return reply({"orders": [{"id": name, "envelope": msgspec.Raw(envelope)} for name, envelope in found]})

    @router.post("/nodes/{node}/orders/{order}", summary="What became of an order")
    async def concluded(node: str, order: str, request: Request) -> Response:
        outcome = await read_body(request, Outcome)
        who = principal_of(request).name

        def take() -> object:
            _own(server, node, who)
            with server.database.begin() as connection:
                return conclude(connection, order, node, outcome, at=server.clock())

        return reply(await run_sync(take))


def _take(server: Server, node: str, body: Report, who: str) -> Taken:
    with server.database.begin() as connection:

        def changed(ids: Sequence[str]) -> None:
            tell_of_rogues_started(connection, node, ids, server.responding.rogues, server.clock)

        return take_report(connection, node, body, principal=who, at=server.clock(), changed=changed)


def _own(server: Server, node: str, who: str) -> None:
    with server.database.read() as connection:
        if principal_of_node(connection, node) != who:
            raise RefusedError("another principal reports for this node, or nobody does yet", where=node[:253])

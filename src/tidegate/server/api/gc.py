# SPDX-License-Identifier: Apache-2.0
"""Garbage collection: what waits for it, what it did, and having it done now."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from tidegate.assembly.server import Server
from tidegate.curation.keeping.orders import OrderKind
from tidegate.curation.keeping.upkeep import MAX_RUNS, list_runs
from tidegate.server.api.problem import reply
from tidegate.server.api.upkeep import WAITS, Wait, answer


def routes(server: Server) -> APIRouter:
    """The routes of garbage collection."""
    router = APIRouter(tags=["gc"])

    @router.get("/gc", summary="What waits for garbage collection, and its last runs")
    def show_gc(limit: Annotated[int, Query(ge=1, le=MAX_RUNS)] = 10) -> Response:
        with server.database.read() as connection:
            runs = list_runs(connection, "gc", limit=limit)
        return reply({"waiting": server.keeping.collector.waiting(), "runs": runs})

    @router.post("/gc", summary="Collect now what is due")
    def run_gc(request: Request, wait: Wait = WAITS) -> Response:
        return answer(server, request, OrderKind.GC, wait=wait)

    return router

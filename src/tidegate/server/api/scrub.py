# SPDX-License-Identifier: Apache-2.0
"""Scrubbing: where it stands, what it found damaged, and going on with it now."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from tidegate.assembly.scrubbing import scrub_state
from tidegate.assembly.server import Server
from tidegate.curation.keeping.orders import OrderKind
from tidegate.curation.keeping.upkeep import MAX_RUNS, list_runs
from tidegate.server.api.problem import reply
from tidegate.server.api.upkeep import WAITS, Wait, answer


def routes(server: Server) -> APIRouter:
    """The routes of scrubbing."""
    router = APIRouter(tags=["scrub"])

    @router.get(
        "/scrub",
        summary="Where scrubbing stands, what is damaged and whom it hits, and the last runs that found something",
    )
    def show_scrub(limit: Annotated[int, Query(ge=1, le=MAX_RUNS)] = 100) -> Response:
        with server.database.read() as connection:
            runs = list_runs(connection, "scrub", limit=limit)
        state = scrub_state(server.keeping, limit=limit)
        told = {"position": state.position, "damages": state.damages, "lost": state.lost, "runs": runs}
        return reply(told)

    @router.post("/scrub", summary="Go on with the round now, or begin another, for so many seconds (0: to its end)")
    def run_scrub(
        request: Request, seconds: Annotated[float, Query(ge=0, le=86400)] = 60, wait: Wait = WAITS
    ) -> Response:
        return answer(server, request, OrderKind.SCRUB, argument=str(seconds), wait=wait)

    return router

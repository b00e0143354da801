# SPDX-License-Identifier: Apache-2.0
"""Tides: what one change moved, as one story."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from starlette.responses import Response

from tidegate.assembly.server import Server
from tidegate.oversight.tide.story import MAX_TIDES, list_tides, tell_tide
from tidegate.server.api.problem import reply


def routes(server: Server) -> APIRouter:
    """The routes of tides."""
    router = APIRouter(tags=["tides"])

    @router.get("/tides", summary="Tides, the newest first: what began them, what they touch, whether they ended")
    def listed(
        state: Literal["", "open", "ended"] = "",
        limit: Annotated[int, Query(ge=1, le=MAX_TIDES)] = 100,
    ) -> Response:
        is_open = {"open": True, "ended": False}.get(state)
        with server.database.read() as connection:
            return reply({"tides": list_tides(connection, is_open=is_open, limit=limit)})

    @router.get("/tides/{tide}", summary="A tide: each step with its times, and what is still open")
    def told(tide: str) -> Response:
        with server.database.read() as connection:
            return reply(tell_tide(connection, tide))

    return router

# SPDX-License-Identifier: Apache-2.0
"""Refusals: who was refused which image, or would have been in enforce mode."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from tidegate.assembly.server import Server
from tidegate.curation.refusals import MAX_REFUSALS, list_refusals
from tidegate.server.api.problem import reply


def routes(server: Server) -> APIRouter:
    """The routes of refusals."""
    router = APIRouter(tags=["images"])

    @router.get("/refusals", summary="Pulls that were refused, or in observe mode would have been, newest first")
    def show_refusals(
        *,
        repository: Annotated[str, Query(max_length=255)] = "",
        consumer: Annotated[str, Query(max_length=255)] = "",
        enforced: bool | None = None,
        skip: Annotated[int, Query(ge=0, le=MAX_REFUSALS)] = 0,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    ) -> Response:
        with server.database.read() as connection:
            found = list_refusals(
                connection, repository=repository, consumer=consumer, enforced=enforced, skip=skip, limit=limit
            )
        return reply({"mode": server.settings.curation.mode, "refusals": found})

    return router

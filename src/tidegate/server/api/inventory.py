# SPDX-License-Identifier: Apache-2.0
"""What runs where, and under which decision."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from tidegate.assembly.server import Server
from tidegate.clock import parse_rfc3339
from tidegate.execution.inventory import MAX_RUNS, Asked, what_runs
from tidegate.execution.standing import Standing
from tidegate.server.api.problem import reply

_Text = Annotated[str, Query(max_length=600)]


def routes(server: Server) -> APIRouter:
    """The route of the inventory."""
    router = APIRouter(tags=["nodes"])

    @router.get("/inventory", summary="Which image runs where, since when, by whom and under which decision")
    def inventory(
        *,
        digest: _Text = "",
        repository: _Text = "",
        namespace: _Text = "",
        node: _Text = "",
        standing: Annotated[list[Standing] | None, Query()] = None,
        rogue: bool = False,
        at: Annotated[str, Query(max_length=40)] = "",
        past: bool = False,
        after: _Text = "",
        limit: Annotated[int, Query(ge=1, le=MAX_RUNS)] = 100,
    ) -> Response:
        asked = Asked(
            digest=digest,
            repository=repository,
            namespace=namespace,
            node=node,
            standings=frozenset(standing or ()),
            rogue=rogue,
            at=_moment(at),
            past=past,
            after=after,
            limit=limit,
        )
        with server.database.read() as connection:
            return reply(what_runs(connection, asked, now=server.clock()))

    return router


def _moment(text: str) -> datetime | None:
    return parse_rfc3339(text) if text else None

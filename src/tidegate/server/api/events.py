# SPDX-License-Identifier: Apache-2.0
"""Events: every change of state as CloudEvents 1.0, replayable from any offset."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import Response

from tidegate.assembly.server import Server
from tidegate.server.api.problem import reply
from tidegate.server.api.waiting import wait_for
from tidegate.storage import outbox


def routes(server: Server) -> APIRouter:
    """The routes of events."""
    router = APIRouter(tags=["events"])

    @router.get("/events", summary="Events after an offset, oldest first; can wait for the next")
    def list_events(
        after: Annotated[int, Query(ge=0)] = 0,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
        wait: Annotated[float, Query(ge=0, le=60, description="Seconds to wait when there is none yet.")] = 0,
    ) -> Response:
        def look() -> list[tuple[int, Any]] | None:
            with server.database.read() as connection:
                return outbox.read_after(connection, after, limit) or None

        found = wait_for(server.database, look, seconds=wait) or []
        source = server.settings.signing.verifier_id
        events = [{"offset": offset, "event": event.to_dict(source=source)} for offset, event in found]
        return reply({"events": events, "next": found[-1][0] if found else after})

    return router

# SPDX-License-Identifier: Apache-2.0
"""Events: every change of state as CloudEvents 1.0, replayable from any offset."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from tidegate.assembly.server import Server
from tidegate.curation.vending.hearing import Hearer
from tidegate.events import Event
from tidegate.server.api.problem import reply
from tidegate.server.api.waiting import wait_for
from tidegate.server.authentication import client_of, principal_of
from tidegate.storage import outbox


def routes(server: Server) -> APIRouter:
    """The routes of events."""
    router = APIRouter(tags=["events"])

    @router.get("/events", summary="Events after an offset, oldest first; can wait for the next")
    def list_events(
        request: Request,
        *,
        after: Annotated[int, Query(ge=0)] = 0,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
        wait: Annotated[float, Query(ge=0, le=60, description="Seconds to wait when there is none yet.")] = 0,
    ) -> Response:
        hearer = Hearer(principal=principal_of(request), address=client_of(request).address)
        reached = after

        def look() -> list[tuple[int, Event]] | None:
            nonlocal reached
            with server.database.read() as connection:
                page = outbox.read_after(connection, reached, limit)
            if not page:
                return None
            server.hearing.look()
            reached = page[-1][0]
            judged = ((offset, server.hearing.heard(hearer, event)) for offset, event in page)
            return [(offset, event) for offset, event in judged if event is not None] or None

        found = wait_for(server, look, seconds=wait) or []
        source = server.settings.signing.verifier_id
        events = [{"offset": offset, "event": event.to_dict(source=source)} for offset, event in found]
        return reply({"events": events, "next": reached})

    return router

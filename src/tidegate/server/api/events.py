# SPDX-License-Identifier: Apache-2.0
"""Events: every change of state as CloudEvents 1.0, replayable from any offset."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from tidegate import __version__
from tidegate.assembly.server import Server
from tidegate.curation.vending.hearing import Hearer
from tidegate.curation.vending.subscriptions import TOLD
from tidegate.events import Event, kinds_named
from tidegate.events.contract.asyncapi import asyncapi
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
        limit: Annotated[int, Query(ge=0, le=1000, description="0 only tells where the end is, in `next`.")] = 100,
        wait: Annotated[float, Query(ge=0, le=60, description="Seconds to wait when there is none yet.")] = 0,
        kind: Annotated[str, Query(max_length=64, description="Only this kind, or what begins so up to a dot.")] = "",
        subject: Annotated[str, Query(max_length=1024, description="Only what is told of it.")] = "",
    ) -> Response:
        kinds = kinds_named(kind) if kind else frozenset()
        hearer = Hearer(principal=principal_of(request), address=client_of(request).address)
        reached = after

        def look() -> list[tuple[int, Event]] | None:
            nonlocal reached
            with server.database.read() as connection:
                newest = outbox.newest(connection)
                page = outbox.read_after(connection, reached, limit, kinds=kinds, subject=subject) if limit else []
            if not page:
                reached = max(reached, newest)
                return None
            server.hearing.look()
            reached = page[-1][0]
            judged = ((offset, server.hearing.heard(hearer, event)) for offset, event in page)
            return [(offset, event) for offset, event in judged if event is not None] or None

        found = wait_for(server, look, seconds=wait) or []
        source = server.settings.signing.verifier_id
        events = [{"offset": offset, "event": event.to_dict(source=source)} for offset, event in found]
        return reply({"events": events, "next": reached})

    @router.get("/asyncapi.json", summary="Every kind of event with the schema of its data (AsyncAPI 3.0.0)")
    def describe() -> Response:
        return reply(asyncapi(version=__version__, webhook_kinds=TOLD))

    return router

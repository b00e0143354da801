# SPDX-License-Identifier: Apache-2.0
"""Upkeep that is ordered: what takes longer than an answer may goes on, and tells how far it is."""

from datetime import timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from tidegate.assembly.server import Server
from tidegate.curation.keeping.orders import Order, OrderKind, OrderState, find, order
from tidegate.errors import OutsideError
from tidegate.server.api.problem import reply
from tidegate.server.api.waiting import wait_for
from tidegate.server.authentication import principal_of

Wait = Annotated[float, Query(ge=0, le=60, description="Seconds to wait for its end; 0 answers 202 at once.")]
WAITS: Final = 30.0
_ACCEPTED: Final = 202
_FORGOTTEN: Final = timedelta(seconds=10)


def routes(server: Server) -> APIRouter:
    """The routes of orders."""
    router = APIRouter(tags=["upkeep"])

    @router.get("/upkeep/{number}", summary="How far upkeep is that was ordered; can wait for its end")
    def show_order(number: str, wait: Annotated[float, Query(ge=0, le=60)] = 0) -> Response:
        with server.database.read() as connection:
            found = find(connection, number)
        if found.state is OrderState.ASKED and server.clock() - found.asked_at > _FORGOTTEN:
            server.keep(number)  # whoever took the order may have been killed before it was passed on
        return reply(_told(server, _awaited(server, found, wait)))

    return router


def answer(server: Server, request: Request, kind: OrderKind, *, argument: str = "", wait: float) -> Response:
    """Orders upkeep; answers with what was done when it ends in time (200), else with the order and its place (202).

    Raises:
        OutsideError: it ended in failure.
    """
    with server.database.begin() as connection:
        made = order(connection, kind, argument=argument, who=principal_of(request).name, at=server.clock())
    server.keep(made.id)
    if wait:
        made = _awaited(server, made, wait)
    if wait and made.state is OrderState.FAILED:
        raise OutsideError(made.problem, where=kind.value)
    if wait and made.state is OrderState.DONE:
        return reply(made.told)
    response = reply(_told(server, made), status=_ACCEPTED)
    response.headers["Location"] = f"/api/v1/upkeep/{made.id}"
    return response


def _awaited(server: Server, seen: Order, seconds: float) -> Order:
    def ended() -> Order | None:
        with server.database.read() as connection:
            found = find(connection, seen.id)
        return found if found.has_ended else None

    found = wait_for(server, ended, seconds=seconds)
    if found is not None:
        return found
    with server.database.read() as connection:
        return find(connection, seen.id)


def _told(server: Server, found: Order) -> dict[str, Any]:
    """An order, and for how long nothing was heard of it: two clocks need not agree."""
    silent = 0.0 if found.has_ended else max(0.0, (server.clock() - found.beat_at).total_seconds())
    return {
        "id": found.id,
        "kind": found.kind,
        "who": found.who,
        "state": found.state,
        "asked_at": found.asked_at,
        "silent_seconds": silent,
        "progress": found.progress,
        "told": found.told,
        "problem": found.problem,
    }

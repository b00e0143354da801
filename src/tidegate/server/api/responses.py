# SPDX-License-Identifier: Apache-2.0
"""Incidents, and the responses to them: asked for, approved by another, undone."""

from collections.abc import Callable
from typing import Annotated, Literal

from anyio.to_thread import run_sync
from fastapi import APIRouter, Query, Request
from sqlalchemy import Connection
from starlette.responses import Response

from tidegate.assembly.server import Server
from tidegate.execution import incidents, responses
from tidegate.execution.asking import Asked, ask
from tidegate.execution.responses import ResponseState
from tidegate.identity.duties import Actor
from tidegate.server.api.body import read_body
from tidegate.server.api.problem import reply
from tidegate.server.api.waiting import wait_for
from tidegate.server.authentication import principal_of
from tidegate.values import Struct

_TAKEN = 202


class Reasoned(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of what is done to one."""

    why: str = ""


def routes(server: Server) -> APIRouter:
    """The routes of incidents and responses."""
    router = APIRouter(tags=["responses"])

    @router.get("/incidents", summary="Incidents, newest first")
    def list_incidents(
        state: Literal["", "open", "closed"] = "", limit: Annotated[int, Query(ge=1, le=1000)] = 100
    ) -> Response:
        with server.database.read() as connection:
            return reply({"incidents": incidents.list_incidents(connection, state=state, limit=limit)})

    @router.get("/incidents/{incident}", summary="An incident")
    def show_incident(incident: str) -> Response:
        with server.database.read() as connection:
            return reply(incidents.find_incident(connection, incident))

    @router.get("/responses", summary="Responses, newest first")
    def list_responses(
        state: ResponseState | None = None, incident: str = "", limit: Annotated[int, Query(ge=1, le=1000)] = 100
    ) -> Response:
        with server.database.read() as connection:
            found = responses.list_responses(connection, state=state or "", incident=incident, limit=limit)
            return reply({"responses": found})

    @router.get("/responses/{response}", summary="A response; can wait for its end")
    def show_response(response: str, wait: Annotated[float, Query(ge=0, le=60)] = 0) -> Response:
        def look() -> responses.Response | None:
            with server.database.read() as connection:
                found = responses.find_response(connection, response)
            return found if found.state not in responses.PENDING else None

        found = wait_for(server, look, seconds=wait)
        if found is None:
            with server.database.read() as connection:
                found = responses.find_response(connection, response)
        return reply(found)

    _add_changes(router, server)
    _add_decisions(router, server)
    return router


def _add_changes(router: APIRouter, server: Server) -> None:
    @router.post("/incidents/{incident}/close", summary="Close an incident, with the reason")
    async def close(incident: str, request: Request) -> Response:
        def change(connection: Connection, by: Actor, why: str) -> object:
            return incidents.close_incident(connection, incident, by=by.name, why=why, at=server.clock())

        return await _changed(server, request, change, 200)

    @router.post("/responses", status_code=_TAKEN, summary="Have a step taken, or asked for where that needs approval")
    async def asked(request: Request) -> Response:
        body, by = await read_body(request, Asked), Actor.of(principal_of(request))

        def make() -> object:
            with server.database.begin() as connection:
                return ask(connection, server.gate, server.responding.policy, body, by=by, at=server.clock())

        return reply(await run_sync(make), status=_TAKEN)


def _add_decisions(router: APIRouter, server: Server) -> None:
    @router.post("/responses/{response}/approve", status_code=_TAKEN, summary="Have done what another asked for")
    async def approve(response: str, request: Request) -> Response:
        def change(connection: Connection, by: Actor, _: str) -> object:
            return responses.approve(connection, server.gate, response, by=by, at=server.clock())

        return await _changed(server, request, change, _TAKEN)

    @router.post("/responses/{response}/refuse", summary="Refuse what another asked for")
    async def refuse(response: str, request: Request) -> Response:
        def change(connection: Connection, by: Actor, why: str) -> object:
            return responses.refuse(connection, response, by=by, why=why, at=server.clock())

        return await _changed(server, request, change, 200)

    @router.post("/responses/{response}/undo", status_code=_TAKEN, summary="Take a step back")
    async def undo(response: str, request: Request) -> Response:
        def change(connection: Connection, by: Actor, why: str) -> object:
            return responses.undo(connection, server.gate, response, by=by, why=why, at=server.clock())

        return await _changed(server, request, change, _TAKEN)


async def _changed(
    server: Server, request: Request, change: Callable[[Connection, Actor, str], object], status: int
) -> Response:
    body, by = await read_body(request, Reasoned), Actor.of(principal_of(request))

    def make() -> object:
        with server.database.begin() as connection:
            return change(connection, by, body.why)

    return reply(await run_sync(make), status=status)

# SPDX-License-Identifier: Apache-2.0
"""Incidents, and the responses to them: asked for, approved by another, undone."""

from collections.abc import Callable
from typing import Annotated, Literal

from anyio.to_thread import run_sync
from fastapi import APIRouter, Query, Request
from sqlalchemy import Connection
from starlette.responses import Response

from tidegate.assembly.server import Server
from tidegate.errors import NotFoundError
from tidegate.execution import incidents, responses
from tidegate.execution.nodes import running_on
from tidegate.execution.response_policy import Step
from tidegate.execution.responses import ResponseState, Wanted
from tidegate.identity.duties import Actor
from tidegate.server.api.body import read_body
from tidegate.server.api.problem import reply
from tidegate.server.authentication import principal_of
from tidegate.values import Struct

_TAKEN = 202


class NewResponse(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of `POST /responses`; `container` is an id, the start of one, or a name on that node."""

    node: str
    container: str
    step: Step
    why: str
    incident: str = ""


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

    @router.get("/responses", summary="Responses, newest first")
    def list_responses(
        state: ResponseState | None = None, limit: Annotated[int, Query(ge=1, le=1000)] = 100
    ) -> Response:
        with server.database.read() as connection:
            return reply({"responses": responses.list_responses(connection, state=state or "", limit=limit)})

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
    async def ask(request: Request) -> Response:
        body, by = await read_body(request, NewResponse), Actor.of(principal_of(request))

        def make() -> object:
            with server.database.begin() as connection:
                return responses.begin(
                    connection, server.gate, _wanted(server, connection, body, by), at=server.clock()
                )

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


def _wanted(server: Server, connection: Connection, body: NewResponse, by: Actor) -> Wanted:
    here = [one.container for one in running_on(connection, body.node)]
    exact = [one for one in here if body.container in {one.id, one.name, one.workload}]
    found = exact or [one for one in here if len(body.container) >= 6 and one.id.startswith(body.container)]  # noqa: PLR2004
    if len(found) != 1:
        what = "no such container runs there" if not found else f"{len(found)} containers are called so"
        raise NotFoundError(what, where=f"{body.node}/{body.container}"[:300], remedy="name it by its id")
    return Wanted(
        node=body.node,
        container=found[0],
        step=body.step,
        why=body.why,
        by=by,
        incident=body.incident,
        waits=body.step in server.responding.policy.approval,
    )

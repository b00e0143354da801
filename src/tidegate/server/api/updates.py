# SPDX-License-Identifier: Apache-2.0
"""Updates: what may take the place of an image that runs, or that a file names."""

from collections.abc import Callable
from typing import Annotated

from anyio.to_thread import run_sync
from fastapi import APIRouter, Query, Request
from sqlalchemy import Connection
from starlette.responses import Response

from tidegate.assembly.server import Server
from tidegate.assembly.updating import MAX_JUDGED
from tidegate.errors import BoundExceededError
from tidegate.execution.updates import proposals
from tidegate.execution.updates.known import Runs
from tidegate.execution.updates.proposals import UpdateState
from tidegate.identity.duties import Actor
from tidegate.server.api.body import read_body
from tidegate.server.api.problem import reply
from tidegate.server.authentication import principal_of
from tidegate.values import Struct


class Places(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of `POST /updates/judge`."""

    places: tuple[Runs, ...]


class Reasoned(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of `POST /updates/{id}/refuse`."""

    why: str


class Ended(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of `POST /updates/{id}/outcome`."""

    done: bool
    what: str


def routes(server: Server) -> APIRouter:
    """The routes of updates."""
    router = APIRouter(tags=["updates"])

    @router.get("/updates", summary="Proposed updates, what changed last first")
    def list_updates(
        state: UpdateState | None = None,
        cluster: str = "",
        namespace: str = "",
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    ) -> Response:
        with server.database.read() as connection:
            found = proposals.list_proposals(
                connection, state=state or "", cluster=cluster, namespace=namespace, limit=limit
            )
            return reply({"updates": found})

    @router.get("/updates/running", summary="What may take the place of what runs now, and why or why not")
    def running(cluster: str = "", namespace: str = "") -> Response:
        with server.database.read() as connection:
            return reply({"judged": server.updating.judge_running(connection, cluster=cluster, namespace=namespace)})

    @router.get("/updates/{update}", summary="One proposed update")
    def show(update: str) -> Response:
        with server.database.read() as connection:
            return reply(proposals.find(connection, update))

    @router.post("/updates/judge", summary="What may take the place of images that files name, and why or why not")
    async def judge(request: Request) -> Response:
        body = await read_body(request, Places)
        if len(body.places) > MAX_JUDGED:
            raise BoundExceededError("MAX_JUDGED", MAX_JUDGED, where="places")

        def found() -> object:
            with server.database.read() as connection:
                known = server.updating.known(connection)
                return {"judged": [known.judge(one) for one in body.places]}

        return reply(await run_sync(found))

    _add_changes(router, server)
    return router


def _add_changes(router: APIRouter, server: Server) -> None:
    async def changed(change: Callable[[Connection], object]) -> Response:
        def make() -> object:
            with server.database.begin() as connection:
                return change(connection)

        return reply(await run_sync(make))

    @router.post("/updates/{update}/ask", summary="Have it rolled out, or asked for where another has to approve")
    async def ask(update: str, request: Request) -> Response:
        by = Actor.of(principal_of(request))
        return await changed(lambda connection: server.updating.ask(connection, update, by=by))

    @router.post("/updates/{update}/approve", summary="Let what another asked for be rolled out")
    async def approve(update: str, request: Request) -> Response:
        by = Actor.of(principal_of(request))
        return await changed(lambda connection: server.updating.approve(connection, update, by=by))

    @router.post("/updates/{update}/refuse", summary="Refuse it, with the reason: it is not proposed again")
    async def refuse(update: str, request: Request) -> Response:
        body, by = await read_body(request, Reasoned), Actor.of(principal_of(request))
        return await changed(
            lambda connection: proposals.refuse(connection, update, by=by, why=body.why, at=server.clock())
        )

    @router.post("/updates/{update}/outcome", summary="Tell how its rollout ended")
    async def conclude(update: str, request: Request) -> Response:
        body = await read_body(request, Ended)
        return await changed(
            lambda connection: proposals.conclude(connection, update, done=body.done, what=body.what, at=server.clock())
        )

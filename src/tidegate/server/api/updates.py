# SPDX-License-Identifier: Apache-2.0
"""Updates: what may take the place of an image that runs, or that a file names."""

from anyio.to_thread import run_sync
from fastapi import APIRouter, Request
from starlette.responses import Response

from tidegate.assembly.server import Server
from tidegate.assembly.updating import MAX_JUDGED
from tidegate.errors import BoundExceededError
from tidegate.execution.updates.known import Runs
from tidegate.server.api.body import read_body
from tidegate.server.api.problem import reply
from tidegate.values import Struct


class Places(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of `POST /updates/judge`."""

    places: tuple[Runs, ...]


def routes(server: Server) -> APIRouter:
    """The routes of updates."""
    router = APIRouter(tags=["updates"])

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

    return router

# SPDX-License-Identifier: Apache-2.0
"""Owners: who they are, what is theirs, and whose an image is."""

from anyio.to_thread import run_sync
from fastapi import APIRouter, Request
from starlette.responses import Response

from tidegate.artifact import Repository
from tidegate.assembly.server import Server
from tidegate.curation.feedback.owner import Owner, list_owners, remove_owner, set_owner
from tidegate.server.api.body import read_body
from tidegate.server.api.problem import reply
from tidegate.server.authentication import principal_of
from tidegate.values import replace


def routes(server: Server) -> APIRouter:
    """The routes of owners."""
    router = APIRouter(tags=["feedback"])

    @router.get("/owners", summary="Owners, with what is theirs and how they are reached")
    def listed() -> Response:
        with server.database.read() as connection:
            return reply({"owners": list_owners(connection)})

    @router.get("/owners/of", summary="Whose an image or a repository is, and how that was found")
    def owner_of(repository: str, digest: str = "") -> Response:
        name = Repository(repository)
        with server.database.read() as connection:
            return reply(server.feedback.owners.of_image(connection, digest, name))

    @router.put("/owners/{owner}", summary="Put an owner on record, in the place of what was said of them")
    async def put(owner: str, request: Request) -> Response:
        wanted = replace(await read_body(request, Owner), name=owner)
        by = principal_of(request).name

        def change() -> Owner:
            with server.database.begin() as connection:
                return set_owner(connection, wanted, by=by, at=server.clock())

        return reply(await run_sync(change))

    @router.delete("/owners/{owner}", summary="Take an owner off the record")
    def remove(owner: str, request: Request) -> Response:
        with server.database.begin() as connection:
            remove_owner(connection, owner, by=principal_of(request).name, at=server.clock())
        return reply({"removed": owner})

    return router

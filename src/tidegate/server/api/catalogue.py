# SPDX-License-Identifier: Apache-2.0
"""The catalogue: what a developer can take, and how to use it."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from tidegate.artifact import Repository
from tidegate.assembly.server import Server
from tidegate.curation.lifecycle import State
from tidegate.curation.vending.catalogue import MAX_PAGE, Asked, Version
from tidegate.curation.vending.how_to_use import usage
from tidegate.server.api.problem import reply
from tidegate.server.catalogue_places import CataloguePlaces
from tidegate.server.cursors import MAX_CHARS
from tidegate.server.visible import sight_of
from tidegate.wire import to_builtins

Text = Annotated[str, Query(max_length=200)]


def routes(server: Server) -> APIRouter:
    """The routes of the catalogue."""
    router = APIRouter(tags=["catalogue"])

    @router.get("/catalogue", summary="Repositories with their newest good version; search, filters, pages")
    def search(
        request: Request,
        *,
        q: Text = "",
        state: State | None = None,
        owner: Text = "",
        platform: Text = "",
        max_critical: Annotated[int | None, Query(ge=0)] = None,
        after: Annotated[str, Query(max_length=MAX_CHARS, description="`next` of the page before, or a name.")] = "",
        limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 50,
    ) -> Response:
        asked = Asked(
            words=q, state=state.value if state else "", owner=owner, platform=platform, max_critical=max_critical
        )
        sight, today = sight_of(request, server.access), server.clock().date()
        places = CataloguePlaces(server.access)
        place = places.read(request, after)
        with server.database.read() as connection:
            found = server.catalogue.search(connection, asked, sight, today=today, after=place, limit=limit)
        entries = [
            {**to_builtins(one), "use": _use(request, one.repository, one.newest) if one.newest else None}
            for one in found.entries
        ]
        return reply({"entries": entries, "next": places.written(request, found)})

    @router.get("/catalogue/{repository:path}", summary="All versions of a repository, newest first")
    def show(request: Request, repository: str) -> Response:
        name, today = Repository(repository), server.clock().date()
        sight = sight_of(request, server.access, name)
        with server.database.read() as connection:
            versions = server.catalogue.versions(connection, name, sight, today=today)
        told = [{**to_builtins(one), "use": _use(request, name, one)} for one in versions]
        return reply({"repository": name, "versions": told})

    return router


def _use(request: Request, repository: str, version: Version) -> Any:
    return to_builtins(usage(request.headers.get("host", ""), repository, version.tag, version.digest))

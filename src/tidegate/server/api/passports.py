# SPDX-License-Identifier: Apache-2.0
"""Passports: all that is on record of a digest, as far as its reader may see it; and the file that proves itself."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from tidegate.artifact import Digest
from tidegate.assembly.names import named_digest
from tidegate.assembly.server import Server
from tidegate.oversight.bundle import write_bundle
from tidegate.oversight.passport import MAX_LINES, passport
from tidegate.server.api.problem import reply
from tidegate.server.passport_sight import passport_sight_of

Skip = Annotated[int, Query(ge=0)]
Limit = Annotated[int, Query(ge=1, le=MAX_LINES)]


def routes(server: Server) -> APIRouter:
    """The routes of passports."""
    router = APIRouter(tags=["passports"])

    def show(request: Request, name: str, skip: int, limit: int) -> Response:
        sight = passport_sight_of(request, server.access)
        with server.database.read() as connection:
            trust = server.gate.trust(connection)
            digest = named_digest(connection, name, sight.sees)
            return reply(passport(connection, digest, trust, sight=sight, skip=skip, limit=limit))

    @router.get("/passports", summary="The passport of what a tag points to (`team/app:1`), or of a digest")
    def show_named(
        request: Request, name: Annotated[str, Query(max_length=600)], skip: Skip = 0, limit: Limit = MAX_LINES
    ) -> Response:
        return show(request, name, skip, limit)

    @router.get("/passports/{digest}", summary="All that is on record of a digest, checked anew")
    def show_passport(request: Request, digest: str, skip: Skip = 0, limit: Limit = MAX_LINES) -> Response:
        return show(request, Digest(digest), skip, limit)

    @router.get("/passports/{digest}/bundle", summary="The same as one file that is verified offline")
    def export(digest: str) -> Response:
        with server.database.read() as connection:
            data = write_bundle(connection, server.gate, server.notes, Digest(digest))
        return Response(data, media_type="application/json")

    return router

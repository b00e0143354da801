# SPDX-License-Identifier: Apache-2.0
"""Knowledge: which is in force, and taking up a new file at once."""

from fastapi import APIRouter
from starlette.responses import Response

from tidegate.assembly.server import Server
from tidegate.server.api.problem import reply


def routes(server: Server) -> APIRouter:
    """The routes of knowledge."""
    router = APIRouter(tags=["knowledge"])

    @router.get("/knowledge", summary="The knowledge in force")
    def show_knowledge() -> Response:
        current = server.knowledge.current()
        return reply({"stamp": current.stamp if current else None, "file": str(server.settings.db)})

    @router.post("/knowledge/look", summary="Take up the knowledge file now, if it is a new one")
    def look() -> Response:
        return reply({"tide": server.knowledge.look()})

    return router

# SPDX-License-Identifier: Apache-2.0
"""Questions on the whole fleet, answered by stored facts."""

from datetime import timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from starlette.responses import Response

from tidegate.assembly.fleet_book import with_advisories
from tidegate.assembly.server import Server
from tidegate.errors import NotFoundError
from tidegate.knowledge.database import Knowledge
from tidegate.oversight.fleet.affected import parts_affected
from tidegate.oversight.fleet.answer import MAX_IMAGES, answer
from tidegate.oversight.fleet.blast import MAX_CHARS as MAX_THING_CHARS
from tidegate.oversight.fleet.blast import Kind, blast
from tidegate.oversight.fleet.drift import drift
from tidegate.oversight.fleet.parts import parts_wanted
from tidegate.oversight.fleet.unsupported import MAX_DAYS, unsupported
from tidegate.oversight.fleet.wanted import MAX_CHARS, Wanted
from tidegate.server.api.problem import reply

_After = Annotated[int, Query(ge=0, lt=1 << 32, description="The cursor of the page before.")]
_Limit = Annotated[int, Query(ge=1, le=MAX_IMAGES)]


def routes(server: Server) -> APIRouter:
    """The routes of the fleet."""
    router = APIRouter(tags=["fleet"])

    @router.get("/fleet/where", summary="Images that have a package in some of its versions, and where they run")
    def where(
        component: Annotated[str, Query(max_length=MAX_CHARS, description="pkg:TYPE/NAME@<VERSION, or a name.")],
        after: _After = 0,
        limit: _Limit = 100,
    ) -> Response:
        wanted = Wanted.parse(component)
        with server.database.read() as connection:
            parts = parts_wanted(connection, wanted)
            return reply(answer(connection, parts.found, parts.unordered, after=after, limit=limit))

    @router.get("/fleet/affected", summary="Images that an advisory speaks of, by any of its names")
    def affected(
        advisory: Annotated[str, Query(max_length=128, min_length=1)], after: _After = 0, limit: _Limit = 100
    ) -> Response:
        knowledge = _knowledge(server)
        with server.database.read() as connection:
            advisories, parts = parts_affected(connection, knowledge, advisory)
            return reply(with_advisories(answer(connection, parts, after=after, limit=limit), advisories))

    @router.get("/fleet/blast", summary="All that is downstream of an image, a package, a base, a key or a commit")
    def blast_of(
        of: Annotated[str, Query(max_length=MAX_THING_CHARS, min_length=1)],
        kind: Kind | Literal[""] = "",
        after: _After = 0,
        limit: _Limit = 100,
    ) -> Response:
        with server.database.read() as connection:
            return reply(blast(connection, of, kind=kind or None, after=after, limit=limit))

    @router.get("/fleet/unsupported", summary="Release lines that nobody cares for any more, or not for long")
    def unsupported_lines(
        days: Annotated[int, Query(ge=0, le=MAX_DAYS, description="To look ahead.")] = 0,
        after: _After = 0,
        limit: _Limit = 100,
    ) -> Response:
        knowledge, within = _knowledge(server), timedelta(days=days)
        at = server.clock().date()
        with server.database.read() as connection:
            return reply(unsupported(connection, knowledge, within=within, at=at, after=after, limit=limit))

    @router.get("/fleet/drift", summary="What runs otherwise than as it was admitted")
    def drifting() -> Response:
        with server.database.read() as connection:
            return reply(drift(connection, now=server.clock()))

    return router


def _knowledge(server: Server) -> Knowledge:
    knowledge = server.knowledge.current()
    if knowledge is None:
        raise NotFoundError("nothing is known of advisories yet", remedy="run `tidegate db update`")
    return knowledge

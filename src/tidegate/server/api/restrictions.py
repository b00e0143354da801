# SPDX-License-Identifier: Apache-2.0
"""Rules whom repositories are kept for."""

from typing import Annotated

from fastapi import APIRouter, Body, Query, Request
from starlette.responses import Response

from tidegate.admission.restrictions import lift_rule, restriction_rules
from tidegate.assembly.server import Server
from tidegate.curation.restrict_by_rule import restrict_repositories
from tidegate.errors import NotFoundError
from tidegate.evidence.restriction import parse_restriction
from tidegate.server.api.problem import reply
from tidegate.server.api.states import Names, Reason, Text
from tidegate.server.authentication import principal_of


def routes(server: Server) -> APIRouter:
    """The routes of rules."""
    router = APIRouter(tags=["states"])

    @router.get("/restrictions", summary="Rules whom repositories are kept for")
    def list_rules() -> Response:
        with server.database.read() as connection:
            return reply({"rules": restriction_rules(connection)})

    @router.post("/restrictions", status_code=201, summary="Keep all repositories that match a pattern for some")
    def add_rule(
        request: Request,
        *,
        pattern: Annotated[str, Body(max_length=255)],
        reason: Reason,
        who: Names = (),
        where: Names = (),
        until: Text = "",
    ) -> Response:
        restriction = parse_restriction(who, where, until)
        by, at = principal_of(request).name, server.clock()
        with server.database.begin() as connection:
            number = restrict_repositories(connection, server.gate, pattern, restriction, reason=reason, by=by, at=at)
        return reply({"id": number, "pattern": pattern}, status=201)

    @router.delete("/restrictions/{number}", summary="Lift a rule")
    def remove_rule(
        request: Request, number: int, reason: Annotated[str, Query(min_length=1, max_length=1000)]
    ) -> Response:
        by = f"{principal_of(request).name}: {reason}"
        with server.database.begin() as connection:
            if not lift_rule(connection, number, by=by, at=server.clock()):
                raise NotFoundError("no such rule in force", where=str(number))
        return reply({"id": number, "lifted": True})

    return router

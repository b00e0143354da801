# SPDX-License-Identifier: Apache-2.0
"""The audit trail: who did what, and whether its chain still holds."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from tidegate.assembly.server import Server
from tidegate.clock import parse_rfc3339, rfc3339
from tidegate.identity import audit
from tidegate.identity.audit import Outcome
from tidegate.oversight.audit_verifying import verify_trail
from tidegate.server.api.problem import reply

Text = Annotated[str, Query(max_length=255)]


def routes(server: Server) -> APIRouter:
    """The routes of the audit trail."""
    router = APIRouter(tags=["audit"])

    @router.get("/audit", summary="Who did what, newest first; `next` is the `before` of the page after")
    def list_audit(
        who: Text = "",
        repository: Text = "",
        verb: Text = "",
        outcome: Outcome | None = None,
        address: Text = "",
        since: Text = "",
        before: Annotated[int | None, Query(ge=0)] = None,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    ) -> Response:
        server.audit.flush()
        with server.database.read() as connection:
            found = audit.find(
                connection,
                who=who,
                repository=repository,
                verb=verb,
                outcome=outcome.value if outcome else "",
                address=address,
                since=rfc3339(parse_rfc3339(since)) if since else "",
                before=before,
                limit=limit,
            )
        return reply({"entries": found, "next": found[-1].sequence if len(found) == limit else None})

    @router.get("/audit/verify", summary="Walks the chain and its anchors: is every entry there, as it was written?")
    def verify_audit() -> Response:
        with server.database.read() as connection:
            return reply(verify_trail(connection, server.gate.trust(connection)))

    return router

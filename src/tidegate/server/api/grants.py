# SPDX-License-Identifier: Apache-2.0
"""Grants: given by administrators, or asked for by whoever needs one and approved by another."""

from collections.abc import Callable
from datetime import timedelta
from typing import Annotated, Final

from anyio.to_thread import run_sync
from fastapi import APIRouter, Query, Request
from sqlalchemy import Connection
from starlette.responses import Response

from tidegate.assembly.server import Server
from tidegate.errors import RefusedError, UsageError
from tidegate.identity import Asked, Principal, Verb, granting
from tidegate.identity.grant import GrantState, Holder
from tidegate.identity.granting import GrantRecord, Wanted
from tidegate.identity.pattern import RepositoryPattern
from tidegate.identity.verb import parse_verbs
from tidegate.server.api.body import read_body
from tidegate.server.api.problem import reply
from tidegate.server.authentication import principal_of
from tidegate.values import Struct

_CREATED: Final = 201
_MAX_HOURS: Final = 24 * 366 * 10


class NewGrant(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of `POST /grants` and `POST /grants/requests`; the latter is for whoever asks, and has no `holder`."""

    pattern: str
    verbs: tuple[str, ...]
    holder: str = ""
    hours: float = 0
    condition: str = ""
    reason: str = ""


class Reasoned(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of what is done to a grant."""

    why: str = ""


def routes(server: Server) -> APIRouter:
    """The routes of grants."""
    router = APIRouter(tags=["grants"])
    _add_reading(router, server)
    _add_wanting(router, server)
    _add_deciding(router, server)
    return router


def _write(server: Server, change: Callable[[Connection], GrantRecord]) -> GrantRecord:
    with server.database.begin() as connection:
        done = change(connection)
    server.directory.forget()
    return done


def _add_reading(router: APIRouter, server: Server) -> None:
    @router.get("/grants", summary="Grants, newest first; without the right to administer or approve, one's own")
    def list_grants(
        request: Request,
        holder: Annotated[str, Query(max_length=210)] = "",
        state: GrantState | None = None,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    ) -> Response:
        who = principal_of(request)
        if not any(
            server.access.permissions.ruling(who, Asked(verb=verb)).allowed for verb in (Verb.ADMINISTER, Verb.APPROVE)
        ):
            holder = who.name
        with server.database.read() as connection:
            return reply(granting.list_grants(connection, holder=holder, state=state, limit=limit))


def _add_wanting(router: APIRouter, server: Server) -> None:
    @router.post("/grants", status_code=_CREATED, summary="Give a grant")
    async def give(request: Request) -> Response:
        who, body = principal_of(request), await read_body(request, NewGrant)
        wanted = _wanted(body, Holder(body.holder))
        return reply(
            await run_sync(_write, server, lambda c: granting.give(c, wanted, by=who, at=server.clock())),
            status=_CREATED,
        )

    @router.post("/grants/requests", status_code=_CREATED, summary="Ask for a grant for a time, for oneself")
    async def ask(request: Request) -> Response:
        who, body = principal_of(request), await read_body(request, NewGrant)
        if who.is_administrator or body.holder not in {"", who.name}:
            raise UsageError("one asks for oneself", remedy="log in as who needs the grant")
        wanted = _wanted(body, Holder(who.name))
        most = timedelta(hours=server.settings.identity.request_max_hours)
        made = await run_sync(
            _write, server, lambda c: granting.ask(c, wanted, by=who, max_lasts=most, at=server.clock())
        )
        return reply(made, status=_CREATED)


def _add_deciding(router: APIRouter, server: Server) -> None:
    @router.post("/grants/{grant}/approve", summary="Give what another asked for; its time begins now")
    async def approve(grant: str, request: Request) -> Response:
        who, body = principal_of(request), await read_body(request, Reasoned)

        def change(connection: Connection) -> GrantRecord:
            _may_decide(server, who, granting.find(connection, grant))
            return granting.approve(connection, grant, by=who, why=body.why, at=server.clock())

        return reply(await run_sync(_write, server, change))

    @router.post("/grants/{grant}/refuse", summary="Refuse what another asked for")
    async def refuse(grant: str, request: Request) -> Response:
        who, body = principal_of(request), await read_body(request, Reasoned)

        def change(connection: Connection) -> GrantRecord:
            _may_decide(server, who, granting.find(connection, grant))
            return granting.refuse(connection, grant, by=who, why=body.why, at=server.clock())

        return reply(await run_sync(_write, server, change))

    @router.post("/grants/{grant}/revoke", summary="Take a grant back, at once")
    async def revoke(grant: str, request: Request) -> Response:
        who, body = principal_of(request), await read_body(request, Reasoned)
        return reply(
            await run_sync(_write, server, lambda c: granting.revoke(c, grant, by=who, why=body.why, at=server.clock()))
        )


def _wanted(body: NewGrant, holder: Holder) -> Wanted:
    if not 0 <= body.hours <= _MAX_HOURS:
        raise UsageError(f"not a number of hours: {body.hours}", remedy="0 is for no end")
    return Wanted(
        holder=holder,
        pattern=RepositoryPattern(body.pattern),
        verbs=parse_verbs(body.verbs),
        lasts=timedelta(hours=body.hours) if body.hours else None,
        condition=body.condition,
        reason=body.reason,
    )


def _may_decide(server: Server, who: Principal, grant: GrantRecord) -> None:
    if not server.access.permissions.may_approve(who, RepositoryPattern(grant.pattern), parse_verbs(grant.verbs)):
        # Whoever may not decide learns no more than that.
        raise RefusedError("you may not decide over this grant", where=grant.id)

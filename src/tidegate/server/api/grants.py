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
from tidegate.server.authentication import client_of, principal_of
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
    @router.get(
        "/grants", summary="Grants, newest first: all to who administers or approves, to others what concerns them"
    )
    def list_grants(
        request: Request,
        holder: Annotated[str, Query(max_length=210)] = "",
        state: GrantState | None = None,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    ) -> Response:
        who = principal_of(request)
        with server.database.read() as connection:
            if _may_see_all(server, who):
                return reply(granting.list_grants(connection, holder=holder, state=state, limit=limit))
            found = granting.list_grants(connection, holder=holder, state=state, concerns=who.name, limit=limit)
            waiting = granting.list_grants(connection, holder=holder, state=GrantState.REQUESTED)
        if state in {None, GrantState.REQUESTED}:
            found = [*found, *(one for one in waiting if one not in found and _decides(server, who, one))]
        return reply(sorted(found, key=lambda one: one.asked_at, reverse=True)[:limit])


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

    @router.post(
        "/grants/{grant}/revoke",
        summary="End a grant at once, or withdraw a request: who holds it, asked for it, gave it or administers",
    )
    async def revoke(grant: str, request: Request) -> Response:
        who, body = principal_of(request), await read_body(request, Reasoned)

        def change(connection: Connection) -> GrantRecord:
            _may_end(server, request, connection, grant)
            return granting.revoke(connection, grant, by=who, why=body.why, at=server.clock())

        return reply(await run_sync(_write, server, change))


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


def _may_see_all(server: Server, who: Principal) -> bool:
    return any(
        server.access.permissions.ruling(who, Asked(verb=verb)).allowed for verb in (Verb.ADMINISTER, Verb.APPROVE)
    )


def _decides(server: Server, who: Principal, grant: GrantRecord) -> bool:
    return server.access.permissions.may_approve(who, RepositoryPattern(grant.pattern), parse_verbs(grant.verbs))


def _may_decide(server: Server, who: Principal, grant: GrantRecord) -> None:
    if not _decides(server, who, grant):
        # Whoever may not decide learns no more than that.
        raise RefusedError("you may not decide over this grant", where=grant.id)


def _may_end(server: Server, request: Request, connection: Connection, grant_id: str) -> None:
    who, administering = principal_of(request), Asked(verb=Verb.ADMINISTER, address=client_of(request).address)
    if server.access.permissions.ruling(who, administering).allowed:
        return
    grant = granting.find(connection, grant_id)
    if who.name not in {grant.holder, grant.asked_by, grant.decided_by}:
        raise RefusedError("you may not end this grant", where=grant.id)

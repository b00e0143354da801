# SPDX-License-Identifier: Apache-2.0
"""Principals: people with a password, robots with a secret and an end; and who one is oneself."""

from collections.abc import Callable
from datetime import timedelta
from typing import Annotated, Any, Final, Literal, TypeVar

from anyio.to_thread import run_sync
from fastapi import APIRouter, Query, Request
from sqlalchemy import Connection
from starlette.responses import Response

from tidegate.assembly.server import Server
from tidegate.errors import RefusedError, UsageError
from tidegate.identity import Asked, Principal, PrincipalKind, Verb, account
from tidegate.identity.account import Account
from tidegate.identity.password import Passwords
from tidegate.server.api.body import read_body
from tidegate.server.api.problem import reply
from tidegate.server.authentication import principal_of
from tidegate.values import Struct

T = TypeVar("T")
_CREATED: Final = 201


class NewPrincipal(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of `POST /principals`."""

    kind: Literal["user", "robot"]
    name: str
    groups: tuple[str, ...] = ()
    password: str = ""
    days: float = 0


class NewPassword(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of `PUT /principals/{name}/password`."""

    password: str


class NewGroups(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of `PUT /principals/{name}/groups`."""

    groups: tuple[str, ...]


class Renewal(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of `POST /principals/{name}/renew`."""

    days: float


def routes(server: Server) -> APIRouter:
    """The routes of principals."""
    router = APIRouter(tags=["principals"])
    passwords = Passwords()
    _add_reading(router, server)
    _add_creating(router, server, passwords)
    _add_secrets(router, server, passwords)
    _add_changing(router, server)
    return router


def _write(server: Server, change: Callable[[Connection], T]) -> T:
    with server.database.begin() as connection:
        done = change(connection)
    server.directory.forget()
    return done


def _add_reading(router: APIRouter, server: Server) -> None:
    @router.get("/me", summary="Who you are to this server, and what was granted to you")
    def me(request: Request) -> Response:
        who = principal_of(request)
        granted = () if who.is_administrator else server.directory.grants(who)
        told = [{"grant": g.id, "pattern": g.pattern, "verbs": sorted(g.verbs)} for g in granted]
        groups = sorted(who.groups)
        return reply({"name": who.name, "kind": who.kind, "groups": groups, "grants": told})

    @router.get("/principals", summary="Principals kept here, by name")
    def list_principals(
        limit: Annotated[int, Query(ge=1, le=1000)] = 100, last: Annotated[str, Query(max_length=200)] = ""
    ) -> Response:
        with server.database.read() as connection:
            return reply(account.list_accounts(connection, limit=limit, last=last))


def _add_creating(router: APIRouter, server: Server, passwords: Passwords) -> None:
    @router.post("/principals", status_code=_CREATED, summary="Add a user, or a robot: its secret is told this once")
    async def create_principal(request: Request) -> Response:
        wanted, by = await read_body(request, NewPrincipal), principal_of(request).name

        def user(connection: Connection) -> dict[str, Any]:
            made = account.create_user(connection, wanted.name, hashed, groups=wanted.groups, by=by, at=server.clock())
            return {"principal": made}

        def robot(connection: Connection) -> dict[str, Any]:
            lasts, most = _days(wanted.days), timedelta(days=server.settings.identity.robot_max_days)
            made, secret = account.create_robot(
                connection,
                wanted.name,
                lasts=lasts,
                max_lifetime=most,
                groups=wanted.groups,
                by=by,
                at=server.clock(),
            )
            return {"principal": made, "secret": secret}

        if wanted.kind == "robot":
            return reply(await run_sync(_write, server, robot), status=_CREATED)
        hashed = await run_sync(passwords.hash, wanted.password)
        return reply(await run_sync(_write, server, user), status=_CREATED)


def _add_secrets(router: APIRouter, server: Server, passwords: Passwords) -> None:
    @router.put("/principals/{name}/password", summary="Give a user another password; users may give themselves one")
    async def set_password(name: str, request: Request) -> Response:
        wanted, who = await read_body(request, NewPassword), principal_of(request)
        await run_sync(_own_or_administered, server, who, name)
        hashed = await run_sync(passwords.hash, wanted.password)
        return await _changed(server, lambda c: account.set_password(c, name, hashed, by=who.name, at=server.clock()))

    @router.post("/principals/{name}/renew", summary="Give a robot another secret, told this once, and another end")
    async def renew(name: str, request: Request) -> Response:
        wanted, by = await read_body(request, Renewal), principal_of(request).name
        most = timedelta(days=server.settings.identity.robot_max_days)

        def change(connection: Connection) -> dict[str, Any]:
            made, secret = account.renew_robot(
                connection, name, lasts=_days(wanted.days), max_lifetime=most, by=by, at=server.clock()
            )
            return {"principal": made, "secret": secret}

        return reply(await run_sync(_write, server, change))


def _add_changing(router: APIRouter, server: Server) -> None:
    @router.put("/principals/{name}/groups", summary="Put a principal into these groups and no others")
    async def set_groups(name: str, request: Request) -> Response:
        wanted, by = await read_body(request, NewGroups), principal_of(request).name
        return await _changed(server, lambda c: account.set_groups(c, name, wanted.groups, by=by, at=server.clock()))

    @router.post("/principals/{name}/disable", summary="Let a principal in no more; its tokens are void at once")
    async def disable(name: str, request: Request) -> Response:
        by = principal_of(request).name
        return await _changed(server, lambda c: account.set_disabled(c, name, disabled=True, by=by, at=server.clock()))

    @router.post("/principals/{name}/enable", summary="Let a disabled principal in again")
    async def enable(name: str, request: Request) -> Response:
        by = principal_of(request).name
        return await _changed(server, lambda c: account.set_disabled(c, name, disabled=False, by=by, at=server.clock()))

    @router.delete("/principals/{name}", summary="Remove a principal and take back its grants")
    def remove(name: str, request: Request) -> Response:
        _write(server, lambda c: account.remove(c, name, by=principal_of(request).name, at=server.clock()))
        return reply({"removed": name})


async def _changed(server: Server, change: Callable[[Connection], Account]) -> Response:
    return reply({"principal": await run_sync(_write, server, change)})


def _own_or_administered(server: Server, who: Principal, name: str) -> None:
    own = who.kind is PrincipalKind.USER and who.name == name
    if not own and not server.access.permissions.ruling(who, Asked(verb=Verb.ADMINISTER)).allowed:
        raise RefusedError("you may not administer principals", where=name[:80])


def _days(days: float) -> timedelta:
    try:
        return timedelta(days=days)
    except (OverflowError, ValueError) as error:
        raise UsageError(f"not a number of days: {days}") from error

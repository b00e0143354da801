# SPDX-License-Identifier: Apache-2.0
"""Tenants: who owns which repositories, how much they may have, and how much they use."""

from collections.abc import Callable
from typing import Final

from anyio.to_thread import run_sync
from fastapi import APIRouter, Request
from sqlalchemy import Connection
from starlette.responses import Response

from tidegate.assembly.server import Server
from tidegate.identity import tenancy
from tidegate.identity.tenancy import Quota, Tenant
from tidegate.server.api.body import read_body
from tidegate.server.api.problem import reply
from tidegate.server.authentication import principal_of
from tidegate.values import Struct

_CREATED: Final = 201


class NewTenant(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of `POST /tenants`."""

    name: str
    prefixes: tuple[str, ...]
    quota: Quota = Quota()


def routes(server: Server) -> APIRouter:
    """The routes of tenants."""
    router = APIRouter(tags=["tenants"])

    def write(change: Callable[[Connection], Tenant]) -> Tenant:
        with server.database.begin() as connection:
            return change(connection)

    @router.get("/tenants", summary="Tenants, with what they may have and what they use")
    def list_tenants() -> Response:
        with server.database.read() as connection:
            return reply(tenancy.list_tenants(connection))

    @router.post("/tenants", status_code=_CREATED, summary="Add a tenant; what lies under its prefixes is counted")
    async def create_tenant(request: Request) -> Response:
        body, by = await read_body(request, NewTenant), principal_of(request).name

        def change(connection: Connection) -> Tenant:
            return tenancy.create(connection, body.name, body.prefixes, body.quota, by=by, at=server.clock())

        return reply(await run_sync(write, change), status=_CREATED)

    @router.put("/tenants/{tenant}/quota", summary="Give a tenant another quota; what is over it stays")
    async def limit_tenant(tenant: str, request: Request) -> Response:
        quota, by = await read_body(request, Quota), principal_of(request).name
        return reply(await run_sync(write, lambda c: tenancy.limit(c, tenant, quota, by=by, at=server.clock())))

    @router.post("/tenants/{tenant}/recount", summary="Count all that a tenant has anew")
    def recount_tenant(tenant: str) -> Response:
        return reply(write(lambda c: tenancy.recount(c, tenant)))

    @router.delete("/tenants/{tenant}", summary="Remove a tenant; its repositories stay")
    def remove_tenant(tenant: str, request: Request) -> Response:
        with server.database.begin() as connection:
            tenancy.remove(connection, tenant, by=principal_of(request).name, at=server.clock())
        return reply({"removed": tenant})

    return router

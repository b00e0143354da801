# SPDX-License-Identifier: Apache-2.0
"""Tenants for a command: of the record here, or of a server elsewhere."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from tidegate.assembly.identity import LocalIdentity, open_identity
from tidegate.assembly.remote import here_or_there
from tidegate.identity import tenancy
from tidegate.identity.tenancy import Quota, Tenant
from tidegate.remote import RemoteServer
from tidegate.remote.server import quoted
from tidegate.settings import Settings


class TenantBook(Protocol):
    """What a command asks of tenants; raises as `tidegate.identity.tenancy` does."""

    def listed(self) -> Sequence[Tenant]:
        """All of them, by name."""
        ...

    def add(self, name: str, prefixes: Sequence[str], quota: Quota) -> Tenant:
        """Adds one."""
        ...

    def limit(self, name: str, quota: Quota) -> Tenant:
        """Gives one another quota."""
        ...

    def recount(self, name: str) -> Tenant:
        """Counts all that one has anew."""
        ...

    def remove(self, name: str) -> None:
        """Removes one."""
        ...


def open_tenant_book(settings: Settings) -> AbstractContextManager[TenantBook]:
    """The tenants of the server that `client.server` names; without one, of the record here.

    Raises:
        TidegateError: the record cannot be opened, or the server's address is none.
    """
    return here_or_there(settings, opens=open_identity, here=_Recorded, there=_Remote)


class _Recorded:
    def __init__(self, local: LocalIdentity) -> None:
        self._database = local.database
        self._by = local.who.name
        self._clock = local.clock

    def listed(self) -> Sequence[Tenant]:
        with self._database.read() as connection:
            return tenancy.list_tenants(connection)

    def add(self, name: str, prefixes: Sequence[str], quota: Quota) -> Tenant:
        with self._database.begin() as connection:
            return tenancy.create(connection, name, prefixes, quota, by=self._by, at=self._clock())

    def limit(self, name: str, quota: Quota) -> Tenant:
        with self._database.begin() as connection:
            return tenancy.limit(connection, name, quota, by=self._by, at=self._clock())

    def recount(self, name: str) -> Tenant:
        with self._database.begin() as connection:
            return tenancy.recount(connection, name)

    def remove(self, name: str) -> None:
        with self._database.begin() as connection:
            tenancy.remove(connection, name, by=self._by, at=self._clock())


class _Remote:
    def __init__(self, server: RemoteServer) -> None:
        self._server = server

    def listed(self) -> Sequence[Tenant]:
        return self._server.ask("GET", "/tenants", tuple[Tenant, ...])

    def add(self, name: str, prefixes: Sequence[str], quota: Quota) -> Tenant:
        return self._server.ask(
            "POST", "/tenants", Tenant, body={"name": name, "prefixes": tuple(prefixes), "quota": quota}
        )

    def limit(self, name: str, quota: Quota) -> Tenant:
        return self._server.ask("PUT", f"/tenants/{quoted(name)}/quota", Tenant, body=quota)

    def recount(self, name: str) -> Tenant:
        return self._server.ask("POST", f"/tenants/{quoted(name)}/recount", Tenant)

    def remove(self, name: str) -> None:
        self._server.ask("DELETE", f"/tenants/{quoted(name)}", dict[str, Any])

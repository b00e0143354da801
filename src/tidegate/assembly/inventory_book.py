# SPDX-License-Identifier: Apache-2.0
"""What runs where, for a command: of the record here, or of a server elsewhere."""

from contextlib import AbstractContextManager
from typing import Protocol

from tidegate.assembly.local import Local, open_local
from tidegate.assembly.remote import here_or_there
from tidegate.clock import rfc3339, system_clock
from tidegate.execution.inventory import Asked, Page, what_runs
from tidegate.remote import RemoteServer
from tidegate.settings import Settings


class InventoryBook(Protocol):
    """What a command asks; raises as `tidegate.execution.inventory`."""

    def what_runs(self, asked: Asked) -> Page:
        """A page of what runs, or ran."""
        ...


def open_inventory_book(settings: Settings) -> AbstractContextManager[InventoryBook]:
    """The inventory of the server that `client.server` names, as its user may see it; without one, of the record here.

    Raises:
        TidegateError: the record cannot be opened, or the server's address is none.
    """
    return here_or_there(settings, opens=open_local, here=_Recorded, there=_Remote)


class _Recorded:
    def __init__(self, local: Local) -> None:
        self._local = local

    def what_runs(self, asked: Asked) -> Page:
        with self._local.database.read() as connection:
            return what_runs(connection, asked, now=system_clock())


class _Remote:
    def __init__(self, server: RemoteServer) -> None:
        self._server = server

    def what_runs(self, asked: Asked) -> Page:
        query = {
            "digest": asked.digest,
            "repository": asked.repository,
            "namespace": asked.namespace,
            "node": asked.node,
            "standing": sorted(asked.standings) or None,
            "rogue": "true" if asked.rogue else None,
            "at": rfc3339(asked.at) if asked.at else None,
            "past": "true" if asked.past else None,
            "after": asked.after,
            "limit": asked.limit,
        }
        return self._server.ask("GET", "/inventory", Page, query=query)

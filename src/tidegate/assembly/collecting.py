# SPDX-License-Identifier: Apache-2.0
"""Garbage collection for a command: over the record here, or by a server elsewhere."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol

from tidegate.assembly.keeping import Keeping, local_user, open_keeping
from tidegate.assembly.ordered import ordered
from tidegate.assembly.remote import here_or_there
from tidegate.assembly.upkeep_orders import of_many
from tidegate.curation.keeping.collector import Collected, Waiting
from tidegate.remote import RemoteServer
from tidegate.settings import Settings
from tidegate.values import Struct


class Collecting(Protocol):
    """What a command asks of garbage collection."""

    def waiting(self) -> Waiting:
        """What waits for it."""
        ...

    def collect(self, *, tell: Callable[[str], None]) -> Collected:
        """Collects what is due; tells how far it is.

        Raises:
            OutsideError: the database, the blob store or the server failed.
            UsageError: a server has the folder in hand.
        """
        ...


def open_collecting(settings: Settings) -> AbstractContextManager[Collecting]:
    """Garbage collection by the server that `client.server` names; without one, over the record here.

    Raises:
        TidegateError: the record cannot be used, or the server's address is none.
    """
    return here_or_there(settings, opens=open_keeping, here=_Recorded, there=_Remote)


class _Recorded:
    def __init__(self, keeping: Keeping) -> None:
        self._keeping = keeping

    def waiting(self) -> Waiting:
        return self._keeping.collector.waiting()

    def collect(self, *, tell: Callable[[str], None]) -> Collected:
        with self._keeping.alone():
            return self._keeping.collect(who=local_user(), progress=of_many(tell))


class _State(Struct, frozen=True):
    waiting: Waiting


class _Remote:
    def __init__(self, server: RemoteServer) -> None:
        self._server = server

    def waiting(self) -> Waiting:
        return self._server.ask("GET", "/gc", _State, query={"limit": 1}).waiting

    def collect(self, *, tell: Callable[[str], None]) -> Collected:
        return ordered(self._server, "/gc", Collected, tell=tell)

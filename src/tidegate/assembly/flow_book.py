# SPDX-License-Identifier: Apache-2.0
"""Observed flows for a command: of the record here, or of a server elsewhere; and what a server lets go of."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timedelta
from typing import Final, Protocol

from tidegate.assembly.local import open_local
from tidegate.assembly.remote import here_or_there
from tidegate.clock import Clock, rfc3339
from tidegate.curation.keeping.upkeep import Task
from tidegate.execution.network.flow_record import FlowPage, drop_flows, list_flows
from tidegate.execution.network.observed import ObservedFlow
from tidegate.remote import RemoteServer
from tidegate.settings import Settings
from tidegate.storage.database import Database

_PAGE: Final = 1000
_DROP_EVERY: Final = timedelta(hours=6)


class FlowBook(Protocol):
    """What a command asks of flows."""

    def page(self, cluster: str, namespace: str, since: datetime | None, after: str) -> FlowPage:
        """Some flows, after those before; raises TidegateError when the record or the server fails."""
        ...


def every_flow(book: FlowBook, *, cluster: str, namespace: str, since: datetime | None) -> Iterator[ObservedFlow]:
    """All flows, page by page; raises as `FlowBook.page`."""
    after = ""
    while True:
        found = book.page(cluster, namespace, since, after)
        yield from found.flows
        if not found.next:
            return
        after = found.next


def open_flow_book(settings: Settings) -> AbstractContextManager[FlowBook]:
    """The flows of the server that `client.server` names; without one, of the record here.

    Raises:
        TidegateError: the record cannot be used, or the server's address is none.
    """
    return here_or_there(settings, opens=_open_record, here=_Recorded, there=_Remote)


def flow_tasks(settings: Settings, database: Database, clock: Clock) -> tuple[Task, ...]:
    """What a server does by itself about flows: those that were long not seen go."""
    keep = timedelta(days=settings.execution.flow_keep_days)

    def drop() -> object | None:
        with database.begin() as connection:
            gone = drop_flows(connection, clock() - keep)
        return {"gone": gone} if gone else None

    return (Task(kind="flows", every=_DROP_EVERY, run=drop),)


@contextmanager
def _open_record(settings: Settings) -> Iterator[Database]:
    with open_local(settings) as local:
        yield local.database


class _Recorded:
    def __init__(self, database: Database) -> None:
        self._database = database

    def page(self, cluster: str, namespace: str, since: datetime | None, after: str) -> FlowPage:
        with self._database.read() as connection:
            return list_flows(connection, cluster=cluster, namespace=namespace, since=since, after=after, limit=_PAGE)


class _Remote:
    def __init__(self, server: RemoteServer) -> None:
        self._server = server

    def page(self, cluster: str, namespace: str, since: datetime | None, after: str) -> FlowPage:
        moment = rfc3339(since) if since is not None else ""
        query = {"cluster": cluster, "namespace": namespace, "since": moment, "after": after, "limit": _PAGE}
        return self._server.ask("GET", "/flows", FlowPage, query=query)

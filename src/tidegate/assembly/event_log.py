# SPDX-License-Identifier: Apache-2.0
"""Events for one command: of the record here, or of a server elsewhere, as they may be told to who asks."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Final, Protocol

from tidegate.assembly.home import Home
from tidegate.assembly.remote import here_or_there
from tidegate.assembly.stores import open_database
from tidegate.events import kinds_named
from tidegate.remote import RemoteServer
from tidegate.remote.events import EventPage, RemoteEvent, events_after
from tidegate.settings import Settings
from tidegate.storage import outbox
from tidegate.storage.database import Database
from tidegate.values import Struct

PAGE: Final = 500
_WAIT_SECONDS: Final = 25.0  # at a server: shorter than what proxies cut off
_LOOK_SECONDS: Final = 0.5  # here: another process writes, and wakes nobody in this one


class Sought(Struct, frozen=True, kw_only=True):
    """Which events are wanted.

    Attributes:
        kind: these kinds alone, by name or by how it begins up to a dot; "" for all.
        subject: what is told of it alone; "" for all.
    """

    kind: str = ""
    subject: str = ""


class EventLog(Protocol):
    """Where events are read."""

    def newest(self) -> int:
        """The offset of the newest event."""
        ...

    def page(self, after: int, sought: Sought, *, wait: bool) -> EventPage:
        """At most `PAGE` events past an offset; waits for the next one for a while when there is none and it shall."""
        ...


def open_event_log(settings: Settings) -> AbstractContextManager[EventLog]:
    """Events of the server that `client.server` names, as its user may hear them; without one, of the record.

    Raises:
        TidegateError: the home folder, the database or an address is not usable.
    """

    @contextmanager
    def opens(settings: Settings) -> Iterator[Database]:
        Home(folder=settings.home).make()
        database = open_database(settings)
        try:
            yield database
        finally:
            database.close()

    def here(database: Database) -> EventLog:
        return _Recorded(database, source=settings.signing.verifier_id)

    return here_or_there(settings, opens=opens, here=here, there=_Remote)


@dataclass(frozen=True, slots=True)
class _Recorded:
    database: Database
    source: str

    def newest(self) -> int:
        with self.database.read() as connection:
            return outbox.newest(connection)

    def page(self, after: int, sought: Sought, *, wait: bool) -> EventPage:
        kinds = kinds_named(sought.kind) if sought.kind else frozenset()
        with self.database.read() as connection:
            newest = outbox.newest(connection)
            page = outbox.read_after(connection, after, PAGE, kinds=kinds, subject=sought.subject)
        if not page and wait:
            commits = self.database.commits
            commits.wait(commits.count, timeout=_LOOK_SECONDS)
        told = tuple(RemoteEvent(offset=number, event=one.to_dict(source=self.source)) for number, one in page)
        return EventPage(events=told, next=page[-1][0] if page else max(after, newest))


@dataclass(frozen=True, slots=True)
class _Remote:
    server: RemoteServer

    def newest(self) -> int:
        return events_after(self.server, 0, wait_seconds=0, limit=0).next

    def page(self, after: int, sought: Sought, *, wait: bool) -> EventPage:
        seconds = _WAIT_SECONDS if wait else 0.0
        return events_after(
            self.server, after, wait_seconds=seconds, limit=PAGE, kind=sought.kind, subject=sought.subject
        )

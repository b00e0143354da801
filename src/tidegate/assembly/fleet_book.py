# SPDX-License-Identifier: Apache-2.0
"""Questions on the whole fleet for a command: of the record here, or of a server elsewhere."""

from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Protocol

from tidegate.assembly.local import Local, open_local
from tidegate.assembly.remote import here_or_there
from tidegate.knowledge.database import Knowledge
from tidegate.oversight.fleet.affected import Advisory, parts_affected
from tidegate.oversight.fleet.answer import Answer, answer
from tidegate.oversight.fleet.blast import Blast, Kind, blast
from tidegate.oversight.fleet.drift import Drift, drift
from tidegate.oversight.fleet.parts import parts_wanted
from tidegate.oversight.fleet.unsupported import Unsupported, unsupported
from tidegate.oversight.fleet.wanted import Wanted
from tidegate.remote import RemoteServer
from tidegate.settings import Settings


class Affected(Answer, frozen=True, kw_only=True):
    """The same, with the advisories that were meant."""

    advisories: tuple[Advisory, ...]


class FleetBook(Protocol):
    """What a command asks; pages are told in `tidegate.oversight.fleet.answer`."""

    def where(self, text: str, *, after: int, limit: int) -> Answer:
        """Images that have a package, as `tidegate.oversight.fleet.wanted` reads it."""
        ...

    def affected(self, name: str, *, after: int, limit: int) -> Affected:
        """Images that an advisory speaks of."""
        ...

    def blast(self, thing: str, *, kind: Kind | None, after: int, limit: int) -> Blast:
        """All that is downstream of a thing."""
        ...

    def unsupported(self, days: int, *, after: int, limit: int) -> Unsupported:
        """What nobody cares for any more, or not for so many days."""
        ...

    def drift(self) -> Drift:
        """What runs otherwise than as it was admitted."""
        ...


def open_fleet_book(settings: Settings) -> AbstractContextManager[FleetBook]:
    """The fleet on the record of the server that `client.server` names; without one, on the record here.

    Raises:
        TidegateError: the record cannot be opened, or the server's address is none.
    """
    return here_or_there(settings, opens=open_local, here=_Recorded, there=_Remote)


class _Recorded:
    def __init__(self, local: Local) -> None:
        self._local = local

    def where(self, text: str, *, after: int, limit: int) -> Answer:
        wanted = Wanted.parse(text)
        with self._local.database.read() as connection:
            parts = parts_wanted(connection, wanted)
            return answer(connection, parts.found, parts.unordered, after=after, limit=limit)

    def affected(self, name: str, *, after: int, limit: int) -> Affected:
        with Knowledge.open(self._local.settings.db) as knowledge, self._local.database.read() as connection:
            advisories, parts = parts_affected(connection, knowledge, name)
            found = answer(connection, parts, after=after, limit=limit)
        return with_advisories(found, advisories)

    def blast(self, thing: str, *, kind: Kind | None, after: int, limit: int) -> Blast:
        with self._local.database.read() as connection:
            return blast(connection, thing, kind=kind, after=after, limit=limit)

    def unsupported(self, days: int, *, after: int, limit: int) -> Unsupported:
        within, at = timedelta(days=days), self._local.clock().date()
        with Knowledge.open(self._local.settings.db) as knowledge, self._local.database.read() as connection:
            return unsupported(connection, knowledge, within=within, at=at, after=after, limit=limit)

    def drift(self) -> Drift:
        with self._local.database.read() as connection:
            return drift(connection, now=self._local.clock())


class _Remote:
    def __init__(self, server: RemoteServer) -> None:
        self._server = server

    def where(self, text: str, *, after: int, limit: int) -> Answer:
        query = {"component": text, "after": after, "limit": limit}
        return self._server.ask("GET", "/fleet/where", Answer, query=query)

    def affected(self, name: str, *, after: int, limit: int) -> Affected:
        query = {"advisory": name, "after": after, "limit": limit}
        return self._server.ask("GET", "/fleet/affected", Affected, query=query)

    def blast(self, thing: str, *, kind: Kind | None, after: int, limit: int) -> Blast:
        query = {"of": thing, "kind": kind or "", "after": after, "limit": limit}
        return self._server.ask("GET", "/fleet/blast", Blast, query=query)

    def unsupported(self, days: int, *, after: int, limit: int) -> Unsupported:
        query = {"days": days, "after": after, "limit": limit}
        return self._server.ask("GET", "/fleet/unsupported", Unsupported, query=query)

    def drift(self) -> Drift:
        return self._server.ask("GET", "/fleet/drift", Drift)


def with_advisories(found: Answer, advisories: tuple[Advisory, ...]) -> Affected:
    """An answer with the advisories it is about."""
    return Affected(
        parts=found.parts,
        unordered=found.unordered,
        images=found.images,
        images_in_all=found.images_in_all,
        after=found.after,
        advisories=advisories,
    )

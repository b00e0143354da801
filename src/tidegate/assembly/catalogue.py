# SPDX-License-Identifier: Apache-2.0
"""The catalogue for a command: of the record here, or of a server elsewhere."""

from contextlib import AbstractContextManager
from typing import Protocol

from tidegate.artifact import Repository
from tidegate.assembly.local import Local, open_local
from tidegate.assembly.remote import here_or_there
from tidegate.assembly.vending import build_catalogue
from tidegate.curation.vending.catalogue import MAX_PAGE, Asked, Catalogue, Entry, Everything, Version
from tidegate.remote import RemoteServer
from tidegate.settings import Settings
from tidegate.values import Struct


class CatalogueSource(Protocol):
    """What a command asks a catalogue."""

    @property
    def host(self) -> str:
        """Host and port that images are pulled from."""
        ...

    def search(self, asked: Asked, *, after: str, limit: int) -> list[Entry]:
        """At most `limit` repositories that fit, by name, past `after`."""
        ...

    def versions(self, repository: Repository) -> list[Version]:
        """All tagged images of a repository, the newest first.

        Raises:
            NotFoundError: there is none.
        """
        ...


def open_catalogue(settings: Settings) -> AbstractContextManager[CatalogueSource]:
    """The catalogue of the server that `client.server` names, as its user may see it; without one all of the record.

    Raises:
        TidegateError: the record cannot be opened, or the server's address is none.
    """
    return here_or_there(
        settings, opens=open_local, here=lambda local: _Recorded(local, build_catalogue(settings)), there=_Remote
    )


class _Recorded:
    def __init__(self, local: Local, catalogue: Catalogue) -> None:
        self._local = local
        self._catalogue = catalogue
        self.host = f"{local.settings.server.host}:{local.settings.server.port}"

    def search(self, asked: Asked, *, after: str, limit: int) -> list[Entry]:
        today = self._local.clock().date()
        with self._local.database.read() as connection:
            found = self._catalogue.search(connection, asked, Everything(), today=today, after=after, limit=limit)
        return list(found.entries)

    def versions(self, repository: Repository) -> list[Version]:
        today = self._local.clock().date()
        with self._local.database.read() as connection:
            return self._catalogue.versions(connection, repository, Everything(), today=today)


class _Page(Struct, frozen=True, kw_only=True):
    entries: tuple[Entry, ...]
    next: str = ""


class _Versions(Struct, frozen=True, kw_only=True):
    versions: tuple[Version, ...]


class _Remote:
    def __init__(self, server: RemoteServer) -> None:
        self._server = server
        self.host = server.host

    def search(self, asked: Asked, *, after: str, limit: int) -> list[Entry]:
        found: list[Entry] = []
        wanted = {"q": asked.words, "state": asked.state, "owner": asked.owner, "platform": asked.platform}
        while len(found) < limit:
            query = {**wanted, "after": after, "limit": min(MAX_PAGE, limit - len(found))}
            page = self._server.ask("GET", "/catalogue", _Page, query=query)
            found += page.entries
            if not page.next or page.next == after:
                break
            after = page.next
        return found

    def versions(self, repository: Repository) -> list[Version]:
        return list(self._server.ask("GET", f"/catalogue/{repository}", _Versions).versions)

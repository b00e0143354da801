# SPDX-License-Identifier: Apache-2.0
"""Passports for a command: of the record here, or of a server elsewhere."""

from contextlib import AbstractContextManager
from typing import Protocol

from tidegate.assembly.local import Local, open_local
from tidegate.assembly.notes import note_signer
from tidegate.assembly.remote import here_or_there
from tidegate.oversight.bundle import Bundle, canonical, write_bundle
from tidegate.oversight.passport import Passport, passport
from tidegate.remote import RemoteServer
from tidegate.settings import Settings


class PassportSource(Protocol):
    """What a command asks."""

    def passport(self, name: str, *, skip: int, limit: int) -> Passport:
        """A page of the passport of a digest, or of what a tag points to.

        Raises:
            NotFoundError: nothing is on record of it.
        """
        ...

    def bundle(self, name: str) -> bytes:
        """The same as a file that is verified offline; raises as `passport`."""
        ...


def open_passports(settings: Settings) -> AbstractContextManager[PassportSource]:
    """Passports of the server that `client.server` names, as its user may see them; without one, of the record here.

    Raises:
        TidegateError: the record cannot be opened, or the server's address is none.
    """
    return here_or_there(settings, opens=open_local, here=_Recorded, there=_Remote)


class _Recorded:
    def __init__(self, local: Local) -> None:
        self._local = local

    def passport(self, name: str, *, skip: int, limit: int) -> Passport:
        local = self._local
        with local.database.read() as connection:
            digest = local.digest_of(connection, name)
            return passport(connection, digest, local.gate.trust(connection), skip=skip, limit=limit)

    def bundle(self, name: str) -> bytes:
        local = self._local
        notes = note_signer(local.settings)
        with local.database.read() as connection:
            return write_bundle(connection, local.gate, notes, local.digest_of(connection, name))


class _Remote:
    def __init__(self, server: RemoteServer) -> None:
        self._server = server

    def passport(self, name: str, *, skip: int, limit: int) -> Passport:
        query = {"name": name, "skip": skip, "limit": limit}
        return self._server.ask("GET", "/passports", Passport, query=query)

    def bundle(self, name: str) -> bytes:
        digest = self.passport(name, skip=0, limit=1).digest
        found = self._server.ask("GET", f"/passports/{digest}/bundle", Bundle)
        return canonical(found)

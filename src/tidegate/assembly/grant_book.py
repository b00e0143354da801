# SPDX-License-Identifier: Apache-2.0
"""Grants for a command: of the record here, or of a server elsewhere."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Final, Protocol

from tidegate.assembly.identity import LocalIdentity, open_identity
from tidegate.assembly.remote import here_or_there
from tidegate.errors import UsageError
from tidegate.identity import granting
from tidegate.identity.grant import GrantState
from tidegate.identity.granting import GrantRecord, Wanted
from tidegate.remote import RemoteServer
from tidegate.remote.server import quoted
from tidegate.remote.whole_id import whole_id
from tidegate.settings import Settings
from tidegate.values import Struct

_SECONDS_OF_HOUR: Final = 3600


class Asking(Struct, frozen=True, kw_only=True):
    """What somebody asks for, for themselves."""

    pattern: str
    verbs: tuple[str, ...]
    hours: float
    condition: str = ""
    reason: str


class GrantBook(Protocol):
    """What a command asks of grants; raises as `tidegate.identity.granting` does.

    One is named by its id, or by how that begins.
    """

    def listed(self, *, holder: str, state: GrantState | None) -> Sequence[GrantRecord]:
        """At most a thousand that one may see, the newest first."""
        ...

    def give(self, wanted: Wanted) -> GrantRecord:
        """Gives one at once."""
        ...

    def ask(self, wanted: Asking) -> GrantRecord:
        """Asks for one for oneself; it allows nothing until another has approved it.

        Raises:
            UsageError: nobody is asked, because this is the record itself.
        """
        ...

    def approve(self, start: str, *, why: str) -> GrantRecord:
        """Gives what another asked for."""
        ...

    def refuse(self, start: str, *, why: str) -> GrantRecord:
        """Refuses what another asked for."""
        ...

    def revoke(self, start: str, *, why: str) -> GrantRecord:
        """Takes one back, or what was asked for."""
        ...


def open_grant_book(settings: Settings) -> AbstractContextManager[GrantBook]:
    """The grants of the server that `client.server` names, as its user may see them; without one, of the record here.

    Raises:
        TidegateError: the record cannot be opened, or the server's address is none.
    """
    return here_or_there(settings, opens=open_identity, here=_Recorded, there=_Remote)


class _Recorded:
    def __init__(self, local: LocalIdentity) -> None:
        self._database = local.database
        self._who = local.who
        self._clock = local.clock

    def listed(self, *, holder: str, state: GrantState | None) -> Sequence[GrantRecord]:
        with self._database.read() as connection:
            return granting.list_grants(connection, holder=holder, state=state)

    def give(self, wanted: Wanted) -> GrantRecord:
        with self._database.begin() as connection:
            return granting.give(connection, wanted, by=self._who, at=self._clock())

    def ask(self, wanted: Asking) -> GrantRecord:
        remedy = "name a server you are logged in to (--server), or give it: tidegate grant give"
        raise UsageError("a grant is asked of a server", where=wanted.pattern, remedy=remedy)

    def approve(self, start: str, *, why: str) -> GrantRecord:
        with self._database.begin() as connection:
            grant = granting.named(connection, start)
            return granting.approve(connection, grant, by=self._who, why=why, at=self._clock())

    def refuse(self, start: str, *, why: str) -> GrantRecord:
        with self._database.begin() as connection:
            grant = granting.named(connection, start)
            return granting.refuse(connection, grant, by=self._who, why=why, at=self._clock())

    def revoke(self, start: str, *, why: str) -> GrantRecord:
        with self._database.begin() as connection:
            grant = granting.named(connection, start)
            return granting.revoke(connection, grant, by=self._who, why=why, at=self._clock())


class _Remote:
    def __init__(self, server: RemoteServer) -> None:
        self._server = server

    def listed(self, *, holder: str, state: GrantState | None) -> Sequence[GrantRecord]:
        query = {"holder": holder, "state": state.value if state else "", "limit": granting.MAX_PAGE}
        return self._server.ask("GET", "/grants", tuple[GrantRecord, ...], query=query)

    def give(self, wanted: Wanted) -> GrantRecord:
        body = {
            "holder": wanted.holder,
            "pattern": wanted.pattern,
            "verbs": sorted(wanted.verbs),
            "hours": wanted.lasts.total_seconds() / _SECONDS_OF_HOUR if wanted.lasts else 0,
            "condition": wanted.condition,
            "reason": wanted.reason,
        }
        return self._server.ask("POST", "/grants", GrantRecord, body=body)

    def ask(self, wanted: Asking) -> GrantRecord:
        return self._server.ask("POST", "/grants/requests", GrantRecord, body=wanted)

    def approve(self, start: str, *, why: str) -> GrantRecord:
        return self._decided(start, "approve", why)

    def refuse(self, start: str, *, why: str) -> GrantRecord:
        return self._decided(start, "refuse", why)

    def revoke(self, start: str, *, why: str) -> GrantRecord:
        return self._decided(start, "revoke", why)

    def _decided(self, start: str, act: str, why: str) -> GrantRecord:
        grant = whole_id(start, self._ids(), what="grant")
        return self._server.ask("POST", f"/grants/{quoted(grant)}/{act}", GrantRecord, body={"why": why})

    def _ids(self) -> Iterator[str]:
        for one in self.listed(holder="", state=None):
            yield one.id

# SPDX-License-Identifier: Apache-2.0
"""Incidents and responses for a command: of the record here, or of a server elsewhere."""

import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Final, Protocol

from tidegate.assembly.keeping import local_user
from tidegate.assembly.local import Local, open_local
from tidegate.assembly.remote import here_or_there
from tidegate.assembly.sensor import response_policy
from tidegate.execution import incidents, responses
from tidegate.execution.asking import Asked, ask
from tidegate.execution.incidents import Incident
from tidegate.execution.response_policy import ResponsePolicy
from tidegate.execution.responses import PENDING, Response
from tidegate.identity.duties import Actor
from tidegate.remote import RemoteServer
from tidegate.remote.server import quoted
from tidegate.settings import Settings
from tidegate.values import Struct

_LOOK_EVERY_SECONDS: Final = 0.2
_WAIT_AT_ONCE: Final = 20.0  # a connection that says nothing for longer may be cut


class ResponseBook(Protocol):
    """What a command asks of incidents and responses; raises as `tidegate.execution.responses` and its neighbours."""

    def ask(self, asked: Asked) -> Response:
        """Has a step taken, or asked for where the policy wants another's approval."""
        ...

    def responses(self, *, state: str, incident: str, limit: int) -> Sequence[Response]:
        """The newest first."""
        ...

    def response(self, name: str, *, wait: float = 0) -> Response:
        """One; it is waited so many seconds for its end."""
        ...

    def approve(self, name: str) -> Response:
        """Has done what another asked for."""
        ...

    def refuse(self, name: str, *, why: str) -> Response:
        """Refuses what another asked for."""
        ...

    def undo(self, name: str, *, why: str) -> Response:
        """Has a step taken back; returns the response that does."""
        ...

    def incidents(self, *, state: str, limit: int) -> Sequence[Incident]:
        """The newest first."""
        ...

    def incident(self, name: str) -> Incident:
        """One."""
        ...

    def close(self, name: str, *, why: str) -> Incident:
        """Closes one."""
        ...


def open_response_book(settings: Settings) -> AbstractContextManager[ResponseBook]:
    """The responses of the server that `client.server` names; without one, of the record here.

    Raises:
        TidegateError: the record cannot be used, or the server's address is none.
    """
    return here_or_there(settings, opens=_opened, here=_Recorded, there=_Remote)


@contextmanager
def _opened(settings: Settings) -> Iterator[tuple[Local, ResponsePolicy]]:
    with open_local(settings) as local:
        yield local, response_policy(settings)


class _Recorded:
    def __init__(self, opened: tuple[Local, ResponsePolicy]) -> None:
        self._local, self._policy = opened
        self._by = Actor(name=local_user(), identity="")

    def ask(self, asked: Asked) -> Response:
        local = self._local
        with local.database.begin() as connection:
            return ask(connection, local.gate, self._policy, asked, by=self._by, at=local.clock())

    def responses(self, *, state: str, incident: str, limit: int) -> Sequence[Response]:
        with self._local.database.read() as connection:
            return responses.list_responses(connection, state=state, incident=incident, limit=limit)

    def response(self, name: str, *, wait: float = 0) -> Response:
        ends = time.monotonic() + wait
        while True:
            with self._local.database.read() as connection:
                found = responses.find_response(connection, name)
            if found.state not in PENDING or time.monotonic() >= ends:
                return found
            time.sleep(_LOOK_EVERY_SECONDS)

    def approve(self, name: str) -> Response:
        local = self._local
        with local.database.begin() as connection:
            return responses.approve(connection, local.gate, name, by=self._by, at=local.clock())

    def refuse(self, name: str, *, why: str) -> Response:
        with self._local.database.begin() as connection:
            return responses.refuse(connection, name, by=self._by, why=why, at=self._local.clock())

    def undo(self, name: str, *, why: str) -> Response:
        local = self._local
        with local.database.begin() as connection:
            return responses.undo(connection, local.gate, name, by=self._by, why=why, at=local.clock())

    def incidents(self, *, state: str, limit: int) -> Sequence[Incident]:
        with self._local.database.read() as connection:
            return incidents.list_incidents(connection, state=state, limit=limit)

    def incident(self, name: str) -> Incident:
        with self._local.database.read() as connection:
            return incidents.find_incident(connection, name)

    def close(self, name: str, *, why: str) -> Incident:
        with self._local.database.begin() as connection:
            return incidents.close_incident(connection, name, by=self._by.name, why=why, at=self._local.clock())


class _Responses(Struct, frozen=True, kw_only=True):
    responses: tuple[Response, ...]


class _Incidents(Struct, frozen=True, kw_only=True):
    incidents: tuple[Incident, ...]


class _Remote:
    def __init__(self, server: RemoteServer) -> None:
        self._server = server

    def ask(self, asked: Asked) -> Response:
        return self._server.ask("POST", "/responses", Response, body=asked)

    def responses(self, *, state: str, incident: str, limit: int) -> Sequence[Response]:
        query = {"state": state, "incident": incident, "limit": limit}
        return self._server.ask("GET", "/responses", _Responses, query=query).responses

    def response(self, name: str, *, wait: float = 0) -> Response:
        ends = time.monotonic() + wait
        while True:
            left = max(0.0, ends - time.monotonic())
            path, query = f"/responses/{quoted(name)}", {"wait": round(min(left, _WAIT_AT_ONCE), 1)}
            found = self._server.ask("GET", path, Response, query=query)
            if found.state not in PENDING or left <= _WAIT_AT_ONCE:
                return found

    def approve(self, name: str) -> Response:
        return self._change(name, "approve", "")

    def refuse(self, name: str, *, why: str) -> Response:
        return self._change(name, "refuse", why)

    def undo(self, name: str, *, why: str) -> Response:
        return self._change(name, "undo", why)

    def incidents(self, *, state: str, limit: int) -> Sequence[Incident]:
        return self._server.ask("GET", "/incidents", _Incidents, query={"state": state, "limit": limit}).incidents

    def incident(self, name: str) -> Incident:
        return self._server.ask("GET", f"/incidents/{quoted(name)}", Incident)

    def close(self, name: str, *, why: str) -> Incident:
        return self._server.ask("POST", f"/incidents/{quoted(name)}/close", Incident, body={"why": why})

    def _change(self, name: str, act: str, why: str) -> Response:
        return self._server.ask("POST", f"/responses/{quoted(name)}/{act}", Response, body={"why": why})

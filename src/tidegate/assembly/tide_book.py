# SPDX-License-Identifier: Apache-2.0
"""Tides for a command: of the record here, or of a server elsewhere."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from tidegate.assembly.local import Local, open_local
from tidegate.assembly.remote import here_or_there
from tidegate.oversight.tide.story import Story, TideLine, list_tides, tell_tide
from tidegate.remote import RemoteServer
from tidegate.remote.server import quoted
from tidegate.settings import Settings
from tidegate.values import Struct


class TideBook(Protocol):
    """What a command asks; see `tidegate.oversight.tide.story`."""

    def listed(self, *, is_open: bool | None, limit: int) -> Sequence[TideLine]:
        """Tides, the newest first."""
        ...

    def told(self, start: str) -> Story:
        """One, by its id or how that begins."""
        ...


def open_tide_book(settings: Settings) -> AbstractContextManager[TideBook]:
    """Tides on the record of the server that `client.server` names; without one, on the record here.

    Raises:
        TidegateError: the record cannot be opened, or the server's address is none.
    """
    return here_or_there(settings, opens=open_local, here=_Recorded, there=_Remote)


class _Recorded:
    def __init__(self, local: Local) -> None:
        self._local = local

    def listed(self, *, is_open: bool | None, limit: int) -> Sequence[TideLine]:
        with self._local.database.read() as connection:
            return list_tides(connection, is_open=is_open, limit=limit)

    def told(self, start: str) -> Story:
        with self._local.database.read() as connection:
            return tell_tide(connection, start)


class _Listed(Struct, frozen=True):
    tides: tuple[TideLine, ...]


class _Remote:
    def __init__(self, server: RemoteServer) -> None:
        self._server = server

    def listed(self, *, is_open: bool | None, limit: int) -> Sequence[TideLine]:
        state = "" if is_open is None else "open" if is_open else "ended"
        return self._server.ask("GET", "/tides", _Listed, query={"state": state, "limit": limit}).tides

    def told(self, start: str) -> Story:
        return self._server.ask("GET", f"/tides/{quoted(start)}", Story)

# SPDX-License-Identifier: Apache-2.0
"""Garbage collection for a command: over the record here, or by a server elsewhere."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from tidegate.assembly.keeping import Keeping, local_user, open_keeping
from tidegate.assembly.remote import open_remote
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
        """Collects what is due; tells how far it is, where that is known.

        Raises:
            OutsideError: the database, the blob store or the server failed.
            UsageError: a server has the folder in hand.
        """
        ...


@contextmanager
def open_collecting(settings: Settings) -> Iterator[Collecting]:
    """Garbage collection by the server that `client.server` names; without one, over the record here.

    Raises:
        TidegateError: the record cannot be used, or the server's address is none.
    """
    if settings.client.server:
        with open_remote(settings) as server:
            yield _Remote(server)
    else:
        with open_keeping(settings) as keeping:
            yield _Recorded(keeping)


class _Recorded:
    def __init__(self, keeping: Keeping) -> None:
        self._keeping = keeping

    def waiting(self) -> Waiting:
        return self._keeping.collector.waiting()

    def collect(self, *, tell: Callable[[str], None]) -> Collected:
        with self._keeping.alone():
            return self._keeping.collect(
                who=local_user(), progress=lambda phase, done, total: tell(f"{phase} {done} of {total}")
            )


class _State(Struct, frozen=True):
    waiting: Waiting


class _Remote:
    def __init__(self, server: RemoteServer) -> None:
        self._server = server

    def waiting(self) -> Waiting:
        return self._server.ask("GET", "/gc", _State, query={"limit": 1}).waiting

    def collect(self, *, tell: Callable[[str], None]) -> Collected:
        del tell  # a server answers when it is done
        return self._server.ask("POST", "/gc", Collected)

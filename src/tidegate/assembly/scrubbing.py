# SPDX-License-Identifier: Apache-2.0
"""Scrubbing for a command: over the record here, or by a server elsewhere."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Final, Protocol

from tidegate.assembly.keeping import Keeping, local_user, open_keeping
from tidegate.assembly.ordered import ordered
from tidegate.assembly.remote import here_or_there
from tidegate.assembly.upkeep_orders import scrub_progress
from tidegate.curation.keeping.damage import Damage, Hit, hit_by_blob, list_damages
from tidegate.curation.keeping.scrub import Position, Scrubbed
from tidegate.remote import RemoteServer
from tidegate.settings import Settings
from tidegate.values import Struct

MAX_DAMAGES: Final = 1000
_MAX_SLICE_SECONDS: Final = 86_400.0
"""Of one order to a server."""


class ScrubState(Struct, frozen=True, kw_only=True):
    """Where scrubbing stands.

    Attributes:
        position: None when none ever began.
        damages: those that are not repaired first.
        lost: whom what is not repaired hits, by digest.
    """

    position: Position | None
    damages: tuple[Damage, ...]
    lost: dict[str, Hit]


class Scrubbing(Protocol):
    """What a command asks of scrubbing."""

    def state(self) -> ScrubState:
        """Where it stands, with at most a thousand damages."""
        ...

    def scrub(self, *, seconds: float | None, tell: Callable[[str], None]) -> Scrubbed:
        """Goes on with the round, or begins another, for so long or to its end; tells how far it is.

        Raises:
            OutsideError: the database, the blob store or the server failed.
            UsageError: a server has the folder in hand.
        """
        ...


def open_scrubbing(settings: Settings) -> AbstractContextManager[Scrubbing]:
    """Scrubbing by the server that `client.server` names; without one, over the record here.

    Raises:
        TidegateError: the record cannot be used, or the server's address is none.
    """
    return here_or_there(settings, opens=open_keeping, here=_Recorded, there=_Remote)


def scrub_state(keeping: Keeping, *, limit: int) -> ScrubState:
    """Where scrubbing of the record stands, with at most `limit` damages."""
    with keeping.database.read() as connection:
        damages = tuple(list_damages(connection, limit=limit))
        lost = {str(one.digest): hit_by_blob(connection, one.digest) for one in damages if one.repaired_at is None}
    return ScrubState(position=keeping.scrubber.position(), damages=damages, lost=lost)


class _Recorded:
    def __init__(self, keeping: Keeping) -> None:
        self._keeping = keeping

    def state(self) -> ScrubState:
        return scrub_state(self._keeping, limit=MAX_DAMAGES)

    def scrub(self, *, seconds: float | None, tell: Callable[[str], None]) -> Scrubbed:
        with self._keeping.alone():
            return self._keeping.scrub(
                who=local_user(),
                seconds=seconds,
                progress=lambda part, count, read: tell(scrub_progress(part, count, read)),
            )


class _Remote:
    def __init__(self, server: RemoteServer) -> None:
        self._server = server

    def state(self) -> ScrubState:
        return self._server.ask("GET", "/scrub", ScrubState, query={"limit": MAX_DAMAGES})

    def scrub(self, *, seconds: float | None, tell: Callable[[str], None]) -> Scrubbed:
        # A server that is stopped meanwhile ends the order, not the round.
        found, ends = Scrubbed(), time.monotonic() + seconds if seconds is not None else float("inf")
        while not found.finished and (left := ends - time.monotonic()) > 0:
            query = {"seconds": min(left, _MAX_SLICE_SECONDS) if seconds is not None else 0}
            found = _together(found, ordered(self._server, "/scrub", Scrubbed, tell=tell, query=query))
        return found


def _together(first: Scrubbed, then: Scrubbed) -> Scrubbed:
    return Scrubbed(
        blobs=first.blobs + then.blobs,
        manifests=first.manifests + then.manifests,
        strays=first.strays + then.strays,
        read_bytes=first.read_bytes + then.read_bytes,
        damaged=tuple(dict.fromkeys(first.damaged + then.damaged)),
        repaired=tuple(dict.fromkeys(first.repaired + then.repaired)),
        lost=tuple(dict.fromkeys(first.lost + then.lost)),
        finished=then.finished,
    )

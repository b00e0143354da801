# SPDX-License-Identifier: Apache-2.0
"""The events of a server, from an offset on."""

from collections.abc import Mapping
from typing import Any

from tidegate.remote.server import RemoteServer
from tidegate.values import Struct


class RemoteEvent(Struct, frozen=True, kw_only=True):
    """One event: its offset and its CloudEvent."""

    offset: int
    event: Mapping[str, Any]


class EventPage(Struct, frozen=True, kw_only=True):
    """Events, oldest first, and the offset to go on from: past those that were not wanted or may not be told."""

    events: tuple[RemoteEvent, ...]
    next: int


def events_after(
    server: RemoteServer, after: int, *, wait_seconds: float, limit: int, kind: str = "", subject: str = ""
) -> EventPage:
    """Asks for events past an offset, and waits for the next one where there is none yet.

    Args:
        server: asked.
        after: an offset; 0 is before the first.
        wait_seconds: 0 to 60.
        limit: at most 1,000; 0 only tells where the end is.
        kind: only kinds that are this, or begin with it and a dot.
        subject: only what is told of it.

    Raises:
        TidegateError: as `RemoteServer.ask`.
    """
    query = {"after": after, "wait": wait_seconds, "limit": limit, "kind": kind, "subject": subject}
    return server.ask("GET", "/events", EventPage, query=query)

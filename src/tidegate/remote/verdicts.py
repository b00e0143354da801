# SPDX-License-Identifier: Apache-2.0
"""What a cluster's webhook asks of its server, and tells it."""

from collections.abc import Sequence
from typing import Any

from tidegate.artifact import Digest
from tidegate.remote.events import RemoteEvent, events_after
from tidegate.remote.server import RemoteServer
from tidegate.values import Struct


class RemoteHead(Struct, frozen=True, kw_only=True):
    """What a server stands on: its newest event, its signed policies, how often rules of restriction changed."""

    offset: int
    policies: str
    restrictions: int


class _Envelope(Struct, frozen=True, kw_only=True):
    envelope: str


class _Known(Struct, frozen=True, kw_only=True):
    digests: tuple[Digest, ...]


class RemoteVerdicts:
    """A server that hands out verdicts. Safe for threads; every call may raise TidegateError.

    Args:
        server: asked with the login kept for it.
    """

    def __init__(self, server: RemoteServer) -> None:
        self._server = server

    def events(self, after: int, *, wait_seconds: float) -> tuple[Sequence[RemoteEvent], int]:
        """Events after an offset, oldest first, and the offset to go on from; waits for the next one."""
        found = events_after(self._server, after, wait_seconds=wait_seconds, limit=500)
        return found.events, found.next

    def head(self) -> RemoteHead:
        """What it stands on now."""
        return self._server.ask("GET", "/admission/head", RemoteHead)

    def verdicts(self, digests: Sequence[Digest]) -> bytes:
        """A signed batch over some images."""
        body = {"digests": list(digests)}
        return self._server.ask("POST", "/admission/verdicts", _Envelope, body=body).envelope.encode()

    def known_after(self, digest: str) -> Sequence[Digest]:
        """Some images there are, in their order, past one; none at the end."""
        return self._server.ask("GET", "/admission/images", _Known, query={"after": digest}).digests

    def tell(self, records: Sequence[object]) -> None:
        """Hands records over; the same ones again change nothing."""
        self._server.ask("POST", "/admission/records", dict[str, Any], body={"records": list(records)})

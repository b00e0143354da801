# SPDX-License-Identifier: Apache-2.0
"""ASGI middleware for answers given before the request's body was read: the client gets them, and knows what follows.

A refusal often comes while its request still sends. What is left of a short body is read first, so that the connection
can be used again. Otherwise the answer says that the connection ends (RFC 9112, 9.6), and what the client still sends
is read and dropped for a moment: closing upon unread bytes would reset the connection and take the answer with it.
"""

import time
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

import anyio
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tidegate.bounds import KIB

SHORT_BYTES: Final = 64 * KIB
SHORT_SECONDS: Final = 0.25
"""What is read before an early answer, and for how long."""
LINGER_SECONDS: Final = 5.0
LINGER_IDLE_SECONDS: Final = 1.0
"""What comes after it is dropped for so long, or until nothing came for a while."""


class EarlyAnswers:
    """Ends requests whose body nobody read to its end.

    Args:
        app: what lies behind. Whatever it keeps of `receive` and `send` is void when it returns: the server lets go of
            the connection only when nothing holds its request, and an exception may hold one until it is collected.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on."""
        if scope["type"] != "http" or not _has_body(scope):
            await self._app(scope, receive, send)
            return
        body = _Body(scope, receive, send)
        del receive, send
        try:
            await self._app(scope, body.receive, body.send)
            await body.linger()
        finally:
            body.let_go()


def _has_body(scope: Scope) -> bool:
    headers = Headers(scope=scope)
    if scope["http_version"].startswith("1"):
        return "transfer-encoding" in headers or headers.get("content-length", "0") != "0"
    return scope["method"] not in {"GET", "HEAD"}  # frames tell their end, and need no length


@dataclass(slots=True)
class _Server:
    receive: Receive
    send: Send


class _Body:
    """The body of one request, and what is left of it."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._server: _Server | None = _Server(receive, send)
        headers = Headers(scope=scope)
        self._is_first_version = scope["http_version"].startswith("1")
        self._waits = headers.get("expect", "").lower() == "100-continue"
        length = headers.get("content-length", "")
        self._left = int(length) if length.isascii() and length.isdigit() else None
        self._ended = False
        self._is_early = False

    async def receive(self) -> Message:
        """The next message of the server."""
        if self._server is None:
            return {"type": "http.disconnect"}
        message = await self._server.receive()
        self._waits = False
        if message["type"] != "http.request" or not message.get("more_body", False):
            self._ended = True
        elif self._left is not None:
            self._left = max(0, self._left - len(message.get("body", b"")))
        return message

    async def send(self, message: Message) -> None:
        """Passes a part of the answer on; its head says that the connection ends, where it must."""
        if self._server is None:
            return
        if message["type"] == "http.response.start" and not self._ended:
            if message["status"] != HTTPStatus.REQUEST_TIMEOUT:
                await self._read_short()
            self._is_early = not self._ended
            if self._is_early and self._is_first_version:
                kept = [pair for pair in message.get("headers", ()) if pair[0].lower() != b"connection"]
                message = {**message, "headers": [*kept, (b"connection", b"close")]}
        await self._server.send(message)

    async def linger(self) -> None:
        """Reads and drops what still comes after an early answer."""
        if not self._is_early or self._waits:
            return
        end = time.monotonic() + LINGER_SECONDS
        with anyio.move_on_after(LINGER_SECONDS):
            while not self._ended and time.monotonic() < end:
                with anyio.move_on_after(LINGER_IDLE_SECONDS) as idle:
                    await self.receive()
                if idle.cancelled_caught:
                    return

    def let_go(self) -> None:
        """Nothing that is kept by somebody else holds the server's request from here on."""
        self._server = None

    async def _read_short(self) -> None:
        if self._waits or self._left is None or self._left > SHORT_BYTES:
            return
        with anyio.move_on_after(SHORT_SECONDS):
            while not self._ended:
                await self.receive()

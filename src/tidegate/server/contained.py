# SPDX-License-Identifier: Apache-2.0
"""ASGI middleware that turns a defect of ours into an answer: the client learns that much, the log the rest."""

import logging
from collections.abc import Callable
from typing import Final

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tidegate.bounds import printable

_log = logging.getLogger(__name__)
_MAX_PATH_CHARS: Final = 300


class Contained:
    """Lets no exception out, unless the answer has begun: then only breaking the connection tells the client.

    Args:
        app: what lies behind.
        answer: what the client is told.
    """

    def __init__(self, app: ASGIApp, answer: Callable[[], Response]) -> None:
        self._app = app
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on."""
        begun = False

        async def watched(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception:
            if begun or scope["type"] != "http":
                raise
            path = printable(scope["path"][:_MAX_PATH_CHARS])
            _log.exception("%s %s failed", scope["method"], path)
            await self._answer()(scope, receive, send)

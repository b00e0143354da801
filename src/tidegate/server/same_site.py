# SPDX-License-Identifier: Apache-2.0
"""ASGI middleware that keeps other sites' pages from using a browser on this machine against the API."""

from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

_FORBIDDEN: Final = 403


class SameSite:
    """Refuses requests that a page of another origin made; programs send no `Origin` and pass."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on, or refuses it."""
        if scope["type"] == "http":
            headers = Headers(scope=scope)
            origin = headers.get("origin")
            if origin is not None and urlsplit(origin).netloc != headers.get("host", ""):
                refusal = PlainTextResponse("requests of other sites' pages are refused\n", status_code=_FORBIDDEN)
                await refusal(scope, receive, send)
                return
        await self._app(scope, receive, send)

# SPDX-License-Identifier: Apache-2.0
"""ASGI middleware that lets a request pass only with a principal."""

from collections.abc import Callable
from typing import Any, Final

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from tidegate.identity import Access, Principal, UnauthenticatedError

CHALLENGE: Final = 'Basic realm="tidegate", charset="UTF-8"'
_KEY: Final = "tidegate.principal"


class Authenticated:
    """Asks everybody who they are.

    Args:
        app: what lies behind.
        access: who is let in.
        refuse: the answer to anybody else; the challenge is added here.
    """

    def __init__(self, app: ASGIApp, access: Access, refuse: Callable[[UnauthenticatedError], Response]) -> None:
        self._app = app
        self._access = access
        self._refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on with its principal, or refuses it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        try:
            scope[_KEY] = self._access.authenticate(
                Headers(scope=scope).get("authorization", ""), peer=_peer(scope.get("client"))
            )
        except UnauthenticatedError as error:
            response = self._refuse(error)
            response.headers["WWW-Authenticate"] = CHALLENGE
            await response(scope, receive, send)
            return
        await self._app(scope, receive, send)


def principal_of(request: HTTPConnection) -> Principal:
    """Who sent a request that passed `Authenticated`."""
    principal: Principal = request.scope[_KEY]
    return principal


def _peer(client: Any) -> str:
    return str(client[0]) if client else ""

# SPDX-License-Identifier: Apache-2.0
"""ASGI middleware that lets a request pass only with a principal."""

from collections.abc import Callable
from typing import Final

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from tidegate.errors import TidegateError
from tidegate.identity import Access, Principal, UnauthenticatedError
from tidegate.server.challenge import BASIC, bearer
from tidegate.server.client_address import Client, ClientAddresses
from tidegate.server.offload import Offload

CHALLENGE: Final = BASIC
_PRINCIPAL: Final = "tidegate.principal"
_CLIENT: Final = "tidegate.client"


class Authenticated:
    """Asks everybody who they are.

    Args:
        app: what lies behind.
        access: who is let in.
        refuse: the answer to anybody else, and when it cannot be told; the challenge is added here.
        offload: where it is found out, when memory does not tell.
        clients: where requests come from.
        sends_for_tokens: the challenge names the token endpoint, where there is one.
        realm: of that endpoint; "" for this server as the client named it.
    """

    def __init__(
        self,
        app: ASGIApp,
        access: Access,
        refuse: Callable[[TidegateError], Response],
        *,
        offload: Offload | None = None,
        clients: ClientAddresses | None = None,
        sends_for_tokens: bool = False,
        realm: str = "",
    ) -> None:
        self._app = app
        self._access = access
        self._refuse = refuse
        self._offload = offload or Offload()
        self._clients = clients or ClientAddresses()
        self._sends_for_tokens = sends_for_tokens
        self._realm = realm

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on with its principal, or refuses it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        client = scope[_CLIENT] = self._clients.of(scope)
        try:
            scope[_PRINCIPAL] = await self._principal(Headers(scope=scope).get("authorization", ""), client)
        except TidegateError as error:
            response = self._refuse(error)
            if isinstance(error, UnauthenticatedError):
                response.headers["WWW-Authenticate"] = self._challenge(scope, client)
            await response(scope, receive, send)
            return
        await self._app(scope, receive, send)

    async def _principal(self, authorization: str, client: Client) -> Principal:
        known = self._access.known(authorization, peer=client.address, forwarded=client.forwarded)
        if known is not None:
            return known
        return await self._offload.run(
            self._access.authenticate, authorization, peer=client.address, forwarded=client.forwarded
        )

    def _challenge(self, scope: Scope, client: Client) -> str:
        if not self._sends_for_tokens or self._access.tokens is None:
            return BASIC
        return bearer(scope, service=self._access.tokens.service, realm=self._realm, by_proxy=client.by_proxy)


def principal_of(request: HTTPConnection) -> Principal:
    """Who sent a request that passed `Authenticated`."""
    principal: Principal = request.scope[_PRINCIPAL]
    return principal


def client_of(request: HTTPConnection) -> Client:
    """Where a request that passed `Authenticated` comes from."""
    client: Client = request.scope[_CLIENT]
    return client

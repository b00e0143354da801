# SPDX-License-Identifier: Apache-2.0
"""ASGI middleware that lets a request pass only with a principal."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from tidegate.errors import TidegateError
from tidegate.identity import Access, Principal, UnauthenticatedError
from tidegate.identity.credentials import Credentials
from tidegate.server.audited import trail_of
from tidegate.server.challenge import BASIC, bearer
from tidegate.server.client_address import Client, ClientAddresses
from tidegate.server.offload import Offload

PROXY_SECRET: Final = "tidegate-proxy-secret"  # noqa: S105 - the header's name
_PRINCIPAL: Final = "tidegate.principal"
_CLIENT: Final = "tidegate.client"
_STILL: Final = "tidegate.still"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entrance:
    """How every door finds out who asks.

    Attributes:
        access: who is let in.
        offload: where it is found out, when memory does not tell.
        clients: where requests come from.
        realm: of the token endpoint; "" for this server as the client named it.
        certificate_header: in which a trusted proxy hands client certificates on; "" for none.
    """

    access: Access
    offload: Offload
    clients: ClientAddresses
    realm: str = ""
    certificate_header: str = ""


class Authenticated:
    """Asks everybody who they are.

    Args:
        app: what lies behind.
        entrance: how it is found out.
        refuse: the answer to anybody else, and when it cannot be told; the challenge is added here.
        sends_for_tokens: the challenge names the token endpoint, where there is one.
    """

    def __init__(
        self,
        app: ASGIApp,
        entrance: Entrance,
        refuse: Callable[[TidegateError], Response],
        *,
        sends_for_tokens: bool = False,
    ) -> None:
        self._app = app
        self._entrance = entrance
        self._access = entrance.access
        self._refuse = refuse
        self._sends_for_tokens = sends_for_tokens

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on with its principal, or refuses it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        client = scope[_CLIENT] = self._entrance.clients.of(scope)
        trail = trail_of(scope)
        trail.address = client.address
        headers = Headers(scope=scope)
        scope[_STILL] = partial(self._principal, headers, client, again=True)
        try:
            trail.principal = scope[_PRINCIPAL] = await self._principal(headers, client)
        except TidegateError as error:
            trail.tell(error, Credentials.parse(headers.get("authorization", "")))
            response = self._refuse(error)
            if isinstance(error, UnauthenticatedError):
                response.headers["WWW-Authenticate"] = self._challenge(scope, client)
            await response(scope, receive, send)
            return
        await self._app(scope, receive, send)

    async def _principal(self, headers: Headers, client: Client, *, again: bool = False) -> Principal:
        if self._entrance.certificate_header and client.by_proxy and not headers.get("authorization"):
            shown = headers.get(self._entrance.certificate_header, "")
            if shown:
                secret = headers.get(PROXY_SECRET, "")
                return await self._entrance.offload.run(
                    self._access.certified, shown, secret=secret, peer=client.address
                )
        authorization = headers.get("authorization", "")
        known = self._access.known(authorization, peer=client.address, forwarded=client.forwarded)
        if known is not None:
            return known
        ask = self._access.still if again else self._access.authenticate
        return await self._entrance.offload.run(ask, authorization, peer=client.address, forwarded=client.forwarded)

    def _challenge(self, scope: Scope, client: Client) -> str:
        if not self._sends_for_tokens or self._access.tokens is None:
            return BASIC
        return bearer(scope, service=self._access.tokens.service, realm=self._entrance.realm, by_proxy=client.by_proxy)


def principal_of(request: HTTPConnection) -> Principal:
    """Who sent a request that passed `Authenticated`."""
    principal: Principal = request.scope[_PRINCIPAL]
    return principal


def still_there(request: HTTPConnection) -> Awaitable[Principal]:
    """Who sent a request that passed `Authenticated`, asked anew: for what goes on long after it was let in.

    Awaiting it raises UnauthenticatedError when they are let in no more, and OutsideError when it cannot be told.
    """
    ask: Callable[[], Awaitable[Principal]] = request.scope[_STILL]
    return ask()


def client_of(request: HTTPConnection) -> Client:
    """Where a request that passed `Authenticated` comes from."""
    client: Client = request.scope[_CLIENT]
    return client

# SPDX-License-Identifier: Apache-2.0
"""What each request of the management API needs, asked before its route runs: administering, when it is not listed."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from tidegate.errors import RefusedError, TidegateError
from tidegate.identity import Asked, Principal, Verb
from tidegate.identity.permissions import Permissions
from tidegate.server.api.problem import problem
from tidegate.server.audited import trail_of
from tidegate.server.authentication import Entrance, client_of, principal_of


@dataclass(frozen=True, slots=True)
class _Need:
    method: str
    path: re.Pattern[str]
    verb: Verb | None  # None: whoever was let in; the route itself asks further


def _need(method: str, path: str, verb: Verb | None) -> _Need:
    return _Need(method, re.compile(path), verb)


# The first that fits decides. Verbs are asked of the server as a whole: a grant on `**`.
_NEEDS: Final = (
    _need("GET", r"/openapi\.json", None),
    _need("GET", r"/me", None),
    _need("GET", r"/grants", None),
    _need("POST", r"/grants/requests", None),
    _need("POST", r"/grants/[^/]+/(?:approve|refuse|revoke)", None),
    _need("PUT", r"/principals/[^/]+/password", None),
    _need("GET", r"/(?:principals|tenants)(?:/.*)?", Verb.ADMINISTER),
    _need("POST", r"/images/[^/]+/keys", None),
    _need("GET", r"/encryption-key", None),
    _need("GET", r"/key-releases", Verb.AUDIT),
    _need("GET", r"/captures(?:/.*)?", Verb.INVESTIGATE),
    _need("POST", r"/captures", Verb.REPORT),
    _need("GET", r"/audit(?:/.*)?", Verb.AUDIT),
    _need("GET", r"/nodes/[^/]+/orders", Verb.REPORT),
    _need("GET", r"/(?:nodes|inventory|fleet|incidents|responses|updates|flows|tides)(?:/.*)?", Verb.AUDIT),
    _need("GET", r"/subscriptions(?:/.*)?", None),
    _need("GET", r"/(?:owners|feedback)(?:/.*)?", Verb.AUDIT),
    _need("POST", r"/feedback/messages/[^/]+/retry", Verb.RESPOND),
    _need("GET", r"/catalogue(?:/.*)?", None),  # shows what one may see
    _need("GET", r"/passports(?:/[^/]+)?", None),  # likewise
    _need("GET", r"/admission/(?:head|images)", Verb.ADMIT),
    _need("GET", r"/.*", Verb.LIST),
    _need("PUT", r"/(?:intake|retention)/rules/[^/]+", Verb.GOVERN),
    _need("DELETE", r"/(?:intake|retention)/rules/[^/]+", Verb.GOVERN),
    _need("POST", r"/(?:intake|retention)/rules/[^/]+/plan", Verb.GOVERN),
    _need("POST", r"/admission/.*", Verb.ADMIT),
    _need("POST", r"/updates/judge", Verb.ADMIT),
    _need("POST", r"/updates/[^/]+/approve", Verb.APPROVE),
    _need("POST", r"/updates/[^/]+/(?:ask|refuse|outcome)", Verb.RESPOND),
    _need("POST", r"/nodes/[^/]+/(?:observations|orders/[^/]+)", Verb.REPORT),
    _need("POST", r"/observations/(?:falco|kubernetes)", Verb.REPORT),
    _need("POST", r"/incidents/[^/]+/close", Verb.RESPOND),
    _need("POST", r"/responses/[^/]+/(?:approve|refuse)", Verb.APPROVE),
    _need("POST", r"/responses(?:/[^/]+/undo)?", Verb.RESPOND),
    _need("POST", r"/keys(?:/.*)?", Verb.TRUST),
    _need("POST", r"/promotions", None),
    _need("POST", r"/subscriptions(?:/.*)?", None),
    _need("DELETE", r"/subscriptions/[^/]+", None),
    _need("POST", r"/images/[^/]+/judge", Verb.ADMIT),
    _need("POST", r"/images/[^/]+/(?:restrict|deprecate|recall|retire|release)", None),
)


def verb_needed(method: str, path: str) -> Verb | None:
    """The verb a request needs on `**`; None when whoever was let in may ask."""
    for need in _NEEDS:
        if need.method == ("GET" if method == "HEAD" else method) and need.path.fullmatch(path):
            return need.verb
    return Verb.ADMINISTER


def page_verb_needed(method: str, _path: str) -> Verb | None:
    """As `verb_needed`, for pages of the catalogue: each shows what one may see."""
    return None if method in {"GET", "HEAD"} else Verb.ADMINISTER


class Permitted:
    """ASGI middleware that asks.

    Args:
        app: what lies behind.
        entrance: what is allowed, and where that is found out.
        needed: by method and path, the verb on `**`; None lets pass whoever was let in.
    """

    def __init__(
        self, app: ASGIApp, entrance: Entrance, needed: Callable[[str, str], Verb | None] = verb_needed
    ) -> None:
        self._app = app
        self._needed = needed
        self._access = entrance.access
        self._offload = entrance.offload

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on, or refuses it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        try:
            await self._ask(request)
        except TidegateError as error:
            response = await problem(request, error)
            await response(scope, receive, send)
            return
        await self._app(scope, receive, send)

    async def _ask(self, request: Request) -> None:
        path = request.scope["path"].removeprefix(request.scope.get("root_path", ""))
        verb = self._needed(request.method, path)
        principal = principal_of(request)
        if principal.is_administrator and principal.scope is None:
            return
        if principal.scope is not None:
            raise RefusedError("a token for repositories opens no management API", remedy="show who you are instead")
        if verb is None:
            return
        trail_of(request).asked = asked = Asked(verb=verb, address=client_of(request).address)
        await self._offload.run(require_everywhere, self._access.permissions, principal, asked, where=path[:80])


def require_everywhere(permissions: Permissions, principal: Principal, asked: Asked, *, where: str) -> None:
    """Lets pass who may do a thing on the server as a whole.

    Raises:
        RefusedError: they may not.
        OutsideError: the database failed.
    """
    if not permissions.ruling(principal, asked).allowed:
        raise RefusedError(f"you may not {asked.verb} here", where=where, remedy="ask for a grant on **")

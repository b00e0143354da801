# SPDX-License-Identifier: Apache-2.0
"""What each request to the registry needs, asked before its endpoint runs: existence is told only to who may know.

Whoever may not touch a repository gets the same 403 whether it is there or not. Who may, but shows a token for
something else, gets 401 with the scope to fetch one for.
"""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from functools import wraps
from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qsl, urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from tidegate.artifact import Repository
from tidegate.errors import InvalidInputError, RefusedError
from tidegate.identity import Asked, Ruling, Verb
from tidegate.identity.ruling import in_scope
from tidegate.server.audited import trail_of
from tidegate.server.authentication import Entrance, client_of, principal_of
from tidegate.server.challenge import bearer
from tidegate.server.registry.errors import RegistryError, refusal
from tidegate.server.registry.names import repository_in

Endpoint = Callable[[Request], Awaitable[Response]]
_VERBS: Final = {"GET": Verb.PULL, "HEAD": Verb.PULL, "DELETE": Verb.DELETE}
_MOUNT: Final = frozenset({"mount", "from"})


class Authorization:
    """Asks for each route of the registry.

    Args:
        entrance: what is allowed, and where that is found out.
    """

    def __init__(self, entrance: Entrance) -> None:
        self._access = entrance.access
        self._offload = entrance.offload
        self._realm = entrance.realm

    def around(self, routes: Iterable[BaseRoute]) -> list[BaseRoute]:
        """The same routes, each asking before its endpoint runs."""
        return [
            Route(route.path, self._asking(route.path, route.endpoint), methods=sorted(route.methods or ()))
            for route in routes
            if isinstance(route, Route)
        ]

    def _asking(self, path: str, endpoint: Endpoint) -> Endpoint:
        if "{name:path}" in path:

            @wraps(endpoint)
            async def guarded(request: Request) -> Response:
                asked = _asked(request, path)
                ruling = await self._ruling(request, asked)
                trail = trail_of(request)
                trail.asked, trail.why = asked, ruling.why
                if not ruling.allowed:
                    return self._refused(request, asked, ruling)
                for tag in request.query_params.getlist("tag") if request.method == "PUT" else ():
                    tagged = replace(asked, tag=tag, digest="")
                    if not (ruling := await self._ruling(request, tagged)).allowed:
                        return self._refused(request, tagged, ruling)
                if request.method == "POST" and request.query_params.keys() >= _MOUNT:
                    request = await self._without_forbidden_mount(request)
                return await endpoint(request)

            return guarded

        @wraps(endpoint)
        async def open_to_all(request: Request) -> Response:
            asked = Asked(verb=Verb.LIST)
            trail_of(request).asked = asked
            if path != "/" and not in_scope(principal_of(request), asked):
                return self._refused(request, asked, Ruling(allowed=False, why="", out_of_scope=True))
            return await endpoint(request)

        return open_to_all

    async def _ruling(self, request: Request, asked: Asked) -> Ruling:
        principal = principal_of(request)
        known = self._access.permissions.known_ruling(principal, asked)
        return (
            known if known is not None else await self._offload.run(self._access.permissions.ruling, principal, asked)
        )

    def _refused(self, request: Request, asked: Asked, ruling: Ruling) -> Response:
        if ruling.out_of_scope and self._access.tokens is not None:
            error = RegistryError(HTTPStatus.UNAUTHORIZED, "UNAUTHORIZED", "the token is for something else")
            response = refusal(error)
            response.headers["WWW-Authenticate"] = bearer(
                request.scope,
                service=self._access.tokens.service,
                realm=self._realm,
                by_proxy=client_of(request).by_proxy,
                insufficient=True,
            )
            return response
        return refusal(RefusedError(f"you may not {asked.verb} here", where=asked.repository, remedy="ask for a grant"))

    async def _without_forbidden_mount(self, request: Request) -> Request:
        """A mount from what one may not pull becomes an upload, as if it were not there (distribution-spec, end-11)."""
        try:
            source = Repository(request.query_params["from"])
        except InvalidInputError:
            return request
        asked = Asked(verb=Verb.PULL, repository=source, any_content=True, address=client_of(request).address)
        if (await self._ruling(request, asked)).allowed:
            return request
        query = request.scope["query_string"].decode("latin-1")
        rest = [pair for pair in parse_qsl(query, keep_blank_values=True) if pair[0] not in _MOUNT]
        return Request({**request.scope, "query_string": urlencode(rest).encode()}, request.receive)


def _asked(request: Request, path: str) -> Asked:
    verb = _VERBS.get(request.method, Verb.PUSH)
    if "/uploads/" in path:
        verb = Verb.PUSH
    elif path.endswith("/tags/list"):
        verb = Verb.LIST
    locator = request.path_params.get("locator") or request.path_params.get("digest") or ""
    by_digest = ":" in locator
    # Clients reach blobs through manifests, and tags through lists: there the tag or digest is asked about.
    any_content = "/manifests/" not in path
    return Asked(
        verb=verb,
        repository=repository_in(request),
        tag="" if by_digest else locator,
        digest=locator if by_digest else "",
        any_content=any_content,
        address=client_of(request).address,
    )

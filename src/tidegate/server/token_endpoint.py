# SPDX-License-Identifier: Apache-2.0
"""Where clients fetch tokens: `GET /token` (Docker token authentication) and `POST /token` (its OAuth 2 form).

https://distribution.github.io/distribution/spec/auth/token/ and …/auth/oauth/; RFC 8693 for jobs of a CI.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tidegate.artifact import Repository
from tidegate.bounds import KIB
from tidegate.clock import rfc3339
from tidegate.errors import BoundExceededError, InvalidInputError, TidegateError, UsageError
from tidegate.identity import Asked, Principal, UnauthenticatedError, Verb
from tidegate.identity.credentials import Credentials
from tidegate.identity.scope import ANY, CATALOG, REGISTRY, REPOSITORY, ScopeAccess, parse_scopes
from tidegate.identity.token import Tokens, TokenUse
from tidegate.server.audited import Trail, trail_of
from tidegate.server.authentication import Entrance
from tidegate.server.challenge import BASIC, TOKEN_PATH
from tidegate.server.client_address import Client
from tidegate.server.registry.errors import refusal

_MAX_FORM_BYTES: Final = 64 * KIB
_MAX_FIELDS: Final = 100
_ACTIONS: Final = {"pull": Verb.PULL, "push": Verb.PUSH, "delete": Verb.DELETE}
_ACCESS_TOKEN_TYPE: Final = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105 - a name
_REFRESH_TOKEN_TYPE: Final = "urn:ietf:params:oauth:token-type:refresh_token"  # noqa: S105 - a name
_SUBJECT_TYPES: Final = ("urn:ietf:params:oauth:token-type:id_token", "urn:ietf:params:oauth:token-type:jwt")
_Form = Mapping[str, list[str]]


class TokenEndpoint:
    """Sells tokens for what was asked and is allowed, and for nothing else.

    Args:
        entrance: who is who, and what is allowed.
        tokens: makes them.
    """

    def __init__(self, entrance: Entrance, tokens: Tokens) -> None:
        self._access = entrance.access
        self._tokens = tokens
        self._offload = entrance.offload
        self._clients = entrance.clients

    def route(self) -> Route:
        """The endpoint's route."""
        return Route(TOKEN_PATH, self.answer, methods=["GET", "POST"])

    async def answer(self, request: Request) -> Response:
        """One token, or why not."""
        client, trail = self._clients.of(request.scope), trail_of(request)
        trail.address = client.address
        form: _Form = {}
        try:
            form = _fields(request.url.query) if request.method == "GET" else _fields(await _body(request))
            trail.scopes = " ".join(form.get("scope", ()))
            trail.ungranted = _repositories(form)
            made = await self._offload.run(self._make, request.method, form, _authorization(request), client, trail)
        except TidegateError as error:
            trail.tell(error, Credentials.parse(_authorization(request)) or _typed(form))
            response = refusal(error)
            if isinstance(error, UnauthenticatedError):
                response.headers["WWW-Authenticate"] = BASIC
        else:
            granted = {entry.name for entry in parse_scopes([made.get("scope", "")])}
            trail.ungranted = tuple(name for name in trail.ungranted if name not in granted)
            response = JSONResponse(made)
        response.headers["Cache-Control"] = "no-store"
        return response

    def _make(self, method: str, form: _Form, authorization: str, client: Client, trail: Trail) -> dict[str, Any]:
        if (service := _one(form, "service")) and service != self._tokens.service:
            raise UsageError("tokens for another service are not made here", where=service[:80])
        if method == "GET":
            principal = self._access.authenticate(authorization, peer=client.address, forwarded=client.forwarded)
            trail.principal = principal
            return self._sold(principal, form, client, offline=_one(form, "offline_token") == "true")
        match _one(form, "grant_type"):
            case "password":
                credentials = Credentials(_one(form, "username"), _one(form, "password"))
                trail.principal = principal = self._access.login(credentials, peer=client.address)
                return self._sold(principal, form, client, offline=_one(form, "access_type") == "offline")
            case "refresh_token":
                token = _one(form, "refresh_token")
                trail.principal = principal = self._access.refreshed(token, peer=client.address)
                return {**self._sold(principal, form, client, offline=False), "refresh_token": token}
            case "urn:ietf:params:oauth:grant-type:token-exchange":
                return self._exchanged(form, client, trail)
            case other:
                raise UsageError(
                    f"no such grant_type: {other[:80]!r}", remedy="use password, refresh_token or token-exchange"
                )

    def _exchanged(self, form: _Form, client: Client, trail: Trail) -> dict[str, Any]:
        """An issuer's ID token, or a login kept by a client, for one of ours (RFC 8693).

        It is for all its principal may do, or for the scopes asked.
        """
        kind = _one(form, "subject_token_type")
        if kind not in {*_SUBJECT_TYPES, _REFRESH_TOKEN_TYPE}:
            raise UsageError("no such subject_token_type", remedy=f"use {_SUBJECT_TYPES[0]}")
        if _one(form, "requested_token_type") not in {"", _ACCESS_TOKEN_TYPE}:
            raise UsageError("no such requested_token_type", remedy=f"use {_ACCESS_TOKEN_TYPE}")
        if _one(form, "audience") not in {"", self._tokens.service}:
            raise UsageError("tokens for another audience are not made here", where=_one(form, "audience")[:80])
        shown = _one(form, "subject_token")
        if kind == _REFRESH_TOKEN_TYPE:
            principal = self._access.refreshed(shown, peer=client.address)
        else:
            principal = self._access.exchanged(shown, peer=client.address)
        trail.principal = principal
        scopes = parse_scopes(form.get("scope", ()))
        allowed = self._allowed(principal, scopes, client) if scopes else None
        epoch = self._access.epoch_of(principal)
        token, claims = self._tokens.make(principal, TokenUse.SESSION, access=allowed, epoch=epoch)
        reply = {
            "access_token": token,
            "token": token,
            "issued_token_type": _ACCESS_TOKEN_TYPE,
            "token_type": "Bearer",
            "expires_in": claims.exp - claims.iat,
        }
        return reply if allowed is None else {**reply, "scope": " ".join(str(entry) for entry in allowed)}

    def _sold(self, principal: Principal, form: _Form, client: Client, *, offline: bool) -> dict[str, Any]:
        asked = parse_scopes(form.get("scope", ()))
        allowed = self._allowed(principal, asked, client)
        epoch = self._access.epoch_of(principal)
        # Who shows a token that is for something gets none that is for more.
        token, claims = self._tokens.make(principal, TokenUse.ACCESS, access=allowed, epoch=epoch)
        reply: dict[str, Any] = {
            "token": token,
            "access_token": token,
            "expires_in": claims.exp - claims.iat,
            "issued_at": rfc3339(claims.issued_at),
            "scope": " ".join(str(entry) for entry in allowed),
        }
        if offline and epoch and principal.scope is None:
            reply["refresh_token"] = self._tokens.make(principal, TokenUse.REFRESH, epoch=epoch)[0]
        return reply

    def _allowed(self, principal: Principal, asked: Iterable[ScopeAccess], client: Client) -> tuple[ScopeAccess, ...]:
        granted = []
        for entry in asked:
            actions = self._actions(principal, entry, client)
            if actions:
                granted.append(ScopeAccess(type=entry.type, name=entry.name, actions=actions))
        return tuple(granted)

    def _actions(self, principal: Principal, entry: ScopeAccess, client: Client) -> tuple[str, ...]:
        if entry.type == REGISTRY and entry.name == CATALOG:
            # The catalogue shows to each what they may see.
            wanted: Iterable[str] = (ANY,) if ANY in entry.actions else ()
        elif entry.type == REPOSITORY and _is_repository(entry.name):
            wanted = (
                action
                for action, verb in _ACTIONS.items()
                if {action, ANY} & set(entry.actions)
                and self._access.permissions.granted(
                    principal,
                    Asked(verb=verb, repository=entry.name, any_content=True, address=client.address),
                )
            )
        else:
            wanted = ()
        shown = principal.scope
        return tuple(
            sorted(
                action
                for action in wanted
                if shown is None or any(held.allows(entry.type, entry.name, action) for held in shown)
            )
        )


def _is_repository(name: str) -> bool:
    try:
        Repository(name)
    except InvalidInputError:
        return False
    return True


def _authorization(request: Request) -> str:
    return request.headers.get("authorization", "")


def _repositories(form: _Form) -> tuple[str, ...]:
    return tuple(entry.name for entry in parse_scopes(form.get("scope", ())) if entry.type == REPOSITORY)


def _typed(form: _Form) -> Credentials | None:
    """What a form shows, as far as the trail is told: a name, and that there was a secret."""
    shown = any(_one(form, name) for name in ("password", "refresh_token", "subject_token"))
    return Credentials(_one(form, "username"), "…") if shown else None


def _one(form: _Form, name: str) -> str:
    found = form.get(name, [""])
    return found[0]


def _fields(text: str) -> _Form:
    try:
        return parse_qs(text, keep_blank_values=True, max_num_fields=_MAX_FIELDS)
    except ValueError as error:
        raise InvalidInputError("not a form that can be read", where="token request") from error


async def _body(request: Request) -> str:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_FORM_BYTES:
            raise BoundExceededError("max_form_bytes", _MAX_FORM_BYTES, where="token request")
    return body.decode("utf-8", "replace")

# SPDX-License-Identifier: Apache-2.0
"""ASGI middleware that tells the audit trail of every request to the registry, the API and the token endpoint."""

from dataclasses import dataclass
from typing import Final, Protocol

from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tidegate.clock import Clock, rfc3339
from tidegate.errors import TidegateError
from tidegate.identity import Asked, Principal
from tidegate.identity.audit import AuditEntry, Outcome
from tidegate.identity.audit_writer import AuditWriter, Change, changing
from tidegate.identity.credentials import Credentials, UnauthenticatedError
from tidegate.identity.throttle import ThrottledError

_TRAIL: Final = "tidegate.trail"
_WATCHED: Final = ("/v2/", "/api/", "/token", "/catalogue", "/passports", "/ledger/")
_CHANGING: Final = frozenset({"POST", "PUT", "DELETE"})  # a PATCH only brings bytes of an upload that is not there yet
_DENIED: Final = frozenset({401, 403, 429})
_BAD: Final = 400


@dataclass(slots=True, kw_only=True)
class Trail:
    """What is found out about a request on its way, by whoever finds it out.

    Attributes:
        tried: the name somebody claimed who was not let in.
        scopes: what a token was asked for.
        ungranted: repositories among them that it does not open.
        digest: what the answer is about.
        failed_login: credentials were shown, and they were wrong.
    """

    principal: Principal | None = None
    asked: Asked | None = None
    address: str = ""
    tried: str = ""
    why: str = ""
    scopes: str = ""
    ungranted: tuple[str, ...] = ()
    digest: str = ""
    failed_login: bool = False

    def tell(self, error: TidegateError, credentials: Credentials | None) -> None:
        """Remembers that somebody was not let in, and by which name they tried: never their secret."""
        self.why = error.what
        if credentials is not None:
            self.tried = credentials.name
            self.failed_login = isinstance(error, ThrottledError) or (
                isinstance(error, UnauthenticatedError) and error.tried
            )


def trail_of(connection: HTTPConnection | Scope) -> Trail:
    """The trail of a request; one that nobody reads where requests are not audited."""
    scope = connection.scope if isinstance(connection, HTTPConnection) else connection
    found: Trail = scope.setdefault(_TRAIL, Trail())
    return found


class Watch(Protocol):
    """Somebody who is told of every request, and may keep an address out."""

    def kept_out(self, scope: Scope) -> Response | None:
        """The answer to whoever is kept out; None for all others."""
        ...

    def observe(self, scope: Scope, trail: Trail, status: int) -> None:
        """Told of a request that was answered."""
        ...


class Audited:
    """Tells of every request.

    Args:
        app: what lies behind.
        writer: writes the trail.
        clock: the moment recorded.
        watch: is told as well; None for nobody.
    """

    def __init__(self, app: ASGIApp, writer: AuditWriter, clock: Clock, watch: Watch | None = None) -> None:
        self._app = app
        self._writer = writer
        self._clock = clock
        self._watch = watch

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on, and tells of it."""
        if scope["type"] != "http" or not scope["path"].startswith(_WATCHED):
            await self._app(scope, receive, send)
            return
        if self._watch is not None and (refusal := self._watch.kept_out(scope)):
            await refusal(scope, receive, send)
            return
        request = _Request(scope, send, self._writer, self._clock, self._watch)
        try:
            if scope["method"] in _CHANGING:
                with changing(request.change):
                    await self._app(scope, receive, request.send)
            else:
                await self._app(scope, receive, request.send)
        finally:
            request.tell()


class _Request:
    """One request, told of once: before its answer has ended, so that nobody can know of it and not find it."""

    def __init__(self, scope: Scope, send: Send, writer: AuditWriter, clock: Clock, watch: Watch | None) -> None:
        self.change = Change(lambda: self._entry(Outcome.CHANGED, 0))
        self._scope = scope
        self._path, self._method = scope["path"], scope["method"]
        self._trail = scope[_TRAIL] = Trail()
        self._send = send
        self._writer = writer
        self._clock = clock
        self._watch = watch
        self._status = 500
        self._told = False

    async def send(self, message: Message) -> None:
        """Passes a part of the answer on."""
        if message["type"] == "http.response.start":
            self._status = message["status"]
            digests = [value for name, value in message["headers"] if name.lower() == b"docker-content-digest"]
            self._trail.digest = digests[0].decode("latin-1") if digests else ""
        elif _is_last(message):
            self.tell()
        await self._send(message)

    def tell(self) -> None:
        """Tells of it, the first time."""
        if self._told:
            return
        self._told = True
        if not (self.change.written and self._status < _BAD):
            self._writer.note(self._entry(_outcome(self._status), self._status))
        if self._watch is not None:
            self._watch.observe(self._scope, self._trail, self._status)

    def _entry(self, outcome: Outcome, status: int) -> AuditEntry:
        at = rfc3339(self._clock())
        return _entry(self._trail, self._path, self._method, outcome=outcome, status=status, at=at)


def _is_last(message: Message) -> bool:
    if message["type"] == "http.response.pathsend":
        return True
    return message["type"] == "http.response.body" and not message.get("more_body", False)


def _outcome(status: int) -> Outcome:
    if status < _BAD:
        return Outcome.ALLOWED
    return Outcome.DENIED if status in _DENIED else Outcome.FAILED


def _entry(trail: Trail, path: str, method: str, *, outcome: Outcome, status: int, at: str) -> AuditEntry:
    who, asked = trail.principal, trail.asked
    repository = asked.repository if asked else ""
    named = (asked.tag or asked.digest) if asked else ""
    if asked and asked.tag and trail.digest:
        named = f"{asked.tag}@{trail.digest}"
    return AuditEntry(
        at=at,
        who=who.name if who else trail.tried,
        kind=who.kind.value if who else "",
        address=trail.address,
        verb=asked.verb.value if asked else ("token" if path.startswith("/token") else method.lower()),
        outcome=outcome,
        repository=repository,
        target=named or trail.digest if repository else (trail.scopes or path),
        status=status,
        why=trail.why,
    )

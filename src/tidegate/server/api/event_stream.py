# SPDX-License-Identifier: Apache-2.0
"""Events as a stream (Server-Sent Events, WHATWG HTML 9.2): ids are offsets, so `Last-Event-ID` goes on from there.

Each event is judged when it is told, and who follows is asked for anew as long as the stream lasts. It ends with a last
word, an event named `end` with problem details: 401 or 403 when they may follow no more, 503 when the server stops.
"""

import time
from collections.abc import AsyncIterator
from functools import cache
from typing import Annotated, Any, Final

import anyio
from anyio.to_thread import run_sync
from fastapi import APIRouter, Query, Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from tidegate.assembly.server import Server
from tidegate.curation.vending.hearing import Hearer
from tidegate.errors import OutsideError, TidegateError
from tidegate.events import Event
from tidegate.identity import Asked, Verb
from tidegate.server.api.event_pages import EventPages
from tidegate.server.api.permission import require_everywhere
from tidegate.server.api.problem import details, problem
from tidegate.server.api.stream_places import StreamPlaces
from tidegate.server.authentication import client_of, principal_of, still_there
from tidegate.storage import outbox

_MAX_DIGITS: Final = 18  # of a 64-bit number
_LOOK_SECONDS: Final = 0.25
_LOOK_AGAIN_SECONDS: Final = 1.0  # whether they may follow still, and for commits of another process
_JUDGED_FOR_SECONDS: Final = 1.0
"""What a slow reader has not taken by then is judged anew."""
_BEAT_SECONDS: Final = 15.0
_HEADERS: Final = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
_BEGINNING: Final = b"retry: 2000\n\n"
_BEAT: Final = b": beat\n\n"


def routes(server: Server) -> APIRouter:
    """The route of the stream."""
    router = APIRouter(tags=["events"])
    places = StreamPlaces()
    pages = cache(lambda: EventPages(server.database, server.hearing))

    @router.get("/events/stream", summary="Events as they happen (Server-Sent Events), from an offset on")
    async def stream(
        request: Request,
        after: Annotated[int | None, Query(ge=0, description="Without it or Last-Event-ID: from now on.")] = None,
        kind: Annotated[str, Query(max_length=64, description="Only kinds that begin so.")] = "",
    ) -> Response:
        last = request.headers.get("last-event-id", "")
        start = int(last[:_MAX_DIGITS]) if last.isascii() and last.isdecimal() else after
        following = _Following(server, request, pages(), kind)
        offset = await run_sync(following.newest) if start is None else start
        return _Stream(places, following.follow(offset))

    return router


class _Stream(StreamingResponse):
    """Takes its place and leaves it in one go, whatever becomes of the connection."""

    def __init__(self, places: StreamPlaces, content: AsyncIterator[bytes]) -> None:
        super().__init__(content, media_type="text/event-stream", headers=_HEADERS)
        self._places = places

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        try:
            with self._places.taken(principal_of(request).identity):
                await super().__call__(scope, receive, send)
        except TidegateError as error:  # of the place: nothing was answered yet
            answer = await problem(request, error)
            await answer(scope, receive, send)


class _Following:
    """One connection that follows.

    Args:
        kind: what the kinds begin with that it wants.
    """

    def __init__(self, server: Server, request: Request, pages: EventPages, kind: str) -> None:
        self._server = server
        self._request = request
        self._pages = pages
        self._kind = kind

    def newest(self) -> int:
        with self._server.database.read() as connection:
            return outbox.newest(connection)

    async def follow(self, offset: int) -> AsyncIterator[bytes]:
        silent = 0.0
        yield _BEGINNING
        while not self._server.is_stopping:
            seen, page = self._server.database.commits.count, _Page()
            try:
                page = await run_sync(self._page, offset, await self._hearer())
            except OutsideError:
                page = _Page()  # nobody can tell what they may hear; so nothing is told until somebody can
            except TidegateError as error:
                yield _last_word(error)
                return
            for number, event in page.judged:
                if time.monotonic() > page.until:
                    break
                offset = number
                if event is not None:
                    silent = 0.0
                    yield self._message(number, event)
            silent += 0.0 if page.judged else await self._wait(seen)
            if silent >= _BEAT_SECONDS:
                silent = 0.0
                yield _BEAT
        yield _last_word(OutsideError("the server stops", remedy="connect again, with Last-Event-ID"))

    async def _hearer(self) -> Hearer:
        """Who follows, when they may still.

        Raises:
            TidegateError: they may not, or it cannot be told.
        """
        principal, address = await still_there(self._request), client_of(self._request).address
        permissions, asked = self._server.access.permissions, Asked(verb=Verb.LIST, address=address)
        known = permissions.known_ruling(principal, asked)
        if known is None or not known.allowed:
            await run_sync(lambda: require_everywhere(permissions, principal, asked, where="/events/stream"))
        return Hearer(principal=principal, address=address)

    async def _wait(self, seen: int) -> float:
        """Waits until there may be news; returns for how many seconds."""
        waited = 0.0
        while waited < _LOOK_AGAIN_SECONDS and self._server.database.commits.count == seen:
            await anyio.sleep(_LOOK_SECONDS)
            waited += _LOOK_SECONDS
        return waited

    def _page(self, offset: int, hearer: Hearer) -> "_Page":
        return _Page([(number, self._heard(hearer, event)) for number, event in self._pages.after(offset)])

    def _heard(self, hearer: Hearer, event: Event) -> Event | None:
        return self._server.hearing.heard(hearer, event) if event.kind.startswith(self._kind) else None

    def _message(self, offset: int, event: Event) -> bytes:
        body = event.to_json(source=self._server.settings.signing.verifier_id)
        return b"id: %d\nevent: %s\ndata: %s\n\n" % (offset, event.kind.encode(), body)


class _Page:
    """Events after an offset, as they may be told until a moment; None where one may not."""

    __slots__ = ("judged", "until")

    def __init__(self, judged: list[tuple[int, Event | None]] | None = None) -> None:
        self.judged: list[tuple[int, Any]] = judged or []
        self.until = time.monotonic() + _JUDGED_FOR_SECONDS


def _last_word(error: TidegateError) -> bytes:
    return b"event: end\ndata: %s\n\n" % details(error)

# SPDX-License-Identifier: Apache-2.0
"""Events as a stream (Server-Sent Events, WHATWG HTML 9.2): ids are offsets, so `Last-Event-ID` goes on from there."""

from collections.abc import AsyncIterator
from typing import Annotated, Final

import anyio
from anyio.to_thread import run_sync
from fastapi import APIRouter, Query, Request
from starlette.responses import Response, StreamingResponse

from tidegate.assembly.server import Server
from tidegate.errors import RefusedError
from tidegate.events import Event
from tidegate.storage import outbox

MAX_STREAMS: Final = 200
_PAGE: Final = 100
_MAX_DIGITS: Final = 18  # of a 64-bit number
_LOOK_SECONDS: Final = 0.25
_LOOK_AGAIN_SECONDS: Final = 2.0  # for commits of another process, which raise no signal here
_BEAT_SECONDS: Final = 15.0
_HEADERS: Final = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


def routes(server: Server) -> APIRouter:
    """The route of the stream."""
    router = APIRouter(tags=["events"])
    streams = _Streams(server)

    @router.get("/events/stream", summary="Events as they happen (Server-Sent Events), from an offset on")
    async def stream(
        request: Request,
        after: Annotated[int | None, Query(ge=0, description="Without it or Last-Event-ID: from now on.")] = None,
        kind: Annotated[str, Query(max_length=64, description="Only kinds that begin so.")] = "",
    ) -> Response:
        last = request.headers.get("last-event-id", "")
        start = int(last[:_MAX_DIGITS]) if last.isascii() and last.isdecimal() else after
        offset = await run_sync(streams.newest) if start is None else start
        if streams.open >= MAX_STREAMS:
            raise RefusedError("too many streams are open", remedy="read /events page by page")
        return StreamingResponse(streams.follow(offset, kind), media_type="text/event-stream", headers=_HEADERS)

    return router


class _Streams:
    def __init__(self, server: Server) -> None:
        self._server = server
        self.open = 0

    def newest(self) -> int:
        with self._server.database.read() as connection:
            return outbox.newest(connection)

    async def follow(self, offset: int, kind: str) -> AsyncIterator[bytes]:
        self.open += 1
        silent = 0.0
        try:
            yield b"retry: 2000\n\n"
            while True:
                seen = self._server.database.commits.count
                page = await run_sync(self._page, offset)
                for number, event in page:
                    offset = number
                    if event.kind.startswith(kind):
                        silent = 0.0
                        yield self._message(offset, event)
                silent += 0.0 if page else await self._wait(seen)
                if silent >= _BEAT_SECONDS:
                    silent = 0.0
                    yield b": beat\n\n"
        finally:
            self.open -= 1

    async def _wait(self, seen: int) -> float:
        """Waits until there may be news; returns for how many seconds."""
        waited = 0.0
        while waited < _LOOK_AGAIN_SECONDS and self._server.database.commits.count == seen:
            await anyio.sleep(_LOOK_SECONDS)
            waited += _LOOK_SECONDS
        return waited

    def _page(self, offset: int) -> list[tuple[int, Event]]:
        with self._server.database.read() as connection:
            return outbox.read_after(connection, offset, _PAGE)

    def _message(self, offset: int, event: Event) -> bytes:
        body = event.to_json(source=self._server.settings.signing.verifier_id)
        return b"id: %d\nevent: %s\ndata: %s\n\n" % (offset, event.kind.encode(), body)

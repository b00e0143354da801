# SPDX-License-Identifier: Apache-2.0
"""Bodies of requests as they come: not encoded, and not slower than a pace that nobody honest falls under.

A request holds a place in the server while it lasts; one that trickles would hold it for ever.
"""

import asyncio
import time
from http import HTTPStatus
from types import TracebackType
from typing import Any, Final

from starlette.requests import ClientDisconnect, Request

from tidegate.bounds import KIB
from tidegate.server.registry.errors import RegistryError

WINDOW_SECONDS: Final = 30.0
WINDOW_BYTES: Final = 16 * KIB
"""At least so much arrives in each window, or the body ends before."""
_LEAST_SECONDS: Final = 0.01


class Body:
    """The body of one request; a context, within which it is read by one task.

    One timer looks after it from time to time: large bodies come in very many pieces.

    Args:
        request: whose.

    Raises:
        RegistryError: 415 when it is encoded; the context raises 408 when it trickles.
    """

    def __init__(self, request: Request) -> None:
        if request.headers.get("content-encoding", "identity").strip().lower() not in {"identity", ""}:
            what = "the body is encoded; a digest is of the bytes as they are"
            raise RegistryError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED", what)
        self._receive = request.receive
        self._task: asyncio.Task[Any] = asyncio.current_task()  # type: ignore[assignment] # within one, always
        self._ended = False
        self._left = WINDOW_SECONDS
        self._arrived = 0
        self._waits_since: float | None = None
        self._is_late = False

    def __enter__(self) -> "Body":
        self._cancelled = self._task.cancelling()
        self._look_in(self._left)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        if self._is_late and self._task.uncancel() <= self._cancelled and kind is asyncio.CancelledError:
            what = f"less than {WINDOW_BYTES} bytes in {WINDOW_SECONDS:g} seconds"
            raise RegistryError(HTTPStatus.REQUEST_TIMEOUT, "BLOB_UPLOAD_INVALID", what) from error

    async def read(self) -> bytes:
        """The next bytes; none at its end.

        Raises:
            ClientDisconnect: it ended early.
        """
        piece = b""
        while not piece and not self._ended:
            began = self._waits_since = time.monotonic()
            message = await self._receive()
            self._waits_since = None
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            piece = message.get("body", b"")
            self._ended = not message.get("more_body", False)
            self._arrived += len(piece)
            if self._arrived >= WINDOW_BYTES:
                self._left, self._arrived = WINDOW_SECONDS, 0
            else:  # what is done with a piece meanwhile is no fault of the client's
                self._left -= time.monotonic() - began
        return piece

    def _look_in(self, seconds: float) -> None:
        self._timer = asyncio.get_running_loop().call_later(seconds, self._look)

    def _look(self) -> None:
        waited = 0.0 if self._waits_since is None else time.monotonic() - self._waits_since
        if (left := self._left - waited) > 0 or self._waits_since is None:
            self._look_in(max(left, _LEAST_SECONDS))
        else:
            self._is_late = True
            self._task.cancel()

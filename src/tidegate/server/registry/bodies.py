# SPDX-License-Identifier: Apache-2.0
"""Bodies of requests as they come: not encoded, and not slower than a pace that nobody honest falls under.

A request holds a place in the server while it lasts; one that trickles would hold it for ever.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Final

from starlette.requests import ClientDisconnect, Request

from tidegate.bounds import KIB
from tidegate.server.registry.errors import RegistryError

WINDOW_SECONDS: Final = 30.0
WINDOW_BYTES: Final = 16 * KIB
"""At least so much arrives in each window, or the body ends before."""


async def pieces_of(request: Request) -> AsyncIterator[bytes]:
    """The body, piece by piece.

    Raises:
        RegistryError: 415 when it is encoded; 408 when it trickles.
        ClientDisconnect: it ended early.
    """
    if request.headers.get("content-encoding", "identity").strip().lower() not in {"identity", ""}:
        what = "the body is encoded; a digest is of the bytes as they are"
        raise RegistryError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED", what)
    left, arrived = WINDOW_SECONDS, 0
    while True:
        began = time.monotonic()
        try:
            async with asyncio.timeout(left):
                message = await request.receive()
        except TimeoutError as error:
            what = f"less than {WINDOW_BYTES} bytes in {WINDOW_SECONDS:g} seconds"
            raise RegistryError(HTTPStatus.REQUEST_TIMEOUT, "BLOB_UPLOAD_INVALID", what) from error
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        piece: bytes = message.get("body", b"")
        left -= time.monotonic() - began  # what is done with a piece meanwhile is no fault of the client's
        arrived += len(piece)
        if arrived >= WINDOW_BYTES:
            left, arrived = WINDOW_SECONDS, 0
        if piece:
            yield piece
        if not message.get("more_body", False):
            return

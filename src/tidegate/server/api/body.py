# SPDX-License-Identifier: Apache-2.0
"""JSON bodies of requests, bounded before they are read and typed when they are."""

from typing import Final, TypeVar

from starlette.requests import Request

from tidegate.bounds import KIB
from tidegate.errors import BoundExceededError
from tidegate.wire import from_json

T = TypeVar("T")
MAX_BODY_BYTES: Final = 64 * KIB


async def read_body(request: Request, type_: type[T], *, max_bytes: int = MAX_BODY_BYTES) -> T:
    """A request's body as a value; an empty one as `{}`.

    Raises:
        BoundExceededError: it is longer than `max_bytes`.
        InvalidInputError: it is not JSON, or not of that type.
    """
    body = await read_bytes(request, max_bytes=max_bytes)
    return from_json(body or b"{}", type_, what="request", max_bytes=max_bytes)


async def read_bytes(request: Request, *, max_bytes: int) -> bytes:
    """A request's body as it is.

    Raises:
        BoundExceededError: it is longer than `max_bytes`.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > max_bytes:
            raise BoundExceededError("max_bytes", max_bytes, where="request")
    return bytes(body)

# SPDX-License-Identifier: Apache-2.0
"""JSON bodies of requests, bounded before they are read and typed when they are."""

from typing import Final, TypeVar

from starlette.requests import Request

from tidegate.bounds import KIB
from tidegate.errors import BoundExceededError
from tidegate.wire import from_json

T = TypeVar("T")
MAX_BODY_BYTES: Final = 64 * KIB


async def read_body(request: Request, type_: type[T]) -> T:
    """A request's body as a value; an empty one as `{}`.

    Raises:
        BoundExceededError: it is longer than 64 KiB.
        InvalidInputError: it is not JSON, or not of that type.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise BoundExceededError("MAX_BODY_BYTES", MAX_BODY_BYTES, where="request")
    return from_json(bytes(body) or b"{}", type_, what="request", max_bytes=MAX_BODY_BYTES)

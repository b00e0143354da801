# SPDX-License-Identifier: Apache-2.0
"""Errors as problem details (RFC 9457): what is wrong, where, and the way out."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from tidegate.curation.rule_sets import RuleSetChangedError
from tidegate.errors import (
    BoundExceededError,
    InvalidInputError,
    NotFoundError,
    RefusedError,
    TidegateError,
    UsageError,
)
from tidegate.identity import UnauthenticatedError
from tidegate.server.api.stream_places import TooManyStreamsError
from tidegate.wire import to_json

_STATUS: tuple[tuple[type[TidegateError], int], ...] = (
    (NotFoundError, 404),
    (BoundExceededError, 413),
    (InvalidInputError, 422),
    (UsageError, 400),
    (UnauthenticatedError, 401),
    (TooManyStreamsError, 429),
    (RuleSetChangedError, 412),
    (RefusedError, 403),
)


def reply(value: object, status: int = 200) -> Response:
    """A value as JSON."""
    return Response(to_json(value), status_code=status, media_type="application/json")


def status_of(error: TidegateError) -> int:
    """The HTTP status an error is answered with."""
    return next((code for kind, code in _STATUS if isinstance(error, kind)), 503)


def details(error: TidegateError) -> bytes:
    """The problem details of an error, as JSON."""
    body: dict[str, Any] = {"title": error.what, "status": status_of(error)}
    if error.where:
        body["instance"] = error.where
    if error.remedy:
        body["detail"] = error.remedy
    return to_json(body)


async def problem(request: Request, error: Exception) -> Response:
    """Turns a tidegate error into problem details; anything else is not for this handler."""
    if not isinstance(error, TidegateError):
        raise error
    response = Response(details(error), status_code=status_of(error), media_type="application/problem+json")
    if isinstance(error, BoundExceededError) and request.scope.get("http_version", "").startswith("1"):
        # The rest of the body is not read, so nothing can follow it on this connection.
        response.headers["Connection"] = "close"
    return response

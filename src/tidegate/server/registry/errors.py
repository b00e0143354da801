# SPDX-License-Identifier: Apache-2.0
"""What goes wrong in the rooms, as the error codes of OCI distribution-spec 1.1. The only place that knows both."""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from tidegate.bounds import printable
from tidegate.curation.intake.entry import TooManyNamesError
from tidegate.curation.intake.pull_through import UnderExaminationError
from tidegate.curation.shelf import (
    ManifestUnknownError,
    MissingContentError,
    NameUnknownError,
    TagImmutableError,
    WithheldError,
)
from tidegate.curation.shelf_blobs import BlobInUseError, BlobUnknownError
from tidegate.errors import (
    BoundExceededError,
    DigestMismatchError,
    InvalidInputError,
    NotFoundError,
    OutsideError,
    RefusedError,
    TidegateError,
    UsageError,
)
from tidegate.identity import UnauthenticatedError
from tidegate.identity.throttle import ThrottledError
from tidegate.server.registry.open_uploads import TooManyUploadsError
from tidegate.storage.blobs import UploadOffsetError, UploadUnknownError

_log = logging.getLogger(__name__)
STATE_HEADER: Final = "Tidegate-State"


class RegistryError(TidegateError):
    """A request the registry refuses by itself.

    Args:
        status: of the answer.
        code: of the specification.
        what: one line.
    """

    def __init__(self, status: HTTPStatus, code: str, what: str) -> None:
        super().__init__(what)
        self.status = status
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    status: HTTPStatus
    code: str


_TOO_MANY: Final = _Answer(status=HTTPStatus.TOO_MANY_REQUESTS, code="TOOMANYREQUESTS")
# The first class an error is an instance of decides: the narrow ones come first.
_ANSWERS: Final[tuple[tuple[type[TidegateError], _Answer], ...]] = (
    (TooManyNamesError, _Answer(status=HTTPStatus.TOO_MANY_REQUESTS, code="TOOMANYREQUESTS")),
    (UnderExaminationError, _Answer(status=HTTPStatus.TOO_MANY_REQUESTS, code="TOOMANYREQUESTS")),
    (WithheldError, _Answer(status=HTTPStatus.FORBIDDEN, code="DENIED")),
    (ThrottledError, _Answer(status=HTTPStatus.TOO_MANY_REQUESTS, code="TOOMANYREQUESTS")),
    (UnauthenticatedError, _Answer(status=HTTPStatus.UNAUTHORIZED, code="UNAUTHORIZED")),
    (ManifestUnknownError, _Answer(status=HTTPStatus.NOT_FOUND, code="MANIFEST_UNKNOWN")),
    (MissingContentError, _Answer(status=HTTPStatus.NOT_FOUND, code="MANIFEST_BLOB_UNKNOWN")),
    (NameUnknownError, _Answer(status=HTTPStatus.NOT_FOUND, code="NAME_UNKNOWN")),
    (BlobUnknownError, _Answer(status=HTTPStatus.NOT_FOUND, code="BLOB_UNKNOWN")),
    (UploadUnknownError, _Answer(status=HTTPStatus.NOT_FOUND, code="BLOB_UPLOAD_UNKNOWN")),
    (UploadOffsetError, _Answer(status=HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, code="BLOB_UPLOAD_INVALID")),
    (BlobInUseError, _Answer(status=HTTPStatus.METHOD_NOT_ALLOWED, code="UNSUPPORTED")),
    (DigestMismatchError, _Answer(status=HTTPStatus.BAD_REQUEST, code="DIGEST_INVALID")),
    (TooManyUploadsError, _TOO_MANY),
    (BoundExceededError, _Answer(status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE, code="SIZE_INVALID")),
    (InvalidInputError, _Answer(status=HTTPStatus.BAD_REQUEST, code="MANIFEST_INVALID")),
    (UsageError, _Answer(status=HTTPStatus.BAD_REQUEST, code="UNSUPPORTED")),
    (NotFoundError, _Answer(status=HTTPStatus.NOT_FOUND, code="NAME_UNKNOWN")),
    (RefusedError, _Answer(status=HTTPStatus.FORBIDDEN, code="DENIED")),
    (OutsideError, _Answer(status=HTTPStatus.SERVICE_UNAVAILABLE, code="UNAVAILABLE")),
)
_HTTP_CODES: Final[Mapping[int, str]] = {404: "NAME_UNKNOWN", 405: "UNSUPPORTED", 429: "TOOMANYREQUESTS"}


def refusal(error: TidegateError) -> Response:
    """The answer to a request that failed with one of our errors."""
    answer = _answer(error)
    headers, detail = _extras(error)
    if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        _log.error("%s", error)
    return _response(answer.status, answer.code, str(error), detail=detail, headers=headers)


async def answer_refusal(_request: Request, error: Exception) -> Response:
    """Exception handler for our own errors."""
    if not isinstance(error, TidegateError):
        raise error
    return refusal(error)


async def answer_http(_request: Request, error: Exception) -> Response:
    """Exception handler for what the router itself refuses: no such route, no such method."""
    if not isinstance(error, HTTPException):
        raise error
    code = _HTTP_CODES.get(error.status_code, "UNSUPPORTED")
    return _response(HTTPStatus(error.status_code), code, error.detail, headers=error.headers)


async def answer_disconnect(_request: Request, _error: Exception) -> Response:
    """Exception handler for a client that left: nobody reads this answer."""
    return _response(HTTPStatus.BAD_REQUEST, "BLOB_UPLOAD_INVALID", "the client left")


def fault() -> Response:
    """The answer when the defect is ours."""
    return _response(HTTPStatus.INTERNAL_SERVER_ERROR, "UNKNOWN", "the registry failed; its log says why")


HANDLERS: Final[Mapping[Any, Any]] = {
    TidegateError: answer_refusal,
    HTTPException: answer_http,
    ClientDisconnect: answer_disconnect,
}


def _answer(error: TidegateError) -> _Answer:
    if isinstance(error, RegistryError):
        return _Answer(status=error.status, code=error.code)
    if isinstance(error, BoundExceededError) and error.bound == "max_uploads":
        return _TOO_MANY
    for kind, answer in _ANSWERS:
        if isinstance(error, kind):
            return answer
    return _Answer(status=HTTPStatus.INTERNAL_SERVER_ERROR, code="UNKNOWN")


def _extras(error: TidegateError) -> tuple[dict[str, str], object]:
    match error:
        case WithheldError():
            return {STATE_HEADER: error.state}, {"digest": error.digest, "state": error.state, "reason": error.reason}
        case TagImmutableError():
            return {}, {"repository": error.repository, "tag": error.tag, "heldBy": error.held_by}
        case UploadOffsetError():
            return {"Range": range_of(error.offset)}, None
        case MissingContentError():
            return {}, [{"digest": digest} for digest in error.digests]
        case ThrottledError() | OutsideError() | UnderExaminationError() | TooManyNamesError():
            return {"Retry-After": str(error.retry_after) if isinstance(error, ThrottledError) else "5"}, None
        case _:
            return {}, None


def range_of(offset: int) -> str:
    """The `Range` header of an upload: what has arrived, ends included; `0-0` also when nothing has."""
    return f"0-{max(offset - 1, 0)}"


def _response(
    status: HTTPStatus, code: str, message: str, *, detail: object = None, headers: Mapping[str, str] | None = None
) -> Response:
    entry: dict[str, object] = {"code": code, "message": printable(message)}
    if detail is not None:
        entry["detail"] = detail
    body = json.dumps({"errors": [entry]}).encode()
    return Response(body, status_code=status, media_type="application/json", headers=headers)

# SPDX-License-Identifier: Apache-2.0
"""A blob that passes through here from its store, whole or one range of it (RFC 9110), in bounded memory."""

from collections.abc import AsyncIterator, Mapping
from http import HTTPStatus
from typing import BinaryIO, Final

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from tidegate.artifact import Repository
from tidegate.bounds import MIB
from tidegate.curation.shelf_blobs import BlobUnknownError, HeldBlob
from tidegate.errors import NotFoundError
from tidegate.server.registry.ranges import range_of_blob
from tidegate.server.registry.services import RegistryServices

PIECE_BYTES: Final = MIB


async def passing_response(
    request: Request, services: RegistryServices, repository: Repository, held: HeldBlob, headers: Mapping[str, str]
) -> Response:
    """Answers GET or HEAD of a blob.

    The first piece is read before the answer begins: a store that fails is told by a status, not by a torn answer.
    """
    asked, condition = request.headers.get("range", ""), request.headers.get("if-range", "")
    found = range_of_blob(asked, condition, etag=f'"{held.digest}"', size=held.size)
    if found is None:
        headers = {**headers, "Content-Range": f"bytes */{held.size}"}
        return Response(status_code=HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, headers=headers)
    start, end = found
    answer = {**headers, "Accept-Ranges": "bytes", "Content-Length": str(end - start)}
    is_whole = end - start == held.size
    if not is_whole:
        answer["Content-Range"] = f"bytes {start}-{end - 1}/{held.size}"
    status = HTTPStatus.OK if is_whole else HTTPStatus.PARTIAL_CONTENT
    if request.method == "HEAD":
        return Response(status_code=status, headers=answer)
    file, first = await services.offload.run(_begin, services, repository, held, start, end)
    return StreamingResponse(_pieces(services, file, first, end - start), status, answer)


def _begin(
    services: RegistryServices, repository: Repository, held: HeldBlob, start: int, end: int
) -> tuple[BinaryIO, bytes]:
    try:
        file = services.blobs.open(held)
    except NotFoundError as error:  # deleted a moment ago
        raise BlobUnknownError(repository, held.digest) from error
    try:
        file.seek(start)
        return file, file.read(min(PIECE_BYTES, end - start))
    except BaseException:
        file.close()
        raise


async def _pieces(services: RegistryServices, file: BinaryIO, first: bytes, length: int) -> AsyncIterator[bytes]:
    try:
        piece = first
        while piece:
            yield piece
            length -= len(piece)
            piece = await services.offload.run(file.read, min(PIECE_BYTES, length)) if length else b""
    finally:
        file.close()

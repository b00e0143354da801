# SPDX-License-Identifier: Apache-2.0
"""Blobs: GET with ranges, HEAD, DELETE (OCI distribution-spec 1.1, end-2, 10).

The bytes go the shortest way there is: the server sends the file itself, the client fetches them from the object store
by a link of a short while (307), or they pass through here in pieces.
"""

from http import HTTPStatus
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from tidegate.artifact import Digest, Repository
from tidegate.curation.consumer import Consumer
from tidegate.curation.shelf_blobs import BlobUnknownError, HeldBlob
from tidegate.server.registry.consumer import consumer_of
from tidegate.server.registry.file_response import BlobFileResponse
from tidegate.server.registry.names import digest, repository_in
from tidegate.server.registry.passing import passing_response
from tidegate.server.registry.services import RegistryServices
from tidegate.server.registry.whole_bodies import WholeBodies

_TYPE: Final = "application/octet-stream"


class BlobEndpoints:
    """Endpoints of `/v2/<name>/blobs/<digest>`."""

    def __init__(self, services: RegistryServices) -> None:
        self._services = services
        self._known = services.shelf.known_blobs
        self._whole = WholeBodies()

    async def get_blob(self, request: Request) -> Response:
        """Hands a blob out, or a range of it; HEAD only tells of it."""
        name, wanted = repository_in(request), digest(request.path_params["digest"])
        consumer, is_told = consumer_of(request), request.method == "HEAD"
        known, version = self._known.find(name, wanted, consumer, is_told=is_told)
        link: str | None = None
        if known is not None:
            held = known
        else:
            held, link = await self._services.offload.run(self._look, name, wanted, consumer, is_told=is_told)
            self._known.keep(held, name, consumer, version, is_told=is_told)
        if is_told:
            await self._services.offload.run(self._services.blobs.promise, name, wanted)
        if held.path is not None:
            return BlobFileResponse(held.digest, held.path, held.size, self._services.offload, self._whole)
        headers = {
            "Docker-Content-Digest": held.digest,
            "ETag": f'"{held.digest}"',
            "X-Content-Type-Options": "nosniff",
        }
        if link is not None and request.method == "GET":
            # Not to be kept: the link ends long before the blob does.
            return RedirectResponse(link, HTTPStatus.TEMPORARY_REDIRECT, {**headers, "Cache-Control": "no-store"})
        return await passing_response(request, self._services, name, held, {**headers, "Content-Type": _TYPE})

    async def delete_blob(self, request: Request) -> Response:
        """Takes a blob out of the repository, unless a manifest there needs it."""
        name, wanted = repository_in(request), digest(request.path_params["digest"])
        await self._services.offload.run(self._services.blobs.delete, name, wanted)
        return Response(status_code=HTTPStatus.ACCEPTED)

    def _look(
        self, name: Repository, wanted: Digest, consumer: Consumer, *, is_told: bool
    ) -> tuple[HeldBlob, str | None]:
        if is_told:  # HEAD is how clients that push ask what they need not send; no byte leaves by it
            self._services.shelf.tell_of_blob(name, wanted, consumer)
            held = self._services.blobs.find(name, wanted)
        else:
            held = self._services.shelf.open_blob(name, wanted, consumer)
        if held.path is None:
            return held, self._services.blobs.link(held)
        if not held.path.exists():  # deleted since the line above
            raise BlobUnknownError(name, wanted)
        return held, None

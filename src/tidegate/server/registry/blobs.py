# SPDX-License-Identifier: Apache-2.0
"""Blobs: GET with ranges, HEAD, DELETE (OCI distribution-spec 1.1, end-2, 10).

The bytes go the shortest way there is: the server sends the file itself, the client fetches them from the object store
by a link of a short while (307), or they pass through here in pieces.
"""

import os
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response

from tidegate.artifact import Digest, Repository
from tidegate.bounds import MIB
from tidegate.curation.shelf_blobs import BlobUnknownError, HeldBlob
from tidegate.server.registry.names import digest, repository_in
from tidegate.server.registry.passing import passing_response
from tidegate.server.registry.services import RegistryServices

_TYPE: Final = "application/octet-stream"


class _FileResponse(FileResponse):
    chunk_size = MIB  # of ranges; whole files are sent by the server from their path


class BlobEndpoints:
    """Endpoints of `/v2/<name>/blobs/<digest>`."""

    def __init__(self, services: RegistryServices) -> None:
        self._services = services

    async def get_blob(self, request: Request) -> Response:
        """Hands a blob out, or a range of it; HEAD only tells of it."""
        name, wanted = repository_in(request), digest(request.path_params["digest"])
        held, status, link = await self._services.offload.run(self._look, name, wanted)
        headers = {
            "Docker-Content-Digest": held.digest,
            "ETag": f'"{held.digest}"',
            "X-Content-Type-Options": "nosniff",
        }
        if held.path is not None:
            return _FileResponse(held.path, headers=headers, media_type=_TYPE, stat_result=status)
        if link is not None and request.method == "GET":
            # Not to be kept: the link ends long before the blob does.
            return RedirectResponse(link, HTTPStatus.TEMPORARY_REDIRECT, {**headers, "Cache-Control": "no-store"})
        return await passing_response(request, self._services, held, {**headers, "Content-Type": _TYPE})

    async def delete_blob(self, request: Request) -> Response:
        """Takes a blob out of the repository, unless a manifest there needs it."""
        name, wanted = repository_in(request), digest(request.path_params["digest"])
        await self._services.offload.run(self._services.blobs.delete, name, wanted)
        return Response(status_code=HTTPStatus.ACCEPTED)

    def _look(self, name: Repository, wanted: Digest) -> tuple[HeldBlob, os.stat_result | None, str | None]:
        held = self._services.blobs.find(name, wanted)
        if held.path is None:
            return held, None, self._services.blobs.link(held)
        with suppress(FileNotFoundError):
            return held, Path(held.path).stat(), None
        raise BlobUnknownError(name, wanted)  # deleted since the line above

# SPDX-License-Identifier: Apache-2.0
"""Blobs: GET with ranges, HEAD, DELETE (OCI distribution-spec 1.1, end-2, 10). The server sends the file itself."""

import os
from http import HTTPStatus
from typing import Final

from starlette.requests import Request
from starlette.responses import FileResponse, Response

from tidegate.artifact import Digest, Repository
from tidegate.bounds import MIB
from tidegate.curation.shelf_blobs import BlobUnknownError, HeldBlob
from tidegate.server.registry.names import digest, repository_in
from tidegate.server.registry.services import RegistryServices

_TYPE: Final = "application/octet-stream"


class _BlobResponse(FileResponse):
    chunk_size = MIB  # of ranges; whole files are sent by the server from their path


class BlobEndpoints:
    """Endpoints of `/v2/<name>/blobs/<digest>`."""

    def __init__(self, services: RegistryServices) -> None:
        self._services = services

    async def get_blob(self, request: Request) -> Response:
        """Hands a blob out, or a range of it; HEAD only tells of it."""
        name, wanted = repository_in(request), digest(request.path_params["digest"])
        held, found = await self._services.offload.run(self._look, name, wanted)
        headers = {
            "Docker-Content-Digest": held.digest,
            "ETag": f'"{held.digest}"',
            "X-Content-Type-Options": "nosniff",
        }
        return _BlobResponse(held.path, headers=headers, media_type=_TYPE, stat_result=found)

    async def delete_blob(self, request: Request) -> Response:
        """Takes a blob out of the repository, unless a manifest there needs it."""
        name, wanted = repository_in(request), digest(request.path_params["digest"])
        await self._services.offload.run(self._services.blobs.delete, name, wanted)
        return Response(status_code=HTTPStatus.ACCEPTED)

    def _look(self, name: Repository, wanted: Digest) -> tuple[HeldBlob, os.stat_result]:
        held = self._services.blobs.find(name, wanted)
        try:
            return held, held.path.stat()
        except FileNotFoundError as error:  # deleted since the line above
            raise BlobUnknownError(name, wanted) from error

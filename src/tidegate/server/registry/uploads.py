# SPDX-License-Identifier: Apache-2.0
"""Uploads: whole, in chunks, resumed, cancelled, mounted (OCI distribution-spec 1.1, end-4 to 6, 11, 13)."""

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from typing import Final

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from tidegate.artifact import Digest, Repository
from tidegate.errors import DigestMismatchError
from tidegate.identity import Asked, Verb
from tidegate.server.authentication import client_of, principal_of
from tidegate.server.registry.bodies import Body
from tidegate.server.registry.consumer import consumer_of
from tidegate.server.registry.errors import RegistryError, range_of
from tidegate.server.registry.names import digest, query_in, repository, repository_in
from tidegate.server.registry.services import RegistryServices
from tidegate.server.registry.upload_pieces import Places, UploadPieces
from tidegate.storage.blobs import UploadUnknownError

_MAX_SOURCES: Final = 20
"""Repositories looked at for a blob that is to be mounted from anywhere."""
_RANGE: Final = re.compile(r"(?:bytes[ =])?([0-9]{1,18})-([0-9]{1,18})(?:/[0-9*]{1,19})?")
_End = Callable[[Sequence[bytes], int | None], int]
"""Takes the last pieces of a request, and where they belong; the size reached."""


class UploadEndpoints:
    """Endpoints of `/v2/<name>/blobs/uploads/`."""

    def __init__(self, services: RegistryServices) -> None:
        self._shelf = services.shelf
        self._blobs = services.blobs
        self._access = services.access
        self._pulls = services.pulls
        self._run = services.offload.run
        self._received = services.metrics.received_bytes
        self._open = services.open_uploads
        self._places = Places()

    async def begin_upload(self, request: Request) -> Response:
        """Opens an upload; with `digest` takes the whole blob at once, with `mount` one that another repository has."""
        name, query = repository_in(request), query_in(request)
        if self._pulls is not None:
            self._pulls.pull_through.refuse_push(name)
        if "mount" in query:
            wanted, source = digest(query["mount"]), repository(query["from"]) if "from" in query else None
            if await self._run(self._mount, request, name, wanted, source):
                return _created(name, wanted)
        whole = digest(query["digest"]) if "digest" in query else None
        algorithm = whole.algorithm if whole else query.get("digest-algorithm", "sha256")
        who = principal_of(request).name
        if self._open.needs_share(who):
            await self._run(self._open.ask_for_share, who)
        if (idle := self._open.make_room(who)) is not None:
            await self._run(self._drop, *idle)
        upload = await self._run(self._blobs.begin, name, algorithm=algorithm)
        self._open.begun(upload, name, who)
        if whole:
            try:
                await self._take(request, name, upload, 0, partial(self._finish, name, upload, whole, who))
            except BaseException:
                await self._run(self._drop, name, upload)  # nobody was told its name
                raise
            return _created(name, whole)
        return _standing(HTTPStatus.ACCEPTED, name, upload, 0)

    async def append_upload(self, request: Request) -> Response:
        """Takes the next chunk, or all of it as a stream."""
        name, upload = repository_in(request), request.path_params["upload"]
        start = await self._start(request, name, upload)
        offset = await self._take(request, name, upload, start, partial(self._keep, name, upload))
        return _standing(HTTPStatus.ACCEPTED, name, upload, offset)

    async def finish_upload(self, request: Request) -> Response:
        """Takes what is left and turns the upload into a blob."""
        name, upload = repository_in(request), request.path_params["upload"]
        query = query_in(request)
        if "digest" not in query:
            raise RegistryError(HTTPStatus.BAD_REQUEST, "DIGEST_INVALID", "the digest is missing from the query")
        wanted = digest(query["digest"])
        start = await self._start(request, name, upload)
        end = partial(self._finish, name, upload, wanted, principal_of(request).name)
        await self._take(request, name, upload, start, end)
        return _created(name, wanted)

    async def get_upload(self, request: Request) -> Response:
        """Tells how far an upload is."""
        name, upload = repository_in(request), request.path_params["upload"]
        return _standing(HTTPStatus.NO_CONTENT, name, upload, await self._run(self._blobs.offset, name, upload))

    async def cancel_upload(self, request: Request) -> Response:
        """Drops an upload."""
        upload = request.path_params["upload"]
        await self._run(self._blobs.cancel, repository_in(request), upload)
        self._open.ended(upload)
        return Response(status_code=HTTPStatus.NO_CONTENT)

    def _drop(self, name: Repository, upload: str) -> None:
        with suppress(UploadUnknownError):
            self._blobs.cancel(name, upload)
        self._open.ended(upload)

    def _mount(self, request: Request, name: Repository, wanted: Digest, source: Repository | None) -> bool:
        """Mounts from the repository named, or from any that holds the blob and that this principal may pull."""
        consumer = consumer_of(request)
        if source is not None:
            return self._shelf.mount(name, wanted, source, consumer)
        return any(
            self._may_pull(request, holder) and self._shelf.mount(name, wanted, holder, consumer)
            for holder in self._blobs.holders(wanted, limit=_MAX_SOURCES)
        )

    def _may_pull(self, request: Request, source: Repository) -> bool:
        asked = Asked(verb=Verb.PULL, repository=source, any_content=True, address=client_of(request).address)
        return self._access.permissions.ruling(principal_of(request), asked).allowed

    async def _start(self, request: Request, name: Repository, upload: str) -> int | None:
        """Where this request says its bytes belong; None for wherever the upload stands."""
        stated = request.headers.get("content-range")
        if stated is None:
            return None
        match = _RANGE.fullmatch(stated.strip())
        if match is None:
            raise RegistryError(HTTPStatus.BAD_REQUEST, "BLOB_UPLOAD_INVALID", "Content-Range is not <start>-<end>")
        start, end = int(match[1]), int(match[2])
        # Even an empty body must stand at the right place.
        await self._run(self._blobs.append, name, upload, (), at=start)
        length = request.headers.get("content-length", "")
        if length.isdecimal() and int(length) != end - start + 1:
            raise RegistryError(HTTPStatus.BAD_REQUEST, "SIZE_INVALID", "Content-Range and Content-Length disagree")
        return start

    async def _take(self, request: Request, name: Repository, upload: str, at: int | None, end: _End) -> int:
        """Writes a request's body in pieces; `end` writes the last one."""

        async def write(pieces: Sequence[bytes], at: int | None) -> int:
            reached = await self._run(self._blobs.append, name, upload, pieces, at=at)
            self._received.inc(sum(map(len, pieces)))
            return reached

        async with UploadPieces(write, self._places, at) as pieces:
            try:
                with Body(request) as body:
                    while chunk := await body.read():
                        await pieces.add(chunk)
            except (ClientDisconnect, RegistryError):
                await self._run(self._keep, name, upload, *await pieces.rest())  # it goes on from here
                raise
            held, at = await pieces.rest()
            self._open.touched(upload)
            reached = await self._run(end, held, at)
            self._received.inc(sum(map(len, held)))
            return reached

    def _keep(self, name: Repository, upload: str, pieces: Sequence[bytes], at: int | None) -> int:
        reached = self._blobs.append(name, upload, pieces, at=at)
        self._blobs.flush(name, upload)  # the next request may come to another replica
        return reached

    def _finish(
        self, name: Repository, upload: str, wanted: Digest, by: str, pieces: Sequence[bytes], at: int | None
    ) -> int:
        if any(pieces):  # nothing can be added to an upload that was sealed, and is finished again
            self._keep(name, upload, pieces, at)
        try:
            size = self._blobs.finish(name, upload, wanted, by=by).size
        except DigestMismatchError:
            self._open.ended(upload)
            raise
        self._open.ended(upload)
        return size


def _created(name: Repository, wanted: Digest) -> Response:
    headers = {"Location": f"/v2/{name}/blobs/{wanted}", "Docker-Content-Digest": wanted}
    return Response(status_code=HTTPStatus.CREATED, headers=headers)


def _standing(status: HTTPStatus, name: Repository, upload: str, offset: int) -> Response:
    headers = {
        "Location": f"/v2/{name}/blobs/uploads/{upload}",
        "Range": range_of(offset),
        "Docker-Upload-UUID": upload,
    }
    return Response(status_code=status, headers=headers)

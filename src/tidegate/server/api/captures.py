# SPDX-License-Identifier: Apache-2.0
"""Forensic captures: taken in by streams, told, handed out, let go of. Every access is in the audit trail."""

import os
import tempfile
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import IO, Annotated, BinaryIO, Final

from anyio.to_thread import run_sync
from fastapi import APIRouter, Query, Request
from starlette.responses import Response, StreamingResponse

from tidegate.artifact import Digest
from tidegate.assembly.server import Server
from tidegate.bounds import MIB
from tidegate.errors import BoundExceededError, OutsideError
from tidegate.execution.captures import MAX_CAPTURE_BYTES
from tidegate.execution.kept_capture import KeptCapture
from tidegate.server.api.problem import reply
from tidegate.server.authentication import principal_of

_CREATED: Final = 201
_PIECE: Final = MIB
Text = Annotated[str, Query(max_length=512)]


def routes(server: Server) -> APIRouter:
    """The routes of captures."""
    router = APIRouter(tags=["captures"])

    @router.get("/captures", summary="Forensic captures on record, the newest first")
    def listed(
        incident: Text = "",
        container: Text = "",
        image: Text = "",
        node: Text = "",
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    ) -> Response:
        return reply(server.captures.find(incident=incident, container=container, image=image, node=node, limit=limit))

    @router.post("/captures", status_code=_CREATED, summary="Keep a capture: its archive is the body")
    async def keep(request: Request, days: Annotated[int | None, Query(ge=1, le=3650)] = None) -> Response:
        who = principal_of(request).name
        folder = server.settings.home / "arriving"

        def take(file: Path) -> KeptCapture:
            return server.captures.take_in(file, who=who, keep=None if days is None else timedelta(days=days))

        with tempfile.NamedTemporaryFile(prefix="capture-", dir=await run_sync(_made, folder)) as file:
            await _write(request, file.file)
            return reply(await run_sync(take, Path(file.name)), status=_CREATED)

    @router.get("/captures/schedule", summary="What is captured by time, the next due first")
    def schedule() -> Response:
        return reply(server.scheduled.told())

    @router.get("/captures/{digest}", summary="One capture")
    def shown(digest: str) -> Response:
        return reply(server.captures.show(Digest(digest)))

    @router.get("/captures/{digest}/archive", summary="A capture's archive")
    def archive(digest: str) -> Response:
        found, source = server.captures.open(Digest(digest))
        headers = {
            "content-length": str(found.size),
            "content-disposition": f'attachment; filename="capture-{found.digest.hex[:12]}.tar"',
            "etag": f'"{found.archive}"',
            "x-content-type-options": "nosniff",
        }
        return StreamingResponse(_pieces(source), media_type="application/x-tar", headers=headers)

    @router.delete("/captures/{digest}", summary="Let go of a capture's archive; the record and the seal stay")
    def let_go(digest: str, request: Request, why: Annotated[str, Query(min_length=1, max_length=1000)]) -> Response:
        return reply(server.captures.let_go(Digest(digest), who=principal_of(request).name, why=why))

    return router


def _made(folder: Path) -> Path:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise OutsideError(f"cannot be made: {error.strerror}", where=str(folder)) from error
    return folder


async def _write(request: Request, file: IO[bytes]) -> None:
    size = 0
    waiting = bytearray()
    async for piece in request.stream():
        size += len(piece)
        if size > MAX_CAPTURE_BYTES:
            raise BoundExceededError("MAX_CAPTURE_BYTES", MAX_CAPTURE_BYTES, where="request")
        waiting += piece
        if len(waiting) >= _PIECE:
            await run_sync(_append, file, bytes(waiting))
            waiting.clear()
    await run_sync(_append, file, bytes(waiting))


def _append(file: IO[bytes], data: bytes) -> None:
    try:
        file.write(data)
        file.flush()
    except OSError as error:
        raise OutsideError(f"cannot be written: {error.strerror or os.strerror(error.errno or 0)}") from error


async def _pieces(source: BinaryIO) -> AsyncIterator[bytes]:
    try:
        while piece := await run_sync(source.read, _PIECE):
            yield piece
    finally:
        await run_sync(source.close)

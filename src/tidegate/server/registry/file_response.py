# SPDX-License-Identifier: Apache-2.0
"""A blob that lies in a file, as an ASGI response: the server sends it whole from its path, a small one as one piece.

Starlette's own would ask the file system once more, and hash a tag nobody needs: a blob's tag is its digest.
"""

import os
from http import HTTPStatus
from pathlib import Path
from typing import Final

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from tidegate.artifact import Digest
from tidegate.bounds import MIB
from tidegate.server.offload import Offload
from tidegate.server.registry.ranges import range_of_blob
from tidegate.server.registry.whole_bodies import WholeBodies

PIECE_BYTES: Final = MIB
_PATH_SEND: Final = "http.response.pathsend"


class BlobFileResponse(Response):
    """Answers GET and HEAD of a blob, whole or one range of it.

    Args:
        digest: of the blob.
        path: its file, which must not change.
        size: of the blob, in bytes.
        offload: where the file is read, when it has to be read here.
        whole: hands small ones out as one piece.
    """

    def __init__(self, digest: Digest, path: Path, size: int, offload: Offload, whole: WholeBodies) -> None:
        self.status_code = HTTPStatus.OK
        self.background = None
        self._path = path
        self._size = size
        self._offload = offload
        self._whole = whole
        self._etag = f'"{digest}"'
        self.raw_headers = [
            (b"content-type", b"application/octet-stream"),
            (b"docker-content-digest", digest.encode()),
            (b"etag", self._etag.encode()),
            (b"accept-ranges", b"bytes"),
            (b"x-content-type-options", b"nosniff"),
        ]

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """Sends it."""
        asked = condition = ""
        for name, value in scope["headers"]:
            if name == b"range":
                asked = value.decode("latin-1")
            elif name == b"if-range":
                condition = value.decode("latin-1")
        found = range_of_blob(asked, condition, etag=self._etag, size=self._size) if asked else (0, self._size)
        if found is None:
            await self._start(send, HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, 0, f"bytes */{self._size}")
            await send({"type": "http.response.body", "body": b""})
            return
        start, end = found
        if end - start == self._size:
            await self._start(send, HTTPStatus.OK, self._size, "")
        else:
            part = f"bytes {start}-{end - 1}/{self._size}"
            await self._start(send, HTTPStatus.PARTIAL_CONTENT, end - start, part)
        if scope["method"] == "HEAD" or start == end:
            await send({"type": "http.response.body", "body": b""})
        elif end - start == self._size and (data := self._whole.read(self._path, self._size, scope)) is not None:
            await send({"type": "http.response.body", "body": data})
        elif end - start == self._size and _PATH_SEND in scope.get("extensions", ()):
            await send({"type": _PATH_SEND, "path": str(self._path)})
        else:
            await self._send_part(send, start, end)

    async def _start(self, send: Send, status: HTTPStatus, length: int, content_range: str) -> None:
        headers = [*self.raw_headers, (b"content-length", str(length).encode())]
        if content_range:
            headers.append((b"content-range", content_range.encode()))
        await send({"type": "http.response.start", "status": int(status), "headers": headers})

    async def _send_part(self, send: Send, start: int, end: int) -> None:
        handle = await self._offload.run(os.open, self._path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            while start < end:
                piece = await self._offload.run(os.pread, handle, min(PIECE_BYTES, end - start), start)
                if not piece:
                    raise OSError(f"{self._path} is shorter than it was")
                start += len(piece)
                await send({"type": "http.response.body", "body": piece, "more_body": start < end})
        finally:
            os.close(handle)

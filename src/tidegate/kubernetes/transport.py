# SPDX-License-Identifier: Apache-2.0
"""Answers of an API server, never more of one than was said; a watch has no end, its lines are bounded by who reads."""

from collections.abc import Iterator
from typing import Final, Self

import httpx

from tidegate.bounds import MIB
from tidegate.errors import BoundExceededError, OutsideError

MAX_ANSWER_BYTES: Final = 64 * MIB
"""Of one answer: a page of objects, of which etcd takes none above 1.5 MiB and nearly all are below 20 KiB."""


class BoundedTransport(httpx.BaseTransport):
    """Passes requests on, asks for answers as they are (what is compressed has no bound), and counts their bytes.

    Args:
        inner: makes the connections; closed with this one.
        max_bytes: of an answer that is no watch.
    """

    def __init__(self, inner: httpx.BaseTransport, *, max_bytes: int = MAX_ANSWER_BYTES) -> None:
        self._inner = inner
        self._max_bytes = max_bytes

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Asks.

        Raises:
            BoundExceededError: while the body is read, when it is longer than allowed.
            OutsideError: the answer is compressed all the same.
        """
        request.headers["Accept-Encoding"] = "identity"
        answer = self._inner.handle_request(request)
        coding = answer.headers.get("content-encoding", "identity")
        if coding != "identity" or not isinstance(answer.stream, httpx.SyncByteStream):
            answer.close()
            raise OutsideError("a compressed answer was not asked for", where=request.url.host)
        if request.url.params.get("watch") == "true":
            return answer
        stream = _Counted(answer.stream, self._max_bytes, str(request.url.copy_with(query=None)))
        return httpx.Response(
            answer.status_code, headers=answer.headers, stream=stream, extensions=dict(answer.extensions)
        )

    def close(self) -> None:
        """Closes its connections."""
        self._inner.close()

    def __deepcopy__(self, _: object) -> Self:
        return self  # lightkube copies the parameters it is made with; connections have no copies


class _Counted(httpx.SyncByteStream):
    def __init__(self, inner: httpx.SyncByteStream, left: int, where: str) -> None:
        self._inner = inner
        self._max_bytes = left
        self._where = where

    def __iter__(self) -> Iterator[bytes]:
        read = 0
        for piece in self._inner:
            read += len(piece)
            if read > self._max_bytes:
                raise BoundExceededError("max_answer_bytes", self._max_bytes, where=self._where)
            yield piece

    def close(self) -> None:
        self._inner.close()

# SPDX-License-Identifier: Apache-2.0
"""A body read as it comes, taken up again with a range request (RFC 9110 §14) when its connection breaks."""

import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from tidegate.bounds import MIB
from tidegate.errors import BoundExceededError, InvalidInputError, OutsideError
from tidegate.outbound.reply import check_status, describe

if TYPE_CHECKING:
    import httpx

Opener = Callable[[Mapping[str, str]], "httpx.Response"]
"""Asks for the body with extra headers; the answer's body is not read yet."""

_PARTIAL: Final = 206
_OK: Final = 200
_NO_SUCH_RANGE: Final = 416
_CONTENT_RANGE: Final = re.compile(r"bytes ([0-9]{1,18})-[0-9]{1,18}/(?:([0-9]{1,18})|\*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumption:
    """How long to go on.

    Attributes:
        max_resumes: broken connections that are mended.
        total_timeout_s: from opening to the last byte.
        unvalidated: also when the server gives nothing to tell whether it is still the same file; for callers that
            check a digest afterwards.
    """

    max_resumes: int
    total_timeout_s: float
    unvalidated: bool = True


class Body:
    """A binary stream of one HTTP body, as sent (a content encoding is not undone). One thread at a time.

    Args:
        opener: asks the server.
        where: its name in errors.
        max_bytes: reading past it raises.
        limits: how long to go on.
        total_bytes: the size it must have; None when unknown.
        start: bytes the caller has already.
        validator: the entity tag (or date) those bytes came with; "" for none.

    Attributes:
        position: bytes of the whole that were handed out; 0 after opening when the server began anew.
        validator: what tells these bytes from another version's; "" when the server gives nothing.
    """

    def __init__(
        self,
        opener: Opener,
        *,
        where: str,
        max_bytes: int,
        limits: Resumption,
        total_bytes: int | None = None,
        start: int = 0,
        validator: str = "",
    ) -> None:
        self.position = start
        self.validator = validator
        self._opener = opener
        self._where = where
        self._max_bytes = max_bytes
        self._total_bytes = total_bytes
        self._limits = limits
        self._resumes_left = limits.max_resumes
        self._deadline = time.monotonic() + limits.total_timeout_s
        self._response: httpx.Response | None = None
        self._chunks: Iterator[bytes] = iter(())
        self._pending = b""
        self._discard = 0

    def __enter__(self) -> Self:
        try:
            if not self._ask():
                self.position = 0
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Gives the connection back."""
        if self._response is not None:
            self._response.close()
            self._response = None

    def read(self, size: int = -1, /) -> bytes:
        """Returns at most `size` bytes (fewer when fewer have come), b"" at the end.

        Raises:
            BoundExceededError: there is more than `max_bytes`.
            InvalidInputError: it is shorter or longer than it was said to be.
            OutsideError: the connection broke too often, it takes too long, or the file changed meanwhile.
        """
        if size == 0:
            return b""
        if size < 0:
            return b"".join(iter(lambda: self.read(MIB), b""))
        if not self._pending:
            self._pending = self._next()
        piece, self._pending = self._pending[:size], self._pending[size:]
        self.position += len(piece)
        return piece

    def _next(self) -> bytes:
        import httpx

        while True:
            if time.monotonic() > self._deadline:
                raise OutsideError(
                    f"takes longer than total_timeout_s = {self._limits.total_timeout_s}", where=self._where
                )
            try:
                chunk = next(self._chunks, b"")
            except httpx.TransportError as error:
                self._resume(error)
                continue
            if not chunk:
                self._check_end()
                return b""
            dropped = min(self._discard, len(chunk))
            self._discard -= dropped
            if dropped < len(chunk):
                self._check_length(self.position + len(chunk) - dropped)
                return chunk[dropped:]

    def _resume(self, error: Exception) -> None:
        self._resumes_left -= 1
        if self._resumes_left < 0 or not (self.validator or self._limits.unvalidated):
            raise OutsideError(
                f"the connection broke: {describe(error)}",
                where=self._where,
                remedy="check the network",
            ) from error
        before = self.validator
        self._discard = 0 if self._ask() else self.position
        if self.validator != before:
            raise OutsideError("it changed while it was being read", where=self._where, remedy="try again")

    def _ask(self) -> bool:
        """Asks for what lies behind `position`; False when the server sends it from the beginning."""
        self.close()
        response = self._opener(self._range()) if self.position else self._opener({})
        if self.position and response.status_code == _NO_SUCH_RANGE:
            response.close()
            response = self._opener({})
        self._response = response
        check_status(response.status_code, where=self._where)
        self.validator = _validator(response)
        self._chunks = response.iter_raw()
        if response.status_code == _PARTIAL and self.position:
            self._check_range(response.headers.get("content-range", ""))
            return True
        if response.status_code != _OK:
            raise OutsideError(f"the server answered {response.status_code}", where=self._where)
        self._check_announced(response.headers.get("content-length", ""))
        return self.position == 0

    def _range(self) -> dict[str, str]:
        asked = {"Range": f"bytes={self.position}-"}
        return {**asked, "If-Range": self.validator} if self.validator else asked

    def _check_range(self, text: str) -> None:
        match = _CONTENT_RANGE.fullmatch(text)
        if match is None or int(match[1]) != self.position:
            raise OutsideError("the server sent another range than asked for", where=self._where)
        self._check_announced(match[2] or "")

    def _check_announced(self, text: str) -> None:
        if not (text.isascii() and text.isdecimal()):
            return
        self._check_length(announced := int(text[:18]))
        if self._total_bytes not in {None, announced}:
            raise InvalidInputError(f"has {announced} bytes instead of {self._total_bytes}", where=self._where)

    def _check_length(self, length: int) -> None:
        if length > self._max_bytes:
            raise BoundExceededError("max_bytes", self._max_bytes, where=self._where)
        if self._total_bytes is not None and length > self._total_bytes:
            raise InvalidInputError(f"has more than the {self._total_bytes} bytes stated", where=self._where)

    def _check_end(self) -> None:
        if self._total_bytes not in {None, self.position}:
            raise InvalidInputError(f"ends after {self.position} of {self._total_bytes} bytes", where=self._where)


def _validator(response: "httpx.Response") -> str:
    tag = str(response.headers.get("etag", ""))
    return tag if tag and not tag.startswith("W/") else str(response.headers.get("last-modified", ""))

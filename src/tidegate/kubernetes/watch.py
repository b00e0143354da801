# SPDX-License-Identifier: Apache-2.0
"""Lists and watches objects as the API server says them: page by page, then line by line, as bytes.

A list is of one moment; a watch goes on from it (resourceVersion) and ends after some minutes, by the API server's
will or by a connection that says nothing (bookmarks come each minute). Where to go on from is the caller's to keep.
https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
"""

import random
from collections.abc import Iterator
from typing import Final, TypeVar

import httpx

from tidegate.bounds import MIB, read_bounded
from tidegate.errors import BoundExceededError, InvalidInputError, OutsideError
from tidegate.kubernetes.failures import failure, kubernetes_failures
from tidegate.kubernetes.listing import PAGE
from tidegate.kubernetes.transport import MAX_ANSWER_BYTES
from tidegate.values import Struct, field, msgspec
from tidegate.wire import from_json

MAX_LINE_BYTES: Final = 8 * MIB
"""etcd takes no object above 1.5 MiB; JSON of one is longer than what it keeps."""
_SILENT_SECONDS: Final = 150.0
"""Bookmarks come about every minute."""
_WATCH_SECONDS: Final = 300
_OK: Final = 200
_T = TypeVar("_T")


class Meta(Struct, frozen=True, rename="camel"):
    """What is read of every object and list."""

    resource_version: str = ""
    next_page: str = field(default="", name="continue")


class Page(Struct, frozen=True):
    """A piece of a list."""

    items: tuple[msgspec.Raw, ...]
    metadata: Meta


class Change(Struct, frozen=True):
    """A line of a watch.

    Attributes:
        type: `ADDED`, `MODIFIED`, `DELETED` or `BOOKMARK`.
        object: as it is said.
    """

    type: str
    object: msgspec.Raw


class _Status(Struct, frozen=True):
    code: int = 0
    message: str = ""


def list_pages(http: httpx.Client, path: str) -> Iterator[Page]:
    """The objects that are there, in pages of one moment.

    Raises:
        TidegateError: as `kubernetes_failures`; ExpiredError when the list took too long: begin anew.
    """
    more = ""
    while True:
        query = {"limit": str(PAGE)} | ({"continue": more} if more else {})
        with kubernetes_failures(path):
            answer = http.get(path, params=query)
        _demand_ok(answer.status_code, answer.content, path)
        page = _read(answer.content, Page, path, MAX_ANSWER_BYTES)
        yield page
        if not (more := page.metadata.next_page):
            return


def watch_changes(http: httpx.Client, path: str, version: str) -> Iterator[Change]:
    """What changes after a version, until the API server ends the watch.

    Raises:
        ExpiredError: it has forgotten that version: list anew.
        BoundExceededError: a line is over `MAX_LINE_BYTES`.
        TidegateError: as `kubernetes_failures`; go on from the last version.
    """
    seconds = _WATCH_SECONDS + random.randrange(_WATCH_SECONDS)  # noqa: S311 - many watchers shall not come at once
    query = {
        "watch": "true",
        "allowWatchBookmarks": "true",
        "resourceVersion": version,
        "timeoutSeconds": str(seconds),
    }
    timeout = httpx.Timeout(http.timeout.connect, read=_SILENT_SECONDS)
    with kubernetes_failures(path), http.stream("GET", path, params=query, timeout=timeout) as answer:
        if answer.status_code != _OK:
            _demand_ok(answer.status_code, read_bounded(_Body(answer), max_bytes=MIB, what=path), path)
        for line in _lines(answer.iter_raw(), path):
            yield _change(line, path)


def _change(line: bytes, path: str) -> Change:
    change = _read(line, Change, path, MAX_LINE_BYTES)
    if change.type == "ERROR":
        status = _read(bytes(change.object), _Status, path, MAX_LINE_BYTES)
        raise failure(status.code, status.message, where=path)
    return change


def _lines(pieces: Iterator[bytes], path: str) -> Iterator[bytes]:
    kept = bytearray()
    for piece in pieces:
        kept += piece
        if len(kept) > MAX_LINE_BYTES:
            raise BoundExceededError("max_line_bytes", MAX_LINE_BYTES, where=path)
        *whole, rest = bytes(kept).split(b"\n") if b"\n" in piece else (bytes(kept),)
        if whole:
            yield from (line for line in whole if line.strip())
            kept = bytearray(rest)
    # What is left has no end: the connection broke within it, and it is said again after the last version.


def _demand_ok(status: int, body: bytes, path: str) -> None:
    if status == _OK:
        return
    try:
        message = from_json(body, _Status, what=path, max_bytes=MAX_ANSWER_BYTES).message
    except InvalidInputError:  # a proxy's page
        message = ""
    raise failure(status, message, where=path)


def _read(body: bytes, kind: type[_T], path: str, limit: int) -> _T:
    try:
        return from_json(body, kind, what=path, max_bytes=limit)
    except BoundExceededError:
        raise
    except InvalidInputError as error:
        raise OutsideError("not an answer of an API server", where=path) from error


class _Body:
    """An answer that is read in pieces, as `read_bounded` reads."""

    def __init__(self, answer: httpx.Response) -> None:
        self._pieces = answer.iter_raw()

    def read(self, size: int = -1, /) -> bytes:
        del size
        return next(self._pieces, b"")

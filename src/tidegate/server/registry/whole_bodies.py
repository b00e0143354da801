# SPDX-License-Identifier: Apache-2.0
"""Small blobs that lie in the page cache go out as one piece: fewer threads and wakes than the server's path-send.

The server does not say when a body has left its memory. But a connection of HTTP/1 that asks for more has had what it
asked for before; until then, or for a moment, its last piece counts against a bound that all connections share. What is
over the bound, not in the page cache, or larger goes out by path-send, which is as good once many pull at a time.
"""

import os
import time
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Final

from starlette.types import Scope

from tidegate.bounds import MIB

MAX_PIECE_BYTES: Final = MIB
MAX_HELD_BYTES: Final = 4 * MIB
HELD_SECONDS: Final = 3.0
_NOT_WAITING: Final = getattr(os, "RWF_NOWAIT", 0)


class WholeBodies:
    """Reads small blobs for connections. For the event loop's thread only.

    Args:
        max_held_bytes: that connections may have to be sent yet.
        now: seconds.
    """

    def __init__(self, max_held_bytes: int = MAX_HELD_BYTES, *, now: Callable[[], float] = time.monotonic) -> None:
        self._max_held_bytes = max_held_bytes
        self._now = now
        self._held: OrderedDict[tuple[object, ...], tuple[int, float]] = OrderedDict()
        self._bytes = 0

    def read(self, path: Path, size: int, scope: Scope) -> bytearray | None:
        """A file's bytes, for the connection of an ASGI scope; None when it is to be sent another way.

        Never waits for a disk.
        """
        peer = scope.get("client")
        if not _NOT_WAITING or not 0 < size <= MAX_PIECE_BYTES or peer is None:
            return None
        if scope["scheme"] != "http" or not scope["http_version"].startswith("1"):
            return None  # encrypted, it would be copied once more; in HTTP/2 many requests share a connection
        self._let_go(tuple(peer))
        if self._bytes + size > self._max_held_bytes or (data := _read_cached(path, size)) is None:
            return None
        self._held[tuple(peer)] = (size, self._now() + HELD_SECONDS)
        self._bytes += size
        return data

    def _let_go(self, peer: tuple[object, ...]) -> None:
        self._bytes -= self._held.pop(peer, (0, 0.0))[0]
        now = self._now()
        while self._held and next(iter(self._held.values()))[1] <= now:
            self._bytes -= self._held.popitem(last=False)[1][0]


def _read_cached(path: Path, size: int) -> bytearray | None:
    data = bytearray(size)
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            return data if os.preadv(handle, [data], 0, _NOT_WAITING) == size else None
        finally:
            os.close(handle)
    except OSError:  # it would wait, or its file system cannot tell
        return None

# SPDX-License-Identifier: Apache-2.0
"""A body on its way to the store, in large pieces: one is written while the next one comes in.

The way to a thread, and getting the interpreter back among many, costs as much for a small piece as for a large one. So
that pieces may be large however many clients send, only some gather at a time: the others' bytes wait in their sockets.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType
from typing import Final

from tidegate.bounds import KIB, MIB

PLACES: Final = 8
"""Pieces that gather or are written at a time, of all bodies together: about a mebibyte each, twice when joined."""
_PIECE_BYTES: Final = MIB
_FREE_BYTES: Final = 64 * KIB
"""What a body holds without a place: the whole of a short one."""
_GATHERING_SECONDS: Final = 0.05
"""A piece that is not complete by then is written as it is: whoever sends slowly takes no place from others."""
Write = Callable[[Sequence[bytes], int | None], Awaitable[int]]
"""Writes pieces where they belong (None: where the upload stands), and returns the offset after them."""


class Places:
    """Room for pieces, given in the order in which it was asked for.

    Args:
        count: how many there are.
    """

    def __init__(self, count: int = PLACES) -> None:
        self._free = asyncio.Semaphore(count)

    async def take(self) -> None:
        """Waits for a place."""
        await self._free.acquire()

    def give_back(self) -> None:
        """Lets somebody else have it."""
        self._free.release()


class UploadPieces:
    """The pieces of one body; a context, at whose end nothing is being written any more.

    Args:
        write: writes some.
        places: where pieces gather.
        at: where the body belongs; None for wherever the upload stands.
    """

    def __init__(self, write: Write, places: Places, at: int | None) -> None:
        self._write = write
        self._places = places
        self._at = at
        self._held: list[bytes] = []
        self._size = 0
        self._has_place = False
        self._overdue: asyncio.TimerHandle | None = None
        self._writing: asyncio.Task[int] | None = None

    async def __aenter__(self) -> "UploadPieces":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._writing is not None:
            await asyncio.wait((self._writing,))
            if not self._writing.cancelled():
                self._writing.exception()  # looked at: whoever raised it, or something before it, tells of it
        self._leave()

    async def add(self, chunk: bytes) -> None:
        """Takes what came, and returns when more may come.

        Raises:
            TidegateError: what was written before could not be.
        """
        self._held.append(chunk)
        self._size += len(chunk)
        if self._size <= _FREE_BYTES:
            return
        if not self._has_place:
            await self._places.take()
            self._has_place = True
            self._overdue = asyncio.get_running_loop().call_later(_GATHERING_SECONDS, self._hand_over)
        if self._size >= _PIECE_BYTES:
            before = self._writing
            self._hand_over()
            if before is not None:
                await asyncio.wait((before,))
                before.result()

    async def rest(self) -> tuple[list[bytes], int | None]:
        """What was not handed over, once all else is written, and where it belongs. Its place is kept.

        Raises:
            TidegateError: what was written before could not be.
        """
        if self._overdue is not None:
            self._overdue.cancel()
        if self._writing is not None:
            await asyncio.wait((self._writing,))
            self._at, self._writing = self._writing.result(), None
        return self._held, self._at

    def _hand_over(self) -> None:
        if self._overdue is not None:
            self._overdue.cancel()
        pieces, self._held, self._size, self._has_place = self._held, [], 0, False
        self._writing = asyncio.create_task(self._write_after(self._writing, pieces))

    async def _write_after(self, before: asyncio.Task[int] | None, pieces: list[bytes]) -> int:
        try:
            return await self._write(pieces, self._at if before is None else await before)
        finally:
            self._places.give_back()

    def _leave(self) -> None:
        if self._overdue is not None:
            self._overdue.cancel()
        if self._has_place:
            self._has_place = False
            self._places.give_back()

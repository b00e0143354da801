# SPDX-License-Identifier: Apache-2.0
"""Bodies on their way to the store: large pieces in their order, one written while the next comes in, few at a time."""

import asyncio
from collections.abc import Sequence

import pytest

from tidegate.errors import OutsideError
from tidegate.server.registry.upload_pieces import Places, UploadPieces

CHUNK = bytes(range(256)) * 256  # as the server hands them on
PIECE = 1 << 20


class Store:
    """Writes one piece at a time of each upload, when it is let to."""

    def __init__(self) -> None:
        self.may_write = asyncio.Event()
        self.begun = asyncio.Event()
        self.written: list[tuple[int | None, bytes]] = []
        self.at_once = self.most_at_once = 0
        self.fails = False

    async def write(self, pieces: Sequence[bytes], at: int | None) -> int:
        """Writes."""
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        self.begun.set()
        await self.may_write.wait()
        self.at_once -= 1
        if self.fails:
            raise OutsideError("the disk is full")
        self.written.append((at, b"".join(pieces)))
        return (at or 0) + sum(map(len, pieces))


def test_a_long_body_is_written_in_large_pieces_each_where_it_belongs() -> None:
    async def run() -> None:
        store = Store()
        store.may_write.set()
        async with UploadPieces(store.write, Places(2), None) as pieces:
            for _ in range(40):
                await pieces.add(CHUNK)
            held, at = await pieces.rest()
        assert [(place, len(data)) for place, data in store.written] == [(None, PIECE), (PIECE, PIECE)]
        assert (at, b"".join(held)) == (2 * PIECE, CHUNK * 8)
        assert b"".join(data for _, data in store.written) == CHUNK * 32

    asyncio.run(run())


def test_the_next_piece_comes_in_while_one_is_written_and_no_third() -> None:
    async def run() -> None:
        store = Store()
        async with UploadPieces(store.write, Places(8), 0) as pieces:
            for _ in range(31):
                await pieces.add(CHUNK)
            await store.begun.wait()
            more = asyncio.ensure_future(pieces.add(CHUNK))
            await asyncio.sleep(0)
            assert not more.done()
            store.may_write.set()
            await more
            assert await pieces.rest() == ([], 2 * PIECE)
        assert store.most_at_once == 1

    asyncio.run(run())


def test_what_could_not_be_written_is_told_to_whoever_sends_on_or_ends() -> None:
    async def run() -> None:
        store, places = Store(), Places(1)
        store.may_write.set()
        store.fails = True
        async with UploadPieces(store.write, places, 0) as pieces:
            for _ in range(17):
                await pieces.add(CHUNK)
            with pytest.raises(OutsideError):
                await pieces.rest()
        await asyncio.wait_for(places.take(), 60)  # whatever failed, its place is free

    asyncio.run(run())


def test_a_body_waits_for_a_place_and_a_short_one_does_not() -> None:
    async def run() -> None:
        store, places = Store(), Places(1)
        store.may_write.set()
        await places.take()
        async with UploadPieces(store.write, places, 0) as short, UploadPieces(store.write, places, 0) as long:
            await short.add(CHUNK)
            await long.add(CHUNK)
            adding = asyncio.ensure_future(long.add(CHUNK))
            await asyncio.sleep(0)
            assert not adding.done()
            places.give_back()
            await adding
            assert await long.rest() == ([CHUNK, CHUNK], 0)
        await asyncio.wait_for(places.take(), 60)

    asyncio.run(run())


def test_who_sends_slowly_keeps_no_place() -> None:
    """The piece is written as it is, though nothing comes any more."""

    async def run() -> None:
        store, places = Store(), Places(1)
        store.may_write.set()
        async with UploadPieces(store.write, places, 0) as pieces:
            await pieces.add(CHUNK)
            await pieces.add(CHUNK)
            await asyncio.wait_for(places.take(), 60)
            assert store.written == [(0, CHUNK * 2)]
            places.give_back()
            assert await pieces.rest() == ([], 2 * len(CHUNK))

    asyncio.run(run())

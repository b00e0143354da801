# SPDX-License-Identifier: Apache-2.0
"""A log as files, in a folder or under a URL: what `tidegate ledger export` writes and the server serves."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, Protocol

from tidegate.artifact import Digest
from tidegate.bounds import MIB, read_bounded
from tidegate.errors import InvalidInputError, NotFoundError, OutsideError
from tidegate.ledger.handover import MAX_HANDOVERS_BYTES, write_handovers
from tidegate.ledger.note import MAX_NOTE_BYTES
from tidegate.ledger.prover import TileSource
from tidegate.ledger.tile import HASH_BYTES, MAX_BUNDLE_BYTES, WIDTH, Tile
from tidegate.outbound import Outbound

CHECKPOINT: Final = "checkpoint"
KEY: Final = "key"
HANDOVERS: Final = "handovers"
MAX_STATEMENT_BYTES: Final = 128 * MIB
_AT_ONCE: Final = 8


def statement_path(digest: Digest) -> str:
    """Where a statement's envelope lies in a copy, beside what the specification has there."""
    return f"statement/{digest.algorithm}/{digest.hex[:2]}/{digest.hex}"


class LogCopy(TileSource, Protocol):
    """A log that is read as files. Nothing it gives is believed before it is verified."""

    def checkpoint(self) -> str:
        """The signed note.

        Raises:
            NotFoundError: there is none.
            InvalidInputError: it is too long, or no UTF-8.
            OutsideError: it cannot be read.
        """
        ...

    def handovers(self) -> bytes:
        """The file in which keys of the log hand over to the next; an empty list where there is none.

        Raises:
            OutsideError: it cannot be read.
        """
        ...

    def statement(self, digest: Digest) -> bytes:
        """A statement's envelope, by the digest that it should have.

        Raises:
            NotFoundError: it is not there.
            OutsideError: it cannot be read.
        """
        ...


class FolderCopy:
    """A `LogCopy` in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def checkpoint(self) -> str:
        """The signed note (`LogCopy.checkpoint`)."""
        return _text(self._read(CHECKPOINT, MAX_NOTE_BYTES), str(self._folder / CHECKPOINT))

    def handovers(self) -> bytes:
        """The handovers (`LogCopy.handovers`)."""
        try:
            return self._read(HANDOVERS, MAX_HANDOVERS_BYTES)
        except NotFoundError:
            return write_handovers(())

    def statement(self, digest: Digest) -> bytes:
        """A statement's envelope (`LogCopy.statement`)."""
        return self._read(statement_path(digest), MAX_STATEMENT_BYTES)

    def read(self, tiles: Sequence[Tile]) -> dict[Tile, bytes]:
        """Tiles and bundles (`TileSource.read`); a full one is as good where a part of it was asked for."""
        return {tile: self._tile(tile) for tile in tiles}

    def _tile(self, tile: Tile) -> bytes:
        try:
            return self._read(tile.path, _most(tile))
        except NotFoundError:
            full = Tile(tile.level, tile.index)
            if tile == full:
                raise
            try:
                return first_part(self._read(full.path, _most(full)), tile)
            except NotFoundError:
                raise NotFoundError("is not there", where=tile.path) from None

    def _read(self, path: str, max_bytes: int) -> bytes:
        try:
            with (self._folder / path).open("rb") as file:
                return read_bounded(file, max_bytes=max_bytes, what=path)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise NotFoundError("is not there", where=path) from error
        except OSError as error:
            raise OutsideError(f"cannot be read: {error.strerror}", where=path) from error


class RemoteCopy:
    """A `LogCopy` under a URL, of a server or of any place that hands out files.

    Args:
        outbound: makes the calls.
        url: the log's prefix.
        authorization: value of the header, for a log that is not public; "" for none.
    """

    def __init__(self, outbound: Outbound, url: str, *, authorization: str = "") -> None:
        self._outbound = outbound
        self._url = url.rstrip("/")
        self._headers = {"Authorization": authorization} if authorization else {}

    def checkpoint(self) -> str:
        """The signed note (`LogCopy.checkpoint`)."""
        return _text(self._get(CHECKPOINT, MAX_NOTE_BYTES), f"{self._url}/{CHECKPOINT}")

    def handovers(self) -> bytes:
        """The handovers (`LogCopy.handovers`)."""
        try:
            return self._get(HANDOVERS, MAX_HANDOVERS_BYTES)
        except NotFoundError:
            return write_handovers(())

    def statement(self, digest: Digest) -> bytes:
        """A statement's envelope (`LogCopy.statement`)."""
        return self._get(statement_path(digest), MAX_STATEMENT_BYTES)

    def read(self, tiles: Sequence[Tile]) -> dict[Tile, bytes]:
        """Tiles and bundles, several at once (`TileSource.read`); a part may be gone where its full tile is there."""
        if len(tiles) == 1:
            return {tiles[0]: self._tile(tiles[0])}
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="tiles") as pool:
            return dict(zip(tiles, pool.map(self._tile, tiles), strict=True))

    def _tile(self, tile: Tile) -> bytes:
        try:
            return self._get(tile.path, _most(tile))
        except NotFoundError:
            full = Tile(tile.level, tile.index)
            if tile == full:
                raise
            return first_part(self._get(full.path, _most(full)), tile)

    def _get(self, path: str, max_bytes: int) -> bytes:
        try:
            return self._outbound.get_bytes(f"{self._url}/{path}", max_bytes=max_bytes, headers=self._headers)
        except NotFoundError as error:
            raise NotFoundError("is not there", where=path) from error


def first_part(content: bytes, tile: Tile) -> bytes:
    """The first hashes or entries of a full tile or bundle, as many as the tile asks for.

    Raises:
        InvalidInputError: it holds fewer.
    """
    if not tile.is_bundle:
        return content[: tile.width * HASH_BYTES]
    at = 0
    for _ in range(tile.width):
        at += 2 + int.from_bytes(content[at : at + 2], "big")
    if at > len(content):
        raise InvalidInputError(f"holds fewer than {tile.width} entries", where=Tile(-1, tile.index).path)
    return content[:at]


def _most(tile: Tile) -> int:
    return MAX_BUNDLE_BYTES if tile.is_bundle else WIDTH * HASH_BYTES


def _text(raw: bytes, where: str) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise InvalidInputError("not UTF-8", where=where) from error

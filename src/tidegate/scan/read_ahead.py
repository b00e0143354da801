# SPDX-License-Identifier: Apache-2.0
"""A layer's stream in chunks: in turn with who reads them, or inflated ahead by a thread of its own.

Inflating, hashing and searching all let go of the interpreter's lock, so one layer keeps two cores busy. Chunks, and
what goes wrong between them, arrive in the order of the stream either way: what is found does not depend on the choice.
"""

from queue import SimpleQueue
from threading import Thread
from types import TracebackType
from typing import Final, Self

from tidegate.bounds import MIB
from tidegate.scan.inflate import LayerStream

CHUNK_BYTES: Final = MIB
AHEAD_CHUNKS: Final = 4
"""Buffers of one layer that is read ahead."""

_NOTHING: Final = memoryview(b"")


class InTurn:
    """Chunks read when they are asked for; see `tidegate.scan.tar.Chunks`."""

    def __init__(self, stream: LayerStream, chunk_bytes: int = CHUNK_BYTES) -> None:
        self.where = stream.where
        self._stream = stream
        self._buffer = memoryview(bytearray(chunk_bytes))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def next_chunk(self) -> memoryview:
        """The next chunk, empty at the end; the one before becomes invalid.

        Raises:
            BoundExceededError: as `LayerStream.fill`.
            InvalidInputError: likewise.
        """
        chunk = self._buffer[: self._stream.fill(self._buffer)]
        self._stream.note(chunk)
        return chunk

    def close(self) -> None:
        """Nothing is held."""


class ReadAhead:
    """The same chunks, inflated by a thread of its own, no more than `AHEAD_CHUNKS` before they are asked for.

    Args:
        stream: belongs to the thread until `close`.
        notes_ahead: that thread hashes the tar stream, too; else who asks for the chunks does.
        chunk_bytes: a multiple of 512.
    """

    def __init__(self, stream: LayerStream, *, notes_ahead: bool, chunk_bytes: int = CHUNK_BYTES) -> None:
        self.where = stream.where
        self._stream = stream
        self._notes_ahead = notes_ahead
        self._free: SimpleQueue[memoryview | None] = SimpleQueue()
        self._ready: SimpleQueue[tuple[memoryview, int] | BaseException] = SimpleQueue()
        self._current: memoryview | None = None
        self._is_over = False
        for _ in range(AHEAD_CHUNKS):
            self._free.put(memoryview(bytearray(chunk_bytes)))
        self._thread = Thread(target=self._read, name=f"inflate {self.where}", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def next_chunk(self) -> memoryview:
        """The next chunk, empty at the end; the one before becomes invalid.

        Raises:
            BoundExceededError: as `LayerStream.fill`.
            InvalidInputError: likewise.
        """
        if self._is_over:
            return _NOTHING
        if self._current is not None:
            self._free.put(self._current)
        item = self._ready.get()
        if isinstance(item, BaseException):
            self._is_over = True
            raise item
        self._current, size = item
        chunk = self._current[:size]
        self._is_over = not size
        if not self._notes_ahead:
            self._stream.note(chunk)
        return chunk

    def close(self) -> None:
        """Ends the thread; the stream stays where it is."""
        self._is_over = True
        self._free.put(None)
        self._thread.join()

    def _read(self) -> None:
        try:
            while not self._is_over and (buffer := self._free.get()) is not None:
                size = self._stream.fill(buffer)
                if self._notes_ahead:
                    self._stream.note(buffer[:size])
                self._ready.put((buffer, size))
                if not size:
                    return
        except BaseException as error:  # noqa: BLE001 - it is raised again where the chunk is asked for
            self._ready.put(error)

# SPDX-License-Identifier: Apache-2.0
"""An object read as a file: range by range, so that a slow reader holds no connection and memory follows no size."""

import io
from typing import BinaryIO, Final

import obstore

from tidegate.bounds import MIB
from tidegate.storage.object_access import Objects, asking

RANGE_BYTES: Final = 4 * MIB
"""Fetched at once, and held in memory for one reader."""


def open_object(objects: Objects, key: str) -> BinaryIO:
    """Opens an object for reading, from any place in it; the caller closes it.

    Raises:
        NotFoundError: there is none.
        OutsideError: the store failed; so may any read.
    """
    with asking(may_be_missing=True):
        size = obstore.head(objects, key)["size"]
    return io.BufferedReader(_Ranges(objects, key, size), RANGE_BYTES)


class _Ranges(io.RawIOBase):
    def __init__(self, objects: Objects, key: str, size: int) -> None:
        self._objects = objects
        self._key = key
        self._size = size
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, start + offset)
        return self._at

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override] # what a BufferedReader hands in
        length = min(len(buffer), self._size - self._at, RANGE_BYTES)
        if length <= 0:
            return 0
        with asking(may_be_missing=True):
            found = obstore.get_range(self._objects, self._key, start=self._at, length=length)
        buffer[: len(found)] = memoryview(found)
        self._at += len(found)
        return len(found)

# SPDX-License-Identifier: Apache-2.0
"""Tells whether a zstd stream (RFC 8878) ended at the end of a frame: the decoder itself says nothing of a cut one."""

from typing import Final

_MAGIC: Final = 0xFD2FB528
_SKIPPABLE: Final = 0x184D2A50
_RLE_BLOCK: Final = 1
_DICTIONARY_ID_BYTES: Final = (0, 1, 2, 4)
_CONTENT_SIZE_BYTES: Final = (0, 2, 4, 8)


class FrameFollower:
    """Follows frames and blocks by their headers, in O(blocks), without decoding them."""

    def __init__(self) -> None:
        self._head = b""
        self._skip = 0
        self._state = "frame"
        self._has_checksum = False

    @property
    def is_complete(self) -> bool:
        """True when what was fed so far ends with a whole frame."""
        return self._state == "frame" and not self._head and not self._skip

    def feed(self, data: bytes) -> None:
        """Takes the next bytes of the stream."""
        at = 0
        while at < len(data):
            if self._skip:
                step = min(self._skip, len(data) - at)
                self._skip -= step
                at += step
                continue
            need = self._need() - len(self._head)
            self._head += data[at : at + need]
            at += need
            if len(self._head) >= self._need():
                self._take()

    def _need(self) -> int:
        if self._state == "frame":
            return 5  # magic, and the descriptor byte that tells the header's length
        return 4 if self._state == "skippable" else 3

    def _take(self) -> None:
        head, self._head = self._head, b""
        if self._state == "frame":
            self._take_frame(head)
        elif self._state == "skippable":
            self._skip = int.from_bytes(head, "little")
            self._state = "frame"
        else:
            block = int.from_bytes(head, "little")
            self._skip = 1 if (block >> 1) & 3 == _RLE_BLOCK else block >> 3
            if block & 1:
                self._skip += 4 if self._has_checksum else 0
                self._state = "frame"

    def _take_frame(self, head: bytes) -> None:
        magic = int.from_bytes(head[:4], "little")
        if magic & ~0xF == _SKIPPABLE:
            self._state = "skippable"
            self._head = head[4:]
            return
        descriptor = head[4]
        single_segment = descriptor >> 5 & 1
        content_size = _CONTENT_SIZE_BYTES[descriptor >> 6] or single_segment
        self._has_checksum = bool(descriptor & 4)
        self._skip = (1 - single_segment) + _DICTIONARY_ID_BYTES[descriptor & 3] + content_size
        self._state = "block"

# SPDX-License-Identifier: Apache-2.0
"""A package header as rpm keeps it (RPM package format V4, "Header"): numbers in network order, whatever the machine.

Two counts, then index entries of tag, type, offset and count, then the data they point into.
"""

import struct
from enum import IntEnum
from typing import Final

from tidegate.bounds import MIB
from tidegate.errors import BoundExceededError, InvalidInputError
from tidegate.scan.catalogers.harvest import MAX_PATHS

MAX_TAGS: Final = 0xFFFF
"""Index entries of one header; rpm's own bound."""
MAX_DATA_BYTES: Final = 64 * MIB
"""Bytes of data of one header; rpm's own bound is 256 MiB."""
MAX_VALUES: Final = MAX_PATHS
"""Values of one tag; those of files are the longest."""

_COUNTS: Final = struct.Struct(">II")
_ENTRY: Final = struct.Struct(">IIII")


class Tag(IntEnum):
    """The few tags that are read (rpm's `rpmtag.h`)."""

    HEADERIMMUTABLE = 63
    DSAHEADER = 267
    RSAHEADER = 268
    SHA1HEADER = 269
    SHA256HEADER = 273
    OPENPGP = 278
    NAME = 1000
    VERSION = 1001
    RELEASE = 1002
    EPOCH = 1003
    VENDOR = 1011
    LICENSE = 1014
    PACKAGER = 1015
    ARCH = 1022
    FILESTATES = 1029
    FILEMODES = 1030
    FILEDIGESTS = 1035
    FILEFLAGS = 1037
    SOURCERPM = 1044
    FILEVERIFYFLAGS = 1045
    DIRINDEXES = 1116
    BASENAMES = 1117
    DIRNAMES = 1118
    FILEDIGESTALGO = 5011
    MODULARITYLABEL = 5096


class _Type(IntEnum):
    CHAR = 1
    INT8 = 2
    INT16 = 3
    INT32 = 4
    STRING = 6
    BIN = 7
    STRING_ARRAY = 8
    I18N_STRING = 9


_WANTED: Final = frozenset(Tag)
_STRINGS: Final = frozenset({_Type.STRING, _Type.STRING_ARRAY, _Type.I18N_STRING})
_CODES: Final = {_Type.CHAR: "B", _Type.INT8: "B", _Type.INT16: "H", _Type.INT32: "I"}


class Header:
    """One package's header, read on demand.

    Args:
        blob: the header's bytes, without the magic that package files put before it.

    Raises:
        BoundExceededError: over `MAX_TAGS` or `MAX_DATA_BYTES`.
        InvalidInputError: shorter than it says.
    """

    def __init__(self, blob: bytes) -> None:
        if len(blob) < _COUNTS.size:
            raise InvalidInputError("an rpm header without its counts")
        tags, size = _COUNTS.unpack_from(blob)
        if tags > MAX_TAGS:
            raise BoundExceededError("MAX_TAGS", MAX_TAGS, where="rpm header")
        if size > MAX_DATA_BYTES:
            raise BoundExceededError("MAX_DATA_BYTES", MAX_DATA_BYTES, where="rpm header")
        start = _COUNTS.size + tags * _ENTRY.size
        if start + size > len(blob):
            raise InvalidInputError(f"an rpm header of {start + size} bytes, of which {len(blob)} are there")
        self._data = blob[start : start + size]
        self._entries: dict[int, tuple[int, int, int]] = {}
        for tag, kind, offset, count in _ENTRY.iter_unpack(blob[_COUNTS.size : start]):
            if tag in _WANTED:
                self._entries.setdefault(tag, (kind, offset, count))

    def string(self, tag: Tag) -> str:
        """A tag's text; its first one when it has several; "" when it has none."""
        return next(iter(self._strings(tag, most=1)), "")

    def strings(self, tag: Tag) -> list[str]:
        """All texts of a tag."""
        return self._strings(tag, most=len(self._data))

    def number(self, tag: Tag) -> int:
        """A tag's first number; 0 when it has none."""
        return next(iter(self.numbers(tag)), 0)

    def numbers(self, tag: Tag) -> tuple[int, ...]:
        """All numbers of a tag.

        Raises:
            InvalidInputError: they reach over the data's end.
        """
        kind, offset, count = self._entry(tag)
        code = next((code for type_, code in _CODES.items() if type_ == kind), "")
        if not code:
            return ()
        if offset + count * struct.calcsize(code) > len(self._data):
            raise InvalidInputError(f"tag {tag.name} reaches over the end of its rpm header")
        return struct.unpack_from(f">{count}{code}", self._data, offset)

    def raw(self, tag: Tag) -> bytes:
        """A tag's bytes; b"" when it has none.

        Raises:
            InvalidInputError: they reach over the data's end.
        """
        kind, offset, count = self._entries.get(tag, (0, 0, 0))
        if kind != _Type.BIN:
            return b""
        if offset + count > len(self._data):
            raise InvalidInputError(f"tag {tag.name} reaches over the end of its rpm header")
        return self._data[offset : offset + count]

    def entry(self, tag: Tag) -> tuple[int, int, int] | None:
        """Type, offset and count of a tag, as the index has them; None when it has none."""
        return self._entries.get(tag)

    def _entry(self, tag: Tag) -> tuple[int, int, int]:
        kind, offset, count = self._entries.get(tag, (0, 0, 0))
        if count > MAX_VALUES:
            raise BoundExceededError("MAX_VALUES", MAX_VALUES, where="rpm header")
        return kind, offset, count

    def _strings(self, tag: Tag, *, most: int) -> list[str]:
        kind, offset, count = self._entry(tag)
        if kind not in _STRINGS:
            return []
        count = min(count, most)
        if offset + count > len(self._data):
            raise InvalidInputError(f"tag {tag.name} reaches over the end of its rpm header")
        if count == 1:
            end = self._data.find(b"\0", offset)
            texts = [self._data[offset : end if end >= 0 else len(self._data)]]
        else:
            texts = self._data[offset:].split(b"\0", count)[:count]
        return [text.decode(errors="replace") for text in texts]

# SPDX-License-Identifier: Apache-2.0
"""Random access into a tar file: its members are listed once, within bounds (POSIX pax, ustar, GNU long names)."""

import os
import posixpath
from collections.abc import Mapping
from typing import Final

from tidegate.bounds import MIB, printable
from tidegate.errors import BoundExceededError, InvalidInputError, OutsideError
from tidegate.values import Struct

MAX_MEMBERS: Final = 100_000
MAX_NAME_CHARS: Final = 4096
MAX_EXTENSION_BYTES: Final = MIB
MAX_MEMBER_LINKS: Final = 16
_BLOCK: Final = 512
_FILES: Final = b"0\0" + b"7"
_PAX: Final = b"x"
_PAX_GLOBAL: Final = b"g"
_LONG_NAME: Final = b"L"
_LONG_LINK: Final = b"K"
_SYMBOLIC: Final = b"2"
_HARD: Final = b"1"


class Member(Struct, frozen=True, kw_only=True):
    """A file in a tar: where its bytes begin and how many they are; `target` of a link, as a path from the top."""

    offset: int
    size: int
    target: str = ""


class TarIndex:
    """The files of an uncompressed tar that lies in a seekable file. Reading is safe from several threads.

    Args:
        fd: the open file; the caller keeps it open and closes it.
        where: its name in errors.
        partial: only the beginning of a tar is there; what it names is listed, and its end is no error.

    Raises:
        BoundExceededError: too many members, or names or extension headers too long.
        InvalidInputError: it is no tar, or ends early.
        OutsideError: the disk failed.
    """

    def __init__(self, fd: int, *, where: str, partial: bool = False) -> None:
        self.where = where
        self._fd = fd
        self._partial = partial
        self._size = os.fstat(fd).st_size
        self._members: dict[str, Member] = {}
        self._list()

    @property
    def names(self) -> Mapping[str, Member]:
        """Every file and link by its path: no `./`, no leading slash."""
        return self._members

    def find(self, name: str) -> Member | None:
        """The file of that name, through links; None when there is none.

        Raises:
            InvalidInputError: links run in circles.
        """
        current = clean(name)
        for _ in range(MAX_MEMBER_LINKS):
            member = self._members.get(current)
            if member is None or not member.target:
                return member
            current = member.target
        raise InvalidInputError(f"member {printable(name[:200])!r} is a loop of links", where=self.where)

    def open(self, member: Member) -> "Section":
        """A reader over one member."""
        return Section(self._fd, member.offset, member.size, where=self.where)

    def _list(self) -> None:
        offset = 0
        extra: dict[str, str] = {}
        for count in range(1 << 62):
            header = self._read(offset, _BLOCK)
            if not header.strip(b"\0") or (self._partial and len(header) < _BLOCK):
                if not count:
                    raise InvalidInputError("is no tar archive: it is empty", where=self.where)
                return
            if count >= MAX_MEMBERS:
                raise BoundExceededError("max_members", MAX_MEMBERS, where=self.where)
            kind, size = self._check(header)
            size = _whole(extra["size"], self.where) if "size" in extra else size
            body, offset = offset + _BLOCK, offset + _BLOCK + -(-size // _BLOCK) * _BLOCK
            if body + size > self._size and not self._partial:
                raise InvalidInputError("the archive ends in the middle of a member", where=self.where)
            if kind in {_PAX, _PAX_GLOBAL, _LONG_NAME, _LONG_LINK}:
                extra |= self._extension(kind, body, size)
                continue
            self._enter(header, kind, Member(offset=body, size=size), extra)
            extra = {}

    def _enter(self, header: bytes, kind: bytes, member: Member, extra: Mapping[str, str]) -> None:
        name = clean(extra.get("path") or _name(header))
        if len(name) > MAX_NAME_CHARS:
            raise BoundExceededError("max_name_chars", MAX_NAME_CHARS, where=self.where)
        if kind in {_SYMBOLIC, _HARD}:
            link = extra.get("linkpath") or _text(header[157:257])
            target = link if kind == _HARD else posixpath.join(posixpath.dirname(name), link)
            self._members[name] = Member(offset=0, size=0, target=clean(target) or "/")
        elif kind in _FILES:
            self._members[name] = member

    def _extension(self, kind: bytes, offset: int, size: int) -> dict[str, str]:
        if size > MAX_EXTENSION_BYTES:
            raise BoundExceededError("max_extension_bytes", MAX_EXTENSION_BYTES, where=self.where)
        raw = self._read(offset, size)
        if kind == _LONG_NAME:
            return {"path": _text(raw)}
        if kind == _LONG_LINK:
            return {"linkpath": _text(raw)}
        return _pax_records(raw, self.where) if kind == _PAX else {}

    def _check(self, header: bytes) -> tuple[bytes, int]:
        if len(header) < _BLOCK:
            raise InvalidInputError("the archive ends in the middle of a header", where=self.where)
        stated = _number(header[148:156])
        if stated != sum(header) - sum(header[148:156]) + 8 * 32:
            raise InvalidInputError("is no tar archive: a header's checksum is wrong", where=self.where)
        size = _number(header[124:136])
        if size is None or size < 0:
            raise InvalidInputError("a member's size is no number", where=self.where)
        return header[156:157], size

    def _read(self, offset: int, size: int) -> bytes:
        try:
            return os.pread(self._fd, size, offset)
        except OSError as error:
            raise OutsideError(f"cannot be read: {error.strerror or error}", where=self.where) from error


class Section:
    """A part of a file, read with a position of its own."""

    def __init__(self, fd: int, offset: int, size: int, *, where: str) -> None:
        self._fd = fd
        self._at = offset
        self._end = offset + size
        self._where = where

    def read(self, size: int = -1, /) -> bytes:
        """Returns at most `size` bytes, b"" at the end of the part.

        Raises:
            InvalidInputError: the file became shorter.
            OutsideError: the disk failed.
        """
        left = self._end - self._at
        wanted = left if size < 0 else min(size, left)
        if not wanted:
            return b""
        try:
            data = os.pread(self._fd, wanted, self._at)
        except OSError as error:
            raise OutsideError(f"cannot be read: {error.strerror or error}", where=self._where) from error
        if not data:
            raise InvalidInputError("the archive became shorter while it was read", where=self._where)
        self._at += len(data)
        return data


def clean(name: str) -> str:
    """A member's path from the top: `..` never leads above it."""
    return posixpath.normpath("/" + name).lstrip("/")


def _name(header: bytes) -> str:
    prefix = _text(header[345:500]) if header[257:263] == b"ustar\0" else ""
    name = _text(header[:100])
    return f"{prefix}/{name}" if prefix else name


def _text(field: bytes) -> str:
    return field.partition(b"\0")[0].decode("utf-8", "surrogateescape")


def _number(field: bytes) -> int | None:
    """A number of a header: octal, or GNU's base 256; None when it is neither."""
    if field[:1] in {b"\x80", b"\xff"}:
        return int.from_bytes(field[1:], "big", signed=field[:1] == b"\xff")
    digits = field.strip(b" \0")
    try:
        return int(digits, 8) if digits else 0
    except ValueError:
        return None


def _whole(text: str, where: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 19):  # noqa: PLR2004 - below 2**63
        raise InvalidInputError("a member's size is no number", where=where)
    return int(text)


def _pax_records(raw: bytes, where: str) -> dict[str, str]:
    """The records of a pax header that matter here: `path`, `linkpath`, `size`."""
    found: dict[str, str] = {}
    at = 0
    while at < len(raw):
        space = raw.find(b" ", at, at + 20)
        digits = raw[at:space] if space > 0 else b""
        length = int(digits) if digits.isdigit() else 0
        record = raw[at : at + length]
        if length < len(digits) + 3 or not record.endswith(b"\n"):
            raise InvalidInputError("a pax header is broken", where=where)
        key, equals, value = record[len(digits) + 1 : -1].partition(b"=")
        if equals and key in {b"path", b"linkpath", b"size"}:
            found[key.decode()] = value.decode("utf-8", "surrogateescape")
        at += length
    return found

# SPDX-License-Identifier: Apache-2.0
"""One entry of a layer, and the walk that yields entries: what tar streams and folders have in common."""

from collections.abc import Callable, Iterator
from enum import IntEnum
from typing import Final, NamedTuple, Protocol

from tidegate.bounds import printable
from tidegate.errors import BoundExceededError, InvalidInputError
from tidegate.scan.limits import ScanLimits

SNIFFED_BYTES: Final = 1024
"""A file with a NUL among its first bytes of this number is binary."""

_FIRST_ESCAPE: Final = 0x10FF00


class EntryKind(IntEnum):
    """What an entry makes on disk."""

    FILE = 0
    FOLDER = 1
    SYMBOLIC_LINK = 2
    HARD_LINK = 3
    OTHER = 4


class Entry(NamedTuple):
    """One entry.

    Attributes:
        name: normalised path in bytes: no leading or trailing slash, no `.` parts; b"" is the root itself.
        mode: permission bits.
        size: content bytes of a file (expanded, when sparse); 0 for everything else.
        link: target of a link: as written for a symbolic one, normalised like a name for a hard one.
    """

    name: bytes
    kind: EntryKind
    mode: int
    size: int
    link: bytes


class Walk(Protocol):
    """Yields entries; content is taken between two of them, or passed over.

    Attributes:
        before_refill: called before anything that `view` gave becomes invalid.
        holes: of the file yielded last, bytes that are not stored because it is sparse.
    """

    before_refill: Callable[[], None]
    holes: int

    def __iter__(self) -> Iterator[Entry]:
        """Yields entries in the order of the archive, of names for a folder."""
        ...

    def read(self, limit: int | None = None) -> bytes:
        """The content of the file yielded last, its first `limit` bytes when one is given; once."""
        ...

    def peek(self, count: int) -> bytes | memoryview:
        """The first bytes of the file yielded last, before it is read; at most 512 of them."""
        ...

    def pieces(self) -> Iterator[bytes | memoryview]:
        """The content of the file yielded last in pieces, each valid until the next is taken; once."""
        ...

    def view(self) -> bytes | memoryview:
        """The whole content of the file yielded last, without a copy where that can be; once.

        A memoryview is valid until `before_refill` has been called.
        """
        ...


def path_text(name: bytes) -> str:
    """A path as text that every encoder takes: bytes that are no UTF-8 become U+10FF00 + byte.

    Names that hold those code points themselves have them mapped the same way, byte by byte, so that two different
    names never become one text. (PEP 383's lone surrogates would be refused by every JSON and msgpack encoder.)
    """
    if name.isascii():
        return name.decode()
    try:
        text = name.decode()
    except UnicodeDecodeError:
        return _escaped(name)
    return _escaped(name) if max(text) >= chr(_FIRST_ESCAPE) else text


def path_bytes(text: str) -> bytes:
    """The inverse of `path_text`."""
    if text.isascii():
        return text.encode()
    return b"".join(
        bytes((ord(char) - _FIRST_ESCAPE,)) if ord(char) >= _FIRST_ESCAPE else char.encode() for char in text
    )


def normalise(name: bytes, limits: ScanLimits, where: str) -> bytes:
    """A path as the unpacker will see it: no leading or trailing slash, no empty or `.` parts.

    Raises:
        BoundExceededError: `max_path_bytes` or `max_path_depth`.
        InvalidInputError: it has a `..` part.
    """
    parts = [part for part in name.split(b"/") if part not in {b"", b"."}]
    if b".." in parts:
        raise InvalidInputError(f"path traversal in {shown(name)}", where=where)
    if len(parts) > limits.max_path_depth:
        raise BoundExceededError("max_path_depth", limits.max_path_depth, where=where)
    name = b"/".join(parts)
    if len(name) > limits.max_path_bytes:
        raise BoundExceededError("max_path_bytes", limits.max_path_bytes, where=where)
    return name


def shown(name: bytes) -> str:
    """A path for an error message: short, quoted, without what could steer a terminal."""
    return f"'{printable(path_text(name[:200]))}'"


def _escaped(name: bytes) -> str:
    shell = name.decode("utf-8", "surrogateescape")
    return "".join(
        chr(_FIRST_ESCAPE + ord(char) - 0xDC00)
        if "\udc80" <= char <= "\udcff"
        else "".join(chr(_FIRST_ESCAPE + byte) for byte in char.encode())
        if char >= "\U0010ff00"
        else char
        for char in shell
    )

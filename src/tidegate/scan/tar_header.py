# SPDX-License-Identifier: Apache-2.0
"""The fields of a tar header (POSIX.1-2017 pax, ustar; GNU tar; v7), read strictly.

Where unpackers differ, Go's archive/tar is followed, because the runtimes that unpack layers are built on it.
"""

from typing import Final

from tidegate.errors import InvalidInputError
from tidegate.scan.entry import shown
from tidegate.values import Struct, field

BLOCK: Final = 512
_MAX_NUMBER: Final = (1 << 63) - 1
_TEXT_RECORDS: Final = frozenset({"path", "linkpath"})
_DECIDING_RECORDS: Final = frozenset({"path", "linkpath", "size"})


class Extension(Struct):
    """What extended headers say of the entry that follows them."""

    name: bytes = b""
    link: bytes = b""
    long_name: bytes = b""
    long_link: bytes = b""
    size: int | None = None
    sparse: dict[str, bytes] = field(default_factory=dict)
    regions: list[bytes] = field(default_factory=list)

    @property
    def is_sparse(self) -> bool:
        """True when pax records describe a sparse file, in any of GNU tar's three forms."""
        return bool(self.regions) or "map" in self.sparse or self.sparse.get("major") == b"1"


def number(text: bytes, where: str) -> int:
    """A number field: octal digits between spaces and NULs, or GNU's base 256.

    Raises:
        InvalidInputError: it is neither, negative, or over 2^63 - 1.
    """
    if text[0] & 0x80:
        if text[0] & 0x40:
            raise InvalidInputError("a negative number in a tar header", where=where)
        return _sized(int.from_bytes(bytes((text[0] & 0x3F,)) + text[1:], "big"), where)
    digits = text.strip(b" \0")
    if not digits:
        return 0
    if not digits.isdigit() or b"8" in digits or b"9" in digits:
        raise InvalidInputError(f"not an octal number in a tar header: {shown(digits[:16])}", where=where)
    return int(digits, 8)


def old_prefix(prefix: bytes) -> bool:
    """True when a GNU header holds a ustar prefix where its times should be, as Go wrote before 1.8 and still reads."""
    text = prefix.partition(b"\0")[0]
    try:
        number(prefix[:12], "")
        number(prefix[12:24], "")
    except InvalidInputError:
        return text.isascii()
    return False


def is_sound(block: bytes, where: str) -> bool:
    """Compares a header's checksum, as the sum of unsigned or (as old writers did) signed bytes."""
    try:
        stated = number(block[148:156], where)
    except InvalidInputError:
        return False
    rest = block[:148] + block[156:]
    unsigned = sum(rest) + 8 * 0x20
    return stated in {unsigned, unsigned - 256 * sum(byte > 0x7F for byte in rest)}  # noqa: PLR2004 - sign bit


def read_pax(data: bytes, extension: Extension, where: str) -> None:
    """Takes the records of a pax header (`length key=value` and a newline) into an extension.

    Raises:
        InvalidInputError: a record is malformed, or a name holds a NUL.
    """
    for key, value in _records(data, where):
        if key in _TEXT_RECORDS and b"\0" in value:
            raise InvalidInputError(f"a NUL in the {key} {shown(value)}", where=where)
        if key == "path":
            extension.name = value
        elif key == "linkpath":
            extension.link = value
        elif key == "size":
            extension.size = decimal(value, where) if value else None
        elif key in {"GNU.sparse.offset", "GNU.sparse.numbytes"}:
            extension.regions.append(value)
        elif key.startswith("GNU.sparse."):
            extension.sparse[key[11:]] = value


def refuse_deciding_globals(data: bytes, where: str) -> None:
    """A global pax header may not rename or resize what follows: unpackers disagree on whether it applies.

    Raises:
        InvalidInputError: it does.
    """
    for key, _ in _records(data, where):
        if key in _DECIDING_RECORDS or key.startswith("GNU.sparse."):
            raise InvalidInputError(f"a global pax header sets {key}, on which unpackers disagree", where=where)


def decimal(value: bytes, where: str) -> int:
    """A decimal number of a pax record.

    Raises:
        InvalidInputError: it is none, or over 2^63 - 1.
    """
    if not value.isdigit() or len(value) > 19:  # noqa: PLR2004 - 2^63 has 19 digits
        raise InvalidInputError(f"not a decimal number: {shown(value[:24])}", where=where)
    return _sized(int(value), where)


def _sized(value: int, where: str) -> int:
    if value > _MAX_NUMBER:
        raise InvalidInputError(f"a number over {_MAX_NUMBER} in a tar header", where=where)
    return value


def _records(data: bytes, where: str) -> list[tuple[str, bytes]]:
    records = []
    at = 0
    while at < len(data):
        space = data.find(b" ", at, at + 8)
        length = data[at:space]
        end = at + int(length) if space > at and length.isdigit() else 0
        equals = data.find(b"=", space + 1, end)
        if end > len(data) or end <= space + 2 or data[end - 1] != 0x0A or equals < 0:  # noqa: PLR2004 - newline
            raise InvalidInputError("a pax record is malformed", where=where)
        records.append((data[space + 1 : equals].decode("utf-8", "replace"), data[equals + 1 : end - 1]))
        at = end
    return records

# SPDX-License-Identifier: Apache-2.0
"""What a version order is: versions to byte keys whose byte order is the ecosystem's own order.

A key is compared with `<` on bytes, in Python or in any database. Equal versions have equal keys, and nothing fits
between a key and `successor(key)`, because no byte string does. Numbers of any length are written as their length
followed by their digits, so that the longer of two numbers without leading zeros is the greater.
"""

from typing import Final, Protocol

from tidegate.errors import InvalidInputError
from tidegate.inventory import Version

MAX_VERSION_CHARACTERS: Final = 1024
"""A longer version is an error: the longest real ones have some 150 characters."""

LOWEST: Final = b""
"""Below every key: the lower end of a range that begins with the first version ever."""

OPEN_END: Final = b"\xff"
"""Above every key: the upper end of a range without a fix. No key starts with this byte."""

_LONG_NUMBER: Final = 0xF0


class InvalidVersionError(InvalidInputError):
    """A version its ecosystem's order has no place for."""

    def __init__(self, order: str, version: str, why: str) -> None:
        super().__init__(f"not a version in the order {order}: {why}", where=repr(version[:60]))
        self.order = order
        self.version = version


class VersionOrder(Protocol):
    """The order of versions in one family of ecosystems.

    Attributes:
        name: as documents and databases name it; stays the same for ever, for stored keys belong to it.
    """

    @property
    def name(self) -> str:
        """Such as `deb`."""
        ...

    def key(self, version: Version) -> bytes:
        """Turns a version into bytes whose order is the ecosystem's own; equal versions have equal keys.

        Raises:
            InvalidVersionError: the version has no place in this order, or is over `MAX_VERSION_CHARACTERS`.
        """
        ...


def successor(key: bytes) -> bytes:
    """Makes the least byte string above a key: from the key to below its successor lies that one version alone."""
    return key + b"\x00"


def number(digits: str) -> bytes:
    """Writes a decimal number of any length so that byte order is numeric order; "" is zero.

    The result never starts with 0xFF, and no result is a prefix of another.
    """
    digits = digits.lstrip("0")
    length = len(digits)
    if length < _LONG_NUMBER:
        return bytes((length,)) + digits.encode("ascii")
    return bytes((_LONG_NUMBER + (length >> 8), length & 0xFF)) + digits.encode("ascii")


def checked(order: str, version: str) -> str:
    """Returns the version without surrounding white space, if it is of a sensible form.

    Raises:
        InvalidVersionError: it is empty, too long, or holds control characters.
    """
    text = version.strip()
    if not text:
        raise InvalidVersionError(order, version, "it is empty")
    if len(text) > MAX_VERSION_CHARACTERS:
        raise InvalidVersionError(order, version, f"longer than MAX_VERSION_CHARACTERS = {MAX_VERSION_CHARACTERS}")
    if not text.isprintable():
        raise InvalidVersionError(order, version, "it holds control characters")
    return text

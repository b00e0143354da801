# SPDX-License-Identifier: Apache-2.0
"""Digests as package databases write them, packed end to end as `Ownership` keeps them."""

from base64 import b64decode, urlsafe_b64decode
from binascii import Error
from collections.abc import Iterable
from typing import Final

from tidegate.scan.entry import path_text

DIGEST_BYTES: Final = {"md5": 16, "sha1": 20, "sha256": 32, "sha384": 48, "sha512": 64}
"""Length of a digest by its algorithm."""


def packed_hex(sums: Iterable[str], algorithm: str) -> bytes:
    """Digests in hex, end to end; zeros for whatever is none of that algorithm.

    Args:
        sums: one for each path, "" where none is stated.
        algorithm: a key of `DIGEST_BYTES`.
    """
    digits = 2 * DIGEST_BYTES[algorithm]
    none = "0" * digits
    padded = [text if len(text) == digits else none for text in sums]
    try:
        packed = bytes.fromhex("".join(padded))
    except ValueError:
        packed = b""
    if 2 * len(packed) == digits * len(padded):  # spaces between digits would be passed over
        return packed
    return b"".join([_of_hex(text, digits // 2) for text in padded])


def of_base64(text: str, algorithm: str, *, is_for_urls: bool = False) -> bytes:
    """One digest in base64, padded or not; zeros when it is none of that algorithm.

    Args:
        text: at most a few dozen characters.
        algorithm: a key of `DIGEST_BYTES`.
        is_for_urls: written in the alphabet of RFC 4648, section 5.
    """
    size = DIGEST_BYTES[algorithm]
    if len(text.rstrip("=")) != (size * 8 + 5) // 6:
        return bytes(size)
    decode = urlsafe_b64decode if is_for_urls else b64decode
    try:
        raw = decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4))
    except (Error, ValueError):
        return bytes(size)
    return raw if len(raw) == size else bytes(size)


def text_lines(content: bytes) -> list[str]:
    r"""Lines of a file of paths, without their ends; paths as `tidegate.scan.entry.path_text` writes them.

    The caller bounds how many there are (`content.count(b"\\n")`) before it asks for all at once.
    """
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return [path_text(line) for line in content.split(b"\n")]
    lines = text.split("\n")
    return lines if text.isascii() else [path_text(line.encode()) for line in lines]


def _of_hex(text: str, size: int) -> bytes:
    try:
        raw = bytes.fromhex(text)
    except ValueError:
        return bytes(size)
    return raw if len(raw) == size else bytes(size)

# SPDX-License-Identifier: Apache-2.0
"""Checksums that tokens carry, so that a made-up one is told from a real one without asking anybody.

GitHub's and npm's classic tokens end in six base62 characters of the CRC-32 of what stands before them and after the
prefix (GitHub, "Behind GitHub's new authentication token formats", 2021).
"""

import zlib
from typing import Final

_DIGITS: Final = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_SUM_CHARS: Final = 6
_CLASSIC_CHARS: Final = 40
_PREFIX_CHARS: Final = 4


def checks_github(secret: bytes) -> bool:
    """True for a classic GitHub token whose checksum is right, and for the longer forms, which promise none."""
    return len(secret) != _CLASSIC_CHARS or _is_right(secret)


def checks_npm(secret: bytes) -> bool:
    """True for an npm token whose checksum is right."""
    return _is_right(secret)


def checksum_of(body: bytes) -> bytes:
    """Six base62 digits of the CRC-32 of a token's random part."""
    number = zlib.crc32(body)
    digits = bytearray()
    for _ in range(_SUM_CHARS):
        number, digit = divmod(number, len(_DIGITS))
        digits.append(_DIGITS[digit])
    return bytes(reversed(digits))


def _is_right(secret: bytes) -> bool:
    body, stated = secret[_PREFIX_CHARS:-_SUM_CHARS], secret[-_SUM_CHARS:]
    return checksum_of(body) == stated

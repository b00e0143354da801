# SPDX-License-Identifier: Apache-2.0
"""Checksums as lock files write them, in the one form the inventory keeps: `sha512:<hex>`."""

import binascii
import string
from typing import Final

_HEX_DIGITS: Final = frozenset(string.hexdigits)
_SIZES: Final = {"md5": 32, "sha1": 40, "sha256": 64, "sha384": 96, "sha512": 128}
"""Algorithm → hexadecimal digits."""
_BY_SIZE: Final = {size: name for name, size in _SIZES.items()}
MAX_INTEGRITY_CHARS: Final = 1024


def integrity(text: str) -> tuple[str, ...]:
    """Subresource integrity (W3C SRI): `sha512-<base64>`, several of them apart by white space; options are dropped."""
    found = (_of_base64(*part.partition("-")[::2]) for part in text[:MAX_INTEGRITY_CHARS].split())
    return tuple(filter(None, found))


def hexadecimal(digits: str, algorithm: str = "") -> tuple[str, ...]:
    """Hexadecimal digits; the algorithm is told by their number where it is not written. Empty when they are none."""
    digits = digits.strip().lower()
    algorithm = algorithm.lower().replace("-", "") or _BY_SIZE.get(len(digits), "")
    if _SIZES.get(algorithm) != len(digits) or not _HEX_DIGITS.issuperset(digits):
        return ()
    return (f"{algorithm}:{digits}",)


def prefixed(text: str) -> tuple[str, ...]:
    """`sha256:<hex>` as Python's lock files write it."""
    algorithm, colon, digits = text.partition(":")
    return hexadecimal(digits, algorithm) if colon else ()


def base64_of(algorithm: str, text: str) -> tuple[str, ...]:
    """Base64 of a named algorithm."""
    return tuple(filter(None, (_of_base64(algorithm, text),)))


def _of_base64(algorithm: str, text: str) -> str:
    algorithm = algorithm.lower()
    if algorithm not in _SIZES:
        return ""
    try:
        raw = binascii.a2b_base64(text.partition("?")[0].encode(), strict_mode=True)
    except ValueError:
        return ""
    return f"{algorithm}:{raw.hex()}" if len(raw) * 2 == _SIZES[algorithm] else ""

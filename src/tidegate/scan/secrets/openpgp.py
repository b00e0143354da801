# SPDX-License-Identifier: Apache-2.0
"""Whether an OpenPGP secret key is under a passphrase (RFC 9580, sections 4.2, 5.5.2 and 5.5.3)."""

import struct
from typing import Final

_SECRET_KEY_TAGS: Final = frozenset({5, 7})
_VERSION: Final = 4
_OLD_FORMAT_SIZES: Final = (2, 3, 5, 1)
_NEW_FORMAT_TWO: Final = 192
_NEW_FORMAT_PARTIAL: Final = 224
_NEW_FORMAT_FIVE: Final = 255
_FIXED_BYTES: Final = 6
"""Version, time of creation, algorithm."""
_PUBLIC_NUMBERS: Final = {1: 2, 2: 2, 3: 2, 16: 3, 17: 4}
"""Public numbers of RSA, ElGamal and DSA keys, by algorithm."""
_CURVES: Final = frozenset({18, 19, 22})
_ECDH: Final = 18


def is_guarded(packets: bytes) -> bool:
    """True when the first packet is a secret key whose numbers are encrypted; False when they are plain or unreadable.

    Args:
        packets: the armour's content, decoded; it may break off.
    """
    try:
        body = _first_body(packets)
        usage = body[_after_public_part(body)] if body[:1] == bytes([_VERSION]) else 0
    except (IndexError, struct.error):
        return False
    return usage != 0


def _first_body(packets: bytes) -> bytes:
    tag_byte = packets[0]
    if tag_byte & 0x40:
        tag, first = tag_byte & 0x3F, packets[1]
        is_long = _NEW_FORMAT_TWO <= first < _NEW_FORMAT_PARTIAL
        start = 6 if first == _NEW_FORMAT_FIVE else 3 if is_long else 2
    else:
        tag, start = tag_byte >> 2 & 0x0F, _OLD_FORMAT_SIZES[tag_byte & 3]
    return packets[start:] if tag in _SECRET_KEY_TAGS else b""


def _after_public_part(body: bytes) -> int:
    algorithm, place = body[_FIXED_BYTES - 1], _FIXED_BYTES
    if algorithm in _CURVES:
        place = _after_number(body, place + 1 + body[place])  # the curve's name, its length before it
        return place + 1 + body[place] if algorithm == _ECDH else place
    for _ in range(_PUBLIC_NUMBERS[algorithm] if algorithm in _PUBLIC_NUMBERS else len(body)):
        place = _after_number(body, place)
    return place


def _after_number(body: bytes, place: int) -> int:
    (bits,) = struct.unpack_from(">H", body, place)
    return int(place + 2 + (bits + 7) // 8)

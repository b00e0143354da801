# SPDX-License-Identifier: Apache-2.0
"""The second look at a PuTTY key: it holds private lines, and says itself whether a passphrase guards them."""

import re
from typing import Final

from tidegate.bounds import KIB
from tidegate.scan.secrets.private_key import ENCRYPTED
from tidegate.scan.secrets.rule import Buffer, Rule, Sighting

_MAX_KEY_BYTES: Final = 32 * KIB
_CIPHER: Final = re.compile(rb"\nEncryption: ([0-9a-z-]{1,30})\r?\n")
_PRIVATE: Final = re.compile(rb"\nPrivate-Lines: ([0-9]{1,3})\r?\n((?:[0-9A-Za-z+/=]{8,76}\r?\n){1,200})")


def confirm_putty(rule: Rule, content: Buffer, start: int) -> Sighting | None:
    """Says whether a PuTTY header is followed by a key, and whether it is encrypted."""
    block = bytes(content[start : start + _MAX_KEY_BYTES])
    cipher, private = _CIPHER.search(block), _PRIVATE.search(block)
    if cipher is None or private is None:
        return None
    kind = rule.id if cipher[1] == b"none" else ENCRYPTED
    return Sighting(rule=kind, start=start, secret=block[: private.end()], shown="PuTTY private key")

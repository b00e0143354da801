# SPDX-License-Identifier: Apache-2.0
"""Key stores, by their first bytes: Java's (JKS, JCEKS), PKCS #12 (RFC 7292), and plain PKCS #8 or PKCS #1 in DER.

A store of trusted certificates is none of it: in a Java store an entry of tag 1 is a key, in PKCS #12 a bag of kind 1
or 2. What lies in an encrypted part of a PKCS #12 file cannot be seen; keys do not lie there, certificates do.
"""

import struct
from typing import Final

from tidegate.scan.secrets.private_key import ENCRYPTED
from tidegate.scan.secrets.rule import Buffer, Sighting

KEY_STORE: Final = "key-store"
"""A file of private keys under a password."""
PLAIN_KEY: Final = "private-key"

_JAVA: Final = (b"\xfe\xed\xfe\xed", b"\xce\xce\xce\xce")
_JAVA_VERSIONS: Final = frozenset({1, 2})
_KEY_ENTRY: Final = 1
_CERTIFICATE_ENTRY: Final = 2
_SEQUENCE: Final = 0x30
_PFX_VERSION: Final = b"\x02\x01\x03"
_PKCS7: Final = bytes.fromhex("06092a864886f70d0107")
_KEY_BAG: Final = bytes.fromhex("060b2a864886f70d010c0a0101")
_GUARDED_BAG: Final = bytes.fromhex("060b2a864886f70d010c0a0102")
_ZERO: Final = b"\x02\x01\x00"
_ALGORITHMS: Final = (
    bytes.fromhex("06092a864886f70d010101"),  # RSA
    bytes.fromhex("06072a8648ce3d0201"),  # elliptic curves
    bytes.fromhex("06032b6570"),  # Ed25519
)
_PBES2: Final = bytes.fromhex("06092a864886f70d01050d")
_HEAD_BYTES: Final = 64
_MIN_KEY_BYTES: Final = 40
_MAX_ENTRIES: Final = 1_000
_LONG_FORM: Final = 0x80


def key_store(content: Buffer) -> Sighting | None:
    """The key a file is, when it is one in binary form."""
    head = bytes(content[:_HEAD_BYTES])
    if head[:4] in _JAVA:
        return _java(bytes(content))
    if head[:1] != bytes([_SEQUENCE]):
        return None
    start = _content_start(head)
    body = head[start:]
    if body.startswith(_PFX_VERSION) and _PKCS7 in body:
        return _pkcs12(bytes(content))
    if body.startswith(_ZERO) and any(kind in body[:32] for kind in _ALGORITHMS) and len(content) >= _MIN_KEY_BYTES:
        return _told(PLAIN_KEY, bytes(content), "PKCS #8 private key")
    if _PBES2 in body[:20]:
        return _told(ENCRYPTED, bytes(content), "PKCS #8 private key")
    return None


def _content_start(head: bytes) -> int:
    size = head[1] if len(head) > 1 else 0
    return 2 + (size & ~_LONG_FORM if size & _LONG_FORM else 0)


def _pkcs12(content: bytes) -> Sighting | None:
    if _GUARDED_BAG in content:
        return _told(KEY_STORE, content, "PKCS #12 key store")
    return _told(PLAIN_KEY, content, "PKCS #12 private key") if _KEY_BAG in content else None


def _java(content: bytes) -> Sighting | None:
    try:
        version, count = struct.unpack_from(">II", content, 4)
        if version not in _JAVA_VERSIONS:
            return None
        place = 12
        for _ in range(min(count, _MAX_ENTRIES)):
            tag, size = struct.unpack_from(">IH", content, place)
            if tag != _CERTIFICATE_ENTRY:
                return _told(KEY_STORE, content, "Java key store") if tag == _KEY_ENTRY else None
            place = _after_certificate(content, place + 6 + size + 8, version)
    except struct.error:
        return None
    return None


def _after_certificate(content: bytes, place: int, version: int) -> int:
    if version > 1:
        (size,) = struct.unpack_from(">H", content, place)
        place += 2 + size
    (length,) = struct.unpack_from(">I", content, place)
    return int(place + 4 + length)


def _told(rule: str, content: bytes, shown: str) -> Sighting:
    return Sighting(rule=rule, start=0, secret=content, shown=shown)

# SPDX-License-Identifier: Apache-2.0
"""The second look at a private key: RFC 7468 (PKCS#8), the older PEM forms of OpenSSL, OpenSSH's and OpenPGP's armour.

A header alone is no key: programs and manuals are full of them. The body must decode to what such a key begins with.
A key under a passphrase is told apart, as `encrypted-private-key`.
"""

import binascii
import re
from typing import Final

from tidegate.bounds import KIB
from tidegate.scan.secrets.openpgp import is_guarded
from tidegate.scan.secrets.rule import Buffer, Rule, Sighting

MAX_KEY_BYTES: Final = 32 * KIB
"""Bytes from the header on that are looked at; a longer key is taken up to there."""
ENCRYPTED: Final = "encrypted-private-key"

_MIN_BODY_CHARS: Final = 40
_HEADER: Final = re.compile(rb"-----BEGIN ([A-Z ]{0,12}?) ?PRIVATE KEY(?: BLOCK)?-----")
_FOOTER: Final = b"-----END"
_LEGACY_CIPHER: Final = b"Proc-Type: 4,ENCRYPTED"
# A "+" is base64's own unless it joins two strings of source text.
_BREAKS: Final = re.compile(rb"(?:\\+[nrt]|[\s\"',\\>|#*]|\+(?=\s{0,20}[\"']))+")
_FIELD: Final = re.compile(rb"(?:\n|\\n)[A-Za-z-]{1,40}:[^\n\\]{0,200}")
_BASE64: Final = re.compile(rb"[A-Za-z0-9+/]*={0,2}")
_DER_SEQUENCE: Final = 0x30
_OPENSSH_MAGIC: Final = b"openssh-key-v1\x00"
_PGP_PACKET: Final = 0x80
_PKCS5_PBES2: Final = bytes.fromhex("2a864886f70d01050d")


def confirm_private_key(rule: Rule, content: Buffer, start: int) -> Sighting | None:
    """Says whether a PEM header is followed by a key, and whether a passphrase guards it.

    Args:
        rule: the rule of plain keys.
        content: the whole file.
        start: where the header begins.
    """
    block = bytes(content[start : start + MAX_KEY_BYTES])
    header = _HEADER.match(block)
    if header is None:
        return None
    end = block.find(_FOOTER, header.end())
    following = block.find(b"-----BEGIN", header.end())
    body = block[header.end() : min(place for place in (end, following, len(block)) if place >= 0)]
    key = _decoded(body)
    kind = header[1].decode()
    if not _begins_like(kind, key):
        return None
    secret = block[: header.end()] + body
    is_encrypted = _is_encrypted(kind, body, key)
    label = f"{kind} private key".strip()
    return Sighting(rule=ENCRYPTED if is_encrypted else rule.id, start=start, secret=secret, shown=label)


def _decoded(body: bytes) -> bytes:
    text = _BREAKS.sub(b"", _FIELD.sub(b"", body))
    found = _BASE64.match(text)
    packed = found[0].rstrip(b"=") if found else b""
    if len(packed) < _MIN_BODY_CHARS:
        return b""
    return binascii.a2b_base64(packed[: len(packed) // 4 * 4])


def _begins_like(kind: str, key: bytes) -> bool:
    if not key:
        return False
    if kind == "OPENSSH":
        return key.startswith(_OPENSSH_MAGIC)
    if kind == "PGP":
        return bool(key[0] & _PGP_PACKET)  # RFC 9580, section 4.2: the first bit of a packet is one
    return key[0] == _DER_SEQUENCE or kind in {"RSA", "EC", "DSA"}  # encrypted in the old way it begins with anything


def _is_encrypted(kind: str, body: bytes, key: bytes) -> bool:
    if kind == "PGP":
        return is_guarded(key)
    if kind == "OPENSSH":  # PROTOCOL.key: magic, then the cipher's name with its length before it
        return not key.startswith(_OPENSSH_MAGIC + b"\x00\x00\x00\x04none")
    return kind == "ENCRYPTED" or _LEGACY_CIPHER in body or _PKCS5_PBES2 in key[:64]

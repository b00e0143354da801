# SPDX-License-Identifier: Apache-2.0
"""What of an installed package's header its maker signed: the immutable region, and the signatures rpm kept of it.

The first entry of the index, `HEADERIMMUTABLE`, points at a trailer in the data that tells how many entries, itself
included, and how many bytes of data the package was built with (RPM package format V4, "Immutable regions"). rpm adds
what it learns on installing behind them. Signatures and digests are over the package's own form of it: magic, counts,
entries, data.
"""

import struct
from base64 import b64decode
from binascii import Error
from typing import Final

from tidegate.errors import BoundExceededError, InvalidInputError
from tidegate.scan.catalogers.rpm_header import Header, Tag
from tidegate.values import Struct

MAX_SIGNATURES: Final = 4
"""Of one header: rpm keeps one of RSA and one of another kind, newer ones a list."""

_MAGIC: Final = b"\x8e\xad\xe8\x01\x00\x00\x00\x00"
_COUNTS: Final = struct.Struct(">II")
_ENTRY: Final = struct.Struct(">IIiI")
_BINARY: Final = 7
_ADDED_ON_INSTALLING: Final = frozenset(
    {Tag.FILESTATES, Tag.DSAHEADER, Tag.RSAHEADER, Tag.SHA1HEADER, Tag.SHA256HEADER, Tag.OPENPGP}
)


class SignedRegion(Struct, frozen=True, kw_only=True):
    """The immutable region of one header.

    Attributes:
        signed: the bytes that signatures and digests are over.
        signatures: OpenPGP's, binary, at most `MAX_SIGNATURES`.
        sha256: of `signed` as the database states it, in hex; "" when it does not; `sha1` likewise.
        added: names of tags that tell of the package, but stand outside of the region.
    """

    signed: bytes
    signatures: tuple[bytes, ...]
    sha256: str
    sha1: str
    added: tuple[str, ...]


def signed_region(blob: bytes) -> SignedRegion:
    """Takes the signed part out of a header as rpm's database holds it.

    Raises:
        BoundExceededError: over a bound of `Header`, or `MAX_SIGNATURES`.
        InvalidInputError: the header is broken, or has no immutable region.
    """
    whole = Header(blob)
    part = _part(blob)
    built = Header(part)
    told = [tag for tag in Tag if tag not in _ADDED_ON_INSTALLING]
    return SignedRegion(
        signed=_MAGIC + part,
        signatures=_signatures(whole),
        sha256=whole.string(Tag.SHA256HEADER),
        sha1=whole.string(Tag.SHA1HEADER),
        added=tuple(tag.name for tag in told if whole.entry(tag) != built.entry(tag)),
    )


def _part(blob: bytes) -> bytes:
    """Counts, entries and data as they were built; the blob was found to be as long as it says."""
    tags, size = _COUNTS.unpack_from(blob)
    start = _COUNTS.size + tags * _ENTRY.size
    if not tags:
        raise InvalidInputError("an rpm header without an immutable region")
    tag, kind, offset, count = _ENTRY.unpack_from(blob, _COUNTS.size)
    if (tag, kind, count) != (Tag.HEADERIMMUTABLE, _BINARY, _ENTRY.size):
        raise InvalidInputError("an rpm header without an immutable region")
    if not 0 <= offset <= size - _ENTRY.size:
        raise InvalidInputError("the immutable region of an rpm header reaches over its end")
    tag, kind, back, count = _ENTRY.unpack_from(blob, start + offset)
    entries, rest = divmod(-back, _ENTRY.size)
    if (tag, kind, count, rest) != (Tag.HEADERIMMUTABLE, _BINARY, _ENTRY.size, 0) or not 1 <= entries <= tags:
        raise InvalidInputError("the immutable region of an rpm header has no end")
    length = offset + _ENTRY.size
    index = blob[_COUNTS.size : _COUNTS.size + entries * _ENTRY.size]
    return _COUNTS.pack(entries, length) + index + blob[start : start + length]


def _signatures(header: Header) -> tuple[bytes, ...]:
    found = [header.raw(Tag.RSAHEADER), header.raw(Tag.DSAHEADER)]
    texts = header.strings(Tag.OPENPGP)
    if len(texts) > MAX_SIGNATURES - sum(map(bool, found)):
        raise BoundExceededError("MAX_SIGNATURES", MAX_SIGNATURES, where="rpm header")
    for text in texts:
        try:
            found.append(b64decode(text, validate=True))
        except (Error, ValueError) as error:
            raise InvalidInputError("a signature of an rpm header that is not in base64") from error
    return tuple(dict.fromkeys(filter(None, found)))

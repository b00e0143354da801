# SPDX-License-Identifier: Apache-2.0
"""One layer to and fro, as streams: what goes in and what comes out are hashed, and nothing is held but a chunk."""

import hashlib
from collections.abc import Collection
from typing import IO, Final, cast

from tidegate.artifact import Descriptor, Digest
from tidegate.artifact import media_type as mt
from tidegate.bounds import KIB, Readable, printable
from tidegate.errors import BoundExceededError, DigestMismatchError, InvalidInputError
from tidegate.oci.archive import MAX_INFLATED_BYTES, reading_packed, unpacking
from tidegate.oci.encryption.block_cipher import Decrypting, Encrypting, LayerKey
from tidegate.oci.encryption.keys import DecryptionKey, RecipientKey
from tidegate.oci.encryption.options import LayerSecret
from tidegate.oci.encryption.wrapping import (
    secret_of,
    unencrypted_annotations,
    wrapped_annotations,
)
from tidegate.values import replace

_HEAD_BYTES: Final = 8
_CHUNK_BYTES: Final = 256 * KIB


def name_of(descriptor: Descriptor) -> str:
    """A layer's name in errors."""
    return f"layer {descriptor.digest.short}"


class OtherThanToldError(DigestMismatchError):
    """What came out of a layer is not what its maker said: changed, or packed by the maker on the way."""


class Proven:
    """A reader that knows what must come: at the end the bytes were those of a descriptor, or it raises.

    Args:
        source: the blob.
        digest: of all of it; None when nobody said.
        size: of all of it; None when nobody said.
        where: its name in errors.
        mismatch: what is raised for another digest.
    """

    def __init__(
        self,
        source: Readable,
        *,
        digest: Digest | None,
        size: int | None,
        where: str,
        mismatch: type[DigestMismatchError] = DigestMismatchError,
    ) -> None:
        self._source = source
        self._digest = digest
        self._size = size
        self._where = where
        self._mismatch = mismatch
        self._hash = hashlib.new(digest.algorithm if digest else "sha256")
        self.read_bytes = 0

    def read(self, size: int = -1, /) -> bytes:
        """At most `size` bytes, b"" at the end.

        Raises:
            DigestMismatchError: at the end, they were others.
            InvalidInputError: they are more, or at the end were fewer.
        """
        data = self._source.read(size)
        self._hash.update(data)
        self.read_bytes += len(data)
        if self._size is not None and (self.read_bytes > self._size or (not data and self.read_bytes < self._size)):
            found = "more" if self.read_bytes > self._size else str(self.read_bytes)
            raise InvalidInputError(f"has {found} bytes instead of {self._size}", where=self._where)
        if (not data or size < 0) and self._digest is not None and self.digest != self._digest:
            raise self._mismatch(self._digest, self.digest, where=self._where)
        return data

    @property
    def digest(self) -> Digest:
        """Of what was read so far."""
        return Digest(f"{self._hash.name}:{self._hash.hexdigest()}")


class LayerEncryption:
    """Encrypts one layer under a new key: read `stream` to its end, then ask for `descriptor`.

    Args:
        source: the blob as stored.
        plain: what it must be.
        recipients: who shall be able to decrypt.

    Raises:
        InvalidInputError: it is no file-system layer, or encrypted already.
    """

    def __init__(self, source: Readable, plain: Descriptor, recipients: Collection[RecipientKey]) -> None:
        where = name_of(plain)
        if mt.is_encrypted(plain.media_type):
            raise InvalidInputError("is encrypted already", where=where)
        if not mt.is_layer(plain.media_type):
            raise InvalidInputError(f"no file system layer: {printable(plain.media_type[:120])}", where=where)
        self._plain = plain
        self._recipients = recipients
        self._key = LayerKey.generate()
        proven = Proven(source, digest=plain.digest, size=plain.size, where=where)
        self.stream = Encrypting(proven, self._key)

    def descriptor(self, digest: Digest) -> Descriptor:
        """What the encrypted layer is.

        Args:
            digest: of all that `stream` gave.
        """
        secret = LayerSecret(key=self._key, digest=self._plain.digest, hmac=self.stream.hmac)
        annotations = unencrypted_annotations(self._plain.annotations)
        return replace(
            self._plain,
            media_type=self._plain.media_type + mt.ENCRYPTED,
            digest=digest,
            annotations={**annotations, **wrapped_annotations(secret, self._recipients)},
        )


class LayerDecryption:
    """Decrypts one layer: read `stream` to its end, then ask for `descriptor`.

    Args:
        source: the blob as stored.
        encrypted: what it must be.
        keys: one of them must be a recipient's.
        is_proved: the caller holds the tar stream against the image's configuration (`prove_tar`). What the maker said
            of the blob then does not matter: skopeo and podman say the digest a layer had before they packed it.

    Attributes:
        stream: the plaintext; at its end it was what its maker said, or reading raises `OtherThanToldError`.

    Raises:
        BoundExceededError, InvalidInputError: its annotations are broken or hostile.
        NotAddressedError: none of the keys can decrypt it.
    """

    def __init__(
        self,
        source: Readable,
        encrypted: Descriptor,
        keys: Collection[DecryptionKey],
        *,
        is_proved: bool = False,
    ) -> None:
        where = name_of(encrypted)
        secret = secret_of(encrypted, keys, where=where)
        self._encrypted = encrypted
        said = None if is_proved else secret.digest
        proven = Proven(source, digest=encrypted.digest, size=encrypted.size, where=where)
        plain = Decrypting(proven, secret.key, expected_hmac=secret.hmac, where=where)
        self.stream = Proven(
            plain, digest=said, size=encrypted.size, where=f"{where} decrypted", mismatch=OtherThanToldError
        )

    def descriptor(self) -> Descriptor:
        """What the layer is, decrypted."""
        return replace(
            self._encrypted,
            media_type=self._encrypted.media_type.removesuffix(mt.ENCRYPTED),
            digest=self.stream.digest,
            annotations=unencrypted_annotations(self._encrypted.annotations),
        )


def tells_tar(encrypted: Descriptor, keys: Collection[DecryptionKey], diff_id: Digest) -> bool:
    """True when a layer's maker told the digest of the tar stream: it packed the layer on the way.

    Raises:
        BoundExceededError, InvalidInputError, NotAddressedError: as `LayerDecryption`.
    """
    is_packed = mt.is_packed(encrypted.media_type.removesuffix(mt.ENCRYPTED))
    return is_packed and secret_of(encrypted, keys, where=name_of(encrypted)).digest == diff_id


def prove_tar(source: Readable, encrypted: Descriptor, keys: Collection[DecryptionKey], diff_id: Digest) -> None:
    """Reads a layer to its end, decrypts and unpacks it, and holds its tar stream against the configuration.

    Raises:
        BoundExceededError: the tar stream is over 20 GiB.
        DigestMismatchError: it is another.
        InvalidInputError: the layer is broken or tampered with.
    """
    where = f"{name_of(encrypted)} unpacked"
    work = LayerDecryption(source, encrypted, keys, is_proved=True)
    head = work.stream.read(_HEAD_BYTES)
    packed = _Rejoined(head, work.stream)
    with reading_packed(where):
        tar = Proven(unpacking(cast("IO[bytes]", packed), head), digest=diff_id, size=None, where=where)
        while tar.read(_CHUNK_BYTES):
            if tar.read_bytes > MAX_INFLATED_BYTES:
                raise BoundExceededError("MAX_INFLATED_BYTES", MAX_INFLATED_BYTES, where=where)
    while packed.read(_CHUNK_BYTES):
        pass  # what follows the compressed stream counts for the HMAC


class _Rejoined:
    """A stream whose head was read already."""

    def __init__(self, head: bytes, rest: Readable) -> None:
        self._head = head
        self._rest = rest

    def read(self, size: int = -1, /) -> bytes:
        if self._head:
            count = len(self._head) if size < 0 else size
            data, self._head = self._head[:count], self._head[count:]
            return data
        return self._rest.read(size)

    def readinto(self, target: bytearray, /) -> int:
        data = self.read(len(target))
        target[: len(data)] = data
        return len(data)

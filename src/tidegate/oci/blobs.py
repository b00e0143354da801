# SPDX-License-Identifier: Apache-2.0
"""Blobs by digest, wherever they lie, and reading small ones whole and verified."""

import hashlib
from contextlib import AbstractContextManager
from typing import Protocol

from tidegate.artifact import Descriptor, Digest
from tidegate.bounds import Readable, read_bounded
from tidegate.errors import BoundExceededError, DigestMismatchError, InvalidInputError
from tidegate.values import Struct


class Blobs(Protocol):
    """A place that holds blobs. Layout folders, archives and repositories of a registry are such places.

    Attributes:
        where: its name in errors.
    """

    where: str

    def check(self, descriptor: Descriptor) -> None:
        """Looks, as far as it costs nothing, whether the blob is there in the size its descriptor says.

        Raises:
            InvalidInputError: it is not.
        """
        ...

    def open(self, descriptor: Descriptor) -> AbstractContextManager[Readable]:
        """Streams a blob; unverified but for its size. From several threads at once.

        Raises:
            InvalidInputError: it is missing, or has another size.
            OutsideError: the disk or the registry failed.
        """
        ...

    def manifest(self, descriptor: Descriptor) -> AbstractContextManager[Readable]:
        """Streams a manifest or index, which some places keep apart; as `open`."""
        ...


class BlobLayer(Struct, frozen=True, kw_only=True):
    """A layer of an opened image (`tidegate.oci.image.Layer`) that lies in some place by its digest."""

    descriptor: Descriptor
    diff_id: Digest | None
    blobs: Blobs

    @property
    def is_local(self) -> bool:
        """True when the place is in files of this machine, and says so."""
        return bool(getattr(self.blobs, "is_local", False))

    def open(self) -> AbstractContextManager[Readable]:
        """Streams the blob as stored; the reader checks the digest."""
        return self.blobs.open(self.descriptor)


def read_whole(
    source: AbstractContextManager[Readable], descriptor: Descriptor, *, max_bytes: int, where: str
) -> bytes:
    """Reads a small blob and checks its size; its digest is the caller's to check, with `verify`.

    Raises:
        BoundExceededError: its descriptor, or the blob, says more than `max_bytes`; then nothing (more) is read.
        InvalidInputError: it has another size than its descriptor says.
    """
    if descriptor.size > max_bytes:
        raise BoundExceededError("max_bytes", max_bytes, where=where)
    with source as stream:
        raw = read_bounded(stream, max_bytes=max_bytes, what=where)
    if len(raw) != descriptor.size:
        raise InvalidInputError(f"has {len(raw)} bytes instead of {descriptor.size}", where=where)
    return raw


def verify(raw: bytes, digest: Digest, *, where: str) -> None:
    """Checks bytes against their digest.

    Raises:
        DigestMismatchError: they are others.
    """
    actual = f"{digest.algorithm}:{hashlib.new(digest.algorithm, raw).hexdigest()}"
    if actual != digest:
        raise DigestMismatchError(digest, actual, where=where)

# SPDX-License-Identifier: Apache-2.0
"""Blobs by content and the uploads they come by: what every store of them promises.

A blob appears under its digest at once and whole, or it is not there. An upload is hashed while it arrives and may be
continued by another process that uses the same store, after a kill or behind a balancer.
Stores: `tidegate.storage.folder_blobs` (one folder, also shared) and `tidegate.storage.object_blobs` (S3 and its like).
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, Protocol

from tidegate.artifact import Digest
from tidegate.bounds import GIB
from tidegate.errors import NotFoundError, UsageError

ALGORITHMS: Final = ("sha256", "sha512")


@dataclass(frozen=True, slots=True, kw_only=True)
class BlobBounds:
    """Bounds of a blob store.

    Attributes:
        max_blob_bytes: the longest blob accepted.
        max_uploads: unfinished at once, since the start or resumed.
        upload_idle_seconds: an upload nobody wrote to for so long is swept.
    """

    max_blob_bytes: int = 32 * GIB
    max_uploads: int = 10_000
    upload_idle_seconds: float = 24 * 3600.0


class UploadOffsetError(UsageError):
    """A chunk does not start where the upload stands.

    Args:
        offset: where it stands, in bytes.
    """

    def __init__(self, offset: int) -> None:
        super().__init__(f"the upload stands at byte {offset}", remedy="continue there")
        self.offset = offset


class UploadUnknownError(NotFoundError):
    """There is no such upload (any more).

    Args:
        upload: the name asked for.
    """

    def __init__(self, upload: str) -> None:
        super().__init__("no such upload", where=upload[:100], remedy="begin a new one")


class BlobReads(Protocol):
    """Blobs as those see them who read. Raises OutsideError when disk or network fail."""

    def open(self, digest: Digest) -> BinaryIO:
        """Opens a blob for reading; the caller closes it.

        Raises:
            NotFoundError: it is not here.
        """
        ...

    def size(self, digest: Digest) -> int:
        """A blob's size in bytes.

        Raises:
            NotFoundError: it is not here.
        """
        ...

    def path(self, digest: Digest) -> Path | None:
        """Where a blob lies, or would, as a file of this machine; None when it is none."""
        ...

    def link(self, digest: Digest) -> str | None:
        """A URL that hands the blob out for a short while, to whoever knows it; None when the store gives none."""
        ...


class BlobUploads(Protocol):
    """Uploads, from the first byte to a blob in its place. Raises OutsideError when disk or network fail."""

    def begin(self, *, algorithm: str = "sha256", mark: str = "") -> str:
        """Opens an upload.

        Args:
            algorithm: what to hash with on the way: `sha256` or `sha512`. Another one at the end costs a second read.
            mark: hexadecimal digits that become part of the upload's name.

        Returns:
            The upload's name.

        Raises:
            BoundExceededError: too many are unfinished.
            UsageError: no such algorithm.
        """
        ...

    def offset(self, upload: str) -> int:
        """How many bytes of an upload have arrived.

        Raises:
            UploadUnknownError: no such upload.
        """
        ...

    def append(self, upload: str, chunks: Sequence[bytes], *, at: int | None = None) -> int:
        """Takes and hashes the next bytes of an upload; they last once `flush` returned.

        Args:
            upload: its name.
            chunks: the bytes, in pieces.
            at: where they must start; None for wherever the upload stands.

        Returns:
            The offset after them.

        Raises:
            BoundExceededError: the blob would be over `max_blob_bytes`; nothing of `chunks` is kept.
            UploadUnknownError: no such upload.
            UploadOffsetError: it stands elsewhere.
        """
        ...

    def flush(self, upload: str) -> None:
        """Makes what was appended lasting, and visible to every process that uses the store.

        Raises:
            UploadUnknownError: no such upload.
            UploadOffsetError: another process has continued the upload meanwhile.
        """
        ...

    def seal(self, upload: str, digest: Digest) -> int:
        """Proves that an upload has a digest, and makes its bytes lasting; the slow part of the end.

        Returns:
            Its size in bytes.

        Raises:
            DigestMismatchError: its bytes have another digest; the upload is gone.
            UploadUnknownError: no such upload.
        """
        ...

    def place(self, upload: str, digest: Digest) -> None:
        """Puts a sealed upload in its place as a blob; the upload stays until it is released."""
        ...

    def release(self, upload: str) -> None:
        """Forgets an upload whose blob is on record; one that is not there is fine."""
        ...

    def cancel(self, upload: str) -> None:
        """Drops an upload.

        Raises:
            UploadUnknownError: no such upload.
        """
        ...

    def sweep(self, reclaim: Callable[[Digest], object] | None = None) -> int:
        """Drops uploads nobody wrote to for `upload_idle_seconds`, those of other processes included.

        Args:
            reclaim: handed the digest of a blob that was placed and never released: nothing may speak of it.

        Returns:
            How many were dropped.
        """
        ...


class BlobStore(BlobReads, BlobUploads, Protocol):
    """All that is asked of a store. Safe for all threads of a process."""

    def put(self, data: bytes) -> str:
        """Puts bytes at hand in the place of their sha256 digest; again is harmless.

        Returns:
            The upload to release when they are on record.
        """
        ...

    def delete(self, digest: Digest) -> None:
        """Removes a blob; one that is not here is fine. Readers that have it open may keep it."""
        ...

    def set_aside(self, digest: Digest) -> None:
        """Takes damaged bytes from their place and keeps them under `damaged/`; nothing there is fine."""
        ...

    def open_aside(self, digest: Digest) -> BinaryIO:
        """Opens what was set aside of a blob; the caller closes it.

        Raises:
            NotFoundError: nothing of it is there.
        """
        ...

    def drop_aside(self, digest: Digest) -> None:
        """Removes what was set aside of a blob; nothing there is fine."""
        ...

    def digests(self) -> Iterator[Digest]:
        """Every blob that lies here, in no order."""
        ...


def finish(store: BlobUploads, upload: str, digest: Digest) -> int:
    """Seals, places and releases an upload that no record speaks of; returns its size in bytes."""
    size = store.seal(upload, digest)
    store.place(upload, digest)
    store.release(upload)
    return size


def checked_algorithm(name: str) -> str:
    """The name of an algorithm that blobs may be hashed with.

    Raises:
        UsageError: no such algorithm.
    """
    if name not in ALGORITHMS:
        raise UsageError(f"no such digest algorithm: {name[:20]!r}", remedy="use sha256 or sha512")
    return name


def digest_from(hashed: "hashlib._Hash") -> Digest:
    """The digest of what was hashed so far."""
    return Digest(f"{hashed.name}:{hashed.hexdigest()}")

# SPDX-License-Identifier: Apache-2.0
"""Blobs on the local disk, by content: `blobs/sha256/ab/<hex>`; uploads spool in `uploads/` until they are whole.

A blob appears under its digest by one rename, after its bytes and its folder are on the disk: it is there whole, or it
is not there. Uploads are hashed once, while they are written; only one that outlived its process is read again.
"""

import hashlib
import os
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, BinaryIO, Final
from uuid import uuid4

from tidegate.artifact import Digest
from tidegate.bounds import GIB, MIB
from tidegate.errors import BoundExceededError, DigestMismatchError, NotFoundError, OutsideError, UsageError

if TYPE_CHECKING:
    from hashlib import _Hash

_UPLOAD: Final = re.compile(r"[0-9a-f]{32}(?:-[0-9a-f]{1,64})?")
_ALGORITHMS: Final = ("sha256", "sha512")


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


@dataclass(slots=True, kw_only=True)
class _Spool:
    hash: "_Hash"
    offset: int = 0
    touched_at: float = 0.0
    lock: Lock = field(default_factory=Lock)


class BlobStore:
    """Blobs and uploads in one folder. Safe for all threads of one process; one process per folder.

    Args:
        folder: made when missing.
        bounds: limits.

    Raises:
        OutsideError: any method, when the disk fails.
    """

    def __init__(self, folder: Path, bounds: BlobBounds | None = None) -> None:
        self._blobs = folder / "blobs"
        self._uploads = folder / "uploads"
        self._bounds = bounds or BlobBounds()
        self._spools: dict[str, _Spool] = {}
        self._spools_lock = Lock()
        for algorithm in _ALGORITHMS:
            (self._blobs / algorithm).mkdir(parents=True, exist_ok=True)
        self._uploads.mkdir(parents=True, exist_ok=True)
        for made in (*(self._blobs / name for name in _ALGORITHMS), self._blobs, folder):
            _sync_folder(made)

    # Uploads --------------------------------------------------------------------------------------------------------

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
        if algorithm not in _ALGORITHMS:
            raise UsageError(f"no such digest algorithm: {algorithm[:20]!r}", remedy="use sha256 or sha512")
        upload = f"{uuid4().hex}-{mark}" if mark else uuid4().hex
        with self._spools_lock:
            self._admit(upload, _Spool(hash=hashlib.new(algorithm), touched_at=time.monotonic()))
        with _disk():
            (self._uploads / upload).touch(exist_ok=False)
        return upload

    def offset(self, upload: str) -> int:
        """How many bytes of an upload have arrived.

        Raises:
            UploadUnknownError: no such upload.
        """
        spool = self._spool(upload)
        with spool.lock:
            return spool.offset

    def append(self, upload: str, chunks: Sequence[bytes], *, at: int | None = None) -> int:
        """Writes and hashes the next bytes of an upload.

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
        spool = self._spool(upload)
        with spool.lock, _disk():
            if at is not None and at != spool.offset:
                raise UploadOffsetError(spool.offset)
            length = sum(map(len, chunks))
            if spool.offset + length > self._bounds.max_blob_bytes:
                raise BoundExceededError("max_blob_bytes", self._bounds.max_blob_bytes, where="upload")
            self._write(upload, spool, chunks)
            spool.offset += length
            spool.touched_at = time.monotonic()
            return spool.offset

    def finish(self, upload: str, digest: Digest) -> int:
        """Turns an upload into a blob that survives a crash of the machine.

        Returns:
            The blob's size in bytes.

        Raises:
            DigestMismatchError: its bytes have another digest; the upload is gone.
            UploadUnknownError: no such upload.
        """
        spool = self._spool(upload)
        with spool.lock, _disk():
            path = self._uploads / upload
            if not path.exists():
                raise UploadUnknownError(upload)
            actual = self._actual(path, spool, digest.algorithm)
            if actual != digest:
                self._forget(upload)
                raise DigestMismatchError(digest, actual, where="upload")
            self._place(path, digest)
            self._forget(upload)
            return spool.offset

    def cancel(self, upload: str) -> None:
        """Drops an upload.

        Raises:
            UploadUnknownError: no such upload.
        """
        spool = self._spool(upload)
        with spool.lock, _disk():
            self._forget(upload)

    def sweep(self) -> int:
        """Drops uploads nobody wrote to for `upload_idle_seconds`, those of earlier processes included.

        Returns:
            How many were dropped.
        """
        swept = 0
        with _disk():
            for entry in list(os.scandir(self._uploads)):
                swept += self._sweep_one(entry)
        return swept

    # Blobs ----------------------------------------------------------------------------------------------------------

    def put(self, data: bytes) -> Digest:
        """Stores bytes at hand; again is harmless.

        Returns:
            Their sha256 digest.
        """
        digest = Digest.of(data)
        if not self.path(digest).exists():
            upload = self.begin()
            self.append(upload, [data])
            self.finish(upload, digest)
        return digest

    def path(self, digest: Digest) -> Path:
        """Where a blob lies, or would."""
        return self._blobs / digest.algorithm / digest.hex[:2] / digest.hex

    def open(self, digest: Digest) -> BinaryIO:
        """Opens a blob for reading; the caller closes it.

        Raises:
            NotFoundError: it is not here.
        """
        try:
            return self.path(digest).open("rb")
        except FileNotFoundError as error:
            raise NotFoundError("no such blob", where=digest) from error

    def size(self, digest: Digest) -> int:
        """A blob's size in bytes.

        Raises:
            NotFoundError: it is not here.
        """
        try:
            return self.path(digest).stat().st_size
        except FileNotFoundError as error:
            raise NotFoundError("no such blob", where=digest) from error

    def delete(self, digest: Digest) -> None:
        """Removes a blob; one that is not here is fine. Readers that have it open keep it."""
        with _disk():
            self.path(digest).unlink(missing_ok=True)

    def digests(self) -> Iterator[Digest]:
        """Every blob that lies here, in no order."""
        for algorithm in _ALGORITHMS:
            for shard in os.scandir(self._blobs / algorithm):
                for entry in os.scandir(shard.path):
                    yield Digest(f"{algorithm}:{entry.name}")

    # How ------------------------------------------------------------------------------------------------------------

    def _spool(self, upload: str) -> _Spool:
        with self._spools_lock:
            if (found := self._spools.get(upload)) is not None:
                return found
            path = self._uploads / upload
            if not _UPLOAD.fullmatch(upload) or not path.is_file():
                raise UploadUnknownError(upload)
            # Written by a process that is gone: what is in the file counts, hashed again by whoever holds the lock.
            spool = _Spool(hash=hashlib.sha256(), touched_at=time.monotonic())
            spool.lock.acquire()
            self._admit(upload, spool)
        try:
            with _disk(), path.open("rb") as file:
                _hash_all(file, spool.hash)
                spool.offset = file.tell()
        except BaseException:
            with self._spools_lock:
                self._spools.pop(upload, None)
            raise
        finally:
            spool.lock.release()
        return spool

    def _admit(self, upload: str, spool: _Spool) -> None:
        if len(self._spools) >= self._bounds.max_uploads:
            raise BoundExceededError("max_uploads", self._bounds.max_uploads, remedy="finish or cancel some")
        self._spools[upload] = spool

    def _write(self, upload: str, spool: _Spool, chunks: Sequence[bytes]) -> None:
        # Opened anew for each piece: thousands of idle uploads then hold no file open. "r+" as it must exist still.
        try:
            with (self._uploads / upload).open("r+b", buffering=0) as file:
                file.seek(spool.offset)
                hashed = spool.hash.copy()
                for chunk in chunks:
                    _write_all(file, chunk)
                    hashed.update(chunk)
                file.truncate()
        except FileNotFoundError as error:
            raise UploadUnknownError(upload) from error
        spool.hash = hashed  # only now: a piece that failed half-way is written over by the next try

    def _actual(self, path: Path, spool: _Spool, algorithm: str) -> Digest:
        if spool.hash.name == algorithm:
            return Digest(f"{algorithm}:{spool.hash.hexdigest()}")
        other = hashlib.new(algorithm)
        with path.open("rb") as file:
            _hash_all(file, other)
        return Digest(f"{algorithm}:{other.hexdigest()}")

    def _place(self, spooled: Path, digest: Digest) -> None:
        target = self.path(digest)
        if target.exists():  # the same bytes came before: keep those
            _sync_folder(target.parent)  # whoever renamed them may have died before this
            return
        with spooled.open("rb") as file:
            os.fsync(file.fileno())
        if not target.parent.exists():
            target.parent.mkdir(exist_ok=True)
            _sync_folder(target.parent.parent)
        spooled.rename(target)
        _sync_folder(target.parent)

    def _forget(self, upload: str) -> None:
        (self._uploads / upload).unlink(missing_ok=True)
        with self._spools_lock:
            self._spools.pop(upload, None)

    def _sweep_one(self, entry: os.DirEntry[str]) -> bool:
        idle = self._bounds.upload_idle_seconds
        with self._spools_lock:
            spool = self._spools.get(entry.name)
        if spool is None:
            if time.time() - entry.stat().st_mtime < idle:
                return False
            Path(entry.path).unlink(missing_ok=True)
            return True
        with spool.lock:
            if time.monotonic() - spool.touched_at < idle:
                return False
            self._forget(entry.name)
            return True


class _disk:  # noqa: N801 - reads as a function
    """Turns what the disk says into our own error."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, OSError):
            raise OutsideError(
                f"the blob store failed: {error.strerror or error}", remedy="look at its disk"
            ) from error


def _write_all(file: BinaryIO, chunk: bytes) -> None:
    view = memoryview(chunk)
    while view:
        view = view[file.write(view) :]


def _hash_all(file: BinaryIO, into: "_Hash") -> None:
    while chunk := file.read(MIB):
        into.update(chunk)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

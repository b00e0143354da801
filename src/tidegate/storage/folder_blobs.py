# SPDX-License-Identifier: Apache-2.0
"""Blobs in a folder, by content: `blobs/sha256/ab/<hex>`; uploads spool in `uploads/` until they are on record.

A blob appears under its digest by one link, after its bytes are on the disk: it is there whole, or it is not there.
Uploads are hashed once, while they are written; only what another process wrote, or one that is gone, is read again.
Several processes may share the folder: each looks under a lock how long an upload's file is before it trusts what it
remembers of it.
"""

import fcntl
import hashlib
import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, BinaryIO, Final
from uuid import uuid4

from tidegate.artifact import Digest
from tidegate.bounds import MIB
from tidegate.errors import BoundExceededError, DigestMismatchError, NotFoundError, OutsideError
from tidegate.storage.blobs import (
    ALGORITHMS,
    BlobBounds,
    UploadOffsetError,
    UploadUnknownError,
    checked_algorithm,
    digest_from,
)

if TYPE_CHECKING:
    from hashlib import _Hash

_UPLOAD: Final = re.compile(r"[0-9a-f]{32}(?:-[0-9a-f]{1,64})?")
_SEALED: Final = ".sealed"


@dataclass(slots=True, kw_only=True)
class _Spool:
    """What this process knows of an upload: its first `offset` bytes are hashed."""

    hash: "_Hash"
    offset: int = 0
    touched_at: float = 0.0
    lock: Lock = field(default_factory=Lock)


class FolderBlobs:
    """A `BlobStore` in one folder, for all threads of all processes that open it.

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
        with _disk():
            for algorithm in ALGORITHMS:
                (self._blobs / algorithm).mkdir(parents=True, exist_ok=True)
            # Made at once, not one by one: each would cost the upload that needs it first a flush of its own.
            for shard in range(256):
                (self._blobs / ALGORITHMS[0] / f"{shard:02x}").mkdir(exist_ok=True)
            self._uploads.mkdir(parents=True, exist_ok=True)
            for made in (*(self._blobs / name for name in ALGORITHMS), self._blobs, folder):
                _sync_folder(made)

    # Uploads --------------------------------------------------------------------------------------------------------

    def begin(self, *, algorithm: str = "sha256", mark: str = "") -> str:
        """Opens an upload (`BlobUploads.begin`)."""
        spool = _Spool(hash=hashlib.new(checked_algorithm(algorithm)), touched_at=time.monotonic())
        upload = f"{uuid4().hex}-{mark}" if mark else uuid4().hex
        with self._spools_lock:
            self._admit(upload, spool)
        try:
            with _disk():
                (self._uploads / upload).touch(exist_ok=False)
        except OutsideError:
            self._forget(upload)
            raise
        return upload

    def offset(self, upload: str) -> int:
        """How many bytes of an upload have arrived (`BlobUploads.offset`)."""
        try:
            with self._opened(upload) as (_, spool):
                return spool.offset
        except UploadUnknownError:
            if (sealed := self._sealed(upload)).exists():
                return sealed.stat().st_size
            raise

    def append(self, upload: str, chunks: Sequence[bytes], *, at: int | None = None) -> int:
        """Writes and hashes the next bytes of an upload (`BlobUploads.append`)."""
        # Opened anew for each piece: thousands of idle uploads then hold no file open.
        with self._opened(upload) as (file, spool):
            if at is not None and at != spool.offset:
                raise UploadOffsetError(spool.offset)
            length = sum(map(len, chunks))
            if spool.offset + length > self._bounds.max_blob_bytes:
                raise BoundExceededError("max_blob_bytes", self._bounds.max_blob_bytes, where="upload")
            hashed = spool.hash.copy()
            file.seek(spool.offset)
            # In one piece: among many threads, getting the interpreter back costs more than copying.
            data = chunks[0] if len(chunks) == 1 else b"".join(chunks)
            try:
                _write_all(file, data)
                hashed.update(data)
            except OSError:
                with suppress(OSError):  # what is left of half a piece is then hashed by whoever comes next
                    file.truncate(spool.offset)
                raise
            spool.hash, spool.offset = hashed, spool.offset + length
            return spool.offset

    def flush(self, upload: str) -> None:
        """Nothing to do: what was written is in the file, and lasts as long as the machine runs."""

    def seal(self, upload: str, digest: Digest) -> int:
        """Proves an upload's digest and brings its bytes to the disk (`BlobUploads.seal`)."""
        sealed = self._sealed(upload)
        if sealed.exists():  # somebody asks again: what came after the seal failed
            with _disk(), sealed.open("rb") as file:
                self._prove(upload, digest, _hashed(file, digest.algorithm))
                return file.tell()
        with self._opened(upload) as (file, spool):
            self._prove(upload, digest, _actual(file, spool, digest.algorithm))
            if not self.path(digest).exists():
                os.fsync(file.fileno())
            # By another name nobody can write to it any more, in whatever process.
            (self._uploads / upload).rename(sealed)
            return spool.offset

    def place(self, upload: str, digest: Digest) -> None:
        """Links a sealed upload into its place (`BlobUploads.place`)."""
        target = self.path(digest)
        with _disk():
            if not target.exists():  # else the same bytes came before: keep those
                if not target.parent.exists():
                    target.parent.mkdir(exist_ok=True)
                    _sync_folder(target.parent.parent)
                with suppress(FileExistsError):
                    os.link(self._sealed(upload), target)
            _sync_folder(target.parent)  # also of those: whoever linked them may have died before this

    def release(self, upload: str) -> None:
        """Forgets an upload whose blob is on record (`BlobUploads.release`)."""
        with _disk():
            self._forget(upload)

    def cancel(self, upload: str) -> None:
        """Drops an upload (`BlobUploads.cancel`)."""
        with self._opened(upload):
            self._forget(upload)

    def sweep(self, reclaim: Callable[[Digest], object] | None = None) -> int:
        """Drops uploads that are idle for too long (`BlobUploads.sweep`)."""
        swept = 0
        with _disk():
            for path in list(self._uploads.iterdir()):
                with suppress(FileNotFoundError):  # finished meanwhile
                    swept += self._sweep_one(path, reclaim)
        with self._spools_lock:  # those that another process ended
            for upload in [name for name in self._spools if not (self._uploads / name).exists()]:
                del self._spools[upload]
        return swept

    # Blobs ----------------------------------------------------------------------------------------------------------

    def put(self, data: bytes) -> str:
        """Puts bytes at hand in their place (`BlobStore.put`)."""
        digest = Digest.of(data)
        upload = self.begin()
        self.append(upload, [data])
        self.seal(upload, digest)
        self.place(upload, digest)
        return upload

    def path(self, digest: Digest) -> Path:
        """Where a blob lies, or would."""
        return self._blobs / digest.algorithm / digest.hex[:2] / digest.hex

    def link(self, digest: Digest) -> str | None:
        """None: a file has no URL."""
        del digest
        return None

    def open(self, digest: Digest) -> BinaryIO:
        """Opens a blob for reading (`BlobReads.open`)."""
        with _disk(), _found(digest):
            return self.path(digest).open("rb")

    def size(self, digest: Digest) -> int:
        """A blob's size in bytes (`BlobReads.size`)."""
        with _disk(), _found(digest):
            return self.path(digest).stat().st_size

    def delete(self, digest: Digest) -> None:
        """Removes a blob (`BlobStore.delete`). Readers that have it open keep it."""
        with _disk():
            self.path(digest).unlink(missing_ok=True)

    def set_aside(self, digest: Digest) -> None:
        """Keeps damaged bytes elsewhere (`BlobStore.set_aside`)."""
        path, kept = self.path(digest), self._aside(digest)
        with _disk(), suppress(FileNotFoundError):
            kept.parent.mkdir(exist_ok=True)
            path.rename(kept)
            _sync_folder(path.parent)

    def open_aside(self, digest: Digest) -> BinaryIO:
        """Opens what was set aside (`BlobStore.open_aside`)."""
        with _disk(), _found(digest):
            return self._aside(digest).open("rb")

    def drop_aside(self, digest: Digest) -> None:
        """Removes what was set aside (`BlobStore.drop_aside`)."""
        with _disk():
            self._aside(digest).unlink(missing_ok=True)

    def _aside(self, digest: Digest) -> Path:
        return self._blobs.parent / "damaged" / f"{digest.algorithm}-{digest.hex}"

    def digests(self) -> Iterator[Digest]:
        """Every blob that lies here (`BlobStore.digests`)."""
        for algorithm in ALGORITHMS:
            for shard in os.scandir(self._blobs / algorithm):
                for entry in os.scandir(shard.path):
                    yield Digest(f"{algorithm}:{entry.name}")

    # How ------------------------------------------------------------------------------------------------------------

    @contextmanager
    def _opened(self, upload: str) -> Iterator[tuple[BinaryIO, _Spool]]:
        """An upload's file, locked against every thread and process, and what is known of it, brought up to date."""
        spool = self._spool(upload)
        with spool.lock, _disk():
            try:
                file = (self._uploads / upload).open("r+b", buffering=0)
            except FileNotFoundError as error:
                with self._spools_lock:
                    self._spools.pop(upload, None)
                raise UploadUnknownError(upload) from error
            with file:
                fcntl.flock(file, fcntl.LOCK_EX)
                if not _is_at(file, self._uploads / upload):  # ended by whoever had the lock before
                    raise UploadUnknownError(upload)
                _catch_up(file, spool)
                yield file, spool
                spool.touched_at = time.monotonic()

    def _spool(self, upload: str) -> _Spool:
        with self._spools_lock:
            if (found := self._spools.get(upload)) is not None:
                return found
            if not _UPLOAD.fullmatch(upload) or not (self._uploads / upload).is_file():
                raise UploadUnknownError(upload)
            # Written by another process: what is in the file counts, and is hashed by whoever holds the lock first.
            spool = _Spool(hash=hashlib.sha256(), touched_at=time.monotonic())
            self._admit(upload, spool)
        return spool

    def _admit(self, upload: str, spool: _Spool) -> None:
        if len(self._spools) >= self._bounds.max_uploads:
            raise BoundExceededError("max_uploads", self._bounds.max_uploads, remedy="finish or cancel some")
        self._spools[upload] = spool

    def _sealed(self, upload: str) -> Path:
        if not _UPLOAD.fullmatch(upload):
            raise UploadUnknownError(upload)
        return self._uploads / f"{upload}{_SEALED}"

    def _prove(self, upload: str, digest: Digest, actual: Digest) -> None:
        if actual != digest:
            self._forget(upload)
            raise DigestMismatchError(digest, actual, where="upload")

    def _forget(self, upload: str) -> None:
        for path in (self._uploads / upload, self._sealed(upload)):
            path.unlink(missing_ok=True)
        with self._spools_lock:
            self._spools.pop(upload, None)

    def _sweep_one(self, path: Path, reclaim: Callable[[Digest], object] | None) -> bool:
        upload = path.name.removesuffix(_SEALED)
        with self._spools_lock:
            spool = self._spools.get(upload)
        if spool is not None and time.monotonic() - spool.touched_at < self._bounds.upload_idle_seconds:
            return False
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            found = os.fstat(file.fileno())
            if time.time() - found.st_mtime < self._bounds.upload_idle_seconds:
                return False
            if found.st_nlink > 1 and reclaim is not None:
                # Placed, and its process died before it was on record, or just after. The upload tells of it until it
                # is certain that the bytes are on record or gone.
                for name in ALGORITHMS:
                    if self.path(digest := _hashed(file, name)).exists():
                        reclaim(digest)
            self._forget(upload)
        return True


@contextmanager
def _disk() -> Iterator[None]:
    """Turns what the disk says into our own error."""
    try:
        yield
    except OSError as error:
        raise OutsideError(f"the blob store failed: {error.strerror or error}", remedy="look at its disk") from error


@contextmanager
def _found(digest: Digest) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise NotFoundError("no such blob", where=digest) from error


def _is_at(file: BinaryIO, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _catch_up(file: BinaryIO, spool: _Spool) -> None:
    """Hashes what other processes wrote since this one looked last."""
    length = os.fstat(file.fileno()).st_size
    if length < spool.offset:  # one of them failed half-way and took it back
        spool.hash, spool.offset = hashlib.new(spool.hash.name), 0
    if length > spool.offset:
        file.seek(spool.offset)
        _hash_all(file, spool.hash)
        spool.offset = length


def _actual(file: BinaryIO, spool: _Spool, algorithm: str) -> Digest:
    return digest_from(spool.hash) if spool.hash.name == algorithm else _hashed(file, algorithm)


def _hashed(file: BinaryIO, algorithm: str) -> Digest:
    file.seek(0)
    hashed = hashlib.new(algorithm)
    _hash_all(file, hashed)
    return digest_from(hashed)


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

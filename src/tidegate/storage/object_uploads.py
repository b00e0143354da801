# SPDX-License-Identifier: Apache-2.0
"""Uploads into an object store, by any replica: their bytes are segments there, how far they are is in the database.

Each request streams into a segment of its own (`uploads/NAME/START-…`), as a multipart upload in bounded memory, hashed
on the way. What lasts is in the row: the offset, and the digest of all bytes before it, as long as one process saw them
all. So the usual push, one stream and then its digest, is hashed once wherever the digest arrives, and moved by the
store itself. An upload that went through several replicas is read back once and hashed while it is put in its place.
"""

import hashlib
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import obstore
from sqlalchemy import delete, func, insert, select, update

from tidegate.artifact import Digest
from tidegate.bounds import GIB, MIB
from tidegate.errors import BoundExceededError, DigestMismatchError, NotFoundError
from tidegate.storage.blobs import BlobBounds, UploadOffsetError, UploadUnknownError, checked_algorithm, digest_from
from tidegate.storage.database import Database
from tidegate.storage.object_access import Objects, asking
from tidegate.storage.object_reader import open_object
from tidegate.storage.schema import upload as rows
from tidegate.storage.schema import upload_segment as segments

if TYPE_CHECKING:
    from hashlib import _Hash

PART_BYTES: Final = 5 * MIB
"""The least that S3 takes as a part; what one stream holds in memory, and once more on its way."""
MAX_STREAMS: Final = 12
"""Streams at once in one process; what comes beside them is stored piece by piece, and costs no memory."""
MAX_COPY_BYTES: Final = 4 * GIB
"""S3 copies up to 5 GiB in one request; longer objects are read and written."""
_UPLOAD: Final = re.compile(r"[0-9a-f]{32}(?:-[0-9a-f]{1,64})?")


@dataclass(slots=True, kw_only=True)
class _Stream:
    """What this process knows of an upload, and the segment it writes: `hash` holds the first `offset` bytes."""

    hash: "_Hash | None"
    offset: int = 0
    start: int = 0
    key: str = ""
    writer: Any = None
    touched_at: float = field(default_factory=time.monotonic)
    lock: Lock = field(default_factory=Lock)


class ObjectUploads:
    """Uploads of one object store, for all threads of all replicas (`BlobUploads`).

    Args:
        objects: where the bytes go.
        database: where it is recorded how far each upload is.
        bounds: limits.
    """

    def __init__(self, objects: Objects, database: Database, bounds: BlobBounds | None = None) -> None:
        self._objects = objects
        self._database = database
        self._bounds = bounds or BlobBounds()
        self._streams: dict[str, _Stream] = {}
        self._lock = Lock()
        self._writing = 0

    def begin(self, *, algorithm: str = "sha256", mark: str = "") -> str:
        """Opens an upload (`BlobUploads.begin`)."""
        hashed = hashlib.new(checked_algorithm(algorithm))
        upload = f"{uuid4().hex}-{mark}" if mark else uuid4().hex
        with self._database.begin() as connection:
            if (connection.scalar(select(func.count()).select_from(rows)) or 0) >= self._bounds.max_uploads:
                raise BoundExceededError("max_uploads", self._bounds.max_uploads, remedy="finish or cancel some")
            row = {"id": upload, "algorithm": algorithm, "offset": 0, "hashed": digest_from(hashed), "sealed": ""}
            connection.execute(insert(rows).values(**row, touched_at=int(time.time())))
        with self._lock:
            self._streams[upload] = _Stream(hash=hashed)
        return upload

    def offset(self, upload: str) -> int:
        """How many bytes of an upload have arrived and last (`BlobUploads.offset`)."""
        self.flush(upload)
        return int(self._row(upload).offset)

    def append(self, upload: str, chunks: Sequence[bytes], *, at: int | None = None) -> int:
        """Streams and hashes the next bytes of an upload (`BlobUploads.append`)."""
        with self._held(upload) as stream:
            if stream.writer is None:
                self._catch_up(upload, stream)
            if at is not None and at != stream.offset:
                raise UploadOffsetError(stream.offset)
            length = sum(map(len, chunks))
            if stream.offset + length > self._bounds.max_blob_bytes:
                raise BoundExceededError("max_blob_bytes", self._bounds.max_blob_bytes, where="upload")
            if length:
                self._write(upload, stream, chunks, length)
            stream.touched_at = time.monotonic()
            return stream.offset

    def flush(self, upload: str) -> None:
        """Closes the segment being written and records it (`BlobUploads.flush`)."""
        with self._lock:
            stream = self._streams.get(upload)
        if stream is not None:
            with stream.lock:
                if stream.writer is not None:
                    self._close(upload, stream)

    def seal(self, upload: str, digest: Digest) -> int:
        """Proves an upload's digest and moves its bytes to their place (`BlobUploads.seal`)."""
        self.flush(upload)
        row = self._row(upload)
        known = Digest(row.hashed) if row.hashed else None
        if known is not None and known.algorithm == digest.algorithm and known != digest:
            self.cancel(upload)
            raise DigestMismatchError(digest, known, where="upload")
        self._bring(upload, digest, int(row.offset), proved=known == digest)
        with self._database.begin() as connection:
            sealing = update(rows).where(rows.c.id == upload, rows.c.offset == row.offset)
            if not connection.execute(sealing.values(sealed=digest, touched_at=int(time.time()))).rowcount:
                raise UploadUnknownError(upload)
        return int(row.offset)

    def place(self, upload: str, digest: Digest) -> None:
        """Makes sure that a sealed upload is still in its place (`BlobUploads.place`)."""
        row = self._row(upload)
        if row.sealed != digest:
            raise UploadUnknownError(upload)
        self._bring(upload, digest, int(row.offset), proved=True)

    def release(self, upload: str) -> None:
        """Forgets an upload and its segments (`BlobUploads.release`)."""
        with self._lock:
            stream = self._streams.pop(upload, None)
            self._writing -= stream is not None and stream.writer is not None
        with self._database.begin() as connection:
            connection.execute(delete(segments).where(segments.c.upload == upload))
            connection.execute(delete(rows).where(rows.c.id == upload))
        self._remove_under(f"uploads/{upload}/")

    def cancel(self, upload: str) -> None:
        """Drops an upload (`BlobUploads.cancel`)."""
        self._row(upload)
        self.release(upload)

    def forget_idle(self, seconds: float) -> None:
        """Lets go of what this process remembers of uploads nobody wrote to here for so long; they last without it."""
        before = time.monotonic() - seconds
        with self._lock:
            idle = [(upload, stream) for upload, stream in self._streams.items() if stream.touched_at <= before]
        for upload, stream in idle:
            with stream.lock:
                if stream.touched_at <= before:
                    if stream.writer is not None:  # a request that broke off: nobody was told of its bytes
                        self._drop(stream)
                    with self._lock:
                        self._streams.pop(upload, None)

    def key(self, digest: Digest) -> str:
        """Where a blob lies, or would."""
        return f"blobs/{digest.algorithm}/{digest.hex[:2]}/{digest.hex}"

    # How ------------------------------------------------------------------------------------------------------------

    def _row(self, upload: str) -> Any:
        if not _UPLOAD.fullmatch(upload):
            raise UploadUnknownError(upload)
        with self._database.read() as connection:
            row = connection.execute(select(rows).where(rows.c.id == upload)).first()
        if row is None:
            raise UploadUnknownError(upload)
        return row

    @contextmanager
    def _held(self, upload: str) -> Iterator[_Stream]:
        """An upload's stream, locked, and not one that is being forgotten at this moment."""
        while True:
            stream = self._stream(upload)
            with stream.lock:
                with self._lock:
                    is_known = self._streams.get(upload) is stream
                if is_known:
                    yield stream
                    return

    def _stream(self, upload: str) -> _Stream:
        with self._lock:
            if (found := self._streams.get(upload)) is not None:
                return found
        algorithm = self._row(upload).algorithm
        with self._lock:
            return self._streams.setdefault(upload, _Stream(hash=hashlib.new(algorithm)))

    def _catch_up(self, upload: str, stream: _Stream) -> None:
        """Goes to where the row stands; what other processes sent is not known here, and hashed at the end."""
        row = self._row(upload)
        if row.sealed:
            raise UploadUnknownError(upload)
        if row.offset != stream.offset:
            stream.hash, stream.offset = (None if row.offset else hashlib.new(row.algorithm)), int(row.offset)

    def _write(self, upload: str, stream: _Stream, chunks: Sequence[bytes], length: int) -> None:
        hashed = stream.hash.copy() if stream.hash is not None else None
        if hashed is not None:
            for chunk in chunks:
                hashed.update(chunk)
        if stream.writer is None:
            stream.start, stream.key = stream.offset, f"uploads/{upload}/{stream.offset:020d}-{uuid4().hex}"
        if stream.writer is None and not self._may_stream():
            with asking():
                obstore.put(self._objects, stream.key, b"".join(chunks), use_multipart=False)
            stream.hash, stream.offset = hashed, stream.offset + length
            self._record(upload, stream)
            return
        try:
            with asking():
                if stream.writer is None:
                    stream.writer = obstore.open_writer(
                        self._objects, stream.key, buffer_size=PART_BYTES, max_concurrency=1
                    )
                for chunk in chunks:
                    stream.writer.write(chunk)
        except BaseException:
            self._drop(stream)
            raise
        stream.hash, stream.offset = hashed, stream.offset + length

    def _may_stream(self) -> bool:
        with self._lock:
            if self._writing >= MAX_STREAMS:
                return False
            self._writing += 1
            return True

    def _close(self, upload: str, stream: _Stream) -> None:
        try:
            with asking():
                stream.writer.close()
        except BaseException:
            self._drop(stream)
            raise
        stream.writer = None
        with self._lock:
            self._writing -= 1
        self._record(upload, stream)

    def _drop(self, stream: _Stream) -> None:
        """Goes back to what lasts: nobody was told that the segment being written is there."""
        stream.writer = None
        stream.hash, stream.offset = None, -1
        with self._lock:
            self._writing -= 1

    def _record(self, upload: str, stream: _Stream) -> None:
        hashed = digest_from(stream.hash) if stream.hash is not None else ""
        standing = (rows.c.id == upload) & (rows.c.offset == stream.start) & (rows.c.sealed == "")
        moved = update(rows).where(standing)
        values = {"offset": stream.offset, "hashed": hashed, "touched_at": int(time.time())}
        segment = {"upload": upload, "start": stream.start, "length": stream.offset - stream.start, "key": stream.key}
        with self._database.begin() as connection:
            won = bool(connection.execute(moved.values(values)).rowcount)
            if won:
                connection.execute(insert(segments).values(segment))
        if not won:  # another request has continued it: what was written here is no part of it
            stream.hash, stream.offset = None, -1
            self._remove(stream.key)
            raise UploadOffsetError(int(self._row(upload).offset))

    def _bring(self, upload: str, digest: Digest, size: int, *, proved: bool) -> None:
        """Has the bytes of an upload under their digest; those that are there already stay."""
        with self._database.read() as connection:
            query = select(segments.c.key, segments.c.length).where(segments.c.upload == upload)
            parts = connection.execute(query.order_by(segments.c.start)).all()
        is_there = self._has(digest, size)
        if proved and is_there:
            return
        if proved and len(parts) == 1 and size <= MAX_COPY_BYTES:
            with asking():
                obstore.copy(self._objects, parts[0].key, self.key(digest))
            return
        hashed = hashlib.new(digest.algorithm)
        writer = None
        if not is_there:
            writer = obstore.open_writer(self._objects, self.key(digest), buffer_size=PART_BYTES, max_concurrency=1)
        for part in parts:
            with open_object(self._objects, part.key) as source:
                while chunk := source.read(MIB):
                    hashed.update(chunk)
                    if writer is not None:
                        with asking():
                            writer.write(chunk)
        if (actual := digest_from(hashed)) != digest:
            # The writer is never closed: nothing of it appears.
            self.cancel(upload)
            raise DigestMismatchError(digest, actual, where="upload")
        if writer is not None:
            self._note_digest(upload, digest, size)
            with asking():
                writer.close()

    def _note_digest(self, upload: str, digest: Digest, size: int) -> None:
        """So that a sweep knows what may lie in its place, should this process die before it is sealed."""
        with self._database.begin() as connection:
            standing = (rows.c.id == upload) & (rows.c.offset == size)
            connection.execute(update(rows).where(standing).values(hashed=digest))

    def _has(self, digest: Digest, size: int) -> bool:
        try:
            with asking(may_be_missing=True):
                return bool(obstore.head(self._objects, self.key(digest))["size"] == size)
        except NotFoundError:
            return False

    def _remove(self, key: str) -> None:
        with suppress(NotFoundError), asking(may_be_missing=True):
            obstore.delete(self._objects, key)

    def _remove_under(self, prefix: str) -> None:
        with asking():
            for page in obstore.list(self._objects, prefix):
                for found in page:
                    self._remove(found["path"])

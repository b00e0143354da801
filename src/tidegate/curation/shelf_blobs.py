# SPDX-License-Identifier: Apache-2.0
"""Blobs as repositories hold them: uploaded, mounted from one to another, found and let go.

The bytes come first and go last: a row in the database always has its bytes in the store. One lock per digest, of all
replicas, keeps a delete from taking the bytes from under an upload of the same ones. An upload stays until its blob is
on record: by it is found what a process left half-way.
"""

import hashlib
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import BinaryIO, Final

from sqlalchemy import ColumnElement, Connection, bindparam, delete, exists, select

from tidegate.artifact import Digest, Repository
from tidegate.bounds import MIB, Readable
from tidegate.clock import Clock, rfc3339
from tidegate.curation.blob_uploaders import forget_uploaders, note_uploader
from tidegate.curation.keeping import damage, unneeded
from tidegate.curation.room_look import RoomLook
from tidegate.errors import NotFoundError, RefusedError
from tidegate.identity import quota
from tidegate.storage.blobs import BlobStore, UploadUnknownError
from tidegate.storage.database import Database, after_commit
from tidegate.storage.digest_locks import DigestLocks, lock_digest
from tidegate.storage.insert import insert_once
from tidegate.storage.schema import blob, repository_blob

DEFAULT_GRACE: Final = timedelta(days=1)
PROMISE: Final = timedelta(hours=1)
"""How long a blob stays, at least, after a client was told that it is here."""
_MARK_CHARS: Final = 16
_SIZE: Final = (
    select(blob.c.size)
    .join(repository_blob, repository_blob.c.digest == blob.c.digest)
    .where(repository_blob.c.repository == bindparam("repository"), blob.c.digest == bindparam("digest"))
)


class BlobUnknownError(NotFoundError):
    """A repository holds no such blob."""

    def __init__(self, repository: Repository, digest: Digest) -> None:
        super().__init__(f"{repository} holds no such blob", where=digest)


class Look(StrEnum):
    """What became of a blob on the work list of garbage collection."""

    NEEDED = "needed"
    LET_GO = "let go"
    IN_USE = "in use"
    NOTHING = "nothing"


class BlobInUseError(RefusedError):
    """A manifest of the repository needs the blob."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldBlob:
    """A blob a repository holds: how many bytes it has, and the file they are in when they are in one."""

    digest: Digest
    size: int
    path: Path | None


class ShelfBlobs:
    """Blobs and uploads of all repositories. Safe for threads.

    Args:
        database: migrated.
        store: where the bytes are.
        clock: the moment recorded.
        grace: how long a repository holds a blob that none of its manifests needs.
    """

    def __init__(self, database: Database, store: BlobStore, clock: Clock, *, grace: timedelta = DEFAULT_GRACE) -> None:
        self._database = database
        self._store = store
        self._clock = clock
        self.grace = grace
        self._locks = DigestLocks(database)
        self._room = RoomLook(database)

    def begin(self, repository: Repository, *, algorithm: str = "sha256") -> str:
        """Opens an upload into a repository; its name works in no other.

        Raises:
            UsageError: no such digest algorithm.
            BoundExceededError: too many are unfinished.
            QuotaExceededError: the repository's tenant has no room at all.
        """
        self._room.refuse_when_full(repository)
        return self._store.begin(algorithm=algorithm, mark=_mark(repository))

    def append(self, repository: Repository, upload: str, chunks: Sequence[bytes], *, at: int | None = None) -> int:
        """Takes the next bytes of an upload (`BlobStore.append`) and returns the offset after them.

        Raises:
            UploadUnknownError: the repository has no such upload.
            UploadOffsetError: it stands elsewhere than `at`.
            BoundExceededError: the blob becomes too long.
        """
        return self._store.append(_checked(repository, upload), chunks, at=at)

    def flush(self, repository: Repository, upload: str) -> None:
        """Makes what was appended lasting, and visible to other replicas; to be called before a request is answered.

        Raises:
            UploadUnknownError: the repository has no such upload.
            UploadOffsetError: another request has continued it meanwhile.
        """
        self._store.flush(_checked(repository, upload))

    def offset(self, repository: Repository, upload: str) -> int:
        """How many bytes of an upload are here.

        Raises:
            UploadUnknownError: the repository has no such upload.
        """
        return self._store.offset(_checked(repository, upload))

    def finish(self, repository: Repository, upload: str, digest: Digest, *, by: str = "") -> HeldBlob:
        """Turns an upload into a blob of the repository; durable when this returns. `by` is who had the bytes.

        Raises:
            UploadUnknownError: the repository has no such upload.
            DigestMismatchError: the bytes are others; the upload is gone.
            QuotaExceededError: the repository's tenant may not have that many bytes.
        """
        size = self._store.seal(_checked(repository, upload), digest)
        with self._locks.writing(digest, first=lambda: self._store.place(upload, digest)) as connection:
            self._hold(connection, repository, digest, size, by=by)
        self._store.release(upload)
        return HeldBlob(digest=digest, size=size, path=self._store.path(digest))

    def cancel(self, repository: Repository, upload: str) -> None:
        """Drops an upload.

        Raises:
            UploadUnknownError: the repository has no such upload.
        """
        self._store.cancel(_checked(repository, upload))

    def put(self, connection: Connection, repository: Repository, data: bytes, *, by: str = quota.OWN_HAND) -> Digest:
        """Stores bytes at hand as a blob of the repository, in the caller's transaction; `by` is whose doing it is."""
        digest = Digest.of(data)
        lock_digest(connection, digest)
        if connection.scalar(select(_held(repository, digest))):
            return digest
        upload = self._store.put(data)
        after_commit(connection, lambda: self._store.release(upload))
        self._hold(connection, repository, digest, len(data), by=by)
        return digest

    def mount(self, repository: Repository, digest: Digest, source: Repository, *, by: str = "") -> bool:
        """Lets a repository hold a blob that another one holds; `by` is who may have it there.

        Returns:
            False when the other one does not.
        """
        with self._locks.writing(digest) as connection:
            if not connection.scalar(select(_held(source, digest))):
                return False
            size = connection.scalar(_SIZE, {"repository": source, "digest": digest})
            self._note_held(connection, repository, digest, size or 0, by)
            return True

    def share(
        self, connection: Connection, source: Repository, target: Repository, digests: Iterable[Digest], *, by: str
    ) -> None:
        """Lets a repository hold what another one holds, in the caller's transaction; its manifests come with it."""
        for digest in sorted(digests):
            lock_digest(connection, digest)
            size = connection.scalar(_SIZE, {"repository": source, "digest": digest})
            if size is not None and insert_once(connection, repository_blob, repository=target, digest=digest):
                quota.blob_held(connection, target, digest, size, by=by)

    @contextmanager
    def as_file(self, repository: Repository, digest: Digest) -> Iterator[Path]:
        """A blob as a file, for as long as the block lasts; fetched into a temporary one where it lies elsewhere.

        Raises:
            BlobUnknownError: the repository does not hold it.
        """
        held = self.find(repository, digest)
        if held.path is not None:
            yield held.path
            return
        with NamedTemporaryFile(prefix="tidegate-blob-") as file:
            with self.open(held) as source:
                shutil.copyfileobj(source, file, MIB)
            file.flush()
            yield Path(file.name)

    def find(self, repository: Repository, digest: Digest) -> HeldBlob:
        """Where a blob of a repository lies.

        Raises:
            BlobUnknownError: the repository does not hold it.
        """
        with self._database.read() as connection:
            return self.held(connection, repository, digest)

    def held(self, connection: Connection, repository: Repository, digest: Digest) -> HeldBlob:
        """The same, in the caller's transaction."""
        size = connection.scalar(_SIZE, {"repository": repository, "digest": digest})
        if size is None:
            raise BlobUnknownError(repository, digest)
        return HeldBlob(digest=digest, size=size, path=self._store.path(digest))

    def path(self, digest: Digest) -> Path | None:
        """The file that the bytes of a blob are in, or would be; None where they are in none."""
        return self._store.path(digest)

    def holders(self, digest: Digest, *, limit: int) -> list[Repository]:
        """Repositories that hold a blob, at most so many, in the order of their names."""
        held = repository_blob.c
        query = select(held.repository).where(held.digest == digest).order_by(held.repository).limit(limit)
        with self._database.read() as connection:
            return [Repository(name) for name in connection.scalars(query)]

    def open(self, held: HeldBlob) -> BinaryIO:
        """Opens a blob for reading; the caller closes it.

        Raises:
            NotFoundError: it was deleted since.
        """
        return self._store.open(held.digest)

    def link(self, held: HeldBlob) -> str | None:
        """A URL that hands a blob out for a short while; None when the bytes must come from here."""
        return self._store.link(held.digest)

    def promise(self, repository: Repository, digest: Digest) -> None:
        """Keeps a blob nobody needs yet for another while: a client was told that it is here."""
        until = self._clock() + min(PROMISE, self.grace)
        with self._database.read() as connection:
            if not unneeded.is_awaited(connection, repository, digest, before=until):
                return
        with self._database.begin() as connection:
            unneeded.promise(connection, repository, digest, until=until)

    def delete(self, repository: Repository, digest: Digest) -> None:
        """Lets a repository hold a blob no longer; its bytes go with the last one that held it.

        Raises:
            BlobUnknownError: it does not hold it.
            BlobInUseError: one of its manifests needs it.
        """
        with self._locks.writing(digest) as connection:
            if not self._hold_still(connection, repository, digest):
                raise BlobUnknownError(repository, digest)
            if (user := unneeded.who_needs(connection, repository, digest)) is not None:
                raise BlobInUseError(
                    f"manifest {user} needs this blob", where=digest, remedy="delete the manifest first"
                )
            self._let_go(connection, repository, digest)
        self.reclaim(digest)

    def let_go_unneeded(self, repository: Repository, digest: Digest, *, at: datetime) -> Look:
        """Lets a repository hold a blob no longer, if it is due and no manifest there needs it. Waits for nobody."""
        with self._locks.writing(digest) as connection:
            if not unneeded.is_due(connection, repository, digest, at=at):
                return Look.NOTHING
            if not connection.scalar(select(_held(repository, digest))):
                unneeded.forget(connection, repository, digest)
                return Look.NOTHING
            if not self._hold_still(connection, repository, digest, skip_locked=True):
                unneeded.put_off(connection, repository, digest, at=at)
                return Look.IN_USE
            # Only now: a manifest that was being pushed had the rows until it was there.
            if unneeded.who_needs(connection, repository, digest) is not None:
                unneeded.forget(connection, repository, digest)
                return Look.NEEDED
            self._let_go(connection, repository, digest)
            return Look.LET_GO

    def reclaim(self, digest: Digest) -> int | None:
        """Removes the bytes of a blob no row speaks of.

        Returns:
            How many those were; None when a row speaks of it.
        """
        # In a transaction that writes: what stores bytes within its own cannot come between the look and the removal.
        # Alone: a row that only seems to be gone could come back, and its bytes could not.
        with self._locks.writing(digest, alone=True) as connection:
            spoken_of = connection.scalar(select(exists().where(blob.c.digest == digest)))
            size = None if spoken_of else self._remove_bytes(digest)
            unneeded.removal_done(connection, digest)
            return size

    def writing(self, digest: Digest, *, alone: bool = False) -> AbstractContextManager[Connection]:
        """A transaction that writes, and that nobody else has for this blob; `alone` as `Database.begin` has it."""
        return self._locks.writing(digest, alone=alone)

    def restore(self, digest: Digest, good: Readable, *, source: str) -> None:
        """Puts good bytes in the place of damaged ones, and has the repositories hold it again that did.

        Raises:
            DigestMismatchError: these are not good either.
            OutsideError: they could not be read, or not be stored.
        """
        upload = self._store.begin(algorithm=digest.algorithm)
        try:
            while piece := good.read(MIB):
                self._store.append(upload, [piece])
            self._store.flush(upload)
            size = self._store.seal(upload, digest)
        except BaseException:
            with suppress(UploadUnknownError):
                self._store.cancel(upload)
            raise
        with self._locks.writing(digest, first=lambda: self._store.place(upload, digest)) as connection:
            at = self._clock()
            insert_once(connection, blob, digest=digest, size=size, stored_at=rfc3339(at))
            damage.put_back_on_record(connection, digest, at=at, source=source)
        self._store.release(upload)

    def sweep(self) -> int:
        """Drops uploads that are idle for too long, and bytes that were placed by one and never came on record.

        Returns:
            How many uploads were dropped. The cost follows them, not what is stored.
        """
        return self._store.sweep(self.reclaim)

    def collect(self) -> int:
        """Removes bytes no row speaks of, wherever they came from; reads all names in the store. Returns how many."""
        with self._database.read() as connection:
            known = set(connection.scalars(select(blob.c.digest)))
        return sum(self.reclaim(digest) is not None for digest in self._store.digests() if digest not in known)

    def _hold(self, connection: Connection, repository: Repository, digest: Digest, size: int, *, by: str = "") -> None:
        at = self._clock()
        if insert_once(connection, blob, digest=digest, size=size, stored_at=rfc3339(at)):
            damage.put_back_on_record(connection, digest, at=at)
        self._note_held(connection, repository, digest, size, by)

    def _note_held(self, connection: Connection, repository: Repository, digest: Digest, size: int, by: str) -> None:
        if insert_once(connection, repository_blob, repository=repository, digest=digest, uploaded_by=by[:255]):
            unneeded.look_later(connection, repository, digest, due_at=self._clock() + self.grace)
            quota.blob_held(connection, repository, digest, size, by=by)
        else:
            note_uploader(connection, repository, digest, by[:255])
            unneeded.promise(connection, repository, digest, until=self._clock() + self.grace)

    def _hold_still(
        self, connection: Connection, repository: Repository, digest: Digest, *, skip_locked: bool = False
    ) -> bool:
        """Locks the rows of a blob against manifests that would build upon it; False when they are not to be had."""
        query = (
            select(blob.c.digest)
            .join(repository_blob, repository_blob.c.digest == blob.c.digest)
            .where(repository_blob.c.repository == repository, blob.c.digest == digest)
            .with_for_update(skip_locked=skip_locked)
        )
        return connection.scalar(query) is not None

    def _let_go(self, connection: Connection, repository: Repository, digest: Digest) -> None:
        here = (repository_blob.c.repository == repository) & (repository_blob.c.digest == digest)
        connection.execute(delete(repository_blob).where(here))
        forget_uploaders(connection, repository, digest)
        quota.blob_let_go(connection, repository, digest)
        unneeded.forget(connection, repository, digest)
        elsewhere = exists().where(repository_blob.c.digest == digest)
        if connection.execute(delete(blob).where(blob.c.digest == digest, ~elsewhere)).rowcount:
            unneeded.ask_removal(connection, digest, at=self._clock())

    def _remove_bytes(self, digest: Digest) -> int | None:
        try:
            size = self._store.size(digest)
        except NotFoundError:
            return None
        self._store.delete(digest)
        return size


def _held(repository: Repository, digest: Digest) -> ColumnElement[bool]:
    return exists().where(repository_blob.c.repository == repository, repository_blob.c.digest == digest)


def _mark(repository: Repository) -> str:
    return hashlib.sha256(repository.encode()).hexdigest()[:_MARK_CHARS]


def _checked(repository: Repository, upload: str) -> str:
    if not upload.endswith("-" + _mark(repository)):
        raise UploadUnknownError(upload)
    return upload

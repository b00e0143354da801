# SPDX-License-Identifier: Apache-2.0
"""Scrub: stored bytes are hashed again, round and round; what is damaged is shut away, and repaired or told.

It goes through all blobs and manifests in the order of their digests and remembers where it stands, so what comes next
is always what was looked at longest ago. One blob is read at a time, in pieces, no faster than it is told to.
"""

import hashlib
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from threading import Event as Flag
from typing import BinaryIO, Final
from uuid import uuid4

from sqlalchemy import Connection, select, update

from tidegate.artifact import Digest, Repository
from tidegate.artifact.manifest import MAX_MANIFEST_BYTES
from tidegate.bounds import MIB, read_bounded
from tidegate.clock import Clock, parse_rfc3339, rfc3339
from tidegate.curation.keeping import damage, unneeded
from tidegate.curation.keeping.damage import Defect, Hit
from tidegate.curation.keeping.repair_source import RepairSource
from tidegate.curation.shelf_blobs import ShelfBlobs
from tidegate.curation.whole import is_whole
from tidegate.errors import InvalidInputError, NotFoundError, OutsideError, TidegateError
from tidegate.events import Event, EventKind
from tidegate.storage.blobs import BlobStore
from tidegate.storage.database import Database
from tidegate.storage.insert import insert_or_update
from tidegate.storage.keeping_schema import scrub_position
from tidegate.storage.outbox import publish
from tidegate.storage.schema import blob, manifest, repository_manifest
from tidegate.values import Struct, replace

_log = logging.getLogger(__name__)
WHO: Final = "tidegate/scrub"
_BATCH: Final = 100
_STRAY_BATCH: Final = 500
_BEFORE_ALL: Final = ""


class Part(StrEnum):
    """What a round goes through, in this order."""

    BLOBS = "blobs"
    MANIFESTS = "manifests"
    STRAYS = "strays"


class Scrubbed(Struct, frozen=True, kw_only=True):
    """What one run did.

    Attributes:
        strays: bytes no row speaks of; their removal was asked for, and garbage collection does it.
        finished: the round is at its end; the next run begins another when it is time.
        damaged, repaired, lost: digests.
    """

    blobs: int = 0
    manifests: int = 0
    strays: int = 0
    read_bytes: int = 0
    damaged: tuple[Digest, ...] = ()
    repaired: tuple[Digest, ...] = ()
    lost: tuple[Digest, ...] = ()
    finished: bool = False


class Position(Struct, frozen=True, kw_only=True):
    """Where the round stands.

    Attributes:
        last: the digest looked at last; "" at the beginning of a part.
        ended_at: None while it goes on.
    """

    part: Part
    last: str
    began_at: datetime
    ended_at: datetime | None


Progress = Callable[[Part, int, int], None]
"""Told the part, how many were looked at in it, and how many bytes were read so far."""


def _silent(_part: Part, _count: int, _read: int) -> None:
    return


class Scrubber:
    """Scrubs. Several replicas may; what they look at twice costs time only.

    Args:
        database: migrated.
        store: whose bytes are read.
        blobs: their rows.
        sources: where good copies may be had, asked in this order.
        clock: now.
        bytes_per_second: read no faster; 0 for as fast as it goes.
    """

    def __init__(
        self,
        database: Database,
        store: BlobStore,
        blobs: ShelfBlobs,
        sources: Sequence[RepairSource],
        clock: Clock,
        *,
        bytes_per_second: int = 0,
    ) -> None:
        self._database = database
        self._store = store
        self._blobs = blobs
        self._sources = tuple(sources)
        self._clock = clock
        self._rate = bytes_per_second
        self._stopping = Flag()

    def stop(self) -> None:
        """Ends a run at the next piece; it goes on there another time."""
        self._stopping.set()

    def run(
        self, *, round_every: timedelta = timedelta(0), seconds: float | None = None, progress: Progress | None = None
    ) -> Scrubbed:
        """Goes on with the round, or begins another.

        Args:
            round_every: no other round begins sooner after the last began.
            seconds: stops after so long; None to go to the round's end.
            progress: is told after every blob.

        Raises:
            OutsideError: the database or the blob store failed; what was looked at is remembered.
        """
        at, progress = self._clock(), progress or _silent
        position = self.position()
        found = self._repair_lost(Scrubbed())
        if position is None or position.ended_at is not None:
            if position is not None and at < position.began_at + round_every:
                return replace(found, finished=True)
            position = Position(part=Part.BLOBS, last=_BEFORE_ALL, began_at=at, ended_at=None)
            self._stand(position)
        ends = time.monotonic() + seconds if seconds is not None else float("inf")
        walks = {Part.BLOBS: self._walk_blobs, Part.MANIFESTS: self._walk_manifests, Part.STRAYS: self._walk_strays}
        parts = list(Part)
        for part in parts[parts.index(position.part) :]:
            if part is not position.part:
                position = replace(position, part=part, last=_BEFORE_ALL)
                self._stand(position)
            found, position, at_end = walks[part](found, position, ends, progress)
            if not at_end:
                return found
        self._stand(replace(position, ended_at=self._clock()))
        return replace(found, finished=True)

    def position(self) -> Position | None:
        """Where the round stands; None when none ever began."""
        with self._database.read() as connection:
            row = connection.execute(select(scrub_position)).first()
        if row is None:
            return None
        ended_at = parse_rfc3339(row.ended_at) if row.ended_at else None
        return Position(part=Part(row.part), last=row.last, began_at=parse_rfc3339(row.began_at), ended_at=ended_at)

    # Blobs ----------------------------------------------------------------------------------------------------------

    def _walk_blobs(
        self, found: Scrubbed, position: Position, ends: float, progress: Progress
    ) -> tuple[Scrubbed, Position, bool]:
        while True:
            query = select(blob.c.digest, blob.c.size, blob.c.stored_at).where(blob.c.digest > position.last)
            with self._database.read() as connection:
                rows = connection.execute(query.order_by(blob.c.digest).limit(_BATCH)).all()
            for row in rows:
                digest = Digest(row.digest)
                defect, read = self._look_at(digest, row.size)
                if self._stopping.is_set():
                    return found, position, False
                found = replace(found, blobs=found.blobs + 1, read_bytes=found.read_bytes + read)
                if defect is not None:
                    found = self._shut_away(found, digest, row.size, row.stored_at, defect)
                position = replace(position, last=digest)
                self._stand(position)
                progress(Part.BLOBS, found.blobs, found.read_bytes)
                if self._is_over(ends):
                    return found, position, False
            if not rows:
                return found, position, True

    def _look_at(self, digest: Digest, size: int) -> tuple[Defect | None, int]:
        """What is wrong with the bytes of a blob, and how many were read."""
        hashed, read, began = hashlib.new(digest.algorithm), 0, time.monotonic()
        try:
            with self._store.open(digest) as file:
                while piece := _read(file):
                    hashed.update(piece)
                    read += len(piece)
                    self._pace(read, began)
                    if self._stopping.is_set():
                        return None, read
        except NotFoundError:
            return Defect.MISSING, 0
        except OSError:
            _log.warning("%s cannot be read", digest, exc_info=True)
            return Defect.UNREADABLE, read
        if f"{digest.algorithm}:{hashed.hexdigest()}" == digest:
            return None, read
        return (Defect.TRUNCATED if read < size else Defect.CHANGED), read

    def _shut_away(self, found: Scrubbed, digest: Digest, size: int, stored_at: str, defect: Defect) -> Scrubbed:
        with self._blobs.writing(digest) as connection:
            if defect is Defect.MISSING and _is_there(self._store, digest):
                return found
            held = damage.take_off_record(connection, digest, defect, stored_at=stored_at, at=self._clock())
            if held is None:
                return found
            self._store.set_aside(digest)
            data = {"digest": digest, "defect": defect, "size": size, "repositories": sorted(held)[: damage.MAX_HIT]}
            self._tell(connection, EventKind.BLOB_DAMAGED, digest, data)
        _log.error("blob %s is %s: shut away", digest, defect)
        return self._repair(replace(found, damaged=(*found.damaged, digest)), digest, size, held)

    def _repair_lost(self, found: Scrubbed) -> Scrubbed:
        """What was lost may be had by now: a source was named, or is back."""
        last = ""
        while self._sources:
            with self._database.read() as connection:
                batch = damage.lost(connection, after=last, limit=_BATCH)
            for digest, size, held in batch:
                found = self._repair(found, digest, size, held, again=True)
                last = digest
            if not batch:
                break
        return found

    def _repair(
        self, found: Scrubbed, digest: Digest, size: int, held: Sequence[Repository], *, again: bool = False
    ) -> Scrubbed:
        for source in self._sources:
            try:
                with source.open(digest, size, held) as good:
                    self._blobs.restore(digest, good, source=source.name)
            except (InvalidInputError, NotFoundError, OutsideError) as error:
                _log.info("no good copy of %s at %s: %s", digest, source.name, error)
                continue
            with self._database.begin() as connection:
                self._tell(connection, EventKind.BLOB_REPAIRED, digest, {"digest": digest, "source": source.name})
            return replace(found, repaired=(*found.repaired, digest))
        if not again:
            with self._database.begin() as connection:
                self._tell_lost(connection, digest, damage.hit_by_blob(connection, digest))
        return replace(found, lost=(*found.lost, digest))

    # Manifests ------------------------------------------------------------------------------------------------------

    def _walk_manifests(
        self, found: Scrubbed, position: Position, ends: float, progress: Progress
    ) -> tuple[Scrubbed, Position, bool]:
        while True:
            query = select(manifest.c.digest, manifest.c.document).where(manifest.c.digest > position.last)
            with self._database.read() as connection:
                rows = connection.execute(query.order_by(manifest.c.digest).limit(_BATCH)).all()
            for row in rows:
                digest, document = Digest(row.digest), bytes(row.document)
                if not is_whole(digest, document):
                    found = self._mend_manifest(found, digest)
                found = replace(found, manifests=found.manifests + 1, read_bytes=found.read_bytes + len(document))
                position = replace(position, last=digest)
            self._stand(position)
            progress(Part.MANIFESTS, found.manifests, found.read_bytes)
            if not rows or self._is_over(ends):
                return found, position, not rows

    def _mend_manifest(self, found: Scrubbed, digest: Digest) -> Scrubbed:
        """Puts a good document in the place of a damaged one, which is not served meanwhile (`Shelf`)."""
        held = select(repository_manifest.c.repository).where(repository_manifest.c.digest == digest)
        with self._database.read() as connection:
            names = [Repository(name) for name in connection.scalars(held)]
        found = replace(found, damaged=(*found.damaged, digest))
        for source in self._sources:
            try:
                with source.open(digest, 0, names, is_manifest=True) as good:
                    raw = read_bounded(good, max_bytes=MAX_MANIFEST_BYTES, what=str(digest))
            except TidegateError as error:
                _log.info("no good copy of manifest %s at %s: %s", digest, source.name, error)
                continue
            if is_whole(digest, raw):
                with self._database.begin() as connection:
                    connection.execute(update(manifest).where(manifest.c.digest == digest).values(document=raw))
                    data = {"digest": digest, "source": source.name}
                    self._tell(connection, EventKind.BLOB_REPAIRED, digest, data)
                return replace(found, repaired=(*found.repaired, digest))
        with self._database.begin() as connection:
            self._tell_lost(connection, digest, damage.hit_by_manifests(connection, [digest]))
        return replace(found, lost=(*found.lost, digest))

    # Strays ---------------------------------------------------------------------------------------------------------

    def _walk_strays(
        self, found: Scrubbed, position: Position, ends: float, progress: Progress
    ) -> tuple[Scrubbed, Position, bool]:
        """Bytes no row speaks of: what they are is not asked, garbage collection removes them under their lock.

        The store tells names in no order, so this part is gone through at once.
        """
        del ends
        held: list[Digest] = []
        for digest in self._store.digests():
            held.append(digest)
            if len(held) == _STRAY_BATCH:
                found, held = self._ask_removal(found, held), []
                progress(Part.STRAYS, found.strays, found.read_bytes)
                if self._stopping.is_set():
                    return found, position, False
        return self._ask_removal(found, held), position, True

    def _ask_removal(self, found: Scrubbed, digests: Sequence[Digest]) -> Scrubbed:
        with self._database.read() as connection:
            known = set(connection.scalars(select(blob.c.digest).where(blob.c.digest.in_(digests))))
        strays = [digest for digest in digests if digest not in known]
        if strays:
            with self._database.begin() as connection:
                for digest in strays:
                    unneeded.ask_removal(connection, digest, at=self._clock())
        return replace(found, strays=found.strays + len(strays))

    # How ------------------------------------------------------------------------------------------------------------

    def _stand(self, position: Position) -> None:
        with self._database.begin() as connection:
            insert_or_update(
                connection,
                scrub_position,
                id=1,
                part=position.part,
                last=position.last,
                began_at=rfc3339(position.began_at),
                ended_at=rfc3339(position.ended_at) if position.ended_at else "",
            )

    def _is_over(self, ends: float) -> bool:
        return self._stopping.is_set() or time.monotonic() >= ends

    def _pace(self, read: int, began: float) -> None:
        ahead = read / self._rate - (time.monotonic() - began) if self._rate else 0
        if ahead > 0:
            self._stopping.wait(ahead)

    def _tell_lost(self, connection: Connection, digest: Digest, hit: Hit) -> None:
        owners = sorted({one.owner for one in hit.workloads if one.owner})
        self._tell(connection, EventKind.BLOB_LOST, digest, {"digest": digest, "hit": hit, "owners": owners})

    def _tell(self, connection: Connection, kind: EventKind, digest: Digest, data: Mapping[str, object]) -> None:
        event = Event(id=uuid4().hex, kind=kind, subject=digest, time=self._clock(), data={"who": WHO, **data})
        publish(connection, event)


def _read(file: BinaryIO) -> bytes:
    return file.read(MIB)


def _is_there(store: BlobStore, digest: Digest) -> bool:
    try:
        store.size(digest)
    except NotFoundError:
        return False
    return True

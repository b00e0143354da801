# SPDX-License-Identifier: Apache-2.0
"""Damaged bytes that were set aside are looked at once more when their time is over, and let go.

Never the last good copy: bytes that could not be read for a while may be good, and go back in their place. What is bad
and has no good copy either stays as long as a manifest needs it: somebody may yet mend it.
"""

import hashlib
import logging
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, exists, select, update

from tidegate.artifact import Digest
from tidegate.bounds import MIB
from tidegate.clock import Clock, rfc3339
from tidegate.curation.keeping.damage import holders_in
from tidegate.curation.keeping.unneeded import is_needed
from tidegate.curation.shelf_blobs import ShelfBlobs
from tidegate.errors import NotFoundError
from tidegate.events import Event, EventKind
from tidegate.storage.blobs import BlobStore
from tidegate.storage.database import Database
from tidegate.storage.keeping_schema import blob_damage
from tidegate.storage.outbox import publish
from tidegate.storage.schema import blob
from tidegate.values import Struct, replace

_log = logging.getLogger(__name__)
_BATCH: Final = 100
SOURCE: Final = "what was set aside"


class LetGo(Struct, frozen=True, kw_only=True):
    """What one run did.

    Attributes:
        let_go: blobs whose damaged bytes were removed.
        freed_bytes: how many those were.
        kept: blobs of which nothing better is left, and that a manifest needs.
        repaired: blobs whose bytes turned out to be good.
    """

    let_go: int = 0
    freed_bytes: int = 0
    kept: int = 0
    repaired: tuple[Digest, ...] = ()


class SetAside(Struct, frozen=True, kw_only=True):
    """Lets go of damaged bytes.

    Attributes:
        keep_for: since they were found to be damaged; zero for ever.
    """

    database: Database
    store: BlobStore
    blobs: ShelfBlobs
    clock: Clock
    keep_for: timedelta

    def run(self) -> LetGo:
        """Looks at all whose time is over. Several may run at once.

        Raises:
            OutsideError: the database or the blob store failed; what was done is done.
        """
        found, last = LetGo(), ""
        while self.keep_for:
            batch = self._due(last)
            for digest in batch:
                found = self._look_at(found, digest)
            if not batch:
                break
            last = batch[-1]
        return found

    def _due(self, after: str) -> list[Digest]:
        before = rfc3339(self.clock() - self.keep_for)
        due = (blob_damage.c.let_go_at == "") & (blob_damage.c.found_at <= before) & (blob_damage.c.digest > after)
        with self.database.read() as connection:
            query = select(blob_damage.c.digest).where(due).order_by(blob_damage.c.digest).limit(_BATCH)
            return [Digest(text) for text in connection.scalars(query)]

    def _look_at(self, found: LetGo, digest: Digest) -> LetGo:
        size, is_good = self._proved(digest)
        if is_good and not self._has_another(digest):
            with self.store.open_aside(digest) as good:
                self.blobs.restore(digest, good, source=SOURCE)
            with self.database.begin() as connection:
                self._tell(connection, digest)
            found = replace(found, repaired=(*found.repaired, digest))
        with self.blobs.writing(digest, alone=True) as connection:
            if size and not _is_there(self.store, digest) and self._is_missed(connection, digest):
                return replace(found, kept=found.kept + 1)
            self.store.drop_aside(digest)
            at = rfc3339(self.clock())
            connection.execute(update(blob_damage).where(blob_damage.c.digest == digest).values(let_go_at=at))
        _log.info("the damaged bytes of %s were let go", digest)
        return replace(found, let_go=found.let_go + bool(size), freed_bytes=found.freed_bytes + size)

    def _proved(self, digest: Digest) -> tuple[int, bool]:
        """How many bytes were set aside, and whether they are good after all."""
        hashed, size = hashlib.new(digest.algorithm), 0
        try:
            with self.store.open_aside(digest) as file:
                while piece := file.read(MIB):
                    hashed.update(piece)
                    size += len(piece)
        except NotFoundError:
            return 0, False
        except OSError:
            _log.warning("what was set aside of %s cannot be read", digest, exc_info=True)
            return max(size, 1), False
        return size, f"{digest.algorithm}:{hashed.hexdigest()}" == digest

    def _has_another(self, digest: Digest) -> bool:
        with self.database.read() as connection:
            on_record = connection.scalar(select(exists().where(blob.c.digest == digest)))
        return bool(on_record) and _is_there(self.store, digest)

    def _is_missed(self, connection: Connection, digest: Digest) -> bool:
        """True when a repository that held it has a manifest that needs it."""
        holders = connection.scalar(select(blob_damage.c.holders).where(blob_damage.c.digest == digest))
        return any(
            connection.scalar(select(is_needed(repository, digest)))
            for repository, _ in (holders_in(holders) if holders else ())
        )

    def _tell(self, connection: Connection, digest: Digest) -> None:
        at: datetime = self.clock()
        event = Event(
            id=f"{digest}/repaired/{rfc3339(at)}",
            kind=EventKind.BLOB_REPAIRED,
            subject=digest,
            time=at,
            data={"digest": digest, "source": SOURCE},
        )
        publish(connection, event)


def _is_there(store: BlobStore, digest: Digest) -> bool:
    try:
        store.size(digest)
    except NotFoundError:
        return False
    return True

# SPDX-License-Identifier: Apache-2.0
"""Blobs that may go out, told without a thread: from memory while nobody wrote, else at a glance.

A glance tells yes where it is plain: something admitted refers to the blob, or whoever asks uploaded it. Everything
else, and every no, is judged by `Shelf.open_blob`.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from sqlalchemy import select

from tidegate.artifact import Digest, Repository
from tidegate.clock import Clock, rfc3339
from tidegate.curation.blob_access import LOOK, is_plainly_had
from tidegate.curation.consumer import Consumer
from tidegate.curation.shelf_blobs import HeldBlob
from tidegate.storage.database import Database
from tidegate.storage.glance import Glance
from tidegate.storage.schema import blob, repository_blob
from tidegate.storage.unchanged import Unchanged

_SIZE: Final = select(blob.c.size).where(blob.c.digest == repository_blob.c.digest).scalar_subquery().label("size")


class KnownBlobs:
    """Tells where blobs lie that a consumer may have.

    Args:
        database: migrated.
        clock: when decisions end.
        path: where the bytes of a blob are, when they are in a file.
        observes: nothing is withheld.
    """

    def __init__(
        self, database: Database, clock: Clock, path: Callable[[Digest], Path | None], *, observes: bool
    ) -> None:
        self._clock = clock
        self._path = path
        self._observes = observes
        self._answers: Unchanged[HeldBlob] = Unchanged(database)
        self._glance = Glance(database, LOOK.add_columns(_SIZE))

    def find(
        self, repository: Repository, digest: Digest, consumer: Consumer, *, is_told: bool
    ) -> tuple[HeldBlob | None, int | None]:
        """A blob that lies in a file, None when it has to be asked for; and the version to keep what is told then.

        Args:
            repository: it is asked from.
            digest: of the blob.
            consumer: who asks.
            is_told: they are only told of it (HEAD), which they may be of more than they may have.
        """
        asked = (repository, digest, consumer, is_told)
        held, version = self._answers.get(asked)
        if held is None and version is not None and (path := self._path(digest)) is not None:
            row = self._glance.first(
                repository=repository, digest=digest, who=consumer.name, now=rfc3339(self._clock())
            )
            if row is not None and (self._observes or is_plainly_had(row, consumer)):
                held = HeldBlob(digest=digest, size=row.size, path=path)
                self._answers.keep(asked, held, version)
        if held is None or held.path is None or not held.path.exists():  # bytes may go behind the record's back
            return None, version
        return held, version

    def keep(
        self, held: HeldBlob, repository: Repository, consumer: Consumer, version: int | None, *, is_told: bool
    ) -> None:
        """Remembers what `Shelf` said of a blob, asked after its version was told."""
        self._answers.keep((repository, held.digest, consumer, is_told), held, version)

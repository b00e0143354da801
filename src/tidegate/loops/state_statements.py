# SPDX-License-Identifier: Apache-2.0
"""Somebody changed an image's state, or brought it to one more repository: hang what was said of it on the image.

So clients find it among the referrers (cosign, oras, regctl) as they find the evidence: whoever may ask for what hangs
on an image in a repository. Nothing waits for it; the state holds from the change on.
"""

from contextlib import suppress
from typing import Final

from sqlalchemy import Connection

from tidegate.admission.records import records_of
from tidegate.artifact import Digest
from tidegate.curation.shelf import Shelf
from tidegate.curation.shelved import repositories_of
from tidegate.errors import NotFoundError
from tidegate.events import Event, EventKind
from tidegate.evidence import STATE_CHANGE
from tidegate.storage.consumers import Consumer
from tidegate.storage.database import Database

MAX_HUNG: Final = 50
"""Of more, the newest: an image that is restricted anew every day is not to drown its own evidence."""
_CHANGED: Final = frozenset(
    {
        EventKind.IMAGE_RESTRICTED,
        EventKind.IMAGE_DEPRECATED,
        EventKind.IMAGE_RECALLED,
        EventKind.IMAGE_RETIRED,
        EventKind.IMAGE_ADMITTED,  # released
        EventKind.IMAGE_QUARANTINED,  # the same, of what was recalled
        EventKind.IMAGE_SHELVED,
    }
)


def hang_state_statements(database: Database, shelf: Shelf) -> Consumer:
    """A consumer that hangs people's statements of a state on the image; again changes nothing."""

    def handle(event: Event, offset: int) -> None:
        del offset
        digest = Digest(str(event.data.get("digest") or event.subject))
        with database.begin() as connection, suppress(NotFoundError):  # it was deleted meanwhile
            _hang(connection, shelf, digest)

    return Consumer(name="loops.state_statements", kinds=_CHANGED, handle=handle)


def _hang(connection: Connection, shelf: Shelf, digest: Digest) -> None:
    said = records_of(connection, digest, kind=STATE_CHANGE)[-MAX_HUNG:]
    for name in repositories_of(connection, digest) if said else ():
        for record in said:
            shelf.attach_record(connection, name, digest, record.digest)

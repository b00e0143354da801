# SPDX-License-Identifier: Apache-2.0
"""An image got another state: its encrypted copies are judged again, since they are as good as it is."""

from collections.abc import Callable
from typing import Final

from tidegate.artifact import Digest
from tidegate.clock import Clock
from tidegate.curation.encryption.copies import copies_of
from tidegate.events import Event, EventKind
from tidegate.storage.consumers import Consumer
from tidegate.storage.database import Database
from tidegate.storage.tides import touch

_CHANGES: Final = frozenset(
    {EventKind.IMAGE_ADMITTED, EventKind.IMAGE_REJECTED, EventKind.IMAGE_RECALLED, EventKind.IMAGE_RETIRED}
)


def judge_copies(database: Database, submit: Callable[[str, str], None], clock: Clock) -> Consumer:
    """A consumer that asks for curation of every encrypted copy of an image whose verdict changed."""

    def handle(event: Event, offset: int) -> None:
        with database.read() as connection:
            found = copies_of(connection, Digest(event.subject))
        if event.tide and found:
            with database.begin() as connection:
                touch(connection, event.tide, found, at=clock())
        for copy in found:
            submit(f"{copy}:{offset}", copy)

    return Consumer(name="loops.plain_judged", kinds=_CHANGES, handle=handle)

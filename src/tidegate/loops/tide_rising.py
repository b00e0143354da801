# SPDX-License-Identifier: Apache-2.0
"""New knowledge is in force: what it touches is judged again, each digest in the tide that the update began."""

from collections.abc import Callable

from tidegate.events import Event, EventKind
from tidegate.storage.consumers import Consumer
from tidegate.storage.database import Database
from tidegate.storage.tides import to_judge


def judge_what_rises(database: Database, submit: Callable[[str, str], None]) -> Consumer:
    """A consumer that asks for curation of every digest of a tide whose decision was not remade yet.

    Args:
        database: whose record.
        submit: takes a key (asking twice for one key is asking once) and a digest.
    """

    def handle(event: Event, _offset: int) -> None:
        with database.read() as connection:
            found = to_judge(connection, event.tide)
        for digest in found:
            submit(f"{digest}:tide:{event.tide}", digest)

    return Consumer(name="loops.tide_rising", kinds=frozenset({EventKind.KNOWLEDGE_UPDATED}), handle=handle)

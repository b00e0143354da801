# SPDX-License-Identifier: Apache-2.0
"""A key was revoked: what rests on its signatures is judged again, and nothing else.

The revocation itself shut these images at the curation gate; at the execution gate void signatures prove nothing at
once. Here their decisions are made anew, as durable work: a kill leaves the event where it is, and asking again for
the same judgement is asking once.
"""

from collections.abc import Callable
from typing import Final

from sqlalchemy import select

from tidegate.clock import Clock
from tidegate.events import Event, EventKind
from tidegate.storage import schema
from tidegate.storage.consumers import Consumer
from tidegate.storage.database import Database
from tidegate.storage.tides import touch
from tidegate.trust.resting_on import affected

_CHUNK: Final = 500


def judge_when_revoked(database: Database, submit: Callable[[str, str], None], clock: Clock) -> Consumer:
    """A consumer that asks for curation of every digest on the shelf whose judgement rests on a revoked key.

    Args:
        database: whose record.
        submit: takes a key (asking twice for one key is asking once) and a digest.
        clock: now.
    """

    def handle(event: Event, _offset: int) -> None:
        key_id, from_entry = str(event.data["key"]), int(event.data["fromEntry"])
        state = schema.state.c
        with database.read() as connection:
            found = affected(connection, key_id, from_entry)
            shelved: list[str] = []
            for start in range(0, len(found), _CHUNK):
                here = select(state.digest).where(state.digest.in_(found[start : start + _CHUNK]))
                shelved += connection.scalars(here)
        if event.tide:
            with database.begin() as connection:
                touch(connection, event.tide, shelved, at=clock())
        for digest in sorted(shelved):
            submit(f"{digest}:{event.id}", digest)

    return Consumer(name="loops.key_revoked", kinds=frozenset({EventKind.KEY_REVOKED}), handle=handle)

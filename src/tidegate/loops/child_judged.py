# SPDX-License-Identifier: Apache-2.0
"""An image got another verdict: the indexes that name it are judged again, since they are as good as their worst."""

from collections.abc import Callable

from sqlalchemy import select

from tidegate.clock import Clock
from tidegate.curation.lifecycle import SHUT, VENDED
from tidegate.events import Event, EventKind
from tidegate.storage import schema
from tidegate.storage.consumers import Consumer
from tidegate.storage.database import Database
from tidegate.storage.tides import touch

_VERDICTS = frozenset(
    {EventKind.IMAGE_ADMITTED, EventKind.IMAGE_REJECTED, EventKind.IMAGE_RECALLED, EventKind.IMAGE_RETIRED}
)


def judge_parents(database: Database, submit: Callable[[str, str], None], clock: Clock) -> Consumer:
    """A consumer that asks for curation of every judged index above an image whose verdict changed.

    An index still in quarantine has its own work under way, which waits for its children.
    """
    child, state = schema.manifest_child, schema.state
    parents = (
        select(child.c.parent)
        .join(state, state.c.digest == child.c.parent)
        .where(state.c.state.in_([member.value for member in VENDED | SHUT]))
        .order_by(child.c.parent)
    )

    def handle(event: Event, offset: int) -> None:
        with database.read() as connection:
            found = connection.scalars(parents.where(child.c.child == event.subject)).all()
        if event.tide and found:
            with database.begin() as connection:
                touch(connection, event.tide, found, at=clock())
        for parent in found:
            submit(f"{parent}:{offset}", parent)

    return Consumer(name="loops.child_judged", kinds=_VERDICTS, handle=handle)

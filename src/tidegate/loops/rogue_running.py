# SPDX-License-Identifier: Apache-2.0
"""A container runs what may not run, since it began or since that was decided: told like what a sensor sees."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from tidegate.clock import Clock
from tidegate.events import Event, EventKind
from tidegate.execution.rogue import Rogue, RogueOptions, rogues_among, rogues_of
from tidegate.storage import outbox
from tidegate.storage.consumers import Consumer
from tidegate.storage.database import Database
from tidegate.storage.tides import tide_of
from tidegate.wire import to_builtins

_WITHDRAWN: Final = frozenset(
    {
        EventKind.IMAGE_RECALLED,
        EventKind.IMAGE_REJECTED,
        EventKind.IMAGE_RETIRED,
        EventKind.IMAGE_DELETED,
    }
)


def tell_of_rogues_decided(database: Database, options: RogueOptions, clock: Clock) -> Consumer:
    """A consumer that tells of each container which runs an image that may not run any more."""

    def handle(event: Event, _: int) -> None:
        with database.begin() as connection:
            at = clock()
            _tell(connection, rogues_of(connection, event.subject, options, at=at), at)

    return Consumer(name="loops.recalled_running", kinds=_WITHDRAWN, handle=handle)


def tell_of_rogues_started(
    connection: Connection, node: str, ids: Sequence[str], options: RogueOptions, clock: Clock
) -> None:
    """Tells which of these containers of a node or cluster may not run, each once; in the caller's transaction."""
    at = clock()
    _tell(connection, rogues_among(connection, node, ids, options, at=at), at)


def _tell(connection: Connection, rogues: Iterable[Rogue], at: datetime) -> None:
    for one in rogues:
        container = one.seen.container.id if one.seen.container else "node"
        event = Event(
            id=f"observation:{one.key}",
            kind=EventKind.OBSERVATION_MADE,
            subject=f"{one.node}/{container}",
            time=at,
            data={"node": one.node, "observation": to_builtins(one.seen)},
            tide=tide_of(connection, one.seen.container.digest if one.seen.container else ""),
        )
        outbox.publish(connection, event)

# SPDX-License-Identifier: Apache-2.0
"""An image was recalled, or a node began to run one that was: told like what a sensor sees, container by container."""

from collections.abc import Sequence

from sqlalchemy import Connection, select

from tidegate.clock import Clock, rfc3339
from tidegate.curation.lifecycle import State
from tidegate.events import Event, EventKind
from tidegate.execution.drift_rules import Mode
from tidegate.execution.nodes import Running, running_among, running_images
from tidegate.execution.observation import Act, Observation
from tidegate.storage import outbox, schema
from tidegate.storage.consumers import Consumer
from tidegate.storage.database import Database
from tidegate.wire import to_builtins


def tell_of_running_recalled(database: Database, clock: Clock) -> Consumer:
    """A consumer that tells, for every recalled digest, each container of a node that runs it."""

    def handle(event: Event, offset: int) -> None:
        with database.begin() as connection:
            for one in running_images(connection, event.subject, _parts(connection, event.subject)):
                _tell(connection, one, event.subject, f"{event.id}:{offset}", clock)

    return Consumer(name="loops.recalled_running", kinds=frozenset({EventKind.IMAGE_RECALLED}), handle=handle)


def tell_of_started_recalled(connection: Connection, node: str, ids: Sequence[str], clock: Clock) -> None:
    """Tells which of these containers of a node run a recalled image, each once; in the caller's transaction."""
    recalled = select(schema.state.c.digest).where(schema.state.c.state == State.RECALLED.value)
    blob = schema.manifest_blob
    for one in running_among(connection, node, ids):
        names = [name for name in (one.container.digest, one.container.config) if name]
        of_parts = select(blob.c.manifest).where(blob.c.blob.in_(names))
        is_it = (schema.state.c.digest.in_(names)) | (schema.state.c.digest.in_(of_parts))
        if names and (digest := connection.scalar(recalled.where(is_it).limit(1))) is not None:
            _tell(connection, one, digest, f"{digest}:started", clock)


def _parts(connection: Connection, digest: str) -> Sequence[str]:
    blob = schema.manifest_blob
    return list(connection.scalars(select(blob.c.blob).where(blob.c.manifest == digest)))


def _tell(connection: Connection, one: Running, digest: str, cause: str, clock: Clock) -> None:
    at = clock()
    seen = Observation(
        at=rfc3339(at),
        act=Act.RECALLED,
        path=digest,
        mode=Mode.ALERT,
        rule="recalled",
        container=one.container,
        what="its image was recalled",
    )
    event = Event(
        id=f"observation:{one.node}:{one.container.id}:{cause}",
        kind=EventKind.OBSERVATION_MADE,
        subject=f"{one.node}/{one.container.id}",
        time=at,
        data={"node": one.node, "observation": to_builtins(seen)},
    )
    outbox.publish(connection, event)

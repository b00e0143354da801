# SPDX-License-Identifier: Apache-2.0
"""A step was ordered that no node takes: the server takes it, and says how it went."""

from typing import Any

from sqlalchemy import Connection, Table, select

from tidegate.admission.gate import Gate
from tidegate.artifact import Digest
from tidegate.clock import Clock
from tidegate.curation.change import Act, Wish, change_state
from tidegate.curation.lifecycle import UnlawfulChangeError
from tidegate.errors import NotFoundError
from tidegate.events import Event, EventKind
from tidegate.execution.order import Outcome
from tidegate.execution.response_policy import Step
from tidegate.execution.responses import Response, ResponseState, conclude, find_response
from tidegate.storage import schema
from tidegate.storage.consumers import Consumer
from tidegate.storage.database import Database
from tidegate.storage.node_schema import container_past, node_container


def take_own_steps(database: Database, gate: Gate, clock: Clock) -> Consumer:
    """A consumer that takes the steps which are the server's."""

    def handle(event: Event, _: int) -> None:
        with database.read() as connection:
            found = find_response(connection, str(event.data["response"]))
        if found.by_order or found.state is not ResponseState.ORDERED:
            return
        with database.begin() as connection:
            outcome = _taken(connection, gate, found, clock)
            conclude(connection, found.id, found.node, outcome, at=clock())

    return Consumer(name="loops.response_ordered", kinds=frozenset({EventKind.RESPONSE_ORDERED}), handle=handle)


def _taken(connection: Connection, gate: Gate, found: Response, clock: Clock) -> Outcome:
    if found.step is Step.RECALL:
        return _recall(connection, gate, found, clock)
    if found.step is Step.LABEL:
        return Outcome(done=True, what="its mark on record is taken away" if found.undoes else "marked on record")
    return Outcome(done=False, what="neither a node nor a cluster takes it")


def _recall(connection: Connection, gate: Gate, found: Response, clock: Clock) -> Outcome:
    digest = _digest_of(connection, found)
    if digest is None:
        return Outcome(done=False, what="its image is not on this server's shelf")
    who = found.approved_by or found.asked_by
    wish = Wish(act=Act.RECALL, reason=f"response {found.id}: {found.why}"[:1000], who=who)
    try:
        change_state(connection, gate, digest, wish, at=clock())
    except (UnlawfulChangeError, NotFoundError) as error:
        return Outcome(done=False, what=str(error)[:4000])
    return Outcome(done=True, what=f"recalled {digest}")


def _digest_of(connection: Connection, found: Response) -> Digest | None:
    row = _told(connection, node_container, found) or _told(connection, container_past, found)
    if row is None:
        return None
    by_parts = select(schema.manifest_blob.c.manifest).where(schema.manifest_blob.c.blob == row.config)
    known = select(schema.state.c.digest).where(
        (schema.state.c.digest == row.digest) | (schema.state.c.digest.in_(by_parts) & (row.config != ""))
    )
    name = connection.scalar(known.order_by(schema.state.c.digest).limit(1))
    return Digest(name) if name else None


def _told(connection: Connection, table: Table, found: Response) -> Any:
    """What was told of the container last: it may have ended while somebody thought about it."""
    its = (table.c.node == found.node) & (table.c.id == found.container)
    query = select(table.c.digest, table.c.config).where(its).order_by(table.c.since.desc()).limit(1)
    return connection.execute(query).first()

# SPDX-License-Identifier: Apache-2.0
"""Responses on record: asked for, approved by another where that is asked, ordered with a signature, done or not.

Each change is an event in the same transaction; an order is a signed statement in the ledger.
"""

import uuid
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, RowMapping, insert, select, update

from tidegate.admission.gate import Gate
from tidegate.admission.records import record_named
from tidegate.artifact import Digest
from tidegate.clock import parse_rfc3339, rfc3339
from tidegate.errors import InvalidInputError, NotFoundError, RefusedError
from tidegate.events import Event, EventKind
from tidegate.execution.incidents import opening
from tidegate.execution.observation import Container
from tidegate.execution.order import ORDER_LASTS, Order, Outcome, PodOf, to_statement
from tidegate.execution.response_plan import Place
from tidegate.execution.response_policy import CONTAINING, REVERSIBLE, Step
from tidegate.identity.duties import Actor, Separation, separate
from tidegate.storage import outbox
from tidegate.storage.lock_order import Rank, taking
from tidegate.storage.node_schema import node_container, response
from tidegate.storage.tides import tide_of_event
from tidegate.values import Struct
from tidegate.wire import from_json, to_json

MAX_WHY_CHARS: Final = 1000
_MILDEST_FIRST: Final = [step.value for step in Step]
"""Of what was asked for within a second: what is said on a pod is said before it goes."""
_MAX_POD_BYTES: Final = 8 * 1024


class ResponseState(StrEnum):
    """How far it is."""

    ASKED = "asked"
    """Another person has to approve it."""
    ORDERED = "ordered"
    """The node's sensor, or the server itself, is to do it."""
    DONE = "done"
    FAILED = "failed"
    REFUSED = "refused"
    """By a person, or by a limit."""
    EXPIRED = "expired"
    """Nobody did it in time."""


PENDING: Final = frozenset({ResponseState.ASKED, ResponseState.ORDERED})
"""What may still come to something."""


class Response(Struct, frozen=True, kw_only=True):
    """A step of a response.

    Attributes:
        node: the node or the cluster whose sensor takes it.
        pod: which pod, where a cluster does.
        by_order: a sensor is ordered; otherwise the server does it.
        undoes: the response it takes back; "" for a step forward.
        incident: why, where there is one.
        statement: the envelope of the order; "" without one.
        outcome: how it went.
    """

    id: str
    node: str
    container: str
    workload: str
    namespace: str
    pod: PodOf | None = None
    by_order: bool
    step: Step
    undoes: str
    incident: str
    why: str
    state: ResponseState
    asked_by: str
    approved_by: str
    asked_at: datetime
    expires_at: datetime
    statement: str
    outcome: str
    ended_at: str


class Wanted(Struct, frozen=True, kw_only=True):
    """A step that somebody, or a policy, wants; `node`, `pod` and `by_order` as in `Response`."""

    node: str
    container: Container
    pod: PodOf | None = None
    by_order: bool = True
    step: Step
    why: str
    by: Actor
    incident: str = ""
    undoes: str = ""
    waits: bool = False
    refused: str = ""


def begin(connection: Connection, gate: Gate, wanted: Wanted, *, at: datetime, id_: str = "") -> Response:
    """Puts a response on record, and orders it unless it waits for approval; the same id again changes nothing.

    Raises:
        InvalidInputError: no reason.
    """
    if not wanted.why.strip() or not wanted.why.isprintable() or len(wanted.why) > MAX_WHY_CHARS:
        raise InvalidInputError("a response needs a reason", remedy="say why, in one line")
    name = id_ or uuid.uuid4().hex
    taking(connection, Rank.WORK, [f"node:{wanted.node}"])
    if connection.scalar(select(response.c.id).where(response.c.id == name)) is not None:
        return find_response(connection, name)
    state = ResponseState.REFUSED if wanted.refused else ResponseState.ASKED
    row = {
        "id": name,
        "node": wanted.node,
        "container": wanted.container.id,
        "workload": wanted.container.workload,
        "namespace": wanted.container.namespace,
        "pod": "" if wanted.pod is None else to_json(wanted.pod).decode(),
        "by_order": int(wanted.by_order),
        "step": wanted.step.value,
        "undoes": wanted.undoes,
        "incident": wanted.incident,
        "why": wanted.why,
        "state": state.value,
        "asked_by": wanted.by.name,
        "asked_identity": wanted.by.identity,
        "asked_at": rfc3339(at),
        "expires_at": rfc3339(at + ORDER_LASTS),
        "outcome": wanted.refused,
        "ended_at": rfc3339(at) if wanted.refused else "",
    }
    connection.execute(insert(response).values(**row))
    found = find_response(connection, name)
    if wanted.refused:
        _tell(connection, EventKind.RESPONSE_REFUSED, found, at)
    elif wanted.waits:
        _tell(connection, EventKind.RESPONSE_ASKED, found, at)
    else:
        return _order(connection, gate, found, at)
    return found


def approve(connection: Connection, gate: Gate, name: str, *, by: Actor, at: datetime) -> Response:
    """Has done what another asked for.

    Raises:
        NotFoundError: there is no such response.
        RefusedError: it does not wait for approval.
        SameHandError: by who asked for it.
    """
    found = _waiting(connection, name)
    asker = Actor(name=found.asked_by, identity=_identity_of(connection, name))
    separate(Separation.CONTAINED, doer=by, earlier=[asker], where=name)
    connection.execute(update(response).where(response.c.id == name).values(approved_by=by.name))
    return _order(connection, gate, find_response(connection, name), at)


def refuse(connection: Connection, name: str, *, by: Actor, why: str, at: datetime) -> Response:
    """Refuses what another asked for. Raises as `approve`, without the last."""
    _waiting(connection, name)
    return _end(connection, name, ResponseState.REFUSED, f"by {by.name}: {why}"[:MAX_WHY_CHARS], at)


def undo(connection: Connection, gate: Gate, name: str, *, by: Actor, why: str, at: datetime) -> Response:
    """Takes back a step that was taken, or what was done of one that failed.

    Raises:
        NotFoundError: there is no such response.
        RefusedError: nothing of it was done, or it cannot be taken back.
    """
    found = find_response(connection, name)
    if found.state not in {ResponseState.DONE, ResponseState.FAILED} or found.undoes:
        raise RefusedError(f"it is {found.state}: nothing to take back", where=name)
    if found.step not in REVERSIBLE:
        raise RefusedError(f"a {found.step} cannot be taken back", where=name)
    container = Container(id=found.container, name=found.workload, namespace=found.namespace)
    wanted = Wanted(
        node=found.node,
        container=container,
        pod=found.pod,
        by_order=found.by_order,
        step=found.step,
        why=why,
        by=by,
        incident=found.incident,
        undoes=found.id,
    )
    return begin(connection, gate, wanted, at=at)


def conclude(connection: Connection, name: str, node: str, outcome: Outcome, *, at: datetime) -> Response:
    """Takes down what became of an order of a node; again changes nothing.

    Raises:
        NotFoundError: there is no such order of this node.
    """
    found = find_response(connection, name)
    if found.node != node:
        raise NotFoundError("no such order of this node", where=name)
    if found.state not in {ResponseState.ORDERED, ResponseState.EXPIRED}:
        return found
    return _end(connection, name, ResponseState.DONE if outcome.done else ResponseState.FAILED, outcome.what, at)


def expire(connection: Connection, *, at: datetime) -> Sequence[str]:
    """Tells of orders and wishes whose time is over, each once."""
    names = connection.scalars(select(response.c.id).where(_overdue(at)).order_by(response.c.node, response.c.id)).all()
    return [
        name
        for name in names
        if _end(connection, name, ResponseState.EXPIRED, "nobody took it in time", at).state is ResponseState.EXPIRED
    ]


def has_overdue(connection: Connection, *, at: datetime) -> bool:
    """True when `expire` would tell of one."""
    return connection.scalar(select(response.c.id).where(_overdue(at)).limit(1)) is not None


def orders_for(connection: Connection, node: str, *, at: datetime) -> Sequence[tuple[str, bytes]]:
    """What a node's sensor is to do: ids and signed envelopes, in order."""
    its = (response.c.node == node) & (response.c.state == ResponseState.ORDERED.value) & (response.c.statement != "")
    rows = connection.execute(select(response).where(its & (response.c.expires_at > rfc3339(at))))
    found = []
    for row in sorted(rows, key=lambda one: (one.asked_at, _MILDEST_FIRST.index(one.step), one.id)):
        recorded = record_named(connection, Digest(row.statement))
        if recorded is not None:
            found.append((row.id, recorded.envelope))
    return found


def contained_since(connection: Connection, moment: datetime) -> Sequence[Place]:
    """Containers taken out of service, or about to be, since a moment, and not given back."""
    undone = select(response.c.undoes).where(response.c.state == ResponseState.DONE.value)
    states = [ResponseState.ASKED.value, ResponseState.ORDERED.value, ResponseState.DONE.value]
    query = (
        select(response, node_container.c.image)
        .outerjoin(
            node_container, (node_container.c.node == response.c.node) & (node_container.c.id == response.c.container)
        )
        .where(
            response.c.step.in_([step.value for step in CONTAINING]),
            response.c.state.in_(states),
            response.c.undoes == "",
            response.c.asked_at >= rfc3339(moment),
            response.c.id.notin_(undone),
        )
    )
    return [
        Place(node=row.node, container=row.container, namespace=row.namespace, image=row.image or "")
        for row in connection.execute(query)
    ]


def find_response(connection: Connection, name: str) -> Response:
    """One of them.

    Raises:
        NotFoundError: there is none.
    """
    row = connection.execute(select(response).where(response.c.id == name)).mappings().first()
    if row is None:
        raise NotFoundError("no such response", where=name[:64])
    return _response(row)


def list_responses(
    connection: Connection, *, state: str = "", incident: str = "", limit: int = 100
) -> Sequence[Response]:
    """Responses, the newest first: all, or those in a state, or those of an incident."""
    query = select(response).order_by(response.c.asked_at.desc(), response.c.id).limit(limit)
    if state:
        query = query.where(response.c.state == state)
    if incident:
        query = query.where(response.c.incident == incident)
    return [_response(row) for row in connection.execute(query).mappings()]


def _overdue(at: datetime) -> ColumnElement[bool]:
    return (response.c.state == ResponseState.ORDERED.value) & (response.c.expires_at <= rfc3339(at))


def _order(connection: Connection, gate: Gate, found: Response, at: datetime) -> Response:
    statement, expires_at = "", rfc3339(at + ORDER_LASTS)
    if found.by_order:
        order = Order(
            id=found.id,
            node=found.node,
            container=found.container,
            step=found.step,
            undoes=found.undoes,
            incident=found.incident,
            why=found.why,
            pod=found.pod,
            issued_at=rfc3339(at),
            expires_at=expires_at,
        )
        statement = gate.add(connection, to_statement(order), at=at).digest
    values = {"state": ResponseState.ORDERED.value, "statement": statement, "expires_at": expires_at}
    connection.execute(update(response).where(response.c.id == found.id).values(**values))
    ordered = find_response(connection, found.id)
    _tell(connection, EventKind.RESPONSE_ORDERED, ordered, at)
    return ordered


def _end(connection: Connection, name: str, state: ResponseState, outcome: str, at: datetime) -> Response:
    still = (response.c.id == name) & response.c.state.in_(
        [ResponseState.ASKED.value, ResponseState.ORDERED.value, ResponseState.EXPIRED.value]
    )
    values = {"state": state.value, "outcome": outcome, "ended_at": rfc3339(at)}
    changed = connection.execute(update(response).where(still).values(**values)).rowcount
    found = find_response(connection, name)
    if changed:
        _tell(connection, _KIND_OF[state], found, at)
    return found


_KIND_OF: Final = {
    ResponseState.DONE: EventKind.RESPONSE_DONE,
    ResponseState.FAILED: EventKind.RESPONSE_FAILED,
    ResponseState.REFUSED: EventKind.RESPONSE_REFUSED,
    ResponseState.EXPIRED: EventKind.RESPONSE_EXPIRED,
}


def _waiting(connection: Connection, name: str) -> Response:
    locked = select(response.c.node).where(response.c.id == name)
    node = connection.scalar(locked)
    if node is not None:
        taking(connection, Rank.WORK, [f"node:{node}"])
        connection.execute(select(response.c.id).where(response.c.id == name).with_for_update())
    found = find_response(connection, name)
    if found.state is not ResponseState.ASKED:
        raise RefusedError(f"it is {found.state}, and does not wait for approval", where=name)
    return found


def _identity_of(connection: Connection, name: str) -> str:
    return str(connection.scalar(select(response.c.asked_identity).where(response.c.id == name)) or "")


def _tell(connection: Connection, kind: EventKind, found: Response, at: datetime) -> None:
    data: dict[str, Any] = {
        "response": found.id,
        "node": found.node,
        "container": found.container,
        "workload": found.workload,
        "step": found.step.value,
        "undoes": found.undoes,
        "incident": found.incident,
        "why": found.why,
        "asked_by": found.asked_by,
        "approved_by": found.approved_by,
        "evidence": found.statement,
        "outcome": found.outcome,
    }
    event = Event(
        id=f"{kind}:{found.id}",
        kind=kind,
        subject=f"{found.node}/{found.container}",
        time=at,
        data=data,
        tide=tide_of_event(connection, opening(found.incident)) if found.incident else "",
    )
    outbox.publish(connection, event)


def _response(row: RowMapping) -> Response:
    plain = ("id", "node", "container", "workload", "namespace", "undoes", "incident", "why", "asked_by")
    more = ("approved_by", "statement", "outcome", "ended_at")
    return Response(
        **{name: row[name] for name in (*plain, *more)},
        pod=_pod(row["pod"]),
        by_order=bool(row["by_order"]),
        step=Step(row["step"]),
        state=ResponseState(row["state"]),
        asked_at=parse_rfc3339(row["asked_at"]),
        expires_at=parse_rfc3339(row["expires_at"]),
    )


def _pod(text: str) -> PodOf | None:
    return from_json(text.encode(), PodOf, what="pod of a response", max_bytes=_MAX_POD_BYTES) if text else None

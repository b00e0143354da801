# SPDX-License-Identifier: Apache-2.0
"""A person asks for a step: the container is found by what people call it, and the policy says whether it waits."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from tidegate.admission.gate import Gate
from tidegate.errors import InvalidInputError, NotFoundError
from tidegate.execution.incidents import find_incident
from tidegate.execution.nodes import Running, running_on
from tidegate.execution.observation import Container
from tidegate.execution.reporters import reporters_of
from tidegate.execution.response_policy import ResponsePolicy, Step
from tidegate.execution.responses import Response, Wanted, begin
from tidegate.execution.route import route
from tidegate.identity.duties import Actor
from tidegate.values import Struct

_FEWEST_OF_ID: Final = 6
_MAX_NAMED: Final = 5


class Asked(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is asked for.

    Attributes:
        container: its id, the first six digits of it or more, its name, or `namespace/pod/name`; "" for the incident's.
        node: where it runs; "" for wherever, when only one is called so.
        incident: why, where there is one.
    """

    step: Step
    why: str
    container: str = ""
    node: str = ""
    incident: str = ""


def ask(
    connection: Connection, gate: Gate, policy: ResponsePolicy, asked: Asked, *, by: Actor, at: datetime
) -> Response:
    """Has a step taken, or puts it on record to wait for another's approval.

    Raises:
        NotFoundError: no such container runs, or several are called so; there is no such incident.
        RefusedError: nobody is there who could take that step.
        InvalidInputError: it says neither which container nor which incident, or no reason.
    """
    node, container = _container_of(connection, asked)
    taken = route(asked.step, container, node, reporters_of(connection, container))
    wanted = Wanted(
        node=taken.taker,
        container=container,
        pod=taken.pod,
        by_order=taken.by_order,
        step=asked.step,
        why=asked.why,
        by=by,
        incident=asked.incident,
        waits=asked.step in policy.approval,
    )
    return begin(connection, gate, wanted, at=at)


def _container_of(connection: Connection, asked: Asked) -> tuple[str, Container]:
    node, name = asked.node, asked.container
    if asked.incident:
        incident = find_incident(connection, asked.incident)
        if not name:
            if incident.container is None:
                raise InvalidInputError("the incident is of the node itself: say which container", where=asked.incident)
            return incident.node, incident.container
    if not name:
        raise InvalidInputError("say which container", remedy="name it, or the incident it is of")
    found = _named(running_on(connection, node), node, name)
    return found.node, found.container


def _named(running: Sequence[Running], node: str, name: str) -> Running:
    exact = [one for one in running if name in _names(one.container)]
    found = exact or [one for one in running if len(name) >= _FEWEST_OF_ID and one.container.id.startswith(name)]
    if len({one.container.id for one in found}) == 1:  # its node and its cluster both tell of it
        return found[0]
    where = f"{node}/{name}"[:300] if node else name[:300]
    if not found:
        raise NotFoundError("no such container runs", where=where, remedy="look at what nodes told: GET /nodes/NODE/…")
    named = ", ".join(f"{one.container.workload} on {one.node} ({one.container.id[:12]})" for one in found[:_MAX_NAMED])
    more = f" and {len(found) - _MAX_NAMED} more" if len(found) > _MAX_NAMED else ""
    remedy = f"name it by its id, or say on which node: {named}{more}"
    raise NotFoundError(f"{len(found)} containers are called so", where=where, remedy=remedy)


def _names(one: Container) -> Collection[str]:
    return {one.id, one.name, one.workload, f"{one.namespace}/{one.pod}"}

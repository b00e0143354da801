# SPDX-License-Identifier: Apache-2.0
"""A sensor saw something: an incident is opened, and what the policy of response says is begun, within its limits."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection

from tidegate.admission.gate import Gate
from tidegate.clock import Clock
from tidegate.errors import RefusedError
from tidegate.events import Event, EventKind
from tidegate.execution import incidents, responses
from tidegate.execution.nodes import running_in
from tidegate.execution.observation import Container, Observation
from tidegate.execution.reporters import reporters_of
from tidegate.execution.response_plan import Place, plan
from tidegate.execution.response_policy import ResponsePolicy, Step
from tidegate.execution.route import Route, route
from tidegate.identity.duties import Actor
from tidegate.storage.consumers import Consumer
from tidegate.storage.database import Database
from tidegate.wire import from_builtins


def respond_to_drift(database: Database, gate: Gate, policy: ResponsePolicy, clock: Clock) -> Consumer:
    """A consumer that opens incidents from observations, and begins what the policy says."""

    def handle(event: Event, _: int) -> None:
        with database.begin() as connection:
            respond(connection, gate, policy, event, clock())

    return Consumer(name="loops.drift_seen", kinds=frozenset({EventKind.OBSERVATION_MADE}), handle=handle)


def respond(connection: Connection, gate: Gate, policy: ResponsePolicy, event: Event, at: datetime) -> None:
    """Opens or adds to an incident, and begins its steps when it is new; the same event again changes nothing."""
    data: dict[str, Any] = dict(event.data)
    node, seen = str(data["node"]), from_builtins(data["observation"], Observation, what=event.id)
    rule = policy.rule_for(seen)
    if rule is None:
        return
    incident, is_new = incidents.open_incident(connection, event.id, node, seen, rule, at=at)
    if not is_new or seen.container is None or not rule.steps:
        return
    fleet = [
        Place(node=one.node, container=one.container.id, namespace=one.container.namespace, image=one.container.image)
        for one in running_in(connection, seen.container.namespace)
    ]
    container = seen.container
    routes = _routes(connection, rule.steps, container, node)
    place = Place(node=node, container=container.id, namespace=container.namespace, image=container.image)
    contained = responses.contained_since(connection, at - policy.limits.window)
    clusters = {step: one.taker for step, one in routes.items() if isinstance(one, Route) and one.pod is not None}
    for step in plan(policy, rule, place, fleet=fleet, contained=contained, clusters=clusters):
        taken = routes[step.step]
        wanted = responses.Wanted(
            node=node if isinstance(taken, str) else taken.taker,
            container=container,
            pod=None if isinstance(taken, str) else taken.pod,
            by_order=isinstance(taken, Route) and taken.by_order,
            step=step.step,
            why=f"{rule.name}: {seen.act}",
            by=Actor.nobody(),
            incident=incident,
            waits=step.waits,
            refused=taken if isinstance(taken, str) else step.refused,
        )
        name = sha256(f"{incident}\0{step.step}".encode()).hexdigest()[:32]
        responses.begin(connection, gate, wanted, at=at, id_=name)


def _routes(
    connection: Connection, steps: Sequence[Step], container: Container, node: str
) -> Mapping[Step, Route | str]:
    """Who takes each step; where nobody can, why not."""
    reporters = reporters_of(connection, container)
    found: dict[Step, Route | str] = {}
    for step in steps:
        try:
            found[step] = route(step, container, node, reporters)
        except RefusedError as error:
            found[step] = error.what
    return found

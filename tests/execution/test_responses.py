# SPDX-License-Identifier: Apache-2.0
"""Nodes, incidents and responses on record, on SQLite and PostgreSQL: once each, in whatever order, however often."""

import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import insert

from tidegate.admission.gate import Gate
from tidegate.errors import NotFoundError, RefusedError
from tidegate.events import Event, EventKind
from tidegate.execution import responses
from tidegate.execution.asking import Asked, ask
from tidegate.execution.drift_rules import Mode
from tidegate.execution.nodes import forget_node, list_nodes, note_silence, observed, running_on, take_report
from tidegate.execution.observation import Act, Container, Observation
from tidegate.execution.order import Outcome, PodOf, read_order
from tidegate.execution.report import NodeKind, PodContainer, Report, Sent
from tidegate.execution.response_policy import ResponsePolicy, ResponseRule, Step
from tidegate.execution.responses import ResponseState, Wanted
from tidegate.identity.duties import Actor, SameHandError
from tidegate.loops.drift_seen import respond
from tidegate.loops.response_ordered import take_own_steps
from tidegate.signing.keys import SigningKey, TrustedKeys
from tidegate.storage import outbox, schema
from tidegate.storage.database import Database
from tidegate.storage.migrations import migrate
from tidegate.values import replace

AT = datetime(2026, 11, 30, tzinfo=UTC)
BOX = Container(id="ab" * 32, name="web", image="registry.example/web:1", namespace="shop", config="sha256:" + "1" * 64)
KEY = SigningKey.of(ec.derive_private_key(0x1234567, ec.SECP256R1()))
ANNA, BOB = Actor(name="anna", identity="user:anna"), Actor(name="bob", identity="user:bob")


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.tools)])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    if request.param == "sqlite":
        yield from _opened(f"sqlite:///{tmp_path / 'state.db'}")
        return
    sys.path.append(str(Path(__file__).parents[1]))
    from postgres_server import start_postgres

    with start_postgres() as url:
        yield from _opened(url)


def _opened(url: str) -> Iterator[Database]:
    migrate(url)
    made = Database(url)
    yield made
    made.close()


@pytest.fixture(scope="module")
def gate() -> Gate:
    return Gate(policies=(), signer=KEY, trusted=TrustedKeys.of([KEY.verifying]), verifier_id="https://gate.example")


def seen(act: Act = Act.EXECUTED, container: Container = BOX) -> Observation:
    return Observation(at="2026-11-30T00:00:00Z", act=act, path="/tmp/x", mode=Mode.ALERT, container=container)


def report(*ids: str, containers: tuple[Container, ...] | None = None, ends: bool = False) -> Report:
    sent = tuple(Sent(id=one * 32, seen=seen()) for one in ids)
    return Report(run="c" * 32, observations=sent, containers=containers, ends=ends)


def all_events(database: Database) -> list[tuple[int, Event]]:
    with database.read() as connection:
        return list(outbox.read_after(connection, 0, 1000))


def kinds(database: Database) -> list[EventKind]:
    return [event.kind for _, event in all_events(database)]


def test_a_report_that_comes_again_tells_nothing_anew(database: Database) -> None:
    for expected in (2, 0, 1):
        ids = ("a", "b") if expected != 1 else ("b", "d")
        with database.begin() as connection:
            assert take_report(connection, "n", report(*ids), principal="r", at=AT).new == expected
    assert kinds(database).count(EventKind.OBSERVATION_MADE) == 3
    assert kinds(database).count(EventKind.NODE_JOINED) == 1


def test_what_runs_is_asked_for_until_it_is_known(database: Database) -> None:
    with database.begin() as connection:
        assert take_report(connection, "n", report(), principal="r", at=AT).unknown_containers
    with database.begin() as connection:
        assert not take_report(connection, "n", report(containers=(BOX,)), principal="r", at=AT).unknown_containers
    with database.begin() as connection:
        assert not take_report(connection, "n", report(), principal="r", at=AT).unknown_containers
        (found,) = running_on(connection)
        assert (found.node, found.container) == ("n", BOX)


def test_silence_is_told_once_and_its_end_too(database: Database) -> None:
    def look(seconds: int) -> list[str]:
        with database.begin() as connection:
            return list(note_silence(connection, after=timedelta(seconds=30), at=AT + timedelta(seconds=seconds)))

    with database.begin() as connection:
        take_report(connection, "n", report(), principal="r", at=AT)
    assert [look(30), look(31), look(60)] == [[], ["n"], []]
    with database.begin() as connection:
        take_report(connection, "n", report(), principal="r", at=AT + timedelta(seconds=61))
    assert kinds(database)[-2:] == [EventKind.NODE_SILENT, EventKind.NODE_BACK]
    with database.begin() as connection:
        take_report(connection, "n", report(ends=True), principal="r", at=AT + timedelta(seconds=62))
    assert look(1000) == []
    assert kinds(database)[-1] is EventKind.NODE_ENDED


def test_nobody_else_speaks_for_a_node_until_it_is_forgotten(database: Database) -> None:
    with database.begin() as connection:
        take_report(connection, "n", report(), principal="r", at=AT)
    with pytest.raises(RefusedError), database.begin() as connection:
        take_report(connection, "n", report(), principal="other", at=AT)
    with database.begin() as connection:
        forget_node(connection, "n", at=AT)
        take_report(connection, "n", report(), principal="other", at=AT)
        assert [one.principal for one in list_nodes(connection)] == ["other"]


def test_an_incident_and_its_steps_are_begun_once(database: Database, gate: Gate) -> None:
    policy = ResponsePolicy(rules=(ResponseRule(name="r", steps=(Step.LABEL, Step.ISOLATE, Step.KILL)),))
    with database.begin() as connection:
        take_report(connection, "n", report("a", "b", containers=(BOX,)), principal="r", at=AT)
    with database.read() as connection:
        events = [one for _, one in outbox.read_after(connection, 0, 10) if one.kind is EventKind.OBSERVATION_MADE]
    for event in (*events, *events):
        with database.begin() as connection:
            respond(connection, gate, policy, event, AT)
    with database.read() as connection:
        found = responses.list_responses(connection)
    assert {(one.step, one.state) for one in found} == {
        (Step.LABEL, ResponseState.ORDERED),
        (Step.ISOLATE, ResponseState.ORDERED),
        (Step.KILL, ResponseState.ASKED),
    }
    assert kinds(database).count(EventKind.INCIDENT_OPENED) == 1


def test_an_order_is_signed_for_its_node_and_a_time(database: Database, gate: Gate) -> None:
    with database.begin() as connection:
        made = responses.begin(connection, gate, wanted(Step.FREEZE), at=AT)
        ((name, envelope),) = responses.orders_for(connection, "n", at=AT)
        assert responses.orders_for(connection, "other", at=AT) == []
    trusted = TrustedKeys.of([KEY.verifying])
    order = read_order(envelope, trusted, node="n", at=AT)
    assert (name, order.id, order.container, order.step) == (made.id, made.id, BOX.id, Step.FREEZE)
    other = TrustedKeys.of([SigningKey.generate().verifying])
    for keys, node, at in (
        (other, "n", AT),
        (trusted, "m", AT),
        (trusted, "n", AT + timedelta(minutes=5)),
        (trusted, "n", AT - timedelta(minutes=3)),
    ):
        with pytest.raises(RefusedError):
            read_order(envelope, keys, node=node, at=at)


def test_who_asks_does_not_approve_and_a_step_back_is_a_step(database: Database, gate: Gate) -> None:
    with database.begin() as connection:
        made = responses.begin(connection, gate, wanted(Step.FREEZE, waits=True), at=AT)
        assert responses.orders_for(connection, "n", at=AT) == []
    with pytest.raises(SameHandError), database.begin() as connection:
        responses.approve(connection, gate, made.id, by=ANNA, at=AT)
    with database.begin() as connection:
        assert responses.approve(connection, gate, made.id, by=BOB, at=AT).state is ResponseState.ORDERED
    with pytest.raises(RefusedError), database.begin() as connection:
        responses.approve(connection, gate, made.id, by=BOB, at=AT)
    for _ in range(2):
        with database.begin() as connection:
            done = responses.conclude(connection, made.id, "n", Outcome(done=True, what="so"), at=AT)
        assert done.state is ResponseState.DONE
    with database.begin() as connection:
        back = responses.undo(connection, gate, made.id, by=BOB, why="it was nothing", at=AT)
        assert (back.undoes, back.state) == (made.id, ResponseState.ORDERED)
        responses.conclude(connection, back.id, "n", Outcome(done=True, what="so"), at=AT)
        assert responses.contained_since(connection, AT - timedelta(minutes=1)) == []
    assert kinds(database).count(EventKind.RESPONSE_DONE) == 2


def test_an_order_nobody_takes_is_told_once(database: Database, gate: Gate) -> None:
    with database.begin() as connection:
        made = responses.begin(connection, gate, wanted(Step.FREEZE), at=AT)
    late = AT + timedelta(minutes=5)
    for expected in ([made.id], []):
        with database.begin() as connection:
            assert responses.expire(connection, at=late) == expected
            assert responses.orders_for(connection, "n", at=late) == []


def wanted(step: Step, *, waits: bool = False) -> Wanted:
    return Wanted(node="n", container=BOX, step=step, why="a test", by=ANNA, waits=waits)


IN_POD = replace(BOX, namespace="shop", pod="web-1", pod_uid="u-1", host="worker-1")


def test_a_step_of_a_cluster_is_ordered_from_it_with_its_pod(database: Database, gate: Gate) -> None:
    told = PodContainer(number=1, container=IN_POD)
    cluster = Report(kind=NodeKind.CLUSTER, run="d" * 32, changed=(told,), all_since=1, running=1)
    node_s = replace(IN_POD, pod_uid="", host="")
    policy = ResponsePolicy(rules=(ResponseRule(name="r", steps=(Step.ANNOTATE, Step.ISOLATE, Step.SCALE_TO_ZERO)),))
    with database.begin() as connection:
        take_report(connection, "prod", cluster, principal="c", at=AT)
        take_report(connection, "worker-1", report(containers=(node_s,)), principal="r", at=AT)
        event = observed("worker-1", Sent(id="a" * 32, seen=seen(container=node_s)), AT)
        respond(connection, gate, policy, event, AT)
        found = {one.step: one for one in responses.list_responses(connection)}
    assert {step: (one.node, one.state) for step, one in found.items()} == {
        Step.ANNOTATE: ("prod", ResponseState.ORDERED),
        Step.ISOLATE: ("worker-1", ResponseState.ORDERED),
        Step.SCALE_TO_ZERO: ("prod", ResponseState.ASKED),
    }
    pod = PodOf(namespace="shop", name="web-1", uid="u-1", host="worker-1")
    with database.begin() as connection:
        ((_, envelope),) = responses.orders_for(connection, "prod", at=AT)
        assert read_order(envelope, TrustedKeys.of([KEY.verifying]), node="prod", at=AT).pod == pod
        approved = responses.approve(connection, gate, found[Step.SCALE_TO_ZERO].id, by=BOB, at=AT)
        responses.conclude(connection, approved.id, "prod", Outcome(done=False, what="killed half way"), at=AT)
        back = responses.undo(connection, gate, approved.id, by=BOB, why="it was nothing", at=AT)
        assert (back.node, back.pod, back.state) == ("prod", pod, ResponseState.ORDERED)


def test_by_hand_both_tell_of_one_and_a_pod_is_a_name_too(database: Database, gate: Gate) -> None:
    told = PodContainer(number=1, container=IN_POD)
    cluster = Report(kind=NodeKind.CLUSTER, run="d" * 32, changed=(told,), all_since=1, running=1)
    with database.begin() as connection:
        take_report(connection, "prod", cluster, principal="c", at=AT)
        take_report(connection, "worker-1", report(containers=(replace(IN_POD, pod_uid=""),)), principal="r", at=AT)
        for name in (IN_POD.id, IN_POD.id[:8], IN_POD.workload, "shop/web-1"):
            asked = Asked(step=Step.EVICT, why="a test", container=name)
            made = ask(connection, gate, ResponsePolicy(), asked, by=ANNA, at=AT)
            assert (made.node, made.state) == ("prod", ResponseState.ASKED)
        with pytest.raises(NotFoundError, match="no such container"):
            ask(connection, gate, ResponsePolicy(), Asked(step=Step.EVICT, why="x", container="other"), by=ANNA, at=AT)


def test_the_image_of_what_ended_meanwhile_is_recalled_all_the_same(database: Database, gate: Gate) -> None:
    digest = "sha256:" + "7" * 64
    box = replace(BOX, digest=digest, config="")
    manifest = {"media_type": "", "artifact_type": "", "kind": "image", "document": b"", "stored_at": ""}
    with database.begin() as connection:
        connection.execute(insert(schema.manifest).values(digest=digest, **manifest))
        connection.execute(insert(schema.state).values(digest=digest, state="admitted", since="2026-11-30T00:00:00Z"))
        take_report(connection, "n", report(containers=(box,)), principal="r", at=AT)
        asked = Asked(step=Step.RECALL, why="it is stolen", container="web")
        made = ask(connection, gate, ResponsePolicy(), asked, by=ANNA, at=AT)
        assert (made.state, made.by_order) == (ResponseState.ASKED, False)
        take_report(connection, "n", report(containers=()), principal="r", at=AT)
        responses.approve(connection, gate, made.id, by=BOB, at=AT)
    ((offset, event),) = [
        (number, one) for number, one in all_events(database) if one.kind is EventKind.RESPONSE_ORDERED
    ]
    take_own_steps(database, gate, lambda: AT).handle(event, offset)
    with database.read() as connection:
        done = responses.find_response(connection, made.id)
    assert (done.state, done.outcome) == (ResponseState.DONE, f"recalled {digest}")
    assert EventKind.IMAGE_RECALLED in kinds(database)

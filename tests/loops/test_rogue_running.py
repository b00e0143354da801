# SPDX-License-Identifier: Apache-2.0
"""What may not run is told when it begins and when that is decided: once, and of nobody else."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import insert

from tidegate.clock import rfc3339
from tidegate.events import Event, EventKind
from tidegate.execution.drift_rules import Mode
from tidegate.execution.nodes import take_report
from tidegate.execution.observation import Container, Observation
from tidegate.execution.report import NodeKind, Owner, PodContainer, Report
from tidegate.execution.rogue import RogueOptions
from tidegate.loops.rogue_running import tell_of_rogues_decided, tell_of_rogues_started
from tidegate.storage import outbox, schema
from tidegate.storage.database import Database
from tidegate.storage.migrations import migrate
from tidegate.wire import from_builtins

AT = datetime(2026, 11, 30, 12, tzinfo=UTC)
A, B, C = (letter * 64 for letter in "abc")
OPTIONS = RogueOptions(exempt=frozenset({"kube-system"}))


def sha(number: int) -> str:
    return f"sha256:{number:064x}"


IMAGE, OTHER = sha(1), sha(2)


@pytest.fixture
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    url = f"sqlite:///{tmp_path_factory.mktemp('rogue') / 'state.db'}"
    migrate(url)
    opened = Database(url)
    with opened.begin() as connection:
        for digest in (IMAGE, OTHER):
            values = {"media_type": "", "artifact_type": "", "kind": "image", "document": b"", "stored_at": ""}
            connection.execute(insert(schema.manifest).values(digest=digest, **values))
    put(opened, IMAGE, "admitted")
    put(opened, OTHER, "admitted")
    yield opened
    opened.close()


def put(database: Database, digest: str, state: str, since: int = 0) -> None:
    with database.begin() as connection:
        connection.execute(schema.state.delete().where(schema.state.c.digest == digest))
        moment = rfc3339(AT.replace(minute=since))
        connection.execute(insert(schema.state).values(digest=digest, state=state, since=moment))


def begins(database: Database, *runs: PodContainer, node: str = "prod", options: RogueOptions = OPTIONS) -> None:
    tell(database, node, Report(kind=NodeKind.CLUSTER, run="c" * 32, changed=runs), options)


def tell(database: Database, node: str, report: Report, options: RogueOptions = OPTIONS) -> None:
    with database.begin() as connection:
        take_report(
            connection, node, report, principal="r", at=AT,
            changed=lambda ids: tell_of_rogues_started(connection, node, ids, options, lambda: AT),
        )  # fmt: skip


def run(id_: str, digest: str, number: int = 1, *, namespace: str = "shop", **more: Any) -> PodContainer:
    container = Container(id=id_, name="app", namespace=namespace, pod="web-1", digest=digest, image="shop/web:1")
    return PodContainer(number=number, container=container, owner=Owner(kind="Deployment", name="web"), **more)


def decided(database: Database, kind: EventKind, digest: str = IMAGE) -> None:
    handle = tell_of_rogues_decided(database, OPTIONS, lambda: AT).handle
    handle(Event(id=f"{kind}:{digest}", kind=kind, subject=digest, time=AT, data={}), 1)


def told(database: Database) -> list[tuple[str, str, str]]:
    with database.read() as connection:
        events = [event for _, event in outbox.read_after(connection, 0, 1000)]
    found = []
    for event in events:
        if event.kind is EventKind.OBSERVATION_MADE:
            seen = from_builtins(event.data["observation"], Observation, what="seen")
            assert seen.container is not None
            found.append((seen.container.id[0], seen.act.value, seen.mode.value))
    return found


def test_what_is_admitted_is_not_told_and_what_never_was_is_told_once(database: Database) -> None:
    begins(database, run(A, IMAGE), run(B, sha(9)), run(C, sha(9), namespace="kube-system"))
    begins(database, run(A, IMAGE, 2), run(B, sha(9), 2))
    assert told(database) == [("b", "unadmitted", "alert")]


def test_a_decision_finds_what_runs_its_image_and_nothing_else(database: Database) -> None:
    begins(database, run(A, IMAGE), run(B, OTHER))
    put(database, IMAGE, "rejected")
    decided(database, EventKind.IMAGE_REJECTED)
    decided(database, EventKind.IMAGE_REJECTED)
    assert told(database) == [("a", "unadmitted", "alert")]
    put(database, IMAGE, "recalled", 1)
    decided(database, EventKind.IMAGE_RECALLED)
    assert told(database)[1:] == [("a", "recalled", "alert")]


def test_one_that_begins_after_the_recall_is_told_and_a_second_recall_is_told_again(database: Database) -> None:
    put(database, IMAGE, "recalled")
    begins(database, run(A, IMAGE, namespace="kube-system"))
    decided(database, EventKind.IMAGE_RECALLED)
    assert told(database) == [("a", "recalled", "alert")]
    put(database, IMAGE, "recalled", 5)
    decided(database, EventKind.IMAGE_RECALLED)
    assert told(database) == [("a", "recalled", "alert")] * 2


def test_what_its_cluster_and_its_node_tell_of_is_told_once(database: Database) -> None:
    begins(database, run(A, sha(9)))
    node = Container(id=A, name="app", namespace="shop", pod="web-1", digest=sha(9), image="shop/web:1")
    tell(database, "node-1", Report(run="d" * 32, containers=(node,)))
    assert told(database) == [("a", "unadmitted", "alert")]


def test_another_image_than_the_pinned_one_is_told_though_both_are_admitted(database: Database) -> None:
    begins(database, run(A, OTHER, pinned=IMAGE), run(B, IMAGE, pinned=IMAGE))
    assert told(database) == [("a", "swapped", "alert")]


def test_a_container_that_nobody_describes_yet_is_not_told_of(database: Database) -> None:
    tell(database, "node-1", Report(run="d" * 32, containers=(Container(id=A),)))
    assert told(database) == []
    tell(database, "node-1", Report(run="d" * 32, containers=(Container(id=A, image="shop/web:1"),)))
    assert told(database) == [("a", "unadmitted", "alert")]


def test_broken_glass_is_believed_where_the_webhook_told_of_it_and_observed(database: Database) -> None:
    begins(database, run(A, sha(9), glass=True))
    assert told(database) == [("a", "unadmitted", "alert")]
    with database.begin() as connection:
        data = {"digests": {}, "owner": "", "reasons": [], "user": "anna", "webhook": "w"}
        subject = "prod/shop/Deployment/web"
        outbox.publish(connection, Event(id="g", kind=EventKind.GLASS_BROKEN, subject=subject, time=AT, data=data))
    begins(database, run(B, sha(9), glass=True), run(C, sha(9)))
    assert told(database)[1:] == [("b", "unadmitted", "observe"), ("c", "unadmitted", "alert")]


def test_the_mode_is_of_what_was_not_admitted_alone(database: Database) -> None:
    put(database, IMAGE, "recalled")
    quiet = RogueOptions(mode=Mode.OBSERVE)
    begins(database, run(A, IMAGE), run(B, sha(9)), options=quiet)
    assert told(database) == [("a", "recalled", "alert"), ("b", "unadmitted", "observe")]

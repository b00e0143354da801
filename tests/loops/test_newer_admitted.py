# SPDX-License-Identifier: Apache-2.0
"""What is judged anew for updates, and when: by an event what it concerns, by time what is open, scanned or came."""

import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import Connection, insert, update

from tidegate.artifact import Digest
from tidegate.clock import rfc3339
from tidegate.events import Event, EventKind
from tidegate.evidence import SCAN
from tidegate.execution.nodes import take_report
from tidegate.execution.observation import Container
from tidegate.execution.placements import Place, Placed, place_containers
from tidegate.execution.report import Report
from tidegate.execution.updates.judge import Judged
from tidegate.execution.updates.known import Runs
from tidegate.loops.known_images import KnownImages
from tidegate.loops.newer_admitted import NewerAdmitted
from tidegate.storage import schema
from tidegate.storage.database import Database
from tidegate.storage.migrations import migrate
from tidegate.storage.node_schema import node_container

AT = datetime(2026, 11, 30, 12, tzinfo=UTC)
APP, OTHER = Digest.of(b"app"), Digest.of(b"other")


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
    with made.begin() as connection:
        for digest, repository in ((APP, "team/app"), (OTHER, "team/other")):
            row = {"digest": digest, "media_type": "m", "artifact_type": "", "kind": "image", "document": b"{}"}
            connection.execute(insert(schema.manifest).values(**row, stored_at=rfc3339(AT)))
            held = {"repository": repository, "digest": digest, "pushed_at": rfc3339(AT), "pushed_by": "x"}
            connection.execute(insert(schema.repository_manifest).values(held))
            placed = Placed(container="web", digest=digest, reference=f"r.example/{repository}:1")
            place = Place(cluster="c", namespace="n", kind="Deployment", name=repository.partition("/")[2])
            place_containers(connection, place, [placed], owner="", at=AT)
    yield made
    made.close()


class Stand:
    """The loop over a record, with a judgement that only notes what it was asked."""

    def __init__(self, database: Database) -> None:
        self.asked: list[str] = []
        known = cast("Callable[[Connection], KnownImages]", lambda _: self)
        self.loop = NewerAdmitted(database, known, lambda: AT)

    def judge(self, runs: Runs) -> Judged:
        self.asked.append(f"{runs.cluster} {runs.workload} {runs.repository}")
        return Judged(runs=runs, rule="r", why=("nothing newer",))

    def hear(self, kind: EventKind, subject: str, data: dict[str, Any]) -> list[str]:
        self.loop.consumer().handle(Event(id="1", kind=kind, subject=subject, time=AT, data=data), 1)
        return self.told()

    def told(self) -> list[str]:
        found, self.asked[:] = sorted(self.asked), []
        return found


def test_an_event_has_judged_what_it_concerns_and_nothing_else(database: Database) -> None:
    stand = Stand(database)
    app, other = "c Deployment/app team/app", "c Deployment/other team/other"
    assert stand.hear(EventKind.IMAGE_ADMITTED, Digest.of(b"x"), {"repositories": ["team/app"]}) == [app]
    assert stand.hear(EventKind.IMAGE_RECALLED, APP, {"repositories": ["team/app", "team/other"]}) == [app, other]
    assert stand.hear(EventKind.TAG_MOVED, "team/other:1", {"repository": "team/other", "tag": "1"}) == [other]
    assert stand.hear(EventKind.WORKLOAD_ADMITTED, "c/n/Deployment/app", {}) == [app]
    assert stand.hear(EventKind.WORKLOAD_ADMITTED, "c/n/Deployment/none", {}) == []
    assert stand.hear(EventKind.IMAGE_ADMITTED, APP, {"repositories": []}) == []


def test_a_look_judges_what_was_scanned_since_the_last_and_what_came(database: Database) -> None:
    stand = Stand(database)
    stand.loop.look()
    assert stand.told() == []
    row = {"subject": APP, "predicate_type": SCAN, "envelope": b"", "recorded_at": rfc3339(AT)}
    with database.begin() as connection:
        one = {"digest": Digest.of(b"1"), "payload": Digest.of(b"1"), "ledger_index": 7}
        connection.execute(insert(schema.statement).values(**row, **one))
    stand.loop.look()
    assert stand.told() == ["c Deployment/app team/app"]
    stand.loop.look()
    assert stand.told() == [], "it was looked at"
    box = Container(id="1" * 64, name="web", image="r.example/team/other:1", digest=OTHER, pod="lone", namespace="n")
    with database.begin() as connection:
        take_report(connection, "n1", Report(run="c" * 32, containers=(box,)), principal="r", at=AT)
    stand.loop.look()
    assert stand.told() == ["c Deployment/other team/other", "n1 Pod/lone team/other"]
    with database.begin() as connection:
        long_ago = rfc3339(AT - timedelta(hours=1))
        connection.execute(update(node_container).values(since=long_ago))
    stand.loop.look()
    assert stand.told() == []


def test_what_is_being_changed_just_now_is_left(database: Database) -> None:
    stand = Stand(database)
    place = {"name": "web", "pod": "lone", "namespace": "n"}
    boxes = (
        Container(id="1" * 64, image="r.example/team/app:1", digest=APP, **place),
        Container(id="2" * 64, image="r.example/team/app:2", digest=OTHER, **place),
    )
    with database.begin() as connection:
        take_report(connection, "n1", Report(run="c" * 32, containers=boxes), principal="r", at=AT)
    assert "n1 Pod/lone team/app" not in stand.hear(
        EventKind.IMAGE_ADMITTED, APP, {"repositories": ["team/app", "team/other"]}
    )

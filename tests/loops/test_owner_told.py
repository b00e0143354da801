# SPDX-License-Identifier: Apache-2.0
"""What belongs to one case: refused again is the same story, a recall is one of all that one cause took."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest

from migrated import migrated
from tidegate.artifact import Digest
from tidegate.curation.feedback.cases import Pace, items_of, list_cases
from tidegate.curation.feedback.resolve import Owners
from tidegate.events import Event, EventKind
from tidegate.loops.owner_told import OwnerTold
from tidegate.storage import outbox
from tidegate.storage.database import Database

NOW = datetime(2027, 1, 1, tzinfo=UTC)
GATE = "tidegate/curation"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    url = f"sqlite:///{tmp_path / 'state.db'}"
    migrated(url)
    made = Database(url)
    yield made
    made.close()


class _Loop:
    """The loop over a record, told one event at a time."""

    def __init__(self, database: Database) -> None:
        self._database = database
        owners = Owners((("a/*", "team-a"),), "ops")
        # No event here names a decision, so the gate is not asked.
        told = OwnerTold(database, cast("Any", None), owners, Pace(), lambda: NOW)
        self._consumers = told.consumers()
        self._number = 0

    def hear(self, what: EventKind, name: str, **data: Any) -> None:
        """Publishes it, and has it heard twice, as after a kill."""
        self._number += 1
        subject = name if what in {EventKind.INCIDENT_OPENED, EventKind.INCIDENT_CLOSED} else Digest.of(name.encode())
        event = Event(id=f"event {self._number}", kind=what, subject=subject, time=NOW, data=data)
        with self._database.begin() as connection:
            outbox.publish(connection, event)
        with self._database.read() as connection:
            offset = outbox.newest(connection)
        for consumer in self._consumers:
            if what in consumer.kinds:
                consumer.handle(event, offset)
                consumer.handle(event, offset)

    def state(self, kind: EventKind, name: str, *repositories: str, who: str = GATE, why: str = "why") -> None:
        """A change of state."""
        self.hear(
            kind,
            name,
            digest=Digest.of(name.encode()),
            before="",
            after="",
            at="2027-01-01T00:00:00Z",
            who=who,
            why=why,
            evidence="",
            kind="image",
            repositories=list(repositories),
        )

    def cases(self) -> list[tuple[str, str, int, int]]:
        """Owner, cause, revision and images of each."""
        with self._database.read() as connection:
            found = list_cases(connection)
            return sorted(
                (one.owner, one.cause.value, one.revision, len(items_of(connection, one.id))) for one in found
            )


@pytest.fixture
def loop(database: Database) -> _Loop:
    return _Loop(database)


def test_refused_again_in_a_repository_is_the_same_story(loop: _Loop) -> None:
    loop.state(EventKind.IMAGE_REJECTED, "one", "a/app")
    loop.state(EventKind.IMAGE_REJECTED, "two", "a/app", why="another flaw")
    loop.state(EventKind.IMAGE_REJECTED, "three", "a/other", "b/app")
    assert loop.cases() == [
        ("ops", "rejected", 1, 1),
        ("team-a", "rejected", 1, 1),
        ("team-a", "rejected", 2, 2),
    ]


def test_recalls_of_one_update_of_knowledge_are_one_story_and_of_the_next_another(loop: _Loop) -> None:
    told = {"sequence": 1, "made_at": "2027-01-01T00:00:00Z", "changed_ranges": 1, "images": 2}
    loop.hear(EventKind.KNOWLEDGE_UPDATED, "knowledge", **told)
    for name in ("one", "two"):
        loop.state(EventKind.IMAGE_RECALLED, name, f"a/{name}")
    loop.hear(EventKind.KNOWLEDGE_UPDATED, "later", **told)
    loop.state(EventKind.IMAGE_RECALLED, "three", "a/three")
    assert loop.cases() == [("team-a", "recalled", 1, 1), ("team-a", "recalled", 2, 2)]


def test_what_people_do_is_told_by_their_reason(loop: _Loop) -> None:
    for name in ("one", "two"):
        loop.state(EventKind.IMAGE_RECALLED, name, f"a/{name}", who="anna", why="leaked")
        loop.state(EventKind.IMAGE_RESTRICTED, name, f"a/{name}", who="anna", why="pilot")
    loop.state(EventKind.IMAGE_RECALLED, "three", "a/three", who="anna", why="another")
    assert loop.cases() == [
        ("team-a", "recalled", 1, 1),
        ("team-a", "recalled", 2, 2),
        ("team-a", "restricted", 2, 2),
    ]


def test_an_incident_is_a_case_until_somebody_closes_it(loop: _Loop, database: Database) -> None:
    said = {"node": "n", "container": "c", "workload": "shop/web", "act": "exec", "path": "/bin/sh", "observation": "o"}
    loop.hear(EventKind.INCIDENT_OPENED, "i" * 32, incident="i" * 32, rule="drift", severity="critical", **said)
    assert loop.cases() == [("ops", "incident", 1, 1)]
    loop.hear(EventKind.INCIDENT_CLOSED, "i" * 32, incident="i" * 32, who="anna", why="it was me")
    with database.read() as connection:
        (case,) = list_cases(connection)
        (item,) = items_of(connection, case.id)
    assert (case.state, item.how) == ("closed", "anna closed the incident: it was me")

# SPDX-License-Identifier: Apache-2.0
"""What may follow what: every pair is either in this table or refused."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from migrated import migrated
from tidegate.artifact import Digest
from tidegate.curation.lifecycle import EDGES, State, UnlawfulChangeError, told_as
from tidegate.curation.states import advance, state_of
from tidegate.events import EventKind
from tidegate.storage import schema
from tidegate.storage.database import Database
from tidegate.storage.insert import insert_once
from tidegate.storage.outbox import read_after

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
DECISION = f"sha256:{'d' * 64}"
LAWFUL = {
    "submitted": "quarantined attached",
    "quarantined": "analysing retired",
    "analysing": "admitted rejected quarantined",
    "rejected": "quarantined analysing retired",
    "admitted": "restricted deprecated recalled retired",
    "restricted": "admitted deprecated recalled retired",
    "deprecated": "admitted recalled retired",
    "recalled": "quarantined analysing retired",
    "retired": "",
    "attached": "",
}
TOLD = {state.value: f"curation.image.{state}" for state in State} | {"attached": "curation.evidence.added"}


@pytest.mark.parametrize("before", State)
@pytest.mark.parametrize("after", State)
def test_every_pair(before: State, after: State) -> None:
    if after.value in LAWFUL[before].split():
        assert told_as(before, after) == TOLD[after]
    else:
        with pytest.raises(UnlawfulChangeError) as caught:
            told_as(before, after, where="here")
        assert f"is {before} and cannot become {after}" in str(caught.value)


def test_nothing_is_served_without_passing_analysis() -> None:
    """From every state, no way leads to what is served but by `analysing`, except from what was served before."""
    once_admitted = {State.ADMITTED, State.DEPRECATED, State.RESTRICTED}
    for before, after in EDGES:
        if after is State.ADMITTED:
            assert before is State.ANALYSING or before in once_admitted
        if after in once_admitted - {State.ADMITTED}:
            assert before in once_admitted
    assert {state for state in State if state.is_served} == {State.ADMITTED, State.DEPRECATED, State.ATTACHED}


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    url = f"sqlite:///{tmp_path_factory.mktemp('states') / 'state.db'}"
    migrated(url)
    opened = Database(url)
    yield opened
    opened.close()


def _manifest(database: Database, digest: Digest) -> None:
    row: dict[str, Any] = {"media_type": "x", "kind": "image", "document": b"{}", "stored_at": "now"}
    with database.begin() as connection:
        insert_once(connection, schema.manifest, digest=digest, **row)
        insert_once(
            connection, schema.repository_manifest, repository="a/b", digest=digest, pushed_at="now", pushed_by="me"
        )


def _move(database: Database, digest: Digest, to: State, why: str = "because") -> bool:
    with database.begin() as connection:
        return advance(
            connection, digest, to, who="me", why=why, at=NOW, decision=DECISION, expires_at="2027-01-01T00:00:00Z"
        )


def test_a_change_writes_state_history_and_event(database: Database, tmp_path: Path) -> None:
    digest = Digest.of(str(tmp_path).encode())
    _manifest(database, digest)
    with database.read() as connection:
        assert state_of(connection, digest) is None
    assert _move(database, digest, State.QUARANTINED)
    assert _move(database, digest, State.ANALYSING)
    assert not _move(database, digest, State.ANALYSING)
    assert _move(database, digest, State.REJECTED, why="a flaw")
    with pytest.raises(UnlawfulChangeError):
        _move(database, digest, State.ADMITTED)
    with database.read() as connection:
        assert state_of(connection, digest) is State.REJECTED
        row = connection.execute(select(schema.state).where(schema.state.c.digest == digest)).one()
        assert (row.since, row.decision, row.expires_at) == (
            "2026-01-02T03:04:05Z",
            DECISION,
            "2027-01-01T00:00:00Z",
        )
        history = connection.execute(
            select(schema.state_change.c.before, schema.state_change.c.after, schema.state_change.c.why)
            .where(schema.state_change.c.digest == digest)
            .order_by(schema.state_change.c.id)
        ).all()
        told = [event for _, event in read_after(connection, 0, 1000) if event.subject == digest]
    assert [tuple(row) for row in history] == [
        ("submitted", "quarantined", "because"),
        ("quarantined", "analysing", "because"),
        ("analysing", "rejected", "a flaw"),
    ]
    assert [event.kind for event in told] == [
        EventKind.IMAGE_QUARANTINED,
        EventKind.IMAGE_ANALYSING,
        EventKind.IMAGE_REJECTED,
    ]
    assert told[-1].data == {
        "digest": digest,
        "before": "analysing",
        "after": "rejected",
        "at": "2026-01-02T03:04:05Z",
        "who": "me",
        "why": "a flaw",
        "decision": DECISION,
        "evidence": DECISION,
        "kind": "image",
        "repositories": ["a/b"],
    }


@pytest.mark.property
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.binary(min_size=8, max_size=8), wanted=st.lists(st.sampled_from(State), max_size=12))
def test_only_lawful_ways_are_walked(database: Database, name: bytes, wanted: list[State]) -> None:
    """Whatever is asked for, the history is an unbroken chain of lawful edges, one event each."""
    digest = Digest.of(name + str(wanted).encode())
    _manifest(database, digest)
    with database.read() as connection:
        offset = max((at for at, _ in read_after(connection, 0, 100_000)), default=0)
        start = state_of(connection, digest) or State.SUBMITTED
    here, walked = start, []
    for to in wanted:
        if to is here:
            assert not _move(database, digest, to)
        elif to.value in LAWFUL[here].split():
            assert _move(database, digest, to)
            walked.append(to)
            here = to
        else:
            with pytest.raises(UnlawfulChangeError):
                _move(database, digest, to)
    with database.read() as connection:
        assert (state_of(connection, digest) or State.SUBMITTED) is here
        told = read_after(connection, offset, 100_000)
    assert [event.data["after"] for _, event in told] == walked
    assert len({event.id for _, event in told}) == len(told)

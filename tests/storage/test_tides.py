# SPDX-License-Identifier: Apache-2.0
"""Tides on record: one for one change, whatever is repeated; an event is in the tide it was told in."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from migrated import migrated
from tidegate.events import Event, EventKind
from tidegate.loops.tide_ending import end_tides, open_in
from tidegate.oversight.tide.story import list_tides, tell_tide
from tidegate.storage import outbox
from tidegate.storage.carried import carried, carrying, parted, with_carried
from tidegate.storage.database import Database
from tidegate.storage.tide_schema import tide_digest
from tidegate.storage.tides import Cause, begin_tide, note_judged, tide_named, tide_of, to_judge, touch

AT = datetime(2026, 6, 1, 12, tzinfo=UTC)
A, B = (f"sha256:{letter * 64}" for letter in "ab")


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    url = f"sqlite:///{tmp_path / 'state.db'}"
    migrated(url)
    found = Database(url)
    yield found
    found.close()


def began(database: Database, name: str, *digests: str, at: datetime = AT) -> bool:
    with database.begin() as connection:
        return begin_tide(
            connection, name, Cause.KNOWLEDGE, subject="s", event=f"e:{name}", why="news", at=at, digests=digests
        )


def judged(database: Database, name: str, digest: str) -> None:
    with database.begin() as connection, carrying(name):
        note_judged(connection, digest, "admitted", at=AT)


def test_what_is_carried_goes_with_durable_work_and_ends_with_the_block() -> None:
    assert with_carried(A) == A
    with carrying("t1"):
        assert parted(with_carried(A)) == (A, "t1")
        with carrying(""):
            assert carried() == ""
        assert carried() == "t1"
    assert (carried(), parted(A)) == ("", (A, ""))


def test_the_same_change_twice_is_one_tide_and_another_is_another() -> None:
    one = tide_named(Cause.KNOWLEDGE, "before", "now")
    assert one == tide_named(Cause.KNOWLEDGE, "before", "now")
    assert len({one, tide_named(Cause.KNOWLEDGE, "befor", "enow"), tide_named(Cause.KEY, "before", "now")}) == 3


def test_a_tide_begun_again_keeps_what_was_judged(database: Database) -> None:
    assert began(database, "t1", A, B)
    judged(database, "t1", A)
    assert not began(database, "t1", A, B)
    with database.begin() as connection:
        touch(connection, "t1", [A, B], at=AT)
    with database.read() as connection:
        assert to_judge(connection, "t1") == [B]


def test_a_digest_of_two_tides_is_judged_in_each_and_found_in_the_newest_that_is_open(database: Database) -> None:
    began(database, "t1", A)
    began(database, "t2", A, B, at=AT.replace(hour=13))
    judged(database, "t2", A)
    with database.read() as connection:
        assert (to_judge(connection, "t1"), to_judge(connection, "t2")) == ([A], [B])
        assert tide_of(connection, A) == "t2"
    judged(database, "t2", B)
    assert end_tides(database, lambda: AT.replace(hour=14)) == ["t2"]
    with database.read() as connection:
        assert tide_of(connection, A) == "t1", "the other is over"
        assert tide_of(connection, B) == "t2", "it has no other"
        assert [one.what for one in open_in(connection, "t1")] == ["decision"]
        with carrying("t9"):
            assert tide_of(connection, A) == "t9"


def test_events_are_told_in_the_tide_they_are_published_in(database: Database) -> None:
    began(database, "t1")
    event = Event(id="e1", kind=EventKind.AUDIT_BROKEN, subject="audit", time=AT, data={"why": "a test"})
    with database.begin() as connection, carrying("t1"):
        outbox.publish(connection, event)
    with database.read() as connection:
        ((_, found),) = outbox.read_after(connection, 0, 10)
    assert found.tide == "t1"
    assert found.to_dict(source="x")["tideid"] == "t1"
    assert "tideid" not in event.to_dict(source="x")


def test_news_that_touch_nothing_are_a_story_that_ends_at_once(database: Database) -> None:
    began(database, "abc0")
    assert end_tides(database, lambda: AT) == ["abc0"]
    assert end_tides(database, lambda: AT) == []
    with database.read() as connection:
        (line,) = list_tides(connection, is_open=False)
        story = tell_tide(connection, "abc")
        assert connection.execute(select(tide_digest)).all() == []
    assert (line.images, story.open, [one.name for one in story.steps]) == (0, (), ["ended"])

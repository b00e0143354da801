# SPDX-License-Identifier: Apache-2.0
"""What time brings: decisions about to expire, and work that ended without a verdict, are asked for again, once."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert

from migrated import migrated
from tidegate.artifact import Digest
from tidegate.clock import Clock, rfc3339
from tidegate.curation.lifecycle import State
from tidegate.loops.expiring import judge_before_expiry
from tidegate.loops.stalled import judge_stalled
from tidegate.storage import schema
from tidegate.storage.database import Database

AT = datetime(2026, 6, 1, 12, tzinfo=UTC)


class Asked:
    """Remembers what was asked for, by key."""

    def __init__(self) -> None:
        self.works: dict[str, str] = {}

    def __call__(self, key: str, digest: str) -> None:
        self.works[key] = digest


def at(minutes: int) -> Clock:
    return lambda: AT + timedelta(minutes=minutes)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    url = f"sqlite:///{tmp_path / 'state.db'}"
    migrated(url)
    found = Database(url)
    yield found
    found.close()


def shelve(
    database: Database, name: str, state: State, *, since: datetime = AT, expires: datetime | None = None
) -> str:
    digest = Digest.of(name.encode())
    row = {"digest": digest, "media_type": "", "kind": "image", "document": b"{}", "stored_at": rfc3339(AT)}
    with database.begin() as connection:
        connection.execute(insert(schema.manifest).values(row))
        ends = rfc3339(expires) if expires else ""
        told = {"digest": digest, "state": state.value, "since": rfc3339(since), "expires_at": ends}
        connection.execute(insert(schema.state).values(told))
    return digest


def test_only_vended_images_whose_decision_ends_within_a_day_are_judged_again(database: Database) -> None:
    soon, later = AT + timedelta(hours=23), AT + timedelta(hours=25)
    wanted = {
        shelve(database, "soon", State.ADMITTED, expires=soon),
        shelve(database, "past", State.DEPRECATED, expires=AT),
    }
    shelve(database, "later", State.ADMITTED, expires=later)
    shelve(database, "recalled", State.RECALLED, expires=soon)
    shelve(database, "attached", State.ATTACHED)
    asked = Asked()
    for minutes in (0, 15, 30):
        assert judge_before_expiry(database, asked, at(minutes)) == 2
    assert sorted(asked.works.values()) == sorted(wanted), "once for each decision, however often it is looked"


def test_only_what_waits_since_half_an_hour_is_asked_for_again(database: Database) -> None:
    old = AT - timedelta(minutes=30)
    wanted = {
        shelve(database, "quarantined", State.QUARANTINED, since=old),
        shelve(database, "analysing", State.ANALYSING, since=old),
    }
    shelve(database, "fresh", State.ANALYSING, since=AT - timedelta(minutes=29))
    shelve(database, "rejected", State.REJECTED, since=old)
    asked = Asked()
    for _ in range(3):
        assert judge_stalled(database, asked, at(0)) == 2
    assert sorted(asked.works.values()) == sorted(wanted)
    judge_stalled(database, asked, at(30))
    assert len(asked.works) == 5, "the next half hour asks again, and now for the fresh one too"

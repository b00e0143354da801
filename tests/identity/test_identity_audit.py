# SPDX-License-Identifier: Apache-2.0
"""The audit trail: every entry in its place, changes with their entries, and nothing taken away unseen."""

import logging
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta

import pytest
from moved_clock import MovedClock
from sqlalchemy import delete, insert, select, update

from tidegate.clock import rfc3339
from tidegate.errors import OutsideError
from tidegate.identity import audit
from tidegate.identity.audit import AuditEntry, Outcome
from tidegate.identity.audit_writer import AuditWriter, Change, changing
from tidegate.storage.database import Database
from tidegate.storage.identity_schema import audit_entry, audit_head
from tidegate.storage.schema import cursor


def entry(clock: MovedClock, who: str = "anna", **more: str) -> AuditEntry:
    whole = {"verb": "pull", "repository": "team/app", "target": "v1", **more}
    return AuditEntry(
        at=rfc3339(clock()), who=who, kind="user", address="192.0.2.7", outcome=Outcome.ALLOWED, status=200, **whole
    )


def written(database: Database, clock: MovedClock, count: int) -> None:
    with database.begin() as connection:
        audit.append(connection, [entry(clock, f"who{n}") for n in range(count)])


def verified(database: Database) -> audit.Verified:
    with database.read() as connection:
        return audit.verify(connection)


def test_entries_are_found_by_what_they_say(database: Database, clock: MovedClock) -> None:
    with database.begin() as connection:
        audit.append(connection, [])
        audit.append(connection, [entry(clock), entry(clock, "bob", verb="push"), entry(clock, repository="other")])
    clock.move(hours=1)
    strange = entry(clock, "b\0b\ud800", why="x" * 5000)
    with database.begin() as connection:
        audit.append(connection, [strange])
    with database.read() as connection:
        found = audit.find(connection)
        assert [record.sequence for record in found] == [4, 3, 2, 1]
        assert found[0].entry.who == "bb?"
        assert [r.sequence for r in audit.find(connection, who="anna")] == [3, 1]
        assert [r.sequence for r in audit.find(connection, repository="team/app", verb="push")] == [2]
        assert [r.sequence for r in audit.find(connection, before=3, limit=1)] == [2]
        assert [r.sequence for r in audit.find(connection, since=rfc3339(clock()))] == [4]
        assert audit.find(connection, outcome="denied") == []
    assert (verified(database).entries, verified(database).broken_at) == (4, None)


def test_what_is_changed_removed_added_or_swapped_is_found(embedded: Database, clock: MovedClock) -> None:
    written(embedded, clock, 2500)
    head = verified(embedded)
    assert (head.entries, head.broken_at) == (2500, None)
    table = audit_entry
    row = {c.name: "x" for c in table.columns} | {"sequence": 2501, "status": 0, "outcome": "allowed"}
    spoils = {
        1700: update(table).where(table.c.sequence == 1700).values(who="somebody else"),
        1: update(table).where(table.c.sequence == 1).values(why="another reason"),
        1200: delete(table).where(table.c.sequence == 1200),
        2500: delete(table).where(table.c.sequence == 2500),
        2501: insert(table).values(row),
    }
    for broken_at, spoil in spoils.items():
        found = []
        with suppress(ZeroDivisionError), embedded.begin() as connection:
            connection.execute(spoil)
            found.append(audit.verify(connection).broken_at)
            raise ZeroDivisionError  # not kept
        assert found == [broken_at]
    with embedded.begin() as connection:  # the end cut off, and the head moved to hide it
        connection.execute(delete(table).where(table.c.sequence > 2400))
        hash_ = connection.scalar(select(table.c.hash).where(table.c.sequence == 2400))
        connection.execute(update(audit_head).values(next=2401, hash=hash_))
    assert verified(embedded).head != head.head  # that only somebody sees who kept the head


def test_the_oldest_go_and_the_chain_still_holds(database: Database, clock: MovedClock) -> None:
    written(database, clock, 30)
    clock.move(days=10)
    written(database, clock, 20)
    with database.begin() as connection:
        assert audit.prune(connection, older_than=clock() - timedelta(days=20)) == 0
        assert audit.prune(connection, older_than=clock() - timedelta(days=5)) == 30
    assert (verified(database).entries, verified(database).broken_at) == (20, None)
    clock.move(days=10)
    with database.begin() as connection:
        assert audit.prune(connection, older_than=clock()) == 20
    written(database, clock, 3)
    assert (verified(database).entries, verified(database).broken_at) == (3, None)
    with database.begin() as connection:
        connection.execute(delete(audit_entry).where(audit_entry.c.sequence == 51))
    assert verified(database).broken_at == 51


def test_writers_at_once_make_one_chain(database: Database, clock: MovedClock) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: written(database, clock, 5), range(12)))
    assert (verified(database).entries, verified(database).broken_at) == (60, None)


def test_a_change_and_its_entry_are_there_together_or_not_at_all(database: Database, clock: MovedClock) -> None:
    AuditWriter(database, clock)
    change = Change(lambda: entry(clock, verb="push"))

    def act(offset: int, *, fails: bool) -> None:
        with database.begin() as connection:
            connection.execute(insert(cursor).values(consumer=f"c{offset}", offset=offset))
            if fails:
                raise ZeroDivisionError

    with changing(change):
        act(1, fails=False)
        assert change.written
        with pytest.raises(ZeroDivisionError):
            act(2, fails=True)
    act(3, fails=False)  # nobody's request
    with database.read() as connection:
        assert [record.entry.verb for record in audit.find(connection)] == ["push"]
        assert sorted(connection.scalars(select(cursor.c.offset))) == [1, 3]


def test_what_waits_is_bounded_and_what_is_lost_is_told(
    embedded: Database, clock: MovedClock, caplog: pytest.LogCaptureFixture
) -> None:
    writer = AuditWriter(embedded, clock, max_waiting=10)
    for n in range(25):
        writer.note(entry(clock, f"who{n}"))
    with caplog.at_level(logging.ERROR):
        writer.flush()
    assert "15 entries of the audit trail could not be kept" in caplog.text
    with embedded.read() as connection:
        found = audit.find(connection)
    assert [record.entry.who for record in found if record.entry.outcome is Outcome.ALLOWED][::9] == ["who9", "who0"]
    (lost,) = [record.entry for record in found if record.entry.outcome is Outcome.LOST]
    assert lost.why.startswith("15 entries")
    writer.flush()
    assert verified(embedded).entries == 11


def test_what_cannot_be_written_waits_in_order(
    embedded: Database, clock: MovedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = AuditWriter(embedded, clock)
    for n in range(3):
        writer.note(entry(clock, f"who{n}"))

    def full(*_: object) -> None:
        raise OutsideError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(audit, "append", full)
        with pytest.raises(OutsideError):
            writer.flush()
    writer.note(entry(clock, "who3"))
    writer.start()
    writer.stop()
    with embedded.read() as connection:
        assert [record.entry.who for record in audit.find(connection)] == ["who3", "who2", "who1", "who0"]

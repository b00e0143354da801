# SPDX-License-Identifier: Apache-2.0
"""The audit trail against its anchors: cut off, rewritten as a whole, or with anchors of its own, it is told."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, Executable, delete, func, select, update

from migrated import migrated
from postgres_server import emptied, start_postgres
from tidegate.admission.gate import Gate
from tidegate.clock import rfc3339
from tidegate.errors import RefusedError
from tidegate.evidence import Statement
from tidegate.identity import audit
from tidegate.identity.audit import AuditEntry, Outcome
from tidegate.oversight.audit_anchor import AUDIT_HEAD, TRAIL, Anchor, AuditAnchoring, newest_anchor
from tidegate.oversight.audit_verifying import AnchoredTrail, verify_trail
from tidegate.signing.keys import SigningKey, TrustedKeys
from tidegate.storage import outbox, schema
from tidegate.storage.database import Database
from tidegate.storage.identity_schema import audit_entry, audit_head
from tidegate.storage.ledger_schema import ledger_entry
from tidegate.values import replace
from tidegate.wire import to_builtins

EVERY = timedelta(minutes=15)
KEPT = timedelta(days=30)


class Trail:
    """A trail that is written to and anchored."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.at = datetime(2027, 1, 1, tzinfo=UTC)
        self.gate = gate()
        self.anchoring = AuditAnchoring(database, self.gate, lambda: self.at, kept=KEPT, every=EVERY)

    def write(self, count: int, who: str = "anna") -> None:
        """Adds entries."""
        with self.database.begin() as connection:
            audit.append(connection, [entry(self.at, f"{who}{number}") for number in range(count)])

    def anchor(self) -> bool:
        """Lets the time of an anchor go by; returns whether it was anchored."""
        self.at += EVERY
        return self.anchoring.once()

    def verified(self) -> AnchoredTrail:
        """What a look at all of it finds."""
        with self.database.read() as connection:
            return verify_trail(connection, self.gate.trust(connection))

    def spoilt(self, change: Executable) -> AnchoredTrail:
        """What a look finds after a change that is not kept."""
        found = []
        with suppress(ZeroDivisionError), self.database.begin() as connection:
            connection.execute(change)
            found.append(verify_trail(connection, self.gate.trust(connection)))
            raise ZeroDivisionError
        return found[0]

    def told(self) -> list[str]:
        """What events said of it."""
        with self.database.read() as connection:
            return [event.data["why"] for _, event in outbox.read_after(connection, 0, 100)]


def gate() -> Gate:
    key = SigningKey.generate()
    return Gate(policies=(), signer=key, trusted=TrustedKeys.of([key.verifying]), verifier_id="https://x.example")


def entry(at: datetime, who: str) -> AuditEntry:
    return AuditEntry(
        at=rfc3339(at), who=who, kind="user", address="192.0.2.7", verb="pull", outcome=Outcome.ALLOWED, status=200
    )


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    with start_postgres() as url:
        yield url


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.tools)])
def trail(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Trail]:
    url = f"sqlite:///{tmp_path / 'state.db'}"
    if request.param == "postgresql":
        url = emptied(request.getfixturevalue("postgres"))
    migrated(url)
    database = Database(url)
    yield Trail(database)
    database.close()


def test_it_is_anchored_at_intervals_when_anything_was_added(trail: Trail) -> None:
    assert not trail.anchor()  # nothing to anchor
    trail.write(10)
    assert trail.anchor()
    trail.write(1)
    assert not trail.anchoring.once()  # not yet
    assert trail.anchor()
    assert not trail.anchor()  # nothing new
    found = trail.verified()
    assert (found.entries, found.anchors, found.anchored_entry, found.problems) == (11, 2, 11, ())
    with trail.database.read() as connection:
        newest = newest_anchor(connection)
        assert newest is not None
        assert (newest.record.digest, newest.record.ledger_index) == (found.anchor, found.ledger_index)
        assert newest.anchor.hash == found.head


def rewrite(connection: Connection, last: int) -> None:
    """Writes the whole chain anew, as somebody with the database can, with other entries up to `last`."""
    connection.execute(delete(audit_entry))
    connection.execute(delete(audit_head))
    audit.append(connection, [entry(datetime(2027, 1, 1, tzinfo=UTC), f"other{number}") for number in range(last)])


def cut_end(connection: Connection, last: int) -> None:
    """Takes the newest entries away, and the head along."""
    connection.execute(delete(audit_entry).where(audit_entry.c.sequence > last))
    connection.execute(update(audit_head).values(next=last + 1, hash=audit.hash_of(connection, last)))


def cut_beginning(connection: Connection, first: int) -> None:
    """Takes the oldest entries away, as if they were too old."""
    before = audit.hash_of(connection, first - 1)
    connection.execute(delete(audit_entry).where(audit_entry.c.sequence < first))
    connection.execute(update(audit_head).values(first=first, before=before))


def forget(connection: Connection, _: int) -> None:
    """Takes all of it away."""
    connection.execute(delete(audit_entry))
    connection.execute(delete(audit_head))


@pytest.mark.parametrize(
    ("spoil", "at", "said"),
    [
        (rewrite, 20, "was rewritten"),
        (rewrite, 30, "was rewritten"),
        (cut_end, 15, "its end was cut off"),
        (cut_beginning, 5, "its beginning was cut off"),
        (forget, 0, "its end was cut off"),
    ],
)
def test_what_was_anchored_cannot_be_cut_off_or_rewritten(
    trail: Trail, spoil: Callable[[Connection, int], None], at: int, said: str
) -> None:
    for _ in range(2):
        trail.write(10)
        assert trail.anchor()
    with trail.database.begin() as connection:
        spoil(connection, at)
    found = trail.verified()
    assert found.broken_at is None  # the chain alone tells nothing
    assert any(said in problem for problem in found.problems), found.problems
    # The server tells as well, and what it has is evidence: nothing of it is removed, and nothing anchored over it.
    trail.at += KEPT * 2
    assert not trail.anchor()
    assert not trail.anchor()
    (why,) = trail.told()  # once
    assert said in why
    assert trail.verified().anchors == 2


def test_what_is_removed_by_age_is_anchored_with_it(trail: Trail) -> None:
    trail.write(10)
    assert trail.anchor()
    trail.at += KEPT + timedelta(days=1)
    trail.write(5)
    assert trail.anchor()
    found = trail.verified()
    assert (found.entries, found.anchors, found.problems) == (5, 2, ())
    with trail.database.begin() as connection:
        connection.execute(update(audit_head).values(before="f" * 64))
    assert any("is not what was anchored" in one or "cut off" in one for one in trail.verified().problems)


def test_an_anchor_that_is_taken_away_or_put_in_is_told(trail: Trail) -> None:
    for _ in range(3):
        trail.write(10)
        assert trail.anchor()
    with trail.database.read() as connection:
        digests = list(connection.scalars(select(schema.statement.c.digest).order_by(schema.statement.c.ledger_index)))
    assert len(digests) == 3
    for number, said in ((1, "one was taken away"), (2, "names an anchor that is not on record")):
        taken = delete(schema.statement).where(schema.statement.c.digest == digests[number])
        found = trail.spoilt(taken)
        assert any(said in problem for problem in found.problems), (number, found.problems)
    found = trail.spoilt(update(ledger_entry).where(ledger_entry.c.index == 2).values(entry=b"{}"))
    assert any("is not in the ledger" in problem for problem in found.problems)


@pytest.mark.parametrize("is_trusted", [False, True])
def test_an_anchor_by_another_key_counts_for_nothing(trail: Trail, is_trusted: bool) -> None:
    forger = gate()
    if is_trusted:  # as whose scans count may be, which makes nobody the keeper of the trail
        trail.gate = replace(trail.gate, trusted=TrustedKeys.of([forger.signer.verifying, trail.gate.signer.verifying]))
        trail.anchoring = AuditAnchoring(trail.database, trail.gate, lambda: trail.at, kept=KEPT, every=EVERY)
    trail.write(20)
    assert trail.anchor()
    with trail.database.begin() as connection:
        cut_end(connection, 10)
        newest, head = newest_anchor(connection), audit.head(connection)
        assert newest is not None
        assert head is not None
        said = replace(newest.anchor, last=10, hash=head.hash, previous=newest.record.digest, at=rfc3339(trail.at))
        assert isinstance(said, Anchor)
        statement = Statement(subjects=(TRAIL,), predicate_type=AUDIT_HEAD, predicate=to_builtins(said))
        forger.add(connection, statement, at=trail.at)
    assert any("is not signed by this server" in problem for problem in trail.verified().problems)
    trail.write(1)
    assert not trail.anchor()
    assert "is not signed by this server" in trail.told()[0]


def test_nothing_is_removed_that_cannot_be_anchored(trail: Trail, monkeypatch: pytest.MonkeyPatch) -> None:
    trail.write(10)
    assert trail.anchor()
    trail.at += KEPT * 2
    trail.write(1)

    def refuse(*_: object, **__: object) -> None:
        raise RefusedError("the key that signs here is trusted no more")

    with monkeypatch.context() as patch:
        patch.setattr(Gate, "signing_key", refuse)
        with pytest.raises(RefusedError):
            trail.anchor()
    with trail.database.read() as connection:
        assert connection.scalar(select(func.count()).select_from(audit_entry)) == 11
    assert trail.anchor()
    assert trail.verified().entries == 1

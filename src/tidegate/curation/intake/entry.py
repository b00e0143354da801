# SPDX-License-Identifier: Apache-2.0
"""What is known of a name that comes from an upstream: asked for once at a time, whoever asks, and what came of it."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection, delete, func, select, update

from tidegate.artifact import Digest, Repository, Tag
from tidegate.clock import parse_rfc3339, rfc3339
from tidegate.errors import RefusedError
from tidegate.storage.insert import insert_once
from tidegate.storage.lock_order import Rank, taking
from tidegate.storage.schema import first_seen, intake
from tidegate.values import Struct, replace

MAX_REASON_CHARS: Final = 1000
MAX_UNDER_WAY: Final = 1000
"""Names asked for at once; more have to come back."""
KEPT_FOR: Final = timedelta(days=7)
"""So long it is remembered that a name could not be had."""
_MAX_BACKOFF: Final = timedelta(hours=6)


class Outcome(StrEnum):
    """What came of asking the upstream last."""

    UNDER_WAY = "under way"
    ARRIVED = "arrived"
    REFUSED = "refused"
    FAILED = "failed"
    ABSENT = "absent"


class TooManyNamesError(RefusedError):
    """So many names are being asked for that another one has to wait."""

    def __init__(self, where: str) -> None:
        super().__init__(f"{MAX_UNDER_WAY} names are being asked for", where=where, remedy="try again in a moment")


class Entry(Struct, frozen=True, kw_only=True):
    """One name of an upstream.

    Attributes:
        locator: a tag, or a digest that was asked for as such.
        source: where it comes from, whole.
        attempt: how often it was asked for.
        reason: why it was refused or failed; "" when all is well.
        digest: what the name meant when it was last looked at; "" when that is not known.
        asked_at, checked_at, moved_at, again_at, look_at: RFC 3339; "" for never.
        failures: in a row.
    """

    repository: str
    locator: str
    upstream: str
    source: str
    who: str
    attempt: int = 0
    outcome: Outcome = Outcome.UNDER_WAY
    reason: str = ""
    digest: str = ""
    asked_at: str = ""
    checked_at: str = ""
    moved_at: str = ""
    again_at: str = ""
    failures: int = 0
    watched: bool = False
    look_at: str = ""

    def is_due(self, at: datetime, fresh: timedelta) -> bool:
        """True when the upstream is to be asked again before the name is answered for."""
        if self.outcome is Outcome.UNDER_WAY:
            return False
        if self.outcome is Outcome.ARRIVED:
            if not isinstance(located(self.locator), Tag):
                return False
            return not self.checked_at or parse_rfc3339(self.checked_at) + fresh <= at
        return not self.again_at or parse_rfc3339(self.again_at) <= at


def located(text: str) -> Tag | Digest:
    """A tag or a digest from its text."""
    return Digest(text) if ":" in text else Tag(text)


def find_entry(connection: Connection, repository: Repository, locator: Tag | Digest) -> Entry | None:
    """What is known of a name; None when it was never asked for."""
    row = connection.execute(select(intake).where(*_here(repository, locator))).mappings().first()
    return None if row is None else entry_of(row)


def entry_of(row: Any) -> Entry:
    """An entry from its row."""
    return Entry(**{**row, "watched": bool(row["watched"]), "outcome": Outcome(row["outcome"])})


def ask(connection: Connection, wanted: Entry, *, at: datetime) -> tuple[Entry, bool]:
    """Puts a name under way, in the caller's transaction, unless it is.

    Args:
        connection: inside a transaction that writes.
        wanted: names and origin; what it says of the past does not count when there is an entry already.
        at: the moment recorded.

    Returns:
        The entry, and True when this call put it under way: whoever gets that submits the work.

    Raises:
        TooManyNamesError: so many others are under way.
    """
    repository, locator = Repository(wanted.repository), located(wanted.locator)
    under_way = select(func.count()).select_from(intake).where(intake.c.outcome == Outcome.UNDER_WAY.value)
    if (connection.scalar(under_way) or 0) >= MAX_UNDER_WAY and find_entry(connection, repository, locator) is None:
        raise TooManyNamesError(f"{repository}:{locator}")
    new = replace(wanted, attempt=1, outcome=Outcome.UNDER_WAY, asked_at=rfc3339(at))
    taking(connection, Rank.WORK, [_lock(wanted)])
    if insert_once(connection, intake, **_row(new)):
        return new, True
    found = connection.execute(select(intake).where(*_here(repository, locator)).with_for_update()).mappings().one()
    entry = entry_of(found)
    if entry.outcome is Outcome.UNDER_WAY:
        if wanted.watched:
            watch(connection, repository, locator)
        return entry, False
    again = replace(
        entry,
        attempt=entry.attempt + 1,
        outcome=Outcome.UNDER_WAY,
        asked_at=rfc3339(at),
        source=wanted.source,
        upstream=wanted.upstream,
        who=wanted.who,
        watched=entry.watched or wanted.watched,
    )
    write(connection, again)
    if again.watched:
        watch(connection, repository, locator)
    return again, True


def ended(entry: Entry, outcome: Outcome, *, reason: str = "", again_s: float = 0.0, at: datetime) -> Entry:
    """The entry after the upstream was asked. A failure is asked for again later and later, at most after six hours.

    Args:
        entry: as it was.
        outcome: what came of it.
        reason: why, for people.
        again_s: not before so many seconds, after a refusal or failure.
        at: now.
    """
    failures = entry.failures + 1 if outcome is Outcome.FAILED else 0
    pause = timedelta(seconds=again_s) * (2 ** min(max(failures - 1, 0), 16))
    return replace(
        entry,
        outcome=outcome,
        reason=reason[:MAX_REASON_CHARS],
        failures=failures,
        checked_at=entry.checked_at if outcome is Outcome.FAILED else rfc3339(at),
        again_at="" if outcome is Outcome.ARRIVED else rfc3339(at + min(pause, _MAX_BACKOFF)),
    )


def forget_missing(connection: Connection, *, at: datetime) -> int:
    """Forgets names that could not be had for a week, in the caller's transaction; returns how many."""
    missing = [Outcome.ABSENT.value, Outcome.REFUSED.value, Outcome.FAILED.value]
    old = delete(intake).where(
        intake.c.outcome.in_(missing), intake.c.watched == 0, intake.c.asked_at <= rfc3339(at - KEPT_FOR)
    )
    return connection.execute(old).rowcount


def write(connection: Connection, entry: Entry) -> None:
    """Records an entry that is there already, in the caller's transaction; whether it is watched stays as it is."""
    taking(connection, Rank.WORK, [_lock(entry)])
    here = _here(Repository(entry.repository), located(entry.locator))
    row = {name: value for name, value in _row(entry).items() if name != "watched"}
    connection.execute(update(intake).where(*here).values(row))


def hold_entry(connection: Connection, entry: Entry) -> None:
    """Keeps an entry from everybody else until the transaction ends; before anything of blobs and tags."""
    taking(connection, Rank.WORK, [_lock(entry)])
    here = _here(Repository(entry.repository), located(entry.locator))
    connection.execute(select(intake.c.locator).where(*here).with_for_update()).all()


def watch(connection: Connection, repository: Repository, locator: Tag | Digest, *, on: bool = True) -> None:
    """Has a name looked at by itself from now on, or no longer, in the caller's transaction."""
    connection.execute(update(intake).where(*_here(repository, locator)).values(watched=int(on)))


def see(connection: Connection, source: str, digest: Digest, *, at: datetime) -> datetime:
    """When a digest was first heard of at a source: now, when it is new."""
    insert_once(connection, first_seen, source=source, digest=digest, at=rfc3339(at))
    query = select(first_seen.c.at).where(first_seen.c.source == source, first_seen.c.digest == digest)
    return parse_rfc3339(str(connection.scalar(query)))


def _lock(entry: Entry) -> str:
    return f"intake {entry.repository}:{entry.locator}"


def _here(repository: Repository, locator: Tag | Digest) -> tuple[Any, ...]:
    return intake.c.repository == repository, intake.c.locator == str(locator)


def _row(entry: Entry) -> dict[str, Any]:
    row = {name: getattr(entry, name) for name in entry.__struct_fields__}
    return {**row, "watched": int(entry.watched), "outcome": entry.outcome.value}

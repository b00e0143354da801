# SPDX-License-Identifier: Apache-2.0
"""Cases: what one owner is told of one cause, from the first digest until nothing of it is left.

A case is one thread of messages. More digests of the same cause join it; the same again changes nothing; what changes
the substance makes a new revision, and a revision is told once. A case closes itself.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final

from sqlalchemy import Connection, func, select, update

from tidegate.clock import parse_rfc3339, rfc3339
from tidegate.curation.feedback.notice import Cause, Notice, Objection, Severity
from tidegate.curation.feedback.resolve import Owned
from tidegate.errors import NotFoundError
from tidegate.events import Event, EventKind
from tidegate.storage import outbox
from tidegate.storage.feedback_schema import feedback_case, feedback_item
from tidegate.storage.insert import insert_once
from tidegate.storage.lock_order import Rank, taking
from tidegate.storage.tides import tide_of
from tidegate.values import Struct
from tidegate.wire import from_json, to_json

MAX_OBJECTIONS: Final = 500
GATHERED_AT_MOST: Final = 6
"""So many times the pause may begin anew while more digests join, before what is there is told."""
_MAX_DOCUMENT_BYTES: Final = 1 << 20
_MAX_NOTICE_BYTES: Final = 8 << 20


class Pace(Struct, frozen=True, kw_only=True):
    """How soon a case is told.

    Attributes:
        gather: for what else comes of the same cause.
        again: between two messages of one case, but for the last.
    """

    gather: timedelta = timedelta(seconds=10)
    again: timedelta = timedelta(minutes=15)


class Found(Struct, frozen=True, kw_only=True):
    """Something that an owner is to be told.

    Attributes:
        event: id of what told it.
        key: of the cause: what has the same one belongs to one case.
        subject: a digest, or an incident.
    """

    event: str
    cause: Cause
    key: str
    owned: Owned
    severity: Severity
    subject: str
    repository: str
    why: str
    objections: tuple[Objection, ...] = ()
    tide: str = ""


class Case(Struct, frozen=True, kw_only=True):
    """A case as it is on record.

    Attributes:
        told: the revision that was told last; 0 for none.
        closed_at: None while it is open.
    """

    id: str
    owner: str
    owner_by: str
    cause: Cause
    severity: Severity
    state: str
    why: str
    tide: str
    revision: int
    told: int
    opened_at: datetime
    closed_at: datetime | None


class Item(Struct, frozen=True, kw_only=True):
    """One digest, or incident, of a case."""

    subject: str
    repository: str
    objections: tuple[Objection, ...]
    opened_at: datetime
    mended_at: datetime | None
    how: str


def take_up(connection: Connection, found: Found, *, pace: Pace, at: datetime) -> str:
    """Opens a case, or adds to the open one of the same owner and cause; the same again is harmless.

    Returns:
        Its id.
    """
    key = sha256(f"{found.cause}\0{found.key}".encode()).hexdigest()
    taking(connection, Rank.WORK, [f"feedback:{key}"])
    case = feedback_case
    here = (case.c.state == "open") & (case.c.owner == found.owned.name) & (case.c.key == key)
    row = connection.execute(select(case).where(here).with_for_update()).mappings().first()
    name = row["id"] if row else sha256(f"{found.owned.name}\0{key}\0{found.event}".encode()).hexdigest()[:32]
    if row is None and not _open(connection, name, key, found, pace, at):
        return name  # told again long after: it was closed meanwhile
    if _add(connection, name, found, at):
        _renew(connection, name, found, pace, at)
    return name


def _open(connection: Connection, name: str, key: str, found: Found, pace: Pace, at: datetime) -> bool:
    return insert_once(
        connection,
        feedback_case,
        id=name,
        owner=found.owned.name,
        owner_by=found.owned.by,
        cause=found.cause.value,
        key=key,
        severity=found.severity.value,
        state="open",
        why=found.why,
        tide=found.tide,
        revision=0,
        told=0,
        due_at=(at + pace.gather).timestamp(),
        told_at=0.0,
        opened_at=rfc3339(at),
        closed_at="",
        notice="",
    )


def _add(connection: Connection, name: str, found: Found, at: datetime) -> bool:
    """Adds an item, or renews what is said of it; True when that is news."""
    item = feedback_item
    place = {"case_id": name, "subject": found.subject, "repository": found.repository}
    document = to_json(found.objections[:MAX_OBJECTIONS]).decode()
    if insert_once(connection, item, **place, document=document, opened_at=rfc3339(at), mended_at="", how=""):
        _tell(connection, EventKind.FEEDBACK_OPENED, found.subject, f"{name}:{found.event}", at, _opened(name, found))
        return True
    here = (item.c.case_id == name) & (item.c.subject == found.subject) & (item.c.repository == found.repository)
    row = connection.execute(select(item).where(here)).mappings().one()
    if row["document"] == document and not row["mended_at"]:
        return False
    values = {"document": document, "mended_at": "", "how": ""}
    connection.execute(update(item).where(here).values(values))
    return True


def _renew(connection: Connection, name: str, found: Found, pace: Pace, at: datetime) -> None:
    case = feedback_case
    row = connection.execute(select(case).where(case.c.id == name)).mappings().one()
    latest = parse_rfc3339(row["opened_at"]) + GATHERED_AT_MOST * pace.gather
    due = min(at + pace.gather, latest) if not row["told"] else at + pace.gather
    if row["told_at"]:
        due = max(due, datetime.fromtimestamp(row["told_at"], at.tzinfo) + pace.again)
    severity = max(Severity(row["severity"]), found.severity, key=lambda one: one.rank)
    values = {"revision": row["revision"] + 1, "due_at": due.timestamp(), "severity": severity.value}
    connection.execute(update(case).where(case.c.id == name).values(values))


def mend(connection: Connection, name: str, subject: str, repository: str, how: str, *, at: datetime) -> bool:
    """Notes that an item is mended; with the last one the case is closed. Returns whether that is news."""
    case, item = feedback_case, feedback_item
    key = connection.scalar(select(case.c.key).where(case.c.id == name))
    taking(connection, Rank.WORK, [f"feedback:{key}"])
    row = connection.execute(select(case).where(case.c.id == name).with_for_update()).mappings().one()
    here = (item.c.case_id == name) & (item.c.subject == subject) & (item.c.repository == repository)
    open_one = here & (item.c.mended_at == "")
    if not connection.execute(update(item).where(open_one).values(mended_at=rfc3339(at), how=how)).rowcount:
        return False
    opened = parse_rfc3339(str(connection.scalar(select(item.c.opened_at).where(here))))
    seconds = (at - opened).total_seconds()
    data = {
        "case": name,
        "owner": row["owner"],
        "repository": repository,
        "seconds": seconds,
        "how": how,
        "why": how,
        "tide": row["tide"],
    }
    _tell(connection, EventKind.FEEDBACK_CLOSED, subject, f"{name}:{repository}:{rfc3339(at)}", at, data)
    left = select(func.count()).select_from(item).where(item.c.case_id == name, item.c.mended_at == "")
    if not connection.scalar(left):
        closed = {"state": "closed", "closed_at": rfc3339(at), "revision": row["revision"] + 1}
        connection.execute(update(case).where(case.c.id == name).values(**closed, due_at=at.timestamp()))
    return True


def find(connection: Connection, name: str) -> Case:
    """One case.

    Raises:
        NotFoundError: there is none.
    """
    row = connection.execute(select(feedback_case).where(feedback_case.c.id == name)).mappings().first()
    if row is None:
        raise NotFoundError("no such case", where=name[:80], remedy="see `tidegate feedback list`")
    return _case(row)


def last_told(connection: Connection, name: str) -> Notice | None:
    """What was told of a case last; None for nothing yet."""
    text = connection.scalar(select(feedback_case.c.notice).where(feedback_case.c.id == name))
    return from_json(text.encode(), Notice, what=f"case {name}", max_bytes=_MAX_NOTICE_BYTES) if text else None


def list_cases(
    connection: Connection, *, state: str = "", owner: str = "", subject: str = "", limit: int = 100
) -> list[Case]:
    """Cases, the newest first; only those of a state, an owner, or about a digest."""
    query = select(feedback_case).order_by(feedback_case.c.opened_at.desc(), feedback_case.c.id).limit(limit)
    if state:
        query = query.where(feedback_case.c.state == state)
    if owner:
        query = query.where(feedback_case.c.owner == owner)
    if subject:
        query = query.where(
            feedback_case.c.id.in_(select(feedback_item.c.case_id).where(feedback_item.c.subject == subject))
        )
    return [_case(row) for row in connection.execute(query).mappings()]


def items_of(connection: Connection, name: str) -> list[Item]:
    """What a case is about, the first first."""
    query = select(feedback_item).where(feedback_item.c.case_id == name)
    query = query.order_by(feedback_item.c.opened_at, feedback_item.c.repository, feedback_item.c.subject)
    return [
        Item(
            subject=row["subject"],
            repository=row["repository"],
            objections=from_json(
                row["document"].encode(),
                tuple[Objection, ...],
                what=f"case {name}",
                max_bytes=_MAX_DOCUMENT_BYTES,
            ),
            opened_at=parse_rfc3339(row["opened_at"]),
            mended_at=parse_rfc3339(row["mended_at"]) if row["mended_at"] else None,
            how=row["how"],
        )
        for row in connection.execute(query).mappings()
    ]


def told(
    connection: Connection, notice: Notice, data: dict[str, Any], subjects: Sequence[str], *, at: datetime
) -> bool:
    """Notes that a revision is told, with an event for each subject; False when something came between."""
    here = (feedback_case.c.id == notice.case) & (feedback_case.c.revision == notice.revision)
    values = {"told": notice.revision, "told_at": at.timestamp(), "notice": to_json(notice).decode()}
    if not connection.execute(update(feedback_case).where(here).values(values)).rowcount:
        return False
    for subject in subjects:
        _tell(connection, EventKind.FEEDBACK_TOLD, subject, f"{notice.case}:{notice.revision}", at, data)
    return True


def _opened(name: str, found: Found) -> dict[str, Any]:
    return {
        "case": name,
        "owner": found.owned.name,
        "owner_by": found.owned.by,
        "cause": found.cause.value,
        "severity": found.severity.value,
        "repository": found.repository,
        "why": found.why,
        "tide": found.tide,
    }


def _tell(
    connection: Connection, kind: EventKind, subject: str, unique: str, at: datetime, data: dict[str, Any]
) -> None:
    number = sha256(f"{kind}\0{subject}\0{unique}".encode()).hexdigest()[:32]
    tide = tide_of(connection, subject)
    event = Event(id=number, kind=kind, subject=subject, time=at, data=data, tide=tide)
    outbox.publish(connection, event)


def _case(row: Any) -> Case:
    return Case(
        id=row["id"],
        owner=row["owner"],
        owner_by=row["owner_by"],
        cause=Cause(row["cause"]),
        severity=Severity(row["severity"]),
        state=row["state"],
        why=row["why"],
        tide=row["tide"],
        revision=row["revision"],
        told=row["told"],
        opened_at=parse_rfc3339(row["opened_at"]),
        closed_at=parse_rfc3339(row["closed_at"]) if row["closed_at"] else None,
    )

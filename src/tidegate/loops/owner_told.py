# SPDX-License-Identifier: Apache-2.0
"""Refused, recalled, restricted, or an incident: its owner gets a case; mended, the case closes."""

from typing import Final

from sqlalchemy import Connection, select

from tidegate.admission.gate import Gate
from tidegate.artifact import Digest
from tidegate.clock import Clock
from tidegate.curation.feedback.cases import Found, Pace, mend, take_up
from tidegate.curation.feedback.mended import close_what_is_mended
from tidegate.curation.feedback.notice import Cause, Objection, Severity
from tidegate.curation.feedback.resolve import Owners
from tidegate.errors import TidegateError
from tidegate.events import Event, EventKind
from tidegate.evidence import Verdict
from tidegate.storage.consumers import Consumer
from tidegate.storage.database import PUBLISHED, Database
from tidegate.storage.feedback_schema import feedback_item
from tidegate.storage.schema import outbox, placement
from tidegate.storage.vending_schema import image_summary

_CAUSES: Final = {
    EventKind.IMAGE_REJECTED: Cause.REJECTED,
    EventKind.IMAGE_RECALLED: Cause.RECALLED,
    EventKind.IMAGE_RESTRICTED: Cause.RESTRICTED,
}
_MENDS: Final = frozenset(
    {
        EventKind.IMAGE_ADMITTED,
        EventKind.IMAGE_DEPRECATED,
        EventKind.IMAGE_DELETED,
        EventKind.TAG_MOVED,
        EventKind.TAG_REMOVED,
    }
)
_BY_THE_GATE: Final = "tidegate/"
"""How the names of those begin who are no people."""
_ATTACHED: Final = "attachment"


class OwnerTold:
    """Hears what happens to images and workloads, and puts on record whom it concerns.

    Args:
        gate: its decisions say why.
        owners: whose things are.
        pace: how soon a case is told.
    """

    def __init__(self, database: Database, gate: Gate, owners: Owners, pace: Pace, clock: Clock) -> None:
        self._database = database
        self._gate = gate
        self._owners = owners
        self._pace = pace
        self._clock = clock

    def consumers(self) -> tuple[Consumer, ...]:
        """One that opens cases, and one that closes them."""
        opens = frozenset({*_CAUSES, EventKind.INCIDENT_OPENED})
        closes = frozenset({*_MENDS, EventKind.INCIDENT_CLOSED})
        return (
            Consumer(name="loops.owner_told", kinds=opens, handle=self._take_up),
            Consumer(name="loops.owner_mended", kinds=closes, handle=self._mend),
        )

    def _take_up(self, event: Event, offset: int) -> None:
        with self._database.begin() as connection:
            found = (
                [self._incident(connection, event)]
                if event.kind is EventKind.INCIDENT_OPENED
                else self._image(connection, event, offset)
            )
            for one in sorted(found, key=lambda one: (one.cause, one.key)):
                take_up(connection, one, pace=self._pace, at=self._clock())
                connection.info[PUBLISHED] = True

    def _mend(self, event: Event, _offset: int) -> None:
        if event.kind is EventKind.INCIDENT_CLOSED:
            self._end_incident(event)
            return
        names = {*event.data.get("repositories", ()), str(event.data.get("repository", ""))} - {""}
        subjects = {event.subject, str(event.data.get("digest", ""))} - {""}
        close_what_is_mended(self._database, at=self._clock(), repositories=names, subjects=subjects)

    def _end_incident(self, event: Event) -> None:
        item = feedback_item
        here = (item.c.subject == event.subject) & (item.c.mended_at == "")
        with self._database.begin() as connection:
            for row in connection.execute(select(item.c.case_id, item.c.repository).where(here)).all():
                how = f"{event.data.get('who', '')} closed the incident: {event.data.get('why', '')}"
                mend(connection, row.case_id, event.subject, row.repository, how, at=self._clock())

    def _image(self, connection: Connection, event: Event, offset: int) -> list[Found]:
        if event.data.get("kind") == _ATTACHED:
            return []
        cause, why = _CAUSES[event.kind], str(event.data.get("why", ""))
        by_gate = str(event.data.get("who", "")).startswith(_BY_THE_GATE)
        tide = event.tide or (_tide_before(connection, offset) if cause is Cause.RECALLED else "")
        tide = tide if by_gate else ""
        found = []
        for repository in event.data.get("repositories", ()):
            # Pushed again and refused again, it is the same story; a recall is one of all that one cause took.
            key = str(repository) if cause is Cause.REJECTED else (tide or "the gate") if by_gate else why
            found.append(
                Found(
                    event=event.id,
                    cause=cause,
                    key=key,
                    owned=self._owners.of_image(connection, event.subject, str(repository)),
                    severity=_severity(connection, event.subject, cause),
                    subject=event.subject,
                    repository=str(repository),
                    why=why,
                    objections=self._objections(connection, event) if by_gate else (Objection(message=why),),
                    tide=tide,
                )
            )
        return found

    def _objections(self, connection: Connection, event: Event) -> tuple[Objection, ...]:
        """What the gate objects to; what the event tells where its decision is void by now."""
        envelope = str(event.data.get("evidence", "") or event.data.get("decision", ""))
        try:
            decision = self._gate.decision_named(connection, Digest(envelope)) if envelope else None
        except TidegateError:
            decision = None
        if decision is None:
            return (Objection(message=str(event.data.get("why", ""))),)
        counting = [one for one in decision.reasons if one.verdict is Verdict.DENY and not one.excepted_by]
        said = dict.fromkeys(Objection(message=one.message, item=one.item, fix=one.fix) for one in counting)
        return tuple(said) or (Objection(message=str(event.data.get("why", ""))),)

    def _incident(self, connection: Connection, event: Event) -> Found:
        data = event.data
        workload = str(data.get("workload", ""))
        parts = workload.split("/")
        here = (placement.c.namespace == parts[0]) if len(parts) > 1 else (placement.c.name == workload)
        label = connection.scalar(select(placement.c.owner).where(here, placement.c.owner != "").limit(1)) or ""
        message = f"{data.get('act', '')} {data.get('path', '')} in {workload or data.get('container', '')}"
        severity = str(data.get("severity", ""))
        return Found(
            event=event.id,
            cause=Cause.INCIDENT,
            key=event.subject,
            owned=self._owners.of_workload(connection, workload.rpartition("/")[0], label=label),
            severity=Severity(severity) if severity in set(Severity) else Severity.HIGH,
            subject=event.subject,
            repository="",
            why=f"rule {data.get('rule', '')}: {message}",
            objections=(Objection(message=message, item=workload, fix=f"tidegate incident show {event.subject[:12]}"),),
        )


def _tide_before(connection: Connection, offset: int) -> str:
    """The update of knowledge that came before an event; "" for none."""
    told = outbox.c.kind == EventKind.KNOWLEDGE_UPDATED.value
    query = select(outbox.c.id).where(told, outbox.c.offset < offset).order_by(outbox.c.offset.desc()).limit(1)
    return connection.scalar(query) or ""


def _severity(connection: Connection, digest: str, cause: Cause) -> Severity:
    """By its worst flaw; a recall is never less than high: what was handed out is shut."""
    row = connection.execute(select(image_summary).where(image_summary.c.digest == digest)).mappings().first()
    worst = Severity.LOW
    if row is not None:
        counted = (Severity.CRITICAL, Severity.HIGH, Severity.MEDIUM)
        worst = next((one for one in counted if row[one.value]), Severity.LOW)
        worst = Severity.CRITICAL if row["exploited"] else worst
    least = {Cause.RECALLED: Severity.HIGH, Cause.REJECTED: Severity.MEDIUM}.get(cause, Severity.LOW)
    return max(worst, least, key=lambda one: one.rank)

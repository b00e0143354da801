# SPDX-License-Identifier: Apache-2.0
"""Turns a case that is due into messages: one a channel, of one revision, in one transaction with its events."""

from collections.abc import Callable, Sequence
from typing import Final

from sqlalchemy import Connection, func, select

from tidegate.artifact import Digest
from tidegate.clock import Clock, rfc3339
from tidegate.curation.feedback import cases, messages
from tidegate.curation.feedback.cases import Case, Item
from tidegate.curation.feedback.channel import Channel, ChannelKind, list_channels
from tidegate.curation.feedback.notice import Affected, Cause, Fix, Notice, Objection, Turn
from tidegate.curation.feedback.owner import Owner, owner_named
from tidegate.errors import NotFoundError
from tidegate.storage.database import Database
from tidegate.storage.feedback_schema import feedback_case
from tidegate.storage.schema import placement, tag

MAX_PROVED: Final = 5
"""Images of a case for which a fix is looked for; the others have the same cause."""
_MAX_SHOWN: Final = 200
_AT_ONCE: Final = 50
_MAX_TAGS: Final = 5


class Composer:
    """Writes down what is due.

    Args:
        fixes: what mends an image in a repository, tried.
        passport: where all that is known of a digest is shown.
    """

    def __init__(
        self,
        database: Database,
        fixes: Callable[[Digest, str], Sequence[Fix]],
        passport: Callable[[str], str],
        clock: Clock,
    ) -> None:
        self._database = database
        self._fixes = fixes
        self._passport = passport
        self._clock = clock

    def once(self) -> int:
        """Writes down what is due now; returns how many cases were told."""
        now, case = self._clock().timestamp(), feedback_case
        due = select(case.c.id).where(case.c.revision > case.c.told, case.c.due_at <= now)
        with self._database.read() as connection:
            found = [
                cases.find(connection, name) for name in connection.scalars(due.order_by(case.c.due_at).limit(_AT_ONCE))
            ]
        for one in found:
            self.tell(one)
        return len(found)

    def tell(self, case: Case) -> Notice:
        """Writes down what a case has to say."""
        notice = self.notice(case)
        with self._database.begin() as connection:
            at = self._clock()
            subjects = [one.subject for one in notice.affected]
            reached = [] if self._is_over_unheard(case) else _reached(connection, case.owner)
            data = {
                "case": case.id,
                "owner": case.owner,
                "turn": notice.turn.value,
                "revision": case.revision,
                "channels": [channel.name for channel, _ in reached],
                "fix": notice.fixes[0].what if notice.fixes else "",
                "passes": bool(notice.fixes and notice.fixes[0].passes),
                "why": f"{case.owner or 'nobody'} was told of it: {case.why}",
                "tide": case.tide,
            }
            if cases.told(connection, notice, data, subjects if reached else (), at=at):
                for channel, recipient in reached:
                    messages.write(connection, notice, channel, recipient, at=at)
        return notice

    def notice(self, case: Case) -> Notice:
        """What a case has to say as it stands; fixes are looked for and tried."""
        with self._database.read() as connection:
            items = cases.items_of(connection, case.id)
            # What was mended meanwhile is told of only where all is.
            shown = items if case.closed_at else [one for one in items if one.mended_at is None]
            affected = tuple(_affected(connection, one) for one in shown[:_MAX_SHOWN])
        turn = Turn.CLOSED if case.closed_at else Turn.CHANGED if case.told else Turn.OPENED
        is_open_image = turn is not Turn.CLOSED and case.cause is not Cause.INCIDENT
        ended = case.closed_at or self._clock()
        return Notice(
            case=case.id,
            revision=case.revision,
            turn=turn,
            cause=case.cause,
            severity=case.severity,
            owner=case.owner,
            owner_by=case.owner_by,
            why=case.why,
            objections=_objections(shown),
            affected=affected,
            affected_in_all=len(shown),
            fixes=self._fixes_of(shown) if is_open_image else (),
            passports=tuple(dict.fromkeys(self._passport(one.subject) for one in shown[:_AT_ONCE])),
            opened_at=rfc3339(case.opened_at),
            told_at=rfc3339(self._clock()),
            seconds=(ended - case.opened_at).total_seconds(),
            tide=case.tide,
        )

    def _is_over_unheard(self, case: Case) -> bool:
        """Mended before anybody was told: then there is nothing to tell."""
        return case.closed_at is not None and not case.told

    def _fixes_of(self, items: Sequence[Item]) -> tuple[Fix, ...]:
        found: dict[str, Fix] = {}
        for one in items[:MAX_PROVED]:
            for fix in self._fixes(Digest(one.subject), one.repository):
                found.setdefault(fix.what, fix)
        return tuple(sorted(found.values(), key=lambda fix: not fix.passes))


def recipients(owner: Owner | None, name: str, channels: Sequence[Channel]) -> list[tuple[Channel, str]]:
    """By which channels an owner is reached, and at which address; pure.

    Args:
        owner: as on record; None for one who is not, or nobody.
        name: of the owner; an address when `curation.owners` gives one.
        channels: all there are.
    """
    wanted = owner.channels if owner and owner.channels else tuple(one.name for one in channels)
    address = owner.email if owner else name if "@" in name and " " not in name else ""
    found = []
    for one in channels:
        to = one.url if one.kind is ChannelKind.WEBHOOK else address or one.to
        if one.name in wanted and to:
            found.append((one, to))
    return found


def _reached(connection: Connection, name: str) -> list[tuple[Channel, str]]:
    try:
        owner = owner_named(connection, name) if name else None
    except NotFoundError:
        owner = None
    return recipients(owner, name, list_channels(connection))


def _affected(connection: Connection, item: Item) -> Affected:
    here = (tag.c.repository == item.repository) & (tag.c.digest == item.subject)
    names = connection.scalars(
        select(tag.c.name).where(here).order_by(tag.c.moved_at.desc(), tag.c.name).limit(_MAX_TAGS)
    )
    runs = select(placement.c.cluster, placement.c.namespace, placement.c.kind, placement.c.name)
    runs = runs.where(placement.c.digest == item.subject).distinct()
    return Affected(
        subject=item.subject,
        repository=item.repository,
        tags=tuple(names),
        workloads=connection.scalar(select(func.count()).select_from(runs.subquery())) or 0,
        mended=item.how,
    )


def _objections(items: Sequence[Item]) -> tuple[Objection, ...]:
    """What stands in the way of any of them, each said once."""
    return tuple(dict.fromkeys(one for item in items for one in item.objections))[: cases.MAX_OBJECTIONS]

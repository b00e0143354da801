# SPDX-License-Identifier: Apache-2.0
"""Tells subscribers what was written down for them: at least once, in order for each subject, later and later again.

Whether a subscriber may hear of it is judged then. While an owner may have nothing of what they subscribed to their
subscription is paused, and what happens waits; an event that they may not hear of is withheld, and a replay asks again.
What fails stands in the way of what comes later about the same subject, and of nothing else. After the last try it is
dead: shown, and told again by a replay. A receiver that answers 410 wants no more.
"""

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import Connection, bindparam, delete, exists, func, select, update

from tidegate.clock import Clock, rfc3339
from tidegate.curation.vending.hearing import Hearing
from tidegate.curation.vending.subscriber import PausedError, Subscribers
from tidegate.curation.vending.subscriptions import WITHHELD, is_named
from tidegate.curation.vending.webhook_sender import MAX_PROBLEM_CHARS, Answer, WebhookSender
from tidegate.events import Event
from tidegate.storage import outbox
from tidegate.storage.database import Database
from tidegate.storage.vending_schema import delivery, subscription

_log = logging.getLogger(__name__)
RETRY_SECONDS: Final = (5.0, 30.0, 300.0, 1800.0, 7200.0, 18_000.0, 36_000.0, 36_000.0)
"""Pauses between tries; after the last one it is given up."""
_NOTE_SECONDS: Final = 0.2
"""What was made for so long is recorded together."""
_KEPT: Final = timedelta(days=14)
_GONE: Final = 410


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What became of a delivery.

    Attributes:
        state: `done`, `dead`, `withheld`, or still `waiting`, for `next_at`.
        is_last: its receiver wants no more.
    """

    row: Mapping[str, Any]
    state: str
    problem: str = ""
    next_at: float = 0.0
    is_last: bool = False


class Delivery:
    """Makes deliveries, one after the other for whoever asks; safe for threads that make different ones.

    Args:
        sender: calls receivers.
        subscribers: who is told.
        hearing: of what.
        retry_seconds: pauses between tries.
    """

    def __init__(
        self,
        database: Database,
        sender: WebhookSender,
        subscribers: Subscribers,
        hearing: Hearing,
        *,
        clock: Clock,
        retry_seconds: Sequence[float] = RETRY_SECONDS,
    ) -> None:
        self._database = database
        self._sender = sender
        self._subscribers = subscribers
        self._hearing = hearing
        self._clock = clock
        self._retry_seconds = retry_seconds

    def waiting(self, connection: Connection) -> list[Any]:
        """Subscriptions that something is due for, by id: as much work as there are some that something waits for."""
        # From each subscription to the next by the index: a long queue of one costs no more than a short one.
        found = select(func.min(delivery.c.subscription).label("id")).where(_WAITS).cte("found", recursive=True)
        onward = select(func.min(delivery.c.subscription)).where(_WAITS, delivery.c.subscription > found.c.id)
        found = found.union_all(select(onward.scalar_subquery()).where(found.c.id.is_not(None)))
        due = exists().where(_WAITS, delivery.c.subscription == found.c.id, delivery.c.next_at <= self._now())
        query = (
            select(subscription)
            .join(found, found.c.id == subscription.c.id)
            .where(_TELLS, subscription.c.paused == "", due)
        )
        return list(connection.execute(query.order_by(subscription.c.id)).mappings())

    def due(self, connection: Connection, number: str, *, limit: int) -> list[Any]:
        """Deliveries to one subscription that may be made now, in the order of what happened.

        What comes later about a subject than a delivery that waits for its next try is not among them.
        """
        earlier, now = delivery.alias("earlier"), self._now()
        in_the_way = exists().where(
            earlier.c.subscription == delivery.c.subscription,
            earlier.c.subject == delivery.c.subject,
            earlier.c.state == "waiting",
            earlier.c.offset < delivery.c.offset,
            earlier.c.next_at > now,
        )
        query = (
            select(delivery.c.subscription, delivery.c.offset, delivery.c.subject, delivery.c.attempts)
            .where(delivery.c.subscription == number, _WAITS, delivery.c.next_at <= now, ~in_the_way)
            .order_by(delivery.c.offset)
            .limit(limit)
        )
        return list(connection.execute(query).mappings())

    def deliver(self, rows: Sequence[Mapping[str, Any]], *, going: Callable[[], bool]) -> None:
        """Makes deliveries to one subscription that are due, one after the other, and records what became of them.

        After one that failed, what comes later about its subject is left for another time. What was made and is not
        recorded when this process is killed is made again.

        Args:
            rows: in the order of what happened.
            going: asked before each; False ends it there.

        Raises:
            OutsideError: the database failed; what is not recorded is made again.
        """
        number = rows[0]["subscription"]
        with self._database.read() as connection:
            found = connection.execute(select(subscription).where(subscription.c.id == number)).mappings()
            to = next((dict(row) for row in found), None)
            events = dict(outbox.read_these(connection, [row["offset"] for row in rows]))
        self._hearing.look()
        made: list[_Outcome] = []
        stuck: set[str] = set()
        noted_at = time.monotonic()
        try:
            for some in _in_messages(rows, to["batch"] if to else 1):
                if to is None or not to["active"] or not going():
                    return
                left = [row for row in some if row["subject"] not in stuck]
                outcomes = self._make(left, to, events) if left else []
                made += outcomes
                stuck.update(one.row["subject"] for one in outcomes if one.state == "waiting")
                if any(one.is_last for one in outcomes):
                    return
                if time.monotonic() - noted_at >= _NOTE_SECONDS:
                    self._note(made)
                    made, noted_at = [], time.monotonic()
        except PausedError as error:
            self._pause({number: error.what})
        finally:
            self._note(made)

    def review(self) -> None:
        """Pauses subscriptions whose owners may have nothing now, and goes on with those whose owners may again.

        Raises:
            OutsideError: the database failed.
        """
        with self._database.read() as connection:
            rows = [dict(row) for row in connection.execute(select(subscription).where(_TELLS)).mappings()]
        judged = {row["id"]: self._subscribers.paused(row) for row in rows}
        self._pause({row["id"]: judged[row["id"]] for row in rows if judged[row["id"]] != row["paused"]})

    def forget_old(self) -> None:
        """Removes what ended long ago, and gives up what waited as long."""
        edge = self._clock() - _KEPT
        ended = (delivery.c.ended_at != "") & (delivery.c.ended_at < rfc3339(edge))
        late = _WAITS & (delivery.c.next_at < edge.timestamp())
        given_up = {"state": "dead", "problem": "it waited for two weeks", "ended_at": rfc3339(self._clock())}
        with self._database.begin() as connection:
            connection.execute(delete(delivery).where(ended))
            connection.execute(update(delivery).where(late).values(given_up))

    def _heard(self, to: Mapping[str, Any], event: Event) -> Event | None:
        told = self._hearing.heard(self._subscribers.hearer(to), event)
        return told if told is not None and is_named(to["pattern"], told) else None

    def _pause(self, why: Mapping[str, str]) -> None:
        if not why:
            return
        with self._database.begin() as connection:
            for number, reason in why.items():
                connection.execute(update(subscription).where(subscription.c.id == number).values(paused=reason))
        for number, reason in why.items():
            _log.info("subscription %s %s", number, f"is paused: {reason}" if reason else "goes on")

    def _make(
        self, rows: Sequence[Mapping[str, Any]], to: Mapping[str, Any], events: Mapping[int, Event]
    ) -> list["_Outcome"]:
        """Sends one message with the events of some deliveries, as far as its owner may hear of them."""
        outcomes: list[_Outcome] = []
        told: list[tuple[Mapping[str, Any], Event]] = []
        for row in rows:
            event = events.get(row["offset"])
            heard = self._heard(to, event) if event else None
            if event is None:
                outcomes.append(_Outcome(row, "dead", "the event is not on record any more"))
            elif heard is None:
                outcomes.append(_Outcome(row, WITHHELD, f"{to['owner']} may not hear of it"))
            else:
                told.append((row, heard))
        if told:
            sent = [event for _, event in told]
            answer = self._sender.send(to, sent[0]) if to["batch"] == 1 else self._sender.send_batch(to, sent)
            outcomes += [self._outcome(row, answer) for row, _ in told]
        return outcomes

    def _outcome(self, row: Mapping[str, Any], answer: Answer) -> "_Outcome":
        if answer.taken:
            return _Outcome(row, "done")
        if answer.status == _GONE:
            return _Outcome(row, "dead", "the receiver wants no more (410)", is_last=True)
        if row["attempts"] >= len(self._retry_seconds):
            return _Outcome(row, "dead", answer.problem)
        return _Outcome(row, "waiting", answer.problem, next_at=self._now() + self._retry_seconds[row["attempts"]])

    def _note(self, made: Sequence["_Outcome"]) -> None:
        """Records what became of deliveries; of what another replica did meanwhile nothing is undone."""
        if not made:
            return
        ended_at = rfc3339(self._clock())
        rows = [
            {
                "its_subscription": one.row["subscription"],
                "its_offset": one.row["offset"],
                "its_attempts": one.row["attempts"],
                "attempts": one.row["attempts"] + 1,
                "problem": one.problem[:MAX_PROBLEM_CHARS],
                "state": one.state,
                "next_at": one.next_at,
                "ended_at": "" if one.state == "waiting" else ended_at,
            }
            for one in made
        ]
        with self._database.begin() as connection:
            connection.execute(_ENDED, rows)
            for one in made:
                if one.is_last:
                    here = subscription.c.id == one.row["subscription"]
                    connection.execute(update(subscription).where(here).values(active=0))
        for one in made:
            if one.state == "dead":
                _log.warning(
                    "delivery of %s to %s was given up: %s", one.row["offset"], one.row["subscription"], one.problem
                )

    def _now(self) -> float:
        return self._clock().timestamp()


_WAITS: Final = delivery.c.state == "waiting"
_TELLS: Final = subscription.c.active == 1


def _in_messages(rows: Sequence[Mapping[str, Any]], most: int) -> Iterator[Sequence[Mapping[str, Any]]]:
    for start in range(0, len(rows), most):
        yield rows[start : start + most]


# The delivery as it was when it was begun. One statement for all of them: building one takes longer than running it.
_ENDED: Final = (
    update(delivery)
    .where(
        delivery.c.subscription == bindparam("its_subscription"),
        delivery.c.offset == bindparam("its_offset"),
        delivery.c.attempts == bindparam("its_attempts"),
        _WAITS,
    )
    .values({name: bindparam(name) for name in ("attempts", "problem", "state", "next_at", "ended_at")})
)

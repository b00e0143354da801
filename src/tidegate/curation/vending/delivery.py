# SPDX-License-Identifier: Apache-2.0
"""Tells subscribers what was written down for them: at least once, in order for each subject, later and later again.

Each message is a CloudEvent (1.0, structured JSON), signed after Standard Webhooks, with the same id at every try. What
fails stands in the way of what comes later about the same subject, and of nothing else. After the last try it is dead:
shown, and told again by a replay. A receiver that answers 410 wants no more.
"""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from threading import Event as Flag
from threading import Thread
from typing import Any, Final
from uuid import uuid4

from sqlalchemy import delete, exists, select, update

from tidegate.clock import Clock, rfc3339
from tidegate.curation.vending.subscriptions import seal_plain
from tidegate.curation.vending.webhook_key import WebhookKey
from tidegate.errors import NotFoundError, TidegateError
from tidegate.events import Event, EventKind
from tidegate.outbound import Outbound
from tidegate.storage import outbox
from tidegate.storage.carry_on import carrying_on
from tidegate.storage.database import Database
from tidegate.storage.leases import Leases
from tidegate.storage.vending_schema import delivery, subscription
from tidegate.values import Struct

_log = logging.getLogger(__name__)
RETRY_SECONDS: Final = (5.0, 30.0, 300.0, 1800.0, 7200.0, 18_000.0, 36_000.0, 36_000.0)
"""Pauses between tries; after the last one it is given up."""
_KEPT: Final = timedelta(days=14)
_BATCH: Final = 50
_LOOK_AGAIN_SECONDS: Final = 2.0
_LEASE: Final = "deliveries"
_MAX_ANSWER_BYTES: Final = 64 << 10
_MAX_PROBLEM_CHARS: Final = 500
_OK: Final = range(200, 300)
_GONE: Final = 410


class Answer(Struct, frozen=True, kw_only=True):
    """What a receiver said to a message that was sent to try it out.

    Attributes:
        status: of HTTP; 0 when none came.
        problem: why it was not taken; "" when it was.
    """

    taken: bool
    status: int
    problem: str = ""


class Delivery:
    """Tells what waits.

    Args:
        outbound: held to addresses that may be called; follows no redirect.
        key: that secrets were sealed with.
        source: URI that names this server in its events.
        retry_seconds: pauses between tries.
    """

    def __init__(
        self,
        database: Database,
        outbound: Outbound,
        *,
        key: WebhookKey,
        source: str,
        clock: Clock,
        retry_seconds: Sequence[float] = RETRY_SECONDS,
    ) -> None:
        self._database = database
        self._outbound = outbound
        self._key = key
        self._source = source
        self._clock = clock
        self._retry_seconds = retry_seconds

    def seal(self) -> None:
        """Seals what was stored plain by a tidegate that had no key for it.

        Raises:
            OutsideError: the database failed.
        """
        with self._database.begin() as connection:
            number = seal_plain(connection, self._key)
        if number:
            _log.info("%s secrets of webhooks lay open in the database and are sealed", number)

    def once(self, *, stopped: Callable[[], bool] = lambda: False) -> int:
        """Makes the deliveries that are due, at most one batch; returns how many were tried.

        Raises:
            OutsideError: the database failed.
        """
        at = self._clock()
        with self._database.read() as connection:
            due = connection.execute(_due(at)).mappings().all()
        for row in due:
            if stopped():
                break
            self._deliver(dict(row))
        return len(due)

    def try_out(self, number: str) -> Answer:
        """Sends a subscription's receiver one signed message that is not on record, whatever waits for it.

        Raises:
            NotFoundError: there is no such subscription.
        """
        wanted = select(subscription.c.id, subscription.c.url, subscription.c.sealed_secret)
        with self._database.read() as connection:
            row = connection.execute(wanted.where(subscription.c.id == number)).mappings().first()
        if row is None:
            raise NotFoundError("no such subscription", where=number[:80])
        at, kind = self._clock(), EventKind.SUBSCRIPTION_TESTED
        event = Event(id=uuid4().hex, kind=kind, subject=f"subscription:{number}", time=at, data={})
        status, problem = self._send(dict(row), event)
        taken = status in _OK
        return Answer(taken=taken, status=status, problem="" if taken else problem[:_MAX_PROBLEM_CHARS])

    def forget_old(self) -> None:
        """Removes what ended long ago."""
        edge = rfc3339(self._clock() - _KEPT)
        with self._database.begin() as connection:
            ended = (delivery.c.ended_at != "") & (delivery.c.ended_at < edge)
            connection.execute(delete(delivery).where(ended))

    def _deliver(self, row: dict[str, Any]) -> None:
        with self._database.read() as connection:
            found = outbox.read_after(connection, row["offset"] - 1, 1)
        if not found or found[0][0] != row["offset"]:
            self._end(row, "dead", "the event is not on record any more")
            return
        status, problem = self._send(row, found[0][1])
        if status in _OK:
            self._end(row, "done", "")
        elif status == _GONE:
            with self._database.begin() as connection:
                connection.execute(update(subscription).where(subscription.c.id == row["id"]).values(active=0))
            self._end(row, "dead", "the receiver wants no more (410)")
        elif row["attempts"] >= len(self._retry_seconds):
            self._end(row, "dead", problem)
        else:
            self._again(row, problem)

    def _send(self, row: dict[str, Any], event: Event) -> tuple[int, str]:
        body = event.to_json(source=self._source)
        try:
            secret = self._key.open(row["sealed_secret"], row["id"])
            signed = secret.headers(event.id, body, at=self._clock())
            headers = {**signed, "Content-Type": "application/cloudevents+json"}
            reply = self._outbound.request(
                "POST", row["url"], headers=headers, body=body, max_bytes=_MAX_ANSWER_BYTES, retry=False
            )
        except TidegateError as error:
            return 0, str(error)
        return reply.status, f"the receiver answered {reply.status}"

    def _again(self, row: dict[str, Any], problem: str) -> None:
        pause = self._retry_seconds[row["attempts"]]
        values = {"attempts": row["attempts"] + 1, "next_at": self._clock().timestamp() + pause}
        with self._database.begin() as connection:
            connection.execute(_this(row).values(**values, problem=problem[:_MAX_PROBLEM_CHARS]))

    def _end(self, row: dict[str, Any], state: str, problem: str) -> None:
        values = {"state": state, "attempts": row["attempts"] + 1, "ended_at": rfc3339(self._clock())}
        with self._database.begin() as connection:
            connection.execute(_this(row).values(**values, problem=problem[:_MAX_PROBLEM_CHARS]))
        if state == "dead":
            _log.warning("delivery of %s to subscription %s was given up: %s", row["offset"], row["id"], problem)


class DeliveryThread:
    """Delivers, on one replica at a time, until it is stopped."""

    def __init__(self, database: Database, work: Delivery, leases: Leases) -> None:
        self._database = database
        self._work = work
        self._leases = leases
        self._stopping = Flag()
        self._thread = Thread(target=self._run, name="deliveries", daemon=True)

    def start(self) -> None:
        """Begins."""
        self._work.seal()
        self._thread.start()

    def stop(self) -> None:
        """Ends after the delivery in hand."""
        self._stopping.set()
        self._database.commits.notify()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            seen, tried = self._database.commits.count, -1
            with carrying_on(_log, "deliveries"):
                tried = self._work.once(stopped=self._stopping.is_set) if self._leases.hold(_LEASE) else 0
                if not tried:
                    self._work.forget_old()
            if tried < 0:
                self._stopping.wait(_LOOK_AGAIN_SECONDS)
            elif not tried:
                self._database.commits.wait(seen, timeout=_LOOK_AGAIN_SECONDS)


def _due(at: datetime) -> Any:
    earlier = delivery.alias("earlier")
    in_the_way = exists().where(
        earlier.c.subscription == delivery.c.subscription,
        earlier.c.subject == delivery.c.subject,
        earlier.c.state == "waiting",
        earlier.c.offset < delivery.c.offset,
    )
    sealed = subscription.c.sealed_secret
    return (
        select(delivery.c.offset, delivery.c.attempts, subscription.c.id, subscription.c.url, sealed)
        .join(subscription, subscription.c.id == delivery.c.subscription)
        .where(delivery.c.state == "waiting", delivery.c.next_at <= at.timestamp(), subscription.c.active == 1)
        .where(~in_the_way)
        .order_by(delivery.c.next_at, delivery.c.offset)
        .limit(_BATCH)
    )


def _this(row: dict[str, Any]) -> Any:
    return update(delivery).where(delivery.c.subscription == row["id"], delivery.c.offset == row["offset"])

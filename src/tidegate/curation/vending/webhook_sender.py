# SPDX-License-Identifier: Apache-2.0
"""Calls the receivers of webhooks, signed after Standard Webhooks: a CloudEvent (1.0, structured JSON), or a batch."""

import logging
from collections.abc import Sequence
from hashlib import sha256
from typing import Any, Final
from uuid import uuid4

from sqlalchemy import select

from tidegate.clock import Clock
from tidegate.curation.vending.subscriptions import seal_plain
from tidegate.curation.vending.webhook import WebhookSecret
from tidegate.curation.vending.webhook_key import WebhookKey
from tidegate.errors import NotFoundError, TidegateError
from tidegate.events import Event, EventKind
from tidegate.outbound import Outbound
from tidegate.storage.database import Database
from tidegate.storage.vending_schema import subscription
from tidegate.values import Struct
from tidegate.wire import to_json

_log = logging.getLogger(__name__)
MAX_PROBLEM_CHARS: Final = 500
_MAX_ANSWER_BYTES: Final = 64 << 10
OK: Final = range(200, 300)


class Answer(Struct, frozen=True, kw_only=True):
    """What a receiver said to a message.

    Attributes:
        status: of HTTP; 0 when none came.
        problem: why it was not taken; "" when it was.
    """

    taken: bool
    status: int
    problem: str = ""


class WebhookSender:
    """Sends.

    Args:
        outbound: held to addresses that may be called; follows no redirect.
        key: that secrets were sealed with.
        source: URI that names this server in its events.
    """

    def __init__(self, database: Database, outbound: Outbound, *, key: WebhookKey, source: str, clock: Clock) -> None:
        self._database = database
        self._outbound = outbound
        self._key = key
        self._source = source
        self._clock = clock

    def seal(self) -> None:
        """Seals what was stored plain by a tidegate that had no key for it.

        Raises:
            OutsideError: the database failed.
        """
        with self._database.begin() as connection:
            number = seal_plain(connection, self._key)
        if number:
            _log.info("%s secrets of webhooks lay open in the database and are sealed", number)

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
        return self.send(row, Event(id=uuid4().hex, kind=kind, subject=f"subscription:{number}", time=at, data={}))

    def send(self, row: Any, event: Event) -> Answer:
        """Sends an event to the receiver of a subscription, by its row; nothing that fails is raised."""
        try:
            secret = self._key.open(row["sealed_secret"], row["id"])
        except TidegateError as error:
            return Answer(taken=False, status=0, problem=str(error)[:MAX_PROBLEM_CHARS])
        return self.call(row["url"], secret, event)

    def send_batch(self, row: Any, events: Sequence[Event]) -> Answer:
        """Sends events in one message (CloudEvents 1.0, JSON batch format); nothing that fails is raised.

        The message's id follows from those of its events: the same batch sent again has the same.
        """
        try:
            secret = self._key.open(row["sealed_secret"], row["id"])
        except TidegateError as error:
            return Answer(taken=False, status=0, problem=str(error)[:MAX_PROBLEM_CHARS])
        name = "batch_" + sha256("\0".join(event.id for event in events).encode()).hexdigest()[:32]
        body = to_json([event.to_dict(source=self._source) for event in events])
        return self._post(row["url"], secret, name, body, "application/cloudevents-batch+json")

    def call(self, url: str, secret: WebhookSecret, event: Event) -> Answer:
        """Sends an event, signed with a secret; nothing that fails is raised."""
        body = event.to_json(source=self._source)
        return self._post(url, secret, event.id, body, "application/cloudevents+json")

    def _post(self, url: str, secret: WebhookSecret, name: str, body: bytes, media_type: str) -> Answer:
        try:
            headers = {**secret.headers(name, body, at=self._clock()), "Content-Type": media_type}
            reply = self._outbound.request(
                "POST", url, headers=headers, body=body, max_bytes=_MAX_ANSWER_BYTES, retry=False
            )
        except TidegateError as error:
            return Answer(taken=False, status=0, problem=str(error)[:MAX_PROBLEM_CHARS])
        if reply.status in OK:
            return Answer(taken=True, status=reply.status)
        return Answer(taken=False, status=reply.status, problem=f"the receiver answered {reply.status}")

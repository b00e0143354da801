# SPDX-License-Identifier: Apache-2.0
"""Sends what was written down: by one replica at a time, each channel by itself, so that a slow one holds up no other.

What is under way when a process is killed still waits in the record, and is sent again under the same id.
"""

import logging
import time
from collections.abc import Callable
from threading import Condition, Thread
from threading import Event as Flag
from typing import Any, Final

from tidegate.clock import Clock, parse_rfc3339
from tidegate.curation.feedback import messages
from tidegate.curation.feedback.channel import Channel, ChannelKind, channel_row, secret_of
from tidegate.curation.feedback.composing import Composer
from tidegate.curation.feedback.mail import Letter, Mailed, Mailer
from tidegate.curation.feedback.mended import close_what_is_mended
from tidegate.curation.feedback.notice import Notice
from tidegate.curation.feedback.wording import digest_subject, html_of, subject_of, text_of
from tidegate.curation.vending.webhook import WebhookSecret
from tidegate.curation.vending.webhook_key import WebhookKey
from tidegate.curation.vending.webhook_sender import WebhookSender
from tidegate.errors import NotFoundError, TidegateError
from tidegate.events import Event, EventKind
from tidegate.storage.carry_on import carrying_on
from tidegate.storage.database import Database
from tidegate.storage.leases import Leases
from tidegate.wire import to_builtins

_log = logging.getLogger(__name__)
AT_ONCE: Final = 8
"""Channels that are served side by side."""
STOP_SECONDS: Final = 3.0
_LOOK_SECONDS: Final = 1.0
_MEND_SECONDS: Final = 30.0
_FORGET_SECONDS: Final = 3600.0
_LEASE: Final = "feedback"
_GONE: Final = 410


class Sender:
    """Sends one message by its channel.

    Args:
        key: secrets are sealed with.
        mailer: for e-mail.
        hooks: for webhooks.
    """

    def __init__(self, database: Database, key: WebhookKey, mailer: Mailer, hooks: WebhookSender, clock: Clock) -> None:
        self._database = database
        self._key = key
        self._mailer = mailer
        self._hooks = hooks
        self._clock = clock

    def serve(self, name: str, *, stopping: Callable[[], bool] = lambda: False) -> int:
        """Sends what a channel has that is due; returns how many tries that were."""
        number = 0
        while not stopping():
            with self._database.begin() as connection:
                try:
                    channel, sealed = channel_row(connection, name)
                except NotFoundError:
                    return number
                messages.gather_held(connection, channel, at=self._clock())
                row = messages.next_of(connection, channel, at=self._clock())
            if row is None:
                return number
            number += 1
            answer = self._try(channel, sealed, dict(row))
            with self._database.begin() as connection:
                self._record(connection, dict(row), answer)
        return number

    def send(
        self, channel: Channel, sealed: str, message: str, to: str, notices: tuple[Notice, ...], at: str
    ) -> Mailed:
        """Sends notices under an id; nothing that fails is raised."""
        try:
            secret = secret_of(channel, sealed, self._key)
        except TidegateError as error:
            return Mailed(problem=str(error))
        if channel.kind is ChannelKind.WEBHOOK:
            data = {"notices": to_builtins(notices), "text": text_of(notices)}
            subject = f"case:{notices[0].case}" if len(notices) == 1 else "cases"
            event = Event(
                id=message, kind=EventKind.FEEDBACK_MESSAGE, subject=subject, time=parse_rfc3339(at), data=data
            )
            answer = self._hooks.call(channel.url, WebhookSecret(secret), event)
            return Mailed(problem=answer.problem, for_ever=answer.status == _GONE)
        letter = Letter(
            message=message,
            threads=tuple(one.case for one in notices),
            to=to,
            subject=subject_of(notices[0]) if len(notices) == 1 else digest_subject(notices),
            text=text_of(notices),
            html=html_of(notices),
            at=parse_rfc3339(at),
        )
        return self._mailer.send(channel, secret, letter)

    def _try(self, channel: Channel, sealed: str, row: dict[str, Any]) -> Mailed:
        try:
            notices = messages.notices_in(row)
        except TidegateError as error:
            return Mailed(problem=str(error), for_ever=True)
        return self.send(channel, sealed, row["id"], row["recipient"], notices, row["made_at"])

    def _record(self, connection: Any, row: dict[str, Any], answer: Mailed) -> None:
        at = self._clock()
        if not answer.problem:
            messages.ended(connection, row, "done", "", at=at)
        elif answer.for_ever:
            messages.ended(connection, row, "dead", answer.problem, at=at)
            _log.warning("message %s by %s was given up: %s", row["id"], row["channel"], answer.problem)
        elif not messages.again(connection, row, answer.problem, at=at):
            _log.warning("message %s by %s was given up: %s", row["id"], row["channel"], answer.problem)


class Courier:
    """Writes down what is due, closes what is mended and sends, until it is stopped."""

    def __init__(self, database: Database, composer: Composer, sender: Sender, leases: Leases, clock: Clock) -> None:
        self._database = database
        self._composer = composer
        self._sender = sender
        self._leases = leases
        self._clock = clock
        self._stopping = Flag()
        self._thread = Thread(target=self._run, name="feedback", daemon=True)
        self._changed = Condition()
        self._under_way: set[str] = set()
        self._next = {"mend": 0.0, "forget": 0.0}

    def start(self) -> None:
        """Begins."""
        self._thread.start()

    def stop(self) -> None:
        """Begins nothing more; waits a little for what is under way."""
        self._stopping.set()
        self._database.commits.notify()
        self._thread.join()
        with self._changed:
            self._changed.wait_for(lambda: not self._under_way, STOP_SECONDS)

    def _run(self) -> None:
        while not self._stopping.is_set():
            with carrying_on(_log, "feedback"):
                if self._leases.hold(_LEASE):
                    self._turn()
            self._stopping.wait(_LOOK_SECONDS)

    def _turn(self) -> None:
        if self._is_time("mend", _MEND_SECONDS):
            close_what_is_mended(self._database, at=self._clock())
        if self._is_time("forget", _FORGET_SECONDS):
            with self._database.begin() as connection:
                messages.forget_old(connection, at=self._clock())
        self._composer.once()
        with self._database.read() as connection:
            waiting = messages.channels_that_wait(connection, at=self._clock())
        for name in waiting:
            self._begin(name)

    def _is_time(self, what: str, every: float) -> bool:
        now = time.monotonic()
        if now < self._next[what]:
            return False
        self._next[what] = now + every
        return True

    def _begin(self, name: str) -> None:
        with self._changed:
            if name in self._under_way or len(self._under_way) >= AT_ONCE:
                return
            self._under_way.add(name)
        # Not to be waited for by the interpreter: what a receiver holds up is sent again by the next process.
        Thread(target=self._serve, args=(name,), name=f"channel {name}", daemon=True).start()

    def _serve(self, name: str) -> None:
        with carrying_on(_log, f"channel {name}"):
            self._sender.serve(name, stopping=self._stopping.is_set)
        with self._changed:
            self._under_way.discard(name)
            self._changed.notify_all()

# SPDX-License-Identifier: Apache-2.0
"""Messages of a stream of NATS JetStream, each taken in at least once, by one of all replicas.

A message is acknowledged when it is taken in. One that can never be is ended, and said; what else fails comes again.
"""

import logging
from collections.abc import Awaitable, Callable
from threading import Event as Flag
from threading import Thread
from typing import TYPE_CHECKING, Final

from tidegate.errors import InvalidInputError, OutsideError, TidegateError
from tidegate.storage.carry_on import carrying_on
from tidegate.storage.nats_link import Connected, NatsLink

if TYPE_CHECKING:
    from nats.aio.msg import Msg
    from nats.js import JetStreamContext

_log = logging.getLogger(__name__)
_BATCH: Final = 64
_WAIT_SECONDS: Final = 2.0
_RUN_SECONDS: Final = 30.0
_AGAIN_SECONDS: Final = 5.0
_RETRY_SECONDS: Final = (0.5, 1.0, 2.0, 5.0, 15.0)


class NatsSource:
    """Takes in until it is stopped.

    Args:
        link: a connection of its own.
        stream: must be there.
        subject: of what is taken; "" for all.
        durable: name of the consumer, the same for all replicas and for ever.
        take: takes one message in; must be idempotent.
    """

    def __init__(
        self, link: NatsLink, *, stream: str, subject: str, durable: str, take: Callable[[bytes], object]
    ) -> None:
        self._link = link
        self._stream = stream
        self._subject = subject
        self._durable = durable
        self._take = take
        self._pulling: tuple[Connected, JetStreamContext.PullSubscription] | None = None
        self._stopping = Flag()
        self._thread = Thread(target=self._run, name=f"nats {stream}", daemon=True)

    def start(self) -> None:
        """Begins where the consumer stands."""
        self._thread.start()

    def stop(self) -> None:
        """Ends after the message in hand."""
        self._stopping.set()
        self._thread.join()
        self._link.close()

    def _run(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            failed = True
            with carrying_on(_log, f"taking in from NATS stream {self._stream}"):
                for message in self._link.run(self._fetch, seconds=_RUN_SECONDS):
                    if self._stopping.is_set():
                        self._answer(message.nak)  # to another replica, or the next process
                    else:
                        self._handle(message)
                failed = False
            failures = failures + 1 if failed else 0
            if failed:
                self._stopping.wait(_RETRY_SECONDS[min(failures, len(_RETRY_SECONDS)) - 1])

    async def _fetch(self, connected: Connected) -> "list[Msg]":
        from nats.errors import TimeoutError as NothingThereError

        if self._pulling is None or self._pulling[0] is not connected:
            subject, stream = self._subject or ">", self._stream
            pulled = await connected.streams.pull_subscribe(subject, durable=self._durable, stream=stream)
            self._pulling = connected, pulled
        try:
            return await self._pulling[1].fetch(_BATCH, timeout=_WAIT_SECONDS)
        except NothingThereError:
            return []

    def _handle(self, message: "Msg") -> None:
        try:
            self._take(message.data)
        except InvalidInputError as error:
            _log.warning("a message of NATS stream %s is not taken in: %s", self._stream, error)
            self._answer(message.term)
        except TidegateError as error:
            _log.warning("a message of NATS stream %s comes again: %s", self._stream, error)
            self._answer(lambda: message.nak(_AGAIN_SECONDS))
        else:
            self._answer(message.ack)

    def _answer(self, act: Callable[[], Awaitable[None]]) -> None:
        async def answer(_connected: Connected) -> None:
            await act()

        try:
            self._link.run(answer, seconds=_RUN_SECONDS)
        except OutsideError as error:
            _log.warning("an answer to NATS was not heard, the message comes again: %s", error)

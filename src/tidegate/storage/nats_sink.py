# SPDX-License-Identifier: Apache-2.0
"""Events told to a stream of NATS JetStream, as CloudEvents in structured mode (its binding for NATS).

An event's id is its `Nats-Msg-Id`: told again within two minutes the stream keeps it once. Events of one subject are
told in their order: the next one goes when the one before it is stored.
"""

import asyncio
import logging
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from tidegate.events import Event
from tidegate.storage.nats_link import Connected, NatsLink

if TYPE_CHECKING:
    from nats.js.api import PubAck

_log = logging.getLogger(__name__)
_SECONDS: Final = 30.0
_DUPLICATE_SECONDS: Final = 120
_DAY: Final = 86400
_HEADER_BYTES: Final = 1024
"""Room for headers within what a server takes as one message."""


class NatsSink:
    """Tells.

    Args:
        link: to the servers.
        stream: made when it is not there.
        subject: what subjects begin with.
        source: URI that names this server in its events.
        keep_days: how long a stream that is made keeps them.
    """

    def __init__(self, link: NatsLink, *, stream: str, subject: str, source: str, keep_days: int) -> None:
        self._link = link
        self._stream = stream
        self._subject = subject
        self._source = source
        self._keep_seconds = keep_days * _DAY

    def tell(self, events: Sequence[tuple[int, Event]]) -> None:
        """Returns when the stream has stored all of them.

        Args:
            events: with their offsets, in their order.

        Raises:
            OutsideError: it has not; those that it has are known to it by their ids.
        """

        async def act(connected: Connected) -> None:
            await self._see_to_stream(connected)
            for wave in _waves(events):
                await asyncio.gather(*[await self._send(connected, offset, event) for offset, event in wave])

        self._link.run(act, seconds=_SECONDS)

    def close(self) -> None:
        """Ends the connection."""
        self._link.close()

    async def _send(self, connected: Connected, offset: int, event: Event) -> "asyncio.Future[PubAck]":
        body = event.to_json(source=self._source)
        if len(body) + _HEADER_BYTES > connected.client.max_payload:
            # CloudEvents' extension "dataref": where the data is that does not fit.
            _log.info("event %s is larger than NATS takes here; where it is to be read is told", event.id)
            body = event.to_json(source=self._source, dataref=f"/api/v1/events?after={offset - 1}&limit=1")
        headers = {
            "Nats-Msg-Id": event.id,
            "content-type": "application/cloudevents+json",
            "tidegate-offset": str(offset),
        }
        return await connected.streams.publish_async(
            f"{self._subject}.{event.kind}", body, stream=self._stream, headers=headers
        )

    async def _see_to_stream(self, connected: Connected) -> None:
        from nats.js.api import StorageType, StreamConfig
        from nats.js.errors import NotFoundError

        if self._stream in connected.fresh:
            return
        try:
            await connected.streams.stream_info(self._stream)
        except NotFoundError:
            await connected.streams.add_stream(
                StreamConfig(
                    name=self._stream,
                    subjects=[f"{self._subject}.>"],
                    description="what tidegate tells",
                    storage=StorageType.FILE,
                    max_age=self._keep_seconds,
                    duplicate_window=_DUPLICATE_SECONDS,
                )
            )
        connected.fresh.add(self._stream)


def _waves(events: Sequence[tuple[int, Event]]) -> Iterator[list[tuple[int, Event]]]:
    """What may be under way at once: as much as follows each other with no subject twice."""
    wave: list[tuple[int, Event]] = []
    subjects: set[str] = set()
    for offset, event in events:
        if event.subject in subjects:
            yield wave
            wave, subjects = [], set()
        wave.append((offset, event))
        subjects.add(event.subject)
    if wave:
        yield wave

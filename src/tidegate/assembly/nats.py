# SPDX-License-Identifier: Apache-2.0
"""NATS JetStream from settings: the stream that is told everything, and those that are taken in."""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from tidegate.clock import Clock
from tidegate.errors import UsageError
from tidegate.execution.other_tools import take_alert, take_audit
from tidegate.loops.told_to_nats import tell_nats
from tidegate.settings import Settings
from tidegate.storage.consumers import BatchConsumer
from tidegate.storage.database import Database
from tidegate.storage.nats_link import NatsLink, NatsOptions
from tidegate.storage.nats_sink import NatsSink
from tidegate.storage.nats_source import NatsSource

_FORMS: Final = ("falco", "kubernetes")


@dataclass(frozen=True, slots=True, kw_only=True)
class Nats:
    """What a server has to do with NATS; nothing, where no servers are named.

    Attributes:
        consumers: tell what happens.
        sources: take in what others saw.
    """

    consumers: tuple[BatchConsumer, ...] = ()
    sources: tuple[NatsSource, ...] = ()
    sink: NatsSink | None = None

    def start(self) -> None:
        """Takes in from now on."""
        for source in self.sources:
            source.start()

    def stop(self) -> None:
        """Takes in no more; the consumers are stopped already."""
        for source in self.sources:
            source.stop()
        if self.sink is not None:
            self.sink.close()


def build_nats(settings: Settings, database: Database, clock: Clock) -> Nats:
    """Builds it; nothing is connected until it is used.

    Raises:
        UsageError: an address, or what is to be taken in, is none.
    """
    said = settings.nats
    if not said.servers:
        return Nats()
    options = NatsOptions(
        servers=said.servers,
        credentials_file=said.credentials_file,
        user=said.user,
        password_file=said.password_file,
        ca_file=said.ca_file,
    )
    sink = None
    if said.stream:
        sink = NatsSink(
            NatsLink(options, name="tidegate tells"),
            stream=said.stream,
            subject=said.subject,
            source=settings.signing.verifier_id,
            keep_days=said.keep_days,
        )
    return Nats(
        consumers=(tell_nats(sink),) if sink else (),
        sources=tuple(_source(text, options, database, clock) for text in said.take),
        sink=sink,
    )


def _source(text: str, options: NatsOptions, database: Database, clock: Clock) -> NatsSource:
    form, _, rest = text.partition("=")
    stream, _, subject = rest.partition(":")
    if form not in _FORMS or not stream or set(" .*>/\\\t") & set(stream):
        raise UsageError(
            "not a stream to take in", where=f"nats.take: {text[:80]}", remedy="write falco=STREAM or kubernetes=STREAM"
        )

    def take_falco(body: bytes) -> None:
        with database.begin() as connection:
            take_alert(connection, body, node="", at=clock())

    def take_kubernetes(body: bytes) -> None:
        with database.begin() as connection:
            take_audit(connection, body, cluster=stream.lower(), at=clock())

    taking: dict[str, Callable[[bytes], None]] = {"falco": take_falco, "kubernetes": take_kubernetes}
    part = f"-{sha256(subject.encode()).hexdigest()[:12]}" if subject else ""
    return NatsSource(
        NatsLink(options, name=f"tidegate takes in {stream}"),
        stream=stream,
        subject=subject,
        durable=f"tidegate-{form}{part}",
        take=taking[form],
    )

# SPDX-License-Identifier: Apache-2.0
"""Subscriptions for one command: of the record here, or of a server elsewhere."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import Connection

from tidegate.assembly.home import Home
from tidegate.assembly.keeping import local_user
from tidegate.assembly.remote import here_or_there
from tidegate.assembly.stores import open_database
from tidegate.assembly.vending import build_sender
from tidegate.clock import Clock, system_clock
from tidegate.curation.vending import subscriptions as subscribing
from tidegate.curation.vending.hearing import Hearer
from tidegate.curation.vending.subscriber import owner_columns
from tidegate.curation.vending.subscriptions import Subscription, Wanted
from tidegate.curation.vending.webhook import WebhookSecret
from tidegate.curation.vending.webhook_key import WebhookKey
from tidegate.curation.vending.webhook_sender import Answer, WebhookSender
from tidegate.identity import Principal, PrincipalKind, account
from tidegate.identity.principal import ROBOT_PREFIX
from tidegate.remote import RemoteServer
from tidegate.remote.server import quoted
from tidegate.remote.whole_id import whole_id
from tidegate.settings import Settings
from tidegate.storage.database import Database
from tidegate.values import Struct


class Subscriptions(Protocol):
    """What a command asks of subscriptions; raises as `tidegate.curation.vending.subscriptions` does.

    One is named by its id, or by how that begins.
    """

    def listed(self, *, owner: str) -> Sequence[Subscription]:
        """Those of one principal, or of all of them that one may see, the oldest first."""
        ...

    def add(
        self, wanted: Wanted, *, owner: str, url: str, secret: WebhookSecret | None, batch: int
    ) -> tuple[Subscription, str]:
        """Adds one for a principal, or for oneself; with the secret that was made where none was given."""
        ...

    def remove(self, start: str) -> str:
        """Removes one; returns its id."""
        ...

    def try_out(self, start: str) -> Answer:
        """What its receiver says to a signed message."""
        ...

    def deliveries(self, start: str, *, state: str, limit: int) -> Sequence[dict[str, Any]]:
        """What was, is or could not be told to one, the newest first."""
        ...

    def replay(self, start: str, *, after: int) -> int:
        """How many events are told once more."""
        ...


def open_subscriptions(settings: Settings, *, clock: Clock = system_clock) -> AbstractContextManager[Subscriptions]:
    """Subscriptions of the server that `client.server` names, as its user may see them; without one, of the record.

    A server that uses the record delivers what is asked for there.

    Raises:
        TidegateError: the home folder, the database, the key or an address is not usable.
    """

    @contextmanager
    def opens(settings: Settings) -> Iterator[_Recorded]:
        Home(folder=settings.home).make()
        database = open_database(settings)
        try:
            key = WebhookKey.load(settings.signing.webhook_key_file)
            sender = build_sender(settings, database, key, clock)
            yield _Recorded(database=database, key=key, sender=sender, clock=clock)
        finally:
            database.close()

    return here_or_there(settings, opens=opens, here=lambda recorded: recorded, there=_Remote)


def hearer_named(connection: Connection, name: str) -> Hearer:
    """Whom a subscription is for by a principal's name."""
    found = account.find(connection, name)
    if found is not None:
        return Hearer(principal=found[0].principal())
    robot = PrincipalKind.ROBOT if name.startswith(ROBOT_PREFIX) else PrincipalKind.USER
    return Hearer(principal=Principal(name=name, kind=PrincipalKind.FEDERATED if ":" in name else robot))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Recorded:
    database: Database
    key: WebhookKey
    sender: WebhookSender
    clock: Clock

    def listed(self, *, owner: str) -> Sequence[Subscription]:
        with self.database.read() as connection:
            return subscribing.list_subscriptions(connection, owner=owner)

    def add(
        self, wanted: Wanted, *, owner: str, url: str, secret: WebhookSecret | None, batch: int
    ) -> tuple[Subscription, str]:
        shared = secret or WebhookSecret.generate()
        oneself = Hearer(principal=Principal(name=local_user(), kind=PrincipalKind.ADMINISTRATOR))
        with self.database.begin() as connection:
            whose = owner_columns(hearer_named(connection, owner) if owner else oneself)
            made = subscribing.subscribe(
                connection, wanted, owner=whose, url=url, secret=shared, key=self.key, at=self.clock(), batch=batch
            )
        return made, "" if secret else shared.reveal()

    def remove(self, start: str) -> str:
        with self.database.begin() as connection:
            number = subscribing.named(connection, start)
            subscribing.unsubscribe(connection, number)
        return number

    def try_out(self, start: str) -> Answer:
        with self.database.read() as connection:
            number = subscribing.named(connection, start)
        return self.sender.try_out(number)

    def deliveries(self, start: str, *, state: str, limit: int) -> Sequence[dict[str, Any]]:
        with self.database.read() as connection:
            number = subscribing.named(connection, start)
            return subscribing.list_deliveries(connection, number, state=state, limit=limit)

    def replay(self, start: str, *, after: int) -> int:
        with self.database.begin() as connection:
            return subscribing.replay(connection, subscribing.named(connection, start), after=after, at=self.clock())


class _Listed(Struct, frozen=True):
    subscriptions: tuple[Subscription, ...]


class _Made(Subscription, frozen=True, kw_only=True):
    secret: str = ""


class _Deliveries(Struct, frozen=True):
    deliveries: tuple[dict[str, Any], ...]


class _Replayed(Struct, frozen=True):
    events: int


class _Remote:
    def __init__(self, server: RemoteServer) -> None:
        self._server = server

    def listed(self, *, owner: str) -> Sequence[Subscription]:
        found = self._server.ask("GET", "/subscriptions", _Listed).subscriptions
        return [one for one in found if owner in {"", one.owner}]

    def add(
        self, wanted: Wanted, *, owner: str, url: str, secret: WebhookSecret | None, batch: int
    ) -> tuple[Subscription, str]:
        body = {
            "url": url,
            "pattern": wanted.pattern,
            "digest": wanted.digest,
            "component": wanted.component,
            "kinds": wanted.kinds,
            "owner": owner,
            "secret": secret.reveal() if secret else "",
            "batch": batch,
        }
        made = self._server.ask("POST", "/subscriptions", _Made, body=body)
        return made, made.secret

    def remove(self, start: str) -> str:
        number = self._whole(start)
        self._server.ask("DELETE", f"/subscriptions/{quoted(number)}", dict[str, Any])
        return number

    def try_out(self, start: str) -> Answer:
        return self._server.ask("POST", f"/subscriptions/{quoted(self._whole(start))}/test", Answer)

    def deliveries(self, start: str, *, state: str, limit: int) -> Sequence[dict[str, Any]]:
        path, query = f"/subscriptions/{quoted(self._whole(start))}/deliveries", {"state": state, "limit": limit}
        return self._server.ask("GET", path, _Deliveries, query=query).deliveries

    def replay(self, start: str, *, after: int) -> int:
        path = f"/subscriptions/{quoted(self._whole(start))}/replay"
        return self._server.ask("POST", path, _Replayed, query={"after": after}).events

    def _whole(self, start: str) -> str:
        return whole_id(start, self._ids(), what="subscription")

    def _ids(self) -> Iterator[str]:
        for one in self.listed(owner=""):  # asked for only where the id is not whole
            yield one.id

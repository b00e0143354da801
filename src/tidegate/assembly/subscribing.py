# SPDX-License-Identifier: Apache-2.0
"""Subscriptions for one command: the record itself, the key of their secrets, and what calls their receivers."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection

from tidegate.assembly.home import Home
from tidegate.assembly.keeping import local_user
from tidegate.assembly.stores import open_database
from tidegate.assembly.vending import build_sender
from tidegate.clock import Clock, system_clock
from tidegate.curation.vending.hearing import Hearer
from tidegate.curation.vending.webhook_key import WebhookKey
from tidegate.curation.vending.webhook_sender import WebhookSender
from tidegate.identity import Principal, PrincipalKind, account
from tidegate.identity.principal import ROBOT_PREFIX
from tidegate.settings import Settings
from tidegate.storage.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalSubscriptions:
    """The record, and who acts on it."""

    database: Database
    key: WebhookKey
    sender: WebhookSender
    clock: Clock
    who: str

    def owner(self, connection: Connection, name: str) -> Hearer:
        """Whom a subscription is for by a principal's name; "" for whoever runs the command, who may do all."""
        if not name:
            return Hearer(principal=Principal(name=self.who, kind=PrincipalKind.ADMINISTRATOR))
        found = account.find(connection, name)
        if found is not None:
            return Hearer(principal=found[0].principal())
        robot = PrincipalKind.ROBOT if name.startswith(ROBOT_PREFIX) else PrincipalKind.USER
        return Hearer(principal=Principal(name=name, kind=PrincipalKind.FEDERATED if ":" in name else robot))


@contextmanager
def open_subscriptions(settings: Settings, *, clock: Clock = system_clock) -> Iterator[LocalSubscriptions]:
    """Opens the record for one command; a server that uses it delivers what is asked for here.

    Raises:
        TidegateError: the home folder, the database, the key or an opened address is not usable.
    """
    Home(folder=settings.home).make()
    database = open_database(settings)
    try:
        key = WebhookKey.load(settings.signing.webhook_key_file)
        sender = build_sender(settings, database, key, clock)
        yield LocalSubscriptions(database=database, key=key, sender=sender, clock=clock, who=local_user())
    finally:
        database.close()

# SPDX-License-Identifier: Apache-2.0
"""Subscriptions for one command: the record itself, the key of their secrets, and what calls their receivers."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tidegate.assembly.home import Home
from tidegate.assembly.keeping import local_user
from tidegate.assembly.stores import open_database
from tidegate.assembly.vending import build_delivery
from tidegate.clock import Clock, system_clock
from tidegate.curation.vending.delivery import Delivery
from tidegate.curation.vending.webhook_key import WebhookKey
from tidegate.settings import Settings
from tidegate.storage.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalSubscriptions:
    """The record, and who acts on it."""

    database: Database
    key: WebhookKey
    delivery: Delivery
    clock: Clock
    who: str


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
        delivery = build_delivery(settings, database, key, clock)
        yield LocalSubscriptions(database=database, key=key, delivery=delivery, clock=clock, who=local_user())
    finally:
        database.close()

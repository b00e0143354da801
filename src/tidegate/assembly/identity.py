# SPDX-License-Identifier: Apache-2.0
"""Principals and grants for one command: the record itself, acted upon by whoever may write to it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tidegate.assembly.home import Home
from tidegate.assembly.keeping import local_user
from tidegate.assembly.stores import open_database
from tidegate.clock import Clock, system_clock
from tidegate.identity import Principal, PrincipalKind
from tidegate.settings import IdentitySettings, Settings
from tidegate.storage.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalIdentity:
    """The record, and who acts on it."""

    database: Database
    said: IdentitySettings
    clock: Clock
    who: Principal


@contextmanager
def open_identity(settings: Settings, *, clock: Clock = system_clock) -> Iterator[LocalIdentity]:
    """Opens the record for one command; a server may be using it at the same time, and sees a change after a second.

    Raises:
        TidegateError: the home folder or the database is not usable.
    """
    Home(folder=settings.home).make()
    database = open_database(settings)
    try:
        who = Principal(name=local_user(), kind=PrincipalKind.ADMINISTRATOR)
        yield LocalIdentity(database=database, said=settings.identity, clock=clock, who=who)
    finally:
        database.close()

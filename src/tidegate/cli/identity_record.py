# SPDX-License-Identifier: Apache-2.0
"""What verbs around identity share: the record in the home folder, read, or changed as whoever runs the command."""

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from tidegate.cli.call import Call

if TYPE_CHECKING:
    from sqlalchemy import Connection

T = TypeVar("T")


class Author(NamedTuple):
    """Who changes something, and when."""

    by: str
    at: datetime


def read_identity(call: Call, read: "Callable[[Connection], T]") -> T:
    """What the record says.

    Raises:
        TidegateError: the record cannot be opened, or as `read` does.
    """
    from tidegate.assembly.identity import open_identity

    with open_identity(call.settings()) as local, local.database.read() as connection:
        return read(connection)


def change_identity(call: Call, change: "Callable[[Connection, Author], T]") -> T:
    """Changes the record in one transaction.

    Raises:
        TidegateError: the record cannot be opened, or as `change` does: then nothing is changed.
    """
    from tidegate.assembly.identity import open_identity

    with open_identity(call.settings()) as local, local.database.begin() as connection:
        return change(connection, Author(by=local.who.name, at=local.clock()))

# SPDX-License-Identifier: Apache-2.0
"""What is kept, from settings: the rules in force, and the record they speak of; for the server and for one command."""

import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tidegate.assembly.home import Home
from tidegate.assembly.stores import open_database
from tidegate.bounds import MIB, read_bounded
from tidegate.clock import Clock, system_clock
from tidegate.curation.rule_file import KeepingRules, load_keeping_rules
from tidegate.errors import InvalidInputError, NotFoundError, OutsideError
from tidegate.settings import Settings
from tidegate.storage.database import Database

MAX_RULE_BYTES: Final = MIB


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeping:
    """Everything that decides how long something is kept."""

    database: Database
    rules: KeepingRules
    clock: Clock


def build_keeping(settings: Settings, database: Database, clock: Clock) -> Keeping:
    """Loads the rules that the settings name.

    Raises:
        TidegateError: a file is missing or wrong; names file, line and column.
    """
    return Keeping(database=database, rules=load_rules(settings), clock=clock)


def load_rules(settings: Settings) -> KeepingRules:
    """The rules in force; none without a file.

    Raises:
        TidegateError: a file is missing or wrong; names file, line and column.
    """
    return load_keeping_rules({str(path): _text(path) for path in settings.curation.keeping_files})


@contextmanager
def open_keeping(settings: Settings, *, clock: Clock = system_clock) -> Iterator[Keeping]:
    """Opens the record in the home folder for one command; a server may be using it at the same time.

    Raises:
        TidegateError: a rule or the home folder is not usable.
    """
    Home(folder=settings.home).make()
    database = open_database(settings)
    try:
        yield build_keeping(settings, database, clock)
    finally:
        database.close()


def local_user() -> str:
    """Who runs this command, as it is written into records: the system's own name for them."""
    number = os.getuid()
    try:
        return f"local:{pwd.getpwuid(number).pw_name}"
    except KeyError:
        return f"local:{number}"


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return read_bounded(file, max_bytes=MAX_RULE_BYTES, what=str(path)).decode("utf-8")
    except FileNotFoundError as error:
        raise NotFoundError("no such file of rules", where=str(path)) from error
    except UnicodeDecodeError as error:
        raise InvalidInputError("is not UTF-8", where=str(path)) from error
    except OSError as error:
        raise OutsideError(f"cannot be read: {error.strerror}", where=str(path)) from error

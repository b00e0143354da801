# SPDX-License-Identifier: Apache-2.0
"""The order of locks is watched: what comes too late is told, what is held already or only read is not."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from tidegate.storage.database import Database
from tidegate.storage.lock_order import BROKEN, Rank, taking


@pytest.fixture
def told() -> Iterator[list[str]]:
    """What is complained of, kept from the watch over all tests."""
    log, told = logging.getLogger("tidegate.storage.lock_order"), list[str]()

    class Kept(logging.Filter):
        def filter(self, record: logging.LogRecord) -> bool:
            told.append(record.getMessage())
            return False

    kept = Kept()
    log.addFilter(kept)
    yield told
    log.removeFilter(kept)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database(f"sqlite:///{tmp_path / 'state.db'}")
    yield made
    made.close()


def test_locks_in_order_and_those_held_already_are_fine(database: Database, told: list[str]) -> None:
    with database.begin() as connection:
        taking(connection, Rank.STATE, ["b", "c"])
        taking(connection, Rank.LEDGER)
        taking(connection, Rank.STATE, ["b"])
        taking(connection, Rank.TAG, ["a"])
    with database.begin() as connection:  # each transaction begins anew
        taking(connection, Rank.STATE, ["a"])
    assert told == []


@pytest.mark.parametrize(
    ("before", "late"),
    [
        ((Rank.LEDGER, "", "LEDGER "), (Rank.STATE, "b", "STATE b")),
        ((Rank.BLOB, "sha256:b", "BLOB sha256:b"), (Rank.BLOB, "sha256:a", "BLOB sha256:a")),
        ((Rank.AUDIT, "", "AUDIT "), (Rank.OUTBOX, "", "OUTBOX ")),
    ],
)
def test_a_lock_that_comes_too_late_is_told(
    database: Database, told: list[str], before: tuple[Rank, str, str], late: tuple[Rank, str, str]
) -> None:
    with database.begin() as connection:
        taking(connection, before[0], [before[1]])
        taking(connection, late[0], [late[1]])
    assert told == [f"{BROKEN}: {late[2]} after {before[2]}"]


def test_who_only_reads_holds_up_nobody(database: Database, told: list[str]) -> None:
    with database.begin() as connection:
        taking(connection, Rank.LEDGER)
    with database.read() as connection:
        taking(connection, Rank.LEDGER)
        taking(connection, Rank.STATE)
    assert told == []

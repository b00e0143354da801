# SPDX-License-Identifier: Apache-2.0
"""A log never contradicts what it signed: not after its database is put back, not in another process."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from migrated import migrated
from tidegate import ledger
from tidegate.errors import OutsideError
from tidegate.ledger import NoteSigner
from tidegate.ledger.checkpoint import verify_checkpoint
from tidegate.ledger.last_signed import LastSigned
from tidegate.ledger.publication import Publication
from tidegate.storage.database import Database

AT = datetime(2026, 6, 1, tzinfo=UTC)
LOG = NoteSigner.from_seed("log.example/a", bytes(32))


@contextmanager
def opened(folder: Path, name: str = "state.db") -> Iterator[Database]:
    url = f"sqlite:///{folder / name}"
    migrated(url)
    database = Database(url)
    yield database
    database.close()


def add(database: Database, count: int, word: str = "entry") -> None:
    with database.begin() as connection:
        first = ledger.size(connection)
        ledger.append_all(connection, [f"{word} {first + at}".encode() for at in range(count)], AT)


def publication(folder: Path, database: Database, signer: NoteSigner = LOG) -> Publication:
    return Publication(database, signer, LastSigned(folder / "signed", signer.verifier))


@pytest.mark.parametrize("more", [0, 2, 3, 9])
def test_a_database_put_back_is_told_by_the_next_process(tmp_path: Path, more: int) -> None:
    with opened(tmp_path) as database:
        add(database, 5)
    shutil.copy(tmp_path / "state.db", tmp_path / "older.db")
    with opened(tmp_path) as database:
        add(database, 3)
        note = publication(tmp_path, database).note()
        assert verify_checkpoint(note, LOG.verifier).size == 8
        assert publication(tmp_path, database).note() == note, "the same tree again is no contradiction"
    with opened(tmp_path, "older.db") as database:
        add(database, more, "another history")
        with pytest.raises(OutsideError, match="no longer holds the 8 entries"):
            publication(tmp_path, database).note()
        # A key of its own is another log, which never signed anything.
        other = NoteSigner.from_seed("log.example/b", bytes(32))
        assert verify_checkpoint(publication(tmp_path, database, other).note(), other.verifier).size == 5 + more


def test_a_database_put_back_below_a_process_is_told(tmp_path: Path) -> None:
    with opened(tmp_path) as database:
        add(database, 5)
        signing = Publication(database, LOG)
        signing.note()
        with database.begin() as connection:
            connection.exec_driver_sql("delete from ledger_entry where `index` > 2")
        with pytest.raises(OutsideError, match="no longer holds the 5 entries"):
            signing.note()


def test_what_cannot_be_remembered_is_not_signed(tmp_path: Path) -> None:
    with opened(tmp_path) as database:
        add(database, 5)
        (tmp_path / "file").write_text("in the way")
        with pytest.raises(OutsideError, match="cannot be"):
            Publication(database, LOG, LastSigned(tmp_path / "file" / "signed", LOG.verifier)).note()


def test_an_older_process_does_not_make_it_forget(tmp_path: Path) -> None:
    with opened(tmp_path) as database:
        add(database, 3)
        older = publication(tmp_path, database)
        older.note()
        add(database, 3)
        publication(tmp_path, database).note()
        last = LastSigned(tmp_path / "signed", LOG.verifier)
        last.keep("an older note\n", 4)
        found = last.read()
        assert found is not None
        assert found.size == 6

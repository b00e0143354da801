# SPDX-License-Identifier: Apache-2.0
"""Several writers at once: every entry gets an index of its own, without gaps, and the tree is whole."""

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from migrated import migrated
from tidegate import ledger
from tidegate.storage.database import Database

AT = datetime(2026, 5, 4, tzinfo=UTC)
WRITERS, EACH = 4, 15


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.tools)])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'state.db'}"
        migrated(url)
        opened = Database(url)
        yield opened
        opened.close()
        return
    sys.path.append(str(Path(__file__).parents[1] / "storage"))
    from postgres_server import start_postgres

    with start_postgres() as url:
        migrated(url)
        opened = Database(url)
        yield opened
        opened.close()


def test_writers_at_once(database: Database) -> None:
    def write(writer: int) -> list[int]:
        found = []
        for at in range(EACH):
            with database.begin() as connection:
                found.append(ledger.append(connection, f"{writer}/{at}".encode(), AT))
        return found

    with ThreadPoolExecutor(WRITERS) as pool:
        indexes = [index for found in pool.map(write, range(WRITERS)) for index in found]
    total = WRITERS * EACH
    assert sorted(indexes) == list(range(total))
    with database.read() as connection:
        assert ledger.size(connection) == total
        root = ledger.root(connection, total)
        for index in range(total):
            leaf = ledger.leaf_hash(ledger.entry_at(connection, index))
            proof = ledger.inclusion_proof(connection, index, total)
            ledger.verify_inclusion(index=index, size=total, leaf=leaf, proof=proof, root=root)

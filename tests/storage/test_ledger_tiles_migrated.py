# SPDX-License-Identifier: Apache-2.0
"""A ledger of before is the same ledger as tiles: the same entries, roots and proofs. And back."""

import hashlib
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import text

from tidegate import ledger
from tidegate.errors import OutsideError
from tidegate.storage.database import Database
from tidegate.storage.migrations import configuration, migrate

ENTRIES = [str(number).encode() for number in range(66_000)]


def over(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def nodes() -> list[dict[str, object]]:
    """Every complete subtree, as the tables had them."""
    rows: list[dict[str, object]] = []
    level, hashes = 0, [hashlib.sha256(b"\0" + entry).digest() for entry in ENTRIES]
    while hashes:
        rows += [{"level": level, "index": index, "hash": value} for index, value in enumerate(hashes)]
        level, hashes = level + 1, [over(*pair) for pair in zip(hashes[::2], hashes[1::2], strict=False)]
    return rows


@pytest.fixture
def before(tmp_path: Path) -> str:
    """A database of revision 22 with a ledger in it."""
    url = f"sqlite:///{tmp_path / 'state.db'}"
    database = Database(url)
    with database.begin() as connection:
        command.upgrade(configuration(connection), "0022")
        entries = [
            {"index": index, "entry": entry, "at": "2026-01-01T00:00:00Z"} for index, entry in enumerate(ENTRIES)
        ]
        connection.execute(text("INSERT INTO ledger_entry VALUES (:index, :entry, :at)"), entries)
        connection.execute(text("INSERT INTO ledger_node VALUES (:level, :index, :hash)"), nodes())
    database.close()
    return url


def test_there_and_back(before: str) -> None:
    migrate(before)
    database = Database(before)
    with database.read() as connection:
        assert ledger.size(connection) == len(ENTRIES)
        assert connection.scalar(text("SELECT count(*) FROM ledger_tile")) == 257 + 1
        root = ledger.root(connection, len(ENTRIES))
        for index in (0, 255, 256, 65_535, 65_536, 65_999):
            proof = ledger.inclusion_proof(connection, index, len(ENTRIES))
            leaf = ledger.leaf_hash(ENTRIES[index])
            ledger.verify_inclusion(index=index, size=len(ENTRIES), leaf=leaf, proof=proof, root=root)
    with database.begin() as connection:
        command.downgrade(configuration(connection), "0022")
        found = connection.execute(text('SELECT level, "index", hash FROM ledger_node')).all()
        assert sorted(map(tuple, found)) == sorted((row["level"], row["index"], row["hash"]) for row in nodes())
    database.close()


def test_a_damaged_tree_is_not_carried_over(before: str) -> None:
    database = Database(before)
    with database.begin() as connection:
        connection.execute(text('UPDATE ledger_node SET hash = zeroblob(32) WHERE level = 0 AND "index" = 300'))
    with pytest.raises(OutsideError, match="from node 256 on"):
        migrate(before)
    with database.read() as connection:
        assert connection.scalar(text("SELECT version_num FROM alembic_version")) == "0022"
        assert connection.scalar(text("SELECT count(*) FROM ledger_node")) > len(ENTRIES)
    database.close()

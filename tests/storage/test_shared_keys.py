# SPDX-License-Identifier: Apache-2.0
"""Which keys replicas have: the first says it, others are refused by name, rotations and adoptions go through."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from migrated import migrated
from tidegate.storage.database import Database
from tidegate.storage.replica_schema import shared_key
from tidegate.storage.shared_keys import OtherKeysError, SharedKey, adopt_key, demand_shared

NOW = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    url = f"sqlite:///{tmp_path / 'state.db'}"
    migrated(url)
    made = Database(url)
    yield made
    made.close()


def key(purpose: str, key_id: str, *before: str, on_record: bool = False) -> SharedKey:
    return SharedKey(
        purpose=purpose,
        key_id=key_id,
        before=frozenset(before),
        is_on_record=on_record,
        where=f"signing.{purpose}_key_file",
    )


def start(database: Database, *keys: SharedKey) -> None:
    with database.begin() as connection:
        demand_shared(connection, keys, by="one", at=NOW)


def known(database: Database) -> dict[str, str]:
    with database.read() as connection:
        return {row.purpose: row.key_id for row in connection.execute(select(shared_key))}


def test_the_first_says_which_and_all_that_differ_are_named(database: Database) -> None:
    start(database, key("signing", "a" * 64), key("webhook", "b" * 64), key("token", "c" * 64))
    start(database, key("signing", "a" * 64), key("webhook", "b" * 64), key("token", "c" * 64))
    with pytest.raises(OtherKeysError) as caught:
        start(database, key("signing", "d" * 64), key("webhook", "e" * 64), key("token", "c" * 64))
    told = str(caught.value)
    assert "signing key dddddddddddd (signing.signing_key_file), theirs is aaaaaaaaaaaa" in told
    assert "webhook key eeeeeeeeeeee (signing.webhook_key_file), theirs is bbbbbbbbbbbb" in told
    assert "token" not in told
    assert "tidegate keys adopt signing" in told
    assert known(database)["signing"] == "a" * 64, "and nothing changed"


@pytest.mark.parametrize("rotated", [key("signing", "new", "old"), key("signing", "new", on_record=True)])
def test_what_took_the_place_of_another_by_a_rotation_is_taken_up(database: Database, rotated: SharedKey) -> None:
    start(database, key("signing", "old"))
    start(database, rotated)
    assert known(database) == {"signing": "new"}
    with pytest.raises(OtherKeysError):
        start(database, key("signing", "old"))  # who slept through it


def test_a_key_is_adopted_because_somebody_says_so(database: Database) -> None:
    start(database, key("webhook", "lost"))
    with database.begin() as connection:
        assert adopt_key(connection, "webhook")
    with database.begin() as connection:
        assert not adopt_key(connection, "webhook")
    start(database, key("webhook", "new"))
    assert known(database) == {"webhook": "new"}

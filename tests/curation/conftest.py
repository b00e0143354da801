# SPDX-License-Identifier: Apache-2.0
"""Subscriptions over either engine, and a receiver of webhooks."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from webhook_stand import Receiver, Stand

from migrated import migrated
from postgres_server import emptied, start_postgres
from tidegate.storage.database import Database


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    with start_postgres() as url:
        yield url


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.tools)])
def stand(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stand]:
    url = f"sqlite:///{tmp_path / 'state.db'}"
    if request.param == "postgresql":
        url = emptied(request.getfixturevalue("postgres"))
    migrated(url)
    database = Database(url)
    yield Stand(database=database, url=url)
    database.close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running

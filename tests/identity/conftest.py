# SPDX-License-Identifier: Apache-2.0
"""A database of each kind, and a clock the test moves."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from moved_clock import MovedClock

from migrated import migrated
from tidegate.storage.database import Database


@pytest.fixture
def clock() -> MovedClock:
    return MovedClock()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.tools)])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    if request.param == "sqlite":
        yield from _opened(f"sqlite:///{tmp_path / 'state.db'}")
        return
    sys.path.append(str(Path(__file__).parents[1] / "storage"))
    from postgres_server import start_postgres

    with start_postgres() as url:
        yield from _opened(url)


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[Database]:
    yield from _opened(f"sqlite:///{tmp_path / 'state.db'}")


def _opened(url: str) -> Iterator[Database]:
    migrated(url)
    opened = Database(url)
    yield opened
    opened.close()

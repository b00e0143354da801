# SPDX-License-Identifier: Apache-2.0
"""Upkeep that is ordered: done once, told in the end, and its failure too."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from migrated import migrated
from tidegate.clock import system_clock
from tidegate.curation.keeping.orders import MAX_ORDERS, Order, OrderKind, Orders, OrderState, Tell, find, order
from tidegate.curation.keeping.orders import unfinished as going_on
from tidegate.errors import NotFoundError, OutsideError
from tidegate.storage.database import Database

AT = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    url = f"sqlite:///{tmp_path / 'state.db'}"
    migrated(url)
    made = Database(url)
    yield made
    made.close()


def _ordered(database: Database, *, at: datetime = AT, argument: str = "") -> Order:
    with database.begin() as connection:
        return order(connection, OrderKind.GC, argument=argument, who="anna", at=at)


def _now(database: Database, number: str) -> Order:
    with database.read() as connection:
        return find(connection, number)


def test_it_is_done_once_and_told(database: Database) -> None:
    asked: list[str] = []

    def act(order: Order, tell: Tell) -> object:
        tell("half")
        asked.append(order.argument)
        return {"removed": 7}

    made = _ordered(database, argument="all")
    assert (made.state, made.told, made.has_ended) == (OrderState.ASKED, None, False)
    orders = Orders(database, {OrderKind.GC: act}, system_clock)
    assert [orders.carry_out(made.id) for _ in range(2)] == ["done", "done"]
    assert asked == ["all"]
    ended = _now(database, made.id)
    assert (ended.state, ended.told, ended.who, ended.has_ended) == (OrderState.DONE, {"removed": 7}, "anna", True)


def test_what_is_killed_on_the_way_is_gone_on_with(database: Database) -> None:
    killed, made = [True], _ordered(database)

    def act(_order: Order, _tell: Tell) -> object:
        if killed:
            killed.clear()
            raise KeyboardInterrupt
        return {}

    orders = Orders(database, {OrderKind.GC: act}, system_clock)
    with pytest.raises(KeyboardInterrupt):
        orders.carry_out(made.id)
    assert _now(database, made.id).state is OrderState.RUNNING
    with database.read() as connection:
        assert going_on(connection) == [made.id]
    assert orders.carry_out(made.id) == "done"
    with database.read() as connection:
        assert going_on(connection) == []


def test_a_failure_is_told_and_not_tried_again(database: Database) -> None:
    made = _ordered(database)

    def act(_order: Order, _tell: Tell) -> object:
        raise OutsideError("the disk is full", where="blobs")

    orders = Orders(database, {OrderKind.GC: act}, system_clock)
    assert [orders.carry_out(made.id) for _ in range(2)] == ["failed", "failed"]
    assert "the disk is full" in _now(database, made.id).problem


def test_orders_that_ended_do_not_pile_up(database: Database) -> None:
    orders = Orders(database, {OrderKind.GC: lambda _order, _tell: {}}, system_clock)
    waits, first = _ordered(database), _ordered(database)
    orders.carry_out(first.id)
    for minute in range(MAX_ORDERS):
        _ordered(database, at=AT.replace(day=2, hour=minute // 60, minute=minute % 60))
    with pytest.raises(NotFoundError):
        _now(database, first.id)
    assert orders.carry_out(first.id) == "gone"
    assert _now(database, waits.id).state is OrderState.ASKED  # what has not ended stays

# SPDX-License-Identifier: Apache-2.0
"""Failed logins: counted for all replicas, forgiven at first, then waited for, and nobody locked out by others."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from moved_clock import MovedClock
from sqlalchemy import func, select

from tidegate.identity.throttle import Limit, Throttle, ThrottledError
from tidegate.storage.database import Database
from tidegate.storage.identity_schema import login_failure

HERE, THERE = "192.0.2.7", "198.51.100.9"


def fail(throttle: Throttle, clock: MovedClock, name: str, address: str, times: int) -> None:
    """Failures as fast as they are allowed."""
    for _ in range(times):
        try:
            throttle.failed(name, address)
        except ThrottledError as error:
            clock.move(seconds=error.retry_after)
            throttle.failed(name, address)


def test_waits_grow_and_end_and_success_forgives(database: Database, clock: MovedClock) -> None:
    ours, theirs = Throttle(database, clock), Throttle(database, clock)  # two replicas
    for throttle in (ours, theirs, ours, theirs, ours):
        throttle.failed("anna", HERE)
    waits = []
    for _ in range(4):
        theirs.failed("anna", HERE)
        with pytest.raises(ThrottledError) as raised:
            ours.check("anna", HERE)
        waits.append(raised.value.retry_after)
        clock.move(seconds=raised.value.retry_after)
        ours.check("anna", HERE)
    assert waits == [1, 2, 4, 8]
    ours.check("anna", THERE)  # not from elsewhere
    ours.check("bob", HERE)  # nor somebody else
    ours.succeeded("anna", HERE)
    for _ in range(5):
        ours.failed("anna", HERE)
    ours.check("anna", HERE)


def test_an_address_waits_for_all_names_and_a_name_never_long(embedded: Database, clock: MovedClock) -> None:
    throttle = Throttle(embedded, clock)
    for n in range(31):
        throttle.failed(f"name{n}", HERE)
    with pytest.raises(ThrottledError):
        throttle.check("somebody new", HERE)
    throttle.check("somebody new", THERE)
    for n in range(110):  # many machines try one name
        fail(throttle, clock, "anna", f"203.0.113.{n}", 1)
    with pytest.raises(ThrottledError) as raised:
        throttle.check("anna", THERE)
    assert raised.value.retry_after <= 60


def test_counts_begin_anew_and_are_forgotten(embedded: Database, clock: MovedClock) -> None:
    throttle = Throttle(embedded, clock)
    for _ in range(5):
        throttle.failed("anna", HERE)
    clock.move(minutes=16)
    for _ in range(5):
        throttle.failed("anna", HERE)
    throttle.check("anna", HERE)
    clock.move(minutes=31)
    with embedded.begin() as connection:
        throttle.forget_old(connection)
        assert connection.scalar(select(func.count()).select_from(login_failure)) == 0


def test_an_ipv6_customer_is_one_address(embedded: Database, clock: MovedClock) -> None:
    throttle = Throttle(embedded, clock)
    for n in range(31):
        throttle.failed(f"n{n}", f"2001:db8::{n:x}")
    with pytest.raises(ThrottledError):
        throttle.check("x", "2001:db8::ffff")
    throttle.check("x", "2001:db8:0:1::1")
    throttle.check("x", "::ffff:192.0.2.7")
    throttle.check("x", "no address")


def test_failures_at_once_all_count(database: Database, clock: MovedClock) -> None:
    throttle = Throttle(database, clock)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: throttle.failed("anna", f"192.0.2.{n}"), range(20)))
    with database.read() as connection:
        counts = sorted(connection.scalars(select(login_failure.c.failures)))
    assert counts[-1] == 20


def test_what_was_typed_is_not_kept(embedded: Database, clock: MovedClock) -> None:
    Throttle(embedded, clock).failed("my password by mistake", HERE)
    with embedded.read() as connection:
        assert "mistake" not in str(connection.execute(select(login_failure)).all())


@given(st.integers(0, 10_000), st.integers(0, 200))
def test_a_wait_never_shrinks_and_is_bounded(failures: int, free: int) -> None:
    limit = Limit(free=free, longest=timedelta(minutes=15))
    assert limit.wait(failures) <= limit.wait(failures + 1) <= timedelta(minutes=15)
    assert (limit.wait(failures) == timedelta(0)) is (failures <= free)

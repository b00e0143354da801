# SPDX-License-Identifier: Apache-2.0
"""Principals and grants as they are kept: given, asked for, decided by another, ended; on both databases."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from moved_clock import MovedClock

from tidegate.errors import InvalidInputError, NotFoundError, RefusedError, UsageError
from tidegate.events import EventKind
from tidegate.identity import Principal, PrincipalKind, Verb, account, granting, revision
from tidegate.identity.duties import SameHandError
from tidegate.identity.grant import GrantState, Holder
from tidegate.identity.granting import Wanted
from tidegate.identity.password import Passwords
from tidegate.identity.pattern import RepositoryPattern
from tidegate.storage.database import Database
from tidegate.storage.outbox import read_after

ANNA = Principal(name="anna", kind=PrincipalKind.USER, groups=frozenset({"devs"}))
BOB = Principal(name="bob", kind=PrincipalKind.USER)
ROOT = Principal(name="root", kind=PrincipalKind.ADMINISTRATOR)
DAY = timedelta(days=1)


def wanted(holder: str = "anna", *, lasts: timedelta | None = timedelta(hours=2), reason: str = "a hotfix") -> Wanted:
    pattern = RepositoryPattern("team-a/**")
    return Wanted(holder=Holder(holder), pattern=pattern, verbs=frozenset({Verb.PUSH}), lasts=lasts, reason=reason)


def kinds(database: Database) -> list[EventKind]:
    with database.read() as connection:
        return [event.kind for _, event in read_after(connection, 0, 100)]


def test_what_is_asked_for_is_approved_by_another_and_ends_by_itself(database: Database, clock: MovedClock) -> None:
    with database.begin() as connection:
        asked = granting.ask(connection, wanted(), by=ANNA, max_lasts=DAY, at=clock())
    assert asked.state is GrantState.REQUESTED
    with database.read() as connection:
        assert granting.active_grants(connection, "anna", ()) == ()
    clock.move(hours=5)  # its time begins when it is given
    with database.begin() as connection:
        given = granting.approve(connection, asked.id, by=BOB, why="seen the ticket", at=clock())
    assert (given.state, given.decided_by, given.expires_at) == (GrantState.ACTIVE, "bob", "2026-05-04T17:00:00Z")
    with database.read() as connection:
        (held,) = granting.active_grants(connection, "anna", ())
    assert (held.verbs, held.pattern) == (frozenset({Verb.PUSH}), "team-a/**")
    clock.move(hours=2)
    with database.begin() as connection:
        assert granting.expire(connection, at=clock()) == 1
        assert granting.expire(connection, at=clock()) == 0
        assert granting.find(connection, asked.id).state is GrantState.EXPIRED
    assert kinds(database) == [EventKind.GRANT_REQUESTED, EventKind.GRANT_GIVEN, EventKind.GRANT_EXPIRED]


@pytest.mark.parametrize(
    ("asker", "holder", "approver"),
    [
        (ANNA, "anna", ANNA),
        (BOB, "anna", ANNA),  # asked by another, and for oneself all the same
        (BOB, "group:devs", ANNA),  # for a group one is a member of
        # Who shows the shared token may write any name before it.
        (ROOT, "anna", Principal(name="somebody-else", kind=PrincipalKind.ADMINISTRATOR)),
    ],
)
def test_nobody_approves_for_themselves(
    embedded: Database, clock: MovedClock, asker: Principal, holder: str, approver: Principal
) -> None:
    with embedded.begin() as connection:
        asked = granting.ask(connection, wanted(holder), by=asker, max_lasts=DAY, at=clock())
    with pytest.raises(SameHandError), embedded.begin() as connection:
        granting.approve(connection, asked.id, by=approver, at=clock())
    with embedded.read() as connection:
        assert granting.find(connection, asked.id).state is GrantState.REQUESTED


def test_what_is_asked_for_needs_an_end_and_a_reason(embedded: Database, clock: MovedClock) -> None:
    for wrong in (wanted(lasts=None), wanted(lasts=DAY * 2), wanted(reason=" ")):
        with pytest.raises(InvalidInputError), embedded.begin() as connection:
            granting.ask(connection, wrong, by=ANNA, max_lasts=DAY, at=clock())
    for lasts in (timedelta(0), timedelta(seconds=-1)):
        with pytest.raises(InvalidInputError):
            wanted(lasts=lasts)


def test_two_who_decide_at_once_decide_once(database: Database, clock: MovedClock) -> None:
    with database.begin() as connection:
        asked = granting.ask(connection, wanted(), by=ANNA, max_lasts=DAY, at=clock())

    def decide(which: int) -> str:
        by = Principal(name=f"boss{which}", kind=PrincipalKind.USER)
        act = granting.approve if which % 2 else granting.refuse
        try:
            with database.begin() as connection:
                return act(connection, asked.id, by=by, at=clock()).state
        except RefusedError:
            return "late"

    with ThreadPoolExecutor(4) as pool:
        said = list(pool.map(decide, range(4)))
    assert sorted(said).count("late") == 3
    assert len(kinds(database)) == 2


def test_a_grant_is_taken_back(embedded: Database, clock: MovedClock) -> None:
    with embedded.begin() as connection:
        given = granting.give(connection, wanted(lasts=None), by=ROOT, at=clock())
        assert given.expires_at == ""
        granting.revoke(connection, given.id, by=ROOT, why="left the team", at=clock())
        assert granting.active_grants(connection, "anna", ()) == ()
    with pytest.raises(RefusedError), embedded.begin() as connection:
        granting.revoke(connection, given.id, by=ROOT, at=clock())
    with pytest.raises(NotFoundError), embedded.begin() as connection:
        granting.revoke(connection, "none", by=ROOT, at=clock())
    assert kinds(embedded)[-1] is EventKind.GRANT_REVOKED


def test_a_robot_has_a_secret_told_once_and_an_end(database: Database, clock: MovedClock) -> None:
    with database.begin() as connection:
        made, secret = account.create_robot(
            connection, "ci", lasts=DAY * 30, max_lifetime=DAY * 90, by="root", at=clock()
        )
        found = account.find(connection, "robot$ci")
    assert found is not None
    assert secret not in found[1]
    assert account.secret_matches(found[1], secret)
    assert not account.secret_matches(found[1], secret + "x")
    assert not account.secret_matches("", "")
    assert made.is_open(clock())
    assert not made.is_open(clock() + DAY * 30)
    with database.begin() as connection:
        again, other = account.renew_robot(connection, "ci", lasts=DAY, max_lifetime=DAY * 90, by="root", at=clock())
        found = account.find(connection, "robot$ci")
    assert found is not None
    assert again.epoch > made.epoch
    assert not account.secret_matches(found[1], secret)
    assert account.secret_matches(found[1], other)
    for lasts in (DAY * 91, timedelta(0)):
        with pytest.raises(InvalidInputError), database.begin() as connection:
            account.create_robot(connection, "x", lasts=lasts, max_lifetime=DAY * 90, by="root", at=clock())
    with pytest.raises(UsageError), database.begin() as connection:
        account.create_robot(connection, "ci", lasts=DAY, max_lifetime=DAY * 90, by="root", at=clock())


def test_who_takes_the_name_of_one_removed_gets_nothing_of_theirs(embedded: Database, clock: MovedClock) -> None:
    with embedded.begin() as connection:
        first = account.create_user(connection, "anna", "hash", by="root", at=clock())
        granting.give(connection, wanted(lasts=None), by=ROOT, at=clock())
        granting.ask(connection, wanted(), by=ANNA, max_lasts=DAY, at=clock())
        account.remove(connection, "anna", by="root", at=clock())
        second = account.create_user(connection, "anna", "hash", by="root", at=clock())
        assert granting.active_grants(connection, "anna", ()) == ()
        assert granting.list_grants(connection, state=GrantState.REQUESTED) == []
    assert second.epoch > first.epoch


def test_every_change_is_seen_by_the_revision(embedded: Database, clock: MovedClock) -> None:
    seen = [0]

    def changed() -> bool:
        with embedded.read() as connection:
            seen.append(revision.current(connection))
        return seen[-1] > seen[-2]

    with embedded.begin() as connection:
        account.create_user(connection, "anna", "hash", groups=["devs"], by="root", at=clock())
    assert changed()
    for change in (
        lambda c: account.set_password(c, "anna", "other", by="root", at=clock()),
        lambda c: account.set_groups(c, "anna", ["ops"], by="root", at=clock()),
        lambda c: account.set_disabled(c, "anna", disabled=True, by="root", at=clock()),
        lambda c: granting.give(c, wanted(), by=ROOT, at=clock()),
        lambda c: account.remove(c, "anna", by="root", at=clock()),
    ):
        with embedded.begin() as connection:
            change(connection)
        assert changed()
    with pytest.raises(NotFoundError), embedded.begin() as connection:
        account.set_password(connection, "anna", "x", by="root", at=clock())
    with pytest.raises(InvalidInputError), embedded.begin() as connection:
        account.create_user(connection, "bob", "hash", groups=["corp:devs"], by="root", at=clock())


def test_passwords_are_argon2id_and_nobodys_costs_as_much() -> None:
    passwords = Passwords()
    kept = passwords.hash("a long enough password")
    assert kept.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert passwords.verify(kept, "a long enough password")
    assert not passwords.verify(kept, "a long enough passwore")
    assert not passwords.verify("", "nobody's password")
    assert not passwords.verify("not a hash", "x")
    for wrong in ("short", "x" * 2000):
        with pytest.raises(InvalidInputError):
            passwords.hash(wrong)

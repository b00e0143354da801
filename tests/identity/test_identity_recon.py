# SPDX-License-Identifier: Apache-2.0
"""Looking around and then logging in: told once, with its evidence, and in bounded memory."""

from datetime import timedelta

import pytest
from moved_clock import MovedClock

from tidegate.events import Event, EventKind
from tidegate.identity import recon
from tidegate.identity.recon import ReconOptions, ReconWatch, Seen, Sign

HERE, THERE = "192.0.2.7", "198.51.100.9"


class Watched:
    """A watch, and what it told."""

    def __init__(self, clock: MovedClock, *, block: timedelta = timedelta(0)) -> None:
        self.told: list[Event] = []
        self.watch = ReconWatch(clock, ReconOptions(block=block), self.told.append)

    def see(self, sign: Sign, times: int = 1, *, address: str = HERE, who: str = "", first: int = 0) -> None:
        """A sign, each time of another repository."""
        for n in range(first, first + times):
            self.watch.saw(Seen(sign=sign, address=address, who=who, repository=f"team/app{n}", status=401))


@pytest.fixture
def watched(clock: MovedClock) -> Watched:
    return Watched(clock)


def test_the_sequence_is_told_once_with_its_evidence(watched: Watched, clock: MovedClock) -> None:
    watched.see(Sign.CATALOGUE)
    watched.see(Sign.TAGS, 10)
    watched.see(Sign.REFUSED, 5, first=10)
    watched.see(Sign.FAILED_LOGIN, 4, who="admin")
    assert watched.told == []
    watched.see(Sign.FAILED_LOGIN, 1, who="admin")
    (event,) = watched.told
    assert (event.kind, event.subject) == (EventKind.RECON_DETECTED, HERE)
    data = event.data
    assert (data["catalogue"], len(data["repositories"]), data["failed_logins"]) == (1, 15, 5)
    assert [step["what"] for step in data["sequence"]] == (
        ["catalogue"] + ["tags"] * 10 + ["refused"] * 5 + ["failed login"] * 5
    )
    assert data["sequence"][-1]["who"] == "admin"
    watched.see(Sign.FAILED_LOGIN, 50, who="admin")
    assert len(watched.told) == 1
    clock.move(minutes=11)
    for _ in range(2):
        watched.see(Sign.CATALOGUE, 3)
        watched.see(Sign.TAGS, 10)
        watched.see(Sign.FAILED_LOGIN, 5)
    assert len(watched.told) == 2


def test_somebody_new_after_looking_around_without_a_name(watched: Watched) -> None:
    watched.see(Sign.REFUSED, 20)
    watched.see(Sign.OPENED, who="robot$stolen", first=500)
    (event,) = watched.told
    assert (event.data["who"], event.data["logged_in"]) == ("robot$stolen", True)


@pytest.mark.parametrize(
    "signs",
    [
        [(Sign.FAILED_LOGIN, 50, "")],  # guessing alone: that is what the throttle is for
        [(Sign.CATALOGUE, 50, "mirror")],  # one page after another of a long catalogue
        [(Sign.CATALOGUE, 50, "mirror"), (Sign.TAGS, 400, "mirror"), (Sign.OPENED, 400, "mirror")],
        [(Sign.CATALOGUE, 5, "mirror"), (Sign.TAGS, 50, "mirror"), (Sign.OPENED, 1, "robot$ci")],  # one address of many
        [(Sign.REFUSED, 19, ""), (Sign.FAILED_LOGIN, 50, "")],  # not much yet
        [(Sign.FAILED_LOGIN, 50, ""), (Sign.REFUSED, 50, "")],  # the other way round
        [(Sign.CATALOGUE, 5, "anna"), (Sign.TAGS, 50, "anna"), (Sign.FAILED_LOGIN, 4, "anna")],
    ],
)
def test_what_is_no_incident(watched: Watched, signs: list[tuple[Sign, int, str]]) -> None:
    for sign, times, who in signs:
        watched.see(sign, times, who=who)
    assert watched.told == []


def test_who_looks_first_and_logs_in_then_is_an_ordinary_client(watched: Watched) -> None:
    for n in range(200):  # each asks without credentials, is told to fetch a token, and comes back
        watched.see(Sign.REFUSED, first=n)
        watched.see(Sign.OPENED, who="robot$ci", first=n)
    watched.see(Sign.FAILED_LOGIN, 10)
    assert watched.told == []


def test_addresses_do_not_count_for_each_other_and_time_ends_it(watched: Watched, clock: MovedClock) -> None:
    watched.see(Sign.REFUSED, 50)
    watched.see(Sign.FAILED_LOGIN, 50, address=THERE)
    clock.move(minutes=10)
    watched.see(Sign.FAILED_LOGIN, 50)
    assert watched.told == []
    for n in range(30):  # one customer's addresses are one
        watched.see(Sign.REFUSED, address=f"2001:db8::{n}", first=n)
    watched.see(Sign.FAILED_LOGIN, 5, address="2001:db8::ffff")
    assert len(watched.told) == 1


def test_an_address_is_kept_out_for_a_time_if_that_is_wanted(clock: MovedClock) -> None:
    strict, mild = Watched(clock, block=timedelta(minutes=30)), Watched(clock)
    for watched in (strict, mild):
        watched.see(Sign.REFUSED, 20)
        watched.see(Sign.FAILED_LOGIN, 5)
    assert (strict.watch.blocked_for(HERE), strict.watch.blocked_for(THERE)) == (1800, 0)
    assert mild.watch.blocked_for(HERE) == 0
    clock.move(minutes=30)
    assert strict.watch.blocked_for(HERE) == 0


def test_memory_is_bounded(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recon, "MAX_WATCHED", 100)
    for n in range(1000):
        watched.see(Sign.REFUSED, address=f"10.0.{n // 250}.{n % 250}")
    assert watched.watch.watched == 100
    watched.see(Sign.OPENED, 1000, address=THERE, who="x")
    assert watched.watch.watched == 100
    watched.see(Sign.REFUSED, 2000)
    watched.see(Sign.FAILED_LOGIN, 100)
    (event,) = watched.told
    assert len(event.data["sequence"]) <= 60
    assert len(event.data["repositories"]) <= 60

# SPDX-License-Identifier: Apache-2.0
"""What subscribers are told is judged when it is told: by grants, principals and restrictions as they are then."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event, insert
from webhook_stand import ANNA, NOW, ONE, TWO, Receiver, Stand

from tidegate.artifact import Digest, Repository, Tag
from tidegate.clock import rfc3339
from tidegate.curation.vending import subscriptions
from tidegate.curation.vending.hearing import Hearer
from tidegate.curation.vending.subscriptions import list_deliveries, replay
from tidegate.errors import BoundExceededError
from tidegate.events import Event, EventKind
from tidegate.identity import ANONYMOUS, Principal, PrincipalKind, account
from tidegate.storage.schema import manifest, tag

APP = {"repositories": ["team/app"]}
DAY = timedelta(days=1)


def change(stand: Stand, kind: EventKind, digest: Digest = ONE, **data: Any) -> int:
    return stand.tell(kind, digest, digest=digest, **{**APP, **data})


def told(receiver: Receiver) -> list[dict[str, Any]]:
    return [json.loads(body)["data"] for body in receiver.bodies()]


def test_nothing_is_told_after_the_grant_and_what_was_missed_when_it_is_back(stand: Stand, receiver: Receiver) -> None:
    bob = stand.user("bob")
    grant = stand.give("bob", "team/app", "pull")
    made = stand.subscribe(receiver.url, owner=bob, pattern="team/app")
    work = stand.delivery(receiver)
    change(stand, EventKind.IMAGE_ADMITTED)
    work.once()
    stand.revoke(grant)
    change(stand, EventKind.IMAGE_DEPRECATED)
    change(stand, EventKind.IMAGE_ADMITTED, TWO)
    work.once()
    assert receiver.told() == [("admitted", ONE)]
    assert stand.paused(made.id) == "bob may not pull team/app now"
    assert stand.states(made.id) == ["done", "waiting", "waiting"]
    stand.at += DAY
    assert work.once() == 0  # it waits, and is not tried
    stand.keep(TWO, "group:pilots")
    stand.give("bob", "team/**", "pull")
    assert stand.paused(made.id) == ""
    work.once()
    assert receiver.told() == [("admitted", ONE), ("deprecated", ONE)]
    assert stand.states(made.id) == ["done", "done", "withheld"]
    stand.let_go(TWO)
    with stand.database.begin() as connection:
        assert replay(connection, made.id, after=0, at=stand.at) == 3
    for _ in range(2):
        work.once()
    assert sorted(receiver.told()[2:]) == sorted([("admitted", ONE), ("admitted", TWO), ("deprecated", ONE)])


def test_a_grant_ends_with_its_time(stand: Stand, receiver: Receiver) -> None:
    bob = stand.user("bob")
    stand.give("bob", "team/app", "pull", lasts=timedelta(hours=1))
    made = stand.subscribe(receiver.url, owner=bob, pattern="team/app")
    stand.at += timedelta(hours=2)
    change(stand, EventKind.IMAGE_ADMITTED)
    stand.delivery(receiver).once()
    assert receiver.got == []
    assert stand.paused(made.id).startswith("bob may not")


def test_a_robot_is_told_until_it_expires_and_from_its_renewal_on(stand: Stand, receiver: Receiver) -> None:
    with stand.database.begin() as connection:
        robot, _ = account.create_robot(connection, "ci", lasts=DAY, max_lifetime=DAY, by="root", at=stand.at)
    stand.give(robot.name, "team/app", "pull")
    made = stand.subscribe(receiver.url, owner=robot.principal(), pattern="team/app")
    stand.at += 2 * DAY
    change(stand, EventKind.IMAGE_RECALLED)
    stand.delivery(receiver).once()
    assert receiver.got == []
    assert stand.paused(made.id) == f"robot$ci expired at {rfc3339(NOW + DAY)}"
    with stand.database.begin() as connection:
        account.renew_robot(connection, "ci", lasts=DAY, max_lifetime=DAY, by="root", at=stand.at)
    assert stand.paused(made.id) == ""
    stand.delivery(receiver).once()
    assert receiver.told() == [("recalled", ONE)]


def test_another_one_of_the_name_inherits_nothing(stand: Stand, receiver: Receiver) -> None:
    bob = stand.user("bob")
    stand.give("bob", "team/app", "pull")
    made = stand.subscribe(receiver.url, owner=bob, pattern="team/app")
    stand.at += DAY
    with stand.database.begin() as connection:
        account.remove(connection, "bob", by="root", at=stand.at)
    stand.user("bob")
    stand.give("bob", "team/app", "pull")
    change(stand, EventKind.IMAGE_ADMITTED)
    stand.delivery(receiver).once()
    assert receiver.got == []
    assert stand.paused(made.id) == "there is no principal bob any more"


def test_nobody_in_particular_is_told_only_while_nothing_is_set_up(stand: Stand, receiver: Receiver) -> None:
    stand.lets_in_anybody = True
    made = stand.subscribe(receiver.url, owner=ANONYMOUS)
    change(stand, EventKind.IMAGE_ADMITTED)
    stand.delivery(receiver).once()
    assert len(receiver.got) == 1
    stand.lets_in_anybody = False
    change(stand, EventKind.IMAGE_RECALLED)
    stand.delivery(receiver).once()
    assert len(receiver.got) == 1
    assert stand.paused(made.id) == "nobody is let in any more who proves nothing"


def test_who_an_issuer_vouched_for_is_told_by_the_groups_of_then_and_the_grants_of_now(
    stand: Stand, receiver: Receiver
) -> None:
    jobs = frozenset({"corp:builders"})
    job = Principal(name="corp:job", kind=PrincipalKind.WORKLOAD, groups=jobs, claims={"ref": "main"})
    grant = stand.give("group:corp:builders", "team/app", "pull", condition='principal.claims["ref"] == "main"')
    made = stand.subscribe(receiver.url, owner=job, pattern="team/app")
    change(stand, EventKind.IMAGE_ADMITTED)
    stand.delivery(receiver).once()
    assert len(receiver.got) == 1
    stand.revoke(grant)
    assert stand.paused(made.id) == "corp:job may not pull team/app now"


@pytest.mark.parametrize("sees_source", [True, False])
def test_a_promotion_names_its_source_to_those_who_see_it(stand: Stand, receiver: Receiver, sees_source: bool) -> None:
    bob = stand.user("bob")
    for name in ("team/app", "secret/app") if sees_source else ("team/app",):
        stand.give("bob", name, "pull")
    stand.subscribe(receiver.url, owner=bob, pattern="team/app", kinds=(EventKind.IMAGE_PROMOTED,))
    data = {"digest": ONE, "source": "secret/app", "target": "team/app", "tag": "1", "who": "carl", "why": "release"}
    stand.tell(EventKind.IMAGE_PROMOTED, ONE, **data)
    stand.delivery(receiver).once()
    assert told(receiver) == [{**data, "source": "secret/app" if sees_source else ""}]


def test_of_a_state_only_the_repositories_one_sees_are_named(stand: Stand, receiver: Receiver) -> None:
    bob = stand.user("bob")
    stand.give("bob", "team/app", "pull")
    stand.subscribe(receiver.url, owner=bob, pattern="team/app")
    change(stand, EventKind.IMAGE_ADMITTED, repositories=["secret/app", "team/app"])
    stand.delivery(receiver).once()
    assert told(receiver) == [{"digest": ONE, "repositories": ["team/app"]}]


def test_what_is_kept_for_others_is_withheld_but_that_it_is_kept(stand: Stand, receiver: Receiver) -> None:
    bob = stand.user("bob")
    stand.give("bob", "team/app", "pull")
    made = stand.subscribe(receiver.url, owner=bob, pattern="team/app")
    inside = stand.subscribe(receiver.url, owner=ANNA, pattern="team/app")
    stand.keep(ONE, "group:pilots")
    document = {"who": ["group:pilots"]}
    change(stand, EventKind.IMAGE_RESTRICTED, why="pilot", restriction=document)
    change(stand, EventKind.IMAGE_DEPRECATED)
    for _ in range(2):
        stand.delivery(receiver).once()
    stand.tell(EventKind.CONSUMER_EXPOSED, "consumer:bob", consumer="bob", digest=ONE, **APP)
    stand.delivery(receiver).once()
    assert stand.states(made.id) == ["done", "withheld", "done"]
    assert stand.states(inside.id) == ["done", "done"]
    restricted = [data for data in told(receiver) if data.get("why") == "pilot"]
    assert sorted("restriction" in data for data in restricted) == [False, True]
    with stand.database.read() as connection:
        shown = list_deliveries(connection, made.id, state="withheld", to_owner=True)
    assert [row["subject"] for row in shown] == [""]


def test_what_hangs_on_something_kept_for_others_is_withheld_with_it(stand: Stand) -> None:
    stand.give("bob", "**", "list")
    bob = Hearer(principal=stand.user("bob"))
    data = {"digest": TWO, "subject": ONE, **APP}
    added = Event(id="1", kind=EventKind.EVIDENCE_ADDED, subject=TWO, time=NOW, data=data)
    assert stand.hearing.heard(bob, added) == added
    stand.keep(ONE, "group:pilots")
    stand.hearing.look()
    assert stand.hearing.heard(bob, added) is None


def test_a_grant_on_some_tags_tells_of_what_they_name(stand: Stand, receiver: Receiver) -> None:
    bob = stand.user("bob")
    stand.give("bob", "team/app", "pull", condition="request.tag.startsWith('rel-')")
    made = stand.subscribe(receiver.url, owner=bob, pattern="team/app")
    with stand.database.begin() as connection:
        for digest, name in ((ONE, "rel-1"), (TWO, "dev-1")):
            row = {"media_type": "", "kind": "image", "document": b"", "stored_at": rfc3339(NOW)}
            connection.execute(insert(manifest).values(digest=digest, **row))
            at = {"repository": Repository("team/app"), "name": Tag(name), "moved_at": rfc3339(NOW)}
            connection.execute(insert(tag).values(digest=digest, **at))
    change(stand, EventKind.IMAGE_ADMITTED, ONE)
    change(stand, EventKind.IMAGE_ADMITTED, TWO)
    stand.delivery(receiver).once()
    assert receiver.told() == [("admitted", ONE)]
    assert stand.states(made.id) == ["done", "withheld"]


@contextmanager
def counted() -> Iterator[list[str]]:
    """The statements that are executed meanwhile."""
    found: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        found.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def test_the_cost_of_judging_follows_changes_and_not_events(stand: Stand) -> None:
    hearers = []
    for number in range(10):
        hearers.append(Hearer(principal=stand.user(f"user{number}")))
        stand.give(f"user{number}", "team/app", "pull")
    stand.keep(TWO, "group:pilots")
    page = [
        Event(id=str(number), kind=EventKind.IMAGE_ADMITTED, subject=digest, time=NOW, data={"digest": digest, **APP})
        for number, digest in enumerate([ONE, TWO] * 50)
    ]

    def judge() -> list[int]:
        stand.hearing.look()
        return [sum(stand.hearing.heard(who, one) is not None for one in page) for who in hearers]

    with counted() as first:
        assert judge() == [50] * 10
    with counted() as again:
        assert judge() == [50] * 10
    selects = [text for text in again if text.startswith("SELECT")]
    assert len(selects) == 2, selects  # a look at two numbers, for a thousand judgements
    assert len([text for text in first if "access_grant" in text]) == 10
    stand.let_go(TWO)
    with counted() as changed:
        assert judge() == [100] * 10
    assert len([text for text in changed if "FROM restriction \n" in text or "FROM restriction " in text]) == 2


def test_one_owner_subscribes_to_so_much(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscriptions, "MAX_OF_ONE_OWNER", 2)
    for _ in range(2):
        stand.subscribe("https://receiver.example/")
    with pytest.raises(BoundExceededError):
        stand.subscribe("https://receiver.example/")
    stand.subscribe("https://receiver.example/", owner=stand.administrator("another"))

# SPDX-License-Identifier: Apache-2.0
"""One message for one cause: gathered, never twice, changed in its thread, held in quiet hours, closed when mended."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from feedback_stand import FeedbackStand, digest
from sqlalchemy import delete
from webhook_stand import Receiver, Stand

from tidegate.curation.feedback import messages
from tidegate.curation.feedback.channel import Channel, ChannelKind, list_channels, remove_channel, set_channel
from tidegate.curation.feedback.mended import close_what_is_mended
from tidegate.curation.feedback.notice import Cause, Objection, Severity
from tidegate.curation.feedback.quiet import parse_quiet
from tidegate.curation.feedback.resolve import Owned
from tidegate.curation.feedback.times import times_to_fix
from tidegate.errors import InvalidInputError, NotFoundError
from tidegate.events import EventKind
from tidegate.storage.schema import placement


def _notices(receiver: Receiver) -> list[list[dict[str, Any]]]:
    return [json.loads(body)["data"]["notices"] for body in receiver.bodies()]


@pytest.fixture
def told(stand: Stand, receiver: Receiver) -> FeedbackStand:
    made = FeedbackStand(stand=stand, receivers=(receiver,))
    made.owner("team")
    return made


def test_forty_images_of_one_cause_are_one_message(told: FeedbackStand, receiver: Receiver) -> None:
    told.hook(receiver)
    ids = set()
    for number in range(40):
        ids.add(told.take_up(f"image {number}"))
        ids.add(told.take_up(f"image {number}"))  # told twice by a consumer that was killed
        told.wait(seconds=1)
    other = told.take_up("theirs", owned=Owned(name="others", by="repository x/*"))
    assert len(ids) == 1
    assert other not in ids
    assert told.tell() == 0, "more may come"
    told.wait(seconds=11)
    assert told.tell() == 2
    ours = [found for (found,) in _notices(receiver) if found["owner"] == "team"]
    assert [(found["turn"], found["affected_in_all"]) for found in ours] == [("opened", 40)]
    assert len(ours[0]["objections"]) == 1
    assert len(told.events(EventKind.FEEDBACK_TOLD)) == 41
    told.wait(hours=1)
    assert told.tell() == 0, "the same is not told again"


def test_a_long_row_of_images_does_not_put_a_message_off_for_ever(told: FeedbackStand, receiver: Receiver) -> None:
    told.hook(receiver)
    for number in range(61):
        told.take_up(f"image {number}")
        told.wait(seconds=1)
    assert told.tell() == 1


def test_a_change_of_substance_is_told_in_the_same_thread_and_not_at_once(
    told: FeedbackStand, receiver: Receiver
) -> None:
    told.hook(receiver)
    case = told.take_up("one")
    told.wait(seconds=11)
    assert told.tell() == 1
    assert told.take_up("one", objections=(Objection(message="CVE-2 too"),), severity=Severity.CRITICAL) == case
    told.wait(seconds=11)
    assert told.tell() == 0
    told.wait(minutes=15)
    assert told.tell() == 1
    (first,), (second,) = _notices(receiver)
    assert (first["case"], first["turn"], second["case"], second["turn"]) == (case, "opened", case, "changed")
    assert second["severity"] == "critical"
    names = [headers["webhook-id"] for headers, _ in receiver.got]
    assert names[0] != names[1]


def test_it_closes_when_a_newer_one_is_admitted_and_nothing_runs_the_old(
    told: FeedbackStand, receiver: Receiver
) -> None:
    told.hook(receiver)
    database = told.stand.database
    told.shelve("old", "recalled", tags=("1.0",))
    told.place("old")
    told.take_up("old")
    told.wait(seconds=11)
    told.tell()
    told.shelve("new", "admitted", tags=("1.1",))
    assert close_what_is_mended(database, at=told.stand.at) == 0, "it runs still"
    with database.begin() as connection:
        connection.execute(delete(placement))
    told.wait(hours=2)
    assert close_what_is_mended(database, at=told.stand.at, repositories={"another"}) == 0
    assert close_what_is_mended(database, at=told.stand.at, repositories={"team/app"}) == 1
    assert close_what_is_mended(database, at=told.stand.at) == 0
    told.tell()
    (closed,) = _notices(receiver)[1]
    assert closed["turn"] == "closed"
    assert closed["affected"][0]["mended"].startswith("team/app:1.1 (sha256:")
    assert told.events(EventKind.FEEDBACK_CLOSED) == [digest("old")]
    with database.read() as connection:
        (times,) = times_to_fix(connection, since=told.stand.at - timedelta(days=1), at=told.stand.at)
    assert (times.owner, times.severity, times.open, times.closed) == ("team", Severity.HIGH, 0, 1)
    assert times.median == timedelta(hours=2, seconds=11).total_seconds()
    again = told.take_up("old", event="the next one")
    assert again != closed["case"], "what comes back is another case"
    assert told.take_up("old", event="event of old") == again


@pytest.mark.parametrize(("state", "mended"), [("admitted", 1), ("deprecated", 1), ("rejected", 0), ("analysing", 0)])
def test_the_image_itself_may_pass_again(told: FeedbackStand, state: str, mended: int) -> None:
    told.shelve("one", state)
    told.take_up("one", cause=Cause.REJECTED)
    assert close_what_is_mended(told.stand.database, at=told.stand.at) == mended


def test_an_older_image_mends_nothing(told: FeedbackStand) -> None:
    told.shelve("older", "admitted", tags=("0.9",))
    told.wait(hours=1)
    told.shelve("one", "rejected", tags=("1.0",))
    told.take_up("one", cause=Cause.REJECTED)
    assert close_what_is_mended(told.stand.database, at=told.stand.at) == 0


def test_what_is_mended_before_anybody_heard_is_not_told(told: FeedbackStand, receiver: Receiver) -> None:
    told.hook(receiver)
    told.shelve("one", "admitted")
    told.take_up("one", cause=Cause.REJECTED)
    assert close_what_is_mended(told.stand.database, at=told.stand.at) == 1
    told.wait(minutes=1)
    assert told.tell() == 0
    assert told.composer.once() == 0


def test_quiet_hours_hold_what_can_wait_and_send_it_as_one(told: FeedbackStand, receiver: Receiver) -> None:
    told.stand.at = datetime(2027, 1, 4, 21, 0, tzinfo=UTC)  # a Monday, 22:00 in Berlin
    told.hook(receiver, quiet=parse_quiet("mon-fri 20:00-08:00 Europe/Berlin"), passes=Severity.CRITICAL)
    first, second = told.take_up("one", key="a"), told.take_up("two", key="b")
    urgent = told.take_up("three", key="c", severity=Severity.CRITICAL)
    told.wait(seconds=11)
    assert told.tell() == 1
    assert _notices(receiver)[0][0]["case"] == urgent
    told.take_up("four", key="a")
    told.stand.at = datetime(2027, 1, 5, 6, 59, tzinfo=UTC)
    assert told.tell() == 0
    told.stand.at = datetime(2027, 1, 5, 7, 0, tzinfo=UTC)
    assert told.tell() == 1
    assert {found["case"]: found["affected_in_all"] for found in _notices(receiver)[1]} == {first: 2, second: 1}
    assert sorted(one.state for one in told.messages()) == ["done", "done", "merged", "merged", "merged"]


def test_what_becomes_urgent_takes_what_was_held_of_its_thread_along(told: FeedbackStand, receiver: Receiver) -> None:
    told.stand.at = datetime(2027, 1, 4, 21, 0, tzinfo=UTC)
    told.hook(receiver, quiet=parse_quiet("20:00-08:00"))
    told.take_up("one")
    told.wait(seconds=11)
    assert told.tell() == 0
    told.take_up("one", severity=Severity.CRITICAL, objections=(Objection(message="exploited"),))
    told.wait(minutes=16)
    assert told.tell() == 2
    assert [found["turn"] for (found,) in _notices(receiver)] == ["opened", "changed"]


def test_a_channel_says_no_more_in_an_hour_than_it_may(told: FeedbackStand, receiver: Receiver) -> None:
    told.hook(receiver, per_hour=2)
    for name in "abcde":
        told.take_up(name, key=name)
    told.wait(seconds=11)
    assert told.tell() == 2
    told.wait(minutes=30)
    assert told.tell() == 0
    told.wait(minutes=31)
    assert told.tell() == 2
    told.wait(minutes=61)
    assert told.tell() == 1


def test_what_fails_is_tried_again_under_its_id_and_holds_up_its_thread_alone(
    told: FeedbackStand, receiver: Receiver
) -> None:
    told.hook(receiver)
    receiver.answers = [500]
    told.take_up("one", key="a")
    told.wait(seconds=11)
    told.take_up("two", key="b")
    assert told.tell() == 1
    told.wait(seconds=11)
    assert told.tell() == 2
    names = [headers["webhook-id"] for headers, _ in receiver.got]
    assert names[0] == names[1] != names[2]


def test_what_is_given_up_is_shown_and_sent_again_when_asked(told: FeedbackStand, receiver: Receiver) -> None:
    told.hook(receiver)
    receiver.answers = [404] * 9
    told.take_up("one")
    told.wait(seconds=11)
    for _ in range(9):
        assert told.tell() == 1
        told.wait(hours=11)
    (dead,) = told.messages(state="dead")
    assert (dead.attempts, dead.problem) == (9, "the receiver answered 404")
    assert told.tell() == 0
    with told.stand.database.begin() as connection:
        messages.retry(connection, dead.id, at=told.stand.at)
        with pytest.raises(NotFoundError):
            messages.retry(connection, "none", at=told.stand.at)
    assert told.tell() == 1
    assert [one.state for one in told.messages()] == ["done"]


def test_a_receiver_that_wants_no_more_is_not_asked_again(told: FeedbackStand, receiver: Receiver) -> None:
    told.hook(receiver)
    receiver.answers = [410]
    told.take_up("one")
    told.wait(seconds=11)
    assert told.tell() == 1
    assert [one.state for one in told.messages()] == ["dead"]


def test_a_secret_is_bound_to_its_receiver_and_never_shown(told: FeedbackStand, receiver: Receiver) -> None:
    told.hook(receiver)
    with told.stand.database.begin() as connection:
        (channel,) = list_channels(connection)
        assert "whsec" not in repr(channel)
    other = Channel(name="hook", kind=ChannelKind.WEBHOOK, url="https://mallory.example/")
    with told.stand.database.begin() as connection, pytest.raises(InvalidInputError, match="another one"):
        set_channel(connection, other, "", key=told.stand.key, by="root", at=told.stand.at)
    with told.stand.database.begin() as connection:
        remove_channel(connection, "hook", by="root", at=told.stand.at)

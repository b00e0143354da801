# SPDX-License-Identifier: Apache-2.0
"""Webhooks to real receivers: signed as the standard says, in order, tried again, given up, replayed, never inward."""

import base64
import hmac
import json
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from sqlalchemy import select, update
from webhook_stand import ONE, SECRET, TWO, Receiver, Stand

from tidegate.curation.vending.subscriptions import (
    list_deliveries,
    list_subscriptions,
    replay,
    seal_plain,
)
from tidegate.curation.vending.webhook import WebhookSecret
from tidegate.curation.vending.webhook_key import WebhookKey
from tidegate.errors import InvalidInputError, NotFoundError, TidegateError
from tidegate.events import EventKind
from tidegate.storage.database import Database
from tidegate.storage.migrations import configuration, migrate
from tidegate.storage.vending_schema import subscription


def test_the_signature_is_the_standards_own_example() -> None:
    """The vector of the Standard Webhooks specification's libraries."""
    body = b'{"test": 2432232314}'
    headers = SECRET.headers("msg_p5jXN8AQM9LWM0D4loKWxJek", body, at=datetime.fromtimestamp(1614265330, UTC))
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert "MfKQ" not in repr(SECRET)
    for text in ("whsec_", "whsec_AAAA", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_!"):
        with pytest.raises(InvalidInputError):
            WebhookSecret(text)


def test_a_message_is_a_signed_cloud_event(stand: Stand, receiver: Receiver) -> None:
    made = stand.subscribe(receiver.url)
    stand.tell(EventKind.IMAGE_RECALLED, ONE, digest=ONE, repositories=["team/app"], why="a flaw")
    assert stand.delivery(receiver).once() == 1
    ((headers, body),) = receiver.got
    event = json.loads(body)
    assert headers["content-type"] == "application/cloudevents+json"
    assert (event["specversion"], event["type"]) == ("1.0", "dev.tidegate.curation.image.recalled")
    assert (event["source"], event["subject"], event["data"]["why"]) == ("https://us.example", ONE, "a flaw")
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    key = base64.b64decode(SECRET.reveal().removeprefix("whsec_"))
    expected = base64.b64encode(hmac.new(key, signed, sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert headers["webhook-id"] == event["id"]
    assert stand.states(made.id) == ["done"]
    assert stand.delivery(receiver).once() == 0


def test_a_batch_is_one_signed_message_and_fails_as_one(stand: Stand, receiver: Receiver) -> None:
    made = stand.subscribe(receiver.url, batch=3)
    receiver.answers = [503]
    kinds = (EventKind.IMAGE_ADMITTED, EventKind.IMAGE_RECALLED)
    for subject in (ONE, TWO):
        for kind in kinds:
            stand.tell(kind, subject, digest=subject)
    work = stand.delivery(receiver, retry_seconds=(5, 5))
    work.once()
    ((headers, body),) = receiver.got  # what comes later of the same images is not sent before
    assert headers["content-type"] == "application/cloudevents-batch+json"
    assert [event["subject"] for event in json.loads(body)] == [ONE, ONE, TWO]
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    key = base64.b64decode(SECRET.reveal().removeprefix("whsec_"))
    assert headers["webhook-signature"] == "v1," + base64.b64encode(hmac.new(key, signed, sha256).digest()).decode()
    assert stand.states(made.id) == ["waiting"] * 4
    stand.at += timedelta(seconds=6)
    work.once()
    assert receiver.got[1][0]["webhook-id"] == headers["webhook-id"]
    told = [event for _, body in receiver.got[1:] for event in json.loads(body)]
    assert [(one["type"].rpartition(".")[2], one["subject"]) for one in told] == [
        ("admitted", ONE),
        ("recalled", ONE),
        ("admitted", TWO),
        ("recalled", TWO),
    ]
    assert stand.states(made.id) == ["done"] * 4
    with pytest.raises(InvalidInputError):
        stand.subscribe(receiver.url, batch=201)


def test_what_fails_is_tried_again_in_order_and_holds_up_nothing_else(stand: Stand, receiver: Receiver) -> None:
    made = stand.subscribe(receiver.url)
    receiver.answers = [500]
    stand.tell(EventKind.IMAGE_ADMITTED, ONE, digest=ONE)
    stand.tell(EventKind.IMAGE_RECALLED, ONE, digest=ONE)
    stand.tell(EventKind.IMAGE_ADMITTED, TWO, digest=TWO)
    work = stand.delivery(receiver, retry_seconds=(5, 5))
    work.once()
    assert receiver.told() == [("admitted", ONE), ("admitted", TWO)]
    assert work.once() == 0  # not yet
    stand.at += timedelta(seconds=6)
    work.once()
    work.once()
    assert receiver.told()[2:] == [("admitted", ONE), ("recalled", ONE)]
    ids = [headers["webhook-id"] for headers, _ in receiver.got]
    assert ids[0] == ids[2]
    assert stand.states(made.id) == ["done", "done", "done"]


def test_the_dead_are_shown_and_told_again_by_a_replay(stand: Stand, receiver: Receiver) -> None:
    made = stand.subscribe(receiver.url)
    receiver.answers = [500, 302, 404]
    offset = stand.tell(EventKind.IMAGE_RECALLED, ONE, digest=ONE)
    work = stand.delivery(receiver, retry_seconds=(1, 1))
    for _ in range(3):
        work.once()
        stand.at += timedelta(seconds=2)
    assert len(receiver.got) == 3
    with stand.database.read() as connection:
        (dead,) = list_deliveries(connection, made.id, state="dead")
        assert (dead["attempts"], dead["problem"]) == (3, "the receiver answered 404")
        assert [one.dead for one in list_subscriptions(connection)] == [1]
    with stand.database.begin() as connection:
        assert replay(connection, made.id, after=offset, at=stand.at) == 0
        assert replay(connection, made.id, after=0, at=stand.at) == 1
    work.once()
    assert len(receiver.got) == 4
    assert stand.states(made.id) == ["done"]


def test_a_receiver_that_is_gone_is_asked_no_more(stand: Stand, receiver: Receiver) -> None:
    stand.subscribe(receiver.url)
    receiver.answers = [410]
    stand.tell(EventKind.IMAGE_RECALLED, ONE, digest=ONE)
    stand.delivery(receiver).once()
    stand.tell(EventKind.IMAGE_RECALLED, TWO, digest=TWO)
    assert stand.delivery(receiver).once() == 0
    with stand.database.read() as connection:
        assert [one.active for one in list_subscriptions(connection)] == [False]


def test_an_address_that_was_not_opened_is_never_called(stand: Stand, receiver: Receiver) -> None:
    made = stand.subscribe(receiver.url)
    stand.tell(EventKind.IMAGE_RECALLED, ONE, digest=ONE)
    stand.delivery(retry_seconds=()).once()
    assert receiver.got == []
    with stand.database.read() as connection:
        (row,) = list_deliveries(connection, made.id)
    assert row["state"] == "dead"
    assert "not public and was not opened" in row["problem"]


@pytest.mark.parametrize(
    ("wanted", "fits"),
    [
        ({}, True),
        ({"pattern": "team/*"}, True),
        ({"pattern": "other/*"}, False),
        ({"digest": ONE}, True),
        ({"digest": TWO}, False),
        ({"kinds": (EventKind.IMAGE_RECALLED,)}, True),
        ({"kinds": (EventKind.IMAGE_DEPRECATED,)}, False),
        ({"component": "pkg:pypi/h11"}, False),
    ],
)
def test_only_what_is_wanted_is_written_down(stand: Stand, wanted: dict[str, Any], fits: bool) -> None:
    made = stand.subscribe("https://receiver.example/", **wanted)
    stand.tell(EventKind.IMAGE_RECALLED, ONE, digest=ONE, repositories=["team/app", "x"])
    assert stand.states(made.id) == (["waiting"] if fits else [])


def test_exposure_is_told_to_its_consumer_only(stand: Stand) -> None:
    made = stand.subscribe("https://receiver.example/")
    stand.tell(EventKind.CONSUMER_EXPOSED, "consumer:berta", consumer="berta", digest=ONE)
    stand.tell(EventKind.CONSUMER_EXPOSED, "consumer:anna", consumer="anna", digest=ONE)
    with stand.database.read() as connection:
        assert [row["subject"] for row in list_deliveries(connection, made.id)] == ["consumer:anna"]


def test_secrets_lie_sealed_and_each_opens_for_its_own_subscription_only(stand: Stand, receiver: Receiver) -> None:
    made, other = stand.subscribe(receiver.url), stand.subscribe(receiver.url)
    with stand.database.begin() as connection:
        rows = connection.execute(select(subscription)).mappings().all()
        assert len({row["sealed_secret"] for row in rows}) == 2  # the same secret twice does not show
        assert "MfKQ" not in repr([dict(row) for row in rows])
        sealed = {row["id"]: row["sealed_secret"] for row in rows}
        assert stand.key.open(sealed[made.id], made.id).reveal() == SECRET.reveal()
        changed = sealed[made.id][:-8] + ("A" if sealed[made.id][-8] != "A" else "B") + sealed[made.id][-7:]
        for text in (
            sealed[other.id],
            changed,
            SECRET.reveal(),
            "",
            "aes-256-gcm.",
            "aes-256-gcm.!",
            "aes-256-gcm.AAAA",
        ):
            with pytest.raises(InvalidInputError):
                stand.key.open(text, made.id)
        swapped = update(subscription).where(subscription.c.id == made.id)
        connection.execute(swapped.values(sealed_secret=sealed[other.id]))
    stand.tell(EventKind.IMAGE_RECALLED, ONE, digest=ONE)
    stand.delivery(receiver, retry_seconds=()).once()
    assert len(receiver.got) == 1  # nothing is sent that is not signed with its own secret, and others are told
    with stand.database.read() as connection:
        (row,) = list_deliveries(connection, made.id)
        assert (row["state"], "cannot be opened with this key" in row["problem"]) == ("dead", True)


def test_what_lay_plain_is_sealed_and_still_signs(stand: Stand, receiver: Receiver) -> None:
    made = stand.subscribe(receiver.url)
    with stand.database.begin() as connection:
        connection.execute(update(subscription).values(sealed_secret=SECRET.reveal()))
    stand.sender().seal()
    with stand.database.begin() as connection:
        sealed = connection.scalar(select(subscription.c.sealed_secret))
        assert sealed
        assert stand.key.open(sealed, made.id).reveal() == SECRET.reveal()
        assert seal_plain(connection, stand.key) == 0
    stand.tell(EventKind.IMAGE_RECALLED, ONE, digest=ONE)
    stand.delivery(receiver).once()
    ((headers, body),) = receiver.got
    at = datetime.fromtimestamp(int(headers["webhook-timestamp"]), UTC)
    assert headers.items() >= SECRET.headers(headers["webhook-id"], body, at=at).items()


def test_trying_a_receiver_out_is_signed_and_leaves_nothing_on_record(stand: Stand, receiver: Receiver) -> None:
    made = stand.subscribe(receiver.url)
    receiver.answers = [204, 404]
    answer = stand.sender(receiver).try_out(made.id)
    assert (answer.taken, answer.status, answer.problem) == (True, 204, "")
    ((headers, body),) = receiver.got
    assert headers.items() >= SECRET.headers(headers["webhook-id"], body, at=stand.at).items()
    assert json.loads(body)["type"] == "dev.tidegate.curation.subscription.tested"
    refused = stand.sender(receiver).try_out(made.id)
    assert (refused.taken, refused.status, refused.problem) == (False, 404, "the receiver answered 404")
    closed = stand.sender().try_out(made.id)
    assert (closed.taken, closed.status) == (False, 0)
    assert "not public and was not opened" in closed.problem
    with pytest.raises(NotFoundError):
        stand.sender(receiver).try_out("0" * 32)
    assert stand.states(made.id) == []


def test_the_key_is_made_once_and_never_over_another(tmp_path: Path) -> None:
    file = tmp_path / "keys" / "webhooks.key"
    first, second = WebhookKey.load(file), WebhookKey.load(file)
    assert file.stat().st_mode & 0o777 == 0o600
    assert second.open(first.seal(SECRET, "1"), "1").reveal() == SECRET.reveal()
    assert base64.b64encode(base64.b64decode(file.read_bytes())).decode() not in repr(first)
    for content in (b"", b"c2hvcnQ=", b"not base64!", bytes(2000)):
        file.write_bytes(content)
        with pytest.raises(TidegateError):
            WebhookKey.load(file)
        assert file.read_bytes() == content


def test_a_record_of_before_is_brought_up_to_date_with_its_secrets(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'state.db'}"
    database = Database(url)
    with database.begin() as connection:
        command.upgrade(configuration(connection), "0019")
        connection.exec_driver_sql(
            "INSERT INTO subscription (id, owner, pattern, digest, component, kinds, url, secret, active, created_at) "
            "VALUES ('one', 'anna', '', '', '', '', 'https://a.example/', ?, 1, '')",
            (SECRET.reveal(),),
        )
    migrate(url)
    stand = Stand(database=database)
    stand.sender().seal()
    with database.read() as connection:
        sealed = connection.scalar(select(subscription.c.sealed_secret)) or ""
    assert stand.key.open(sealed, "one").reveal() == SECRET.reveal()
    database.close()

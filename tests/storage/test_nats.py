# SPDX-License-Identifier: Apache-2.0
"""Events told to a real NATS server, and messages taken in from it: through kills, refusals and rubbish."""

import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from nats.js.errors import NotFoundError

from migrated import migrated
from nats_server import NatsServer, events_in, start_nats
from tidegate.errors import InvalidInputError, OutsideError, UsageError
from tidegate.events import Event, EventKind
from tidegate.loops.told_to_nats import tell_nats
from tidegate.storage import outbox
from tidegate.storage.consumers import ConsumerThread
from tidegate.storage.database import Database
from tidegate.storage.leases import Leases
from tidegate.storage.nats_link import NatsLink, NatsOptions
from tidegate.storage.nats_sink import NatsSink
from tidegate.storage.nats_source import NatsSource

AT = datetime(2026, 6, 1, tzinfo=UTC)
STREAM = "TIDEGATE"
SECONDS = 120


@pytest.fixture
def server(tmp_path: Path) -> Iterator[NatsServer]:
    with start_nats(tmp_path / "nats") as found:
        yield found


def event(number: int, subject: str = "s", *, text: str = "") -> Event:
    return Event(id=f"e{number}", kind=EventKind.IMAGE_ADMITTED, subject=subject, time=AT, data={"text": text})


def sink_to(server: NatsServer, **options: object) -> NatsSink:
    link = NatsLink(NatsOptions(servers=(server.url,), **options), name="test")  # type: ignore[arg-type]
    return NatsSink(link, stream=STREAM, subject="tidegate", source="https://here.example", keep_days=1)


def test_they_are_cloudevents_in_a_stream_that_is_made(server: NatsServer) -> None:
    sink = sink_to(server)
    sink.tell([(7, event(1)), (8, event(2))])
    sink.tell([(7, event(1)), (8, event(2)), (9, event(3))])  # as after a kill before the cursor moved
    sink.close()
    stored = server.stored(STREAM)
    assert [one.subject for one in stored] == ["tidegate.curation.image.admitted"] * 3
    assert [(one.headers or {})["tidegate-offset"] for one in stored] == ["7", "8", "9"]
    assert (stored[0].headers or {})["content-type"] == "application/cloudevents+json"
    assert events_in(stored)[0] == event(1).to_dict(source="https://here.example") | {"time": "2026-06-01T00:00:00Z"}


def test_what_is_larger_than_a_message_is_told_by_where_it_is(tmp_path: Path) -> None:
    with start_nats(tmp_path / "nats", more="max_payload: 4096\n") as server:
        sink = sink_to(server)
        sink.tell([(1, event(1)), (2, event(2, text="x" * 5000)), (3, event(3))])
        sink.close()
        told = events_in(server.stored(STREAM))
    assert [one["id"] for one in told] == ["e1", "e2", "e3"]
    assert told[1]["dataref"] == "/api/v1/events?after=1&limit=1"
    assert "data" not in told[1]


def test_who_may_not_is_refused_and_who_may_is_let_in(tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text("right\n")
    with start_nats(tmp_path / "nats", more='authorization { user: "tg", password: "right" }\n') as server:
        with pytest.raises(OutsideError, match="NATS did not do it"):
            sink_to(server).tell([(1, event(1))])
        sink = sink_to(server, user="tg", password_file=password)
        sink.tell([(1, event(1))])
        sink.close()


def test_an_address_holds_no_password() -> None:
    with pytest.raises(UsageError, match="who asks") as refused:
        NatsOptions(servers=("nats://me:secret@host:4222",))
    assert "secret" not in str(refused.value)
    with pytest.raises(UsageError):
        NatsOptions(servers=("http://host",))


def test_all_are_told_in_order_through_kills_of_the_server(server: NatsServer, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'state.db'}"
    migrated(url)
    database, sink = Database(url), sink_to(server)
    thread = ConsumerThread(database, tell_nats(sink), Leases(database, "one"))
    thread.start()
    count, subjects = 600, 7
    for number in range(count):
        with database.begin() as connection:
            outbox.publish(connection, event(number, f"s{number % subjects}"))
        if number % 200 == 100:
            server.kill()
            server.start()
    done = threading.Event()
    while outbox_position(database) < count:
        assert not done.wait(0.05)  # bounded by the test's own limit
    thread.stop()
    sink.close()
    database.close()
    told = events_in(server.stored(STREAM))
    assert {one["id"] for one in told} == {f"e{number}" for number in range(count)}
    for subject in range(subjects):
        first_told = list(dict.fromkeys(one["id"] for one in told if one["subject"] == f"s{subject}"))
        assert first_told == [f"e{number}" for number in range(subject, count, subjects)]


def outbox_position(database: Database) -> int:
    with database.read() as connection:
        return outbox.position(connection, "loops.nats")


def test_messages_are_taken_in_and_what_can_never_be_ends(server: NatsServer) -> None:
    server.publish("FALCO", "falco", b"one", b"rubbish", b"two")
    taken: list[bytes] = []
    failures = [OutsideError("the database is away")]
    ended = threading.Event()

    def take(body: bytes) -> None:
        if body == b"rubbish":
            raise InvalidInputError("not an alert")
        if body == b"two" and failures:
            raise failures.pop()
        taken.append(body)
        if body == b"three":
            ended.set()

    with source(server, take):
        assert until_settled(server, 3)
    server.publish("FALCO", "falco", b"three")
    with source(server, take):  # it goes on where it was
        assert ended.wait(SECONDS)
        assert until_settled(server, 4)
    assert set(taken) == {b"one", b"three", b"two"}


class source:  # noqa: N801 - used as a block
    """A source that runs within a block."""

    def __init__(self, server: NatsServer, take: object) -> None:
        link = NatsLink(NatsOptions(servers=(server.url,)), name="test takes in")
        self._source = NatsSource(link, stream="FALCO", subject="", durable="tidegate-falco", take=take)  # type: ignore[arg-type]

    def __enter__(self) -> None:
        self._source.start()

    def __exit__(self, *_exception: object) -> None:
        self._source.stop()


def until_settled(server: NatsServer, stored: int) -> bool:
    """Waits until the consumer is there and has nothing left."""
    pause = threading.Event()
    for _ in range(SECONDS * 5):
        with suppress(NotFoundError):  # the consumer is not made yet
            if len(server.stored("FALCO")) == stored and server.unanswered("FALCO", "tidegate-falco") == 0:
                return True
        pause.wait(0.2)
    return False

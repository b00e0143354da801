# SPDX-License-Identifier: Apache-2.0
"""Deliveries side by side: a receiver that hangs holds up nobody, order is kept, and no kill loses one."""

import json
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Condition, Event, Thread
from typing import Any

import pytest
from webhook_stand import ANNA, Receiver, Stand

from tidegate.artifact import Digest
from tidegate.curation.vending.delivery_pool import OF_ONE_OWNER, TO_ONE_RECEIVER, DeliveryPool
from tidegate.curation.vending.subscriptions import list_deliveries, note_events
from tidegate.events import Event as CloudEvent
from tidegate.events import EventKind
from tidegate.storage import outbox
from tidegate.storage.leases import Leases

SUBJECTS = [Digest.of(str(number).encode()) for number in range(8)]
KINDS = (EventKind.IMAGE_ADMITTED, EventKind.IMAGE_DEPRECATED, EventKind.IMAGE_RECALLED)


class Hanging:
    """A receiver that answers nobody until it is let go."""

    def __init__(self) -> None:
        hanging = self
        self.let_go = Event()
        self.came, self.here = Condition(), 0

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["content-length"]))
                with hanging.came:
                    hanging.here += 1
                    hanging.came.notify_all()
                hanging.let_go.wait(240)
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = int(self._server.server_address[1])
        self.url = f"http://127.0.0.1:{self.port}/hook"
        self._thread = Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def wait_for(self, number: int) -> None:
        with self.came:
            assert self.came.wait_for(lambda: self.here >= number, 120), self.here

    def stop(self) -> None:
        self.let_go.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def hanging() -> Iterator[Hanging]:
    made = Hanging()
    yield made
    made.stop()


@contextmanager
def delivering(stand: Stand, *receivers: Any, name: str = "one", **more: Any) -> Iterator[DeliveryPool]:
    leases = Leases(stand.database, name)
    work = stand.delivery(*receivers, **more)
    pool = DeliveryPool(stand.database, work, stand.directory, leases)
    pool.start()
    try:
        yield pool
    finally:
        pool.stop()
        leases.stop()


def wait_for(receiver: Receiver, number: int) -> None:
    with receiver.grown:
        assert receiver.grown.wait_for(lambda: len(receiver.got) >= number, 120), len(receiver.got)


def test_a_receiver_that_hangs_holds_up_nobody_else(stand: Stand, receiver: Receiver, hanging: Hanging) -> None:
    slow = stand.subscribe(hanging.url, owner=stand.administrator("slow"))
    for number in range(OF_ONE_OWNER):  # more of the same owner, by other names of the same receiver
        stand.subscribe(f"{hanging.url}/{number}", owner=stand.administrator("slow"))
    stand.subscribe(receiver.url, owner=ANNA)
    for subject in SUBJECTS:
        stand.tell(EventKind.IMAGE_RECALLED, subject, digest=subject)
    with delivering(stand, receiver, hanging):
        hanging.wait_for(TO_ONE_RECEIVER)
        wait_for(receiver, len(SUBJECTS))
        assert hanging.here == TO_ONE_RECEIVER  # it got no more at once than that
        assert "done" not in stand.states(slow.id)
        hanging.let_go.set()
        hanging.wait_for(len(SUBJECTS) * (OF_ONE_OWNER + 1))


def test_one_owner_leaves_the_others_their_share(stand: Stand, receiver: Receiver) -> None:
    with ExitStack() as stack:
        held = [stack.enter_context(stopping(Hanging())) for _ in range(OF_ONE_OWNER)]
        for one in held:
            stand.subscribe(one.url, owner=stand.administrator("greedy"))
        stand.subscribe(receiver.url, owner=ANNA)
        for subject in SUBJECTS:
            stand.tell(EventKind.IMAGE_RECALLED, subject, digest=subject)
        with delivering(stand, receiver, *held):
            wait_for(receiver, len(SUBJECTS))
            assert sum(one.here for one in held) <= OF_ONE_OWNER
            for one in held:
                one.let_go.set()


@contextmanager
def stopping(hanging: Hanging) -> Iterator[Hanging]:
    yield hanging
    hanging.stop()


def test_of_each_subject_everything_is_told_in_order(stand: Stand, receiver: Receiver) -> None:
    stand.subscribe(receiver.url, kinds=KINDS)
    receiver.answers = [500, 204, 503] * 5
    with delivering(stand, receiver, retry_seconds=(0.0,) * 20):
        for kind in KINDS:
            for subject in SUBJECTS:
                stand.tell(kind, subject, digest=subject)
        wait_for(receiver, len(KINDS) * len(SUBJECTS) + 10)
    taken = defaultdict(list)
    for (_, body), status in zip(receiver.got, receiver.answered, strict=True):
        if status == 204:
            told = json.loads(body)
            taken[told["subject"]].append(told["type"])
    assert dict(taken) == {subject: [f"dev.tidegate.{kind}" for kind in KINDS] for subject in SUBJECTS}


def test_one_replica_at_a_time_delivers_and_another_goes_on(stand: Stand, receiver: Receiver) -> None:
    made = stand.subscribe(receiver.url, kinds=KINDS)
    with delivering(stand, receiver, name="one"), delivering(stand, receiver, name="two"):
        for subject in SUBJECTS:
            stand.tell(EventKind.IMAGE_ADMITTED, subject, digest=subject)
        wait_for(receiver, len(SUBJECTS))
    assert len(receiver.got) == len(SUBJECTS)  # nothing twice
    with delivering(stand, receiver, name="two"):
        stand.tell(EventKind.IMAGE_RECALLED, SUBJECTS[0], digest=SUBJECTS[0])
        wait_for(receiver, len(SUBJECTS) + 1)
    assert set(stand.states(made.id)) == {"done"}


def test_a_kill_loses_nothing(stand: Stand, hanging: Hanging) -> None:
    made = stand.subscribe(hanging.url)
    stand.tell(EventKind.IMAGE_RECALLED, SUBJECTS[0], digest=SUBJECTS[0])
    stand.tell(EventKind.IMAGE_ADMITTED, SUBJECTS[0], digest=SUBJECTS[0])
    program = Path(__file__).with_name("deliver_until_killed.py")
    path = os.pathsep.join([str(program.parent), str(program.parent.parent)])
    words = [sys.executable, str(program), stand.url, str(hanging.port)]
    with subprocess.Popen(words, env={**os.environ, "PYTHONPATH": path}) as process:
        hanging.wait_for(1)
        process.kill()
    assert stand.states(made.id) == ["waiting", "waiting"]
    hanging.let_go.set()
    with delivering(stand, hanging, name="another"):
        hanging.wait_for(3)
    assert stand.states(made.id) == ["done", "done"]


def test_an_end_does_not_wait_for_a_receiver_that_hangs(stand: Stand, hanging: Hanging) -> None:
    made = stand.subscribe(hanging.url)
    stand.tell(EventKind.IMAGE_RECALLED, SUBJECTS[0], digest=SUBJECTS[0])
    with delivering(stand, hanging):
        hanging.wait_for(1)
    assert stand.states(made.id) == ["waiting"]  # and told again by whoever comes next


@pytest.mark.parametrize("batch", [1, 20])
def test_none_is_lost_and_none_overtakes_when_either_side_is_killed(stand: Stand, batch: int) -> None:
    program = Path(__file__).with_name("deliver_until_killed.py")
    path = os.pathsep.join([str(program.parent), str(program.parent.parent)])
    count, subjects = 400, len(SUBJECTS)
    got: list[tuple[str, str]] = []
    with Receiver() as receiver:
        port = receiver.port
        made = stand.subscribe(receiver.url, batch=batch, kinds=KINDS)
        with stand.database.begin() as connection:
            events = [
                CloudEvent(id=f"e{number}", kind=KINDS[0], subject=SUBJECTS[number % subjects], time=stand.at, data={})
                for number in range(count)
            ]
            for event in events:
                outbox.publish(connection, event)
            note_events(connection, list(enumerate(events, 1)), at=stand.at)
        for _ in range(2):  # who tells is killed
            with subprocess.Popen(
                [sys.executable, str(program), stand.url, str(port)], env={**os.environ, "PYTHONPATH": path}
            ) as process:
                wait_for(receiver, len(receiver.got) + 80 // batch)
                process.kill()
        got += received(receiver)
    with Receiver(port) as receiver:  # and who is told came back at the same place
        with delivering(stand, receiver, name="another", retry_seconds=(0.0,) * 50):
            for _ in range(2400):
                if done(stand, made.id) == count:
                    break
                stand.database.commits.wait(stand.database.commits.count, timeout=0.05)
        got += received(receiver)
    assert done(stand, made.id) == count
    assert {name for _, name in got} == {f"e{number}" for number in range(count)}
    for number, subject in enumerate(SUBJECTS):
        first_told = list(dict.fromkeys(name for about, name in got if about == subject))
        assert first_told == [f"e{number}" for number in range(number, count, subjects)]


def done(stand: Stand, number: str) -> int:
    with stand.database.read() as connection:
        return len(list_deliveries(connection, number, state="done", limit=1000))


def received(receiver: Receiver) -> list[tuple[str, str]]:
    """Subject and id of every event that came, in its order."""
    told = [json.loads(body) for _, body in list(receiver.got)]
    events = [event for one in told for event in (one if isinstance(one, list) else [one])]
    return [(event["subject"], event["id"]) for event in events]

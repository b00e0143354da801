# SPDX-License-Identifier: Apache-2.0
"""Streams of events of a whole server: judged when an event is told, ended with a last word, bounded."""

import json
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Barrier
from typing import Any

import httpx
import pytest
from access_material import PASSWORD, TOKEN
from api_server import ApiServer
from oci_material import image
from registry_client import push
from sqlalchemy import Engine
from sqlalchemy.event import listen, remove

from tidegate.admission.remembered_restrictions import RememberedRestrictions
from tidegate.clock import system_clock
from tidegate.curation.vending.hearing import Hearing
from tidegate.events import Event, EventKind
from tidegate.identity.directory import Directory
from tidegate.identity.permissions import Permissions
from tidegate.server.api import event_pages
from tidegate.server.api.event_pages import EventPages
from tidegate.server.api.stream_places import MAX_STREAMS_OF_ONE, StreamPlaces, TooManyStreamsError
from tidegate.storage import outbox
from tidegate.storage.database import Database
from tidegate.storage.migrations import migrate

SECOND = 1 / 86_400
Auth = tuple[str, str]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    with ApiServer(tmp_path_factory.mktemp("streams"), token=TOKEN) as running:
        yield running


@pytest.fixture
def root(server: ApiServer) -> httpx.Client:
    return server.client(("root", TOKEN))


def add(root: httpx.Client, name: str, *, condition: str = "") -> tuple[Auth, str]:
    """A user who may follow; returns what they log in with, and the grant."""
    assert root.post("/principals", json={"kind": "user", "name": name, "password": PASSWORD}).status_code == 201
    wanted = {"holder": name, "pattern": "**", "verbs": ["list"], "condition": condition}
    return (name, PASSWORD), root.post("/grants", json=wanted).json()["id"]


Message = tuple[str, Any]


@contextmanager
def following(server: ApiServer, who: Auth, **query: Any) -> Iterator[Iterator[Message]]:
    """The messages of a stream, by kind and data; begun when it returns."""
    with server.client(who).stream("GET", "/events/stream", params=query) as answer:
        assert answer.status_code == 200, answer.read()
        lines = answer.iter_lines()
        assert next(lines).startswith("retry")
        yield _messages(lines)


@contextmanager
def following_what_ends(
    server: ApiServer, who: Auth, give: Callable[[int], Auth | None]
) -> Iterator[Iterator[Message]]:
    """A stream by what lasts some seconds only: longer ones where it had ended before the stream began."""
    for seconds in (4, 16, 64):
        who = give(seconds) or who
        with server.client(who).stream("GET", "/events/stream", params={"kind": "nothing"}) as answer:
            lines = answer.iter_lines()
            if answer.status_code == 200 and next(lines).startswith("retry"):
                yield _messages(lines)
                return
    raise AssertionError("it ends before it begins")


def _next(messages: Iterator[Message]) -> Message:
    """The next that is not of evidence, which is attached whenever it is ready."""
    return next(one for one in messages if one[0] not in {"curation.evidence.added", "curation.image.shelved"})


def _messages(lines: Iterator[str]) -> Iterator[Message]:
    kind = ""
    for line in lines:
        name, _, value = line.partition(": ")
        if name == "event":
            kind = value
        elif name == "data":
            yield kind, json.loads(value)


def shelve(server: ApiServer, name: str) -> str:
    """Pushes an image and has its verdict waited for; returns its digest."""
    made = image(name)
    push(server.client(("root", TOKEN), base=""), name.partition(":")[0], made, "1")
    found = server.client(("root", TOKEN)).get(f"/images/{made.digest}", params={"wait": 60}).json()
    assert found["state"] == "admitted", found
    return str(made.digest)


def test_it_ends_with_the_grant_it_stands_on(server: ApiServer, root: httpx.Client) -> None:
    who, grant = add(root, "revoked")
    with following(server, who) as messages:
        root.post("/tenants", json={"name": "before", "prefixes": ["before"]})
        assert next(messages)[1]["subject"] == "before"
        assert root.post(f"/grants/{grant}/revoke", json={"why": "done"}).status_code == 200
        root.post("/tenants", json={"name": "after", "prefixes": ["after"]})
        kind, data = list(messages)[-1]
        assert (kind, data["status"], data["title"]) == ("end", 403, "you may not list here")
        assert "after" not in json.dumps(data)


def test_it_ends_with_the_grants_time(server: ApiServer, root: httpx.Client) -> None:
    who, grant = add(root, "timed")
    root.post(f"/grants/{grant}/revoke")

    def give(seconds: int) -> None:
        wanted = {"holder": "timed", "pattern": "**", "verbs": ["list"], "hours": seconds * SECOND * 24}
        assert root.post("/grants", json=wanted).status_code == 201

    with following_what_ends(server, who, give) as messages:
        assert list(messages)[-1][1]["status"] == 403


@pytest.mark.parametrize("end", ["disable", "renew", "expire", "remove"])
def test_it_ends_with_who_follows(server: ApiServer, root: httpx.Client, end: str) -> None:
    name = f"robot${end}"
    made = root.post("/principals", json={"kind": "robot", "name": end, "days": 1}).json()
    root.post("/grants", json={"holder": name, "pattern": "**", "verbs": ["list"]})
    who = (name, made["secret"])

    def renew(seconds: int) -> Auth:
        renewed = root.post(f"/principals/{name}/renew", json={"days": seconds * SECOND})
        return name, renewed.json()["secret"]

    begun = following_what_ends(server, who, renew) if end == "expire" else following(server, who, kind="nothing")
    with begun as messages:
        if end == "remove":
            assert root.delete(f"/principals/{name}").status_code == 200
        elif end != "expire":
            assert root.post(f"/principals/{name}/{end}", json={"days": 1}).status_code == 200
        kind, data = next(messages)
        assert (kind, data["status"]) == ("end", 401)
        assert not list(messages)


def test_what_is_kept_for_others_is_not_told(server: ApiServer, root: httpx.Client) -> None:
    who, _ = add(root, "outsider")
    digest = shelve(server, "kept/app:1")
    after = root.get("/events", params={"limit": 1000}).json()["next"]
    with following(server, who, after=after) as messages:
        body = {"reason": "pilot", "who": ["group:pilots"]}
        assert root.post(f"/images/{digest}/restrict", json=body).status_code == 200
        kind, told = _next(messages)
        assert (kind, told["data"]["why"]) == ("curation.image.restricted", "pilot")
        assert "restriction" not in told["data"]
        assert root.post(f"/images/{digest}/deprecate", json={"reason": "a newer one"}).status_code == 200
        root.post("/tenants", json={"name": "then", "prefixes": ["then"]})
        assert _next(messages)[0] == "oversight.tenant.created"  # and nothing of the deprecation
        listed = server.client(who).get("/events", params={"after": after, "limit": 1000}).json()["events"]
        kinds = [item["event"]["type"].rpartition(".")[2] for item in listed]
        others = {"added", "shelved", "expired"}  # a grant of another test may end at this moment
        assert [kind for kind in kinds if kind not in others] == ["restricted", "created"]
        assert root.post(f"/images/{digest}/release", json={"reason": "for all", "alone": "a test"}).status_code == 200
        assert _next(messages)[0] == "curation.image.admitted"
    everything = root.get("/events", params={"after": after, "limit": 1000}).json()["events"]
    kept = [
        item["event"]["data"]["restriction"]["who"] for item in everything if "restriction" in item["event"]["data"]
    ]
    assert kept == [["group:pilots"]]  # administrators see it all


def test_a_grants_condition_holds_for_each_event(server: ApiServer, root: httpx.Client) -> None:
    who, _ = add(root, "partial", condition="!request.repository.startsWith('hidden/')")
    after = root.get("/events", params={"limit": 1000}).json()["next"]
    digest = shelve(server, "hidden/app:1")
    body = {"digest": digest, "source": "hidden/app", "target": "shown/app:1", "reason": "release"}
    promoted = root.post("/promotions", json=body)
    assert promoted.status_code in {200, 201}, promoted.text
    with following(server, who, after=after, kind="curation.image") as messages:
        seen = []
        for kind, told in messages:
            seen.append((kind.rpartition(".")[2], told["data"].get("repository", "")))
            if kind == "curation.image.promoted":
                break
        assert ("shelved", "hidden/app") not in seen
        assert (told["data"]["source"], told["data"]["target"]) == ("", "shown/app")
        assert "hidden" not in json.dumps(told)
    with following(server, ("root", TOKEN), after=after, kind="curation.image.promoted") as messages:
        assert next(messages)[1]["data"]["source"] == "hidden/app"


def test_one_principal_leaves_the_others_their_places(server: ApiServer, root: httpx.Client) -> None:
    who, _ = add(root, "greedy")
    together = Barrier(MAX_STREAMS_OF_ONE + 5)
    client = server.client(who)
    with ExitStack() as open_ones, ThreadPoolExecutor(MAX_STREAMS_OF_ONE + 5) as pool:

        def ask(_: int) -> httpx.Response:
            together.wait(120)
            return open_ones.enter_context(client.stream("GET", "/events/stream"))

        answers = list(pool.map(ask, range(MAX_STREAMS_OF_ONE + 5)))
        codes = sorted(answer.status_code for answer in answers)
        assert codes == [200] * MAX_STREAMS_OF_ONE + [429] * 5
        with following(server, ("root", TOKEN), after=0) as messages:
            assert next(messages)
    ends = time.monotonic() + 120
    while True:  # the places of those that left are free again, once it is seen that they left
        with client.stream("GET", "/events/stream") as answer:
            if answer.status_code == 200:
                break
            assert (answer.status_code, time.monotonic() < ends) == (429, True)


def test_looking_for_a_place_and_taking_it_is_one_step() -> None:
    places = StreamPlaces(8, most_of_one=3)
    together, decided = Barrier(24), Barrier(24)

    def come(number: int) -> bool:
        together.wait(120)
        try:
            with places.taken(f"who{number % 8}"):
                decided.wait(120)  # nobody leaves before all have come
                return True
        except TooManyStreamsError:
            decided.wait(120)
            return False

    with ThreadPoolExecutor(24) as pool:
        assert sum(pool.map(come, range(24))) == 8
    with ExitStack() as held:
        for _ in range(3):
            held.enter_context(places.taken("anna"))
        with pytest.raises(TooManyStreamsError, match="for you"):
            held.enter_context(places.taken("anna"))


def test_a_server_that_stops_says_so_and_holds_nobody(tmp_path: Path) -> None:
    with ApiServer(tmp_path, token=TOKEN) as stopping:
        root = stopping.client(("root", TOKEN))
        newest = root.get("/events").json()["next"]
        with ThreadPoolExecutor(1) as pool, following(stopping, ("root", TOKEN)) as messages:
            waiting = pool.submit(root.get, "/events", params={"after": newest, "wait": 60})
            _wait_until_answering(stopping, 3)  # the stream, who waits, and who asks for the figures
            stopping.process.send_signal(signal.SIGTERM)
            assert [(kind, data["status"]) for kind, data in messages] == [("end", 503)]
            assert waiting.result().json() == {"events": [], "next": newest}
        assert stopping.process.wait(120) == 0


def _wait_until_answering(server: ApiServer, number: int) -> None:
    ends = time.monotonic() + 120
    with httpx.Client(base_url=server.address, trust_env=False, auth=("root", TOKEN)) as http:
        while f"tidegate_http_requests_in_flight {number:.1f}" not in http.get("/metrics").text:
            assert time.monotonic() < ends, "it does not get so far"


def test_a_page_is_read_once_for_all_who_follow_and_anew_after_a_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_pages, "_GOOD_FOR_SECONDS", 3600.0)
    url = f"sqlite:///{tmp_path / 'state.db'}"
    migrate(url)
    database = Database(url)
    directory = Directory(database)
    permissions, restrictions = Permissions(directory, system_clock), RememberedRestrictions(database)
    hearing = Hearing(database, directory, permissions, restrictions, zones={}, clock=system_clock)
    pages, read = EventPages(database, hearing), list[str]()

    def tell(number: int) -> None:
        with database.begin() as connection:
            event = Event(id=str(number), kind=EventKind.TENANT_CREATED, subject="x", time=system_clock(), data={})
            outbox.publish(connection, event)

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        read.append(statement)

    tell(1)
    listen(Engine, "before_cursor_execute", note)
    try:
        with ThreadPoolExecutor(16) as pool:
            found = list(pool.map(pages.after, [0] * 100))
        assert {len(page) for page in found} == {1}
        assert len([text for text in read if "FROM outbox" in text]) == 1
        tell(2)
        assert [number for number, _ in pages.after(0)] == [1, 2]
        monkeypatch.setattr(event_pages, "_GOOD_FOR_SECONDS", 0.0)
        tell(3)
        count = len(read)
        for _ in range(2):  # another process says nothing of its commits: what is old is read anew
            assert len(pages.after(0)) == 3
        assert len([text for text in read[count:] if "FROM outbox" in text]) == 2
    finally:
        remove(Engine, "before_cursor_execute", note)
    database.close()

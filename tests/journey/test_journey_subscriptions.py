# SPDX-License-Identifier: Apache-2.0
"""Subscribers and listeners of a whole server: webhooks on recall, consumers that pulled, and the stream of events."""

import json
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from whole_server import WholeServer, as_json, python_image, run_tidegate


class Hook:
    """A receiver of webhooks."""

    def __init__(self) -> None:
        from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

        hook = self
        self.events: list[dict[str, Any]] = []
        self.grown = threading.Condition()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                self.send_response(204)
                self.end_headers()
                with hook.grown:
                    hook.events.append(json.loads(body))
                    hook.grown.notify_all()

            def log_message(self, *_: Any) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        if not self._thread.is_alive():
            return
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def wait_for(self, kind: str) -> dict[str, Any]:
        def found() -> list[dict[str, Any]]:
            return [event for event in self.events if event["type"] == f"dev.tidegate.{kind}"]

        with self.grown:
            assert self.grown.wait_for(found, 120), f"no {kind} came"
        return found()[0]


@pytest.fixture
def hook() -> Iterator[Hook]:
    running = Hook()
    yield running
    running.stop()


def test_those_who_subscribed_and_those_who_pulled_are_told(tmp_path: Path, hook: Hook) -> None:
    reach = {"TIDEGATE_CURATION_WEBHOOKS_MAY_REACH": hook.host}
    with WholeServer(tmp_path / "home", environment=reach) as server:
        body = {"url": f"http://{hook.host}/", "pattern": "told/*"}
        made = server.http.post("/api/v1/subscriptions", json=body).json()
        assert made["secret"].startswith("whsec_")
        digest = python_image(tmp_path / "layout", "one", {"h11": "0.14.0"})
        server.push(tmp_path / "layout", "one", "told/app:1")
        server.verdict(digest)
        assert hook.wait_for("curation.image.admitted")["subject"] == digest
        assert server.http.get("/v2/told/app/manifests/1").status_code == 200
        (consumer,) = server.api(f"/images/{digest}/consumers")["consumers"]
        assert (consumer["consumer"], consumer["repository"], consumer["pulls"]) == ("anonymous", "told/app", 1)
        after = server.api("/events", limit=1000)["next"]
        recalled = run_tidegate(server.home, "vend", "recall", digest, "--reason", "leaked")
        assert recalled.returncode == 0, recalled.stderr
        assert hook.wait_for("curation.image.recalled")["data"]["why"] == "leaked"
        exposed = hook.wait_for("curation.consumer.exposed")
        assert (exposed["data"]["digest"], exposed["data"]["repositories"]) == (digest, ["told/app"])
        assert "secret" not in server.http.get("/api/v1/subscriptions").text
        count = len(hook.events)
        path = f"/api/v1/subscriptions/{made['id']}/replay"
        replayed = server.http.post(path, params={"after": after}).json()["events"]
        assert replayed >= 2
        with hook.grown:
            assert hook.grown.wait_for(lambda: len(hook.events) == count + replayed, 120)
        told = server.api(f"/subscriptions/{made['id']}/deliveries", state="dead")
        assert told["deliveries"] == []
        assert server.http.delete(f"/api/v1/subscriptions/{made['id']}").status_code == 200
        assert server.api("/subscriptions")["subscriptions"] == []


def _read(
    server: WholeServer, wanted: int, headers: dict[str, str] | None = None, **query: Any
) -> list[dict[str, str]]:
    """That many messages of the stream."""
    found: list[dict[str, str]] = []
    message: dict[str, str] = {}
    with server.http.stream("GET", "/api/v1/events/stream", params=query, headers=headers or {}) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        for line in answer.iter_lines():
            if line:
                name, _, value = line.partition(": ")
                message[name] = value
            elif "id" in message:
                found.append(message)
                message = {}
                if len(found) == wanted:
                    break
            else:
                message = {}
    return found


def test_the_stream_goes_on_where_it_broke(server: WholeServer, tmp_path: Path) -> None:
    digest = python_image(tmp_path, "streamed", {"h11": "0.14.0", "streamed": "1"})
    after = server.api("/events", limit=1000)["next"]
    server.push(tmp_path, "streamed", "told/streamed:1")
    first = _read(server, 2, after=after)
    rest = _read(server, 2, {"Last-Event-ID": first[-1]["id"]})
    numbers = [int(one["id"]) for one in first + rest]
    assert numbers == sorted(set(numbers))
    listed = server.api("/events", after=after, limit=4)["events"]
    assert [json.loads(one["data"]) for one in first + rest] == [item["event"] for item in listed]
    admitted = _read(server, 1, after=after, kind="curation.image.admitted")
    assert json.loads(admitted[0]["data"])["subject"] == digest


def test_a_stream_that_is_followed_keeps_no_server_from_ending_well(tmp_path: Path) -> None:
    with WholeServer(tmp_path / "home") as server:
        begun = threading.Event()

        def follow() -> None:
            address = f"http://{server.address}/api/v1/events/stream"
            with suppress(httpx.HTTPError), httpx.stream("GET", address, timeout=180) as answer:
                for _ in answer.iter_lines():
                    begun.set()

        follower = threading.Thread(target=follow)
        follower.start()
        assert begun.wait(120)
        assert server.stop() == 0
        follower.join(120)


@pytest.mark.parametrize(
    "body",
    [
        {"url": "ftp://receiver.example/"},
        {"url": "http://receiver.example/"},
        {"url": "https://receiver.example/", "digest": "none"},
        {"url": "https://receiver.example/", "secret": "short"},
        {"url": "https://receiver.example/", "kinds": ["curation.tag.moved"]},
    ],
)
def test_what_cannot_be_subscribed_to(server: WholeServer, body: dict[str, Any]) -> None:
    answer = server.http.post("/api/v1/subscriptions", json=body)
    assert answer.status_code in {httpx.codes.BAD_REQUEST, httpx.codes.UNPROCESSABLE_ENTITY}, answer.text


@pytest.mark.parametrize("elsewhere", [False, True])
def test_the_command_subscribes_tries_out_and_replays(
    tmp_path: Path, hook: Hook, monkeypatch: pytest.MonkeyPatch, *, elsewhere: bool
) -> None:
    reach = {"TIDEGATE_CURATION_WEBHOOKS_MAY_REACH": hook.host}
    monkeypatch.setenv(*next(iter(reach.items())))  # for the commands, as for the server
    with WholeServer(tmp_path / "home", environment=reach) as server:

        def run(*words: str, status: int = 0) -> str:
            there = ("--server", server.address) if elsewhere else ()
            ran = run_tidegate(tmp_path / "own" if elsewhere else server.home, "subscription", *words, *there)
            assert ran.returncode == status, ran.stderr
            return ran.stdout

        secret = run("add", f"http://{hook.host}/", "--pattern", "told/*", "--kind", "admitted").strip()
        assert secret.startswith("whsec_")
        (made,) = as_json(run("list", "--format", "json"))["subscriptions"]
        assert (made["wanted"]["pattern"], made["wanted"]["kinds"]) == ("told/*", ["curation.image.admitted"])
        run("test", made["id"][:8])
        assert hook.wait_for("curation.subscription.tested")["subject"] == f"subscription:{made['id']}"
        assert server.http.post(f"/api/v1/subscriptions/{made['id']}/test").json()["taken"] is True
        digest = python_image(tmp_path / "layout", "one", {"h11": "0.14.0"})
        server.push(tmp_path / "layout", "one", "told/app:1")
        server.verdict(digest)
        assert hook.wait_for("curation.image.admitted")["subject"] == digest
        told = as_json(run("deliveries", made["id"], "--format", "json"))["deliveries"]
        assert [row["kind"] for row in told] == ["curation.image.admitted"]
        count = len(hook.events)
        run("replay", made["id"])
        with hook.grown:
            assert hook.grown.wait_for(lambda: len(hook.events) == count + 1, 120)
        shown = run("list") + run("list", "--format", "json")
        key = secret.removeprefix("whsec_")
        assert key not in shown
        assert not [path for path in server.home.glob("state.db*") if key.encode() in path.read_bytes()]
        file = tmp_path / "secret"
        file.write_text(secret + "\n")
        own = ("add", f"http://{hook.host}/", "--secret-file", str(file), "--owner", "anna")
        assert run(*own) == ""  # what one has already is not told again
        (other,) = as_json(run("list", "--owner", "anna", "--format", "json"))["subscriptions"]
        run("remove", other["id"])
        run("add", "http://receiver.example/", status=2)
        run("test", "nothing", status=2)
        hook.stop()
        run("test", made["id"], status=1)
        run("remove", made["id"])
        assert as_json(run("list", "--format", "json"))["subscriptions"] == []

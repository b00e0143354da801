# SPDX-License-Identifier: Apache-2.0
"""What is refused is told to its owner by mail and webhook, with a fix that was tried; mended, the case closes."""

import base64
import hmac
import json
import threading
from collections.abc import Iterator
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from whole_server import WholeServer, as_json, python_image, run_tidegate

from mail_server import MailServer, text_of
from tidegate.clock import system_clock
from tidegate.knowledge.seed import build_seed

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


class Hook:
    """A receiver of webhooks that keeps what it gets."""

    def __init__(self) -> None:
        hook = self
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.grown = threading.Condition()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                self.send_response(204)
                self.end_headers()
                with hook.grown:
                    hook.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
                    hook.grown.notify_all()

            def log_message(self, *_: Any) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def wait_for(self, number: int) -> list[dict[str, Any]]:
        with self.grown:
            assert self.grown.wait_for(lambda: len(self.got) >= number, 240)
        return [json.loads(body) for _, body in self.got]


@pytest.fixture
def hook() -> Iterator[Hook]:
    running = Hook()
    yield running
    running.stop()


def _set_up(server: WholeServer, mail: MailServer, hook: Hook) -> None:
    email = {"kind": "email", "host": "127.0.0.1", "port": mail.port, "security": "none", "sender": "gate@example.com"}
    for name, body in (
        ("mail", {"channel": {"name": "mail", **email}}),
        (
            "hook",
            {
                "channel": {"name": "hook", "kind": "webhook", "url": f"http://127.0.0.1:{hook.port}/"},
                "secret": SECRET,
            },
        ),
    ):
        answer = server.http.put(f"/api/v1/feedback/channels/{name}", json=body)
        assert answer.status_code == 200, answer.text
        assert SECRET not in answer.text
    owner = {"name": "team-web", "repositories": ["team/*"], "email": "web@example.com"}
    assert server.http.put("/api/v1/owners/team-web", json=owner).status_code == 200


def test_what_is_refused_is_told_with_its_fix_and_closes_when_it_is_mended(tmp_path: Path, hook: Hook) -> None:
    home, layout = tmp_path / "home", tmp_path / "layout"
    home.mkdir()
    build_seed(home / "knowledge.db", made_at=system_clock(), later=True)
    with MailServer() as mail:
        environment = {
            "TIDEGATE_CURATION_WEBHOOKS_MAY_REACH": "127.0.0.0/8",
            "TIDEGATE_FEEDBACK_GATHER_S": "0.2",
            "TIDEGATE_FEEDBACK_LINK": "https://registry.example",
        }
        with WholeServer(home, environment=environment) as server:
            _set_up(server, mail, hook)
            bad = python_image(layout, "1.0.0", {"h11": "0.14.0"})
            server.push(layout, "1.0.0", "team/web:1.0.0")
            assert server.verdict(bad)["state"] == "rejected"
            (opened,) = mail.wait_for(1)
            assert opened["Subject"] == "[tidegate] team/web:1.0.0 did not pass the gate"
            assert mail.got[0][0] == ["web@example.com"]
            said = text_of(opened)
            assert "GHSA-vqfr-h8mv-ghfj" in said
            assert "pip install 'h11==0.16.0'" in said
            assert "Proof: these versions were put in place of the old ones, and the gate says allow" in said
            assert f"https://registry.example/passports/{bad}" in said
            (event,) = hook.wait_for(1)
            headers, body = hook.got[0]
            key = base64.b64decode(SECRET.removeprefix("whsec_"))
            signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
            expected = base64.b64encode(hmac.new(key, signed, sha256).digest()).decode()
            assert headers["webhook-signature"] == f"v1,{expected}"
            (notice,) = event["data"]["notices"]
            assert (notice["owner"], notice["turn"], notice["fixes"][0]["passes"]) == ("team-web", "opened", True)
            fixed = python_image(layout, "1.0.1", {"h11": "0.16.0"})
            server.push(layout, "1.0.1", "team/web:1.0.1")
            assert server.verdict(fixed)["state"] == "admitted"
            closed = mail.wait_for(2)[1]
            assert closed["Subject"] == "[tidegate] mended: team/web:1.0.0 did not pass the gate"
            assert closed["References"] == opened["References"]
            assert closed["Message-ID"] != opened["Message-ID"]
            assert f"team/web:1.0.1 ({fixed}) was admitted" in text_of(closed)
            assert hook.wait_for(2)[1]["data"]["notices"][0]["turn"] == "closed"
            (case,) = server.api("/feedback/cases", state="closed")["cases"]
            assert (case["id"], case["owner"]) == (notice["case"], "team-web")
            figures = server.http.get("/metrics").text
            assert 'tidegate_feedback_fix_seconds_count{severity="critical"} 1.0' in figures
            (times,) = server.api("/feedback/times")["times"]
            assert (times["owner"], times["closed"], times["open"]) == ("team-web", 1, 0)
            told = [line for line in server.api(f"/passports/{bad}")["entries"] if "feedback" in str(line)]
            assert len(told) >= 3, told
            assert "team-web was told of it" in str(told)
        listed = run_tidegate(home, "feedback", "list", "--format", "json")
        assert [one["state"] for one in as_json(listed.stdout)["cases"]] == ["closed"]

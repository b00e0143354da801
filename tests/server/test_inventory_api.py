# SPDX-License-Identifier: Apache-2.0
"""What a cluster's robot tells a real server is what its API and its command show."""

import json
import os
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from api_server import ApiServer

TOKEN = "t0ken-of-this-test"
A, B = "a" * 64, "b" * 64
DIGEST = "sha256:" + "1" * 64


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    with ApiServer(tmp_path_factory.mktemp("home"), token=TOKEN) as running:
        root = running.client(("root", TOKEN))
        made = root.post("/principals", json={"kind": "robot", "name": "prod", "days": 1}).json()
        robot = (made["principal"]["name"], made["secret"])
        assert root.post("/grants", json={"holder": robot[0], "pattern": "**", "verbs": ["report"]}).is_success
        report = {
            "kind": "cluster",
            "run": "c" * 32,
            "running": 2,
            "all_since": 1,
            "current_at": "2026-11-30T12:00:00Z",
            "changed": [told(A, 1, "shop", DIGEST), told(B, 2, "bank", "")],
        }
        answer = running.client(robot).post("/nodes/prod/observations", json=report)
        assert answer.json() == {"new": 0, "unknown_containers": False}
        assert running.client(robot).get("/inventory").status_code == 403
        yield running


def told(id_: str, number: int, namespace: str, digest: str) -> dict[str, Any]:
    container = {
        "id": id_, "name": "app", "namespace": namespace, "pod": "web-1", "host": "node-7", "digest": digest,
        "image": f"registry.example/{namespace}/web:1", "started_at": "2026-11-30T11:00:00Z", "starter": "kubectl",
    }  # fmt: skip
    owner = {"kind": "Deployment", "name": "web"}
    return {"number": number, "container": container, "owner": owner, "labels": {"app": "web"}}


def test_it_is_asked_by_what_it_is(server: ApiServer) -> None:
    client = server.client(("root", TOKEN))

    def ids(query: dict[str, Any]) -> list[str]:
        return [one["container"]["id"] for one in client.get("/inventory", params=query).json()["runs"]]

    assert ids({}) == [A, B]
    assert ids({"namespace": "shop"}) == [A]
    assert ids({"standing": ["unidentified", "admitted"]}) == [B]
    assert ids({"repository": "bank/web"}) == [B]
    assert ids({"at": "2026-11-30T10:59:59Z"}) == []
    (one,) = client.get("/inventory", params={"digest": DIGEST}).json()["runs"]
    assert (one["standing"], one["owner"]["name"], one["since"]) == ("unknown", "web", "2026-11-30T11:00:00Z")
    page = client.get("/inventory", params={"limit": 1}).json()
    assert ids({"limit": 1, "after": page["after"]}) == [B]
    for query in ({"at": "yesterday"}, {"after": "x"}, {"standing": "fine"}, {"limit": 0}):
        assert client.get("/inventory", params=query).status_code in {400, 422}


def test_the_command_shows_it(server: ApiServer, tmp_path: Path) -> None:
    login, word = tmp_path / "login.json", b64encode(f"root:{TOKEN}".encode()).decode()
    login.write_text(json.dumps({"auths": {server.address.removeprefix("http://"): {"auth": word}}}))
    environment = {
        **os.environ,
        "TIDEGATE_HOME": str(tmp_path),
        "TIDEGATE_CLIENT_LOGIN_FILE": str(login),
        "COLUMNS": "250",
    }

    def said(*words: str) -> str:
        command = [sys.executable, "-m", "tidegate", "inventory", "--server", server.address, *words]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout

    found = json.loads(said("--format", "json", "--state", "unknown"))["runs"]
    assert [one["container"]["id"] for one in found] == [A]
    table = said("--format", "table", "--rogue")
    assert "unknown" in table
    assert "unidentified" in table
    assert "kubectl" in table
    assert "nothing is on record" in said("--format", "table", "--past")

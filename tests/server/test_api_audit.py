# SPDX-License-Identifier: Apache-2.0
"""The audit trail of a whole server: what everybody did, and that an accepted change is in it whatever happens next."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from access_material import PASSWORD, TOKEN
from api_server import ApiServer
from oci_material import image
from registry_client import push
from sqlalchemy import delete, update

from tidegate.identity import audit
from tidegate.storage.database import Database
from tidegate.storage.identity_schema import audit_entry, audit_head


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ApiServer]:
    with ApiServer(tmp_path, token=TOKEN) as running:
        yield running


def trail(root: httpx.Client, **wanted: str) -> list[dict[str, Any]]:
    """Entries, oldest first."""
    answer = root.get("/audit", params=wanted)
    assert answer.status_code == 200, answer.text
    return [record["entry"] for record in reversed(answer.json()["entries"])]


def test_who_did_what_and_why(server: ApiServer) -> None:
    root = server.client(("root", TOKEN))
    root.post("/principals", json={"kind": "user", "name": "anna", "password": PASSWORD})
    grant = root.post("/grants", json={"holder": "anna", "pattern": "team/**", "verbs": ["push", "pull"]}).json()["id"]
    anna = server.client(("anna", PASSWORD), base="")
    made = image()
    push(anna, "team/app", made, "v1")
    assert anna.get("/v2/team/app/tags/list").status_code == 200
    assert anna.get("/v2/other/app/manifests/v1").status_code == 403
    assert anna.delete("/v2/team/app/manifests/v1").status_code == 403
    assert anna.get("/token", params={"scope": "repository:team/app:pull"}).status_code == 200
    assert server.client(("anna", "not the password"), base="").get("/v2/").status_code == 401
    assert server.client(("anna", PASSWORD)).get("/audit").status_code == 403
    root.post("/grants", json={"holder": "anna", "pattern": "**", "verbs": ["audit"]})
    assert server.client(("anna", PASSWORD)).get("/audit").status_code == 200

    changes = [(e["verb"], e["target"], e["why"]) for e in trail(root, repository="team/app", outcome="changed")]
    assert ("push", "v1", grant) in changes
    assert len(changes) == 3  # two blobs and the manifest
    assert {e["who"] for e in trail(root, outcome="changed")} == {"root", "anna"}
    (listed,) = trail(root, repository="team/app", verb="list")
    assert (listed["outcome"], listed["kind"], listed["address"]) == ("allowed", "user", "127.0.0.1")
    denied = trail(root, outcome="denied")
    assert [(e["who"], e["verb"], e["repository"], e["status"]) for e in denied] == [
        ("anna", "pull", "other/app", 403),
        ("anna", "delete", "team/app", 403),
        ("anna", "get", "", 401),
        ("anna", "audit", "", 403),
    ]
    assert (denied[0]["why"], denied[2]["kind"]) == ("no grant allows it", "")
    (token,) = trail(root, verb="token")
    assert (token["who"], token["target"]) == ("anna", "repository:team/app:pull")
    whole = root.get("/audit?limit=1000").text
    for secret in (PASSWORD, TOKEN, "not the password"):
        assert secret not in whole
    assert root.get("/audit/verify").json()["broken_at"] is None
    assert root.get("/livez").status_code == 404  # of the API; the real one is in no trail
    assert "/livez" not in {e["target"] for e in trail(root, verb="get") if e["status"] == 200}


def test_a_change_that_was_accepted_is_on_record_after_a_kill(tmp_path: Path) -> None:
    made = image()
    with ApiServer(tmp_path, token=TOKEN) as first:
        with httpx.Client(base_url=first.address, auth=("ann", TOKEN), trust_env=False) as http:
            push(http, "team/app", made, "v1")
        first.process.kill()
        first.process.wait()
    with ApiServer(tmp_path, token=TOKEN) as second:
        root = second.client(("root", TOKEN))
        changes = trail(root, repository="team/app", outcome="changed")
        assert [(e["who"], e["target"]) for e in changes][-1] == ("ann", "v1")
        assert len(changes) == 3
        assert root.get("/audit/verify").json()["broken_at"] is None


def test_a_server_anchors_its_trail_and_the_command_sees_what_was_cut_off(tmp_path: Path) -> None:
    def verify() -> tuple[int, dict[str, Any]]:
        command = [sys.executable, "-m", "tidegate", "audit", "verify", "--format", "json"]
        environment = {**os.environ, "TIDEGATE_HOME": str(tmp_path)}
        ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)
        return ran.returncode, json.loads(ran.stdout)

    with ApiServer(tmp_path, token=TOKEN) as first:
        root = first.client(("root", TOKEN))
        for name in ("one", "two", "three"):
            assert root.post("/tenants", json={"name": name, "prefixes": [name]}).status_code == 201
    with ApiServer(tmp_path, token=TOKEN) as second:
        root, ends = second.client(("root", TOKEN)), time.monotonic() + 120
        while not (found := root.get("/audit/verify").json())["anchors"]:
            assert time.monotonic() < ends, found
        assert (found["problems"], found["anchored_entry"]) == ([], 3)
    assert verify()[0] == 0
    database = Database(f"sqlite:///{tmp_path / 'state.db'}")
    with database.begin() as connection:
        connection.execute(delete(audit_entry).where(audit_entry.c.sequence > 1))
        connection.execute(update(audit_head).values(next=2, hash=audit.hash_of(connection, 1)))
    database.close()
    status, found = verify()
    assert (status, found["broken_at"]) == (1, None)
    assert "its end was cut off" in found["problems"][0]

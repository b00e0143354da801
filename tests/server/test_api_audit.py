# SPDX-License-Identifier: Apache-2.0
"""The audit trail of a whole server: what everybody did, and that an accepted change is in it whatever happens next."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from access_material import PASSWORD, TOKEN
from api_server import ApiServer
from oci_material import image
from registry_client import push


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

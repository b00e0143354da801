# SPDX-License-Identifier: Apache-2.0
"""Passports of a whole server: each principal sees what they may see; exported, one verifies with no server."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from access_material import PASSWORD, TOKEN
from api_server import ApiServer
from oci_material import image
from registry_client import push

MADE = image()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    with ApiServer(tmp_path_factory.mktemp("passports"), token=TOKEN) as running:
        root = running.client(("root", TOKEN))
        for name in ("anna", "bob"):
            root.post("/principals", json={"kind": "user", "name": name, "password": PASSWORD})
        for holder, pattern in (("anna", "team/**"), ("bob", "other/**")):
            grant = {"holder": holder, "pattern": pattern, "verbs": ["push", "pull"]}
            assert root.post("/grants", json=grant).status_code == 201
        anna = running.client(("anna", PASSWORD), base="")
        push(anna, "team/app", MADE, "v1")
        push(running.client(("root", TOKEN), base=""), "hidden/app", MADE, "v1")
        assert root.get(f"/images/{MADE.digest}", params={"wait": 60}).json()["state"] in {"admitted", "rejected"}
        yield running


def _kinds(passport: Any) -> set[str]:
    return {entry["kind"] for entry in passport["entries"]}


def test_whoever_may_read_the_server_sees_all(server: ApiServer) -> None:
    root = server.client(("root", TOKEN))
    server.client(("anna", PASSWORD), base="").get("/v2/team/app/manifests/v1")
    found = root.get(f"/passports/{MADE.digest}").json()
    assert found["repositories"] == ["hidden/app", "team/app"]
    assert found["withheld"] == []
    assert {"pushed", "state", "decision"} <= _kinds(found)
    assert found["sound"]
    assert root.get("/passports", params={"name": "team/app:v1"}).json()["digest"] == MADE.digest
    pushed = [(entry["who"], entry["what"]) for entry in found["entries"] if entry["kind"] == "pushed"]
    assert ("anna", "to team/app") in pushed


def test_others_see_what_their_repositories_hold_and_nothing_of_the_rest(server: ApiServer) -> None:
    anna, bob = server.client(("anna", PASSWORD)), server.client(("bob", PASSWORD))
    answer = anna.get(f"/passports/{MADE.digest}")
    assert answer.status_code == 200
    found = answer.json()
    assert (found["repositories"], found["tags"]) == (["team/app"], ["team/app:v1"])
    assert "hidden" not in answer.text
    assert "consumers" in found["withheld"]
    assert not {"pull", "refusal", "workload"} & _kinds(found)
    there = [bob.get(f"/passports/{MADE.digest}"), bob.get("/passports", params={"name": "team/app:v1"})]
    absent = [bob.get(f"/passports/sha256:{'0' * 64}"), bob.get("/passports", params={"name": "team/app:v9"})]
    assert [one.status_code for one in (*there, *absent)] == [404, 404, 404, 404]
    for one, other in zip(there, absent, strict=True):
        assert one.json()["title"] == other.json()["title"], "what one may not see is as if it were not there"
    assert anna.get(f"/passports/{MADE.digest}/bundle").status_code == 403
    assert httpx.get(f"{server.address}/api/v1/passports/{MADE.digest}", trust_env=False).status_code == 401


def test_pages_go_on_where_the_one_before_ended(server: ApiServer) -> None:
    root = server.client(("root", TOKEN))
    for _ in range(20):  # until nothing was added meanwhile: owners are told on their own time
        whole = root.get(f"/passports/{MADE.digest}").json()
        paged: list[Any] = []
        while len(paged) < whole["total"]:
            page = root.get(f"/passports/{MADE.digest}", params={"skip": len(paged), "limit": 2}).json()
            assert page["skipped"] == len(paged)
            assert page["entries"]
            paged += page["entries"]
        if page["total"] == whole["total"]:
            break
    assert page["total"] == whole["total"]
    assert paged == whole["entries"]
    assert root.get(f"/passports/{MADE.digest}", params={"limit": 0}).status_code == 422
    assert root.get(f"/passports/{MADE.digest}", params={"skip": 10**6}).json()["entries"] == []


def test_the_page_of_a_passport_is_as_discreet(server: ApiServer) -> None:
    anna, bob = (server.client((name, PASSWORD), base="") for name in ("anna", "bob"))
    page = anna.get(f"/passports/{MADE.digest}")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert MADE.digest in page.text
    assert "hidden" not in page.text
    assert "<script" not in page.text
    assert bob.get(f"/passports/{MADE.digest}").status_code == 404
    assert anna.get("/passports/nonsense").status_code == 404
    assert anna.get(f"/passports/{MADE.digest}?skip=2").status_code == 200


def test_an_exported_one_is_verified_with_no_server(server: ApiServer, tmp_path: Path) -> None:
    root = server.client(("root", TOKEN))
    file, key, log = tmp_path / "app.passport", tmp_path / "key.pub", tmp_path / "log.key"
    file.write_bytes(root.get(f"/passports/{MADE.digest}/bundle").content)
    (own,) = (one for one in root.get("/keys").json()["keys"] if one["origin"] == "own")
    key.write_text(own["public_key"])
    log.write_text(root.get("/ledger/key").text)
    exported = tmp_path / "by-command.passport"
    assert _run(server.home, "passport", "export", MADE.digest, "-o", str(exported)).returncode == 0
    for one in (file, exported):
        done = _run(tmp_path, "passport", "verify", str(one), "--key", str(key), "--ledger-key", str(log), "-f", "json")
        assert done.returncode == 0, done.stdout + done.stderr
        report = json.loads(done.stdout)
        assert report["holds"]
        assert report["checkpoint"]["holds"] == "holds"
    file.write_bytes(file.read_bytes().replace(b'"state":"', b'"state":"un', 1))
    done = _run(tmp_path, "passport", "verify", str(file), "--key", str(key))
    assert done.returncode == 1
    assert "something in this file was changed" in done.stdout


def _run(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "TIDEGATE_HOME": str(home)}
    return subprocess.run(
        [sys.executable, "-m", "tidegate", *words],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

# SPDX-License-Identifier: Apache-2.0
"""A grant that one person asks for and another approves, each by command, and what it lets them do."""

import json
from pathlib import Path

from access_material import PASSWORD, TOKEN
from api_server import ApiServer
from desk import Desk


def _refused(desk: Desk, *words: str, said: str) -> None:
    done = desk.run(*words)
    assert (done.returncode, said in done.stderr) == (1, True), done.stderr


def _person(server: ApiServer, folder: Path, name: str) -> Desk:
    """Somebody at a desk of their own, logged in."""
    made = {"kind": "user", "name": name, "password": PASSWORD}
    assert server.client(("root", TOKEN)).post("/principals", json=made).status_code == 201
    (folder / name).mkdir()
    desk = Desk(folder / name, server.address)
    done = desk.run("login", "--username", name, typed=PASSWORD)
    assert done.returncode == 0, done.stderr
    return desk


def test_a_grant_for_a_time_from_asking_to_its_end(tmp_path: Path, server: ApiServer) -> None:
    ella, fred, gwen = (_person(server, tmp_path, name) for name in ("ella", "fred", "gwen"))
    root = server.client(("root", TOKEN))
    may = {"holder": "fred", "pattern": "sea/**", "verbs": ["approve"]}
    assert root.post("/grants", json=may).status_code == 201
    wish = ("grant", "ask", "sea/app", "push", "--hours", "2", "--why", "hotfix 712")
    asked = ella.run(*wish)
    assert asked.returncode == 0, asked.stderr
    number = asked.stdout.strip()
    assert f"tidegate grant approve {number[:12]} --server {server.address}" in asked.stderr
    upload = "/v2/sea/app/blobs/uploads/"
    with server.client(("ella", PASSWORD), base="") as registry:
        assert registry.post(upload).status_code == 403
        # Who may approve it finds it; who may not does neither see nor decide it, and nobody decides their own.
        assert [one["id"] for one in json.loads(fred.run("grant", "list", "--state", "requested").stdout)] == [number]
        assert json.loads(gwen.run("grant", "list").stdout) == []
        _refused(gwen, "grant", "approve", number, said="you may not decide over this grant")
        _refused(gwen, "grant", "end", number, said="you may not end this grant")
        _refused(ella, "grant", "approve", number, said="you may not decide over this grant")
        approved = fred.run("grant", "approve", number[:12], "--why", "seen the ticket")
        assert (approved.returncode, f"{number} is active" in approved.stderr) == (0, True), approved.stderr
        assert registry.post(upload).status_code == 202
        (held,) = json.loads(ella.run("grant", "list").stdout)
        assert (held["state"], held["decided_by"], held["lasts_seconds"]) == ("active", "fred", 7200)
        ended = ella.run("grant", "end", number[:12], "--why", "it is out")
        assert (ended.returncode, f"{number} is revoked" in ended.stderr) == (0, True), ended.stderr
        assert registry.post(upload).status_code == 403


def test_what_was_asked_for_is_withdrawn_and_what_one_gave_is_ended(tmp_path: Path, server: ApiServer) -> None:
    hans, iris = (_person(server, tmp_path, name) for name in ("hans", "iris"))
    may = {"holder": "iris", "pattern": "lake/**", "verbs": ["approve"]}
    assert server.client(("root", TOKEN)).post("/grants", json=may).status_code == 201
    wish = ("grant", "ask", "lake/app", "push", "pull", "--hours", "1", "--why", "a look")
    withdrawn, given = json.loads(hans.run(*wish, "--format", "json").stdout)["id"], hans.run(*wish).stdout.strip()
    assert hans.run("grant", "end", withdrawn).returncode == 0
    _refused(iris, "grant", "approve", withdrawn, said="the grant is revoked, not requested")
    assert iris.run("grant", "approve", given).returncode == 0
    assert iris.run("grant", "end", given, "--why", "a mistake").returncode == 0
    _refused(hans, "grant", "end", given, said="the grant is revoked, not active or requested")
    long = hans.run("grant", "ask", "lake/app", "push", "--hours", "9999", "--why", "for ever")
    assert (long.returncode, "identity.request_max_hours" in long.stderr) == (2, True), long.stderr

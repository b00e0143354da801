# SPDX-License-Identifier: Apache-2.0
"""What somebody does at a server by command, as far as they may: the server says so, not the command."""

import json
from pathlib import Path
from typing import Any

import pytest
from access_material import PASSWORD, TOKEN
from api_server import ApiServer
from desk import Desk


class Root:
    """An administrator at a desk of their own, and a shell on the machine of the server."""

    def __init__(self, desk: Desk, server: ApiServer, folder: Path) -> None:
        self._desk = desk
        self._shell = Desk(folder, "")
        self._shell.environment["TIDEGATE_HOME"] = str(server.home)
        assert desk.run("login", "--username", "root", typed=TOKEN).returncode == 0

    def does(self, *words: str, typed: str = "") -> str:
        """What a command says of what it did at the server."""
        done = self._desk.run(*words, typed=typed)
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    def sees(self, *words: str) -> Any:
        """What a command tells, once it is the same as what is told over the server's record."""
        told = self._desk.run(*words)  # off a terminal: JSON
        for form, there in (("table", self._desk.run(*words, "--format", "table")), ("json", told)):
            here = self._shell.run(*words, "--format", form)
            assert (here.returncode, here.stdout) == (0, there.stdout), there.stderr
        return json.loads(told.stdout)


@pytest.fixture
def root(tmp_path: Path, server: ApiServer, desk: Desk) -> Root:
    return Root(desk, server, tmp_path)


def _logged_in(desk: Desk) -> Desk:
    done = desk.run("login", "--username", "anna", typed=PASSWORD)
    assert done.returncode == 0, done.stderr
    return desk


def _refused(desk: Desk, *words: str, said: str) -> None:
    done = desk.run(*words)
    assert (done.returncode, said in done.stderr) == (1, True), done.stderr


def test_tags(desk: Desk) -> None:
    _refused(desk, "tag", "holds", said="tidegate login")
    assert _logged_in(desk).run("tag", "holds").returncode == 0
    _refused(desk, "tag", "freeze", "team/app:1", "--why", "mine", said="you may not administer here")


def test_subscriptions(desk: Desk) -> None:
    hook = ("subscription", "add", "https://hook.example/")
    _refused(_logged_in(desk), *hook, "--owner", "bert", said="you may not administer here")
    done = desk.run(*hook)
    assert (done.returncode, " of anna is active" in done.stderr) == (0, True), done.stderr
    assert desk.run("subscription", "list", "--format", "table").stdout.count("anna") == 1


def _ask(server: ApiServer, reason: str) -> str:
    wanted = {"pattern": "team/**", "verbs": ["push"], "hours": 2, "reason": reason}
    asked = server.client(("anna", PASSWORD)).post("/grants/requests", json=wanted)
    assert asked.status_code == 201, asked.text
    return str(asked.json()["id"])


def test_grants(root: Root, server: ApiServer) -> None:
    given = root.does("grant", "give", "group:ops", "team/**", "pull", "push", "--hours", "2", "--why", "on call")
    (one,) = root.sees("grant", "list", "--holder", "group:ops")
    assert given == f"tidegate: grant {one['id']} is active\n"
    assert (one["verbs"], one["lasts_seconds"], one["reason"]) == (["pull", "push"], 7200, "on call")
    first, second = _ask(server, "a release"), _ask(server, "a whim")
    assert {grant["id"] for grant in root.sees("grant", "list", "--state", "requested")} == {first, second}
    assert f"{first} is active" in root.does("grant", "approve", first[:12], "--why", "seen the ticket")
    assert f"{second} is refused" in root.does("grant", "refuse", second, "--why", "use the robot")
    assert f"{first} is revoked" in root.does("grant", "revoke", first[:12], "--why", "done")
    trail = server.client(("root", TOKEN)).get("/audit", params={"limit": 100}).json()["entries"]
    assert f"/grants/{first}/revoke" in str(trail)


def test_grants_of_others_are_not_for_everybody(desk: Desk, server: ApiServer) -> None:
    own = _ask(server, "more")
    _logged_in(desk)
    listed = json.loads(desk.run("grant", "list").stdout)
    assert {one["holder"] for one in listed} == {"anna"}
    _refused(desk, "grant", "give", "anna", "**", "administer", said="you may not administer here")
    _refused(desk, "grant", "approve", own, said="you may not decide over this grant")
    none = desk.run("grant", "approve", "0" * 31)
    assert (none.returncode, "no such grant" in none.stderr) == (2, True), none.stderr


def test_tenants(root: Root) -> None:
    assert "uses 0 bytes" in root.does("tenant", "add", "team-a", "team-a", "shared/team-a", "--gib", "2")
    root.does("tenant", "quota", "team-a", "--manifests", "7")
    assert "uses 0 bytes" in root.does("tenant", "recount", "team-a")
    (one,) = root.sees("tenant", "list")
    assert (one["prefixes"], one["quota"]) == (
        ["shared/team-a", "team-a"],
        {"bytes": 0, "repositories": 0, "manifests": 7},
    )
    root.does("tenant", "remove", "team-a")
    assert root.sees("tenant", "list") == []


def test_tenants_are_the_administrators(desk: Desk) -> None:
    _refused(_logged_in(desk), "tenant", "list", said="you may not administer here")


def test_principals(root: Root, server: ApiServer) -> None:
    robot = ("principal", "robot", "deploy", "--days", "3", "--group", "ops")
    secret, told = root.does(*robot).split("\n")[:2]
    assert (secret.startswith("tgr_"), "secret of robot$deploy, good for 3 days" in told) == (True, True)
    assert server.client(("robot$deploy", secret)).get("/me").json()["groups"] == ["ops"]
    other = root.does("principal", "renew", "robot$deploy").split("\n")[0]
    assert server.client(("robot$deploy", secret)).get("/me").status_code == 401
    assert server.client(("robot$deploy", other)).get("/me").status_code == 200
    root.does("principal", "disable", "robot$deploy")
    assert server.client(("robot$deploy", other)).get("/me").status_code == 401
    root.does("principal", "enable", "robot$deploy")
    root.does("principal", "user", "carl", "--group", "devs", typed=PASSWORD + "\n")
    assert "carl is in no group" in root.does("principal", "groups", "carl")
    assert [one["name"] for one in root.sees("principal", "list")] == ["anna", "carl", "robot$deploy"]
    for name in ("carl", "robot$deploy"):
        root.does("principal", "remove", name)
    assert [one["name"] for one in root.sees("principal", "list")] == ["anna"]


def test_ones_own_password_and_no_other(desk: Desk, root: Root) -> None:
    root.does("principal", "user", "dora", typed=PASSWORD + "\n")
    assert desk.run("login", "--username", "dora", typed=PASSWORD).returncode == 0
    other = desk.run("principal", "password", "anna", typed=PASSWORD + "2")
    assert (other.returncode, "you may not administer principals" in other.stderr) == (1, True), other.stderr
    _refused(desk, "principal", "list", said="you may not administer here")
    short = desk.run("principal", "password", "dora", typed="short")
    assert (short.returncode, "too short" in short.stderr) == (2, True), short.stderr
    own = desk.run("principal", "password", "dora", typed=PASSWORD + "2")
    assert (own.returncode, "tokens of the old one are void" in own.stderr) == (0, True), own.stderr
    _refused(desk, "whoami", said="tidegate login")
    assert desk.run("login", "--username", "dora", typed=PASSWORD + "2").returncode == 0

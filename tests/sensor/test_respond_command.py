# SPDX-License-Identifier: Apache-2.0
"""`tidegate incident` and `tidegate respond` as people use them: a real server, a real sensor, a real container."""

import json
from pathlib import Path
from typing import Any

import pytest
from node import RULES, Podman
from post import Post
from test_responding import is_frozen, pid_of

pytestmark = [pytest.mark.tools, pytest.mark.timeout(1200)]


def test_from_an_alarm_to_its_end(podman: Podman, tmp_path: Path) -> None:
    with Post(tmp_path) as post:
        sensor = post.sensor(RULES)
        try:
            podman.start(name="programs-shop")
            post.wait_for_container("programs-shop")
            podman.execute("programs-shop", "cp /bin/true /tmp/x; /tmp/x")
            post.wait_for(lambda: told(post, "anna", "incident", "list")["incidents"])
            _follow(podman, post)
        finally:
            assert sensor.end() == 0
            podman.call("rm", "-f", "-t", "0", "programs-shop", check=False)


def told(post: Post, who: str, *words: str, status: int = 0) -> Any:
    ran = post.command(who, *words)
    assert ran.returncode == status, (ran.stdout, ran.stderr)
    return json.loads(ran.stdout)


def _follow(podman: Podman, post: Post) -> None:
    (incident,) = told(post, "anna", "incident", "list")["incidents"]
    name, to_it = incident["id"], ("--incident", incident["id"], "--why", "INC-77")
    assert (incident["workload"], incident["seen"]["path"]) == ("programs-shop", "/tmp/x")

    frozen = told(post, "anna", "respond", "ask", *to_it, "--step", "freeze", "--wait", "120")["responses"][0]
    assert (frozen["state"], frozen["asked_by"], frozen["incident"]) == ("done", "anna", name)
    assert is_frozen(podman, "programs-shop")
    back = told(post, "bob", "respond", "undo", frozen["id"], "--why", "go on", "--wait", "120")
    assert (back["state"], back["undoes"]) == ("done", frozen["id"])
    assert not is_frozen(podman, "programs-shop")

    ran = post.command("anna", "respond", "ask", "programs-shop", "--step", "kill", "--why", "INC-77")
    (kill,) = json.loads(ran.stdout)["responses"]
    assert (ran.returncode, kill["state"]) == (0, "asked")
    assert f"tidegate respond approve {kill['id']}" in ran.stderr
    assert told(post, "bob", "respond", "list", "--state", "asked")["responses"] == [kill]
    ran = post.command("anna", "respond", "approve", kill["id"])
    assert (ran.returncode, "ask somebody else" in ran.stderr) == (1, True), ran.stderr
    assert post.command("bob", "respond", "refuse", kill["id"], "--why", "not yet").returncode == 0
    assert told(post, "anna", "respond", "show", kill["id"])["outcome"] == "by bob: not yet"

    (kill,) = told(post, "anna", "respond", "ask", "programs-shop", "--step", "kill", "--why", "INC-77")["responses"]
    pid = pid_of(podman, "programs-shop")
    done = told(post, "bob", "respond", "approve", kill["id"], "--wait", "120")
    assert (done["state"], done["approved_by"]) == ("done", "bob")
    assert not Path(f"/proc/{pid}").exists()
    page = post.command("anna", "respond", "show", kill["id"], "--format", "table").stdout
    assert "kill  programs-shop on node-1" in page
    assert "by bob" in page

    page = post.command("anna", "incident", "show", name, "--format", "table").stdout
    assert "2 responses" in page
    assert f"tidegate incident close {name}" in page
    assert post.command("anna", "incident", "close", name, "--why", "a test of ours").returncode == 0
    assert told(post, "anna", "incident", "list")["incidents"] == []
    (closed,) = told(post, "anna", "incident", "list", "--state", "closed")["incidents"]
    assert (closed["closed_by"], closed["why"]) == ("anna", "a test of ours")
    wrong = post.command("anna", "respond", "ask", "nothing", "--step", "freeze", "--why", "x")
    assert (wrong.returncode, "no such container runs" in wrong.stderr) == (2, True), wrong.stderr
    assert post.command("anna", "respond", "undo", kill["id"], "--why", "x").returncode == 1

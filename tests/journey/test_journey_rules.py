# SPDX-License-Identifier: Apache-2.0
"""Rules set at one replica hold at the other within seconds, with no file and no shell there; who and why is told."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import httpx
import pytest
from whole_server import WholeServer, as_json, python_image, run_tidegate

from postgres_server import start_postgres

pytestmark = pytest.mark.tools
PASSWORD = "a long enough password"
HEAD = "apiVersion: tidegate.dev/v1\nkind: {}\nmetadata: {{name: x}}\nspec:\n"
IMMUTABLE = HEAD.format("ImmutableTags") + "  rules:\n    - {name: releases, tags: ['1.*']}\n"
RETENTION = HEAD.format("Retention") + "  delete:\n    - {name: builds, tags: ['pr-*'], newest: 1}\n"
UPSTREAM = '[upstream.quay]\nsource = "quay.io"\nunder = "quay"\nrepositories = ["team/*"]\n'
SECONDS = 120.0


def until(holds: Callable[[], Any], what: str) -> None:
    end = monotonic() + SECONDS
    while not holds():
        assert monotonic() < end, what
        sleep(0.1)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """What replicas are told: one database, one folder of blobs, the same keys."""
    folder = tmp_path_factory.mktemp("shared")
    signing = ("signing_key_file", "signing_ledger_key_file", "signing_encryption_key_file", "signing_webhook_key_file")
    keys = (*signing, "identity_token_key_file")
    with start_postgres() as url:
        yield {
            "TIDEGATE_DATABASE_URL": url,
            "TIDEGATE_STORAGE_BLOBS_FOLDER": str(folder / "blobs"),
            **{f"TIDEGATE_{name.upper()}": str(folder / f"{name}.pem") for name in keys},
        }


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory, shared: dict[str, str]) -> Iterator[tuple[WholeServer, WholeServer]]:
    folder = tmp_path_factory.mktemp("replicas")
    with WholeServer(folder / "one", environment=shared) as one, WholeServer(folder / "two", environment=shared) as two:
        yield one, two


def change(server: WholeServer, method: str, path: str, text: str = "", **headers: str) -> httpx.Response:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return server.http.request(method, f"/api/v1{path}", content=text, headers=sent, params={"why": "as agreed"})


def test_an_immutable_tag_at_the_other_replica(pair: tuple[WholeServer, WholeServer], tmp_path: Path) -> None:
    one, two = pair
    for number in (1, 2):
        python_image(tmp_path / f"v{number}", "app", {"h11": f"0.1{number}.0"})
    two.push(tmp_path / "v1", "app", "team/app:1.0")
    new = {"If_None_Match": "*"}
    made = change(one, "PUT", "/retention/rules/house", IMMUTABLE, **new)
    assert (made.status_code, made.headers["etag"]) == (200, f'"{made.json()["version"]}"'), made.text
    assert change(one, "PUT", "/retention/rules/house", IMMUTABLE, **new).status_code == 412
    assert change(one, "PUT", "/retention/rules/house", IMMUTABLE).status_code == 400  # over which version?
    until(
        lambda: two.api("/retention/rules")["sets"] and _is_held(two, tmp_path, "team/app:1.0"),
        "the other replica does not hold the tag",
    )
    told = [event for event in two.events() if event["type"] == "dev.tidegate.curation.rules.set"]
    assert (told[0]["subject"], told[0]["data"]["why"]) == ("rules/keeping/house", "as agreed")
    trail = one.http.get("/api/v1/audit", params={"limit": 50}).json()
    assert any("/retention/rules/house" in str(entry) and "changed" in str(entry) for entry in trail["entries"]), trail
    assert change(two, "DELETE", "/retention/rules/house", If_Match='"999999"').status_code == 412
    assert change(two, "DELETE", "/retention/rules/house", If_Match=made.headers["etag"]).status_code == 200
    until(lambda: not _is_held(one, tmp_path, "team/app:1.0"), "the tag is held after the rule went")


def _is_held(server: WholeServer, folder: Path, name: str) -> bool:
    """One of two images cannot be put there: whichever the tag points to, the other would move it."""
    return any(_refused(server, folder / layout, name) for layout in ("v1", "v2"))


def test_an_upstream_at_the_other_replica(pair: tuple[WholeServer, WholeServer]) -> None:
    one, two = pair
    wrong = change(one, "PUT", "/intake/rules/quay", UPSTREAM + "surprise = 1\n", If_None_Match="*")
    assert (wrong.status_code, "surprise" in wrong.text) == (422, True)
    opened = change(one, "PUT", "/intake/rules/quay", UPSTREAM + 'addresses = ["10.0.0.0/8"]\n', If_None_Match="*")
    assert (opened.status_code, "rules_may_open" in opened.text) == (422, True)
    assert change(one, "PUT", "/intake/rules/quay", UPSTREAM, If_None_Match="*").status_code == 200
    until(lambda: [up["name"] for up in two.api("/intake/upstreams")] == ["quay"], "no upstream at the other replica")
    # What nobody may take from there is told at once, and nobody can push under it.
    refused = two.http.get("/v2/quay/other/app/manifests/1")
    assert (refused.status_code, "not among the repositories" in refused.text) == (403, True), refused.text


def test_what_would_be_before_it_is(pair: tuple[WholeServer, WholeServer], tmp_path: Path) -> None:
    one, _ = pair
    for number in (1, 2):
        python_image(tmp_path / f"b{number}", "app", {"h11": f"0.2{number}.0"})
        one.push(tmp_path / f"b{number}", "app", f"team/builds:pr-{number}")
    plan = change(one, "POST", "/retention/rules/house/plan", RETENTION)
    assert [going["tags"] for going in plan.json()["going"]] == [["pr-1"]], plan.text
    assert one.api("/retention/rules")["sets"] == []
    assert one.api("/retention")["rules"]["delete"] == []


def test_the_command_manages_them_elsewhere(pair: tuple[WholeServer, WholeServer], tmp_path: Path) -> None:
    one, _ = pair
    there = ("--server", one.address)
    file = tmp_path / "keeping.yaml"
    file.write_text(RETENTION)
    dry = run_tidegate(tmp_path, "retention", "rule", "set", "house", str(file), "--dry-run", *there)
    assert (dry.returncode, "pr-1" in dry.stdout) == (0, True), dry.stderr
    done = run_tidegate(tmp_path, "retention", "rule", "set", "house", str(file), "--why", "tidy", *there)
    assert (done.returncode, "in force" in done.stderr) == (0, True), done.stderr
    listed = as_json(run_tidegate(tmp_path, "retention", "rule", "list", "--format", "json", *there).stdout)
    assert [(one_["name"], one_["rules"], one_["why"]) for one_ in listed["sets"]] == [
        ("house", ["Retention builds"], "tidy")
    ]
    shown = run_tidegate(tmp_path, "retention", "rule", "show", "house", *there)
    assert shown.stdout == RETENTION
    stale = run_tidegate(
        tmp_path, "retention", "rule", "set", "house", str(file), "--why", "x", "--if-version", "1", *there
    )
    assert (stale.returncode, "changed meanwhile" in stale.stderr) == (1, True), stale.stderr
    file.write_text(RETENTION + "    - {name: x}\n")
    wrong = run_tidegate(tmp_path, "retention", "rule", "set", "house", str(file), "--why", "x", *there)
    assert (wrong.returncode, "speaks of no tag" in wrong.stderr) == (2, True), wrong.stderr
    assert run_tidegate(tmp_path, "retention", "rule", "remove", "house", "--why", "done", *there).returncode == 0
    assert run_tidegate(tmp_path, "retention", "rule", "show", "house", *there).returncode == 2


def test_who_may_govern_needs_no_more(pair: tuple[WholeServer, WholeServer], shared: dict[str, str]) -> None:
    one, two = pair
    for name, verb in (("gov", "govern"), ("dev", "list")):
        _locally(one.home, shared, "principal", "user", name, typed=PASSWORD)
        _locally(one.home, shared, "grant", "give", name, "**", verb)
    path = f"http://{one.address}/api/v1/retention/rules/own"
    sent: dict[str, Any] = {"params": {"why": "w"}, "headers": {"If-None-Match": "*"}, "content": IMMUTABLE}
    until(lambda: httpx.put(path, auth=("dev", PASSWORD), **sent).status_code == 403, "who may only look sets rules")
    assert httpx.put(path, auth=("gov", PASSWORD), **sent).status_code == 200
    assert httpx.get(f"http://{two.address}/api/v1/retention/rules", auth=("dev", PASSWORD)).status_code == 200
    assert httpx.get(f"http://{two.address}/api/v1/principals", auth=("gov", PASSWORD)).status_code == 403


def test_who_looks_around_at_one_and_logs_in_at_the_other_is_seen(pair: tuple[WholeServer, WholeServer]) -> None:
    one, two = pair
    with httpx.Client(base_url=f"http://{one.address}") as stranger:
        until(lambda: stranger.get("/v2/secret/app/tags/list").status_code == 401, "principals are asked for")
        for number in range(25):
            stranger.get(f"/v2/secret/app-{number}/tags/list")

    def told() -> bool:
        names = [f"guess{int(monotonic() * 1000)}-{number}" for number in range(2)]
        for name in names:  # each another one, or the throttle answers instead
            httpx.get(f"http://{two.address}/v2/", auth=(name, "wrong"))
        found = httpx.get(f"http://{two.address}/api/v1/events", auth=("dev", PASSWORD), params={"limit": 1000})
        return "curation.recon.detected" in found.text

    until(told, "nobody connected what two replicas saw")


def _locally(home: Path, shared: dict[str, str], *words: str, typed: str = "") -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tidegate", *words],
        env={**os.environ, **shared, "TIDEGATE_HOME": str(home)},
        input=typed,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def _refused(server: WholeServer, layout: Path, name: str) -> bool:
    done = subprocess.run(
        ["skopeo", "copy", "--dest-tls-verify=false", f"oci:{layout}:app", f"docker://{server.address}/{name}"],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 0:
        return False
    assert "immutable" in done.stderr, done.stderr
    return True

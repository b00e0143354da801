# SPDX-License-Identifier: Apache-2.0
"""Commands that ask a server elsewhere do and tell what they do and tell over its record."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from whole_server import WholeServer, as_json, python_image, run_tidegate

RULES = """
apiVersion: tidegate.dev/v1
kind: ImmutableTags
metadata: {name: releases}
spec:
  rules:
    - {name: released, repositories: ["team/**"], tags: ["@release"]}
---
apiVersion: tidegate.dev/v1
kind: Retention
metadata: {name: house}
spec:
  delete:
    - {name: few, repositories: ["builds/*"], tags: ["pr-*"], newest: 1}
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WholeServer]:
    folder = tmp_path_factory.mktemp("elsewhere")
    (folder / "keeping.yaml").write_text(RULES)
    environment = {
        "TIDEGATE_CURATION_KEEPING_FILES": str(folder / "keeping.yaml"),
        "TIDEGATE_CURATION_RETENTION_EVERY_S": "0",
        "TIDEGATE_CURATION_GC_GRACE_S": "0",
        "TIDEGATE_CURATION_GC_EVERY_S": "0",
        "TIDEGATE_CURATION_SCRUB_EVERY_S": "0",
    }
    with WholeServer(folder / "home", environment=environment) as running:
        yield running


class Elsewhere:
    """A command whose own folder is empty, and asks the server."""

    def __init__(self, folder: Path, server: WholeServer) -> None:
        self._folder = folder
        self._server = server

    def __call__(self, *words: str, status: int = 0) -> "subprocess.CompletedProcess[str]":
        ran = run_tidegate(self._folder, *words, "--server", self._server.address)
        assert ran.returncode == status, ran.stderr
        return ran

    def same(self, *words: str) -> Any:
        """What it tells, once it is the same as what is told over the server's record."""
        config = self._folder / "same.toml"
        config.write_text(f'[curation]\nkeeping_files = ["{self._server.home.parent / "keeping.yaml"}"]\n')
        told = self(*words).stdout  # off a terminal: JSON
        for form, there in (("table", self(*words, "--format", "table").stdout), ("json", told)):
            here = run_tidegate(self._server.home, "--config", str(config), *words, "--format", form)
            assert (here.returncode, here.stdout) == (0, there), here.stderr
            assert there
        return as_json(told)


@pytest.fixture
def there(server: WholeServer, tmp_path: Path) -> Elsewhere:
    return Elsewhere(tmp_path, server)


def test_tags(server: WholeServer, there: Elsewhere, tmp_path: Path) -> None:
    for tag in ("one", "two"):
        python_image(tmp_path / "images", tag, {"h11": "0.14.0"})
    server.push(tmp_path / "images", "one", "team/app:1.0")
    assert "frozen" in there("tag", "freeze", "team/app:1.0", "--why", "audit").stderr
    assert "was frozen before" in there("tag", "freeze", "team/app:1.0", "--why", "audit").stderr
    held = there("tag", "unfreeze", "team/app:1.0", "--why", "over").stderr
    assert "immutable by rule released" in held
    assert "is not frozen" in there("tag", "unfreeze", "team/app:1.0", "--why", "over", status=2).stderr
    override = ("tag", "override", "team/app:1.0", "--why", "wrong branch", "--minutes", "5")
    assert "once until" in there(*override).stderr
    server.push(tmp_path / "images", "two", "team/app:1.0")
    there("tag", "freeze", "team/app:1.0", "--why", "again")
    told = there.same("tag", "holds")
    assert [rule["name"] for rule in told["rules"]] == ["released"]
    assert [(one["tag"], one["why"]) for one in told["freezes"]] == [("1.0", "again")]
    assert [one["used_at"] is not None for one in told["overrides"]] == [True]
    moves = there.same("tag", "history", "team/app:1.0")
    assert len(moves) == 2
    assert moves == there.same("tag", "history", "team/app")
    assert "no such tag" in there("tag", "freeze", "team/app:9", "--why", "x", status=2).stderr


def test_subscriptions(there: Elsewhere) -> None:
    made = there("subscription", "add", "https://hook.example/", "--component", "pkg:pypi/h11")
    assert made.stdout.startswith("whsec_")
    (told,) = there.same("subscription", "list")["subscriptions"]
    assert f"subscription {told['id']} of {told['owner']} is active" in made.stderr
    assert "no such subscription" in there("subscription", "remove", "0", status=2).stderr


def test_what_is_kept(server: WholeServer, there: Elsewhere, tmp_path: Path) -> None:
    for tag in ("pr-1", "pr-2"):
        python_image(tmp_path / "images", tag, {"h11": "0.14.0"})
        server.push(tmp_path / "images", tag, f"builds/app:{tag}")
    (going,) = _going(there("retention", "plan"))
    assert going["rule"] == "few"
    assert "would go: 1 digests" in there("retention", "plan", "--format", "table").stdout
    other = tmp_path / "other.yaml"
    other.write_text(RULES.replace("newest: 1", "newest: 9"))
    assert _going(there("retention", "plan", str(other))) == []
    other.write_text(RULES.replace("newest", "newst"))
    assert "other.yaml:14:" in there("retention", "plan", str(other), status=2).stderr
    other.write_text(RULES.partition("---")[0])
    assert "no rule deletes anything" in there("retention", "plan", str(other)).stderr
    done = as_json(there("retention", "run").stdout)
    assert [(one["digest"], one["tags"]) for one in done["gone"]] == [(going["digest"], going["tags"])]
    assert server.api("/retention")["runs"][0]["who"] == "anonymous"
    assert _going(there("retention", "plan")) == []
    assert there.same("gc", "--status")["due"] > 0
    assert as_json(there("gc").stdout)["removed"] > 0
    assert "removed 0 blobs" in there("gc", "--format", "table").stdout
    assert [run["who"] for run in server.api("/gc")["runs"]] == ["anonymous", "anonymous"]
    assert there.same("gc", "--status") == {"due": 0, "removals": 0}
    scrubbed = as_json(there("scrub").stdout)
    assert (scrubbed["run"]["finished"], scrubbed["lost"]) == (True, {})
    assert there.same("scrub", "--status")["position"] == scrubbed["position"]


def _going(ran: "subprocess.CompletedProcess[str]") -> Any:
    return as_json(ran.stdout)["going"]

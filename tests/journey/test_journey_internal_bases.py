# SPDX-License-Identifier: Apache-2.0
"""Internal bases follow a real upstream: history, deprecation with a pointer, and who is told."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from whole_server import WholeServer

from docker_registry import DockerRegistry, intake_file
from tidegate.oci.layer_builder import BuiltLayer, LayerBuilder
from tidegate.oci.write import write_image


def layer(name: str) -> BuiltLayer:
    return LayerBuilder().file(f"opt/{name}", name).build()


def image(folder: Path, tag: str, *names: str) -> str:
    """An image of one layer a name, the lowest first."""
    return str(write_image(folder, tag, [layer(name) for name in names], {"User": "10001"}).digest)


@pytest.fixture
def upstream(tmp_path: Path) -> Iterator[DockerRegistry]:
    with DockerRegistry(tmp_path / "upstream") as running:
        yield running


def serving(tmp_path: Path, upstream: DockerRegistry, base: str) -> WholeServer:
    file = intake_file(tmp_path, upstream.host)
    file.write_text(f"{file.read_text()}\n[base.python]\nsource = '{upstream.host}/official/python:3'\n{base}")
    environment = {"TIDEGATE_INTAKE_FILE": str(file), "TIDEGATE_INTAKE_WATCH_EVERY_S": "1"}
    return WholeServer(tmp_path / "home", environment=environment)


def tags(server: WholeServer, repository: str) -> list[str]:
    return list(server.http.get(f"/v2/{repository}/tags/list").json()["tags"])


def digest_of(server: WholeServer, name: str, tag: str) -> str:
    return str(server.http.get(f"/v2/{name}/manifests/{tag}").headers["docker-content-digest"])


def admitted(server: WholeServer, digest: str) -> None:
    assert server.verdict(digest)["state"] == "admitted"


def test_a_base_follows_its_upstream_and_who_built_upon_it_is_told(tmp_path: Path, upstream: DockerRegistry) -> None:
    image(tmp_path, "one", "python-3.12.1")
    first = upstream.push(tmp_path, "one", "official/python:3")
    with serving(tmp_path, upstream, "repository = 'bases/python'\nowner = 'platform'\n") as server:
        server.wait_for_event("curation.image.admitted")
        wait_for_base(server, 1)
        app = image(tmp_path, "app", "python-3.12.1", "our-app")
        other = image(tmp_path, "other", "something-else")
        server.push(tmp_path, "app", "team/app:1")
        server.push(tmp_path, "other", "team/other:1")
        admitted(server, app)
        admitted(server, other)
        image(tmp_path, "two", "python-3.12.2")
        second = upstream.push(tmp_path, "two", "official/python:3")
        moved: dict[str, Any] = server.wait_for_event("curation.base.moved")["data"]
        assert moved["before"] == first
        assert moved["after"].endswith(f"@{second}")
        assert [one["digest"] for one in moved["images"]] == [app]
        assert moved["images"][0]["repositories"] == ["team/app"]
        assert moved["owner"] == "platform"
        assert moved["owners"] == ["anonymous"]
        assert digest_of(server, "bases/python", "3") == second
        day_tags = sorted(tag for tag in tags(server, "bases/python") if tag != "3")
        assert len(day_tags) == 2
        assert [digest_of(server, "bases/python", tag) for tag in day_tags] == [first, second]
        old = server.api(f"/images/{first}")
        assert old["state"] == "deprecated"
        assert moved["after"] in str(server.api(f"/passports/{first}"))
        known = server.api("/intake/bases")
        assert [(one["name"], [version["state"] for version in one["versions"]]) for one in known] == [
            ("python", ["current", "replaced"])
        ]
        upon = server.api(f"/intake/bases/{known[0]['name']}/built-upon", number=1)
        assert [one["digest"] for one in upon] == [app]
        assert server.api("/intake/bases/python/built-upon", number=2) == []
        # The upstream goes back: the old version is the current one again, under a tag of its own.
        upstream.push(tmp_path, "one", "official/python:3")
        wait_for_base(server, 3)
        assert digest_of(server, "bases/python", "3") == first
        assert server.api(f"/images/{first}")["state"] == "admitted"
        assert server.api(f"/images/{second}")["state"] == "deprecated"


def wait_for_base(server: WholeServer, number: int) -> None:
    """Returns when the base has so many versions."""
    after = 0
    while True:
        found = server.api("/intake/bases")
        if found and found[0]["versions"] and found[0]["versions"][0]["number"] >= number:
            return
        page = server.api("/events", after=after, wait=5)
        after = page["next"]


def test_a_base_that_is_built_outside_is_asked_for_and_checked(tmp_path: Path, upstream: DockerRegistry) -> None:
    image(tmp_path, "one", "python-3.12.1")
    first = upstream.push(tmp_path, "one", "official/python:3")
    with serving(tmp_path, upstream, "repository = 'bases/python'\ntag = 'ours'\nbuilt = true\n") as server:
        wanted: dict[str, Any] = server.wait_for_event("curation.base.build_wanted")["data"]
        assert wanted["from"] == f"bases/python@{first}"
        push_to = wanted["push_to"]
        assert push_to.startswith("bases/python:ours-")
        false = image(tmp_path, "false", "not-python", "hardened")
        server.push(tmp_path, "false", push_to)
        admitted(server, false)
        assert "ours" not in tags(server, "bases/python"), "it is not built upon what was asked for"
        built = image(tmp_path, "built", "python-3.12.1", "hardened")
        server.push(tmp_path, "built", push_to)
        admitted(server, built)
        after = 0
        while "ours" not in tags(server, "bases/python"):
            after = server.api("/events", after=after, wait=5)["next"]
        assert digest_of(server, "bases/python", "ours") == built
        assert [version["digest"] for version in server.api("/intake/bases")[0]["versions"]] == [built]

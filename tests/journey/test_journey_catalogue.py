# SPDX-License-Identifier: Apache-2.0
"""The catalogue of a whole server, by API, command and page: what there is, how good it is, how to use it."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from whole_server import WholeServer, as_json, python_image, run_tidegate

from tidegate.artifact import Descriptor, Platform
from tidegate.oci.layer_builder import LayerBuilder
from tidegate.oci.write import write_image, write_index

HOSTILE = '"><script>alert(1)</script>'
LABELS = {
    "org.opencontainers.image.title": "Price engine",
    "org.opencontainers.image.description": f"Counts prices {HOSTILE}",
    "org.opencontainers.image.source": "javascript:alert(1)",
    "tidegate.dev/owner": "team-prices",
}


def _child(layout: Path, architecture: str) -> Descriptor:
    layer = LayerBuilder().file("arch", architecture).build()
    return write_image(layout, None, [layer], {"User": "1"}, platform=Platform(os="linux", architecture=architecture))


@pytest.fixture(scope="module")
def stocked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[WholeServer, dict[str, str]]]:
    """A server with a good image in two versions, an index, a rejected and a deprecated one."""
    folder = tmp_path_factory.mktemp("stocked")
    owners = {"TIDEGATE_CURATION_OWNERS": "base/*=platform@example.com"}
    with WholeServer(folder / "home", environment=owners) as server:
        made = {
            "old": python_image(folder / "a", "old", {"h11": "0.13.0"}, Labels=LABELS),
            "new": python_image(folder / "a", "new", {"h11": "0.14.0"}, Labels=LABELS),
            "bad": python_image(folder / "a", "bad", {"apache-airflow": "1.10.10"}),
            "both": str(
                write_index(folder / "b", "both", [_child(folder / "b", a) for a in ("amd64", "arm64")]).digest
            ),
        }
        for tag, name in (("old", "shop/prices:1"), ("new", "shop/prices:2"), ("bad", "shop/airflow:1")):
            server.push(folder / "a", tag, name)
        server.push(folder / "b", "both", "base/tool:1")
        for digest in made.values():
            server.verdict(digest)
        gone = {"reason": "old", "replacement": "shop/prices:2"}
        assert server.http.post(f"/api/v1/images/{made['old']}/deprecate", json=gone).status_code == 200
        yield server, made


def _names(found: Any) -> list[str]:
    return [entry["repository"] for entry in found["entries"]]


def test_searching_and_filters(stocked: tuple[WholeServer, dict[str, str]]) -> None:
    server, made = stocked
    everything = server.api("/catalogue")
    assert _names(everything) == ["base/tool", "shop/airflow", "shop/prices"]
    prices = everything["entries"][2]
    assert (prices["newest"]["tag"], prices["newest"]["digest"], prices["versions"]) == ("2", made["new"], 2)
    assert (prices["owner"], prices["newest"]["title"]) == ("team-prices", "Price engine")
    assert prices["newest"]["severities"] == {"critical": 0, "high": 0, "medium": 0, "low": 0}
    assert prices["use"]["build"] == f"FROM {server.address}/shop/prices:2@{made['new']}"
    assert everything["entries"][1]["newest"] is None
    tool = everything["entries"][0]
    assert (tool["owner"], tool["newest"]["platforms"]) == ("platform@example.com", ["linux/amd64", "linux/arm64"])
    for query, names in (
        ({"q": "PRICE engine"}, ["shop/prices"]),
        ({"q": "shop"}, ["shop/airflow", "shop/prices"]),
        ({"q": "100%"}, []),
        ({"state": "deprecated"}, ["shop/prices"]),
        ({"state": "rejected"}, ["shop/airflow"]),
        ({"owner": "platform"}, ["base/tool"]),
        ({"platform": "linux/arm64"}, ["base/tool"]),
        ({"max_critical": 0}, ["base/tool", "shop/prices"]),
    ):
        assert _names(server.api("/catalogue", **query)) == names, query
    first = server.api("/catalogue", limit=2)
    assert first["next"] == "shop/airflow"
    assert _names(server.api("/catalogue", limit=2, after=first["next"])) == ["shop/prices"]


def test_all_versions_of_a_repository(stocked: tuple[WholeServer, dict[str, str]]) -> None:
    server, made = stocked
    versions = server.api("/catalogue/shop/prices")["versions"]
    assert [(one["tag"], one["state"]) for one in versions] == [("2", "admitted"), ("1", "deprecated")]
    assert versions[1]["notice"] == "old; use shop/prices:2"
    assert versions[0]["use"]["pinned"] == f"podman pull {server.address}/shop/prices@{made['new']}"
    assert server.http.get("/api/v1/catalogue/no/such").status_code == 404


def test_the_lines_work_as_they_are(stocked: tuple[WholeServer, dict[str, str]]) -> None:
    server, made = stocked
    line = server.api("/catalogue/shop/prices")["versions"][0]["use"]["pinned"].split()
    inspected = subprocess.run(
        ["skopeo", "inspect", "--tls-verify=false", f"docker://{line[-1]}"], capture_output=True, text=True, check=False
    )
    assert made["new"] in inspected.stdout, inspected.stderr


def test_the_command_shows_the_same(stocked: tuple[WholeServer, dict[str, str]]) -> None:
    server, made = stocked
    listed = run_tidegate(server.home, "vend", "list", "--format", "json")
    assert _names(as_json(listed.stdout)) == ["base/tool", "shop/airflow", "shop/prices"]
    found = run_tidegate(server.home, "vend", "search", "price", "engine")
    assert found.returncode == 0, found.stderr
    assert "shop/prices" in found.stdout
    assert run_tidegate(server.home, "vend", "search", "nothing-like-it").returncode == 1
    shown = run_tidegate(server.home, "vend", "show", "shop/prices", "--format", "table")
    assert f"@{made['new']}" in shown.stdout
    assert "deprecated" in shown.stdout
    assert run_tidegate(server.home, "vend", "show", "no/such").returncode == 2


def test_the_command_asks_a_server_elsewhere(stocked: tuple[WholeServer, dict[str, str]], tmp_path: Path) -> None:
    server, made = stocked
    there = ("--server", server.address)  # the folder here is empty
    asked: list[tuple[tuple[str, ...], dict[str, str]]] = [
        (("list",), {}),
        (("search", "price", "engine"), {"q": "price engine"}),
        (("list", "--state", "deprecated"), {"state": "deprecated"}),
    ]
    for words, query in asked:
        told = as_json(run_tidegate(tmp_path, "vend", *words, *there).stdout)["entries"]
        assert told == [_without_use(one) for one in server.api("/catalogue", **query)["entries"]], words
        assert told
    told = as_json(run_tidegate(tmp_path, "vend", "show", "shop/prices", *there).stdout)["versions"]
    assert told == [_without_use(one) for one in server.api("/catalogue/shop/prices")["versions"]]
    assert run_tidegate(tmp_path, "vend", "search", "nothing-like-it", *there).returncode == 1
    assert run_tidegate(tmp_path, "vend", "show", "no/such", *there).returncode == 2
    page = run_tidegate(tmp_path, "vend", "show", "shop/prices", "--format", "table", *there).stdout
    assert f"{server.address.removeprefix('http://')}/shop/prices@{made['new']}" in page
    first = run_tidegate(tmp_path, "vend", "list", "--limit", "1", "--after", "base/tool", *there)
    assert _names(as_json(first.stdout)) == ["shop/airflow"]


def test_the_pages_work_without_script_and_let_no_image_speak(stocked: tuple[WholeServer, dict[str, str]]) -> None:
    server, _ = stocked
    assert server.http.get("/", follow_redirects=True).url.path == "/catalogue/"
    for path in ("/catalogue/", "/catalogue/shop/prices", "/catalogue/?q=price", "/catalogue/shop/airflow"):
        page = server.http.get(path)
        assert page.status_code == 200, path
        assert "default-src 'none'" in page.headers["content-security-policy"]
        assert "<script" not in page.text
        assert "javascript:" not in page.text
        assert not re.search(r"(?:src|href)=\"(?:https?:)?//", page.text)
    listing = server.http.get("/catalogue/?q=engine&state=admitted").text
    assert "shop/prices" in listing
    assert "base/tool" not in listing
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in listing
    one = server.http.get("/catalogue/shop/prices").text
    assert f"FROM {server.address}/shop/prices:2@sha256:" in one
    assert "Nothing of this repository is handed out" in server.http.get("/catalogue/shop/airflow").text
    missing = server.http.get("/catalogue/" + "no/such")
    assert (missing.status_code, "Not found" in missing.text) == (404, True)
    assert server.http.get("/catalogue/UPPER").status_code == 404


def _without_use(told: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in told.items() if name != "use"}

# SPDX-License-Identifier: Apache-2.0
"""What is downstream of a base, a layer, a key and a commit, and what nobody cares for: asked of a whole server."""

import json
from pathlib import Path
from typing import Any

from api_server import ApiServer
from desk import Desk

from tidegate.artifact import Reference
from tidegate.oci.layer_builder import LayerBuilder
from tidegate.oci.push import Pusher
from tidegate.oci.registry import RegistryClient
from tidegate.oci.write import write_image
from tidegate.outbound import Outbound

COMMIT = "9f2c81d7" + "ab" * 16
OS_RELEASE = 'ID=alpine\nVERSION_ID=3.20.1\nPRETTY_NAME="Alpine Linux v3.20"\n'


def layer(name: str, text: str) -> Any:
    builder = LayerBuilder()
    builder.file(name, text)
    return builder.build()


def asked(desk: Desk, *words: str) -> Any:
    told = desk.run("fleet", *words, "--format", "json")
    assert told.returncode == 0, told.stderr
    return json.loads(told.stdout)


def until_built_upon(desk: Desk, base: str, count: int) -> Any:
    """What is downstream, once the chains of all that was pushed are on record: they are, soon after the verdict."""
    for _ in range(100):
        found = asked(desk, "blast", base)
        if found["images_in_all"] >= count:
            break
    return found


def reasons(found: Any) -> dict[str, list[str]]:
    return {one["tags"][0]: one["components"] for one in found["images"]}


def test_all_that_is_downstream(tmp_path: Path) -> None:
    home, layout = tmp_path / "home", tmp_path / "images"
    home.mkdir()
    lowest = layer("etc/os-release", OS_RELEASE)
    labels = {"Labels": {"org.opencontainers.image.revision": COMMIT}}
    user = {"User": "10001"}
    base = str(write_image(layout, "base", [lowest], user).digest)
    app = str(write_image(layout, "app", [lowest, layer("app/one", "1")], {**user, **labels}).digest)
    top = str(write_image(layout, "top", [lowest, layer("app/one", "1"), layer("app/two", "2")], user).digest)
    other = str(write_image(layout, "other", [layer("app/other", "3")], user).digest)
    with ApiServer(home) as server:
        with Outbound() as outbound:
            for tag in ("base", "app", "top", "other"):
                place = Reference.parse(f"{server.address.removeprefix('http://')}/shop/{tag}:1")
                Pusher(RegistryClient(outbound), place).push_layout(layout, tag=tag)
        (tmp_path / "desk").mkdir()
        desk = Desk(tmp_path / "desk", server.address)
        for digest in (base, app, top, other):
            decided = ("--kind", "curation.image", "--subject", digest)
            waited = desk.run("events", "tail", "--after", "0", *decided, "--count", "3", "--timeout", "100")
            assert waited.returncode == 0, waited.stderr

        downstream = until_built_upon(desk, base, 3)
        assert (downstream["kind"], downstream["images_in_all"]) == ("image", 3)
        assert reasons(downstream)["shop/base:1"] == ["itself"]
        assert reasons(downstream)["shop/top:1"] == [f"built upon {base[:19]}"]
        assert reasons(asked(desk, "blast", "shop/base:1")) == reasons(downstream)

        manifest = json.loads((layout / "blobs" / "sha256" / app.removeprefix("sha256:")).read_text())
        blob = manifest["layers"][1]["digest"]
        assert set(reasons(asked(desk, "blast", blob))) == {"shop/app:1", "shop/top:1"}

        for commit in (COMMIT, COMMIT[:8]):
            made = asked(desk, "blast", commit)
            assert (made["kind"], set(reasons(made))) == ("commit", {"shop/app:1", "shop/top:1"})
            assert reasons(made)["shop/app:1"] == [f"made from {COMMIT[:12]}, as it says itself"]

        (key,) = json.loads(desk.run("keys", "list", "--format", "json").stdout)["keys"]
        signed = asked(desk, "blast", key["key_id"][:16])
        assert (signed["kind"], signed["images_in_all"]) == ("key", 4)

        shown = desk.run("fleet", "blast", base, "--format", "table")
        assert "3 images downstream" in shown.stderr
        unknown = desk.run("fleet", "blast", "nothing-of-this-name")
        assert (unknown.returncode, "nothing on record is called so" in unknown.stderr) == (2, True), unknown.stderr

        ended = asked(desk, "unsupported")
        assert [(one["product"], one["cycle"], one["ended"]) for one in ended["lines"]] == [
            ("alpine-linux", "3.20", True)
        ]
        assert set(reasons(ended)) == {"shop/base:1", "shop/app:1", "shop/top:1"}
        assert asked(desk, "unsupported", "--within", "90d", "--limit", "1")["images_in_all"] == 3
        wrong = desk.run("fleet", "unsupported", "--within", "soon")
        assert (wrong.returncode, "no length of time" in wrong.stderr) == (2, True), wrong.stderr

        assert asked(desk, "drift") == {"rogue": [], "changed": [], "behind": [], "is_all": True}

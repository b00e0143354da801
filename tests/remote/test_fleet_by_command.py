# SPDX-License-Identifier: Apache-2.0
"""The whole fleet asked by command, of a server that examined what was pushed."""

import json
from pathlib import Path

from api_server import ApiServer
from desk import Desk
from whole_server import python_image

from tidegate.artifact import Reference
from tidegate.oci.push import Pusher
from tidegate.oci.registry import RegistryClient
from tidegate.outbound import Outbound


def test_where_a_package_is_and_what_an_advisory_speaks_of(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    layout = tmp_path / "images"
    old = python_image(layout, "old", {"requests": "2.28.0"})
    new = python_image(layout, "new", {"requests": "2.32.0"})
    with ApiServer(home) as server:
        host = server.address.removeprefix("http://")
        with Outbound() as outbound:
            for tag in ("old", "new"):
                pusher = Pusher(RegistryClient(outbound), Reference.parse(f"{host}/shop/web:{tag}"))
                pusher.push_layout(layout, tag=tag)
        (tmp_path / "desk").mkdir()
        desk = Desk(tmp_path / "desk", server.address)
        for digest in (old, new):
            admitted = ("--kind", "curation.image.admitted", "--subject", digest)
            waited = desk.run("events", "tail", "--after", "0", *admitted, "--count", "1", "--timeout", "100")
            assert waited.returncode == 0, waited.stderr
        every = json.loads(desk.run("fleet", "where", "pkg:pypi/requests").stdout)
        assert {image["digest"] for image in every["images"]} == {old, new}
        below = json.loads(desk.run("fleet", "where", "pkg:pypi/requests@<2.31.0").stdout)
        assert [(image["digest"], image["tags"]) for image in below["images"]] == [(old, ["shop/web:old"])]
        told = desk.run("fleet", "affected", "CVE-2023-32681", "--format", "table")
        assert (told.returncode, "shop/web:old" in told.stdout, "shop/web:new" in told.stdout) == (0, True, False)
        assert "1 components in 1 images" in told.stderr
        wrong = desk.run("fleet", "where", "pkg:pypi/requests@<")
        assert (wrong.returncode, "no limit of a version" in wrong.stderr) == (2, True), wrong.stderr
        unknown = desk.run("fleet", "affected", "CVE-1999-0000")
        assert (unknown.returncode, "no advisory is called so" in unknown.stderr) == (2, True), unknown.stderr

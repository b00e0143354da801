# SPDX-License-Identifier: Apache-2.0
"""Captures by command against a server: nodes bring them, whoever may investigate sees them, nobody else does."""

import json
import os
from hashlib import sha256
from pathlib import Path

from access_material import PASSWORD, TOKEN
from api_server import ApiServer
from desk import Desk

from tidegate.clock import system_clock
from tidegate.execution.capture import CapturedContainer
from tidegate.sensor.forensics.capturing import Wanted, capture
from tidegate.sensor.forensics.memory import MemoryChoice


def _archive(folder: Path) -> Path:
    """A capture of this very process, which runs in no container."""
    container = CapturedContainer(id="cd" * 32, name="web", image="shop/web:1")
    wanted = Wanted(node="node-1", container=container, pids=(os.getpid(),), reason="a test", memory=MemoryChoice.NONE)
    capture(wanted, folder / "web.tar", system_clock)
    return folder / "web.tar"


def _somebody(server: ApiServer, folder: Path, name: str, *verbs: str) -> Desk:
    root = server.client(("root", TOKEN))
    assert root.post("/principals", json={"kind": "user", "name": name, "password": PASSWORD}).status_code == 201
    given = {"holder": name, "pattern": "**", "verbs": list(verbs)}
    assert root.post("/grants", json=given).status_code == 201
    (folder / name).mkdir()
    desk = Desk(folder / name, server.address)
    assert desk.run("login", "--username", name, typed=PASSWORD).returncode == 0
    return desk


def test_a_capture_from_its_node_to_whoever_investigates(tmp_path: Path, server: ApiServer) -> None:
    node = _somebody(server, tmp_path, "node-one", "report")
    ines = _somebody(server, tmp_path, "ines", "investigate")
    lara = _somebody(server, tmp_path, "lara", "list")
    file = _archive(tmp_path)
    there = ("--server", server.address)
    done = node.run("forensics", "keep", str(file), "--days", "30", *there)
    assert (done.returncode, "sealed by sha256:" in done.stderr) == (0, True), done.stderr
    digest = done.stderr.split(" as ")[1].split(",")[0]

    for desk, words in ((node, ("list",)), (lara, ("list",)), (lara, ("export", digest, "-o", "x.tar"))):
        refused = desk.run("forensics", *words, *there)
        assert (refused.returncode, "you may not investigate here" in refused.stderr) == (1, True), refused.stderr
    refused = ines.run("forensics", "keep", str(file), *there)
    assert (refused.returncode, "you may not report here" in refused.stderr) == (1, True), refused.stderr

    (listed,) = json.loads(ines.run("forensics", "list", "--image", "shop/web:1", "--format", "json", *there).stdout)[
        "captures"
    ]
    assert (listed["digest"], listed["kept_by"], listed["overview"]["node"]) == (digest, "node-one", "node-1")
    page = ines.run("forensics", "show", digest, "--format", "table", *there)
    assert (page.returncode, "web  on node-1" in page.stdout) == (0, True), page.stderr
    exported = ines.run("forensics", "export", digest, "-o", "out.tar", *there)
    assert exported.returncode == 0, exported.stderr
    out = ines.folder / "out.tar"
    assert sha256(out.read_bytes()).hexdigest() == sha256(file.read_bytes()).hexdigest()
    assert out.stat().st_mode & 0o777 == 0o600

    trail = server.client(("root", TOKEN)).get("/audit", params={"verb": "investigate", "who": "ines"}).json()
    assert {one["entry"]["outcome"] for one in trail["entries"]} == {"allowed"}
    refused = ines.run("forensics", "drop", digest, "--why", "I would like to", *there)
    assert refused.returncode == 1
    root = server.client(("root", TOKEN))
    assert root.delete(f"/captures/{digest}", params={"why": "case closed"}).json()["gone_why"].endswith("case closed")
    gone = ines.run("forensics", "show", digest, *there)
    assert (gone.returncode, "was let go of" in gone.stderr) == (2, True), gone.stderr


def test_what_is_no_capture_is_refused(tmp_path: Path, server: ApiServer) -> None:
    root = server.client(("root", TOKEN))
    assert root.post("/captures", content=b"no tar").status_code == 422
    assert root.post("/captures", content=_archive(tmp_path).read_bytes()[:-30_000]).status_code == 422
    assert root.get("/captures/sha256:" + "0" * 64).status_code == 404
    assert root.get("/captures/nonsense").status_code == 422
    assert not list((server.home / "arriving").iterdir())


def test_the_record_here_needs_no_server(tmp_path: Path) -> None:
    desk = Desk(tmp_path, "")
    file = _archive(tmp_path)
    kept = desk.run("forensics", "keep", str(file))
    assert kept.returncode == 0, kept.stderr
    digest = kept.stderr.split(" as ")[1].split(",")[0]
    told = json.loads(desk.run("forensics", "show", digest, "--format", "json").stdout)
    assert told["digest"] == digest
    assert [one["pid"] for one in told["processes"]] == [os.getpid()]
    assert desk.run("forensics", "drop", digest, "--why", "enough").returncode == 0
    passport = desk.run("passport", digest)
    assert "forensic-capture" in passport.stdout, passport.stderr

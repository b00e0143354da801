# SPDX-License-Identifier: Apache-2.0
"""Keys of a server administered from elsewhere: proposed by one, confirmed by another, renewed and revoked."""

import json
import subprocess
from pathlib import Path
from typing import Any

from access_material import PASSWORD, TOKEN
from api_server import ApiServer
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from desk import Desk

from tidegate.signing.keys import SigningKey


def _key(path: Path) -> Path:
    path.write_bytes(SigningKey.generate().verifying.to_pem())
    return path


def _answer(done: "subprocess.CompletedProcess[str]") -> Any:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def _person(server: ApiServer, folder: Path, name: str) -> Desk:
    root = server.client(("root", TOKEN))
    assert root.post("/principals", json={"kind": "user", "name": name, "password": PASSWORD}).status_code == 201
    may = {"holder": name, "pattern": "**", "verbs": ["list", "trust"]}
    assert root.post("/grants", json=may).status_code == 201
    (folder / name).mkdir()
    desk = Desk(folder / name, server.address)
    assert desk.run("login", "--username", name, typed=PASSWORD).returncode == 0
    return desk


def test_a_key_from_its_proposal_to_its_end(tmp_path: Path, server: ApiServer) -> None:
    kate, lena = (_person(server, tmp_path, name) for name in ("kate", "lena"))
    own = kate.run("keys", "show", "own", "--format", "pem")
    assert (own.returncode, own.stderr) == (0, "")
    load_pem_public_key(own.stdout.encode())
    wanted = ("keys", "add", "desk", str(_key(tmp_path / "desk.pub")), "--role", "review", "--format", "json")
    proposed = _answer(kate.run(*wanted, "--not-after", "2090-01-01T00:00:00Z", "--why", "the reviewers' desk"))
    assert (proposed["state"], proposed["not_after"]) == ("proposed", "2090-01-01T00:00:00Z")
    number = proposed["key_id"][:16]
    alone = kate.run("keys", "confirm", number)
    assert (alone.returncode, "nobody who proposed the key" in alone.stderr) == (1, True), alone.stderr
    assert _answer(lena.run("keys", "confirm", number, "--why", "seen", "--format", "json"))["confirmed_by"] == "lena"
    assert {one["name"] for one in _answer(kate.run("keys", "list", "--format", "json"))["keys"]} >= {"own", "desk"}
    void = _answer(kate.run("keys", "revoke", number, "--why", "lost", "--format", "json"))
    assert (void["key"]["state"], void["key"]["revoked_by"]) == ("revoked", "kate")


def test_a_key_is_followed_by_another_and_one_is_refused(tmp_path: Path, server: ApiServer) -> None:
    mona = _person(server, tmp_path, "mona")
    add = ("keys", "add", "bench", str(_key(tmp_path / "a.pub")), "--role", "test", "--why", "the test bench")
    first = _answer(mona.run(*add, "--format", "json"))
    rotate = ("keys", "rotate", "--key", first["key_id"], "--public-key", str(_key(tmp_path / "b.pub")))
    second = _answer(mona.run(*rotate, "--overlap-hours", "2", "--why", "every year", "--format", "json"))
    assert (second["name"], second["key_id"] != first["key_id"]) == ("bench", True)
    assert _answer(mona.run("keys", "show", first["key_id"], "--format", "json"))["not_after"]
    add = ("keys", "add", "who", str(_key(tmp_path / "c.pub")), "--role", "decision", "--why", "a try")
    asked = _answer(mona.run(*add, "--format", "json"))
    refused = _answer(mona.run("keys", "refuse", asked["key_id"], "--why", "nobody knows it", "--format", "json"))
    assert refused["state"] == "refused"

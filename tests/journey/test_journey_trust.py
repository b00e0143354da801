# SPDX-License-Identifier: Apache-2.0
"""Keys rotate and are revoked under a whole server: what rests on them is shut at once and judged again, once."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, select
from test_journey_provenance import image_with, provenance_of
from whole_server import WholeServer, as_json, python_image

from postgres_server import start_postgres
from tidegate.clock import rfc3339, system_clock
from tidegate.evidence import VSA
from tidegate.signing.envelope import sign
from tidegate.signing.keys import SigningKey
from tidegate.storage import schema
from tidegate.storage.database import Database

POD = """
apiVersion: v1
kind: Pod
metadata: {{name: web, namespace: shop}}
spec:
  containers:
    - {{name: main, image: "127.0.0.1:5000/{image}"}}
"""


@dataclass(frozen=True, slots=True)
class Place:
    """A home and the database that its servers and commands use."""

    home: Path
    environment: dict[str, str]

    def server(self, *, kill_at: str = "") -> WholeServer:
        return WholeServer(self.home, kill_at=kill_at, environment=self.environment)

    def run(self, *words: str) -> Any:
        environment = {**os.environ, **self.environment, "TIDEGATE_HOME": str(self.home)}
        command = [str(Path(sys.executable).with_name("tidegate")), *words, "-f", "json"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == 0, done.stderr
        return as_json(done.stdout)

    @contextmanager
    def record(self) -> Iterator[Connection]:
        database = Database(self.environment.get("TIDEGATE_DATABASE_URL", f"sqlite:///{self.home / 'state.db'}"))
        try:
            with database.read() as connection:
                yield connection
        finally:
            database.close()

    def signers_of_decisions(self, digest: str) -> list[str]:
        table = schema.statement
        query = select(table.c.envelope).where(table.c.subject == digest, table.c.predicate_type == VSA)
        with self.record() as connection:
            found = connection.scalars(query.order_by(table.c.ledger_index)).all()
        return [json.loads(envelope)["signatures"][0]["keyid"] for envelope in found]

    def is_shut(self, digest: str) -> bool:
        table = schema.state
        with self.record() as connection:
            ends = connection.scalar(select(table.c.expires_at).where(table.c.digest == digest))
        return str(ends) <= rfc3339(system_clock())


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.tools)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    if request.param == "sqlite":
        yield Place(tmp_path / "home", {})
        return
    with start_postgres() as url:
        yield Place(tmp_path / "home", {"TIDEGATE_DATABASE_URL": url})


def test_the_own_key_rotates_under_a_running_server_and_what_the_old_one_signed_is_made_again(
    place: Place, tmp_path: Path
) -> None:
    layout = tmp_path / "images"
    first = python_image(layout, "first", {"h11": "0.14.0"})
    second = python_image(layout, "second", {"h11": "0.14.0", "second": "1"})
    with place.server() as server:
        server.push(layout, "first", "team/first:1")
        assert server.verdict(first)["state"] == "admitted"
        (old,) = (one["key_id"] for one in place.run("keys", "list")["keys"])
        made = place.run("keys", "rotate", "--why", "every year")
        server.push(layout, "second", "team/second:1")
        assert server.verdict(second)["state"] == "admitted"
        assert place.signers_of_decisions(second) == [made["key_id"]], "without a restart"
        assert server.stop() == 0
    revoked = place.run("keys", "revoke", old, "--since", "2020-01-01T00:00:00Z", "--why", "a stolen disk")
    assert revoked["void"] == [first]
    assert place.is_shut(first)
    assert not place.is_shut(second)
    # The event lies in the outbox, and a kill in the middle of the work it asks for changes nothing.
    with place.server(kill_at="decide:before") as server:
        assert server.died() == -9
    with place.server() as server:
        done = server.wait_for_event("oversight.key.revoked")
        assert (done["data"]["fromEntry"], done["data"]["void"]) == (0, 1)
        _wait_until_served(server, f"/v2/team/first/manifests/{first}")
        assert server.api(f"/images/{first}")["state"] == "admitted"
        assert place.signers_of_decisions(first) == [old, made["key_id"]], "made anew once"
        review = server.review(POD.format(image="team/first:1"), dry_run=True)
        assert review["allowed"], review["reasons"]


def test_an_image_whose_only_provenance_is_void_is_taken_back(tmp_path: Path) -> None:
    builder = SigningKey.generate()
    key = tmp_path / "builder.pem"
    key.write_bytes(builder.verifying.to_pem())
    place = Place(tmp_path / "home", {"TIDEGATE_POLICY_PROFILES": "default,custody"})
    with place.server() as server:
        place.run("keys", "add", "ci", str(key), "--role", "provenance", "--why", "the builder")
        digest, _ = image_with(
            server, tmp_path / "l", "team/built", lambda it: sign(provenance_of(it), builder).content
        )
        assert server.verdict(digest)["state"] == "admitted"
        assert server.review(POD.format(image="team/built:1"), dry_run=True)["allowed"]
        after = server.api("/events", limit=1000)["next"]
        answer = server.http.post(
            "/api/v1/keys/ci/revoke", json={"why": "the builder was broken into", "since": "2020-01-01T00:00:00Z"}
        )
        assert answer.status_code == 200, answer.text
        assert answer.json()["void"] == [digest]
        assert not server.review(POD.format(image="team/built:1"), dry_run=True)["allowed"], "at once"
        assert server.http.get("/v2/team/built/manifests/1").status_code == 403, "at once, judged or not"
        assert server.wait_for_event("curation.image.recalled", after=after)["subject"] == digest
        assert server.http.post(f"/api/v1/images/{digest}/judge").status_code == 202
        _wait_for_the_work(server)
        assert server.api(f"/images/{digest}")["state"] == "recalled"


def _wait_until_served(server: WholeServer, path: str) -> None:
    after = 0
    while server.http.get(path).status_code != 200:
        page = server.api("/events", after=after, wait=20)
        assert page["events"] or server.http.get(path).status_code == 200, "it never came back"
        after = page["next"]


def _wait_for_the_work(server: WholeServer) -> None:
    for _ in range(300):
        if "tidegate_queue_size 0.0" in server.http.get("/metrics").text:
            return
        server.api("/events", after=10**9, wait=0.2)
    raise AssertionError("the work does not end")

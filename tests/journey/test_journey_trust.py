# SPDX-License-Identifier: Apache-2.0
"""Keys rotate and are revoked under a whole server: what rests on them is shut at once and judged again, once."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from test_journey_provenance import image_with, provenance_of
from whole_server import WholeServer, as_json, python_image, run_tidegate

from tidegate.evidence import VSA
from tidegate.signing.envelope import sign
from tidegate.signing.keys import SigningKey

POD = """
apiVersion: v1
kind: Pod
metadata: {{name: web, namespace: shop}}
spec:
  containers:
    - {{name: main, image: "127.0.0.1:5000/{image}"}}
"""


def _keys(home: Path) -> dict[str, Any]:
    done = run_tidegate(home, "keys", "list", "-f", "json")
    assert done.returncode == 0, done.stderr
    return {one["key_id"]: one for one in as_json(done.stdout)["keys"]}


def _signers_of_decisions(home: Path, digest: str) -> list[str]:
    with closing(sqlite3.connect(home / "state.db")) as database:
        query = "SELECT envelope FROM statement WHERE subject = ? AND predicate_type = ? ORDER BY ledger_index"
        rows = database.execute(query, (digest, VSA)).fetchall()
    return [json.loads(row[0])["signatures"][0]["keyid"] for row in rows]


def _shut(home: Path, digest: str) -> bool:
    with closing(sqlite3.connect(home / "state.db")) as database:
        query = "SELECT expires_at <= strftime('%Y-%m-%dT%H:%M:%SZ', 'now') FROM state WHERE digest = ?"
        return bool(database.execute(query, (digest,)).fetchone()[0])


def _run(home: Path, *words: str) -> Any:
    done = run_tidegate(home, *words, "-f", "json")
    assert done.returncode == 0, done.stderr
    return as_json(done.stdout)


def test_the_own_key_rotates_under_a_running_server_and_what_the_old_one_signed_is_made_again(tmp_path: Path) -> None:
    home, layout = tmp_path / "home", tmp_path / "images"
    first = python_image(layout, "first", {"h11": "0.14.0"})
    second = python_image(layout, "second", {"h11": "0.14.0", "second": "1"})
    with WholeServer(home) as server:
        server.push(layout, "first", "team/first:1")
        assert server.verdict(first)["state"] == "admitted"
        (old,) = _keys(home)
        made = _run(home, "keys", "rotate", "--why", "every year")
        server.push(layout, "second", "team/second:1")
        assert server.verdict(second)["state"] == "admitted"
        assert _signers_of_decisions(home, second) == [made["key_id"]], "without a restart"
        assert server.stop() == 0
    revoked = _run(home, "keys", "revoke", old, "--since", "2020-01-01T00:00:00Z", "--why", "a stolen disk")
    assert revoked["void"] == [first]
    assert _shut(home, first)
    assert not _shut(home, second)
    # The event lies in the outbox, and a kill in the middle of the work it asks for changes nothing.
    with WholeServer(home, kill_at="decide:before") as server:
        assert server.died() == -9
    with WholeServer(home) as server:
        done = server.wait_for_event("oversight.key.revoked")
        assert (done["data"]["fromEntry"], done["data"]["void"]) == (0, 1)
        _wait_until_served(server, f"/v2/team/first/manifests/{first}")
        assert server.api(f"/images/{first}")["state"] == "admitted"
        assert _signers_of_decisions(home, first) == [old, made["key_id"]], "made anew once"
        review = server.review(POD.format(image="team/first:1"), dry_run=True)
        assert review["allowed"], review["reasons"]


def test_an_image_whose_only_provenance_is_void_is_taken_back(tmp_path: Path) -> None:
    home, builder = tmp_path / "home", SigningKey.generate()
    key = tmp_path / "builder.pem"
    key.write_bytes(builder.verifying.to_pem())
    environment = {"TIDEGATE_POLICY_PROFILES": "default,custody"}
    with WholeServer(home, environment=environment) as server:
        _run(home, "keys", "add", "ci", str(key), "--role", "provenance", "--why", "the builder")
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

# SPDX-License-Identifier: Apache-2.0
"""New knowledge: what it touches is judged again, and nothing else; running workloads are named."""

import sqlite3
from contextlib import closing
from pathlib import Path

from whole_server import WholeServer, python_image, run_tidegate

from tidegate.artifact import Platform
from tidegate.clock import system_clock
from tidegate.knowledge.seed import build_seed
from tidegate.oci.layer_builder import LayerBuilder
from tidegate.oci.write import write_image, write_index

DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop, labels: {tidegate.dev/owner: team-web}}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: web, image: "127.0.0.1:5000/team/web:1"}]
"""


def _statements(home: Path, digest: str) -> int:
    with closing(sqlite3.connect(home / "state.db")) as database, database:
        return int(database.execute("SELECT count(*) FROM statement WHERE subject = ?", (digest,)).fetchone()[0])


def _push_two(server: WholeServer, layout: Path) -> tuple[str, str]:
    touched = python_image(layout, "web", {"h11": "0.14.0", "uvicorn": "0.33.0"})
    untouched = python_image(layout, "fixed", {"h11": "0.16.0", "uvicorn": "0.33.0"})
    server.push(layout, "web", "team/web:1")
    server.push(layout, "fixed", "team/fixed:1")
    assert server.verdict(touched)["state"] == server.verdict(untouched)["state"] == "admitted"
    return touched, untouched


def test_a_new_advisory_recalls_what_it_touches_and_names_where_it_runs(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with WholeServer(home) as server:
        touched, untouched = _push_two(server, tmp_path / "images")
        assert server.review(DEPLOYMENT, cluster="prod")["allowed"]
        before = _statements(home, untouched)
        seen = server.api("/events", limit=1000)["next"]
        build_seed(home / "knowledge.db", made_at=system_clock(), later=True)
        tide = server.wait_for_event("oversight.knowledge.updated", after=seen)
        assert tide["data"]["images"] == 1
        recalled = server.wait_for_event("curation.image.recalled", after=seen)
        assert recalled["subject"] == touched
        exposed = server.wait_for_event("execution.workload.exposed", after=seen)
        assert exposed["subject"] == "prod/shop/Deployment/web"
        assert exposed["data"]["owner"] == "team-web"
        assert exposed["data"]["digest"] == touched
        assert server.http.get("/v2/team/web/manifests/1").status_code == 403
        assert not server.review(DEPLOYMENT, cluster="prod")["allowed"]
        assert server.http.get("/v2/team/fixed/manifests/1").status_code == 200
        assert _statements(home, untouched) == before
        assert server.stop() == 0


def test_an_index_is_recalled_with_the_image_in_it(tmp_path: Path) -> None:
    home, layout = tmp_path / "home", tmp_path / "images"
    children = []
    for architecture, version in (("amd64", "0.14.0"), ("arm64", "0.16.0")):
        metadata = f"Metadata-Version: 2.1\nName: h11\nVersion: {version}\n\n"
        layer = LayerBuilder().file("srv/h11.dist-info/METADATA", metadata).file("arch", architecture).build()
        platform = Platform(os="linux", architecture=architecture)
        children.append(write_image(layout, None, [layer], {"User": "1"}, platform=platform))
    index = str(write_index(layout, "both", children).digest)
    with WholeServer(home) as server:
        server.push(layout, "both", "team/both:1")
        assert server.verdict(index)["state"] == "admitted"
        build_seed(home / "knowledge.db", made_at=system_clock(), later=True)
        recalled: set[str] = set()
        after = 0
        while recalled != {index, str(children[0].digest)}:
            page = server.api("/events", after=after, wait=60)
            assert page["events"], f"recalled so far: {recalled}"
            told = [item["event"] for item in page["events"]]
            recalled |= {event["subject"] for event in told if event["type"].endswith("image.recalled")}
            after = page["next"]
        assert server.http.get("/v2/team/both/manifests/1").status_code == 403
        assert server.http.get(f"/v2/team/both/manifests/{children[1].digest}").status_code == 200


def test_knowledge_that_came_while_the_server_was_down_is_joined_at_its_start(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with WholeServer(home) as server:
        touched, untouched = _push_two(server, tmp_path / "images")
        server.process.kill()
        assert server.died() == -9
    before = _statements(home, untouched)
    build_seed(home / "knowledge.db", made_at=system_clock(), later=True)
    with WholeServer(home) as server:
        assert server.wait_for_event("curation.image.recalled")["subject"] == touched
        assert server.verdict(untouched)["state"] == "admitted"
    assert _statements(home, untouched) == before, "the difference to the last joined file was known"


def test_a_withdrawn_advisory_admits_again(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    build_seed(home / "knowledge.db", made_at=system_clock(), later=True)
    layout = tmp_path / "images"
    with WholeServer(home) as server:
        digest = python_image(layout, "web", {"h11": "0.14.0"})
        server.push(layout, "web", "team/web:1")
        assert server.verdict(digest)["state"] == "rejected"
        seen = server.api("/events", limit=1000)["next"]
        build_seed(home / "knowledge.db", made_at=system_clock())
        assert server.wait_for_event("curation.image.admitted", after=seen)["subject"] == digest
        assert server.http.get("/v2/team/web/manifests/1").status_code == 200


def test_a_tampered_record_is_not_sound(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with WholeServer(home) as server:
        digest, other = _push_two(server, tmp_path / "images")
        assert server.stop() == 0
    with closing(sqlite3.connect(home / "state.db")) as database, database:
        forged = """CAST(replace(envelope, '"payload":"', '"payload":"IA') AS BLOB)"""
        database.execute(f"UPDATE statement SET envelope = {forged} WHERE subject = ?", (digest,))
    shown = run_tidegate(home, "passport", digest)
    assert shown.returncode == 1
    assert "NOT" in shown.stdout
    assert run_tidegate(home, "passport", other).returncode == 0

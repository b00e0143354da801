# SPDX-License-Identifier: Apache-2.0
"""Encrypted copies of admitted images: as good as those, decrypted by clients, their keys released and refused."""

import json
import random
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from whole_server import WholeServer, python_image, run_tidegate

from docker_registry import DockerRegistry
from tidegate.artifact import Platform
from tidegate.clock import system_clock
from tidegate.knowledge.seed import build_seed
from tidegate.oci.layer_builder import Compression, LayerBuilder
from tidegate.oci.write import write_image, write_index

ENCRYPTION = "https://tidegate.dev/predicates/encryption/v1"
POD = """
apiVersion: v1
kind: Pod
metadata: {{name: secret, namespace: shop, labels: {{tidegate.dev/owner: team-web}}}}
spec:
  containers:
    - {{name: main, image: "127.0.0.1:5000/{image}"}}
"""


class Keys:
    """A pair of openssl's."""

    def __init__(self, folder: Path, name: str) -> None:
        if shutil.which("openssl") is None:
            pytest.skip("openssl is missing; apt-get install openssl")
        self.private, self.public = folder / f"{name}.pem", folder / f"{name}.pub.pem"
        make = ["openssl", "genpkey", "-algorithm", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-out"]
        subprocess.run([*make, str(self.private)], check=True, capture_output=True)
        self.private.chmod(0o600)
        public = ["openssl", "pkey", "-in", str(self.private), "-pubout", "-out", str(self.public)]
        subprocess.run(public, check=True, capture_output=True)


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return Keys(tmp_path, "edge")


@pytest.fixture
def own(tmp_path: Path) -> Iterator[WholeServer]:
    """A server that may be stopped and told new things."""
    with WholeServer(tmp_path / "home") as server:
        yield server


def encrypted_copy(server: WholeServer, source: str, target: str, consumers: list[str]) -> str:
    body = {"source": source, "target": target, "consumers": consumers}
    asked = server.http.post("/api/v1/encrypted-copies", json=body)
    assert asked.status_code == 202, asked.text
    made = server.http.get(asked.headers["location"], params={"wait": 60}).json()
    assert made["state"] == "done", made
    assert made["done_bytes"] == made["total_bytes"] > 0
    return str(made["encrypted"])


def asked_keys(server: WholeServer, digest: str, keys: Keys) -> Any:
    return server.http.post(f"/api/v1/images/{digest}/keys", json={"public_key": keys.public.read_text()})


def soon_asked_keys(server: WholeServer, digest: str, keys: Keys, *, status: int) -> httpx.Response:
    """The same, asked until it is answered so: what another process changed of principals holds within a second."""
    ends = time.monotonic() + 120
    while True:
        answer: httpx.Response = asked_keys(server, digest, keys)
        if answer.status_code == status or time.monotonic() > ends:
            return answer


def layer_digests(server: WholeServer, repository: str, digest: str) -> list[str]:
    manifest = server.http.get(f"/v2/{repository}/manifests/{digest}").json()
    return [layer["digest"] for layer in manifest["layers"]]


def test_a_copy_is_as_good_as_its_image_and_its_recipients_decrypt_it(
    server: WholeServer, keys: Keys, tmp_path: Path
) -> None:
    plain = python_image(tmp_path, "good", {"h11": "0.14.0"})
    server.push(tmp_path, "good", "sealed/good:1")
    assert server.verdict(plain)["state"] == "admitted"
    added = run_tidegate(server.home, "recipient", "add", "robot$edge", str(keys.public))
    assert added.returncode == 0, added.stderr

    made = run_tidegate(
        server.home, "vend", "encrypt", "sealed/good:1", "sealed/secret:1", "--for", "robot$edge", "--format", "json"
    )
    assert made.returncode == 0, made.stderr
    digest = json.loads(made.stdout)["encrypted"]
    found = server.verdict(digest)
    assert (digest != plain, found["state"]) == (True, "admitted")
    assert found["verdict"]["expires_at"] == server.verdict(plain)["verdict"]["expires_at"]
    listed = server.http.get(f"/v2/sealed/secret/referrers/{digest}").json()["manifests"]
    kinds = {item["annotations"]["in-toto.io/predicate-type"] for item in listed}
    assert kinds == {
        ENCRYPTION,
        "https://cyclonedx.org/bom",
        "https://slsa.dev/verification_summary/v1",
        "https://tidegate.dev/predicates/scan/v1",
    }

    name = f"registry:{server.address}/sealed/secret:1"
    out = f"oci:{tmp_path}/out:1"
    done = run_tidegate(server.home, "decrypt", name, out, "--key", str(keys.private))
    assert done.returncode == 0, done.stderr
    back = json.loads((tmp_path / "out" / "index.json").read_text())["manifests"][0]["digest"]
    blob = (tmp_path / "out" / "blobs" / back.replace(":", "/")).read_bytes()
    assert [it["digest"] for it in json.loads(blob)["layers"]] == layer_digests(server, "sealed/good", plain)

    reviewed = server.review(POD.format(image="sealed/secret:1"), dry_run=True)
    assert reviewed["allowed"], reviewed["reasons"]
    assert server.api(f"/passports/{digest}")["sound"]
    again = server.http.post("/api/v1/encrypted-copies", json={"source": "sealed/secret:1", "target": "sealed/x:1"})
    assert again.status_code == 400
    assert f"encrypt {plain}" in again.text


def test_skopeo_decrypts_what_the_registry_encrypted(server: WholeServer, keys: Keys, tmp_path: Path) -> None:
    if shutil.which("skopeo") is None:
        pytest.skip("skopeo is missing; apt-get install skopeo")
    plain = python_image(tmp_path, "skopeo", {"h11": "0.14.0"})
    server.push(tmp_path, "skopeo", "sealed/skopeo:1")
    assert server.verdict(plain)["state"] == "admitted"
    registered = {"name": "robot$skopeo", "public_key": keys.public.read_text()}
    assert server.http.post("/api/v1/recipients", json=registered).status_code == 201
    digest = encrypted_copy(server, f"sealed/skopeo@{plain}", "sealed/skopeo:secret", ["robot$skopeo"])
    assert server.verdict(digest)["state"] == "admitted"
    policy = tmp_path / "policy.json"
    policy.write_text('{"default":[{"type":"insecureAcceptAnything"}]}')
    command = ["skopeo", "--policy", str(policy), "copy", "--src-tls-verify=false", "--decryption-key"]
    source = f"docker://{server.address}/sealed/skopeo:secret"
    done = subprocess.run(
        [*command, str(keys.private), source, f"dir:{tmp_path}/out"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    for layer in layer_digests(server, "sealed/skopeo", plain):
        assert (tmp_path / "out" / layer.partition(":")[2]).is_file()


def test_keys_are_released_while_the_image_is_admitted_and_refused_when_it_is_recalled(
    own: WholeServer, keys: Keys, tmp_path: Path
) -> None:
    plain = python_image(tmp_path / "images", "web", {"h11": "0.14.0", "uvicorn": "0.33.0"})
    own.push(tmp_path / "images", "web", "team/web:1")
    assert own.verdict(plain)["state"] == "admitted"
    digest = encrypted_copy(own, "team/web:1", "team/web:secret", [])
    assert own.verdict(digest)["state"] == "admitted"

    answer = asked_keys(own, digest, keys)
    assert answer.status_code == 200, answer.text
    released = answer.json()
    assert (released["plain"], len(released["layers"])) == (plain, 1)
    file = tmp_path / "released.json"
    file.write_text(answer.text)
    name, out = f"registry:{own.address}/team/web:secret", f"oci:{tmp_path}/out:1"
    words = ("decrypt", name, out, "--key", str(keys.private))
    alone = run_tidegate(own.home, *words)
    assert (alone.returncode, "none of the keys given can decrypt" in alone.stderr) == (2, True)
    for more in (["--released", str(file)], ["--ask"]):
        done = run_tidegate(own.home, *words, *more)
        assert done.returncode == 0, done.stderr

    seen = own.api("/events", limit=1000)["next"]
    build_seed(own.home / "knowledge.db", made_at=system_clock(), later=True)
    recalled = {own.wait_for_event("curation.image.recalled", after=seen)["subject"]}
    while digest not in recalled:
        events = own.api("/events", after=seen, limit=1000, wait=60)["events"]
        recalled |= {it["event"]["subject"] for it in events if it["event"]["type"].endswith("image.recalled")}
    assert plain in recalled
    assert own.http.get("/v2/team/web/manifests/secret").status_code == 403
    assert not own.review(POD.format(image="team/web:secret"), dry_run=True)["allowed"]
    refused = asked_keys(own, digest, keys)
    assert (refused.status_code, "recalled" in refused.text) == (403, True)
    asked = run_tidegate(own.home, *words, "--ask")
    assert (asked.returncode, "recalled" in asked.stderr) == (3, True), asked.stderr
    kinds = [it["type"].removeprefix("dev.tidegate.") for it in own.events()]
    assert (kinds.count("curation.keys.released"), kinds.count("curation.keys.refused")) == (2, 1)
    assert kinds.count("curation.image.encrypted") == 1
    told = own.api("/key-releases", digest=digest)
    assert [it["granted"] for it in told] == [False, True, True]
    assert "recalled" in told[0]["why"]
    trail = [it["entry"] for it in own.api("/audit", limit=1000)["entries"]]
    asked_of_keys = [it["outcome"] for it in trail if it["target"].endswith(f"{digest}/keys")]
    assert asked_of_keys.count("denied") == 1
    assert asked_of_keys.count("changed") >= 2


def test_keys_of_old_copies_are_released_after_a_rotation_to_those_with_a_grant(keys: Keys, tmp_path: Path) -> None:
    home, images = tmp_path / "home", tmp_path / "images"
    with WholeServer(home) as server:
        plain = python_image(images, "old", {"h11": "0.14.0"})
        server.push(images, "old", "team/old:1")
        assert server.verdict(plain)["state"] == "admitted"
        before = server.http.get("/api/v1/encryption-key").text
        digest = encrypted_copy(server, "team/old:1", "team/old:secret", [])
        assert server.verdict(digest)["state"] == "admitted"
        assert server.stop() == 0
    rotated = run_tidegate(home, "recipient", "rotate")
    assert rotated.returncode == 0, rotated.stderr
    private = [*(home / "keys").glob("encryption*.pem")]
    assert [it.stat().st_mode & 0o777 for it in private] == [0o600, 0o600]
    with WholeServer(home) as server:
        assert server.http.get("/api/v1/encryption-key").text != before
        assert asked_keys(server, digest, keys).status_code == 200

        secret = run_tidegate(home, "principal", "robot", "edge").stdout.strip().split()[-1]
        assert soon_asked_keys(server, digest, keys, status=401).status_code == 401
        server.http.auth = ("robot$edge", secret)
        refused = asked_keys(server, digest, keys)
        assert (refused.status_code, "you may not pull this image" in refused.text) == (403, True), refused.text
        granted = run_tidegate(home, "grant", "give", "robot$edge", "team/**", "pull", "--why", "runs it")
        assert granted.returncode == 0, granted.stderr
        given = soon_asked_keys(server, digest, keys, status=200)
        assert given.status_code == 200, given.text
        told = json.loads(run_tidegate(home, "recipient", "releases", "--format", "json").stdout)
        assert [(it["principal"], it["granted"]) for it in told][:2] == [("robot$edge", True), ("robot$edge", False)]
        assert server.http.get("/api/v1/key-releases").status_code == 403
        assert server.http.post("/api/v1/encrypted-copies", json={}).status_code == 403
        log = (home / "server.log").read_text()
        assert "PRIVATE KEY" not in log
        assert secret not in log


def test_an_index_with_all_its_platforms(server: WholeServer, keys: Keys, tmp_path: Path) -> None:
    children = []
    for name in ("amd64", "arm64"):
        metadata = "Metadata-Version: 2.1\nName: h11\nVersion: 0.14.0\n\n"
        layer = LayerBuilder().file("srv/h11.dist-info/METADATA", metadata).file("arch", name).build()
        platform = Platform(os="linux", architecture=name)
        children.append(write_image(tmp_path, None, [layer], {"User": "10001"}, platform=platform))
    plain = str(write_index(tmp_path, "both", children).digest)
    server.push(tmp_path, "both", "sealed/both:1")
    assert server.verdict(plain)["state"] == "admitted"
    digest = encrypted_copy(server, "sealed/both:1", "sealed/both:secret", [])
    assert server.verdict(digest)["state"] == "admitted"
    assert len(asked_keys(server, digest, keys).json()["layers"]) == 2


def test_what_others_encrypted_is_unscannable_and_never_admitted(
    server: WholeServer, keys: Keys, tmp_path: Path
) -> None:
    python_image(tmp_path, "foreign", {"h11": "0.14.0"})
    words = (f"oci:{tmp_path}:foreign", f"oci:{tmp_path}/foreign:1", "-r", str(keys.public))
    made = run_tidegate(server.home, "encrypt", *words)
    assert made.returncode == 0, made.stderr
    server.push(tmp_path / "foreign", "1", "sealed/foreign:1")
    found = server.verdict(made.stdout.strip())
    assert found["state"] == "rejected"
    refused = server.http.get("/v2/sealed/foreign/manifests/1")
    assert (refused.status_code, "the layer is encrypted" in refused.text) == (403, True), refused.text


def test_what_makes_no_sense_is_refused_with_the_way_out(server: WholeServer, keys: Keys, tmp_path: Path) -> None:
    digest = python_image(tmp_path, "bad", {"apache-airflow": "1.10.10"})
    server.push(tmp_path, "bad", "sealed/bad:1")
    assert server.verdict(digest)["state"] == "rejected"
    body = {"source": "sealed/bad:1", "target": "sealed/bad:2", "consumers": []}
    refused = server.http.post("/api/v1/encrypted-copies", json=body)
    assert (refused.status_code, "rejected" in refused.text) == (403, True)
    assert asked_keys(server, digest, keys).status_code == 404
    good = python_image(tmp_path, "fine", {"h11": "0.14.0"})
    server.push(tmp_path, "fine", "sealed/fine:1")
    assert server.verdict(good)["state"] == "admitted"
    body = {"source": "sealed/fine:1", "target": "sealed/fine:2", "consumers": ["nobody"]}
    nobody = server.http.post("/api/v1/encrypted-copies", json=body)
    assert (nobody.status_code, "tidegate recipient add" in nobody.text) == (404, True)
    assert server.http.post(f"/api/v1/images/{good}/keys", json={"public_key": "x"}).status_code == 422


def test_a_server_killed_while_it_encrypts_goes_on_with_the_layers_that_are_left(keys: Keys, tmp_path: Path) -> None:
    home, images = tmp_path / "home", tmp_path / "images"
    small = LayerBuilder(compression=Compression.PLAIN).file("srv/small", random.Random(2).randbytes(1000))
    large = LayerBuilder(compression=Compression.PLAIN).file("srv/large", random.Random(1).randbytes(40_000_000))
    plain = str(write_image(images, "large", [small.build(), large.build()], {"User": "10001"}).digest)
    body = {"source": "team/large:1", "target": "team/large:secret", "consumers": []}
    with WholeServer(home) as server:
        server.push(images, "large", "team/large:1")
        assert server.verdict(plain)["state"] == "admitted"
        asked = server.http.post("/api/v1/encrypted-copies", json=body)
        assert asked.status_code == 202, asked.text
        job = asked.json()
        again = server.http.post("/api/v1/encrypted-copies", json=body).json()
        assert (again["id"], again["attempt"]) == (job["id"], job["attempt"]), "asked twice is asked once"
        uploads = home / "registry" / "uploads"
        deadline = time.monotonic() + 120
        while not any(file.stat().st_size > 1_000_000 for file in uploads.rglob("*") if file.is_file()):
            assert time.monotonic() < deadline, "no layer was encrypted"
            time.sleep(0.005)
        server.process.kill()
        server.died()
    with sqlite3.connect(home / "state.db") as record:
        (kept,) = [json.loads(row[0])["digest"] for row in record.execute("select made from encrypted_layer")]
        assert record.execute("select count(*) from encrypted_copy").fetchone() == (0,), "no half copy"
    record.close()
    with WholeServer(home) as server:
        done = server.http.get(asked.headers["location"], params={"wait": 60}).json()
        assert done["state"] == "done", done
        digest = done["encrypted"]
        assert server.verdict(digest)["state"] == "admitted"
        assert layer_digests(server, "team/large", digest)[0] == kept, "what was done is not done again"
        assert asked_keys(server, digest, keys).status_code == 200
        again = server.http.post("/api/v1/encrypted-copies", json=body).json()
        assert (again["id"], again["encrypted"]) == (job["id"], digest), "and what is there is not made again"
        told = run_tidegate(home, "vend", "copying", job["id"], "--wait", "--format", "json")
        assert (told.returncode, json.loads(told.stdout)[0]["state"]) == (0, "done"), told.stderr


def test_a_copy_at_another_registry_is_decrypted_by_whom_it_was_made_for_and_the_keys_are_released_here(
    keys: Keys, tmp_path: Path
) -> None:
    environment = {"TIDEGATE_CURATION_VEND_TO": "127.0.0.1:*"}
    with (
        DockerRegistry(tmp_path / "docker") as docker,
        WholeServer(tmp_path / "home", environment=environment) as server,
    ):
        plain = python_image(tmp_path / "images", "web", {"h11": "0.14.0"})
        server.push(tmp_path / "images", "web", "team/web:1")
        assert server.verdict(plain)["state"] == "admitted"
        registered = {"name": "robot$edge", "public_key": keys.public.read_text()}
        assert server.http.post("/api/v1/recipients", json=registered).status_code == 201
        digest = encrypted_copy(server, "team/web:1", "team/web:secret", ["robot$edge"])
        assert server.verdict(digest)["state"] == "admitted"
        wish = {"digest": digest, "source": "team/web", "target": f"{docker.host}/prod/web:1", "reason": "release"}
        asked = server.http.post("/api/v1/promotions", json=wish)
        assert asked.status_code == 202, asked.text
        done = server.api(f"/promotions/{asked.json()['id']}", wait=60)
        assert (done["state"], done["problem"]) == ("done", "")
        words = ("decrypt", f"registry:{docker.host}/prod/web:1", f"oci:{tmp_path}/out:1", "--key", str(keys.private))
        opened = run_tidegate(server.home, *words)
        assert opened.returncode == 0, opened.stderr
        back = json.loads((tmp_path / "out" / "index.json").read_text())["manifests"][0]["digest"]
        blob = (tmp_path / "out" / "blobs" / back.replace(":", "/")).read_bytes()
        assert [it["digest"] for it in json.loads(blob)["layers"]] == layer_digests(server, "team/web", plain)

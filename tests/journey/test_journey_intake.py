# SPDX-License-Identifier: Apache-2.0
"""Pulls through tidegate from a real upstream: nothing is served before its verdict, and the verdict is told."""

import base64
import concurrent.futures
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from whole_server import WholeServer, python_image

from docker_registry import DockerRegistry, intake_file
from tidegate.artifact import Digest, Reference, Tag
from tidegate.artifact import media_type as mt
from tidegate.oci.credentials import Credentials, Keyring
from tidegate.oci.push import Pusher
from tidegate.oci.registry import RegistryClient
from tidegate.outbound import Outbound

CLEAN = {"h11": "0.14.0"}
VULNERABLE = {"apache-airflow": "1.10.10"}


@pytest.fixture(scope="module")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerRegistry]:
    with DockerRegistry(tmp_path_factory.mktemp("upstream")) as running:
        yield running


@pytest.fixture(scope="module")
def taking(tmp_path_factory: pytest.TempPathFactory, upstream: DockerRegistry) -> Iterator[WholeServer]:
    """A server whose names under hub/ come from the upstream, asked at every pull."""
    folder = tmp_path_factory.mktemp("taking")
    file = intake_file(folder, upstream.host)
    with WholeServer(folder / "home", environment={"TIDEGATE_INTAKE_FILE": str(file)}) as running:
        yield running


def test_podman_gets_a_clean_image_and_the_reason_for_a_vulnerable_one(
    upstream: DockerRegistry, taking: WholeServer, tmp_path: Path, podman: list[str]
) -> None:
    python_image(tmp_path, "clean", CLEAN)
    python_image(tmp_path, "bad", VULNERABLE)
    clean = upstream.push(tmp_path, "clean", "team/clean:1")
    upstream.push(tmp_path, "bad", "team/bad:1")

    def pull(name: str) -> subprocess.CompletedProcess[str]:
        command = [*podman, "pull", "--tls-verify=false", f"{taking.address}/{name}"]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=180)

    pulled = pull("hub/team/clean:1")
    assert pulled.returncode == 0, pulled.stderr
    shown = subprocess.run(
        [*podman, "image", "inspect", f"{taking.address}/hub/team/clean:1"], capture_output=True, text=True, check=True
    )
    assert json.loads(shown.stdout)[0]["Digest"] == clean
    refused = pull("hub/team/bad:1")
    assert refused.returncode != 0
    assert "being exploited" in refused.stderr
    assert taking.api(f"/images/{clean}")["state"] == "admitted"


@pytest.fixture
def podman() -> Iterator[list[str]]:
    """Podman over storage of its own."""
    program = shutil.which("podman")
    if program is None or os.geteuid() != 0:
        pytest.skip("podman is missing or not root's: apt-get install podman")
    # Short: the paths of its sockets have a limit of 108 bytes.
    with tempfile.TemporaryDirectory(prefix="tg") as folder:
        settings = Path(folder) / "containers.conf"
        settings.write_text(
            '[containers]\ndefault_ulimits = ["nofile=4096:4096","nproc=4096:4096"]\n'
            '[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\nruntime = "runc"\n'
        )
        os.environ["CONTAINERS_CONF"] = str(settings)
        command = [program, "--root", f"{folder}/root", "--runroot", f"{folder}/run", "--storage-driver", "vfs"]
        yield command
        subprocess.run([*command, "system", "reset", "--force"], capture_output=True, check=False)
        os.environ.pop("CONTAINERS_CONF", None)


def test_a_hundred_pulls_at_once_are_one_fetch(upstream: DockerRegistry, taking: WholeServer, tmp_path: Path) -> None:
    python_image(tmp_path, "many", {**CLEAN, "anyio": "4.9.0"})
    digest = upstream.push(tmp_path, "many", "team/many:1")
    before = upstream.requests("GET", "/blobs/")
    with concurrent.futures.ThreadPoolExecutor(100) as threads:
        answers = list(threads.map(lambda _: taking.http.get("/v2/hub/team/many/manifests/1", timeout=120), range(100)))
    assert {answer.status_code for answer in answers} == {200}
    assert {answer.headers["docker-content-digest"] for answer in answers} == {digest}
    assert upstream.requests("GET", "/blobs/") - before == 3, "a configuration for its age, and two blobs, once"


def test_a_tag_that_moves_is_followed_once_it_is_admitted(
    upstream: DockerRegistry, taking: WholeServer, tmp_path: Path
) -> None:
    path = "/v2/hub/team/moving/manifests/latest"
    python_image(tmp_path, "one", {"h11": "0.14.0", "idna": "3.10"})
    python_image(tmp_path, "two", VULNERABLE)
    python_image(tmp_path, "three", {"h11": "0.16.0"})
    first = upstream.push(tmp_path, "one", "team/moving:latest")
    assert taking.http.get(path).headers["docker-content-digest"] == first
    second = upstream.push(tmp_path, "two", "team/moving:latest")
    answer = taking.http.get(path)
    assert (answer.status_code, answer.headers["docker-content-digest"]) == (200, first)
    assert answer.headers["tidegate-upstream"] == f"moved; to={second}; rejected"
    assert taking.http.get(f"/v2/hub/team/moving/manifests/{second}").status_code == 403
    third = upstream.push(tmp_path, "three", "team/moving:latest")
    answer = taking.http.get(path)
    assert answer.headers["docker-content-digest"] == third
    assert answer.headers["tidegate-upstream"] == "current"
    moved = [event["data"] for event in taking.events() if event["type"] == "dev.tidegate.intake.upstream.moved"]
    assert [(one["before"], one["after"]) for one in moved] == [(first, second), (second, third)]


def test_when_the_upstream_is_away_the_last_admitted_digest_is_served_and_it_is_told(
    upstream: DockerRegistry, taking: WholeServer, tmp_path: Path
) -> None:
    python_image(tmp_path, "kept", {"h11": "0.14.0", "sniffio": "1.3.1"})
    digest = upstream.push(tmp_path, "kept", "team/kept:1")
    assert taking.http.get("/v2/hub/team/kept/manifests/1").status_code == 200
    upstream.stop()
    try:
        answer = taking.http.get("/v2/hub/team/kept/manifests/1")
        assert (answer.status_code, answer.headers["docker-content-digest"]) == (200, digest)
        assert answer.headers["tidegate-upstream"].startswith(("unreachable", "unchecked"))
        missing = taking.http.get("/v2/hub/team/never/manifests/1")
        assert (missing.status_code, missing.json()["errors"][0]["code"]) == (503, "UNAVAILABLE")
        assert int(missing.headers["retry-after"]) > 0
    finally:
        upstream.start()


def test_names_under_an_upstream_come_from_there_only(
    upstream: DockerRegistry, taking: WholeServer, tmp_path: Path
) -> None:
    begun = taking.http.post("/v2/hub/team/mine/blobs/uploads/")
    assert (begun.status_code, begun.json()["errors"][0]["code"]) == (403, "DENIED")
    put = taking.http.put("/v2/hub/team/mine/manifests/1", content=b"{}")
    assert put.status_code == 403
    assert taking.http.get("/v2/hub/team/nothing/manifests/1").json()["errors"][0]["code"] == "MANIFEST_UNKNOWN"
    python_image(tmp_path, "bad", {**VULNERABLE, "idna": "3.10"})
    digest = upstream.push(tmp_path, "bad", "team/held:1")
    assert taking.http.get("/v2/hub/team/held/manifests/1").status_code == 403
    blobs = [path.name for path in (tmp_path / "blobs" / "sha256").iterdir() if path.name not in digest]
    for name in blobs:
        assert taking.http.get(f"/v2/hub/team/held/blobs/sha256:{name}").status_code == 403
        mounted = taking.http.post(f"/v2/mine/app/blobs/uploads/?mount=sha256:{name}&from=hub/team/held")
        assert mounted.status_code == 202, "what was refused cannot be had by another name"


def test_what_hangs_on_an_image_travels_along(upstream: DockerRegistry, taking: WholeServer, tmp_path: Path) -> None:
    """From a registry without the referrers API: by its fallback tag, and under cosign's tags."""
    python_image(tmp_path, "signed", {"h11": "0.14.0", "certifi": "2025.1.31"})
    digest = upstream.push(tmp_path, "signed", "team/signed:1")
    envelope = b'{"payloadType":"application/vnd.in-toto+json","payload":"e30=","signatures":[]}'
    simple = b'{"critical":{"type":"cosign container image signature"}}'
    with Outbound() as outbound:
        pusher = Pusher(RegistryClient(outbound), Reference.parse(f"{upstream.host}/team/signed:1"))
        for blob in (envelope, simple, b"{}"):
            pusher.push_blob(blob, Digest.of(blob))
        subject = {"mediaType": mt.OCI_MANIFEST, "digest": digest, "size": 1}
        referrer = _document(envelope, mt.DSSE, mt.OCI_EMPTY, artifactType="application/x", subject=subject)
        hung = pusher.push_manifest(referrer, mt.OCI_MANIFEST).digest
        pusher.push_blob(_CONFIG, Digest.of(_CONFIG))
        tag = Tag(f"{digest.replace(':', '-')}.sig")
        signature = _document(simple, "application/vnd.dev.cosign.simplesigning.v1+json", mt.OCI_CONFIG, config=_CONFIG)
        pusher.push_manifest(signature, mt.OCI_MANIFEST, tag=tag)
    assert taking.http.get("/v2/hub/team/signed/manifests/1").headers["docker-content-digest"] == digest
    listed = taking.http.get(f"/v2/hub/team/signed/referrers/{digest}").json()["manifests"]
    assert hung in {one["digest"] for one in listed}
    served = taking.http.get(f"/v2/hub/team/signed/manifests/{tag}")
    assert (served.status_code, served.content) == (200, signature)
    assert served.headers["tidegate-state"] == "attached"
    layer = taking.http.get(f"/v2/hub/team/signed/blobs/{Digest.of(simple)}")
    assert layer.content == simple


_CONFIG = b'{"architecture":"","os":"","rootfs":{"type":"layers","diff_ids":[]},"config":{}}'


def _document(layer: bytes, layer_type: str, config_type: str, *, config: bytes = b"{}", **more: object) -> bytes:
    def described(data: bytes, media_type: str) -> dict[str, object]:
        return {"mediaType": media_type, "digest": Digest.of(data), "size": len(data)}

    parts = {"config": described(config, config_type), "layers": [described(layer, layer_type)]}
    return json.dumps({"schemaVersion": 2, "mediaType": mt.OCI_MANIFEST, **parts, **more}).encode()


def test_another_tidegate_is_an_upstream_whose_verdicts_come_along(tmp_path: Path) -> None:
    digest = python_image(tmp_path, "app", {"h11": "0.14.0", "exceptiongroup": "1.2.2"})
    with WholeServer(tmp_path / "first") as first:
        first.push(tmp_path, "app", "team/app:1")
        assert first.verdict(digest)["state"] == "admitted"
        theirs = {one["digest"] for one in first.http.get(f"/v2/team/app/referrers/{digest}").json()["manifests"]}
        assert len(theirs) == 3, "a bill of materials, a scan, a decision"
        environment = {"TIDEGATE_INTAKE_FILE": str(intake_file(tmp_path, first.address))}
        with WholeServer(tmp_path / "second", environment=environment) as second:
            head = second.http.head("/v2/hub/team/app/manifests/1")
            assert (head.status_code, head.headers["docker-content-digest"]) == (200, digest)
            assert second.http.get(f"/v2/hub/team/app/manifests/{digest}").status_code == 200, "as containerd pulls"
            ours = {
                one["digest"] for one in second.http.get(f"/v2/hub/team/app/referrers/{digest}").json()["manifests"]
            }
            assert theirs < ours, "theirs came along, and ours hang beside them"


def test_a_pull_that_waited_in_vain_is_told_to_come_back_and_clients_do(
    upstream: DockerRegistry, tmp_path: Path, podman: list[str]
) -> None:
    python_image(tmp_path, "slow", {"h11": "0.14.0", "wsproto": "1.2.0"})
    python_image(tmp_path, "slower", {"h11": "0.14.0", "trio": "0.29.0"})
    digest = upstream.push(tmp_path, "slow", "team/slow:1")
    upstream.push(tmp_path, "slower", "team/slower:1")
    environment = {"TIDEGATE_INTAKE_FILE": str(intake_file(tmp_path, upstream.host, fresh_s=300.0))}
    with WholeServer(tmp_path / "home", environment={**environment, "TIDEGATE_INTAKE_WAIT_S": "0"}) as server:
        early = server.http.get("/v2/hub/team/slow/manifests/1")
        assert early.status_code == 429
        assert early.json()["errors"][0]["code"] == "TOOMANYREQUESTS"
        assert "is being fetched from hub" in early.json()["errors"][0]["message"]
        assert int(early.headers["retry-after"]) > 0
        server.wait_for_event("curation.image.admitted")
        assert server.http.get("/v2/hub/team/slow/manifests/1").headers["docker-content-digest"] == digest
        command = [*podman, "pull", "--tls-verify=false", f"{server.address}/hub/team/slower:1"]
        pulled = subprocess.run(command, capture_output=True, text=True, check=False, timeout=180)
        assert pulled.returncode == 0, pulled.stderr
        metrics = server.http.get("/metrics").text
        assert 'tidegate_intake_names{outcome="arrived"} 2.0' in metrics


def test_an_upstream_that_asks_for_credentials_gets_those_of_the_file(tmp_path: Path) -> None:
    secret = "a-token-of-many-characters"
    (tmp_path / "token").write_text(secret)
    digest = python_image(tmp_path, "app", {"h11": "0.14.0", "packaging": "25.0"})
    closed = {"TIDEGATE_SERVER_ACCESS_TOKEN_FILE": str(tmp_path / "token")}
    with WholeServer(tmp_path / "first", environment=closed) as first, Outbound() as outbound:
        first.http.auth = ("ci", secret)
        keyring = Keyring({first.address: Credentials(username="ci", password=secret)})
        target = Reference.parse(f"{first.address}/team/app:1")
        Pusher(RegistryClient(outbound, keyring=keyring), target).push_layout(tmp_path, tag="app")
        assert first.verdict(digest)["state"] == "admitted"
        known = base64.b64encode(f"ci:{secret}".encode()).decode()
        (tmp_path / "auth.json").write_text(json.dumps({"auths": {first.address: {"auth": known}}}))
        environment = {"TIDEGATE_INTAKE_FILE": str(intake_file(tmp_path, first.address))}
        environment["TIDEGATE_OUTBOUND_CREDENTIALS_FILE"] = str(tmp_path / "auth.json")
        with WholeServer(tmp_path / "second", environment=environment) as second:
            assert second.http.get("/v2/hub/team/app/manifests/1").headers["docker-content-digest"] == digest
            assert secret not in str(second.events())
            assert secret not in str(second.api("/intake/names"))
    assert secret not in (tmp_path / "second" / "server.log").read_text()

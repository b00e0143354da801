# SPDX-License-Identifier: Apache-2.0
"""Images promoted to other repositories and registries with all evidence: Docker's registry, a second tidegate."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
from whole_server import WholeServer, as_json, python_image, run_tidegate

from docker_registry import DockerRegistry
from tidegate.artifact import Descriptor, Platform, Reference
from tidegate.oci.layer_builder import LayerBuilder
from tidegate.oci.registry import RegistryClient
from tidegate.oci.write import write_image, write_index
from tidegate.outbound import Outbound

ANYWHERE = {"TIDEGATE_CURATION_VEND_TO": "127.0.0.1:*"}


def _child(layout: Path, architecture: str) -> Descriptor:
    layer = LayerBuilder().file("arch", architecture).build()
    platform = Platform(os="linux", architecture=architecture)
    return write_image(layout, None, [layer], {"User": "10001"}, platform=platform)


def _admitted_index(server: WholeServer, layout: Path, name: str) -> str:
    children = [_child(layout, "amd64"), _child(layout, "arm64")]
    digest = str(write_index(layout, "both", children).digest)
    server.push(layout, "both", f"{name}:1")
    assert server.verdict(digest)["state"] == "admitted"
    return digest


def _promote(server: WholeServer, digest: str, source: str, target: str) -> Any:
    body = {"digest": digest, "source": source, "target": target, "reason": "release"}
    return server.http.post("/api/v1/promotions", json=body)


def _evidence(host: str, name: str, digest: str) -> set[str]:
    with Outbound() as outbound:
        client, reference = RegistryClient(outbound), Reference.parse(f"{host}/{name}")
        found = client.referrers(reference, Reference.parse(f"{host}/{name}@{digest}").digest or digest)  # type: ignore[arg-type]
    return {str(one.digest) for one in found}


def test_within_the_registry_nothing_is_copied_and_all_evidence_comes(server: WholeServer, tmp_path: Path) -> None:
    digest = _admitted_index(server, tmp_path, "dev/app")
    before = sum(1 for _ in (server.home / "registry").rglob("*") if _.is_file())
    promoted = _promote(server, digest, "dev/app", "prod/app:1").json()
    assert (promoted["state"], promoted["target"], promoted["tag"]) == ("done", "prod/app", "1")
    assert sum(1 for _ in (server.home / "registry").rglob("*") if _.is_file()) - before <= 1  # the new decision
    served = server.http.get("/v2/prod/app/manifests/1")
    assert served.headers["docker-content-digest"] == digest
    children = [child["digest"] for child in served.json()["manifests"]]
    for subject in (digest, *children):
        assert _evidence(server.address, "prod/app", subject) >= _evidence(server.address, "dev/app", subject)
        assert _evidence(server.address, "prod/app", subject)
    for child in children:
        manifest = server.http.get(f"/v2/prod/app/manifests/{child}").json()
        for part in (manifest["config"], *manifest["layers"]):
            assert server.http.get(f"/v2/prod/app/blobs/{part['digest']}").status_code == 200
    event = server.wait_for_event("curation.image.promoted")
    assert (event["data"]["target"], event["data"]["why"], event["subject"]) == ("prod/app", "release", digest)
    statement = server.http.get(f"/api/v1/statements/{promoted['statement']}")
    assert statement.status_code == 200
    again = _promote(server, digest, "dev/app", "prod/app:1").json()
    assert again == promoted
    assert len([one for one in server.events() if one["type"] == "dev.tidegate.curation.image.promoted"]) == 1


def test_what_is_not_admitted_goes_nowhere(server: WholeServer, tmp_path: Path) -> None:
    digest = python_image(tmp_path, "bad", {"apache-airflow": "1.10.10"})
    server.push(tmp_path, "bad", "dev/bad:1")
    server.verdict(digest)
    refused = _promote(server, digest, "dev/bad", "prod/bad:1")
    assert (refused.status_code, refused.json()["title"]) == (403, "is rejected; only what is admitted is promoted")
    assert server.http.head("/v2/prod/bad/manifests/1").status_code == 404
    closed = _promote(server, digest, "dev/bad", "registry.example/prod/bad:1")
    assert (closed.status_code, closed.json()["detail"]) == (403, "name it in curation.vend_to")
    missing = _promote(server, digest, "dev/other", "prod/bad:1")
    assert missing.status_code == 404


def test_the_command_promotes_and_says_no_with_reasons(server: WholeServer, tmp_path: Path) -> None:
    digest = python_image(tmp_path, "good", {"h11": "0.14.0", "promoted": "1"})
    server.push(tmp_path, "good", "dev/good:1")
    server.verdict(digest)
    done = run_tidegate(server.home, "vend", "promote", "dev/good:1", "prod/good:1", "--reason", "r", "-f", "json")
    assert done.returncode == 0, done.stderr
    assert as_json(done.stdout)["digest"] == digest
    assert server.http.get("/v2/prod/good/manifests/1").status_code == 200
    run_tidegate(server.home, "vend", "recall", digest, "--reason", "leaked")
    refused = run_tidegate(server.home, "vend", "promote", "dev/good:1", "prod/better:1", "--reason", "r")
    assert refused.returncode == 1
    assert "is recalled" in refused.stderr


@pytest.mark.parametrize("killed_at", ["", "Vending._push:after"])
def test_to_dockers_registry_with_its_evidence_by_tags(tmp_path: Path, killed_at: str) -> None:
    home = tmp_path / "home"
    with DockerRegistry(tmp_path / "docker") as docker:
        with WholeServer(home, environment=ANYWHERE, kill_at=killed_at) as server:
            digest = _admitted_index(server, tmp_path / "layout", "dev/app")
            ours = _evidence(server.address, "dev/app", digest)
            asked = _promote(server, digest, "dev/app", f"{docker.host}/prod/app:1")
            assert asked.status_code == 202, asked.text
            number = asked.json()["id"]
            if killed_at:
                server.died()
        with WholeServer(home, environment=ANYWHERE) as server:
            done = server.api(f"/promotions/{number}", wait=60)
            assert (done["state"], done["problem"]) == ("done", "")
            assert ours
            assert _evidence(docker.host, "prod/app", digest) >= ours
            with Outbound() as outbound:
                found = RegistryClient(outbound).manifest(Reference.parse(f"{docker.host}/prod/app:1"))
            assert found.digest == digest
            promotions = [e for e in server.events() if e["type"] == "dev.tidegate.curation.image.promoted"]
            assert len(promotions) == 1
            sent = docker.requests("PUT", "/blobs/uploads/")
            assert _promote(server, digest, "dev/app", f"{docker.host}/prod/app:1").status_code == 202
            server.api(f"/promotions/{number}", wait=60)
            assert docker.requests("PUT", "/blobs/uploads/") <= sent + 2  # the decision made for the first promotion


def test_to_a_second_tidegate_which_judges_for_itself(tmp_path: Path) -> None:
    with (
        WholeServer(tmp_path / "one", environment=ANYWHERE) as first,
        WholeServer(tmp_path / "two") as second,
    ):
        digest = python_image(tmp_path / "layout", "good", {"h11": "0.14.0"})
        first.push(tmp_path / "layout", "good", "dev/app:1")
        first.verdict(digest)
        ours = _evidence(first.address, "dev/app", digest)
        number = _promote(first, digest, "dev/app", f"{second.address}/prod/app:1").json()["id"]
        assert first.api(f"/promotions/{number}", wait=60)["state"] == "done"
        assert second.verdict(digest)["state"] == "admitted"
        assert _evidence(second.address, "prod/app", digest) >= ours
        pulled = subprocess.run(
            ["skopeo", "inspect", "--tls-verify=false", f"docker://{second.address}/prod/app:1"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert digest in pulled.stdout, pulled.stderr

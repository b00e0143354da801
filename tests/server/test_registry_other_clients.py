# SPDX-License-Identifier: Apache-2.0
"""crane, oras, regctl, cosign and helm against the served registry (built by tools/go-programs.sh)."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
from live_registry import LiveRegistry
from oci_material import artifact, image, write_layout
from registry_client import push
from serving import serving

from tidegate.artifact import Digest
from tidegate.artifact import media_type as mt

pytestmark = pytest.mark.tools

BUILT: Final = Path(__file__).parents[2] / ".tools" / "bin"
NAME: Final = "team/app"
NOTE: Final = "application/vnd.example.note"

Run = Callable[..., str]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs a client in an empty home of its own; what it wrote, or the test skips without it."""
    home = tmp_path / "home"
    home.mkdir()
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DOCKER", "HELM", "COSIGN"))}
    own = {"HOME": str(home), "DOCKER_CONFIG": str(home / "docker"), "COSIGN_PASSWORD": "x", "COSIGN_EXPERIMENTAL": "1"}
    environment = {**kept, **own}

    def call(program: str, *words: str, fails: bool = False) -> str:
        path = shutil.which(program, path=f"{BUILT}{os.pathsep}{os.environ.get('PATH', '')}")
        if path is None:
            pytest.skip(f"{program} is missing: tools/go-programs.sh builds it")
        done = subprocess.run(
            [path, *words], capture_output=True, text=True, timeout=120, check=False, cwd=home, env=environment
        )
        assert (done.returncode != 0) is fails, done.stdout + done.stderr
        return done.stderr if fails else done.stdout

    return call


def _layout_holds(layout: Path, *datas: bytes) -> bool:
    return all((layout / "blobs" / "sha256" / Digest.of(data).hex).read_bytes() == data for data in datas)


def test_crane(live: LiveRegistry, run: Run, tmp_path: Path) -> None:
    made = image()
    layout, name = write_layout(tmp_path / "in", made, "v1"), f"{live.host}/{NAME}"
    run("crane", "push", "--insecure", str(layout), f"{name}:v1")
    assert run("crane", "digest", "--insecure", f"{name}:v1").strip() == made.digest
    assert "quarantined: it waits for its examination" in run(
        "crane", "manifest", "--insecure", f"{name}:v1", fails=True
    )
    live.admit(made.digest)
    assert run("crane", "manifest", "--insecure", f"{name}:v1").encode() == made.raw
    run("crane", "copy", "--insecure", f"{name}:v1", f"{live.host}/other/app:v2")
    run("crane", "tag", "--insecure", f"{live.host}/other/app:v2", "v3")
    assert run("crane", "ls", "--insecure", f"{live.host}/other/app").split() == ["v2", "v3"]
    assert run("crane", "catalog", "--insecure", live.host).split() == ["other/app", NAME]
    run("crane", "pull", "--insecure", "--format", "oci", f"{live.host}/other/app:v3", str(tmp_path / "out"))
    assert _layout_holds(tmp_path / "out", *made.blobs, made.raw)
    run("crane", "delete", "--insecure", f"{live.host}/other/app@{made.digest}")
    assert run("crane", "ls", "--insecure", f"{live.host}/other/app").split() == []


def test_oras(live: LiveRegistry, run: Run, tmp_path: Path) -> None:
    made, name = image(), f"{live.host}/{NAME}"
    with live.client() as http:
        push(http, NAME, made, "v1")
    live.admit(made.digest)
    note = tmp_path / "note.txt"
    note.write_text("a note")
    run(
        "oras",
        "attach",
        "--plain-http",
        "--artifact-type",
        NOTE,
        "--disable-path-validation",
        f"{name}:v1",
        f"{note}:text/plain",
    )
    found = json.loads(run("oras", "discover", "--plain-http", "--format", "json", f"{name}:v1"))
    (hung,) = found.get("referrers") or found["manifests"]
    assert hung["artifactType"] == NOTE
    run("oras", "copy", "--from-plain-http", "--to-plain-http", "--recursive", f"{name}:v1", f"{live.host}/copy:v1")
    assert NOTE in run("oras", "discover", "--plain-http", f"{live.host}/copy:v1")
    run("oras", "pull", "--plain-http", "--allow-path-traversal", f"{live.host}/copy@{hung['digest']}")
    assert run("oras", "repo", "tags", "--plain-http", name).split() == ["v1"]
    fetched = run("oras", "blob", "fetch", "--plain-http", "--output", "-", f"{name}@{Digest.of(made.blobs[0])}")
    assert fetched.encode() == made.blobs[0]
    run("oras", "manifest", "delete", "--plain-http", "--force", f"{live.host}/copy@{hung['digest']}")
    assert NOTE not in run("oras", "discover", "--plain-http", f"{live.host}/copy:v1")


def test_regctl(live: LiveRegistry, run: Run, tmp_path: Path) -> None:
    made, name = image(), f"{live.host}/{NAME}"
    note = artifact(made)
    run("regctl", "registry", "set", "--tls", "disabled", live.host)
    run("regctl", "image", "copy", f"ocidir://{write_layout(tmp_path / 'in', made, 'v1')}:v1", f"{name}:v1")
    with live.client() as http:
        push(http, NAME, note)
    live.admit(made.digest)
    run("regctl", "image", "copy", "--referrers", f"{name}:v1", f"{live.host}/copy:v1")
    listed = json.loads(run("regctl", "artifact", "list", "--format", "{{json .}}", f"{live.host}/copy:v1"))
    assert [entry["digest"] for entry in listed["descriptors"]] == [note.digest]
    run("regctl", "image", "copy", f"{live.host}/copy:v1", f"ocidir://{tmp_path / 'out'}:v1")
    assert _layout_holds(tmp_path / "out", *made.blobs, made.raw)
    assert run("regctl", "tag", "ls", f"{live.host}/copy").split() == ["v1"]
    # It deletes a tag by pushing something else there when the registry knows no better way; here it does.
    run("regctl", "tag", "delete", f"{live.host}/copy:v1")
    assert run("regctl", "tag", "ls", f"{live.host}/copy").split() == []
    assert run("regctl", "manifest", "head", f"{live.host}/copy@{made.digest}").strip() == made.digest
    run("regctl", "manifest", "delete", f"{live.host}/copy@{made.digest}")
    run("regctl", "manifest", "head", f"{live.host}/copy@{made.digest}", fails=True)


@pytest.mark.parametrize("mode", ["legacy", "oci-1-1"])
def test_cosign_signs_and_verifies(live: LiveRegistry, run: Run, mode: str) -> None:
    made, name = image(), f"{live.host}/{NAME}"
    with live.client() as http:
        push(http, NAME, made, "v1")
    live.admit(made.digest)
    run("cosign", "generate-key-pair")
    signing = ("--key", "cosign.key", "--tlog-upload=false", "--allow-insecure-registry", "--yes")
    checking = ("--key", "cosign.pub", "--insecure-ignore-tlog=true", "--allow-insecure-registry")
    if mode == "oci-1-1":
        run("cosign", "sign", *signing, f"--registry-referrers-mode={mode}", f"{name}@{made.digest}")
        with live.client() as http:
            (hung,) = http.get(f"/v2/{NAME}/referrers/{made.digest}").json()["manifests"]
        assert hung["artifactType"] == "application/vnd.dev.cosign.artifact.sig.v1+json"
        return
    run("cosign", "sign", *signing, f"{name}@{made.digest}")
    (said,) = json.loads(run("cosign", "verify", *checking, f"{name}@{made.digest}"))
    assert said["critical"]["image"]["docker-manifest-digest"] == made.digest
    run("cosign", "attest", *signing, "--type", "custom", "--predicate", "cosign.pub", f"{name}@{made.digest}")
    attested = run("cosign", "verify-attestation", *checking, "--type", "custom", f"{name}@{made.digest}")
    assert json.loads(attested)["payloadType"] == mt.IN_TOTO
    run("cosign", "copy", "--allow-insecure-registry", f"{name}:v1", f"{live.host}/copy:v1")
    run("cosign", "verify", *checking, f"{live.host}/copy:v1")


def test_helm(run: Run, tmp_path: Path) -> None:
    """Against the whole server, which examines the chart and admits it before helm has read back what it pushed."""
    run("helm", "create", "chart")
    run("helm", "package", "chart")
    with serving(tmp_path, mode="enforce") as server:
        trust, charts = ("--ca-file", str(server.certificate)), f"oci://{server.host}/charts"
        run("helm", "push", *trust, "chart-0.1.0.tgz", charts)
        chart = (f"{charts}/chart", "--version", "0.1.0")
        assert "name: chart" in run("helm", "show", "chart", *trust, *chart)
        run("helm", "pull", *trust, *chart, "--destination", str(tmp_path))
    assert (tmp_path / "chart-0.1.0.tgz").read_bytes() == (tmp_path / "home" / "chart-0.1.0.tgz").read_bytes()

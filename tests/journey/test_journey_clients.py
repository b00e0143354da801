# SPDX-License-Identifier: Apache-2.0
"""Real clients through the whole server: pushed by one, judged, pulled by another."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from whole_server import WholeServer, python_image

pytestmark = pytest.mark.tools


def _need(program: str) -> str:
    found = shutil.which(program)
    if found is None:
        pytest.skip(f"{program} is missing: apt-get install {program}")
    return found


def _skopeo(tmp_path: Path, *words: str) -> subprocess.CompletedProcess[str]:
    accept = tmp_path / "policy.json"
    accept.write_text('{"default":[{"type":"insecureAcceptAnything"}]}')
    command = [_need("skopeo"), "--policy", str(accept), *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture
def podman() -> Iterator[list[str]]:
    """Podman over storage of its own."""
    program = _need("podman")
    if os.geteuid() != 0:
        pytest.skip("podman is run as root here")
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


def test_skopeo_pushes_and_pulls_what_is_admitted_only(server: WholeServer, tmp_path: Path) -> None:
    layout = tmp_path / "in"
    good = python_image(layout, "good", {"h11": "0.14.0"})
    bad = python_image(layout, "bad", {"apache-airflow": "1.10.10"})
    for tag in ("good", "bad"):
        target = f"docker://{server.address}/clients/{tag}:1"
        pushed = _skopeo(tmp_path, "copy", "--dest-tls-verify=false", f"oci:{layout}:{tag}", target)
        assert pushed.returncode == 0, pushed.stderr
    assert server.verdict(good)["state"] == "admitted"
    assert server.verdict(bad)["state"] == "rejected"
    source = f"docker://{server.address}/clients"
    pulled = _skopeo(tmp_path, "copy", "--src-tls-verify=false", f"{source}/good:1", f"oci:{tmp_path / 'out'}:1")
    assert pulled.returncode == 0, pulled.stderr
    index = json.loads((tmp_path / "out" / "index.json").read_text())
    assert index["manifests"][0]["digest"] == good
    refused = _skopeo(tmp_path, "copy", "--src-tls-verify=false", f"{source}/bad:1", f"oci:{tmp_path / 'out'}:2")
    assert refused.returncode != 0
    assert "being exploited" in refused.stderr


def test_podman_pulls_what_was_admitted_and_pushes_it_elsewhere(
    server: WholeServer, tmp_path: Path, podman: list[str]
) -> None:
    digest = python_image(tmp_path, "podman", {"h11": "0.14.0", "anyio": "4.9.0"})
    server.push(tmp_path, "podman", "clients/podman:1")
    server.verdict(digest)

    def run(*words: str) -> str:
        done = subprocess.run([*podman, *words], capture_output=True, text=True, check=False, timeout=180)
        assert done.returncode == 0, done.stderr
        return done.stdout

    name = f"{server.address}/clients/podman:1"
    run("pull", "--tls-verify=false", name)
    seen = json.loads(run("image", "inspect", name))
    assert seen[0]["Digest"] == digest
    moved = f"{server.address}/clients/moved:1"
    run("tag", name, moved)
    run("push", "--tls-verify=false", moved)
    listed = server.api("/images", limit=1000)
    pushed = server.http.head("/v2/clients/moved/manifests/1").headers["docker-content-digest"]
    assert pushed in {item["digest"] for item in listed}
    assert server.verdict(pushed)["state"] == "admitted"
    scanned = subprocess.run(
        [sys.executable, "-m", "tidegate", "scan", f"registry:{moved}", "--format", "json"],
        env={**os.environ, "TIDEGATE_HOME": str(server.home)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert scanned.returncode == 0, scanned.stderr
    assert {item["name"] for item in json.loads(scanned.stdout)["components"]} == {"h11", "anyio"}

# SPDX-License-Identifier: Apache-2.0
"""What podman and skopeo see of states: refusals with their reasons, warnings, platforms of an index served in part."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from whole_server import WholeServer, python_image, run_tidegate

from tidegate.artifact import Descriptor, Platform
from tidegate.oci.layer_builder import LayerBuilder
from tidegate.oci.write import write_image, write_index


def _skopeo(*words: str) -> subprocess.CompletedProcess[str]:
    if shutil.which("skopeo") is None:
        pytest.skip("skopeo is missing; apt-get install skopeo")
    return subprocess.run(["skopeo", *words], capture_output=True, text=True, check=False, timeout=120)


def _podman(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    if shutil.which("podman") is None:
        pytest.skip("podman is missing; apt-get install podman")
    command = ["podman", "--root", str(folder / "root"), "--runroot", str(folder / "run"), "--storage-driver", "vfs"]
    return subprocess.run([*command, *words], capture_output=True, text=True, check=False, timeout=120)


@pytest.fixture
def storage() -> Iterator[Path]:
    """A folder with a short name: podman refuses long ones."""
    with TemporaryDirectory(prefix="tg-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def test_podman_is_told_why_and_served_what_is_released(server: WholeServer, tmp_path: Path, storage: Path) -> None:
    digest = python_image(tmp_path / "layout", "one", {"h11": "0.14.0", "handed": "1"})
    server.push(tmp_path / "layout", "one", "handed/app:1")
    server.verdict(digest)
    name = f"{server.address}/handed/app:1"
    kept = run_tidegate(
        server.home, "vend", "restrict", "handed/app:1", "--who", "group:payments", "--reason", "a pilot"
    )
    assert kept.returncode == 0, kept.stderr
    refused = _podman(storage, "pull", "--tls-verify=false", name)
    assert refused.returncode != 0
    assert "kept for group:payments (a pilot)" in refused.stderr
    assert run_tidegate(server.home, "vend", "release", "handed/app:1", "--reason", "over").returncode == 0
    pulled = _podman(storage, "pull", "--tls-verify=false", name)
    assert pulled.returncode == 0, pulled.stderr
    assert run_tidegate(server.home, "vend", "deprecate", "handed/app:1", "--reason", "old").returncode == 0
    copied = _skopeo("copy", "--src-tls-verify=false", f"docker://{name}", f"oci:{tmp_path / 'copy'}:1")
    assert copied.returncode == 0, copied.stderr
    assert run_tidegate(server.home, "vend", "recall", "handed/app:1", "--reason", "leaked").returncode == 0
    gone = _skopeo("copy", "--src-tls-verify=false", f"docker://{name}", f"oci:{tmp_path / 'again'}:1")
    assert gone.returncode != 0
    assert "recalled: leaked" in gone.stderr


def _child(layout: Path, architecture: str, package: str, version: str) -> Descriptor:
    metadata = f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n\n"
    layer = LayerBuilder().file(f"srv/{package}.dist-info/METADATA", metadata).file("arch", architecture).build()
    return write_image(layout, None, [layer], {"User": "1"}, platform=Platform(os="linux", architecture=architecture))


def test_an_index_in_part_serves_its_good_platforms_only(tmp_path: Path) -> None:
    layout = tmp_path / "layout"
    children = [_child(layout, "amd64", "h11", "0.14.0"), _child(layout, "arm64", "apache-airflow", "1.10.10")]
    digest = str(write_index(layout, "both", children).digest)
    with WholeServer(tmp_path / "home", environment={"TIDEGATE_CURATION_INDEXES_IN_PART": "true"}) as server:
        server.push(layout, "both", "parts/app:1")
        found = server.verdict(digest)
        assert found["state"] == "admitted"
        assert any("this platform is withheld" in reason["message"] for reason in found["verdict"]["reasons"])
        served = server.http.get("/v2/parts/app/manifests/1")
        assert served.headers["tidegate-withheld-platforms"] == "linux/arm64 (rejected)"
        source = f"docker://{server.address}/parts/app:1"
        for architecture, works in (("amd64", True), ("arm64", False)):
            options = ("--override-arch", architecture, "copy", "--src-tls-verify=false")
            copied = _skopeo(*options, source, f"oci:{tmp_path / architecture}:1")
            assert (copied.returncode == 0) is works, copied.stderr
        pod = f"""
apiVersion: v1
kind: Pod
metadata: {{name: web, namespace: shop}}
spec: {{containers: [{{name: main, image: "127.0.0.1:5000/parts/app@{digest}"}}]}}
"""
        assert not server.review(pod, cluster="lab", dry_run=True)["allowed"]

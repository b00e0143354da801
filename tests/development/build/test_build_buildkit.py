# SPDX-License-Identifier: Apache-2.0
"""BuildKit: how its two clients are called, and a build by a real buildkitd where there is one."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from built import BASE, Bench

from tidegate.artifact import Digest
from tidegate.builders.buildkit import BuildkitBuilder
from tidegate.builders.order import BaseLayout, BuildOrder, Secret
from tidegate.builders.program import Program

DIGEST = Digest("sha256:" + "ab" * 32)
ORDER = BuildOrder(
    context=Path("/context"),
    dockerfile=Path("/work/Dockerfile"),
    bases=(BaseLayout(alias="localhost/base:pinned", layout=Path("/bases/0"), entry="base", digest=DIGEST),),
    epoch=7,
    timeout_seconds=60,
    target="final",
    arguments={"A": "b c"},
    secrets=(Secret(id="token", path=Path("/token")),),
    ssh=("default",),
    platform="linux/amd64",
    network="none",
)


def _command(client: str, folder: Path) -> list[str]:
    program = Program(mark="x", log=folder / "log", deadline=lambda: 60.0)
    return BuildkitBuilder(folder, program, client).command(ORDER, Path("/out.tar"))


def test_buildx_is_called_so(tmp_path: Path) -> None:
    assert _command("docker", tmp_path) == [
        *("docker", "buildx", "build", "--no-cache", "--progress=plain", "--provenance=false", "--sbom=false"),
        *("--output=type=oci,dest=/out.tar", "--file=/work/Dockerfile"),
        f"--build-context=localhost/base:pinned=oci-layout:///bases/0@{DIGEST}",
        *("--target=final", "--platform=linux/amd64", "--network=none", "--build-arg=A=b c"),
        *("--secret=id=token,src=/token", "--ssh=default", "/context"),
    ]


def test_buildctl_is_called_so(tmp_path: Path) -> None:
    assert _command("buildctl", tmp_path) == [
        *("buildctl", "build", "--no-cache", "--progress=plain", "--frontend=dockerfile.v0"),
        *("--local=context=/context", "--local=dockerfile=/work", "--opt=filename=Dockerfile"),
        *("--output=type=oci,dest=/out.tar", "--oci-layout=base0=/bases/0"),
        f"--opt=context:localhost/base:pinned=oci-layout://base0@{DIGEST}",
        *("--opt=target=final", "--opt=platform=linux/amd64", "--opt=force-network-mode=none"),
        *("--opt=build-arg:A=b c", "--secret=id=token,src=/token", "--ssh=default"),
    ]


@pytest.fixture
def buildkit(bench: Bench, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A real buildkitd; the environment that leads to it."""
    if shutil.which("buildkitd") is None or shutil.which("buildctl") is None:
        pytest.skip("needs buildkitd and buildctl: go install github.com/moby/buildkit/cmd/...@v0.17.3")
    folder = tmp_path_factory.mktemp("kit")
    address = f"unix://{folder}/s"
    command = ["buildkitd", "--root", str(folder / "root"), "--addr", address, "--containerd-worker=false"]
    command += ["--oci-worker-binary", "runc", "--oci-worker-net", "host"]
    with (folder / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            until = time.monotonic() + 60
            asked = ["buildctl", "--addr", address, "debug", "workers"]
            while subprocess.run(asked, capture_output=True, check=False).returncode:
                assert process.poll() is None, (folder / "log").read_text()
                assert time.monotonic() < until, "buildkitd answers"
                time.sleep(0.1)
            yield {**bench.environment, "BUILDKIT_HOST": address}
        finally:
            process.terminate()
            process.wait(60)
    if os.geteuid() == 0:
        subprocess.run(["umount", "-l", str(folder / "root")], capture_output=True, check=False)


@pytest.mark.tools
def test_a_real_buildkit_builds_the_same_twice_without_network(bench: Bench, buildkit: dict[str, str]) -> None:
    bench.write(f"FROM {BASE} AS tools\nRUN echo hello > /hello\nFROM {BASE}\nCOPY --from=tools /hello /hello\n")
    given = ("--base", f"{BASE}=oci:base", "--with", "buildkit", "--hermetic", "--twice")
    words = ("build", "app", "-o", "oci:out", *given)
    done = bench.run(*words, "--key", "release.key:pass.txt", environment=buildkit)
    assert done.returncode == 0, done.stderr
    assert "the same to the last byte when built again" in done.stdout
    assert bench.run("verify", "oci:out", "--key", "release.pub").returncode == 0
    base = {one["digest"] for one in _manifest(bench, "base")["layers"]}
    assert base < {one["digest"] for one in _manifest(bench, "out")["layers"]}, "a base's layers stay its own"
    bench.write(f"FROM {BASE}\nRUN wget -q -O /x http://127.0.0.1:1/\n")
    assert bench.run(*words[:2], "-o", "oci:no", *given, environment=buildkit).returncode == 3


def _manifest(bench: Bench, layout: str) -> "dict[str, list[dict[str, str]]]":
    (first, *_) = bench.document(f"{layout}/index.json")["manifests"]
    return bench.document(f"{layout}/blobs/{first['digest'].replace(':', '/')}")

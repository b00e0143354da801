# SPDX-License-Identifier: Apache-2.0
"""A mended Dockerfile still builds, by podman, to an image that starts: without a shell, and not as root."""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tidegate.artifact import Digest
from tidegate.development.fixes.mending import mend

_CONF = """[containers]
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "runc"
"""
_BASE = "docker.io/library/alpine:3.20"
_DOCKERFILE = f"""# says who it is
FROM {_BASE}
COPY words /words
RUN apk --version
CMD /usr/bin/id -u
"""


class _Podman:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "containers.conf").write_text(_CONF)
        self._environment = {**os.environ, "CONTAINERS_CONF": str(folder / "containers.conf")}

    def __call__(self, *words: str) -> str:
        command = ["podman", "--root", str(self.folder / "root"), "--runroot", str(self.folder / "run"), *words]
        done = subprocess.run(command, capture_output=True, text=True, env=self._environment, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def clear(self) -> None:
        for point in ("root/overlay", "root"):
            subprocess.run(["umount", "-q", self.folder / point], check=False)


@pytest.fixture
def podman(shared_data: Path) -> Iterator[_Podman]:
    if shutil.which("podman") is None or shutil.which("runc") is None:
        pytest.skip("needs podman and runc: tools/system-packages.sh")
    with tempfile.TemporaryDirectory(prefix="tidegate-") as folder:  # podman wants a short path
        made = _Podman(Path(folder))
        try:
            made("import", str(shared_data / "images" / "alpine-minirootfs-3.20.3-x86_64.tar.gz"), _BASE)
            yield made
        finally:
            made.clear()


def test_a_mended_dockerfile_builds_and_starts_as_somebody_else(podman: _Podman, tmp_path: Path) -> None:
    context = tmp_path / "context"
    context.mkdir()
    (context / "words").write_text("hello\n")
    digest = Digest(podman("image", "inspect", "--format", "{{.Digest}}", _BASE))
    (context / "Dockerfile").write_text(_DOCKERFILE)
    before = podman("build", "-q", "--network", "none", "--pull=never", str(context))
    assert podman("run", "--rm", "--network", "none", before) == "0"

    mended = mend(_DOCKERFILE.encode(), path="Dockerfile", kind="dockerfile", resolve=lambda _: digest)
    assert {it.check for it in mended.done} == {"TG-DF-001", "TG-DF-003", "TG-DF-025"}
    (context / "Dockerfile").write_bytes(mended.raw)
    after = podman("build", "-q", "--network", "none", "--pull=never", str(context))
    (config,) = json.loads(podman("image", "inspect", after))
    assert config["Config"]["Cmd"] == ["/usr/bin/id", "-u"]
    assert podman("run", "--rm", "--network", "none", after) == "65532"
    assert podman("run", "--rm", "--network", "none", after, "cat", "/words") == "hello"

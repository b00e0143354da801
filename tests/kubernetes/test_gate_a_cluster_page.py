# SPDX-License-Identifier: Apache-2.0
"""The commands of docs/gate-a-cluster.md, as they stand there, one after the other, at a real API server."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cluster import cluster
from free_port import free_port

sys.path.append(str(Path(__file__).parents[1] / "journey"))
from whole_server import WholeServer, python_image

PAGE = Path(__file__).parents[2] / "docs" / "gate-a-cluster.md"


def _commands() -> str:
    return "\n".join(re.findall(r"^```sh\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL))


def test_the_page_works_as_it_stands(tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is missing: apt-get install curl")
    layout = tmp_path / "images"
    (tmp_path / "cluster").mkdir()
    digest = python_image(layout, "app", {"six": "1.16.0"})
    with cluster(tmp_path / "cluster", controllers=True, nodes=1) as running, WholeServer(tmp_path / "home") as server:
        server.push(layout, "app", "team/app:1")
        assert server.verdict(digest)["state"] == "admitted"
        script = _commands().replace("8443", str(free_port()))
        assert script.count("tidegate ") > 8
        (tmp_path / "script.sh").write_text(f"set -eux\ntrap 'kill $(jobs -p)' EXIT\n{script}")
        desk = tmp_path / "desk"
        desk.mkdir()
        environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(desk),
            "TIDEGATE_HOME": str(desk / "tidegate"),
            "SERVER": f"http://{server.address}",
            "KUBECONFIG": str(running.kubeconfig()),
        }
        with (tmp_path / "said").open("w+") as said:
            done = subprocess.run(
                ["bash", str(tmp_path / "script.sh")],
                env=environment, cwd=desk, stdout=said, stderr=subprocess.STDOUT, timeout=280, check=False,
            )  # fmt: skip
            said.seek(0)
            told = said.read()
        assert done.returncode == 0, told[-4000:]
        pinned = f"registry.example/team/app:1@{digest}"
        for wanted in (pinned, "kept out, as it should be", "execution.workload.denied"):
            assert wanted in told, told[-4000:]
        assert "recalled" in told.rpartition("tidegate incident list")[2], told[-4000:]

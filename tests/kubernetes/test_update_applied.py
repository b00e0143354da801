# SPDX-License-Identifier: Apache-2.0
"""From a recall to the mended image in the cluster: found by a real server, approved, rolled out by the command."""

import sys
from pathlib import Path

import pytest

from cluster import cluster
from tidegate.clock import system_clock
from tidegate.knowledge.seed import build_seed

sys.path.append(str(Path(__file__).parents[1] / "journey"))

from whole_server import WholeServer, python_image, run_tidegate

IMAGE = "127.0.0.1:5000/team/web:1.0.0"
DEPLOYMENT = f"""
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web, namespace: default}}
spec:
  replicas: 2
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}}}
    spec:
      containers: [{{name: web, image: "{IMAGE}"}}]
"""


def _push(server: WholeServer, layout: Path, tag: str, h11: str) -> str:
    digest = python_image(layout, tag, {"h11": h11})
    server.push(layout, tag, f"team/web:{tag}")
    assert server.verdict(digest)["state"] == "admitted"
    return digest


def test_a_recalled_image_that_runs_is_replaced_by_the_mended_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    (tmp_path / "cluster").mkdir()
    (tmp_path / "web.yaml").write_text(DEPLOYMENT)
    with cluster(tmp_path / "cluster", controllers=True, nodes=1) as running, WholeServer(home) as server:
        monkeypatch.setenv("TIDEGATE_KUBERNETES_CONFIG_FILE", str(running.kubeconfig()))
        running.kubectl("apply", "-f", str(tmp_path / "web.yaml"))
        _push(server, tmp_path / "images", "1.0.0", "0.14.0")
        assert server.review(DEPLOYMENT, cluster="lab")["allowed"]
        build_seed(home / "knowledge.db", made_at=system_clock(), later=True)
        server.wait_for_event("curation.image.recalled")
        fixed = _push(server, tmp_path / "images", "1.0.1", "0.16.0")
        update = server.wait_for_event("execution.update.proposed")["data"]["update"]
        words = (update[:12], "--server", f"http://{server.address}")
        asked = run_tidegate(home, "update", "apply", *words)
        assert (asked.returncode, "waits for another person" in asked.stderr) == (1, True), asked
        assert run_tidegate(home, "update", "approve", *words).returncode == 1, "by who asked for it"
        assert run_tidegate(home, "update", "approve", update[:12]).returncode == 0, "by whoever holds the record"
        applied = run_tidegate(home, "update", "apply", *words)
        assert applied.returncode == 0, applied
        image = running.kubectl("get", "deployment", "web", "-o", "jsonpath={.spec.template.spec.containers[0].image}")
        assert image.out == f"127.0.0.1:5000/team/web:1.0.1@{fixed}"
        found = server.api(f"/updates/{update}")
        assert (found["state"], found["outcome"]) == ("done", "healthy for 30 s: all of it is ready")
        assert run_tidegate(home, "update", "apply", *words).returncode == 1, "it is done"

# SPDX-License-Identifier: Apache-2.0
"""`tidegate netpol diff --live` and `generate --live` against a real API server."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml
from webhook_cluster import pod

from cluster import Cluster

FLOWS = """
apiVersion: tidegate.dev/v1
kind: NetworkFlows
metadata: {name: shop}
spec:
  segments:
    - {name: web, namespace: shop, labels: {app: web}}
    - {name: api, namespace: shop, labels: {app: api}}
  flows:
    - {from: web, to: api, ports: [8080]}
"""


def netpol(cluster: Cluster, *words: str) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "TIDEGATE_KUBERNETES_CONFIG_FILE": str(cluster.kubeconfig())}
    command = [sys.executable, "-m", "tidegate", "netpol", *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=300)


def runs(cluster: Cluster, name: str, address: str) -> None:
    document = pod(name, "team/app:1", labels={"app": name}, namespace="shop")
    cluster.kubectl("create", "-f", "-", given=document)
    status = {"status": {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}]}}
    cluster.kubectl(
        "patch", "pod", name, "-n", "shop", "--subresource=status", "--type=merge", "-p", json.dumps(status)
    )


def lacks(done: "subprocess.CompletedProcess[str]") -> set[tuple[str, str]]:
    found: list[Any] = json.loads(done.stdout)["differences"]
    return {
        (one["lack"], one["source"] or one["policies"][0]) for one in found if not one["source"].startswith("kube-")
    }


def test_a_cluster_is_closed_step_by_step(apiserver: Cluster, tmp_path: Path) -> None:
    apiserver.kubectl("create", "namespace", "shop")
    runs(apiserver, "web", "10.1.0.7")
    runs(apiserver, "api", "10.1.0.8")
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "api", "namespace": "shop"},
        "spec": {"selector": {"app": "api"}, "ports": [{"port": 80, "targetPort": 8080}]},
    }
    made = json.loads(apiserver.kubectl("create", "-o", "json", "-f", "-", given=service).out)
    (tmp_path / "flows.yaml").write_text(FLOWS)
    line = {"source": {"address": "10.1.0.7"}, "destination": {"address": made["spec"]["clusterIP"]}, "port": 80}
    (tmp_path / "seen.jsonl").write_text(json.dumps(line) + "\n")
    declared, seen = str(tmp_path / "flows.yaml"), str(tmp_path / "seen.jsonl")

    before = netpol(apiserver, "diff", declared, "--live", "--format", "json")
    assert before.returncode == 1, before.stderr
    assert {("open", "shop"), ("bare", "shop/Pod/web"), ("bare", "shop/Pod/api")} <= lacks(before)

    drafted = netpol(apiserver, "generate", "--observed", seen, "--live")
    (policy,) = [one for one in yaml.safe_load_all(drafted.stdout) if one["metadata"]["name"] == "tidegate-shop-api"]
    assert policy["spec"]["ingress"][0]["ports"] == [{"port": 8080, "protocol": "TCP"}]

    generated = netpol(apiserver, "generate", declared)
    for document in yaml.safe_load_all(generated.stdout):
        apiserver.kubectl("apply", "-f", "-", given=document)
    after = netpol(apiserver, "diff", declared, "--live", "--observed", seen, "--format", "json")
    assert after.returncode == 0, after.stdout
    assert lacks(after) == set()

    apiserver.kubectl("delete", "pod", "api", "-n", "shop", "--force")
    gone = netpol(apiserver, "diff", "--live", "--format", "json")
    assert gone.returncode == 0, gone.stderr
    assert lacks(gone) == {("idle", "shop")}

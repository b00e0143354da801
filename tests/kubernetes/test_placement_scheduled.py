# SPDX-License-Identifier: Apache-2.0
"""Placement at the real scheduler: classes that must not meet share no node, pools are kept."""

import tempfile
from pathlib import Path
from typing import Any

import pytest

from cluster import Cluster, cluster
from tidegate.execution.placing.place import place_workload
from tidegate.execution.placing.strategy_file import load_strategies
from tidegate.execution.workload import parse_workload

STRATEGIES = """\
apiVersion: tidegate.dev/v1
kind: PlacementStrategies
metadata: {name: house}
spec:
  strategies:
    - {name: public, namespaces: [web], class: public, spread: [{over: kubernetes.io/hostname}]}
    - {name: secret, namespaces: [bank], class: secret}
    - name: pool
      namespaces: [pool]
      class: secret
      nodes: {pool: [secret, vault]}
      taints: [pool=secret:NoSchedule]
  isolation:
    apart: [[public, secret]]
"""
NODES = 4


def _pod(namespace: str, number: int) -> dict[str, Any]:
    strategies = load_strategies({"house.yaml": STRATEGIES})
    metadata = {"name": f"p{number}", "namespace": namespace, "labels": {"app": namespace}}
    spec = {"containers": [{"name": "a", "image": "registry.example/a:1"}]}
    document = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
    placed = place_workload(parse_workload(document, where="pod"), strategies)
    assert placed.conflicts == ()
    return dict(placed.workload.document)


def _pods(running: Cluster) -> list[dict[str, Any]]:
    found = running.client().get("/api/v1/pods").json()["items"]
    return [pod for pod in found if pod["metadata"]["namespace"] in {"web", "bank", "pool"}]


def _is_decided(pod: dict[str, Any]) -> bool:
    conditions = pod.get("status", {}).get("conditions") or []
    return bool(pod["spec"].get("nodeName")) or any(one.get("reason") == "Unschedulable" for one in conditions)


@pytest.mark.tools
def test_classes_share_no_node_of_the_real_scheduler() -> None:
    with (
        tempfile.TemporaryDirectory(prefix="tg-placing-") as folder,
        cluster(Path(folder), controllers=True, nodes=NODES) as running,
    ):
        running.kubectl("label", "node", "node-3", "pool=secret")
        running.kubectl("taint", "node", "node-3", "pool=secret:NoSchedule")
        client = running.client()
        for namespace in ("web", "bank", "pool"):
            made = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
            assert client.post("/api/v1/namespaces", json=made).status_code == 201
            path = f"/api/v1/namespaces/{namespace}/serviceaccounts/default"
            running.wait(lambda path=path: client.get(path).status_code == 200, f"the account of {namespace}")  # type: ignore[misc]
        for number in range(4):
            for namespace in ("web", "bank", "pool"):
                answer = client.post(f"/api/v1/namespaces/{namespace}/pods", json=_pod(namespace, number))
                assert answer.status_code == 201, answer.text
        running.wait(lambda: len(pods := _pods(running)) == 12 and all(map(_is_decided, pods)), "12 pods decided")
        where: dict[str, set[str]] = {}
        placed = [pod for pod in _pods(running) if pod["spec"].get("nodeName")]
        for pod in placed:
            where.setdefault(pod["spec"]["nodeName"], set()).add(pod["metadata"]["labels"]["tidegate.dev/data-class"])
        assert all(len(classes) == 1 for classes in where.values()), where
        by_namespace = {
            name: {p["spec"]["nodeName"] for p in placed if p["metadata"]["namespace"] == name}
            for name in ("web", "bank", "pool")
        }
        assert by_namespace["pool"] == {"node-3"}
        assert by_namespace["web"]
        assert "node-3" not in by_namespace["web"] | by_namespace["bank"]

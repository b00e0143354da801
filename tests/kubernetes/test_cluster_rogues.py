# SPDX-License-Identifier: Apache-2.0
"""From a pod that nobody admitted in a real cluster to an incident at the server, and steps taken at its API server."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from watcher import NAME, Watched

from cluster import Cluster, cluster
from tidegate.cluster.held import WHY

POLICY = """apiVersion: tidegate.dev/v1
kind: ResponsePolicy
metadata: {name: tests}
spec:
  rules:
    - {name: rogue, acts: [unadmitted], namespaces: [default], steps: [annotate, scale-to-zero]}
  limits: {perNode: 20, namespacePercent: 100, workloadPercent: 100}
  approval: []
"""


@pytest.fixture(scope="module")
def controlled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with cluster(tmp_path_factory.mktemp("controlled"), controllers=True, nodes=1) as running:
        yield running


@pytest.fixture
def watched(tmp_path: Path, controlled: Cluster) -> Iterator[Watched]:
    policy = tmp_path / "response.yaml"
    policy.write_text(POLICY)
    environment = {"TIDEGATE_EXECUTION_RESPONSE_FILES": str(policy)}
    with Watched(tmp_path, controlled.kubeconfig(), environment) as made:
        key = tmp_path / "server.pub"
        key.write_text(made.root.get("/keys").json()["keys"][0]["public_key"])
        made.watch(TIDEGATE_CLUSTER_SERVER_KEYS=str(key))
        yield made


def deployment(name: str) -> dict[str, Any]:
    template = {
        "metadata": {"labels": {"app": name}},
        "spec": {"containers": [{"name": "app", "image": "registry.example/unheard:1"}]},
    }
    spec = {"replicas": 1, "selector": {"matchLabels": {"app": name}}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}


def test_a_workload_that_nobody_admitted_is_found_and_put_at_zero(controlled: Cluster, watched: Watched) -> None:
    controlled.kubectl("create", "-f", "-", given=deployment("rogue"))
    controlled.kubectl("create", "-n", "kube-system", "-f", "-", given=deployment("system"))

    def at_zero() -> bool:
        found = controlled.kubectl("get", "deployment", "rogue", "-o", "json").document
        return found["spec"]["replicas"] == 0 and WHY in found["metadata"]["annotations"]

    watched.wait_for(at_zero, "the steps of the policy")  # what is said on it is said before it goes
    (incident,) = watched.root.get("/incidents").json()["incidents"]
    assert (incident["rule"], incident["node"], incident["seen"]["act"]) == ("rogue", NAME, "unadmitted")
    watched.wait_for(lambda: len(watched.running()) == 1, "what is left")
    (system,) = watched.root.get("/inventory", params={"rogue": "true"}).json()["runs"]
    assert (system["container"]["namespace"], system["standing"]) == ("kube-system", "unidentified")
    (ran,) = watched.root.get("/inventory", params={"past": "true"}).json()["runs"]
    assert (ran["owner"], ran["container"]["namespace"]) == ({"kind": "Deployment", "name": "rogue"}, "default")

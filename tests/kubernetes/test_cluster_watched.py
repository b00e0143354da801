# SPDX-License-Identifier: Apache-2.0
"""What runs in a real cluster is on record at a real server, whoever is away or killed in between."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from watcher import NAME, Watched

from cluster import Cluster, cluster, start_apiserver

DIGEST = "sha256:" + "5" * 64


@pytest.fixture(scope="module")
def controlled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with cluster(tmp_path_factory.mktemp("controlled"), controllers=True, nodes=2) as running:
        yield running


@pytest.fixture
def watched(tmp_path: Path, controlled: Cluster) -> Iterator[Watched]:
    with Watched(tmp_path, controlled.kubeconfig()) as made:
        yield made
    controlled.kubectl("delete", "deployments,cronjobs,jobs,pods", "--all", "--wait=false")
    client = controlled.client()
    controlled.wait(lambda: not client.get("/api/v1/namespaces/default/pods").json()["items"], "an empty namespace")


def deployment(name: str, replicas: int) -> dict[str, Any]:
    template = {
        "metadata": {"labels": {"app": name}},
        "spec": {"containers": [{"name": "app", "image": f"registry.example/{name}@{DIGEST}"}]},
    }
    spec = {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}


def scale(controlled: Cluster, name: str, replicas: int) -> None:
    controlled.kubectl("scale", f"deployment/{name}", f"--replicas={replicas}")


def names(controlled: Cluster) -> set[tuple[str, str]]:
    """Pods that run, as the API server says."""
    found = controlled.client().get("/api/v1/namespaces/default/pods").json()["items"]
    return {(one["metadata"]["name"], "app") for one in found if one["status"].get("phase") == "Running"}


def test_pods_are_on_record_with_what_they_are_of_and_go_when_they_do(controlled: Cluster, watched: Watched) -> None:
    controlled.kubectl("create", "-f", "-", given=deployment("web", 3))
    watched.watch()
    watched.wait_for(lambda: len(watched.running()) == 3, "three pods")
    one = watched.running()[0]["container"]
    assert (one["namespace"], one["name"], one["image"]) == ("default", "app", f"registry.example/web@{DIGEST}")
    assert one["host"].startswith("node-")
    assert one["started_at"]
    assert one["starter"] == "kube-controller-manager"
    scale(controlled, "web", 1)
    watched.wait_for(lambda: len(watched.running()) == 1, "one pod")
    (cluster_,) = watched.root.get("/nodes").json()["nodes"]
    assert (cluster_["name"], cluster_["kind"], cluster_["state"]) == (NAME, "cluster", "watched")
    assert watched.end_watcher() == 0
    (cluster_,) = watched.root.get("/nodes").json()["nodes"]
    assert cluster_["state"] == "ended"


def test_killed_amid_changes_nothing_is_lost_and_nothing_is_twice(controlled: Cluster, watched: Watched) -> None:
    controlled.kubectl("create", "-f", "-", given=deployment("a", 5))
    watched.watch()
    watched.wait_for(lambda: len(watched.running()) == 5, "five pods")
    for turn in range(3):
        scale(controlled, "a", 2 + turn)
        watched.kill_watcher()
        controlled.kubectl("create", "-f", "-", given=deployment(f"b{turn}", 2))
        watched.watch()
        watched.kill_server()
        scale(controlled, "a", 6 - turn)
        controlled.kubectl("delete", "deployment", f"b{turn}")
        watched.serve()
    scale(controlled, "a", 3)
    watched.wait_for(
        lambda: len(names(controlled)) == 3 and watched.pods() == names(controlled), "the same on both sides"
    )


def test_the_api_server_may_go_and_come_back(controlled: Cluster, watched: Watched) -> None:
    controlled.kubectl("create", "-f", "-", given=deployment("web", 2))
    watched.watch()
    watched.wait_for(lambda: len(watched.running()) == 2, "two pods")
    controlled.stop("kube-apiserver")
    start_apiserver(controlled)
    scale(controlled, "web", 4)
    watched.wait_for(lambda: len(watched.running()) == 4, "four pods")

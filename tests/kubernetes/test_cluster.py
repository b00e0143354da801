# SPDX-License-Identifier: Apache-2.0
"""The control plane that other tests stand on."""

import tempfile
from pathlib import Path

from cluster import Cluster, cluster

POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "one"},
    "spec": {"containers": [{"name": "app", "image": "registry.example/app:1"}]},
}


def test_the_api_server_takes_pods_of_several_users(apiserver: Cluster) -> None:
    assert apiserver.kubectl("create", "-f", "-", given=POD, user="developer").code == 0
    found = apiserver.kubectl("get", "pod", "one", "-o", "json").document
    assert found["spec"]["containers"][0]["image"] == "registry.example/app:1"
    assert apiserver.client("nobody").get("/api/v1/pods").status_code == 401


def test_controllers_make_pods_and_fake_nodes_run_them() -> None:
    labels = {"app": "web"}
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": POD["spec"]},
        },
    }
    with (
        tempfile.TemporaryDirectory(prefix="tg-cluster-") as folder,
        cluster(Path(folder), controllers=True, nodes=1) as running,
    ):
        running.kubectl("create", "-f", "-", given=deployment)
        client = running.client()

        def both_run() -> bool:
            pods = client.get("/api/v1/namespaces/default/pods").json()["items"]
            return [pod["status"].get("phase") for pod in pods] == ["Running", "Running"]

        running.wait(both_run, "two running pods")

# SPDX-License-Identifier: Apache-2.0
"""Steps of a response at a real API server, with real controllers and fake nodes, and no more rights than they need."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from cluster import Cluster, cluster
from tidegate.cluster.held import ISOLATED, WHY
from tidegate.cluster.step_rights import STEP_RULES
from tidegate.cluster.steps import ClusterSteps
from tidegate.execution.order import Order, PodOf
from tidegate.execution.response_policy import Step
from tidegate.kubernetes.objects import Objects
from tidegate.reporting.spool import Spool

_SERVED = ("resourceVersion", "managedFields", "generation")


class Shop:
    """A cluster with a shop in it, and what takes steps there as an account of its own."""

    def __init__(self, running: Cluster, spool: Spool, http: httpx.Client) -> None:
        self.cluster = running
        self.admin = running.client()
        self.steps = ClusterSteps(Objects(http), spool, own_namespace="tidegate", most_per_hour=1000)
        self._orders = 0

    def get(self, path: str) -> Any:
        answer = self.admin.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def deploy(self, name: str, *, replicas: int, kind: str = "Deployment") -> None:
        labels = {"app": name, "tier": "front"}
        template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "app", "image": "web:1"}]}}
        spec = {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": template}
        document = {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name}, "spec": spec}
        self.cluster.kubectl("create", "-n", "default", "-f", "-", given=document)
        self.wait(lambda: len(self.running(name)) == replicas, f"{replicas} pods of {name}")

    def running(self, name: str) -> list[Any]:
        found = self.get(f"/api/v1/namespaces/default/pods?labelSelector=app%3D{name}")["items"]
        return [
            one
            for one in found
            if one["status"].get("phase") == "Running" and "deletionTimestamp" not in one["metadata"]
        ]

    def order(self, step: Step, pod: Any, *, undoes: str = "") -> Order:
        self._orders += 1
        meta = pod["metadata"]
        of = PodOf(namespace="default", name=meta["name"], uid=meta["uid"], host=pod["spec"].get("nodeName", ""))
        return Order(
            id=f"{self._orders:032x}",
            node="tests",
            container="ab" * 32,
            step=step,
            undoes=undoes,
            why="a test",
            pod=of,
            issued_at="2026-11-30T00:00:00Z",
            expires_at="2026-11-30T00:05:00Z",
        )

    def do(self, step: Step, pod: Any) -> Callable[[], str]:
        """Takes a step, and gives back what takes it back."""
        made = self.order(step, pod)
        done = self.steps(made)
        assert done.done, done.what

        def undo() -> str:
            back = self.steps(self.order(step, pod, undoes=made.id))
            assert back.done, back.what
            return back.what

        return undo

    def wait(self, condition: Callable[[], object], what: str) -> None:
        self.cluster.wait(condition, what, seconds=120)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("cluster")
    with cluster(folder, controllers=True, nodes=2) as running, Spool(folder / "spool.db") as spool:
        _give_rights(running)
        http = running.client()
        http.headers["Impersonate-User"] = "tidegate-steps"
        yield Shop(running, spool, http)


def _give_rights(running: Cluster) -> None:
    group = "rbac.authorization.k8s.io"
    role = {
        "apiVersion": f"{group}/v1",
        "kind": "ClusterRole",
        "metadata": {"name": "tidegate-steps"},
        "rules": list(STEP_RULES),
    }
    binding = {
        "apiVersion": f"{group}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "tidegate-steps"},
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": "tidegate-steps"},
        "subjects": [{"kind": "User", "name": "tidegate-steps", "apiGroup": group}],
    }
    for document in (role, binding):
        running.kubectl("apply", "-f", "-", given=document)


def as_kept(found: Any) -> Any:
    """An object without what the server counts and its controllers tell."""
    metadata = {key: value for key, value in found["metadata"].items() if key not in _SERVED}
    notes = {key: value for key, value in metadata.get("annotations", {}).items() if "revision" not in key}
    return {"metadata": {**metadata, "annotations": notes}, "spec": found["spec"]}


def test_a_pod_and_its_workload_are_marked_and_as_before(shop: Shop) -> None:
    shop.deploy("marked", replicas=1)
    (pod,) = shop.running("marked")
    path, above = (
        f"/api/v1/namespaces/default/pods/{pod['metadata']['name']}",
        "/apis/apps/v1/namespaces/default/deployments/marked",
    )
    before = [as_kept(shop.get(one)) for one in (path, above)]
    backs = [shop.do(step, pod) for step in (Step.LABEL, Step.ANNOTATE)]
    assert "tidegate.dev/incident" in shop.get(path)["metadata"]["labels"]
    assert shop.get(above)["metadata"]["annotations"][WHY].startswith("a test")
    for back in backs:
        back()
    assert [as_kept(shop.get(one)) for one in (path, above)] == before


def test_a_pod_is_cut_off_by_a_policy_of_its_own(shop: Shop) -> None:
    shop.deploy("cut", replicas=2)
    policy = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "front"},
        "spec": {"podSelector": {"matchLabels": {"tier": "front"}}, "ingress": [{}]},
    }
    shop.cluster.kubectl("create", "-n", "default", "-f", "-", given=policy)
    pod, other = shop.running("cut")
    path = f"/api/v1/namespaces/default/pods/{pod['metadata']['name']}"
    before = as_kept(shop.get(path))
    undo = shop.do(Step.ISOLATE, pod)
    (made,) = [
        one
        for one in shop.get("/apis/networking.k8s.io/v1/namespaces/default/networkpolicies")["items"]
        if one["metadata"]["name"] != "front"
    ]
    assert made["spec"]["podSelector"] == {"matchLabels": {ISOLATED: pod["metadata"]["uid"]}}
    assert (made["spec"]["policyTypes"], "ingress" in made["spec"]) == (["Ingress", "Egress"], False)
    selected = shop.get(f"/api/v1/namespaces/default/pods?labelSelector={ISOLATED}%3D{pod['metadata']['uid']}")["items"]
    assert [one["metadata"]["name"] for one in selected] == [pod["metadata"]["name"]]
    assert "tier" not in selected[0]["metadata"]["labels"]
    assert as_kept(shop.get(f"/api/v1/namespaces/default/pods/{other['metadata']['name']}")) == as_kept(other)
    undo()
    assert as_kept(shop.get(path)) == before
    left = shop.get("/apis/networking.k8s.io/v1/namespaces/default/networkpolicies")["items"]
    assert [one["metadata"]["name"] for one in left] == ["front"]
    shop.cluster.kubectl("delete", "networkpolicy", "front", "-n", "default")


def test_a_workload_at_zero_and_back_though_a_scaler_watches(shop: Shop) -> None:
    shop.deploy("scaled", replicas=3)
    shop.cluster.kubectl("autoscale", "deployment", "scaled", "-n", "default", "--min=2", "--max=4")
    above = "/apis/apps/v1/namespaces/default/deployments/scaled"
    before = as_kept(shop.get(above))
    undo = shop.do(Step.SCALE_TO_ZERO, shop.running("scaled")[0])
    shop.wait(lambda: not shop.running("scaled"), "no pod of it")
    assert undo() == "Deployment default/scaled is at 3"
    between = "/apis/apps/v1/namespaces/default/replicasets?labelSelector=app%3Dscaled"
    assert all("held" not in json.dumps(one["metadata"]["annotations"]) for one in shop.get(between)["items"])
    shop.wait(lambda: len(shop.running("scaled")) == 3, "its three pods")
    assert as_kept(shop.get(above)) == before


def test_a_cron_job_is_suspended_with_its_job(shop: Shop) -> None:
    waits = {"no-node": "has-this"}  # one that runs ends by itself here
    pod = {"restartPolicy": "Never", "nodeSelector": waits, "containers": [{"name": "app", "image": "web:1"}]}
    spec = {"schedule": "0 0 1 1 *", "jobTemplate": {"spec": {"template": {"spec": pod}}}}
    document = {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "nightly"}, "spec": spec}
    shop.cluster.kubectl("create", "-n", "default", "-f", "-", given=document)
    shop.cluster.kubectl("create", "job", "nightly-1", "--from=cronjob/nightly", "-n", "default")
    jobs = "/api/v1/namespaces/default/pods?labelSelector=job-name%3Dnightly-1"
    shop.wait(lambda: shop.get(jobs)["items"], "a pod of the job")
    undo = shop.do(Step.SCALE_TO_ZERO, shop.get(jobs)["items"][0])
    paths = [f"/apis/batch/v1/namespaces/default/{one}" for one in ("cronjobs/nightly", "jobs/nightly-1")]
    assert [shop.get(one)["spec"]["suspend"] for one in paths] == [True, True]
    shop.wait(lambda: not shop.get(jobs)["items"], "no pod of the job")
    undo()
    assert [shop.get(one)["spec"].get("suspend", False) for one in paths] == [False, False]


def test_a_disruption_budget_holds_an_eviction_and_not_a_deletion(shop: Shop) -> None:
    shop.deploy("budget", replicas=1)
    (pod,) = shop.running("budget")
    shop.cluster.kubectl("create", "pdb", "budget", "-n", "default", "--selector=app=budget", "--min-available=1")
    told = "/apis/policy/v1/namespaces/default/poddisruptionbudgets/budget"
    shop.wait(lambda: shop.get(told).get("status", {}).get("currentHealthy") == 1, "the budget's count")
    refused = shop.steps(shop.order(Step.EVICT, pod))
    assert (refused.done, "disruption budget does not let it go now" in refused.what) == (False, True), refused.what
    assert [one["metadata"]["uid"] for one in shop.running("budget")] == [pod["metadata"]["uid"]]
    shop.do(Step.DELETE, pod)
    shop.wait(lambda: pod["metadata"]["uid"] not in uids(shop, "budget"), "the pod gone")
    shop.cluster.kubectl("delete", "pdb", "budget", "-n", "default")
    shop.wait(lambda: len(shop.running("budget")) == 1, "another in its place")
    (again,) = shop.running("budget")
    shop.do(Step.EVICT, again)
    shop.wait(lambda: again["metadata"]["uid"] not in uids(shop, "budget"), "that one gone, too")


def uids(shop: Shop, name: str) -> list[str]:
    found = shop.get(f"/api/v1/namespaces/default/pods?labelSelector=app%3D{name}")["items"]
    return [one["metadata"]["uid"] for one in found]


def test_another_pod_of_its_name_is_let_be(shop: Shop) -> None:
    bare = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "named"},
        "spec": {"containers": [{"name": "app", "image": "web:1"}]},
    }
    shop.cluster.kubectl("create", "-n", "default", "-f", "-", given=bare)
    path = "/api/v1/namespaces/default/pods/named"
    old = shop.get(path)
    shop.cluster.kubectl("delete", "pod", "named", "-n", "default", "--grace-period=0", "--force")
    shop.cluster.kubectl("create", "-n", "default", "-f", "-", given=bare)
    shop.wait(lambda: shop.get(path)["status"].get("phase") == "Running", "the other pod")
    new = as_kept(shop.get(path))
    for step in (Step.LABEL, Step.ISOLATE, Step.EVICT, Step.DELETE):
        shop.steps(shop.order(step, old))
    assert as_kept(shop.get(path)) == new


def test_a_node_takes_no_pods_and_takes_them_again(shop: Shop) -> None:
    shop.deploy("placed", replicas=1)
    (pod,) = shop.running("placed")
    path = f"/api/v1/nodes/{pod['spec']['nodeName']}"
    undo = shop.do(Step.CORDON, pod)
    assert shop.get(path)["spec"]["unschedulable"] is True
    shop.wait(lambda: "unschedulable" in json.dumps(shop.get(path)["spec"].get("taints", [])), "the taint")
    undo()
    assert "unschedulable" not in shop.get(path)["spec"]


def test_it_has_no_more_rights_than_that(shop: Shop, tmp_path: Path) -> None:
    assert tmp_path.exists()
    for verb, what in (
        ("create", "pods"),
        ("get", "secrets"),
        ("delete", "deployments.apps"),
        ("list", "pods"),
        ("create", "pods/exec"),
    ):
        words = ("auth", "can-i", verb, what, "--as=tidegate-steps", "-n", "default")
        assert shop.cluster.kubectl(*words, check=False).out.strip() == "no", (verb, what)

# SPDX-License-Identifier: Apache-2.0
"""A person, or the policy, answers for pods of a real cluster: a real server, its watcher, its commands."""

import json
import os
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from test_cluster_watched import deployment
from watcher import NAME, TOKEN, Watched

from cluster import Cluster, cluster
from tidegate.cluster.held import WHY
from tidegate.oci.credentials import Credentials, Keyring
from tidegate.oci.push import Pusher
from tidegate.oci.registry import RegistryClient
from tidegate.outbound import Outbound

sys.path.append(str(Path(__file__).parents[1] / "journey"))

from whole_server import python_image

from tidegate.artifact import Reference

POLICY = """apiVersion: tidegate.dev/v1
kind: ResponsePolicy
metadata: {name: tests}
spec:
  rules:
    - {name: recalled, acts: [recalled], steps: [annotate, isolate, freeze], workloadPercent: 100}
"""
PASSWORD = "correct horse battery staple"
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
POLICIES = "/apis/networking.k8s.io/v1/namespaces/default/networkpolicies"


class Answering:
    """A cluster whose watcher takes orders, and two people who answer for it."""

    def __init__(self, running: Cluster, watched: Watched) -> None:
        self.watched = watched
        self.admin = running.client()
        for name in ("anna", "bob"):
            user = {"kind": "user", "name": name, "password": PASSWORD}
            assert watched.root.post("/principals", json=user).status_code == 201
            grant = {"holder": name, "pattern": "**", "verbs": ["respond", "approve", "audit"]}
            assert watched.root.post("/grants", json=grant).status_code == 201

    def get(self, path: str) -> Any:
        answer = self.admin.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def command(self, who: str, *words: str, status: int = 0) -> Any:
        """What `tidegate` says to somebody."""
        login = self.watched.folder / f"login-{who}.json"
        host, word = self.watched.address.removeprefix("http://"), b64encode(f"{who}:{PASSWORD}".encode()).decode()
        login.write_text(json.dumps({"auths": {host: {"auth": word}}}))
        environment = {
            **os.environ,
            "TIDEGATE_HOME": str(self.watched.folder / who),
            "TIDEGATE_CLIENT_LOGIN_FILE": str(login),
            "TIDEGATE_CLIENT_SERVER": self.watched.address,
        }
        command = [sys.executable, "-m", "tidegate", *words]
        ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=300)
        assert ran.returncode == status, (ran.stdout, ran.stderr)
        return json.loads(ran.stdout) if ran.stdout else ran.stderr

    def pods(self, name: str) -> list[dict[str, Any]]:
        """Containers of a Deployment's pods, as the server knows them."""
        return [one["container"] for one in self.watched.running() if one["container"]["pod"].startswith(f"{name}-")]

    def responses(self, **wanted: str) -> list[dict[str, Any]]:
        page = self.watched.root.get("/responses").json()["responses"]
        return [one for one in page if all(one[key] == value for key, value in wanted.items())]


@pytest.fixture(scope="module")
def answering(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Answering]:
    folder = tmp_path_factory.mktemp("answering")
    (folder / "response.yaml").write_text(POLICY)
    environment = {"TIDEGATE_EXECUTION_RESPONSE_FILES": str(folder / "response.yaml")}
    with (
        cluster(tmp_path_factory.mktemp("cluster"), controllers=True, nodes=2) as running,
        Watched(folder, running.kubeconfig(), environment) as watched,
    ):
        key = folder / "server.pub"
        key.write_text(watched.root.get("/keys").json()["keys"][0]["public_key"])
        watched.watch(TIDEGATE_CLUSTER_SERVER_KEYS=str(key))
        yield Answering(running, watched)


def create(answering: Answering, name: str, replicas: int, image: str = "") -> None:
    document = deployment(name, replicas)
    if image:
        document["spec"]["template"]["spec"]["containers"][0]["image"] = image
    made = answering.admin.post(DEPLOYMENTS, json=document)
    assert made.status_code == 201, made.text
    answering.watched.wait_for(lambda: len(answering.pods(name)) == replicas, f"pods of {name}")


def say_image(answering: Answering, pod: str, image: str) -> None:
    """Has a pod's status say which image runs, as a kubelet does and the fake nodes do not."""
    identity = f"containerd://{sha256(pod.encode()).hexdigest()}"
    state = {"running": {"startedAt": "2026-11-30T00:00:00Z"}}
    told = {"name": "app", "image": image, "imageID": image, "containerID": identity, "state": state, "restartCount": 0}
    status = {"containerStatuses": [{**told, "ready": True}]}
    path, kind = f"/api/v1/namespaces/default/pods/{pod}/status", "application/strategic-merge-patch+json"
    answer = answering.admin.patch(path, json={"status": status}, headers={"Content-Type": kind})
    assert answer.status_code == 200, answer.text


def test_a_workload_at_zero_by_hand_and_back(answering: Answering) -> None:
    create(answering, "web", 2)
    pod = f"default/{answering.pods('web')[0]['pod']}"
    asked = answering.command("anna", "respond", "ask", pod, "--step", "scale-to-zero", "--why", "INC-77")
    (waiting,) = asked["responses"]
    assert (waiting["state"], waiting["node"]) == ("asked", NAME)
    assert answering.get(f"{DEPLOYMENTS}/web")["spec"]["replicas"] == 2
    done = answering.command("bob", "respond", "approve", waiting["id"], "--wait", "120")
    assert (done["state"], "Deployment default/web" in done["outcome"]) == ("done", True), done
    assert answering.get(f"{DEPLOYMENTS}/web")["spec"]["replicas"] == 0
    answering.watched.wait_for(lambda: not answering.pods("web"), "no pod of it")
    back = answering.command("anna", "respond", "undo", waiting["id"], "--why", "it was nothing", "--wait", "120")
    assert (back["state"], back["outcome"]) == ("done", "Deployment default/web is at 2")
    answering.watched.wait_for(lambda: len(answering.pods("web")) == 2, "its two pods")


def test_what_no_cluster_can_do_is_said(answering: Answering) -> None:
    create(answering, "cold", 1)
    pod = f"default/{answering.pods('cold')[0]['pod']}"
    said = answering.command("anna", "respond", "ask", pod, "--step", "freeze", "--why", "INC-78", status=1)
    assert "no sensor watches its node, and a cluster cannot freeze" in said


def test_from_recall_to_a_pod_that_is_cut_off(answering: Answering, tmp_path: Path) -> None:
    host = answering.watched.address.removeprefix("http://")
    digest = python_image(tmp_path / "image", "one", {"h11": "0.14.0"})
    with Outbound() as outbound:
        keyring = Keyring({host: Credentials(username="root", password=TOKEN)})
        client = RegistryClient(outbound, keyring=keyring)
        Pusher(client, Reference.parse(f"{host}/team/app:1")).push_layout(tmp_path / "image", tag="one")
    answering.watched.wait_for(
        lambda: answering.watched.root.get(f"/images/{digest}").json()["state"] == "admitted", "the verdict"
    )
    create(answering, "app", 2, f"{host}/team/app@{digest}")
    for one in answering.pods("app"):
        say_image(answering, one["pod"], f"{host}/team/app@{digest}")
    answering.watched.wait_for(lambda: {one["digest"] for one in answering.pods("app")} == {digest}, "their digest")
    began = time.monotonic()
    answer = answering.watched.root.post(f"/images/{digest}/recall", json={"reason": "it is stolen"})
    assert answer.status_code == 200, answer.text
    answering.watched.wait_for(lambda: len(answering.get(POLICIES)["items"]) == 2, "both cut off")
    print(json.dumps({"from recall to NetworkPolicies of two pods, seconds": round(time.monotonic() - began, 2)}))
    uids = {one["pod_uid"] for one in answering.pods("app")}
    assert {one["metadata"]["name"] for one in answering.get(POLICIES)["items"]} == {
        f"tidegate-isolated-{one}" for one in uids
    }
    answering.watched.wait_for(lambda: len(answering.responses(step="isolate", state="done")) == 2, "both told")
    assert "recalled" in answering.get(f"{DEPLOYMENTS}/app")["metadata"]["annotations"][WHY]
    refused = answering.responses(step="freeze")
    assert {one["state"] for one in refused} == {"refused"}
    assert all("a cluster cannot freeze" in one["outcome"] for one in refused)

# SPDX-License-Identifier: Apache-2.0
"""The step `recall`, from an alarm on: no pull, no pod, and whatever runs the image anywhere is contained."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event as Flag
from threading import Thread

import pytest
from node import RULES, Podman
from post import TOKEN, Post
from test_responding import is_frozen

from tidegate.execution.order import Order, Outcome
from tidegate.execution.report import Taken
from tidegate.execution.response_policy import Step
from tidegate.oci.credentials import Credentials
from tidegate.outbound import Outbound
from tidegate.remote import RemoteServer
from tidegate.reporting.orders import Orders
from tidegate.signing.keys import TrustedKeys
from webhook_process import WebhookProcess

sys.path.append(str(Path(__file__).parents[1] / "webhook"))

from reviews import Both, pod_review

pytestmark = [pytest.mark.tools, pytest.mark.timeout(1200)]

POLICY = """apiVersion: tidegate.dev/v1
kind: ResponsePolicy
metadata: {name: tests}
spec:
  rules:
    - {name: recalled, acts: [recalled], steps: [freeze], workloadPercent: 100}
    - {name: foreign, acts: [executed], containers: ["programs-hot"], steps: [label, recall]}
  limits: {perNode: 20, namespacePercent: 100, workloadPercent: 100}
"""
AWAY = "node-2"
CONTAINER = "ef" * 32


def test_from_an_alarm_to_an_image_that_runs_nowhere(podman: Podman, tmp_path: Path) -> None:
    with Post(tmp_path, policy=POLICY, silent_seconds=600) as post:
        name, digest = pushed(podman, post)
        sensor = post.sensor(RULES)
        try:
            with webhook_of(post, tmp_path) as webhook, another_node(post, digest) as ordered:
                post.wait_for(lambda: lets_in(webhook, digest))
                for one in ("programs-hot", "quiet-same"):
                    podman.call("run", "-d", "--network", "none", "--name", one, name, "/bin/sleep", "1000")
                    post.wait_for_container(one)
                podman.execute("programs-hot", "cp /bin/true /tmp/x; /tmp/x")
                post.wait_for(lambda: post.responses(step="recall", state="asked"))
                assert post.root.get(f"/images/{digest}").json()["state"] == "admitted", "it waits for a person"
                seconds = recalled(post, podman, webhook, ordered, digest)
                print(json.dumps({"from the approval of a recall, seconds": seconds}))
                (done,) = post.responses(step="recall")
                assert (done["state"], done["outcome"]) == ("done", f"recalled {digest}")
                assert done["approved_by"] == "bob"
                post.wait_for(lambda: post.responses(node=AWAY, step="freeze", state="done"))
        finally:
            assert sensor.end() == 0
            podman.call("rm", "-f", "-t", "0", "programs-hot", "quiet-same", check=False)


def recalled(
    post: Post, podman: Podman, webhook: WebhookProcess, ordered: list[Order], digest: str
) -> dict[str, float]:
    """Has it come to the recall, and waits for each of its ends: after how many seconds each was seen."""
    (waiting,) = post.responses(step="recall", state="asked")
    awaited: dict[str, Callable[[], object]] = {
        "pull refused": lambda: pull_status(post, digest) == 403,
        "webhook refuses": lambda: not lets_in(webhook, digest),
        "the one with the alarm frozen": lambda: is_frozen(podman, "programs-hot"),
        "another of it frozen": lambda: is_frozen(podman, "quiet-same"),
        "another node ordered": lambda: [one.step for one in ordered] == [Step.FREEZE],
    }
    assert pull_status(post, digest) == 200
    began, found = time.monotonic(), dict[str, float]()
    assert post.person("bob").post(f"/responses/{waiting['id']}/approve", json={}).status_code == 202

    def all_seen() -> bool:
        for name, true in awaited.items():
            if name not in found and true():
                found[name] = round(time.monotonic() - began, 2)
        return found.keys() == awaited.keys()

    post.wait_for(all_seen)
    return found


def pushed(podman: Podman, post: Post) -> tuple[str, str]:
    """An admitted image, by its name and digest."""
    name = f"{post.address.removeprefix('http://')}/team/app:1"
    podman.call("tag", podman.image, name)
    podman.call("push", "--tls-verify=false", "--creds", f"root:{TOKEN}", "-q", name)
    digest = post.root.get("/tags/history", params={"repository": "team/app"}).json()[0]["after"]
    post.wait_for(lambda: post.root.get(f"/images/{digest}").json()["state"] in {"admitted", "rejected"})
    assert post.root.get(f"/images/{digest}").json()["state"] == "admitted"
    return name, digest


def pull_status(post: Post, digest: str) -> int:
    client = post.root
    url = f"{post.address}/v2/team/app/manifests/{digest}"
    return client.get(url, headers={"Accept": "*/*"}).status_code


def lets_in(webhook: WebhookProcess, digest: str) -> bool:
    return Both(webhook, pod_review(f"team/app@{digest}")).allowed


@contextmanager
def webhook_of(post: Post, folder: Path) -> Iterator[WebhookProcess]:
    """A cluster's webhook that follows the server as a robot of its own."""
    login = post.robot_login("webhook", "admit", "list")
    settings = {"CLIENT_SERVER": post.address, "CLIENT_LOGIN_FILE": str(login), "WEBHOOK_CLUSTER": "lab"}
    with WebhookProcess(folder / "webhook-home", folder / "server.pub", settings=settings) as running:
        yield running


@contextmanager
def another_node(post: Post, digest: str) -> Iterator[list[Order]]:
    """A node elsewhere that runs the image: it takes its orders as sensors do, and only takes them down."""
    name, secret = post.add_robot(AWAY, "report")
    ordered: list[Order] = []

    def carry(order: Order) -> Outcome:
        ordered.append(order)
        return Outcome(done=True, what="taken down")

    container = {"id": CONTAINER, "name": "elsewhere", "image": "team/app:1", "digest": digest}
    stop = Flag()
    with Outbound() as outbound:
        server = RemoteServer(outbound, post.address, Credentials(username=name, password=secret))
        server.ask("POST", f"/nodes/{AWAY}/observations", Taken, body={"run": "a" * 32, "containers": [container]})
        taking = Orders(server, AWAY, TrustedKeys.load((post.folder / "server.pub",)), carry)

        def take() -> None:
            while not stop.is_set():
                taking.take(wait=5)

        thread = Thread(target=take)
        thread.start()
        try:
            yield ordered
        finally:
            stop.set()
            thread.join()

# SPDX-License-Identifier: Apache-2.0
"""The webhook asked by a real API server, with real controllers that make pods and fake nodes that run them."""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from webhook_cluster import Asking, asking, deployment, pod

from cluster import cluster
from made_verdicts import Issuer, digest_of, image_verdict, refused_verdict
from webhook_process import WebhookProcess

RULES = """
apiVersion: tidegate.dev/v1
kind: ConnectRules
metadata: {name: ways-in}
spec:
  rules:
    - {name: oncall, who: ["group:oncall"], acts: [exec]}
"""
KEY = ec.generate_private_key(ec.SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
REASON = {"tidegate.dev/break-glass": "the shop is down, INC-77"}
APP = "registry.example/team/app:1"


@pytest.fixture(scope="module")
def asked() -> Iterator[Asking]:
    with tempfile.TemporaryDirectory(prefix="tg-webhook-") as name:
        folder, issuer = Path(name), Issuer()
        names = ("team/app:1", "team/app:2", "team/debug:1")
        verdicts = [*(image_verdict(one, hours=8) for one in names), refused_verdict("team/bad:1")]
        issuer.fill(folder / "home" / "webhook", verdicts)
        (folder / "connect.yaml").write_text(RULES)
        settings = {"WEBHOOK_CONNECT_FILES": str(folder / "connect.yaml"), "WEBHOOK_BREAK_GLASS_WHO": "group:oncall"}
        trusted = issuer.save_public(folder / "server.pub")
        (folder / "cluster").mkdir()
        with (
            cluster(folder / "cluster", controllers=True, nodes=2) as running,
            WebhookProcess(folder / "home", trusted, settings=settings) as webhook,
            asking(running, webhook) as made,
        ):
            running.kubectl("create", "namespace", "tidegate")
            yield made


def pods_of(asked: Asking, name: str, namespace: str = "default") -> list[Any]:
    path = f"/api/v1/namespaces/{namespace}/pods?labelSelector=app%3D{name}"
    return list(asked.cluster.client().get(path).json()["items"])


def running(asked: Asking, name: str, count: int) -> bool:
    return [one["status"].get("phase") for one in pods_of(asked, name)] == ["Running"] * count


def test_an_admitted_pod_gets_in_pinned_and_a_dry_run_tells_as_much(asked: Asking) -> None:
    for dry in (True, False):
        said = asked.create(pod("web", APP), dry=dry)
        assert said.code == 0, said.err
        (container,) = json.loads(said.out)["spec"]["containers"]
        assert container["image"] == f"{APP}@{digest_of('team/app:1')}"
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        ("team/bad:1", "it has flaws"),
        ("team/unknown:1", "nobody knows which image"),
        (f"{APP}@{digest_of('team/bad:1')}", "it has flaws"),
    ],
)
def test_nothing_else_gets_in_and_the_developer_reads_why(asked: Asking, image: str, reason: str) -> None:
    for document in (pod("refused", image), deployment("refused", image)):
        said = asked.create(document)
        assert said.code != 0
        assert 'admission webhook "validate.tidegate.dev" denied the request' in said.err
        assert reason in said.err
    assert asked.cluster.kubectl("get", "pod", "refused", check=False).code != 0


def test_a_deployment_rolls_out_scales_and_is_changed(asked: Asking) -> None:
    assert asked.create(deployment("shop", APP, replicas=2)).code == 0
    asked.cluster.wait(lambda: running(asked, "shop", 2), "two pods")
    kubectl = asked.cluster.kubectl
    kubectl("scale", "deployment/shop", "--replicas=3", user="developer")
    asked.cluster.wait(lambda: running(asked, "shop", 3), "three pods")
    kubectl("set", "image", "deployment/shop", "app=registry.example/team/app:2", user="developer")
    new = digest_of("team/app:2")

    def rolled() -> bool:
        images = [one["spec"]["containers"][0]["image"] for one in pods_of(asked, "shop")]
        return len(images) == 3 and all(image.endswith(new) for image in images) and running(asked, "shop", 3)

    asked.cluster.wait(rolled, "the new image")
    refused = kubectl("set", "image", "deployment/shop", "app=team/bad:1", user="developer", check=False)
    assert "it has flaws" in refused.err
    kubectl("delete", "deployment", "shop", user="developer")
    asked.cluster.wait(lambda: not pods_of(asked, "shop"), "their end")


def test_ephemeral_containers_and_ways_in(asked: Asking) -> None:
    kubectl = asked.cluster.kubectl
    assert asked.create(pod("debugged", APP)).code == 0

    def debug(image: str) -> str:
        spec = {"spec": {"ephemeralContainers": [{"name": f"d{len(image)}", "image": image}]}}
        words = ("patch", "pod", "debugged", "--subresource=ephemeralcontainers", "-p", json.dumps(spec))
        return kubectl(*words, user="developer", check=False).err

    assert "nobody knows" in debug("team/evil:1")
    assert debug("team/debug:1") == ""
    found = kubectl("get", "pod", "debugged", "-o", "json").document["spec"]["ephemeralContainers"]
    assert found[0]["image"].endswith(digest_of("team/debug:1"))
    refused = kubectl("exec", "debugged", "--", "id", user="developer", check=False)
    assert "developer may not exec: no rule lets them" in refused.err
    # Nobody runs there, and that is what is said once the webhook lets them pass.
    assert "denied by tidegate" not in kubectl("exec", "debugged", "--", "id", user="oncall", check=False).err
    proxied = asked.cluster.client("developer").get("/api/v1/nodes/node-0/proxy/pods")
    assert "developer may not nodeproxy: no rule lets them" in proxied.text
    assert "may not attach" in kubectl("attach", "debugged", user="oncall", check=False).err


def test_config_maps_and_secrets_are_judged_by_themselves_and_wedge_nothing(asked: Asking) -> None:
    kubectl = asked.cluster.kubectl

    def settings(data: dict[str, str], kind: str = "ConfigMap", **metadata: Any) -> Any:
        return {"apiVersion": "v1", "kind": kind, "metadata": {"name": "settings", **metadata}, "data": data}

    assert asked.create(settings({"colour": "blue"})).code == 0
    assert asked.create(settings({"password": "aHVudGVyMg=="}, kind="Secret")).code == 0
    refused = kubectl("patch", "configmap", "settings", "-p", json.dumps({"data": {"key": KEY}}), check=False)
    assert 'admission webhook "configure.tidegate.dev" denied the request' in refused.err
    assert "holds a secret" in refused.err
    assert KEY.splitlines()[1] not in refused.err
    # A new namespace gets its own from the control plane, whatever becomes of the webhook.
    asked.webhook.kill()
    try:
        kubectl("create", "namespace", "meanwhile")
        asked.cluster.wait(
            lambda: kubectl("get", "configmap", "kube-root-ca.crt", "-n", "meanwhile", check=False).code == 0, "its map"
        )
        leader = {"control-plane.alpha.kubernetes.io/leader": "{}"}
        empty = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "elected", "annotations": leader}}
        assert asked.create(empty).code == 0
        kubectl("annotate", "configmap", "elected", "settings", "--overwrite", "turn=2", user="developer")
        assert asked.create(settings({}, name="system"), namespace="kube-system", user="admin").code == 0
        assert "failed calling webhook" in asked.create(settings({"a": "b"}, name="other")).err
    finally:
        asked.webhook.start()


def test_the_glass_is_broken_by_whom_may_and_controllers_follow(asked: Asking) -> None:
    assert asked.create(deployment("urgent", "team/bad:1", annotations=REASON)).code != 0
    said = asked.create(deployment("urgent", "team/bad:1", annotations=REASON), user="oncall")
    assert said.code == 0, said.err
    assert "oncall broke the glass" in said.err
    asked.cluster.wait(lambda: running(asked, "urgent", 1), "its pod")


def test_killed_it_closes_the_cluster_and_wedges_nothing(asked: Asking) -> None:
    cluster, webhook = asked.cluster, asked.webhook
    assert asked.create(deployment("steady", APP)).code == 0
    cluster.wait(lambda: running(asked, "steady", 1), "its pod")
    webhook.kill()
    try:
        said = asked.create(pod("meanwhile", APP))
        assert said.code != 0
        assert "failed calling webhook" in said.err
        # Its own namespace can be healed, nodes report, and what runs can be deleted.
        assert asked.create(pod("tidegate-webhook", "team/anything:1"), namespace="tidegate", user="admin").code == 0
        assert asked.create(pod("node-agent", "team/anything:1"), namespace="kube-system", user="admin").code == 0
        mirror = pod("static", "team/anything:1", annotations={"kubernetes.io/config.mirror": "x"})
        mirror["spec"] |= {"nodeName": "node-0"}
        said = asked.create(mirror, user="node")
        assert said.code == 0, said.err
        assert "failed calling webhook" in asked.create(mirror | {"metadata": {"name": "x"}}, user="node").err
        cluster.kubectl("delete", "pod", "web", "--ignore-not-found", "--wait=false", user="developer")
        nodes = cluster.client().get("/api/v1/nodes").json()["items"]
        assert len(nodes) == 2
    finally:
        webhook.start()
    cluster.wait(lambda: asked.create(pod("afterwards", APP)).code == 0, "the webhook again", seconds=60)
    assert running(asked, "steady", 1)

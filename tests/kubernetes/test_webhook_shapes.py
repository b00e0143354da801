# SPDX-License-Identifier: Apache-2.0
"""What a real API server sends: the shapes that tests without one are asked with, kept as it sent them.

With TIDEGATE_TEST_WRITE_SHAPES=1 they are written anew.
"""

import json
import os
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cluster_keys import write_keys
from webhook_cluster import deployment, pod

from cluster import Cluster
from tidegate.execution.reviews.admission_review import read_review
from tidegate.execution.reviews.connect_rules import OF_OTHERS
from tidegate.execution.reviews.registration import Registration, configurations

SHAPES = Path(__file__).parents[1] / "webhook" / "shapes"
_CHANGING = {"uid", "resourceVersion", "creationTimestamp", "time", "managedFields"}


class Listener:
    """A webhook that lets everything pass, and remembers what it was asked."""

    def __init__(self, folder: Path) -> None:
        asked = self.asked = []  # type: list[dict[str, Any]]

        class Door(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                asked.append({"door": self.path.partition("?")[0], **review})
                answer = {**review, "response": {"uid": review["request"]["uid"], "allowed": True}}
                content = json.dumps(answer).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "apiserver.pem", folder / "apiserver.key")
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._server.daemon_threads = False
        self.authority = (folder / "ca.pem").read_bytes()
        self.url = f"https://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def newest(self, door: str, kind: str, operation: str, subresource: str = "") -> Any:
        """The newest review of a kind at a door; None for none."""
        for review in reversed(self.asked):
            request = review["request"]
            if (
                review["door"] == door
                and request["kind"]["kind"] == kind
                and request["operation"] == operation
                and request.get("subResource", "") == subresource
            ):
                return {key: value for key, value in review.items() if key != "door"}
        return None


@pytest.fixture(scope="module")
def listener(tmp_path_factory: pytest.TempPathFactory, apiserver: Cluster) -> Iterator[Listener]:
    folder = tmp_path_factory.mktemp("listener")
    write_keys(folder)
    made = Listener(folder)
    try:
        said = Registration(
            authority=made.authority, namespace="tidegate", url=made.url, exempt=("kube-system",), acts=OF_OTHERS
        )
        for document in configurations(said):
            apiserver.kubectl("apply", "-f", "-", given=document)

        def heard() -> bool:
            apiserver.kubectl("create", "--dry-run=server", "-f", "-", given=pod("heard", "team/app:1"))
            return made.newest("/validate", "Pod", "CREATE") is not None

        apiserver.wait(heard, "the registration", seconds=60)
        yield made
    finally:
        made.close()


def _act(cluster: Cluster) -> None:
    cluster.kubectl("create", "-f", "-", given=pod("web", "team/app:1"), user="developer")
    cluster.kubectl("label", "pod", "web", "tier=front", user="developer")
    cluster.kubectl("set", "image", "pod/web", "app=team/app:2", user="developer")
    debug = {
        "spec": {"ephemeralContainers": [{"name": "debug", "image": "team/debug:1", "targetContainerName": "app"}]}
    }
    cluster.kubectl(
        "patch", "pod", "web", "--subresource=ephemeralcontainers", "-p", json.dumps(debug), user="developer"
    )
    # Nothing runs there: the question is asked before anybody finds that out.
    cluster.kubectl("exec", "web", "-c", "app", "--", "id", user="developer", check=False)
    cluster.kubectl("attach", "web", "-c", "app", user="developer", check=False)
    cluster.client("developer").post("/api/v1/namespaces/default/pods/web/portforward?ports=8080")
    for path in ("namespaces/default/pods/web", "namespaces/default/services/kubernetes", "nodes/nobody"):
        cluster.client("developer").get(f"/api/v1/{path}/proxy/x")
    cluster.kubectl("create", "-f", "-", given=deployment("shop", "team/app:1"), user="developer")
    cluster.kubectl("scale", "deployment/shop", "--replicas=2", user="developer")
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "web", "namespace": "default"}}
    cluster.client("developer").post("/api/v1/namespaces/default/pods/web/eviction?dryRun=All", json=eviction)
    cluster.kubectl("annotate", "deployment", "shop", "note=1", user="developer")
    cluster.kubectl("set", "image", "deployment/shop", "app=team/app:2", user="developer")
    job = {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "app", "image": "team/app:1"}]}}}
    cron = {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": "nightly"},
        "spec": {"schedule": "0 3 * * *", "jobTemplate": {"spec": job}},
    }
    cluster.kubectl("create", "-f", "-", given=cron, user="developer")
    for kind, data in (("ConfigMap", {"colour": "blue"}), ("Secret", {"password": "aHVudGVyMg=="})):
        document = {"apiVersion": "v1", "kind": kind, "metadata": {"name": "settings"}, "data": data}
        cluster.kubectl("create", "-f", "-", given=document, user="developer")


WANTED = {
    "pod": ("/mutate", "Pod", "CREATE", ""),
    "pod-labelled": ("/validate", "Pod", "UPDATE", ""),
    "pod-debugged": ("/mutate", "Pod", "UPDATE", "ephemeralcontainers"),
    "pod-exec": ("/validate", "PodExecOptions", "CONNECT", "exec"),
    "pod-attach": ("/validate", "PodAttachOptions", "CONNECT", "attach"),
    "pod-portforward": ("/validate", "PodPortForwardOptions", "CONNECT", "portforward"),
    "pod-proxy": ("/validate", "PodProxyOptions", "CONNECT", "proxy"),
    "service-proxy": ("/validate", "ServiceProxyOptions", "CONNECT", "proxy"),
    "node-proxy": ("/validate", "NodeProxyOptions", "CONNECT", "proxy"),
    "scale": ("/validate", "Scale", "UPDATE", "scale"),
    "eviction": ("/validate", "Eviction", "CREATE", "eviction"),
    "deployment": ("/mutate", "Deployment", "CREATE", ""),
    "deployment-changed": ("/validate", "Deployment", "UPDATE", ""),
    "configmap": ("/configure", "ConfigMap", "CREATE", ""),
    "secret": ("/configure", "Secret", "CREATE", ""),
    "cronjob": ("/validate", "CronJob", "CREATE", ""),
}


def test_the_kept_shapes_are_what_the_api_server_sends(apiserver: Cluster, listener: Listener) -> None:
    _act(apiserver)
    for name, wanted in WANTED.items():
        review = listener.newest(*wanted)
        assert review is not None, name
        read_review(json.dumps(review).encode())
        path = SHAPES / f"{name}.json"
        if os.environ.get("TIDEGATE_TEST_WRITE_SHAPES"):
            path.write_text(json.dumps(_settled(review), indent=1, sort_keys=True) + "\n")
        assert _keys(json.loads(path.read_text())) == _keys(_settled(review)), name


def _settled(review: Any) -> Any:
    """Without what is different each time."""
    if isinstance(review, dict):
        return {key: _settled(value) for key, value in review.items() if key != "managedFields"}
    return [_settled(one) for one in review] if isinstance(review, list) else review


def _keys(review: Any) -> Any:
    """What it is made of, whatever it says."""
    if isinstance(review, dict):
        return {key: _keys(value) for key, value in review.items()}
    return [_keys(one) for one in review] if isinstance(review, list) else type(review).__name__

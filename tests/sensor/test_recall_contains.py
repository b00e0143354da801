# SPDX-License-Identifier: Apache-2.0
"""An image is recalled at the server, and what runs it on a node is contained; also what is started from it later."""

import json
import time
from pathlib import Path

import pytest
from node import RULES, Podman
from post import TOKEN, Post
from test_responding import is_frozen

pytestmark = [pytest.mark.tools, pytest.mark.timeout(1200)]


def test_from_recall_to_containment(podman: Podman, tmp_path: Path) -> None:
    with Post(tmp_path) as post:
        host = post.address.removeprefix("http://")
        name = f"{host}/team/app:1"
        podman.call("tag", podman.image, name)
        podman.call("push", "--tls-verify=false", "--creds", f"root:{TOKEN}", "-q", name)
        digest = post.root.get("/tags/history", params={"repository": "team/app"}).json()[0]["after"]
        post.wait_for(lambda: post.root.get(f"/images/{digest}").json()["state"] in {"admitted", "rejected"})
        sensor = post.sensor(RULES)
        try:
            podman.call("run", "-d", "--network", "none", "--name", "app-1", name, "/bin/sleep", "1000")
            post.wait_for_container("app-1")
            began = time.monotonic()
            answer = post.root.post(f"/images/{digest}/recall", json={"reason": "it is stolen"})
            assert answer.status_code == 200, answer.text
            post.wait_for(lambda: is_frozen(podman, "app-1"))
            print(json.dumps({"from recall to frozen, seconds": round(time.monotonic() - began, 2)}))
            post.wait_for(lambda: post.responses(workload="app-1", state="done"))
            podman.call("run", "-d", "--network", "none", "--name", "app-2", name, "/bin/sleep", "1000")
            post.wait_for(lambda: is_frozen(podman, "app-2"))
        finally:
            assert sensor.end() == 0
            podman.call("rm", "-f", "-t", "0", "app-1", "app-2", check=False)

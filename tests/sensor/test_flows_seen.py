# SPDX-License-Identifier: Apache-2.0
"""Who talks to whom: seen on a node with real containers in pods, on record at a server, and made into policies."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from node import RULES, Podman
from post import Post

pytestmark = [pytest.mark.tools, pytest.mark.timeout(600)]
SERVES = """
import socket
listening = socket.create_server(("10.77.0.8", 8080))
kept = []
print("ready", flush=True)
while True:
    kept.append(listening.accept())
"""
ASKS = """
import socket
kept = [socket.create_connection(("10.77.0.8", 8080)) for _ in range(3)]
away = socket.socket(); away.setblocking(False); away.connect_ex(("10.77.9.9", 443))
print("ready", flush=True)
import sys; sys.stdin.read()
"""


@pytest.fixture
def post(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Post]:
    with Post(tmp_path_factory.mktemp("post")) as running:
        yield running


@contextmanager
def inside(pid: str, code: str) -> Iterator[None]:
    """Runs a program in a container's network for a while, from when it says that it is ready."""
    command = ["nsenter", f"--net=/proc/{pid}/ns/net", sys.executable, "-c", code]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as running:
        try:
            assert running.stdout is not None
            assert running.stdout.readline() == "ready\n"
            yield
        finally:
            running.kill()


def in_pod(podman: Podman, name: str, pod: str) -> str:
    """A container that its runtime says is in a pod, as containerd writes it; returns a process of it."""
    notes = {"sandbox-namespace": "shop", "sandbox-name": pod, "container-name": "app"}
    options = [word for key, text in notes.items() for word in ("--annotation", f"io.kubernetes.cri.{key}={text}")]
    podman.start(name=name, options=options)
    return podman.call("inspect", "--format", "{{.State.Pid}}", name).stdout.strip()


def joined(web: str, api: str) -> None:
    """Puts a wire between two networks."""
    for words in (
        ("link", "add", "tg-web", "netns", web, "type", "veth", "peer", "name", "tg-api", "netns", api),
        ("-n", web, "address", "add", "10.77.0.7/16", "dev", "tg-web"),
        ("-n", api, "address", "add", "10.77.0.8/16", "dev", "tg-api"),
        ("-n", web, "link", "set", "tg-web", "up"),
        ("-n", api, "link", "set", "tg-api", "up"),
    ):
        pid = words[1] if words[0] == "-n" else ""
        inside_of = ["nsenter", f"--net=/proc/{pid}/ns/net"] if pid else []
        subprocess.run([*inside_of, "ip", *(words[2:] if pid else words)], check=True)


def test_pods_that_talk_are_on_record_and_policies_are_made_of_it(podman: Podman, post: Post, tmp_path: Path) -> None:
    sensor = post.sensor(RULES)
    try:
        web, api = in_pod(podman, "flow-web", "web-5d4f8c9b7d-x2x4z"), in_pod(podman, "flow-api", "api-0")
        joined(web, api)
        with inside(api, SERVES), inside(web, ASKS):

            def told() -> dict[str, int]:
                found = post.root.get("/flows").json()["flows"]
                return {
                    f"{one['source'].get('workload') or one['source']['address']} > "
                    f"{one['destination'].get('workload') or one['destination']['address']}:{one['port']}": one["count"]
                    for one in found
                }

            post.wait_for(lambda: told() == {"Pod/web > Pod/api:8080": 3, "Pod/web > 10.77.9.9:443": 1})
        seen = post.command("anna", "netpol", "observed")
        assert seen.returncode == 0, seen.stderr
        (tmp_path / "seen.jsonl").write_text(seen.stdout)
        command = [sys.executable, "-m", "tidegate", "netpol", "generate", "--observed", str(tmp_path / "seen.jsonl")]
        made = subprocess.run(command, capture_output=True, text=True, check=True)
        names = {one["metadata"]["name"] for one in yaml.safe_load_all(made.stdout)}
        assert {"tidegate-closed", "tidegate-names"} < names
        assert "left out: Pod/web → 10.77.9.9: 443/TCP" in made.stderr
    finally:
        sensor.end()
        podman.clear()

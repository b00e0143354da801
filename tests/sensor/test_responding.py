# SPDX-License-Identifier: Apache-2.0
"""Containers are isolated, frozen, killed and let go again, on the server's order or alone; each step is on record."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from node import RULES, Podman, Sensor
from post import NODE, Post

pytestmark = [pytest.mark.tools, pytest.mark.timeout(1200)]


@pytest.fixture(scope="module")
def post(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Post]:
    with Post(tmp_path_factory.mktemp("post")) as running:
        yield running


@pytest.fixture(autouse=True, scope="module")
def tools() -> None:
    for program in ("nft", "nsenter", "ip"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is missing: apt-get install nftables util-linux iproute2")


@pytest.fixture(scope="module")
def watched(podman: Podman, post: Post) -> Iterator[Sensor]:
    assert podman.image
    running = post.sensor(RULES)
    yield running
    assert running.end() == 0


@pytest.fixture
def held(podman: Podman, request: pytest.FixtureRequest) -> Iterator[str]:
    """A container that waits, by its name."""
    name = f"programs-{request.node.name.replace('_', '-')[5:45]}"
    podman.start(name=name)
    yield name
    podman.call("rm", "-f", "-t", "0", name, check=False)


def step(post: Post, name: str, kind: str) -> dict[str, Any]:
    """Asks for a step as anna, and waits for its end, which bob has to let it come to where that is asked."""
    post.wait_for_container(name)
    wanted = {"node": NODE, "container": name, "step": kind, "why": "a test"}
    asked = post.person("anna").post("/responses", json=wanted)
    assert asked.status_code == 202, asked.text
    number = asked.json()["id"]
    if asked.json()["state"] == "asked":
        assert post.person("anna").post(f"/responses/{number}/approve", json={}).status_code == 403
        assert post.person("bob").post(f"/responses/{number}/approve", json={}).status_code == 202
    return ended(post, number)


def undone(post: Post, number: str) -> dict[str, Any]:
    answer = post.person("anna").post(f"/responses/{number}/undo", json={"why": "it was nothing"})
    assert answer.status_code == 202, answer.text
    return ended(post, answer.json()["id"])


def ended(post: Post, number: str) -> dict[str, Any]:
    post.wait_for(lambda: post.responses(id=number)[0]["ended_at"])
    return post.responses(id=number)[0]


def pid_of(podman: Podman, name: str) -> int:
    return int(podman.call("inspect", "--format", "{{.State.Pid}}", name).stdout)


def ping(pid: int, address: str) -> bool:
    """Whether something leaves the network namespace of a process for an address that is its own."""
    probe = (
        f"import socket; s = socket.socket(); s.settimeout(1); s.connect_ex(('{address}', 9)) in (0, 111) or exit(1)"
    )
    command = ["nsenter", f"--net=/proc/{pid}/ns/net", "python3", "-c", probe]
    return subprocess.run(command, check=False).returncode == 0


@pytest.mark.usefixtures("watched")
def test_isolated_from_the_network_and_back(podman: Podman, post: Post, held: str) -> None:
    pid = pid_of(podman, held)
    nsenter = ["nsenter", f"--net=/proc/{pid}/ns/net"]
    subprocess.run([*nsenter, "ip", "link", "add", "probe0", "type", "veth", "peer", "name", "probe1"], check=True)
    subprocess.run([*nsenter, "ip", "link", "set", "probe1", "up"], check=True)
    subprocess.run([*nsenter, "ip", "address", "add", "192.0.2.1/24", "dev", "probe0"], check=True)
    subprocess.run([*nsenter, "ip", "link", "set", "probe0", "up"], check=True)
    done = step(post, held, "isolate")
    assert (done["state"], done["approved_by"]) == ("done", "")
    rules = subprocess.run([*nsenter, "nft", "list", "ruleset"], capture_output=True, text=True, check=True).stdout
    assert rules.count("policy drop") == 3
    assert sent_out(nsenter) == 0
    assert ping(pid, "127.0.0.1")
    assert undone(post, done["id"])["state"] == "done"
    rules = subprocess.run([*nsenter, "nft", "list", "ruleset"], capture_output=True, text=True, check=True).stdout
    assert "tidegate" not in rules
    assert sent_out(nsenter) > 0
    kinds = [one["data"]["step"] for one in post.events("execution.response.done")]
    assert kinds.count("isolate") >= 2


def sent_out(nsenter: list[str]) -> int:
    """Packets that leave for elsewhere when somebody in the namespace says something."""
    counter = "/sys/class/net/probe0/statistics/tx_packets"
    probe = (
        "import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
        "for _ in range(5):\n  try: s.sendto(b'x', ('192.0.2.9', 9))\n  except OSError: pass"
    )
    text = f'mount -t sysfs s /sys && cat {counter} && python3 -c "$PROBE"; sleep 0.2; cat {counter}'
    command = ["unshare", "--mount", "sh", "-c", text]
    environment = {"PROBE": probe, "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
    ran = subprocess.run([*nsenter, *command], capture_output=True, text=True, check=True, env=environment)
    before, after = map(int, ran.stdout.split())
    return after - before


@pytest.mark.usefixtures("watched")
def test_frozen_and_going_on(podman: Podman, post: Post, held: str) -> None:
    done = step(post, held, "freeze")
    assert done["state"] == "done", done
    state = Path(f"/proc/{pid_of(podman, held)}/stat")
    assert is_frozen(podman, held)
    assert undone(post, done["id"])["state"] == "done"
    assert not is_frozen(podman, held)
    assert state.exists()


def is_frozen(podman: Podman, name: str) -> bool:
    return frozen(pid_of(podman, name))


def frozen(pid: int) -> bool:
    path = Path(f"/proc/{pid}/cgroup").read_text(encoding="ascii").splitlines()[-1].partition("::")[2]
    places = {
        Path(f"/sys/fs/cgroup/freezer{path}/freezer.state"): "FROZEN",
        Path(f"/sys/fs/cgroup{path}/cgroup.events"): "frozen 1",
    }
    place = next(one for one in places if one.exists())
    return places[place] in place.read_text(encoding="ascii")


@pytest.mark.usefixtures("watched")
def test_killed_once_another_approved_it_even_when_frozen(podman: Podman, post: Post, held: str) -> None:
    assert step(post, held, "freeze")["state"] == "done"
    pid = pid_of(podman, held)
    done = step(post, held, "kill")
    assert (done["state"], done["asked_by"], done["approved_by"]) == ("done", "anna", "bob")
    assert not Path(f"/proc/{pid}").exists()
    answer = post.person("anna").post(f"/responses/{done['id']}/undo", json={"why": "no"})
    assert answer.status_code == 403
    assert done["statement"].startswith("sha256:")
    assert post.root.get(f"/statements/{done['statement']}").status_code == 200


def test_a_capture_is_made_on_order_and_kept_by_the_server(
    podman: Podman, post: Post, watched: Sensor, held: str
) -> None:
    assert watched.process.poll() is None
    podman.execute(held, "cp /bin/sleep /data/left")
    done = step(post, held, "capture")
    assert (done["state"], "captured as sha256:" in done["outcome"]) == ("done", True), done["outcome"]
    post.wait_for(lambda: post.root.get("/captures", params={"container": held}).json())
    (kept,) = post.root.get("/captures", params={"container": held}).json()
    assert kept["digest"] in done["outcome"]
    assert (kept["overview"]["node"], kept["overview"]["reason"]) == (NODE, "a test")
    assert post.root.get(f"/captures/{kept['digest']}/archive").status_code == 200
    assert post.robot().get("/captures").status_code == 403


def test_alone_while_the_server_is_away_and_told_when_it_is_back(podman: Podman, post: Post, watched: Sensor) -> None:
    podman.start(name="hot-1")
    try:
        post.wait_for_container("hot-1")
        post.kill()
        podman.execute("hot-1", "cp /bin/true /tmp/x; /tmp/x")
        watched.wait_for(lambda: watched.seen(name="hot-1"))
        pid = pid_of(podman, "hot-1")
        table = ["nsenter", f"--net=/proc/{pid}/ns/net", "nft", "list", "table", "inet", "tidegate_quarantine"]
        post.wait_for(lambda: subprocess.run(table, capture_output=True, check=False).returncode == 0)
        post.start()
        post.wait_for(lambda: post.seen(name="hot-1", act="contained", path="isolate"))
        post.wait_for(lambda: {one["state"] for one in post.responses(workload="hot-1")} == {"done"})
        assert {one["step"] for one in post.responses(workload="hot-1")} == {"label", "isolate"}
    finally:
        podman.call("rm", "-f", "-t", "0", "hot-1", check=False)


@pytest.mark.usefixtures("watched")
def test_an_order_that_nobody_trusted_signed_is_not_carried_out(podman: Podman, post: Post, held: str) -> None:
    """The server signs with a key that the sensor does not know: it may have been taken over."""
    post.wait_for_container(held)
    answer = post.root.post("/keys/rotate", json={"why": "a test", "alone": "a test"})
    assert answer.status_code in {200, 201}, answer.text
    done = step(post, held, "freeze")
    assert done["state"] == "failed"
    assert "not carried out" in done["outcome"]
    assert not is_frozen(podman, held)

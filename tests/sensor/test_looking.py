# SPDX-License-Identifier: Apache-2.0
"""What containers do beside running programs: shells, rights, ports, connections, logins, writes, memory."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from node import Podman, Sensor

pytestmark = [pytest.mark.tools, pytest.mark.timeout(1200)]
RULES = """apiVersion: tidegate.dev/v1
kind: DriftRules
metadata: {name: tests}
spec:
  rules:
    - name: closed
      containers: ["strict*"]
      mode: enforce
    - name: all
      mode: alert
"""
PROFILE = """apiVersion: tidegate.dev/v1
kind: BehaviourProfile
metadata: {name: web}
spec:
  containers: ["profiled*", "strict*"]
  programs: ["*/sh", "*/dash", "*/bash", "*/sleep", "*/touch", "*/true", "*/cp"]
  listens: ["tcp/8080"]
  connects: ["192.0.2.0/24:443"]
  writes: ["/tmp/*"]
  shells: false
"""
_MEMORY = (
    "import os, sys; f = os.memfd_create('x', 0); os.write(f, open('/bin/sleep', 'rb').read()); "
    "os.execve(f, ['x', '1000'], {})"
)


@pytest.fixture(scope="module")
def sensor(podman: Podman, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sensor]:
    assert podman.image
    folder = tmp_path_factory.mktemp("looking")
    (folder / "profile.yaml").write_text(PROFILE)
    running = Sensor(folder, RULES, {"TIDEGATE_SENSOR_PROFILE_FILES": str(folder / "profile.yaml")})
    yield running
    assert running.end() == 0


def started(podman: Podman, name: str, *options: str) -> int:
    podman.call("run", "-d", "--network", "none", *options, "--name", name, podman.image, "/bin/sleep", "1000")
    return int(podman.call("inspect", "--format", "{{.State.Pid}}", name).stdout)


@pytest.fixture(autouse=True)
def cleared(podman: Podman) -> Iterator[None]:
    yield
    podman.call("rm", "-f", "-t", "0", "--all", check=False)


@contextmanager
def within(pid: int, code: str) -> Iterator[None]:
    """A program of this machine in a container's network, cgroup and root: what the image has no program for."""
    join = (
        "import os, socket, sys, time\n"
        f"for line in open('/proc/{pid}/cgroup'):\n"
        "  _, names, path = line.strip().split(':', 2)\n"
        "  for at in ([f'/sys/fs/cgroup/{n}' for n in names.split(',')] + [f'/sys/fs/cgroup/{names[5:]}'] if names"
        " else ['/sys/fs/cgroup/unified', '/sys/fs/cgroup']):\n"
        "    at += path + '/cgroup.procs'\n"
        "    if os.path.exists(at): open(at, 'w').write(str(os.getpid()))\n"
        f"os.chroot('/proc/{pid}/root'); os.chdir('/')\n"
    )
    command = ["nsenter", f"--net=/proc/{pid}/ns/net", sys.executable, "-c", join + code]
    with subprocess.Popen(command) as running:
        try:
            yield
        finally:
            running.kill()


def test_a_program_that_lies_in_memory_only(podman: Podman, sensor: Sensor) -> None:
    with within(started(podman, "memory-1"), _MEMORY):
        sensor.wait_for(lambda: sensor.seen(name="memory-1", act="fileless"))
    (seen,) = sensor.seen(name="memory-1", act="fileless")
    assert (seen["mode"], seen["path"]) == ("alert", "/memfd:x (deleted)")


def test_shells_are_observed_and_told_where_none_is_expected(podman: Podman, sensor: Sensor) -> None:
    for name, mode in (("plain-1", "observe"), ("profiled-1", "alert")):
        started(podman, name)
        running = subprocess.Popen(
            [*podman.command, "exec", name, "/bin/sh", "-c", "sleep 5; true"], env=podman.environment
        )
        sensor.wait_for(lambda name=name: sensor.seen(name=name, act="shell"))  # type: ignore[misc]
        running.wait(60)
        assert {one["mode"] for one in sensor.seen(name=name, act="shell")} == {mode}


def test_a_user_who_becomes_root_is_told(podman: Podman, sensor: Sensor) -> None:
    pid = started(podman, "rights-1")
    with within(pid, "os.setresuid(1000, 0, 0); time.sleep(300)"):
        sensor.wait_for(lambda: sensor.seen(name="rights-1", act="privileged"))
    assert "user 1000 acts as root" in sensor.seen(name="rights-1", act="privileged")[0]["what"]


def test_capabilities_that_the_container_began_without_are_told(podman: Podman, sensor: Sensor) -> None:
    started(podman, "rights-2", "--cap-drop", "all")
    # What happens before the first look at a container, within a second of its start, is compared with nothing.
    for _ in range(60):
        command = [*podman.command, "exec", "--privileged", "rights-2", "/bin/sleep", "2"]
        subprocess.run(command, env=podman.environment, check=True, timeout=120)
        if sensor.seen(name="rights-2", act="privileged"):
            break
    sensor.wait_for(lambda: sensor.seen(name="rights-2", act="privileged"))
    assert "capabilities" in sensor.seen(name="rights-2", act="privileged")[0]["what"]


def test_ports_and_connections_that_nobody_expects(podman: Podman, sensor: Sensor) -> None:
    pid = started(podman, "profiled-2")
    nsenter = ["nsenter", f"--net=/proc/{pid}/ns/net"]
    for words in (
        ["link", "add", "probe0", "type", "veth", "peer", "name", "probe1"],
        ["link", "set", "probe0", "up"],
        ["link", "set", "probe1", "up"],
        ["address", "add", "192.0.2.1/24", "dev", "probe0"],
        ["neighbour", "add", "192.0.2.7", "lladdr", "02:00:00:00:00:07", "dev", "probe0"],
    ):
        subprocess.run([*nsenter, "ip", *words], check=True)
    code = (
        "kept = []\n"
        "for port in (8080, 9999):\n  s = socket.socket(); s.bind(('0.0.0.0', port)); s.listen(); kept.append(s)\n"
        "for port in (443, 4444):\n"
        "  s = socket.socket(); s.setblocking(False); s.connect_ex(('192.0.2.7', port)); kept.append(s)\n"
        "time.sleep(300)"
    )
    with within(pid, code):
        sensor.wait_for(lambda: sensor.seen(name="profiled-2", act="listening"))
        sensor.wait_for(lambda: sensor.seen(name="profiled-2", act="connected"))
    assert [one["path"] for one in sensor.seen(name="profiled-2", act="listening")] == ["tcp/9999"]
    assert [one["path"] for one in sensor.seen(name="profiled-2", act="connected")] == ["192.0.2.7:4444"]


def test_a_new_user_is_named_and_no_link_leads_to_the_node(podman: Podman, sensor: Sensor) -> None:
    pid = started(podman, "logins-1")
    root = Path(f"/proc/{pid}/root")
    podman.execute("logins-1", "mkdir -p /etc; touch /etc/shadow")
    for number in range(60):  # the first of them may be there before the first look, and be taken for the image's
        podman.execute("logins-1", f"echo 'u{number}:x:{number}:0::/:/bin/sh' >> /etc/passwd; sleep 2")
        if sensor.seen(name="logins-1", act="accounts", path="/etc/passwd"):
            break
    sensor.wait_for(lambda: sensor.seen(name="logins-1", act="accounts", path="/etc/passwd"))
    podman.execute(
        "logins-1", "echo 'eve:x:0:0::/:/bin/sh' >> /etc/passwd; rm /etc/shadow; ln -s /etc/passwd /etc/group"
    )
    sensor.wait_for(lambda: [one for one in sensor.seen(name="logins-1", path="/etc/passwd") if "eve" in one["what"]])
    assert root.exists()
    assert not [one for one in sensor.seen(name="logins-1", act="accounts") if one["path"] == "/etc/group"]


def test_a_user_that_is_added_before_the_first_look_is_told(podman: Podman, sensor: Sensor) -> None:
    script = "mkdir -p /etc; echo 'mallory:x:0:0::/:/bin/sh' > /etc/passwd; exec /bin/sleep 1000"
    words = ["run", "-d", "--network", "none", "--name", "logins-2", podman.image, "/bin/sh", "-c", script]
    podman.call(*words)
    sensor.wait_for(lambda: sensor.seen(name="logins-2", act="accounts", path="/etc/passwd"))
    assert sensor.seen(name="logins-2", act="accounts")[0]["what"] == "added: mallory"


def test_writes_outside_of_what_is_expected(podman: Podman, sensor: Sensor) -> None:
    started(podman, "profiled-3")
    podman.execute("profiled-3", "touch /tmp/fine; touch /data/odd")
    sensor.wait_for(lambda: sensor.seen(name="profiled-3", act="written", path="/data/odd"))
    assert [one["path"] for one in sensor.seen(name="profiled-3", act="written")] == ["/data/odd"]
    assert sensor.seen(name="profiled-3", act="written")[0]["origin"] == "added"


def test_programs_of_the_image_that_are_not_expected_do_not_run(podman: Podman, sensor: Sensor) -> None:
    started(podman, "strict-1")
    ran = podman.execute("strict-1", "/bin/ls /; echo $?; /bin/true; echo $?")
    assert ran.stdout == "126\n0\n", ran.stderr
    sensor.wait_for(lambda: sensor.seen(name="strict-1", refused=True))
    (seen,) = sensor.seen(name="strict-1", refused=True)
    assert (seen["path"].endswith("/ls"), seen["origin"], seen["rule"]) == (True, "image", "web")


def test_its_own_sockets_are_read_as_the_kernel_writes_them() -> None:
    from tidegate.sensor.sockets import sockets_of

    with closing(socket.socket()) as server:
        server.bind(("0.0.0.0", 0))  # noqa: S104 - to be seen
        server.listen()
        port = server.getsockname()[1]
        assert ("tcp", port) in sockets_of(os.getpid()).listens


def test_a_network_is_listed_again_when_its_numbers_change() -> None:
    """In a network of its own, where nobody else opens or closes anything."""
    code = (
        "import os, socket\n"
        "from tidegate.sensor.sockets import Networks\n"
        "networks, kept, found = Networks(), [], []\n"
        "look = lambda: networks.sockets_of('own', os.getpid()).listens\n"
        "assert look() == set()\n"
        "for _ in range(3):\n"
        "  kept.append(socket.socket()); kept[-1].bind(('0.0.0.0', 0)); kept[-1].listen()\n"
        "  assert look() == {('tcp', one.getsockname()[1]) for one in kept}\n"
        "for one in kept: one.close()\n"
        "assert look() == set()\n"
        "networks.keep([])\n"
    )
    command = ["unshare", "--net", sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr

# SPDX-License-Identifier: Apache-2.0
"""Real containers are held against what their classes demand: by the sensor, and by a look at the host."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from node import RULES, Podman, Sensor

from tidegate.execution.capabilities import mask_of
from tidegate.execution.confinement import RESTRICTED, Demand, weaknesses
from tidegate.sensor.confined import confined

CONFINEMENT = """apiVersion: tidegate.dev/v1
kind: ConfinementRules
metadata: {name: tests}
spec:
  classes:
    - {name: enforced, lsm: ["*(enforce)", "*:container_t:*"]}
  rules:
    - {name: shop, containers: ["restricted*"], class: restricted}
    - {name: agents, containers: ["agent*"], class: privileged}
    - {name: labelled, containers: ["labelled*"], class: enforced, mode: observe}
  otherwise: baseline
"""
_LEAST = ("--user", "1000", "--cap-drop", "all", "--security-opt", "no-new-privileges")
_STARTED = {
    "restricted-good": (*_LEAST,),
    "restricted-root": ("--cap-drop", "all", "--security-opt", "no-new-privileges"),
    "restricted-more": ("--user", "1000", "--security-opt", "no-new-privileges", "--cap-add", "net_raw"),
    "restricted-open": ("--user", "1000", "--cap-drop", "all", "--security-opt", "seccomp=unconfined"),
    "plain": (),
    "plain-open": ("--security-opt", "seccomp=unconfined"),
    "plain-admin": ("--cap-add", "sys_admin"),
    "plain-all": ("--privileged",),
    "agent": ("--privileged",),
    "labelled": (),
}
_SECCOMP = "no seccomp filter: every system call of the kernel is open to it"
_WEAK = {
    ("restricted-root", "restricted: acts as the node's root, or may do so"),
    ("restricted-more", "restricted: may have NET_RAW"),
    ("restricted-open", f"restricted: {_SECCOMP}"),
    ("restricted-open", "restricted: a set-uid program may give it more rights: no_new_privs is not set"),
    ("plain-open", f"baseline: {_SECCOMP}"),
    ("plain-admin", "baseline: may have SYS_ADMIN"),
    ("plain-all", f"baseline: {_SECCOMP}"),
    ("labelled", "enforced: neither AppArmor nor SELinux confines it"),
}


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("rules") / "confinement.yaml"
    file.write_text(CONFINEMENT)
    return file


@pytest.fixture(scope="module")
def sensor(podman: Podman, rules: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sensor]:
    """A sensor that was there before all but one of the containers."""
    podman.start(name="plain-open", options=_STARTED["plain-open"])
    running = Sensor(tmp_path_factory.mktemp("confined"), RULES, {"TIDEGATE_EXECUTION_CONFINEMENT_FILES": str(rules)})
    for name, options in _STARTED.items():
        if name != "plain-open":
            podman.start(name=name, options=options)
    yield running
    assert running.end() == 0
    podman.call("rm", "-f", "-t", "0", "--all", check=False)


def _weak(sensor: Sensor) -> set[tuple[str, str]]:
    return {
        (one["container"]["name"], one["what"])
        for one in sensor.seen(act="weak")
        if one["container"]["name"] in _STARTED
    }


def test_the_sensor_tells_of_what_is_weaker_than_its_class_demands_and_of_nothing_else(sensor: Sensor) -> None:
    sensor.wait_for(lambda: _weak(sensor) >= _WEAK)
    told = _weak(sensor)
    # All capabilities are too many to be named here: the words for them are the kernel's affair.
    (many,) = (what for name, what in told - _WEAK if name == "plain-all")
    assert many.startswith("baseline: may have ")
    assert told == _WEAK | {("plain-all", many)}


def test_each_is_told_once_with_the_rule_that_says_so(sensor: Sensor) -> None:
    sensor.wait_for(lambda: _weak(sensor) >= _WEAK)
    (one,) = sensor.seen(name="restricted-more", act="weak")
    assert (one["rule"], one["mode"], one["path"], one["count"]) == ("shop", "alert", "/bin/sleep", 1)
    assert [it["mode"] for it in sensor.seen(name="labelled", act="weak")] == ["observe"]


def test_a_program_that_is_started_into_a_container_with_more_is_told(podman: Podman, sensor: Sensor) -> None:
    command = [*podman.command, "exec", "--privileged", "--user", "0", "restricted-good", "/bin/sleep", "30"]
    running = subprocess.Popen(command, env=podman.environment)
    try:
        sensor.wait_for(lambda: sensor.seen(name="restricted-good", act="weak"))
    finally:
        running.kill()
        running.wait(60)
    assert "restricted: acts as the node's root, or may do so" in {
        it["what"] for it in sensor.seen(name="restricted-good", act="weak")
    }


@pytest.mark.usefixtures("sensor")
def test_a_look_at_the_host_tells_the_same(rules: Path, tmp_path: Path) -> None:
    environment = {"TIDEGATE_HOME": str(tmp_path), "TIDEGATE_EXECUTION_CONFINEMENT_FILES": str(rules)}
    command = [sys.executable, "-m", "tidegate", "check", "host:/", "--format", "json"]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=300, env=environment, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    found = [it for it in json.loads(done.stdout)["misconfigurations"] if it["location"] in _STARTED]
    assert {(it["location"], it["id"]) for it in found if it["location"] != "restricted-good"} == {
        ("restricted-root", "TG-HOST-182"),
        ("restricted-more", "TG-HOST-183"),
        ("restricted-open", "TG-HOST-180"),
        ("restricted-open", "TG-HOST-181"),
        ("plain-open", "TG-HOST-180"),
        ("plain-admin", "TG-HOST-183"),
        ("plain-all", "TG-HOST-180"),
        ("plain-all", "TG-HOST-183"),
        ("labelled", "TG-HOST-184"),
    }
    (one,) = (it for it in found if it["location"] == "restricted-more")
    assert one["reason"] == "may have NET_RAW; restricted-more is of class restricted by the rule shop"
    assert one["part"].startswith("/bin/sleep[")


@pytest.mark.usefixtures("sensor")
def test_what_the_kernel_says_of_a_process_is_read(podman: Podman) -> None:
    pid = int(podman.call("inspect", "--format", "{{.State.Pid}}", "restricted-more").stdout)
    found = confined(pid)
    assert found is not None
    assert (found.seccomp, found.no_new_privileges, found.users) == (2, True, (1000, 1000, 1000, 1000))
    assert found.held | found.bound >= mask_of(["NET_RAW"])
    assert [it.demand for it in weaknesses(RESTRICTED, found)] == [Demand.CAPABILITIES]
    assert confined(2**22 + 1) is None

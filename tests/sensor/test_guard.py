# SPDX-License-Identifier: Apache-2.0
"""Programs in real containers: what is of the image runs, what is not does not, from the first moment on."""

import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from node import Podman, Sensor

from tidegate.sensor.mounts import mounts_of

pytestmark = [pytest.mark.tools, pytest.mark.usefixtures("sensor")]

DROP = "cp /bin/true /tmp/dropped; "
ENFORCED = """apiVersion: tidegate.dev/v1
kind: DriftRules
metadata: {name: late}
spec: {rules: [{name: late, containers: [late], mode: enforce}]}
"""


def test_what_was_dropped_does_not_run_and_what_is_of_the_image_does(podman: Podman, sensor: Sensor) -> None:
    ran = podman.run(DROP + "/tmp/dropped; echo $?; /bin/ls /bin/true; echo $?", name="programs-1")
    assert ran.stdout.split() == ["126", "/bin/true", "0"]
    assert "Operation not permitted" in ran.stderr
    sensor.wait_for(lambda: sensor.seen(name="programs-1"))
    told = sensor.seen(name="programs-1")
    assert [one["path"] for one in told] == ["/tmp/dropped"]
    assert (told[0]["act"], told[0]["origin"], told[0]["refused"]) == ("executed", "added", True)
    assert (told[0]["mode"], told[0]["rule"], told[0]["container"]["image"]) == ("enforce", "programs", podman.image)


@pytest.mark.parametrize(
    ("how", "origin"),
    [
        ("cp /bin/true /tmp/x; mv /tmp/x /bin/ls; /bin/ls", "changed"),
        ("echo >> /bin/ls; /bin/ls", "changed"),
        ("mv /bin/ls /tmp/x; /tmp/x", "added"),
        ("ln /bin/ls /tmp/x; /tmp/x", "added"),
        ("mkdir /new; cp /bin/true /new/x; mv /new /old; /old/x", "added"),
        ("echo '#!/bin/sh' > /tmp/x; chmod +x /tmp/x; /tmp/x", "added"),
        ("cp /bin/true /tmp/ü' x'; /tmp/ü' x'", "added"),
        ("cp /bin/true /tmp/x' (deleted)'; /tmp/x' (deleted)'", "removed"),
        ("cp /bin/true /data/x; /data/x", "outside"),
        ("cp /bin/true /scratch/x; /scratch/x", "outside"),
    ],
    ids=["replaced", "modified", "moved", "linked", "folder", "script", "name", "feigned", "volume", "tmpfs"],
)
def test_each_way_of_bringing_a_program_is_refused(
    podman: Podman, sensor: Sensor, tmp_path: Path, how: str, origin: str, request: pytest.FixtureRequest
) -> None:
    name = f"programs-{request.node.callspec.id}"
    options = ["-v", f"{tmp_path}:/data", "--tmpfs", "/scratch:rw,exec"]
    ran = podman.run(how + "; echo status $?", name=name, options=options)
    assert ran.stdout == "status 126\n", ran.stderr
    sensor.wait_for(lambda: sensor.seen(name=name))
    assert {one["origin"] for one in sensor.seen(name=name)} == {origin}


@pytest.mark.parametrize(
    "how",
    [
        "echo >> /bin/ls",
        "touch -r /bin/ls /tmp/t; echo >> /bin/ls; touch -r /tmp/t /bin/ls",
        "cp /bin/true /tmp/x; mv /tmp/x /bin/ls",
        "mv /bin/ls /tmp/x; mv /tmp/x /bin/ls",
        "cp -p /bin/ls /tmp/x; rm /bin/ls; cp -p /tmp/x /bin/ls",
        "ln /bin/ls /tmp/x",
        "mkdir /new; cp -p /bin/* /new; mv /new/ls /tmp/x; chmod +x /tmp/x; mv /tmp/x /bin/ls",
        "chmod 755 /bin/ls",
    ],
    ids=["modified", "times", "replaced", "moved", "copied", "linked", "folder", "mode"],
)
def test_what_was_let_run_is_judged_anew_once_anything_of_it_changed(
    podman: Podman, how: str, request: pytest.FixtureRequest
) -> None:
    script = f"/bin/ls /bin/ls; /bin/ls /bin/ls; {how}; /bin/ls /bin/ls; echo $?; /bin/true; echo $?"
    ran = podman.run(script, name=f"programs-again-{request.node.callspec.id}")
    assert ran.stdout.split() == ["/bin/ls", "/bin/ls", "126", "0"], ran.stderr


def test_there_is_no_moment_at_which_a_dropped_program_runs(podman: Podman, tmp_path: Path) -> None:
    script = "for n in $(cat /list); do cp /bin/true /tmp/$n; /tmp/$n && echo ran; done"
    names = tmp_path / "list"
    names.write_text(" ".join(f"x{number}" for number in range(150)), encoding="ascii")
    for turn in range(3):
        ran = podman.run(script, name=f"programs-many-{turn}", options=["-v", f"{names}:/list:ro"])
        assert ran.stdout == ""
        assert ran.stderr.count("Operation not permitted") == 150


def test_a_program_whose_name_changes_while_it_is_looked_at_does_not_run(podman: Podman) -> None:
    """The dropped program takes the place of one of the image, and gives it back, all the time."""
    script = (
        "cp /bin/true /tmp/evil; mv /tmp/evil /bin/ls; mv /bin/ls /tmp/evil; "
        "(while :; do mv /tmp/evil /bin/ls; mv /bin/ls /tmp/evil; done) & "
        "n=0; while [ $n -lt 300 ]; do n=$((n+1)); /bin/ls && echo ran; /tmp/evil && echo ran; done 2>/dev/null; "
        "kill $!"
    )
    assert podman.run(script, name="programs-race").stdout == ""


def test_what_a_rule_allows_runs(podman: Podman, tmp_path: Path) -> None:
    allowed = "mkdir /data/plugins; cp /bin/true /data/plugins/x; /data/plugins/x; echo $?; "
    ran = podman.run(
        allowed + "cp /bin/true /data/x; /data/x; echo $?", name="programs-allowed", options=["-v", f"{tmp_path}:/data"]
    )
    assert ran.stdout == "0\n126\n"


def test_a_folder_that_is_called_like_the_runtimes_own_opens_nothing(podman: Podman) -> None:
    """Under that name the path would be one that a rule allows."""
    podman.start(name="programs-feint")
    try:
        root = podman.call("inspect", "--format", "{{.GraphDriver.Data.MergedDir}}", "programs-feint").stdout.strip()
        bait = f"{root}/data/plugins"
        ran = podman.execute("programs-feint", f"mkdir -p {bait}; cp /bin/true {bait}/x; {bait}/x; echo $?")
        assert ran.stdout == "126\n", ran.stderr
    finally:
        podman.call("rm", "-f", "-t", "0", "programs-feint")


@pytest.mark.parametrize(("name", "mode"), [("told-1", "alert"), ("quiet-1", "observe"), ("other-1", "alert")])
def test_alert_and_observe_tell_and_let_it_run(podman: Podman, sensor: Sensor, name: str, mode: str) -> None:
    assert podman.run(DROP + "/tmp/dropped; echo $?", name=name).stdout == "0\n"
    sensor.wait_for(lambda: sensor.seen(name=name))
    assert {(one["mode"], one["refused"]) for one in sensor.seen(name=name)} == {(mode, False)}


def test_libraries_and_scripts_that_are_opened_are_refused_where_a_rule_says_so(podman: Podman, sensor: Sensor) -> None:
    loader = podman.run("ls /lib64", name="loader").stdout.split()[0]
    script = (
        f"cp /bin/true /tmp/x; /lib64/{loader} /tmp/x; echo $?; LD_PRELOAD=/tmp/x /bin/true; "
        "echo 'echo ran' > /tmp/s; /bin/sh /tmp/s; echo words > /tmp/t; cat /tmp/t"
    )
    ran = podman.run(script, name="closed-1")
    assert ran.stdout == "127\nwords\n", ran.stderr
    sensor.wait_for(lambda: sensor.seen(name="closed-1", act="interpreted", path="/tmp/s"))
    assert sensor.seen(name="closed-1", act="loaded", path="/tmp/x", refused=True)
    assert not sensor.seen(name="closed-1", path="/tmp/t")


def test_a_container_that_ran_before_the_sensor_is_watched_as_well(podman: Podman, tmp_path: Path) -> None:
    podman.start(name="late", options=["-v", f"{tmp_path}:/data"])
    second = Sensor(tmp_path, ENFORCED)
    try:
        ran = podman.execute("late", DROP + "/tmp/dropped; echo $?; cp /bin/true /data/x; /data/x; echo $?")
        assert ran.stdout == "126\n126\n"
        second.wait_for(lambda: second.seen(name="late", path="/data/x"))
        assert second.seen(name="late", path="/tmp/dropped")
    finally:
        assert second.end() == 0
        podman.call("rm", "-f", "-t", "0", "late")


def test_a_mount_that_gets_the_number_of_one_that_went_is_watched_as_well(podman: Podman, tmp_path: Path) -> None:
    """The kernel gives the lowest number that is free, so that of the volume, to the next mount."""
    podman.start(name="programs-mounts", options=["-v", f"{tmp_path}:/data"])
    drop = "cp /bin/true {0}/x; {0}/x; echo $?"
    try:
        assert podman.execute("programs-mounts", drop.format("/data")).stdout == "126\n"
        pid = podman.call("inspect", "--format", "{{.State.Pid}}", "programs-mounts").stdout.strip()
        number = _mounted(pid, "/data")
        subprocess.run(["umount", "-N", pid, "/data"], check=True)
        for _ in range(200):  # one upon the other, until the number is given out again
            subprocess.run(["mount", "-N", pid, "-t", "tmpfs", "tmpfs", "/tmp"], check=True)
            if _mounted(pid, "/tmp") == number:
                break
        ends = time.monotonic() + 60
        while (ran := podman.execute("programs-mounts", drop.format("/tmp")).stdout) != "126\n":
            assert time.monotonic() < ends, ran
    finally:
        podman.call("rm", "-f", "-t", "0", "programs-mounts")


def test_no_dropped_program_runs_in_the_first_moment_of_a_container(podman: Podman) -> None:
    """Of many that are started at once, each by its first program."""
    script = DROP + "n=0; while [ $n -lt 50 ]; do n=$((n+1)); /tmp/dropped && echo ran; done"
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda number: podman.run(script, name=f"programs-new-{number}"), range(8)))
    assert [(ran.stdout, ran.stderr.count("Operation not permitted")) for ran in done] == [("", 50)] * 8


def test_the_same_again_and_again_is_told_with_its_number(podman: Podman, sensor: Sensor) -> None:
    podman.run(DROP + "for n in 1 2 3 4 5 6 7; do /tmp/dropped; done", name="programs-loop")
    sensor.wait_for(lambda: sum(one["count"] for one in sensor.seen(name="programs-loop")) == 7)
    told = [one["count"] for one in sensor.seen(name="programs-loop")]
    assert (told[0], len(told) < 7) == (1, True)  # [1, 6] unless ten seconds went by meanwhile


def _mounted(pid: str, point: str) -> int:
    """The number of the topmost mount there."""
    return next(one.number for one in reversed(mounts_of(Path(f"/proc/{pid}/mountinfo"))) if one.point == point)

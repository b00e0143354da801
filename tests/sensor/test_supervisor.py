# SPDX-License-Identifier: Apache-2.0
"""The guard dies, hangs, cannot start: nothing waits for ever, it is back, and somebody is told."""

import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
from node import RULES, Podman, Sensor

pytestmark = pytest.mark.tools
DROP = "cp /bin/true /tmp/dropped; /tmp/dropped; echo $?"


@pytest.fixture
def own(podman: Podman, tmp_path: Path) -> Sensor:
    assert podman.image
    return Sensor(tmp_path, RULES)


def test_a_guard_that_dies_is_back_and_its_death_is_told(podman: Podman, own: Sensor) -> None:
    try:
        for turn in range(3):
            os.kill(own.guard(), signal.SIGKILL)
            own.wait_for(partial(_died, own, turn + 1))
            _wait_until_refused(podman)
    finally:
        assert own.end() == 0


def test_a_guard_that_hangs_is_killed_so_that_nothing_waits_for_it(podman: Podman, own: Sensor) -> None:
    try:
        os.kill(own.guard(), signal.SIGSTOP)
        assert podman.run("/bin/ls /bin/true", name="programs-waits").stdout == "/bin/true\n"
        own.wait_for(lambda: any("no sign of life" in line for line in own.said))
        _wait_until_refused(podman)
    finally:
        assert own.end() == 0


def test_when_it_ends_everything_runs(podman: Podman, own: Sensor) -> None:
    assert own.end() == 0
    assert podman.run(DROP, name="programs-after").stdout == "0\n"


def test_a_rule_that_is_wrong_ends_it_at_once_with_its_place(tmp_path: Path) -> None:
    file = tmp_path / "drift.yaml"
    file.write_text(RULES.replace("enforce", "enforced", 1), encoding="utf-8")
    command = [sys.executable, "-m", "tidegate", "sensor", "--rules", str(file)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 2
    assert "drift.yaml:9:13: unknown mode 'enforced'" in ran.stderr
    assert "Traceback" not in ran.stderr


def _wait_until_refused(podman: Podman) -> None:
    for turn in range(100):
        if podman.run(DROP, name=f"programs-again-{turn}").stdout == "126\n":
            return
    raise AssertionError("nothing is refused any more")


def _died(sensor: Sensor, times: int) -> bool:
    return sum("ended with status -9" in line for line in sensor.said) == times

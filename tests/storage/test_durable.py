# SPDX-License-Identifier: Apache-2.0
"""Durable work: once for a key, resumed after a kill, tried again when the outside failed, left when it is hopeless."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

PROGRAM = Path(__file__).with_name("durable_program.py")


def run(folder: Path, scenario: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(PROGRAM), str(folder), scenario]
    return subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)


def told(done: subprocess.CompletedProcess[str]) -> Any:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def notes(folder: Path) -> Counter[str]:
    return Counter((folder / "notes").read_text().splitlines())


def test_a_key_is_worked_on_once(tmp_path: Path) -> None:
    assert told(run(tmp_path, "plain")) == {"unfinished": 0, "failed": []}
    assert told(run(tmp_path, "plain")) == {"unfinished": 0, "failed": []}
    assert notes(tmp_path) == {"first a": 1, "second a": 1, "first b": 1, "second b": 1}


def test_killed_work_goes_on_after_the_step_that_ended(tmp_path: Path) -> None:
    assert run(tmp_path, "die").returncode == -9
    assert notes(tmp_path)["second b"] == 0
    assert told(run(tmp_path, "resume")) == {"unfinished": 0, "failed": []}
    found = notes(tmp_path)
    assert found["first b"] == found["second b"] == 1
    # "a" ran beside "b" and may have been killed between a step and its record: then it runs twice, as promised.
    assert found["second a"] in {1, 2}


def test_what_failed_outside_is_tried_again(tmp_path: Path) -> None:
    assert told(run(tmp_path, "fail")) == {"unfinished": 0, "failed": []}
    found = notes(tmp_path)
    assert found["try second a"] == 3
    assert found["second a"] == 1


def test_what_is_broken_is_not_tried_again_and_is_told(tmp_path: Path) -> None:
    assert told(run(tmp_path, "broken")) == {"unfinished": 0, "failed": ["work:a", "work:b"]}
    assert notes(tmp_path)["try second a"] == 1


def test_who_sleeps_is_woken_by_what_is_asked_for_and_by_what_ends(tmp_path: Path) -> None:
    assert told(run(tmp_path, "asleep")) == {"unfinished": 0, "failed": []}
    assert notes(tmp_path)["second e"] == 1

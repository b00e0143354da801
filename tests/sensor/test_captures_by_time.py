# SPDX-License-Identifier: Apache-2.0
"""Captures by time as a fleet has them: a real server, a real sensor, real containers, and kills between."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from node import RULES, Podman, Sensor
from post import Post

from tidegate.clock import parse_rfc3339

pytestmark = [pytest.mark.tools, pytest.mark.timeout(1200)]
SCHEDULE = """apiVersion: tidegate.dev/v1
kind: CaptureSchedule
metadata: {name: tests}
spec:
  schedules:
    - {name: daily, containers: ["timed*"], every: 1d, keep: 2d, atStart: true}
  limits: {atOnce: 1}
"""


@pytest.fixture
def post(tmp_path: Path) -> Iterator[Post]:
    (tmp_path / "schedule.yaml").write_text(SCHEDULE)
    with Post(tmp_path, more={"TIDEGATE_EXECUTION_CAPTURE_SCHEDULE_FILES": str(tmp_path / "schedule.yaml")}) as made:
        granted = made.root.post("/grants", json={"holder": "anna", "pattern": "**", "verbs": ["investigate"]})
        assert granted.status_code == 201, granted.text
        yield made


@pytest.fixture
def watched(podman: Podman, post: Post) -> Iterator[Sensor]:
    podman.start(name="timed-clean")
    podman.start(name="timed-odd")
    podman.start(name="other")
    podman.execute("timed-odd", "cp /bin/sleep /tmp/dropped; chmod 755 /tmp/dropped")
    sensor = post.sensor(RULES)
    yield sensor
    assert sensor.end() == 0
    podman.call("rm", "-f", "-t", "0", "--all", check=False)


def _scheduled(post: Post) -> dict[str, Any]:
    ran = post.command("anna", "forensics", "schedule", "--format", "json")
    assert ran.returncode == 0, ran.stderr
    return {one["workload"]: one for one in json.loads(ran.stdout)["scheduled"]}


@pytest.mark.usefixtures("watched")
def test_each_container_is_captured_once_though_its_server_is_killed(post: Post) -> None:
    post.wait_for(lambda: post.responses(step="capture"))
    post.kill()
    post.start()
    post.wait_for(lambda: len(post.root.get("/captures").json()) >= 2)
    kept = {one["overview"]["container"]["name"]: one for one in post.root.get("/captures").json()}
    assert set(kept) == {"timed-clean", "timed-odd"}
    assert {(one["overview"]["altered"] != [], name) for name, one in kept.items()} == {
        (False, "timed-clean"),
        (True, "timed-odd"),
    }
    (differs,) = post.events("execution.capture.differs")
    assert (differs["data"]["name"], differs["data"]["written"]) == ("timed-odd", ["/tmp/dropped"])
    assert differs["data"]["schedule"] == "daily"

    told = _scheduled(post)
    assert {name: (one["differs"], one["state"]) for name, one in told.items()} == {
        "timed-clean": (False, "done"),
        "timed-odd": (True, "done"),
    }
    assert told["timed-odd"]["capture"] == kept["timed-odd"]["digest"]
    page = post.command("anna", "forensics", "schedule", "--format", "table").stdout
    assert "timed-odd" in page
    assert post.robot().get("/captures/schedule").status_code == 403
    assert {_days_kept(one) for one in kept.values()} == {2}

    # More looks give no second order: the next is due in a day.
    orders = post.responses(step="capture")
    assert len(orders) == len({one["container"] for one in orders}) == 2
    assert {one["asked_by"] for one in orders} == {"schedule:daily"}


def _days_kept(one: dict[str, Any]) -> int:
    return (parse_rfc3339(one["keep_until"]) - parse_rfc3339(one["kept_at"])).days

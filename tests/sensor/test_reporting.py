# SPDX-License-Identifier: Apache-2.0
"""What a sensor sees reaches its server, once, whoever is killed in between; and its silence is told."""

import os
import signal
from collections.abc import Iterator

import pytest
from node import RULES, Podman, Sensor
from post import NODE, Post

pytestmark = [pytest.mark.tools, pytest.mark.timeout(1200)]
DROP = "cp /bin/true /tmp/{0}; /tmp/{0}; "


@pytest.fixture
def post(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Post]:
    with Post(tmp_path_factory.mktemp("post")) as running:
        yield running


def paths(post: Post, name: str) -> list[str]:
    return [one["path"] for one in post.seen(name=name)]


def test_what_is_seen_is_on_record_with_its_container(podman: Podman, post: Post) -> None:
    sensor = post.sensor(RULES)
    try:
        podman.run(DROP.format("x"), name="programs-report")
        post.wait_for(lambda: post.seen(name="programs-report"))
        (seen,) = post.seen(name="programs-report")
        assert (seen["path"], seen["origin"], seen["refused"]) == ("/tmp/x", "added", True)
        assert seen["container"]["image"] == podman.image
        image = podman.call("inspect", "--format", "{{.Id}} {{.Digest}}", "--type", "image", podman.image).stdout
        identity, digest = image.split()
        assert (seen["container"]["config"], seen["container"]["digest"]) == (f"sha256:{identity}", digest)
        assert seen["container"]["started_at"] <= seen["at"]
        assert seen["container"]["started_at"]
        (node,) = post.root.get("/nodes").json()["nodes"]
        assert (node["name"], node["state"], node["lost"]) == (NODE, "watched", 0)
        post.wait_for(lambda: post.root.get("/incidents").json()["incidents"])
        (incident,) = post.root.get("/incidents").json()["incidents"]
        assert (incident["severity"], incident["workload"]) == ("high", "programs-report")
    finally:
        assert sensor.end() == 0
    post.wait_for(lambda: post.events("execution.node.ended"))


def test_nothing_is_lost_while_the_server_is_away_or_anybody_is_killed(podman: Podman, post: Post) -> None:
    """The server, then all of the sensor, then parts of it are killed in turn; each drop is on record once."""
    sensor: Sensor = post.sensor(RULES)
    wanted: list[str] = []

    def drop(number: int) -> None:
        sensor.wait_for(lambda: True)
        told = len(sensor.told)
        podman.run(DROP.format(f"x{number}"), name="programs-kills")
        sensor.wait_for(lambda: len(sensor.told) > told)  # taken into the spool before it was told
        wanted.append(f"/tmp/x{number}")

    try:
        podman.start(name="programs-stays")
        for turn in range(2):
            drop(3 * turn)
            post.kill()
            drop(3 * turn + 1)
            sensor.kill()
            sensor = post.sensor(RULES)
            drop(3 * turn + 2)
            os.kill(sensor.attendant(), signal.SIGKILL)
            post.start()
        post.wait_for(lambda: set(paths(post, "programs-kills")) >= set(wanted))
        assert sorted(paths(post, "programs-kills")) == sorted(wanted)
        assert post.events("execution.observation.made")
        unguarded = [one["what"] for one in post.seen(act="unguarded")]
        assert any("attendant ended with status -9" in what for what in unguarded)
    finally:
        assert sensor.end() == 0
        podman.call("rm", "-f", "-t", "0", "programs-stays")


def test_a_node_whose_sensor_is_killed_is_told_of_and_when_it_is_back(podman: Podman, post: Post) -> None:
    assert podman.image
    sensor = post.sensor(RULES)
    post.wait_for(lambda: post.events("execution.node.joined"))
    sensor.kill()
    post.wait_for(lambda: post.events("execution.node.silent"))
    sensor = post.sensor(RULES)
    try:
        post.wait_for(lambda: post.events("execution.node.back"))
        assert len(post.events("execution.node.silent")) == 1
    finally:
        assert sensor.end() == 0


def test_a_node_is_spoken_for_by_one_principal(post: Post) -> None:
    report = {"run": "a" * 32, "observations": []}
    robot = post.robot()
    assert robot.post(f"/nodes/{NODE}/observations", json=report).status_code == 200
    assert robot.get("/nodes").status_code == 403
    assert post.person("anna").post(f"/nodes/{NODE}/observations", json=report).status_code == 403  # may not report
    assert post.root.post(f"/nodes/{NODE}/observations", json=report).status_code == 403  # another one's node
    assert robot.post("/nodes/..%2Fx/observations", json=report).status_code in {400, 403, 404, 422}
    for wrong in ({}, {**report, "run": "x"}, {**report, "observations": [{"id": "b" * 32}]}):
        assert robot.post(f"/nodes/{NODE}/observations", json=wrong).status_code in {400, 422}

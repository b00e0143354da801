# SPDX-License-Identifier: Apache-2.0
"""Looking around and then logging in over the wire: an attack is an incident, and ordinary clients are not."""

import shutil
import subprocess
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from access_material import TOKEN, add_robot, add_user, give
from live_registry import LiveRegistry
from oci_material import image, write_layout
from registry_client import push

from tidegate.artifact import Digest
from tidegate.events import EventKind
from tidegate.identity.recon import ReconOptions
from tidegate.storage.outbox import read_after

Start = Callable[..., LiveRegistry]
VICTIM = {"X-Forwarded-For": "192.0.2.7"}
ATTACKER = {"X-Forwarded-For": "198.51.100.9"}


def incidents(live: LiveRegistry) -> list[dict[str, Any]]:
    """What was told of looking around."""
    live.audit.flush()
    with live.database.read() as connection:
        events = [event for _, event in read_after(connection, 0, 1000)]
    return [dict(event.data) for event in events if event.kind is EventKind.RECON_DETECTED]


def test_an_attack_is_one_incident_and_can_be_shut_out(start_registry: Start) -> None:
    block = ReconOptions(block=timedelta(minutes=5))
    with start_registry(token=TOKEN, proxies=("127.0.0.1",), recon=block) as live, live.client() as http:
        stolen = add_robot(live, "stolen")
        give(live, stolen[0], "team-a/**", "pull")
        assert http.get("/v2/_catalog", auth=stolen, headers=ATTACKER).status_code == 200
        for n in range(25):
            assert http.get(f"/v2/guess/name{n}/tags/list", auth=stolen, headers=ATTACKER).status_code == 403
        assert incidents(live) == []
        for n in range(5):
            http.get("/v2/", auth=("admin", f"password number {n}"), headers=ATTACKER)
        (found,) = incidents(live)
        assert (found["address"], found["catalogue"], found["failed_logins"]) == ("198.51.100.9", 1, 5)
        assert {step["who"] for step in found["sequence"]} == {"robot$stolen", "admin"}
        shut = http.get("/v2/", auth=stolen, headers=ATTACKER)
        assert (shut.status_code, shut.json()["errors"][0]["code"]) == (429, "TOOMANYREQUESTS")
        assert int(shut.headers["retry-after"]) > 200
        assert http.get("/token", auth=stolen, headers=ATTACKER).status_code == 429
        assert http.get("/livez", headers=ATTACKER).status_code == 200
        assert http.get("/v2/", auth=stolen, headers=VICTIM).status_code == 200


def test_looking_around_without_a_name_and_then_logging_in(start_registry: Start) -> None:
    with start_registry(token=TOKEN) as live, live.client() as http:
        found = add_robot(live, "found-in-a-layer")
        for n in range(22):
            assert http.get(f"/v2/guess/name{n}/tags/list").status_code == 401
        assert http.get("/v2/", auth=found).status_code == 200
        (incident,) = incidents(live)
        assert (incident["who"], incident["logged_in"]) == ("robot$found-in-a-layer", True)


def test_pushes_of_a_busy_pipeline_are_none(start_registry: Start) -> None:
    with start_registry(token=TOKEN) as live:
        robot = add_robot(live, "ci")
        give(live, robot[0], "**", "pull", "push")
        anna = add_user(live, "anna")
        with live.client(auth=robot) as http:
            for n in range(40):  # many jobs: is it there already? do you have these layers? no, so here they are
                name = f"service{n}/app"
                assert http.head(f"/v2/{name}/manifests/v1").status_code == 404
                for part in range(5):
                    missing = Digest.of(f"{n}/{part}".encode())
                    assert http.head(f"/v2/{name}/blobs/{missing}").status_code == 404
                push(http, name, image(name), "v1")
            for _ in range(3):
                http.get("/v2/", auth=(anna[0], "mistyped password"))
            assert http.get("/v2/", auth=anna).status_code == 200
        assert incidents(live) == []


@pytest.mark.tools
def test_skopeo_over_many_repositories_is_none(start_registry: Start, tmp_path: Path) -> None:
    if shutil.which("skopeo") is None:
        pytest.skip("skopeo is missing: apt-get install skopeo")
    policy = tmp_path / "policy.json"
    policy.write_text('{"default":[{"type":"insecureAcceptAnything"}]}')
    source = write_layout(tmp_path / "in", image(), "v1")
    # As tight as it may be set: every repository counts.
    with start_registry(token=TOKEN, recon=ReconOptions(score=5, attempts=1)) as live:
        robot = add_robot(live, "ci")
        give(live, robot[0], "**", "pull", "push")

        def skopeo(*words: str, creds: str = "") -> int:
            command = ["skopeo", "--policy", str(policy), *words, *(["--creds", creds] if creds else [])]
            return subprocess.run(command, capture_output=True, timeout=120, check=False).returncode

        creds = ":".join(robot)
        for n in range(7):
            target = f"docker://{live.host}/service{n}/app"
            copied = skopeo(
                "copy", f"oci:{source}:v1", f"{target}:v1", "--dest-tls-verify=false", "--dest-creds", creds
            )
            assert copied == 0
            assert skopeo("list-tags", "--tls-verify=false", target, creds=creds) == 0
        assert incidents(live) == []
        # The same client in other hands: it finds out that it may not, in many places, and tries a password then.
        for n in range(7):
            assert skopeo("list-tags", "--tls-verify=false", f"docker://{live.host}/other{n}") != 0
        assert skopeo("list-tags", "--tls-verify=false", f"docker://{live.host}/other", creds="admin:guess") != 0
        assert len(incidents(live)) == 1

# SPDX-License-Identifier: Apache-2.0
"""Updates rolled out at a real control plane: done, put back, gone on with after a kill, one at a time."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Thread
from typing import Any

import httpx
import pytest

from cluster import Cluster, cluster
from tidegate.artifact import Digest, Repository, Tag
from tidegate.clock import system_clock
from tidegate.errors import RefusedError
from tidegate.execution.updates.judge import Proposal
from tidegate.execution.updates.known import Runs, Shelved
from tidegate.execution.updates.rollout.health import KINDS
from tidegate.execution.updates.rollout.rolling import NOTE, Ended, Rollout
from tidegate.execution.updates.rollout.turn import Turn
from tidegate.execution.updates.rule import RolloutLimits
from tidegate.execution.updates.tag_version import Step
from tidegate.kubernetes.client import find_api_server, open_http
from tidegate.kubernetes.objects import Objects, object_path
from tidegate.wire import from_json, to_json

OLD, NEW = Digest.of(b"old"), Digest.of(b"new")
BEFORE = f"registry.example/team/app:1.0.0@{OLD}"
AT = datetime(2026, 11, 30, tzinfo=UTC)
UPDATE = "a" * 32


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with cluster(tmp_path_factory.mktemp("cluster"), controllers=True, nodes=1) as made:
        yield made


@pytest.fixture(scope="module")
def http(running: Cluster) -> Iterator[httpx.Client]:
    with open_http(find_api_server(running.kubeconfig())) as made:
        yield made


class Place:
    """One workload in a namespace of its own."""

    def __init__(self, running: Cluster, http: httpx.Client, kind: str, name: str) -> None:
        self.running, self.http, self.kind, self.name = running, http, kind, f"{name}-{kind.lower()}"[:50]
        self.objects = Objects(http)
        self.path = object_path("apps/v1", KINDS[kind], "web", namespace=self.name)
        running.client().post("/api/v1/namespaces", json={"metadata": {"name": self.name}}).raise_for_status()
        account = f"/api/v1/namespaces/{self.name}/serviceaccounts/default"
        running.wait(lambda: http.get(account).status_code == 200, "the account of pods")
        labels = {"app": "web"}
        side = {"name": "side", "image": "registry.example/side:1", "env": [{"name": "A", "value": "b"}]}
        template = {"metadata": {"labels": labels}, "spec": {"containers": [side, {"name": "web", "image": BEFORE}]}}
        spec: dict[str, Any] = {"selector": {"matchLabels": labels}, "template": template}
        if kind != "DaemonSet":
            spec["replicas"] = 2
        if kind == "StatefulSet":
            spec["serviceName"] = "web"
        document = {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": "web"}, "spec": spec}
        self.objects.create(object_path("apps/v1", KINDS[kind], namespace=self.name), document, where="web")
        wanted = 1 if kind == "DaemonSet" else 2
        ready = "numberReady" if kind == "DaemonSet" else "readyReplicas"
        running.wait(lambda: self.found()["status"].get(ready) == wanted, f"{kind} is ready")

    def found(self) -> Any:
        return self.objects.get(self.path, where="web")

    def image(self) -> str:
        return str(self.found()["spec"]["template"]["spec"]["containers"][1]["image"])

    def note(self) -> Any:
        return from_json(self.found()["metadata"]["annotations"][NOTE].encode(), dict, what="note", max_bytes=1 << 16)

    def proposal(self, tag: str, **limits: float) -> Proposal:
        known: dict[str, Any] = {"cluster": "c", "namespace": self.name, "kind": self.kind, "name": "web"}
        known |= {"container": "web", "registry": "registry.example", "repository": Repository("team/app")}
        to = Shelved(
            repository=Repository("team/app"),
            tag=tag,
            digest=NEW,
            state="admitted",
            is_admitted=True,
            since=AT,
            stored_at=AT,
        )
        return Proposal(
            runs=Runs(**known, tag=Tag("1.0.0"), digest=OLD),
            to=to,
            step=Step.PATCH,
            line="",
            rule="r",
            group="g",
            removes=(),
            brings=(),
            not_before=AT,
            why=("test",),
            limits=RolloutLimits(**{"deadline_s": 60, "steady_s": 0.5, **limits}),  # type: ignore[arg-type]
        )

    def roll(self, tag: str, **limits: float) -> Ended:
        return self.rollout(self.proposal(tag, **limits)).run()

    def rollout(self, proposal: Proposal, update: str = UPDATE) -> Rollout:
        return Rollout(self.objects, update, proposal, clock=system_clock, pause=time.sleep, lease_s=2)

    def images_of_pods(self) -> set[str]:
        pods = self.objects.listed(object_path("v1", "pods", namespace=self.name), where="pods", max_objects=50)
        return {one["spec"]["containers"][1]["image"] for one in pods if not one["metadata"].get("deletionTimestamp")}


@pytest.mark.parametrize("kind", KINDS)
def test_an_update_is_rolled_out_and_stays_as_it_is(running: Cluster, http: httpx.Client, kind: str) -> None:
    place = Place(running, http, kind, "good")
    before = place.found()["spec"]["template"]["spec"]["containers"][0]
    ended = place.roll("1.0.1")
    assert ended.done, ended
    assert place.image() == f"registry.example/team/app:1.0.1@{NEW}"
    assert place.images_of_pods() == {place.image()}
    assert place.found()["spec"]["template"]["spec"]["containers"][0] == before
    generation = place.found()["metadata"]["generation"]
    assert place.roll("1.0.1") == ended, "again is the same"
    assert place.found()["metadata"]["generation"] == generation


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_not_healthy_is_put_back(running: Cluster, http: httpx.Client, kind: str) -> None:
    place = Place(running, http, kind, "bad")
    ended = place.roll("1.0.1-cannot-start")
    assert not ended.done
    assert "CrashLoopBackOff; what ran before runs again" in ended.what
    assert place.image() == BEFORE
    assert place.images_of_pods() == {BEFORE}
    assert place.note()["stage"] == "failed"


def test_what_never_gets_ready_is_put_back_after_its_time(running: Cluster, http: httpx.Client) -> None:
    place = Place(running, http, "Deployment", "late")
    ended = place.roll("1.0.1-never-ready", deadline_s=2)
    assert not ended.done
    assert ended.what.startswith("not healthy within 2 s: ")
    assert place.image() == BEFORE


@pytest.mark.parametrize(
    ("tag", "writes"), [("1.0.1", 1), ("1.0.1", 2), ("1.0.1-cannot-start", 1), ("1.0.1-cannot-start", 2)]
)
def test_a_kill_after_any_write_is_gone_on_with(
    running: Cluster, http: httpx.Client, tmp_path: Path, tag: str, writes: int
) -> None:
    place = Place(running, http, "Deployment", f"kill-{writes}-{tag.replace('.', '-')}")
    proposal = place.proposal(tag)
    (tmp_path / "proposal").write_bytes(to_json(proposal))
    script = Path(__file__).with_name("roll_and_die.py")
    command = list(map(str, (sys.executable, script, running.kubeconfig(), tmp_path / "proposal", writes)))
    assert subprocess.run(command, check=False, timeout=120).returncode == -signal.SIGKILL
    ended = place.rollout(proposal).run()
    assert ended.done == (tag == "1.0.1")
    assert place.image() == (f"registry.example/team/app:{tag}@{NEW}" if ended.done else BEFORE)
    assert place.images_of_pods() == {place.image()}


def test_what_somebody_else_changes_meanwhile_is_left_to_them(running: Cluster, http: httpx.Client) -> None:
    place = Place(running, http, "Deployment", "meanwhile")
    other = f"registry.example/team/app:9@{NEW}"

    def pause(_: float) -> None:
        if place.image() != other:
            containers = place.found()["spec"]["template"]["spec"]["containers"]
            containers[1]["image"] = other
            place.objects.merge(place.path, {"spec": {"template": {"spec": {"containers": containers}}}}, where="web")

    proposal = place.proposal("1.0.1-never-ready")
    rollout = Rollout(place.objects, UPDATE, proposal, clock=system_clock, pause=pause, lease_s=2)
    ended = rollout.run()
    assert not ended.done
    assert "somebody else changed its image" in ended.what
    assert place.image() == other


def test_what_runs_something_else_or_would_not_roll_is_refused(running: Cluster, http: httpx.Client) -> None:
    place = Place(running, http, "Deployment", "refused")
    place.objects.merge(place.path, {"spec": {"paused": True}}, where="web")
    with pytest.raises(RefusedError, match="it is paused"):
        place.roll("1.0.1")
    place.objects.merge(place.path, {"spec": {"paused": False}}, where="web")
    assert place.roll("1.0.1").done
    with pytest.raises(RefusedError, match=r"it names registry.example/team/app:1.0.1@"):
        place.rollout(place.proposal("1.0.2"), "b" * 32).run()


def test_one_at_a_time_in_a_namespace_and_a_dead_ones_turn_is_taken(running: Cluster, http: httpx.Client) -> None:
    place = Place(running, http, "Deployment", "turns")
    turn = Turn(place.objects, place.name, lasts_s=2, clock=system_clock, pause=time.sleep)
    turn.take()
    ends = Event()

    def hold() -> None:
        while not ends.wait(0.1):
            turn.renew()

    holder = Thread(target=hold)
    holder.start()
    try:
        with pytest.raises(RefusedError, match="another update is under way"):
            place.roll("1.0.1")
    finally:
        ends.set()
        holder.join()
    assert place.image() == BEFORE
    assert place.roll("1.0.1").done, "who had the turn is silent now"
    with pytest.raises(RefusedError, match="took its turn"):
        turn.renew()

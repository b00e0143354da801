# SPDX-License-Identifier: Apache-2.0
"""Rollouts without a cluster: killed before or after any write they are gone on with, and what is healthy is known."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from kept_objects import KeptObjects, Killed

from tidegate.artifact import Digest, Repository, Tag
from tidegate.errors import NotFoundError, RefusedError, UsageError
from tidegate.execution.updates.judge import Proposal
from tidegate.execution.updates.known import Runs, Shelved
from tidegate.execution.updates.rollout.health import Progress, health_of, objection
from tidegate.execution.updates.rollout.rolling import NOTE, Ended, Rollout
from tidegate.execution.updates.rule import RolloutLimits
from tidegate.execution.updates.tag_version import Step

AT = datetime(2026, 11, 30, tzinfo=UTC)
OLD, NEW = Digest.of(b"old"), Digest.of(b"new")
BEFORE, AFTER = f"r.example/team/app:1.0.0@{OLD}", f"r.example/team/app:1.0.1@{NEW}"
LABELS = {"app": "web"}


def pod(image: str, *, name: str = "web-x", waiting: str = "", restarts: int = 0, ready: bool = True) -> dict[str, Any]:
    state = {"waiting": {"reason": waiting}} if waiting else {"running": {}}
    status = {
        "phase": "Running",
        "conditions": [{"type": "Ready", "status": str(ready)}],
        "containerStatuses": [{"name": "web", "restartCount": restarts, "state": state}],
    }
    spec = {"containers": [{"name": "web", "image": image}]}
    return {"metadata": {"name": name, "uid": name, "labels": LABELS}, "spec": spec, "status": status}


def workload(kind: str = "Deployment", image: str = AFTER, *, status: Any = None) -> dict[str, Any]:
    spec: dict[str, Any] = {"selector": {"matchLabels": LABELS}, "replicas": 2}
    spec["template"] = {"spec": {"containers": [{"name": "web", "image": image}]}}
    return {"kind": kind, "metadata": {"name": "web", "generation": 2}, "spec": spec, "status": status or {}}


DONE = {"observedGeneration": 2, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2, "readyReplicas": 2}
ROLLED = {**DONE, "currentRevision": "b", "updateRevision": "b"}
SPREAD = {"observedGeneration": 2, "desiredNumberScheduled": 3, "updatedNumberScheduled": 3, "numberAvailable": 3}


@pytest.mark.parametrize(
    ("kind", "status", "progress"),
    [
        ("Deployment", DONE, Progress.HEALTHY),
        ("Deployment", {**DONE, "observedGeneration": 1}, Progress.MOVING),
        ("Deployment", {**DONE, "replicas": 3}, Progress.MOVING),
        ("Deployment", {**DONE, "updatedReplicas": 1}, Progress.MOVING),
        ("Deployment", {**DONE, "availableReplicas": 1}, Progress.MOVING),
        ("Deployment", {}, Progress.MOVING),
        (
            "Deployment",
            {**DONE, "conditions": [{"type": "Progressing", "reason": "ProgressDeadlineExceeded"}]},
            Progress.UNHEALTHY,
        ),
        ("StatefulSet", ROLLED, Progress.HEALTHY),
        ("StatefulSet", {**ROLLED, "currentRevision": "a"}, Progress.MOVING),
        ("StatefulSet", {**ROLLED, "readyReplicas": 1}, Progress.MOVING),
        ("DaemonSet", SPREAD, Progress.HEALTHY),
        ("DaemonSet", {**SPREAD, "numberAvailable": 2}, Progress.MOVING),
        ("DaemonSet", {**SPREAD, "updatedNumberScheduled": 2}, Progress.MOVING),
    ],
)
def test_how_a_rollout_goes_by_its_workload(kind: str, status: dict[str, Any], progress: Progress) -> None:
    assert health_of(workload(kind, status=status), [], AFTER, "web", max_restarts=1).progress is progress


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (pod(AFTER), ""),
        (pod(AFTER, restarts=1), ""),
        (pod(AFTER, restarts=2), "started anew 2 times"),
        (pod(AFTER, waiting="ImagePullBackOff"), "ImagePullBackOff"),
        (pod(AFTER, waiting="ContainerCreating"), ""),
        ({**pod(AFTER), "status": {"phase": "Failed", "reason": "Evicted\n"}}, "failed: Evicted"),
        (pod(BEFORE, restarts=9), ""),
        ({**pod(AFTER, restarts=9), "metadata": {"name": "other", "labels": {"app": "b"}}}, ""),
    ],
)
def test_how_it_goes_by_its_new_pods(found: dict[str, Any], said: str) -> None:
    health = health_of(workload(status=DONE), [found], AFTER, "web", max_restarts=1)
    assert (health.progress is Progress.UNHEALTHY) == bool(said)
    assert said in health.why
    assert health.why.isprintable()


@pytest.mark.parametrize(
    "spec",
    [
        {"paused": True},
        {"updateStrategy": {"type": "OnDelete"}},
        {"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}},
    ],
)
def test_what_would_not_roll_by_itself(spec: dict[str, Any]) -> None:
    assert objection({"spec": spec})
    assert not objection({"spec": {"updateStrategy": {"rollingUpdate": {"partition": 0}}}})


class Cluster(KeptObjects):
    """Objects behind an API server, with a controller that works while somebody waits; dead once it was killed."""

    def __init__(self, kind: str, *, healthy: bool) -> None:
        super().__init__()
        self.kind, self.healthy, self.now, self.dead = kind, healthy, AT, False
        self.path = self.put(
            kind, "web", namespace="shop", **{k: v for k, v in workload(kind, BEFORE).items() if k == "spec"}
        )
        self.pause(0)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        if self.dead:
            raise Killed
        try:
            return super()._answer(request)
        except Killed:
            self.dead = True
            raise

    def pause(self, seconds: float) -> None:
        self.now += timedelta(seconds=max(seconds, 0.1))
        works = self.image == BEFORE or self.healthy
        ready = 2 if works else 1
        counted = {"replicas": 2, "updatedReplicas": 2, "readyReplicas": ready, "availableReplicas": ready}
        self.objects[self.path]["status"] = counted
        self.objects["/api/v1/namespaces/shop/pods/web-x"] = pod(
            self.image, waiting="" if works else "CrashLoopBackOff", ready=works
        )

    @property
    def image(self) -> str:
        return str(self.objects[self.path]["spec"]["template"]["spec"]["containers"][0]["image"])

    def roll(self, update: str = "a" * 32) -> Ended:
        clock = lambda: self.now  # noqa: E731 - moves
        return Rollout(self.api, update, proposal(self.kind), clock=clock, pause=self.pause, lease_s=4).run()


def proposal(kind: str) -> Proposal:
    known: dict[str, Any] = {"cluster": "c", "namespace": "shop", "kind": kind, "name": "web", "container": "web"}
    team = Repository("team/app")
    runs = Runs(**known, registry="r.example", repository=team, tag=Tag("1.0.0"), digest=OLD)
    more: dict[str, Any] = {"state": "admitted", "is_admitted": True, "since": AT, "stored_at": AT}
    to = Shelved(repository=team, tag="1.0.1", digest=NEW, **more)
    words: dict[str, Any] = {"line": "", "rule": "r", "group": "g", "removes": (), "brings": (), "why": ("test",)}
    limits = RolloutLimits(deadline_s=60, steady_s=3)
    return Proposal(runs=runs, to=to, step=Step.PATCH, not_before=AT, limits=limits, **words)


def clusters(kind: str, *, healthy: bool) -> Iterator[Cluster]:
    """One for each write of a whole rollout, killed before it, and one killed after it."""
    with Cluster(kind, healthy=healthy) as whole:
        whole.roll()
        writes = len(whole.writes)
    assert writes > 3
    for number in range(1, writes + 1):
        for was_done in (False, True):
            with Cluster(kind, healthy=healthy) as one:
                one.kill_at = (number, was_done)
                yield one


@pytest.mark.parametrize("healthy", [True, False])
@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet"])
def test_a_rollout_killed_at_any_write_comes_to_the_same_end(kind: str, healthy: bool) -> None:
    for one in clusters(kind, healthy=healthy):
        with pytest.raises(Killed):
            one.roll()
        one.dead, one.kill_at = False, None
        ended = one.roll()
        assert ended.done is healthy, (one.writes, ended)
        assert one.image == (AFTER if healthy else BEFORE)
        assert '"stage":"done"' in one.objects[one.path]["metadata"]["annotations"][NOTE] or not healthy


def test_two_updates_of_one_workload_wait_for_each_other() -> None:
    with Cluster("Deployment", healthy=True) as one:
        one.kill_at = (3, True)
        with pytest.raises(Killed):
            one.roll()
        assert one.image == AFTER
        one.dead, one.kill_at = False, None
        with pytest.raises(RefusedError, match="update aaaaaaaaaaaa of it is under way"):
            one.roll("b" * 32)
        assert one.roll().done


def test_what_is_no_workload_of_ours_or_gone_is_told() -> None:
    with Cluster("Deployment", healthy=True) as one:
        with pytest.raises(UsageError, match="a Job is not rolled out"):
            Rollout(one.api, "a", proposal("Job"), clock=lambda: AT, pause=one.pause)
        del one.objects[one.path]
        with pytest.raises(NotFoundError):
            one.roll()

# SPDX-License-Identifier: Apache-2.0
"""Workloads out of manifests as people write them, and wrong ones refused in one line."""

import json

import pytest

from execution_manifests import CRON_JOB, DEPLOYMENT, PRIVILEGED_POD
from tidegate.errors import BoundExceededError, InvalidInputError
from tidegate.execution.workload import (
    Bystander,
    ContainerRole,
    Workload,
    parse_manifests,
    parse_objects,
    parse_workload,
)
from tidegate.manifests.limits import ManifestLimits


def _one(raw: bytes) -> Workload:
    (found,) = parse_manifests(raw, where="f", cluster="east")
    assert isinstance(found, Workload)
    return found


def test_a_deployment_with_its_containers() -> None:
    workload = _one(DEPLOYMENT)
    assert (workload.cluster, workload.namespace, workload.kind, workload.name) == ("east", "web", "Deployment", "shop")
    assert workload.owner == "storefront"
    assert [(c.name, c.role, str(c.image)) for c in workload.containers] == [
        ("migrate", ContainerRole.INIT, "registry.example:5000/shop/migrate:7"),
        ("app", ContainerRole.APP, "registry.example:5000/shop/app:7"),
        ("proxy", ContainerRole.APP, "docker.io/library/nginx:1.25"),
    ]
    proxy = workload.containers[2]
    assert proxy.at == ("spec", "template", "spec", "containers", 1)
    assert proxy.security.read_only_root_filesystem is False
    assert proxy.security.capabilities_dropped == ("NET_RAW",)
    assert workload.document["spec"]["replicas"] == 3


def test_a_cron_job_lies_two_templates_deep() -> None:
    workload = _one(CRON_JOB)
    assert workload.pod_at == ("spec", "jobTemplate", "spec", "template")
    assert workload.owner == "data-team"
    assert workload.containers[0].image.digest == "sha256:" + "ab" * 32


@pytest.mark.parametrize(
    ("version", "kind"),
    [
        ("apps/v1", "Deployment"),
        ("apps/v1", "StatefulSet"),
        ("apps/v1", "DaemonSet"),
        ("apps/v1", "ReplicaSet"),
        ("batch/v1", "Job"),
        ("v1", "ReplicationController"),
    ],
)
def test_every_kind_with_a_template(version: str, kind: str) -> None:
    pod = {"spec": {"containers": [{"name": "a", "image": "b"}]}}
    document = {"apiVersion": version, "kind": kind, "metadata": {"generateName": "x-"}, "spec": {"template": pod}}
    workload = _one(json.dumps(document).encode())
    assert (workload.kind, workload.name, workload.namespace) == (kind, "x", "default")


def test_lists_of_both_kinds_are_opened() -> None:
    pod = {"metadata": {"name": "a"}, "spec": {"containers": [{"name": "a", "image": "b"}]}}
    typed = {"apiVersion": "v1", "kind": "PodList", "items": [pod, pod]}
    mixed = {"apiVersion": "v1", "kind": "List", "items": [{"apiVersion": "v1", "kind": "Pod"} | pod]}
    found = parse_manifests(json.dumps(typed).encode() + b"\n---\n" + json.dumps(mixed).encode(), where="f")
    assert [item.kind for item in found] == ["Pod"] * 3


def test_the_pods_word_holds_where_the_container_has_none() -> None:
    workload = _one(
        b"""
apiVersion: v1
kind: Pod
metadata: {name: a}
spec:
  securityContext: {runAsUser: 1000, runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}
  containers:
    - {name: own, image: b, securityContext: {runAsUser: 0, runAsNonRoot: false, seccompProfile: {type: Unconfined}}}
    - {name: none, image: b, securityContext: null}
  ephemeralContainers:
    - {name: debug, image: busybox, securityContext: {runAsUser: 7}}
"""
    )
    own, none, debug = (container.security for container in workload.containers)
    assert (own.run_as_user, own.run_as_non_root, own.seccomp) == (0, False, "Unconfined")
    assert (none.run_as_user, none.run_as_non_root, none.seccomp) == (1000, True, "RuntimeDefault")
    assert (debug.run_as_user, debug.run_as_non_root) == (7, True)


def test_other_objects_are_bystanders_unless_they_bring_containers() -> None:
    service = b"apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {ports: [{port: 80}]}\n"
    rollout = DEPLOYMENT.replace(b"apps/v1", b"argoproj.io/v1alpha1").replace(b"kind: Deployment", b"kind: Rollout")
    impostor = PRIVILEGED_POD.replace(b"apiVersion: v1", b"apiVersion: evil.dev/v1")
    found = parse_manifests(b"---\n".join([service, rollout, impostor]), where="f")
    assert [(type(item), getattr(item, "holds_containers", None)) for item in found] == [
        (Bystander, False),
        (Bystander, True),
        (Bystander, True),
    ]


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"spec": None}, "f Pod/a: "),
        ({"spec": {}}, "f Pod/a: "),
        ({"spec": {"containers": []}}, "a pod needs containers"),
        ({"spec": {"containers": {}}}, "Expected `array`, got `object` - at `$.spec.containers`"),
        ({"spec": {"containers": [{"name": "a"}]}}, "container 'a': names no image"),
        ({"spec": {"containers": [{"name": "a", "image": "A B"}]}}, "container 'a': not a repository name"),
        ({"spec": {"containers": [{"name": "a\nb", "image": "b"}]}}, "is not one Kubernetes takes"),
        ({"spec": {"containers": [{"name": "a", "image": "b"}] * 2}}, "two containers have one name"),
        (
            {"spec": {"containers": [{"name": "a", "image": "b", "securityContext": {"privileged": "true"}}]}},
            "Expected `bool | null`, got `str` - at `$.spec.containers[0].securityContext.privileged`",
        ),
        (
            {"spec": {"containers": [{"name": "a", "image": "b", "securityContext": {"runAsUser": "0"}}]}},
            "at `$.spec.containers[0].securityContext.runAsUser`",
        ),
        ({"spec": {"hostNetwork": 1, "containers": [{"name": "a", "image": "b"}]}}, "at `$.spec.hostNetwork`"),
        ({"metadata": {"name": "../../etc"}}, "its name '../../etc' is not one Kubernetes takes"),
        ({"metadata": {"labels": {"a": 1}}}, "f metadata: Expected `str`, got `int`"),
        ({"metadata": {}}, "its name '' is not one"),
        ({"metadata": [1]}, "f metadata: Expected `object`, got `array`"),
        ({"kind": 5}, "it needs apiVersion and kind"),
        ({"apiVersion": None}, "it needs apiVersion and kind"),
    ],
)
def test_wrong_types_are_one_clear_line(change: dict[str, object], error: str) -> None:
    good = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "a"},
        "spec": {"containers": [{"name": "a", "image": "b"}]},
    }
    with pytest.raises(InvalidInputError) as caught:
        parse_manifests(json.dumps(good | change).encode(), where="f")
    assert error in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_word_is_no_object_and_a_service_no_workload() -> None:
    with pytest.raises(InvalidInputError, match="it must be a map"):
        parse_manifests(b"hello", where="f")
    with pytest.raises(InvalidInputError, match="Service is no workload"):
        parse_workload({"apiVersion": "v1", "kind": "Service"}, where="f")


def test_too_many_containers_or_items_are_refused() -> None:
    containers = [{"name": f"c{at}", "image": "b"} for at in range(257)]
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "spec": {"containers": containers}}
    with pytest.raises(BoundExceededError, match="max_containers = 256"):
        parse_manifests(json.dumps(pod).encode(), where="f")
    small = {"apiVersion": "v1", "kind": "List", "items": [{"apiVersion": "v1", "kind": "Service"}] * 3}
    with pytest.raises(BoundExceededError, match="max_documents = 2"):
        parse_manifests(json.dumps(small).encode(), where="f", limits=ManifestLimits(max_documents=2))


def test_plain_data_is_held_to_the_same_depth() -> None:
    node: object = "x"
    for _ in range(5000):
        node = {"spec": node}
    with pytest.raises(BoundExceededError, match="max_depth = 64"):
        parse_objects([node], where="review")

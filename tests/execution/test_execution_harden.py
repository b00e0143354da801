# SPDX-License-Identifier: Apache-2.0
"""Least privilege: what is filled in, what is left to its author, and that twice is once."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from execution_manifests import COMPLIANT_POD, CRON_JOB, DEPLOYMENT, PRIVILEGED_POD
from tidegate.artifact import Digest, Reference
from tidegate.execution.changes_annotation import CHANGES_ANNOTATION
from tidegate.execution.harden import Hardened, HardenOptions, harden
from tidegate.execution.json_patch import json_patch
from tidegate.execution.standards import violations
from tidegate.execution.workload import Workload, parse_workload
from tidegate.manifests.documents import read_documents


def _resolve(reference: Reference) -> Digest:
    return Digest.of(str(reference).encode())


def _harden(raw: bytes, *, user: str | None = "", **options: Any) -> Hardened:
    workload = parse_workload(read_documents(raw, where="f")[0], where="f")
    return harden(workload, resolve=_resolve, user_of=lambda _: user, options=HardenOptions(**options))


def _pod(hardened: Hardened) -> Any:
    node: Any = hardened.workload.document
    for key in hardened.workload.pod_at:
        node = node[key]
    return node["spec"]


def _pod_of(**spec: Any) -> bytes:
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "spec": spec}
    return json.dumps(pod).encode()


def test_a_plain_deployment_meets_the_restricted_standard_afterwards() -> None:
    before = parse_workload(read_documents(DEPLOYMENT, where="f")[0], where="f")
    assert len(violations(before)) > 5
    hardened = _harden(DEPLOYMENT)
    assert violations(hardened.workload) == ()
    spec = _pod(hardened)
    assert spec["automountServiceAccountToken"] is False
    assert spec["securityContext"] == {"seccompProfile": {"type": "RuntimeDefault"}}
    app = spec["containers"][0]
    digest = _resolve(Reference.parse("registry.example:5000/shop/app:7"))
    assert app["image"] == f"registry.example:5000/shop/app:7@{digest}"
    assert app["securityContext"] == {
        "runAsUser": 65532,
        "runAsGroup": 65532,
        "runAsNonRoot": True,
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }
    assert hardened.digests["app"] == digest


def test_what_somebody_said_stays() -> None:
    spec = _pod(_harden(DEPLOYMENT))
    proxy = spec["containers"][1]["securityContext"]
    assert proxy["readOnlyRootFilesystem"] is False
    assert proxy["capabilities"]["drop"] == ["NET_RAW", "ALL"]
    assert "volumeMounts" not in spec["containers"][1]
    assert spec["volumes"][0] == {"name": "config", "configMap": {"name": "shop"}}


def test_a_privileged_pod_keeps_what_the_standards_deny() -> None:
    hardened = _harden(PRIVILEGED_POD)
    spec = _pod(hardened)
    assert spec["hostNetwork"] is True
    assert spec["hostPID"] is True
    context = spec["containers"][0]["securityContext"]
    assert (context["privileged"], context["runAsUser"]) == (True, 0)
    assert "runAsNonRoot" not in context
    assert "allowPrivilegeEscalation" not in context
    controls = {violation.control for violation in violations(hardened.workload)}
    assert {"privileged", "host-namespaces", "host-path", "root-user", "non-root"} <= controls


def test_a_limit_is_never_below_what_is_asked_for() -> None:
    resources = _pod(_harden(DEPLOYMENT))["containers"][0]["resources"]
    assert resources["limits"] == {"cpu": "1", "memory": "2Gi"}
    assert resources["requests"] == {"memory": "2Gi", "cpu": "50m"}


@pytest.mark.parametrize(
    ("image_user", "expected"),
    [(None, 65532), ("", 65532), ("root", 65532), ("0:5", 65532), ("nginx", 65532), ("1001", None), ("1001:0", None)],
)
def test_the_user_is_set_where_the_image_names_no_uid(image_user: str | None, expected: int | None) -> None:
    context = _pod(_harden(_pod_of(containers=[{"name": "a", "image": "b"}]), user=image_user))["containers"][0][
        "securityContext"
    ]
    assert context.get("runAsUser") == expected
    assert context["runAsNonRoot"] is True


def test_a_pods_own_user_is_kept() -> None:
    raw = _pod_of(securityContext={"runAsUser": 5}, containers=[{"name": "a", "image": "b"}])
    assert "runAsUser" not in _pod(_harden(raw))["containers"][0]["securityContext"]


def test_tmp_is_given_where_the_root_becomes_read_only() -> None:
    mounts = [{"name": "own", "mountPath": "/tmp/"}]
    spec = _pod(
        _harden(
            _pod_of(
                volumes=[{"name": "own", "emptyDir": {}}, {"name": "tidegate-tmp-1", "emptyDir": {}}],
                containers=[{"name": "a", "image": "b", "volumeMounts": mounts}, {"name": "c", "image": "b"}],
                ephemeralContainers=[{"name": "d", "image": "b"}],
            )
        )
    )
    assert spec["containers"][0]["volumeMounts"] == mounts
    assert spec["containers"][1]["volumeMounts"] == [{"name": "tidegate-tmp-2", "mountPath": "/tmp"}]
    assert spec["volumes"][2] == {"name": "tidegate-tmp-2", "emptyDir": {"sizeLimit": "64Mi"}}
    assert spec["ephemeralContainers"][0].keys() == {"name", "image", "securityContext"}


def test_net_bind_service_is_kept_when_asked_for() -> None:
    raw = _pod_of(containers=[{"name": "a", "image": "b"}])
    context = _pod(_harden(raw, keep_net_bind_service=True))["containers"][0]["securityContext"]
    assert context["capabilities"] == {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]}


def test_windows_pods_get_no_linux_switches() -> None:
    raw = _pod_of(os={"name": "windows"}, containers=[{"name": "a", "image": "b"}])
    spec = _pod(_harden(raw))
    assert "securityContext" not in spec
    assert "securityContext" not in spec["containers"][0]
    assert spec["containers"][0]["resources"]["limits"]["memory"] == "512Mi"


def test_an_image_nobody_knows_stays_as_it_is() -> None:
    workload = parse_workload(read_documents(DEPLOYMENT, where="f")[0], where="f")
    hardened = harden(workload, resolve=lambda _: None, user_of=lambda _: None)
    assert _pod(hardened)["containers"][0]["image"] == "registry.example:5000/shop/app:7"
    assert set(hardened.digests.values()) == {None}


def test_a_digest_is_not_asked_for_again() -> None:
    workload = parse_workload(read_documents(CRON_JOB, where="f")[0], where="f")
    hardened = harden(workload, resolve=lambda _: pytest.fail("asked"), user_of=lambda _: "7")
    assert hardened.digests["report"] == "sha256:" + "ab" * 32
    assert not any(change.path.endswith("/image") for change in hardened.changes)


def test_every_change_is_told_in_the_annotation_and_the_input_is_left_alone() -> None:
    document = read_documents(DEPLOYMENT, where="f")[0]
    kept = copy.deepcopy(document)
    hardened = harden(parse_workload(document, where="f"), resolve=_resolve, user_of=lambda _: "")
    assert document == kept
    metadata: Any = hardened.workload.document["spec"]["template"]["metadata"]
    told = json.loads(metadata["annotations"][CHANGES_ANNOTATION])
    assert [entry["path"] for entry in told] == [change.path for change in hardened.changes]
    assert all(change.why for change in hardened.changes)
    assert metadata["labels"] == {"app": "shop"}


@pytest.mark.tools
@pytest.mark.parametrize("raw", [DEPLOYMENT, CRON_JOB, PRIVILEGED_POD, COMPLIANT_POD])
def test_kubectl_makes_the_same_document_of_the_patch(kubectl: Any, tmp_path: Path, raw: bytes) -> None:
    hardened = _harden(raw)
    file = tmp_path / "x.yaml"
    file.write_bytes(raw)
    patched = kubectl("patch", "-f", file, "--type=json", "-p", json.dumps(hardened.patch))
    assert patched == hardened.workload.document


def _apply(document: Any, patch: list[dict[str, Any]]) -> Any:
    document = copy.deepcopy(document)
    for operation in patch:
        *way, last = [part.replace("~1", "/").replace("~0", "~") for part in operation["path"].split("/")[1:]] or [None]
        if last is None:
            document = operation["value"]
            continue
        node = document
        for part in way:
            node = node[int(part)] if isinstance(node, list) else node[part]
        key: Any = int(last) if isinstance(node, list) else last
        if operation["op"] == "remove":
            del node[key]
        elif operation["op"] == "add" and isinstance(node, list):
            node.insert(key, operation["value"])
        else:
            assert operation["op"] == "add" or key in (range(len(node)) if isinstance(node, list) else node)
            node[key] = operation["value"]
    return document


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(0, 3) | st.text("a/~", max_size=2),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("a/~b", max_size=2), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.property
@settings(deadline=None)
@given(_JSON, _JSON)
def test_a_patch_makes_the_second_of_the_first(before: Any, after: Any) -> None:
    patched = _apply(before, json_patch(before, after))
    assert json.dumps(patched, sort_keys=True) == json.dumps(after, sort_keys=True)
    assert json_patch(after, after) == []


def _maybe(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=fields)


_BOOL = st.none() | st.booleans()
_NAMES = st.sampled_from(["ALL", "all", "NET_RAW", "SYS_ADMIN", "NET_BIND_SERVICE", "CHOWN"])
_SECCOMP = _maybe(type=st.sampled_from(["RuntimeDefault", "Unconfined", "Localhost"])) | st.none()
_CONTEXT = st.none() | _maybe(
    runAsUser=st.none() | st.sampled_from([0, 1, 1000]),
    runAsGroup=st.none() | st.sampled_from([0, 1000]),
    runAsNonRoot=_BOOL,
    privileged=_BOOL,
    allowPrivilegeEscalation=_BOOL,
    readOnlyRootFilesystem=_BOOL,
    capabilities=st.none() | _maybe(add=st.none() | st.lists(_NAMES), drop=st.none() | st.lists(_NAMES)),
    seccompProfile=_SECCOMP,
)
_QUANTITIES = st.none() | _maybe(cpu=st.sampled_from(["1", "50m", 2, 0.5]), memory=st.just("1Gi"))
_CONTAINER = st.fixed_dictionaries(
    {"image": st.sampled_from(["a", "b:1", "c@sha256:" + "0" * 64])},
    optional={
        "securityContext": _CONTEXT,
        "resources": st.none() | _maybe(requests=_QUANTITIES, limits=_QUANTITIES),
        "volumeMounts": st.none() | st.just([{"name": "tidegate-tmp-0", "mountPath": "/tmp"}]),
    },
)
_SPEC = st.fixed_dictionaries(
    {"containers": st.lists(_CONTAINER, min_size=1, max_size=3)},
    optional={
        "initContainers": st.none() | st.lists(_CONTAINER, max_size=2),
        "ephemeralContainers": st.lists(_CONTAINER, max_size=1),
        "securityContext": _CONTEXT,
        "automountServiceAccountToken": _BOOL,
        "hostNetwork": _BOOL,
        "volumes": st.none() | st.just([{"name": "tidegate-tmp-0", "emptyDir": {}}]),
        "os": st.sampled_from([{"name": "windows"}, {"name": "linux"}]),
    },
)


def _named(spec: dict[str, Any]) -> Workload:
    number = 0
    for role in ("initContainers", "containers", "ephemeralContainers"):
        for container in spec.get(role) or ():
            container["name"] = f"c{number}"
            number += 1
    return parse_workload({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": spec}, where="f")


@pytest.mark.property
@settings(deadline=None)
@given(_SPEC, st.sampled_from([None, "", "root", "0", "app", "1000", "1000:1000"]), st.booleans(), st.booleans())
def test_hardening_twice_is_hardening_once(
    spec: dict[str, Any], user: str | None, keep_net_bind_service: bool, known: bool
) -> None:
    workload = _named(copy.deepcopy(spec))
    options = HardenOptions(keep_net_bind_service=keep_net_bind_service)
    once = harden(workload, resolve=lambda r: _resolve(r) if known else None, user_of=lambda _: user, options=options)
    twice = harden(
        once.workload, resolve=_resolve if known else lambda _: None, user_of=lambda _: user, options=options
    )
    assert twice.workload.document == once.workload.document
    assert (twice.changes, twice.patch) == ((), ())
    assert _apply(workload.document, list(once.patch)) == once.workload.document


@pytest.mark.property
@settings(deadline=None)
@given(_SPEC, st.sampled_from([None, "", "app", "1000"]))
def test_hardening_never_adds_a_violation_nor_overrules(spec: dict[str, Any], user: str | None) -> None:
    workload = _named(copy.deepcopy(spec))
    hardened = harden(workload, resolve=_resolve, user_of=lambda _: user)
    before = {(v.control, v.path) for v in violations(workload)}
    assert {(v.control, v.path) for v in violations(hardened.workload)} <= before
    for change in hardened.changes:
        grown = isinstance(change.before, list) and change.after[: len(change.before)] == change.before
        reordered = change.path.endswith("/drop") and set(change.before or ()) < set(change.after)
        assert change.before is None or grown or reordered or change.path.endswith("/image")

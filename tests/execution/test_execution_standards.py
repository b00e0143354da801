# SPDX-License-Identifier: Apache-2.0
"""Pod Security Standards: every control with what it forbids and what it lets pass."""

import copy
from typing import Any

import pytest

from execution_manifests import COMPLIANT_POD, PRIVILEGED_POD
from tidegate.execution.standards import Level, violations
from tidegate.execution.workload import parse_workload
from tidegate.manifests.documents import read_documents

BASELINE, RESTRICTED = Level.BASELINE, Level.RESTRICTED
C = "/spec/containers/0/securityContext"


def _changed(pod: dict[str, Any], container: dict[str, Any], context: dict[str, Any]) -> dict[str, Any]:
    document: dict[str, Any] = copy.deepcopy(read_documents(COMPLIANT_POD, where="f")[0])
    spec = document["spec"]
    spec |= {name: value for name, value in pod.items() if name != "securityContext"}
    spec["securityContext"] |= pod.get("securityContext", {})
    spec["containers"][0] |= container
    spec["containers"][0]["securityContext"] |= context
    return document


def _found(document: dict[str, Any], level: Level = RESTRICTED) -> list[tuple[Level | None, str, str]]:
    return [(v.level, v.control, v.path) for v in violations(parse_workload(document, where="f"), level)]


def test_the_compliant_pod_passes_all_levels() -> None:
    document = _changed({}, {}, {})
    assert [_found(document, level) for level in Level] == [[], [], []]


@pytest.mark.parametrize(
    ("pod", "container", "context", "expected"),
    [
        ({"hostNetwork": True}, {}, {}, (BASELINE, "host-namespaces", "/spec/hostNetwork")),
        ({"hostPID": True}, {}, {}, (BASELINE, "host-namespaces", "/spec/hostPID")),
        ({"hostIPC": True}, {}, {}, (BASELINE, "host-namespaces", "/spec/hostIPC")),
        (
            {},
            {},
            {"windowsOptions": {"hostProcess": True}},
            (BASELINE, "host-process", f"{C}/windowsOptions/hostProcess"),
        ),
        ({}, {}, {"privileged": True}, (BASELINE, "privileged", f"{C}/privileged")),
        (
            {},
            {},
            {"capabilities": {"drop": ["ALL"], "add": ["NET_ADMIN", "SYS_PTRACE"]}},
            (BASELINE, "capabilities", f"{C}/capabilities/add"),
        ),
        (
            {},
            {},
            {"capabilities": {"drop": ["ALL"], "add": ["CHOWN"]}},
            (RESTRICTED, "capabilities", f"{C}/capabilities/add"),
        ),
        (
            {"volumes": [{"name": "v", "hostPath": {"path": "/var/run/docker.sock"}}]},
            {},
            {},
            (BASELINE, "host-path", "/spec/volumes/0/hostPath"),
        ),
        (
            {},
            {"ports": [{"containerPort": 1}, {"hostPort": 80}]},
            {},
            (BASELINE, "host-ports", "/spec/containers/0/ports/1/hostPort"),
        ),
        (
            {},
            {"livenessProbe": {"httpGet": {"host": "169.254.169.254", "port": 80}}},
            {},
            (BASELINE, "host-probes", "/spec/containers/0/livenessProbe/httpGet/host"),
        ),
        (
            {},
            {"lifecycle": {"preStop": {"tcpSocket": {"host": "10.0.0.1", "port": 1}}}},
            {},
            (BASELINE, "host-probes", "/spec/containers/0/lifecycle/preStop/tcpSocket/host"),
        ),
        ({}, {}, {"appArmorProfile": {"type": "Unconfined"}}, (BASELINE, "apparmor", f"{C}/appArmorProfile/type")),
        ({}, {}, {"seLinuxOptions": {"type": "spc_t"}}, (BASELINE, "selinux", f"{C}/seLinuxOptions/type")),
        ({}, {}, {"seLinuxOptions": {"user": "sysadm_u"}}, (BASELINE, "selinux", f"{C}/seLinuxOptions/user")),
        ({}, {}, {"procMount": "Unmasked"}, (BASELINE, "proc-mount", f"{C}/procMount")),
        ({}, {}, {"seccompProfile": {"type": "Unconfined"}}, (BASELINE, "seccomp", f"{C}/seccompProfile/type")),
        (
            {"securityContext": {"sysctls": [{"name": "kernel.msgmax", "value": "1"}]}},
            {},
            {},
            (BASELINE, "sysctls", "/spec/securityContext/sysctls/0/name"),
        ),
        (
            {"volumes": [{"name": "v", "nfs": {"server": "x"}}]},
            {},
            {},
            (RESTRICTED, "volume-types", "/spec/volumes/0/nfs"),
        ),
        (
            {},
            {},
            {"allowPrivilegeEscalation": True},
            (RESTRICTED, "privilege-escalation", f"{C}/allowPrivilegeEscalation"),
        ),
        (
            {},
            {},
            {"allowPrivilegeEscalation": None},
            (RESTRICTED, "privilege-escalation", f"{C}/allowPrivilegeEscalation"),
        ),
        ({}, {}, {"runAsNonRoot": False}, (RESTRICTED, "non-root", f"{C}/runAsNonRoot")),
        ({"securityContext": {"runAsNonRoot": None}}, {}, {}, (RESTRICTED, "non-root", f"{C}/runAsNonRoot")),
        (
            {"securityContext": {"runAsNonRoot": False}},
            {},
            {"runAsNonRoot": True},
            (RESTRICTED, "non-root", "/spec/securityContext/runAsNonRoot"),
        ),
        ({"securityContext": {"runAsUser": 0}}, {}, {}, (RESTRICTED, "root-user", "/spec/securityContext/runAsUser")),
        ({}, {}, {"runAsUser": 0}, (RESTRICTED, "root-user", f"{C}/runAsUser")),
        (
            {"securityContext": {"seccompProfile": None}},
            {},
            {},
            (RESTRICTED, "seccomp-set", f"{C}/seccompProfile/type"),
        ),
        (
            {},
            {},
            {"capabilities": {"drop": ["NET_RAW"]}},
            (RESTRICTED, "capabilities-dropped", f"{C}/capabilities/drop"),
        ),
    ],
)
def test_each_control_objects_to_what_it_forbids(
    pod: dict[str, Any], container: dict[str, Any], context: dict[str, Any], expected: tuple[Level, str, str]
) -> None:
    document = _changed(pod, container, context)
    assert _found(document) == [expected]
    assert _found(document, BASELINE) == ([expected] if expected[0] is BASELINE else [])
    assert _found(document, Level.PRIVILEGED) == []


@pytest.mark.parametrize(
    ("pod", "container", "context"),
    [
        ({"hostNetwork": False, "hostPID": None}, {}, {"privileged": False}),
        ({"securityContext": {"sysctls": [{"name": "net.ipv4.tcp_syncookies", "value": "1"}]}}, {}, {}),
        ({"volumes": [{"name": "v", "emptyDir": {}}, {"name": "w", "projected": {}}]}, {}, {}),
        ({}, {"ports": [{"hostPort": 0}]}, {"procMount": "Default"}),
        ({}, {"readinessProbe": {"httpGet": {"port": 80}}}, {"seLinuxOptions": {"type": "container_t"}}),
        ({}, {}, {"appArmorProfile": {"type": "RuntimeDefault"}, "seccompProfile": {"type": "Localhost"}}),
        ({"securityContext": {"runAsNonRoot": None}}, {}, {"runAsNonRoot": True}),
        ({"securityContext": {"seccompProfile": None}}, {}, {"seccompProfile": {"type": "RuntimeDefault"}}),
    ],
)
def test_each_control_lets_pass_what_it_allows(
    pod: dict[str, Any], container: dict[str, Any], context: dict[str, Any]
) -> None:
    assert _found(_changed(pod, container, context)) == []


@pytest.mark.parametrize("role", ["initContainers", "ephemeralContainers"])
def test_no_role_of_container_is_forgotten(role: str) -> None:
    bad = {"name": "b", "image": "x", "securityContext": {"privileged": True}}
    found = _found(_changed({role: [bad]}, {}, {}), BASELINE)
    assert found == [(BASELINE, "privileged", f"/spec/{role}/0/securityContext/privileged")]


def test_apparmor_annotations_count() -> None:
    document = _changed({}, {}, {})
    key = "container.apparmor.security.beta.kubernetes.io/app"
    document["metadata"]["annotations"] = {key: "runtime/default"}
    assert _found(document) == []
    document["metadata"]["annotations"] = {key: "unconfined"}
    path = "/metadata/annotations/container.apparmor.security.beta.kubernetes.io~1app"
    assert _found(document) == [(BASELINE, "apparmor", path)]


def test_windows_pods_are_not_asked_for_linux_switches() -> None:
    document = _changed({"os": {"name": "windows"}, "securityContext": {"seccompProfile": None}}, {}, {})
    document["spec"]["containers"][0]["securityContext"] = {}
    assert _found(document) == []


def test_every_violation_says_what_instead() -> None:
    document = read_documents(PRIVILEGED_POD, where="f")[0]
    found = violations(parse_workload(document, where="f"))
    assert len(found) >= 8
    assert all(violation.message and violation.fix for violation in found)

# SPDX-License-Identifier: Apache-2.0
"""What Falco and Kubernetes tell, by the forms their documentation gives."""

import json
from typing import Any

import pytest

from tidegate.errors import InvalidInputError
from tidegate.execution.drift_rules import Mode
from tidegate.execution.falco import alert_seen, read_alert
from tidegate.execution.kubernetes_audit import audit_seen, read_audit
from tidegate.execution.observation import Act, Container

AT = "2026-11-30T00:00:00Z"
BOX = Container(id="0c" * 32, name="web", namespace="shop", pod="web-0")
ALERT: dict[str, Any] = {
    "hostname": "node-1",
    "output": "A shell was spawned in a container with an attached terminal (user=root shell=bash)",
    "priority": "Notice",
    "rule": "Terminal shell in container",
    "source": "syscall",
    "tags": ["T1059", "container", "mitre_execution", "shell"],
    "time": "2026-11-30T10:00:00.123456789Z",
    "output_fields": {
        "container.id": "0c0c0c0c0c0c",
        "container.image.repository": "registry.example/web",
        "evt.time": 1796032800123456789,
        "k8s.ns.name": "<NA>",
        "proc.exepath": "/bin/bash",
        "proc.name": "bash",
        "proc.tty": 34816,
        "user.name": "root",
    },
}
EVENT: dict[str, Any] = {
    "level": "Request",
    "auditID": "6ba7b810-9dad-11d1-80b4-00c04fd430c8",
    "stage": "ResponseComplete",
    "requestURI": "/api/v1/namespaces/shop/pods/web-0/exec?command=sh",
    "verb": "create",
    "user": {"username": "eve@example.com", "groups": ["system:authenticated"]},
    "sourceIPs": ["192.0.2.1"],
    "objectRef": {
        "resource": "pods",
        "namespace": "shop",
        "name": "web-0",
        "apiVersion": "v1",
        "subresource": "exec",
    },
    "responseStatus": {"metadata": {}, "code": 101},
    "requestReceivedTimestamp": "2026-11-30T10:00:00.123456Z",
    "stageTimestamp": "2026-11-30T10:00:01.123456Z",
}


def audit(*events: dict[str, Any], version: str = "audit.k8s.io/v1") -> bytes:
    return json.dumps({"kind": "EventList", "apiVersion": version, "metadata": {}, "items": events}).encode()


@pytest.mark.parametrize(
    ("priority", "mode"),
    [("Notice", Mode.OBSERVE), ("Warning", Mode.ALERT), ("Critical", Mode.ALERT), ("Debug", Mode.OBSERVE)],
)
def test_an_alert_of_falco(priority: str, mode: Mode) -> None:
    alert = read_alert(json.dumps({**ALERT, "priority": priority}).encode())
    seen = alert_seen(alert, {BOX.id[:12]: BOX}, at=AT)
    assert (seen.act, seen.mode, seen.container, seen.program) == (Act.REPORTED, mode, BOX, "bash")
    assert (seen.rule, seen.path) == ("falco: Terminal shell in container", "/bin/bash")
    assert "attached terminal" in seen.what
    assert alert_seen(alert, {}, at=AT).container is None


@pytest.mark.parametrize("wrong", [b"", b"[]", b'{"rule": "x"}', b'{"rule": "", "priority": "x", "time": ""}'])
def test_what_is_no_alert(wrong: bytes) -> None:
    with pytest.raises(InvalidInputError):
        read_alert(wrong)


def test_a_command_in_a_pod() -> None:
    ((event,)) = read_audit(audit(EVENT))
    seen = audit_seen(event, at=AT)
    assert seen is not None
    assert (seen.act, seen.mode, seen.path) == (Act.REPORTED, Mode.ALERT, "shop/pods/web-0/exec")
    assert (seen.what, seen.refused) == ("eve@example.com ran a command in a pod", False)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"stage": "RequestReceived"}, ""),
        ({"responseStatus": {"code": 403}}, "ran a command in a pod and was refused"),
        ({"verb": "get", "objectRef": {"resource": "pods", "namespace": "shop"}}, ""),
        ({"verb": "list", "objectRef": {"resource": "secrets"}}, "read secrets"),
        ({"verb": "list", "objectRef": {"resource": "secrets"}, "user": {"username": "system:apiserver"}}, ""),
        ({"objectRef": {"resource": "clusterrolebindings", "name": "x"}}, "changed who may do what"),
        (
            {"verb": "get", "objectRef": {"resource": "nodes"}, "user": {"username": "system:anonymous"}},
            "nobody knows who it is",
        ),
        ({"objectRef": None}, ""),
    ],
)
def test_what_is_worth_telling(change: dict[str, Any], told: str) -> None:
    ((event,)) = read_audit(audit({**EVENT, **change}))
    seen = audit_seen(event, at=AT)
    assert (seen is None) == (not told)
    assert seen is None or told in seen.what


def test_another_version_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="not a list of audit"):
        read_audit(audit(EVENT, version="audit.k8s.io/v2"))
    with pytest.raises(InvalidInputError):
        read_audit(audit(*[EVENT] * 2001))

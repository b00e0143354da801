# SPDX-License-Identifier: Apache-2.0
"""Alerts in the shapes that Falco has sent over the years and by its settings: its fields, nulls and types."""

import json
from typing import Any

import pytest

from tidegate.execution.drift_rules import Mode
from tidegate.execution.falco import alert_seen, read_alert
from tidegate.execution.observation import Container

AT = "2026-11-30T00:00:00Z"
BOX = Container(id="16514a12c7ad" + "0" * 52, name="web", namespace="shop", pod="web-0")

SHELL: dict[str, Any] = {  # of 0.40: nulls where nothing is known, numbers of 64 bits, a whole moment in front
    "hostname": "node-1",
    "output": "2026-07-04T20:46:44.180672852+0000: Notice A shell was spawned in a container | k8s_pod_name=<NA>",
    "output_fields": {
        "container.id": "16514a12c7ad",
        "container.image.repository": "alpine",
        "container.image.tag": "3.20",
        "container.name": "web",
        "evt.arg.flags": "EXE_WRITABLE|EXE_LOWER_LAYER",
        "evt.time.iso8601": 1783198004180672852,
        "evt.type": "execve",
        "k8s.ns.name": None,
        "k8s.pod.name": None,
        "proc.cmdline": 'sh -lc echo "x"',
        "proc.exepath": "/bin/busybox",
        "proc.name": "sh",
        "proc.pname": "containerd-shim",
        "proc.tty": 34816,
        "user.loginuid": -1,
        "user.name": "root",
        "user.uid": 0,
    },
    "priority": "Notice",
    "rule": "Terminal shell in container",
    "source": "syscall",
    "tags": ["T1059", "container", "maturity_stable", "mitre_execution", "shell"],
    "time": "2026-07-04T20:46:44.180672852Z",
}
OLD: dict[str, Any] = {  # before 0.30: no hostname, source or tags, and nanoseconds without their last zeros
    "output": "20:19:15.325119960: Error File below a known binary directory opened for writing (file=/bin/x)",
    "priority": "Error",
    "rule": "Write below binary dir",
    "time": "2021-02-08T20:19:15.32511996Z",
    "output_fields": {
        "container.id": "host",
        "container.image.repository": None,
        "evt.time": 1612815555325119960,
        "fd.name": "/bin/x",
        "proc.aname[2]": "sudo",
        "proc.pcmdline": "bash",
        "user.name": "root",
    },
}
UNLINK: dict[str, Any] = {  # over gRPC: lower-case priority, microseconds with an offset, <NA> as text
    "time": "2020-03-03T17:50:03.391768+00:00",
    "priority": "warning",
    "source": "syscall",
    "rule": "Delete or rename shell history",
    "output": "18:50:03.391767411: Warning Shell history had been deleted or renamed (fd.name=<NA>)",
    "output_fields": {
        "container.id": "16514a12c7ad",
        "fd.name": "<NA>",
        "evt.arg.path": "/root/.ash_history",
        "evt.arg.name": "<NA>",
        "proc.cmdline": "ash",
    },
    "hostname": "localhost.localdomain",
}
NETWORK = {  # a connection stands in fd.name, its parts in fields of their own; ports are numbers
    **SHELL,
    "rule": "Contact K8S API Server From Container",
    "output_fields": {
        "container.id": "16514a12c7ad",
        "fd.name": "10.244.0.7:44630->10.96.0.1:443",
        "fd.rport": 443,
        "fd.l4proto": "tcp",
        "evt.type": "connect",
        "proc.name": "curl",
    },
}
DRIFT = {  # with uuid and message, and without output (json_include_output_property: false)
    "uuid": "a1b2c3d4-0000-4000-8000-000000000001",
    "priority": "Critical",
    "rule": "Drop and execute new binary in container",
    "message": "Executing binary not part of base image",
    "time": "2026-09-29T10:00:00Z",
    "output_fields": {
        "container.full_id": BOX.id,
        "container.id": "16514a12c7ad",
        "proc.exe_ino.ctime": 1790000000000000000,
        "proc.is_exe_upper_layer": True,
        "proc.exepath": "/tmp/x",
        "proc.name": "x",
    },
    "source": "syscall",
    "tags": [],
}
AUDIT: dict[str, Any] = {  # of its Kubernetes plug-in: fields of the audit event, a null for each that it has not
    "hostname": "control-plane",
    "output": "00:14:25.354008000: Critical Cluster secret accessed (verb=list resource=secrets ns=prod name=<NA>)",
    "output_fields": {
        "evt.time": 1791332065354008000,
        "ka.sourceips": None,
        "ka.target.name": None,
        "ka.target.namespace": "prod",
        "ka.target.resource": "secrets",
        "ka.uri": "/api/v1/namespaces/prod/secrets",
        "ka.user.name": "system:serviceaccount:insecure:web",
        "ka.verb": "list",
    },
    "priority": "Critical",
    "rule": "Cluster Secret Accessed via K8s API",
    "source": "k8s_audit",
    "tags": ["k8s", "secrets"],
    "time": "2026-10-07T00:14:25.354008000Z",
}
DROPS = {  # of itself: every number a text
    "hostname": "node-1",
    "output": "Falco internal: syscall event drop. 815508 system calls dropped in last second.",
    "output_fields": {"ebpf_enabled": "1", "n_drops": "815508", "n_evts": "2270350"},
    "priority": "Debug",
    "rule": "Falco internal: syscall event drop",
    "source": "internal",
    "time": "2023-03-03T03:03:03.000000003Z",
}
PROBE: dict[str, Any] = {  # of what sends alerts on, when it is tried
    "output": "This is a test",
    "priority": "Debug",
    "rule": "Test rule",
    "time": "2026-01-01T00:00:00Z",
    "tags": None,
    "output_fields": None,
}


@pytest.mark.parametrize(
    ("alert", "container", "path", "program", "mode", "what"),
    [
        (SHELL, BOX, "/bin/busybox", "sh", Mode.OBSERVE,
         "Notice: A shell was spawned in a container | k8s_pod_name=<NA>"),
        (OLD, None, "/bin/x", "", Mode.ALERT,
         "Error: File below a known binary directory opened for writing (file=/bin/x)"),
        (UNLINK, BOX, "/root/.ash_history", "", Mode.ALERT,
         "warning: Shell history had been deleted or renamed (fd.name=<NA>)"),
        (NETWORK, BOX, "10.244.0.7:44630->10.96.0.1:443", "curl", Mode.OBSERVE,
         "Notice: A shell was spawned in a container | k8s_pod_name=<NA>"),
        (DRIFT, BOX, "/tmp/x", "x", Mode.ALERT, "Critical: Executing binary not part of base image"),
        (AUDIT, None, "/api/v1/namespaces/prod/secrets", "", Mode.ALERT,
         "Critical: Cluster secret accessed (verb=list resource=secrets ns=prod name=<NA>)"),
        (DROPS, None, "", "", Mode.OBSERVE,
         "Debug: Falco internal: syscall event drop. 815508 system calls dropped in last second."),
        (PROBE, None, "", "", Mode.OBSERVE, "Debug: This is a test"),
    ],
    ids=["shell", "old", "unlink", "network", "drift", "audit", "drops", "probe"],
)  # fmt: skip
def test_an_alert_in_each_shape(
    alert: dict[str, Any], container: Container | None, path: str, program: str, mode: Mode, what: str
) -> None:
    seen = alert_seen(read_alert(json.dumps(alert).encode()), {BOX.id[:12]: BOX}, at=AT)
    assert (seen.container, seen.path, seen.program, seen.mode) == (container, path, program, mode)
    assert seen.what == what
    assert seen.rule == f"falco: {alert['rule']}"


def test_a_container_that_no_sensor_knows_is_described_by_a_whole_id_only() -> None:
    seen = alert_seen(read_alert(json.dumps(DRIFT).encode()), {}, at=AT)
    assert seen.container == Container(id=BOX.id)
    fields = {**SHELL["output_fields"], "container.full_id": "1" * 64, "k8s.ns.name": "shop", "k8s.pod.name": "web-0"}
    seen = alert_seen(read_alert(json.dumps({**SHELL, "output_fields": fields}).encode()), {}, at=AT)
    assert seen.container == Container(id="1" * 64, name="web", image="alpine:3.20", namespace="shop", pod="web-0")

# SPDX-License-Identifier: Apache-2.0
"""What sensors and nodes say: reports, orders to them, bundles of runtimes, policies of response."""

import struct
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from cryptography.hazmat.primitives.asymmetric import ec
from fuzz_parser import Parser, clean_text_of, told

from tidegate.clock import parse_rfc3339
from tidegate.cluster.contained import containers_of
from tidegate.cluster.pod import read_metadata, read_pod
from tidegate.execution.expectation_file import load_expectations
from tidegate.execution.falco import alert_seen, read_alert
from tidegate.execution.kubernetes_audit import audit_seen, read_audit
from tidegate.execution.order import Order, read_order, to_statement
from tidegate.execution.report import MAX_REPORT_BYTES, Owner, Report, check_node
from tidegate.execution.response_policy import Step
from tidegate.execution.response_policy_file import load_response_policy
from tidegate.sensor.accounts import names_in
from tidegate.sensor.bolt import Bolt
from tidegate.sensor.bundle import describe
from tidegate.sensor.connector import parse_event
from tidegate.sensor.sockets import parse_sockets
from tidegate.signing.envelope import sign
from tidegate.signing.keys import SigningKey, TrustedKeys
from tidegate.wire import from_json

_ID = "0c" * 32
_REPORT = (
    b'{"run": "%s", "lost": 1, "observations": [{"id": "%s", "seen": {"at": "2026-11-30T00:00:00Z", "act": "executed",'
    b'"path": "/x", "origin": "added", "mode": "alert", "container": {"id": "%s", "name": "a"}}}], "containers": [],'
    b'"flows": {"id": "%s", "flows": [{"container": "%s", "inward": true, "address": "10.0.0.1", "port": 80,'
    b'"protocol": "UDP"}], "addresses": {"%s": ["10.0.0.2"]}}}'
) % (b"ab" * 16, b"cd" * 16, _ID.encode(), b"ef" * 16, _ID.encode(), _ID.encode())
_CONFIG = (
    b'{"annotations": {"io.kubernetes.cri.container-name": "web", "io.kubernetes.cri-o.ImageRef": "%s"},'
    b'"mounts": [{"source": "/var/lib/docker/containers/%s/hosts"}]}'
) % (_ID.encode(), _ID.encode())
_POLICY = b"""apiVersion: tidegate.dev/v1
kind: ResponsePolicy
metadata: {name: p}
spec:
  rules: [{name: a, acts: [executed], steps: [isolate, kill], alone: true, workloadPercent: 100, severity: low}]
  limits: {window: 10m, perNode: 5, namespacePercent: 25}
  approval: [kill]
"""
_PROFILE = b"""apiVersion: tidegate.dev/v1
kind: BehaviourProfile
metadata: {name: p}
spec: {programs: [/a], listens: [tcp/1-2], connects: ["[::1]:*", "10.0.0.0/8:1"], writes: [], shells: true}
"""
_SOCKETS = (
    b"  sl  local_address rem_address   st tx_queue\n"
    b"   0: 00000000:1F90 00000000:0000 0A 00000000:00000000\n"
    b"   1: 0000000000000000FFFF00000100007F:1F90 00000000000000000000000000000000:0000 0A 00000000:00000000\n"
)
_ALERT = b"""{"hostname": "n", "output": "x", "priority": "Warning", "rule": "r", "source": "syscall",
"time": "2026-11-30T00:00:00.0Z", "output_fields":
{"container.id": "0c0c0c0c0c0c", "proc.name": "sh", "evt.time": 1}}"""
_AUDIT = b"""{"kind": "EventList", "apiVersion": "audit.k8s.io/v1", "metadata": {}, "items": [{"level": "Metadata",
"auditID": "a", "stage": "ResponseComplete", "verb": "create", "user": {"username": "eve"}, "responseStatus":
{"code": 101}, "objectRef": {"resource": "pods", "namespace": "s", "name": "p", "subresource": "exec"}}]}"""
_POD = b"""{"metadata": {"name": "w-1", "namespace": "shop", "uid": "u", "resourceVersion": "7", "labels": {"app": "w"},
"ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "w", "uid": "r", "controller": true}],
"managedFields": [{"manager": "kubectl", "operation": "Update"}]}, "spec": {"nodeName": "n", "containers":
[{"name": "c", "image": "registry.example/w@sha256:%s"}]}, "status": {"containerStatuses": [{"name": "c", "imageID":
"registry.example/w@sha256:%s", "containerID": "containerd://%s", "restartCount": 1, "state": {"running": {"startedAt":
"2026-11-30T00:00:00Z"}}, "lastState": {"terminated": {"containerID": "containerd://%s", "finishedAt": null}}}]}}""" % (
    (_ID.encode(),) * 4
)
_KEY = SigningKey.of(ec.derive_private_key(0x1234567, ec.SECP256R1()))
_AT = "2026-11-30T00:00:00Z"


def sensor() -> Iterator[Parser]:
    """Readers of what comes to and from nodes."""
    order = Order(
        id="ef" * 16, node="n", container=_ID, step=Step.KILL, issued_at=_AT, expires_at="2026-11-30T01:00:00Z"
    )
    yield Parser(name="sensor-report", form="json", read=_report, samples=(_REPORT,))
    yield Parser(name="node-name", form="text", read=lambda data: check_node(clean_text_of(data)), samples=(b"n-1.x",))
    yield Parser(name="response-order", form="json", read=_order, samples=(sign(to_statement(order), _KEY).content,))
    yield Parser(name="runtime-bundle", form="json", read=_bundle, samples=(_CONFIG,))
    yield Parser(
        name="response-policy",
        form="yaml",
        read=lambda data: load_response_policy({"p": clean_text_of(data)}),
        samples=(_POLICY,),
    )
    yield Parser(name="behaviour-profile", form="yaml", read=_profile, samples=(_PROFILE,))
    yield Parser(name="sockets", form="text", read=lambda data: list(parse_sockets(data, "tcp")), samples=(_SOCKETS,))
    yield Parser(name="logins", form="text", read=names_in, samples=(b"root:x:0:0::/:/bin/sh\nssh-rsa AAAA me\n",))
    yield Parser(name="falco", form="json", read=_alert, samples=(_ALERT,))
    yield Parser(name="kubernetes-audit", form="json", read=_audit, samples=(_AUDIT,))
    yield Parser(name="pod", form="json", read=_pod, samples=(_POD,))
    yield Parser(name="bolt", form="binary", read=_bolt, samples=(_database(),))
    yield Parser(name="proc-event", form="binary", read=parse_event, samples=(bytes(80), _executed()))


def _database() -> bytes:
    """A bbolt file of three pages: two of metadata, and a leaf with a bucket within it that has one key."""
    value = struct.pack("<QHHIIIII", 0, 2, 1, 0, 0, 16, 1, 1) + b"kv"
    bucket = struct.pack("<QQ", 0, 0) + value
    leaf = struct.pack("<QHHIIIII", 2, 2, 1, 0, 1, 16, 2, len(bucket)) + b"v1" + bucket
    metas = []
    for number in (0, 1):
        body = struct.pack("<IIIIQQQQQ", 0xED0CDAED, 2, 512, 0, 2, 0, 3, 4, number)
        found = 0xCBF29CE484222325
        for one in body:
            found = ((found ^ one) * 0x100000001B3) & (1 << 64) - 1
        metas.append(struct.pack("<QHHI", number, 4, 0, 0) + body + struct.pack("<Q", found))
    return b"".join(page.ljust(512, b"\0") for page in (*metas, leaf))


def _bolt(data: bytes) -> object:
    with TemporaryDirectory() as folder:
        file = Path(folder) / "meta.db"
        file.write_bytes(data)
        with Bolt(file) as database:
            return database.get(b"v1", b"k"), database.get(b"v1"), database.get(b"x", b"y")


def _report(data: bytes) -> object:
    return told(from_json(data, Report, what="report", max_bytes=MAX_REPORT_BYTES))


def _pod(data: bytes) -> object:
    read_metadata(data)
    return told(list(containers_of(read_pod(data), Owner())))


def _alert(data: bytes) -> object:
    return told(alert_seen(read_alert(data), {}, at=_AT))


def _audit(data: bytes) -> object:
    return told([audit_seen(one, at=_AT) for one in read_audit(data)])


def _profile(data: bytes) -> object:
    found = load_expectations({"p": clean_text_of(data)})
    return [(one.lets_connect("192.0.2.1", 1), one.lets_listen("tcp", 1), one.lets_run("/x")) for one in found.each]


def _executed() -> bytes:
    return bytes(36) + struct.pack("=IIQii", 2, 0, 0, 7, 7) + bytes(16)


def _order(data: bytes) -> object:
    return told(read_order(data, TrustedKeys.of([_KEY.verifying]), node="n", at=parse_rfc3339(_AT)))


def _bundle(data: bytes) -> object:
    with TemporaryDirectory() as folder:
        (Path(folder) / "config.json").write_bytes(data)
        return told(describe(Path(folder), _ID, root=Path(folder)))

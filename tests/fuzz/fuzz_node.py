# SPDX-License-Identifier: Apache-2.0
"""What a node says, and what comes from people and servers elsewhere: mounts, passports, roles, refusals."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from tempfile import NamedTemporaryFile, TemporaryDirectory
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from fuzz_parser import Parser, clean_text_of, told

from tidegate.artifact import Digest
from tidegate.artifact.media_type import OCI_EMPTY, OCI_MANIFEST
from tidegate.checks.check import own_checks
from tidegate.checks.host import host_material
from tidegate.checks.run import run_checks
from tidegate.checks.xccdf import read_xccdf
from tidegate.cluster.held import annotation_of, give_back
from tidegate.evidence import Statement, Subject
from tidegate.execution.capture import ARTIFACT_TYPE, OVERVIEW, TITLE, Capture, CapturedContainer
from tidegate.execution.capture_archive import open_capture
from tidegate.execution.response_policy import Step
from tidegate.hosts.host import read_host
from tidegate.oci.write import enter_unnamed, pack_oci_archive, wire_descriptor, write_blob
from tidegate.outbound import Reply
from tidegate.oversight.bundle import (
    FORMAT,
    Bundle,
    BundledKey,
    BundledLedger,
    BundledLine,
    BundledStatement,
    Content,
    canonical,
    content_digest,
    read_bundle,
)
from tidegate.remote.problem import read_problem
from tidegate.remote.server import parse_server
from tidegate.sensor.mounts import parse_mounts
from tidegate.sensor.overlay import overlay_of
from tidegate.signing.envelope import EnvelopeDocument, sign
from tidegate.signing.keys import SigningKey
from tidegate.trust.role import PASSPORT_SEAL, parse_roles
from tidegate.values import replace
from tidegate.wire import from_json, to_json

_MOUNTS = (
    b"73 48 0:40 / / rw,relatime - overlay overlay rw,lowerdir=/l/a\\134:b:/l/b,upperdir=/u,workdir=/w\n"
    b"74 73 254:0 /tmp/vol /data rw,noexec shared:1 - ext4 /dev/vda rw,discard\n"
)
_HOST_FILES = (
    "etc/passwd", "etc/docker/daemon.json", "etc/containerd/config.toml", "etc/containers/policy.json",
    "etc/kubernetes/manifests/a.yaml", "var/lib/kubelet/config.yaml", "proc/1/net/tcp", "proc/1/net/tcp6",
    "proc/1/mounts", "proc/9/cmdline", "proc/cmdline", "proc/sys/kernel/core_pattern", "sys/kernel/security/lockdown",
)  # fmt: skip
_XCCDF = (
    b'<a><Rule id="r_rule_x"><title>t</title><ident>I-1</ident></Rule><TestResult><target>n</target><rule-result '
    b'idref="r_rule_x" severity="high"><result>fail</result><message>m</message></rule-result></TestResult></a>'
)
_HELD = b'{"orders": ["a"], "values": [{"path": ["spec", "replicas"], "before": 3, "after": 0}]}'
_POD = b"spec:\n  containers:\n    - command: [kubelet, --a, b, --c=d]\n"
_TCP = b"x\n   0: 0100007F:18EB 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4243 1 0\n"
_DIGEST = Digest("sha256:" + "cd" * 32)
_PROBLEM = b'{"title": "no", "detail": "ask", "instance": "/x", "errors": [{"code": "DENIED", "message": "m"}]}'


def node() -> Iterator[Parser]:
    """Readers of mounts, hosts, passports, roles, names of servers and their refusals."""
    yield Parser(name="mounts", form="text", read=_mounts, samples=(_MOUNTS,))
    yield Parser(name="passport", form="json", read=read_bundle, samples=(_passport(),))
    yield Parser(name="host", form="text", read=_host, samples=(b'{"hosts": ["a"]}', b"[a]\nb = [1]\n", _POD, _TCP))
    yield Parser(name="capture", form="tar", read=_capture, samples=(_capture_sample(),))
    yield Parser(name="held", form="json", read=_held, samples=(_HELD,))
    yield Parser(name="xccdf", form="text", read=_xccdf, samples=(_XCCDF,))
    yield Parser(name="roles", form="text", read=_roles, samples=(b"decision,review", b"sbom"))
    yield Parser(name="server-name", form="text", read=_server, samples=(b"https://tidegate.example:8421", b"[::1]:80"))
    yield Parser(name="problem", form="json", read=_problem, samples=(_PROBLEM, b'{"error": "invalid_grant"}'))


def _mounts(data: bytes) -> object:
    return [(mount, overlay_of(mount, seen_from="/proc/1/root")) for mount in parse_mounts(data)]


@cache
def _root() -> TemporaryDirectory[str]:
    made = TemporaryDirectory(prefix="tidegate-host-")
    for name in _HOST_FILES:
        (Path(made.name) / name).parent.mkdir(parents=True, exist_ok=True)
    return made


def _host(data: bytes) -> object:
    root = Path(_root().name)
    for name in _HOST_FILES:
        (root / name).write_bytes(data)
    return run_checks(own_checks("host"), host_material(read_host(root)))


@cache
def _capture_file() -> Any:
    return NamedTemporaryFile(prefix="tidegate-capture-")


def _capture(data: bytes) -> object:
    file = Path(_capture_file().name)
    file.write_bytes(data)
    with open_capture(file) as archive:
        return archive.overview(), list(archive.parts)


def _capture_sample() -> bytes:
    overview = Capture(node="n", container=CapturedContainer(id="ab"), began_at="2026-11-30T00:00:00Z", ended_at="")
    with TemporaryDirectory(prefix="tidegate-capture-") as folder:
        layout = Path(folder, "layout")
        part = replace(write_blob(layout, to_json(overview), OVERVIEW), annotations={TITLE: "capture.json"})
        manifest = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "artifactType": ARTIFACT_TYPE,
            "config": wire_descriptor(write_blob(layout, b"{}", OCI_EMPTY)),
            "layers": [wire_descriptor(part)],
        }
        enter_unnamed(layout, write_blob(layout, to_json(manifest), OCI_MANIFEST))
        return pack_oci_archive(layout, Path(folder, "archive")).read_bytes()


def _held(data: bytes) -> object:
    notes = {annotation_of(Step.SCALE_TO_ZERO): clean_text_of(data)}
    found = {"metadata": {"annotations": notes, "resourceVersion": "1"}, "spec": {"replicas": 0}}
    return told(give_back(found, Step.SCALE_TO_ZERO, "a"))


def _xccdf(data: bytes) -> object:
    return read_xccdf(data, where="results")


def _roles(data: bytes) -> object:
    return parse_roles(clean_text_of(data).split(","))


def _server(data: bytes) -> object:
    return told(parse_server(clean_text_of(data)))


def _problem(data: bytes) -> object:
    return told(read_problem(Reply(status=403, url="https://x.example", headers={}, body=data)))


def _passport() -> bytes:
    content = Content(
        digest=_DIGEST,
        state="admitted",
        expires_at="",
        ledger=BundledLedger(checkpoint="a.example\n1\nAAAA\n", size=1, key="a.example+01020304+AAAA"),
        keys=(BundledKey(id="k", name="own", public_key="-----BEGIN PUBLIC KEY-----\n"),),
        statements=(
            BundledStatement(
                index=0,
                recorded_at="2026-11-30T00:00:00Z",
                subject=_DIGEST,
                predicate_type="https://a.example/v1",
                envelope="e30=",
                proof=("AAAA",),
            ),
        ),
        record=(BundledLine(at="2026-11-30T00:00:00Z", kind="state", what="w", who="a", why="y", detail={"n": [1]}),),
    )
    subject = Subject(name="passport", digest=content_digest(content))
    seal = Statement(subjects=(subject,), predicate_type=PASSPORT_SEAL, predicate={"digest": _DIGEST})
    key = SigningKey.of(ec.derive_private_key(0x1234567, ec.SECP256R1()))
    document = from_json(sign(seal, key).content, EnvelopeDocument, what="seal", max_bytes=1 << 20)
    return canonical(Bundle(format=FORMAT, content=content, seal=document))

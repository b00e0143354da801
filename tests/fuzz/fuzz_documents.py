# SPDX-License-Identifier: Apache-2.0
"""Documents that people and other tools write: VEX, ignore files, bills of materials, policies, checks, manifests."""
# ruff: noqa: E501 - samples read best a line each

import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import fuzz_paths
from fuzz_parser import Parser, clean_text_of, text_of, told
from knowledge_samples import component

from tidegate.artifact import Digest
from tidegate.checks.check import load_checks
from tidegate.checks.compose import compose_material
from tidegate.checks.dockerfile import parse_dockerfile
from tidegate.checks.dockerfile_material import dockerfile_material
from tidegate.checks.documents import check_document, is_template
from tidegate.checks.kubernetes import kubernetes_material
from tidegate.evidence import Boundary, Decision, PolicyRef, Reason, Verdict
from tidegate.evidence.statement import parse_statement
from tidegate.execution.capture_schedule_file import load_capture_schedules
from tidegate.execution.confinement_file import load_confinement_rules
from tidegate.execution.drift_rule_file import load_drift_rules
from tidegate.execution.workload import parse_manifests, parse_workload
from tidegate.ledger.checkpoint import Checkpoint, sign_checkpoint, verify_checkpoint
from tidegate.ledger.note import NoteSigner, NoteVerifier
from tidegate.manifests.documents import read_documents
from tidegate.policy.document import load_policies, load_policy
from tidegate.policy.profile import profile_text
from tidegate.policy.testing import load_tests
from tidegate.policy.vsa import from_vsa, to_vsa
from tidegate.sbom.cyclonedx_xml import from_xml
from tidegate.sbom.marks import exact, from_exact
from tidegate.sbom.reading import looks_like_sbom, read_sbom
from tidegate.sbom.spdx_tag_value import from_tag_value
from tidegate.scan.ecosystem import ecosystem_of
from tidegate.settings.load import load
from tidegate.signing.envelope import sign, verify
from tidegate.signing.keys import SigningKey, TrustedKeys, VerifyingKey
from tidegate.vex.csaf import write_csaf
from tidegate.vex.cyclonedx import write_cyclonedx_vex
from tidegate.vex.openvex import Assertion, write_openvex
from tidegate.vex.reading import assertions_of, read_statements
from tidegate.vex.trivyignore import read_trivyignore, read_trivyignore_yaml

_NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
_DIGEST = Digest("sha256:" + "ab" * 32)
_HEAD = "apiVersion: tidegate.dev/v1\nmetadata: {name: team}\n"
_EXCEPTIONS = (
    _HEAD + "kind: Exceptions\nspec:\n  policy: default\n  exceptions:\n"
    "    - {name: e, rule: secrets, items: [CVE-2026-0001], owner: ann, approver: bob, reason: none,\n"
    "       granted: 2026-05-01, expires: 2026-06-30}\n"
).encode()
_POLICY = (
    _HEAD
    + "kind: Policy\nspec:\n  rules:\n    - name: one\n      boundaries: [curation]\n      reads: {scan: {maxAge: 7d}}\n"
    "      each: findings\n      when: finding.exploited && finding.id.startsWith('CVE')\n      verdict: deny\n"
    '      message: "{finding.id} is {finding.severity}"\n'
).encode()
_TESTS_OF_POLICY = (
    _HEAD + "kind: PolicyTest\nspec:\n  policy: default\n  tests:\n    - name: secret\n      boundary: curation\n"
    "      at: 2026-06-01T00:00:00Z\n      given:\n        scan:\n          age: 3d\n          report:\n"
    '            secrets: [{deleted: true, secret: {rule: token, path: a/b}}]\n            support: [{cycle: "10"}]\n'
    "        sbom: {components: 3}\n      expect: {verdict: deny, rules: [secrets]}\n"
).encode()
_CHECKS = (
    _HEAD
    + "kind: Checks\nspec:\n  subject: dockerfile\n  checks:\n    - id: OUR-1\n      title: t\n      severity: high\n"
    "      references: [a]\n      each: stages\n      when: stage.tag == 'latest'\n"
    '      reason: "{stage.base} moves"\n      fix: name it\n'
).encode()
_DOCKERFILE = b"""\
# syntax=docker/dockerfile:1
# escape=\\
ARG TAG=12
FROM --platform=$BUILDPLATFORM debian:${TAG:-11} AS build
ENV A=b C="d e" \\
    F=g
RUN <<EOT bash
  curl -s https://a.example | sh
EOT
RUN --mount=type=secret,id=a,target=/b ["sh", "-c", "apt-get update && true"]
COPY --from=build --chown=1:1 ["a b", "/c"]
HEALTHCHECK --interval=5s CMD curl -f localhost
EXPOSE 80/tcp 22
USER 0:0
"""
_COMPOSE = b"""\
services:
  web:
    image: nginx:latest
    privileged: true
    ports: ["127.0.0.1:80:80", {published: "443", target: 443, host_ip: 0.0.0.0}]
    volumes: ["/var/run/docker.sock:/x", {type: bind, source: /etc, target: /e}]
    environment: {PASSWORD: x, A: 1}
    cap_add: [SYS_ADMIN]
    deploy: {resources: {limits: {memory: 1g, pids: 10}}}
"""
_MANIFEST = b"""\
apiVersion: v1
kind: List
items:
- apiVersion: apps/v1
  kind: Deployment
  metadata: {name: web, namespace: team, labels: &l {app: web}}
  spec:
    replicas: 0x10
    selector: {matchLabels: *l}
    template:
      metadata: {labels: {<<: *l}}
      spec:
        hostNetwork: yes
        initContainers: [{name: i, image: "a.example/i:1"}]
        containers:
        - name: c
          image: debian:12
          env: [{name: A, value: "b"}, {name: S, valueFrom: {secretKeyRef: {name: x, key: y}}}]
          securityContext: {privileged: true, runAsUser: 0, capabilities: {add: [ALL]}}
          resources: {limits: {cpu: 1e3, memory: 10Gi}}
          ports: [{containerPort: 80, hostPort: 80}]
        volumes: [{name: v, hostPath: {path: /}}]
---
{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "x"}]}}
"""
_TRIVY_YAML = b"""\
vulnerabilities:
  - id: CVE-2023-1255
    purls: ["pkg:apk/alpine/libssl3"]
    paths: ["usr/**/METADATA"]
    statement: not called
    expired_at: 2026-01-01
secrets: [{id: generic-secret, paths: ["etc/*"]}]
licenses:
  - id: GPL-3.0
"""
_SETTINGS = b"""\
[server]
port = 8080
host = "127.0.0.1"
[policy]
files = ["a.yaml"]
"""


_MARK = exact(component("PyPI", "a", "1.0")).encode()


def documents() -> Iterator[Parser]:
    """One parser for each kind of document."""
    yield Parser(name="statements-of-vex", form="json", read=_vex, samples=_vex_samples())
    yield Parser(
        name="trivyignore",
        form="text",
        read=lambda data: told(read_trivyignore(data, where="f")),
        samples=(b"# why\nCVE-2023-1255\nCVE-2023-2650 exp:2026-01-01 # x\nx y:z\n",),
    )
    yield Parser(
        name="trivyignore-yaml",
        form="yaml",
        read=lambda data: told(read_trivyignore_yaml(data, where="f")),
        samples=(_TRIVY_YAML,),
    )
    yield from _sboms()
    yield Parser(name="sbom-mark", form="json", read=_mark, samples=(_MARK,))
    yield from _yaml()
    yield Parser(name="settings", form="toml", read=_settings, samples=(_SETTINGS, b'log.level = "x"\n'))
    yield from _signed()


def _vex(data: bytes) -> object:
    said, claims = read_statements(data, where="vex.json")
    return said, told(claims), told(assertions_of(claims))


def _vex_samples() -> tuple[bytes, ...]:
    purl = "pkg:apk/alpine/libssl3@3.0.8-r3"
    said = Assertion(
        id="CVE-2024-1", status="not_affected", products=("pkg:oci/app@" + _DIGEST,), packages=(purl,), impact="no"
    )
    fixed = Assertion(
        id="CVE-2024-2", status="affected", products=(purl,), packages=(), aliases=("GHSA-x",), action="wait"
    )
    return (
        write_openvex((said, fixed), author="team", at=_NOON),
        write_csaf((said, fixed), author="team", namespace="https://team.example", at=_NOON),
        write_cyclonedx_vex((said, fixed), author="team", at=_NOON),
    )


def _sboms() -> Iterator[Parser]:
    forms = {"syft.cdx.json": "json", "syft.cdx.xml": "xml", "syft.spdx": "text", "syft.spdx.json": "json"}
    for name, form in forms.items():
        sample = (fuzz_paths.TESTS / "scan" / "catalogers" / "embedded" / name).read_bytes()
        yield Parser(name="sbom-" + name.replace(".", "-"), form=form, read=_sbom, samples=(sample,))
        if form == "xml":
            yield Parser(
                name="cyclonedx-xml", form=form, read=lambda data: told(from_xml(data, where="f")), samples=(sample,)
            )
        if form == "text":
            yield Parser(
                name="spdx-tag-value",
                form=form,
                read=lambda data: told(from_tag_value(data, where="f")),
                samples=(sample,),
            )


def _mark(data: bytes) -> object:
    return told(from_exact(clean_text_of(data)))


def _sbom(data: bytes) -> object:
    return looks_like_sbom(data[:4096]), told(read_sbom(data, "f", ecosystem_of=ecosystem_of))


def _yaml() -> Iterator[Parser]:
    yield Parser(name="plain-documents", form="yaml", read=_plain, samples=(_MANIFEST, _COMPOSE))
    yield Parser(
        name="workloads", form="yaml", read=lambda data: parse_manifests(data, where="f"), samples=(_MANIFEST,)
    )
    yield Parser(name="workload", form="yaml", read=_workload, samples=(_MANIFEST.partition(b"---\n")[2],))
    yield Parser(name="kubernetes", form="yaml", read=_kubernetes, samples=(_MANIFEST,))
    yield Parser(name="compose", form="yaml", read=_compose, samples=(_COMPOSE,))
    yield Parser(name="dockerfile", form="text", read=_dockerfile, samples=(_DOCKERFILE,))
    for kind, sample in (("dockerfile", _DOCKERFILE), ("compose", _COMPOSE), ("manifest", _MANIFEST)):
        form = "text" if kind == "dockerfile" else "yaml"
        yield Parser(name=f"check-{kind}", form=form, read=_checked(kind), samples=(sample,), slow=True)
    policies = (
        _POLICY,
        profile_text("default").encode(),
        _POLICY + b"---\n" + _EXCEPTIONS.replace(b"policy: default", b"policy: team"),
    )
    yield Parser(name="policy", form="yaml", read=_text(_policies), samples=policies, slow=True)
    yield Parser(
        name="policy-tests", form="yaml", read=_text(lambda text: load_tests({"t": text})), samples=(_TESTS_OF_POLICY,)
    )
    yield Parser(
        name="drift-rules", form="yaml", read=_text(lambda text: load_drift_rules({"d": text})), samples=(_DRIFT,)
    )
    confinement = _text(lambda text: load_confinement_rules({"c": text}))
    yield Parser(name="confinement-rules", form="yaml", read=confinement, samples=(_CONFINEMENT,))
    captures = _text(lambda text: load_capture_schedules({"s": text}))
    yield Parser(name="capture-schedules", form="yaml", read=captures, samples=(_SCHEDULES,))
    yield Parser(
        name="checks", form="yaml", read=_text(lambda text: load_checks(text, file="c")), samples=(_CHECKS,), slow=True
    )


_CONFINEMENT = b"""apiVersion: tidegate.dev/v1
kind: ConfinementRules
metadata: {name: mine}
spec:
  classes:
    - {name: own, seccomp: true, nonRoot: true, capabilities: [CAP_CHOWN], lsm: ["*(enforce)"]}
  rules:
    - {name: pay, namespaces: ["pay-?"], class: own, mode: observe}
  otherwise: baseline
"""
_SCHEDULES = b"""apiVersion: tidegate.dev/v1
kind: CaptureSchedule
metadata: {name: mine}
spec:
  schedules:
    - {name: pay, namespaces: ["pay-?"], every: 6h, keep: 30d, atStart: true}
  limits: {atOnce: 2, perDay: 10}
"""
_DRIFT = b"""apiVersion: tidegate.dev/v1
kind: DriftRules
metadata: {name: mine}
spec:
  rules:
    - {name: closed, images: ["a/*"], pods: ["w?"], mode: enforce, opened: true, allow: ["/x/[ab]*"]}
"""


def _text(read: Callable[[str], object]) -> Callable[[bytes], object]:
    return lambda data: read(text_of(data))


def _policies(text: str) -> object:
    return load_policies({"p": text}), load_policy(text, file="p")


def _workload(data: bytes) -> object:
    return [parse_workload(one, where="f") for one in read_documents(data, where="f")]


def _plain(data: bytes) -> object:
    return told(read_documents(data, where="f")), read_documents(data, where="f", placed=True)


def _kubernetes(data: bytes) -> object:
    return kubernetes_material(read_documents(data, where="f", placed=True), path="f")


def _compose(data: bytes) -> object:
    return [compose_material(one, path="f") for one in read_documents(data, where="f", placed=True)]


def _dockerfile(data: bytes) -> object:
    return dockerfile_material(parse_dockerfile(data, where="f"), path="f")


def _checked(kind: str) -> Callable[[bytes], object]:
    return lambda data: (is_template(data), told(check_document(data, path="f", kind=kind)))


def _settings(data: bytes) -> object:
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "tidegate.toml"
        file.write_bytes(data)
        return load({}, config=file, environ={"TIDEGATE_HOME": name}, folder=Path(name))


def _signed() -> Iterator[Parser]:
    key = SigningKey.generate()
    trusted = TrustedKeys.of([key.verifying])
    digest = Digest("sha256:" + "cd" * 32)
    decision = Decision(
        boundary=Boundary.CURATION,
        subject=_DIGEST,
        verdict=Verdict.DENY,
        reasons=(Reason(rule="one", verdict=Verdict.DENY, message="no"),),
        rules=("one",),
        policies=(PolicyRef(name="team", digest=digest),),
        inputs=(digest,),
        decided_at=_NOON,
        expires_at=_NOON,
    )
    statement = to_vsa(decision, verifier_id="https://a.example", resource_uri="oci://a.example/b")
    yield Parser(
        name="envelope", form="json", read=lambda data: verify(data, trusted), samples=(sign(statement, key).content,)
    )
    yield Parser(name="statement", form="json", read=_statement, samples=(statement.to_bytes(),))
    yield Parser(name="public-key", form="text", read=VerifyingKey.parse, samples=(key.verifying.to_pem(),))
    yield Parser(name="private-key-file", form="text", read=_private_key, samples=(_saved(key),), slow=True)
    signer = NoteSigner.generate("tidegate/ledger")
    checkpoint = Checkpoint(origin="tidegate/ledger", size=7, root=b"r" * 32)
    note = sign_checkpoint(checkpoint, signer).encode()
    yield Parser(
        name="note", form="text", read=_text(lambda text: verify_checkpoint(text, signer.verifier)), samples=(note,)
    )
    yield Parser(
        name="checkpoint", form="text", read=_text(Checkpoint.from_text), samples=(checkpoint.to_text().encode(),)
    )
    yield Parser(
        name="note-verifier", form="line", read=_text(NoteVerifier.parse), samples=(str(signer.verifier).encode(),)
    )


def _statement(data: bytes) -> object:
    statement = parse_statement(data)
    return told(statement), from_vsa(statement)


def _saved(key: SigningKey) -> bytes:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "key"
        key.save(path)
        return path.read_bytes()


def _private_key(data: bytes) -> object:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "key"
        path.touch(mode=0o600)
        path.write_bytes(data)
        return SigningKey.load(path)

# SPDX-License-Identifier: Apache-2.0
"""ConfigMaps and Secrets: their own decision, by content, size, change in place, and what of them runs."""

import base64
from collections.abc import Mapping
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from execution_verdicts import allow
from tidegate.artifact import Digest
from tidegate.assembly.execution import ConfigurationSecrets
from tidegate.errors import InvalidInputError
from tidegate.evidence import Verdict
from tidegate.execution.configuration.rule_file import load_configuration_rules
from tidegate.execution.gate import GateOptions, WorkloadReview, judge_workload
from tidegate.rules.reading import DocumentError

KEY = ec.generate_private_key(ec.SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
HEAD = "apiVersion: tidegate.dev/v1\nkind: ConfigurationRules\nmetadata: {name: house}\nspec:\n"
HOUSE = (
    HEAD
    + """\
  rules:
    - name: scripts
      namespaces: [batch]
      names: ["job-*"]
      when: configuration.kind == "ConfigMap" && configuration.used_by.size() > 0
      code: allow
    - name: production
      namespaces: ["prod-*"]
      mutable: deny
      code: deny
      codeKeys: ["rules.d/*"]
      maxBytes: 1000
"""
)
SECRETS = ConfigurationSecrets()


def _nothing(entries: Mapping[str, bytes]) -> Mapping[str, tuple[str, ...]]:
    del entries
    return {}


def _map(data: dict[str, str], *, kind: str = "ConfigMap", namespace: str = "web", name: str = "c", **more: Any) -> Any:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": namespace}, "data": data, **more}


def _judge(*documents: Any, find_secrets: Any = _nothing) -> WorkloadReview:
    return judge_workload(
        documents,
        resolve=lambda reference: Digest.of(str(reference).encode()),
        user_of=lambda _: "1000",
        decide=allow,
        options=GateOptions(configuration=load_configuration_rules({"house.yaml": HOUSE})),
        find_secrets=find_secrets,
    )


def _controls(review: WorkloadReview) -> list[tuple[str, str, Verdict]]:
    return [(reason.rule.rpartition("/")[2], reason.item, reason.verdict) for reason in review.reasons]


def test_one_alone_is_judged() -> None:
    review = _judge(_map({"colour": "blue"}))
    assert review.allowed
    said = review.objects[0].configuration
    assert said is not None
    assert (said.kind, said.name, said.allowed, said.rule) == ("ConfigMap", "c", True, "otherwise")
    other = _judge(_map({"colour": "red"})).objects[0].configuration
    assert other is not None
    assert other.digest != said.digest


def test_a_secret_in_a_config_map_is_found_by_the_products_own_scanner_and_not_told() -> None:
    review = _judge(_map({"tls.pem": KEY, "colour": "blue"}), find_secrets=SECRETS)
    assert not review.allowed
    assert _controls(review) == [("secrets", "tls.pem", Verdict.DENY)]
    assert KEY.splitlines()[1] not in str(review.reasons)
    encoded = {"tls": base64.b64encode(KEY.encode()).decode()}
    assert not _judge(_map({}, binaryData=encoded), find_secrets=SECRETS).allowed
    # In a Secret it is where it belongs.
    secret = _map({"tls": base64.b64encode(KEY.encode()).decode()}, kind="Secret")
    assert _judge(secret, find_secrets=SECRETS).allowed


def test_what_nobody_searched_is_denied() -> None:
    assert _controls(_judge(_map({"a": "b"}), find_secrets=None)) == [("secrets", "", Verdict.DENY)]


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (_map({"start.sh": "#!"}), [("code", "start.sh", Verdict.WARN)]),
        (_map({"LD_PRELOAD": "/x"}, namespace="prod-eu", immutable=True), [("code", "LD_PRELOAD", Verdict.DENY)]),
        (_map({"rules.d/a": "x"}, namespace="prod-eu", immutable=True), [("code", "rules.d/a", Verdict.DENY)]),
        (_map({"a": "b"}, namespace="prod-eu"), [("mutable", "", Verdict.DENY)]),
        (_map({"a": "b" * 1000}, namespace="prod-eu", immutable=True), [("size", "", Verdict.DENY)]),
        (_map({"a": base64.b64encode(b"b" * 1000).decode()}, namespace="prod-eu", kind="Secret", immutable=True),
         [("size", "", Verdict.DENY)]),
        (_map({"a": "b" * (1 << 20)}), [("size", "", Verdict.DENY)]),
    ],
)  # fmt: skip
def test_size_change_and_code(document: Any, expected: list[tuple[str, str, Verdict]]) -> None:
    assert _controls(_judge(document)) == expected


def _pod(**spec: Any) -> Any:
    container = {"name": "a", "image": "b", **spec.pop("container", {})}
    metadata = {"name": "p", "namespace": "batch"}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": [container], **spec}}


@pytest.mark.parametrize(
    ("kind", "pod"),
    [
        ("ConfigMap", _pod(container={"envFrom": [{"configMapRef": {"name": "job-a"}}]})),
        ("ConfigMap", _pod(container={"env": [{"name": "X", "valueFrom": {"configMapKeyRef": {"name": "job-a"}}}]})),
        ("ConfigMap", _pod(volumes=[{"name": "v", "configMap": {"name": "job-a"}}])),
        ("ConfigMap", _pod(volumes=[{"name": "v", "projected": {"sources": [{"configMap": {"name": "job-a"}}]}}])),
        ("Secret", _pod(volumes=[{"name": "v", "secret": {"secretName": "job-a"}}])),
        ("Secret", _pod(imagePullSecrets=[{"name": "job-a"}])),
        ("Secret", _pod(container={"envFrom": [{"secretRef": {"name": "job-a"}}]})),
    ],
)
def test_who_uses_it_is_told_and_may_be_asked_for(kind: str, pod: Any) -> None:
    review = _judge(_map({"run.sh": ""}, kind=kind, namespace="batch", name="job-a"), pod)
    said = review.objects[0].configuration
    assert said is not None
    assert said.used_by == ("Pod/p in batch",)
    assert said.rule == ("scripts" if kind == "ConfigMap" else "otherwise")
    elsewhere = _judge(_map({"run.sh": ""}, kind=kind, namespace="other", name="job-a"), pod).objects[0].configuration
    assert elsewhere is not None
    assert elsewhere.used_by == ()


def test_its_decision_is_its_own() -> None:
    review = _judge(_map({"a": "b"}, namespace="prod-eu"), _pod())
    assert [one.allowed for one in review.objects] == [False, True]
    assert not review.allowed


def test_what_is_no_configuration_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="base64"):
        _judge(_map({"a": "not base64!"}, kind="Secret"))
    with pytest.raises(InvalidInputError):
        _judge(_map({"a": 7}))  # type: ignore[dict-item] # as somebody may write it
    other = {"apiVersion": "example.com/v1", "kind": "ConfigMap", "metadata": {"name": "x"}, "data": 5}
    assert _judge(other, _pod()).objects[0].configuration is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("  rules: [{name: a, secrets: no}]", "unknown verdict"),
        ("  rules: [{name: a, when: configuration.keyz.size() > 0}]", "undeclared"),
        ("  rules: [{name: a, maxBytes: 2000000}]", "not a whole number"),
        ("  rules: [{name: a}, {name: a}]", "a second is called"),
        ("  rules: []", "no rules"),
    ],
)
def test_a_wrong_document_is_refused_with_its_place(text: str, message: str) -> None:
    with pytest.raises(DocumentError, match=message) as refused:
        load_configuration_rules({"house.yaml": HEAD + text + "\n"})
    assert refused.value.where.startswith("house.yaml:")

# SPDX-License-Identifier: Apache-2.0
"""ConfigMaps and Secrets at the webhook: judged by themselves, told of without what is in them."""

import base64
import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from reviews import hostile_configurations, shape

from made_verdicts import Issuer, image_verdict
from tidegate.execution.reviews.record import Record
from tidegate.wire import from_json
from webhook_process import WebhookProcess

KEY = ec.generate_private_key(ec.SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
PASSWORD = "hunter2-hunter2"
RULES = """
apiVersion: tidegate.dev/v1
kind: ConfigurationRules
metadata: {name: house}
spec:
  rules:
    - {name: locked, namespaces: [prod], mutable: deny, code: deny, maxBytes: 2000}
"""
ONCALL = {"username": "ann", "groups": ["oncall", "system:authenticated"]}


@pytest.fixture(scope="module")
def webhook(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebhookProcess]:
    folder, issuer = tmp_path_factory.mktemp("webhook"), Issuer()
    issuer.fill(folder / "home" / "webhook", [image_verdict("team/app:1")])
    (folder / "rules.yaml").write_text(RULES)
    settings = {
        "WEBHOOK_CLUSTER": "lab",
        "WEBHOOK_BREAK_GLASS_WHO": "group:oncall",
        "EXECUTION_CONFIGURATION_FILES": str(folder / "rules.yaml"),
    }
    with WebhookProcess(folder / "home", issuer.save_public(folder / "server.pub"), settings=settings) as running:
        yield running


def review(name: str, *, namespace: str = "default", old: dict[str, Any] | None = None, **changed: Any) -> Any:
    """A review of the creation (or, with the old one, the change) of a ConfigMap or Secret, as it was sent once."""
    found = shape(name)
    request = found["request"]
    request["namespace"] = request["object"]["metadata"]["namespace"] = namespace
    before = copy.deepcopy(request["object"])
    request["object"] |= changed
    if old is not None:
        request |= {"operation": "UPDATE", "oldObject": before | old}
    return found


def records(webhook: WebhookProcess) -> list[Record]:
    """What was written down so far: nobody takes it from there without a server."""
    folder = webhook.home / "webhook" / "records"
    lines = [line for path in sorted(folder.glob("*.jsonl")) for line in path.read_bytes().splitlines()]
    return [from_json(line, Record, what="record", max_bytes=1 << 20) for line in lines]


def test_one_is_judged_when_it_is_made_and_when_its_content_changes(webhook: WebhookProcess) -> None:
    assert webhook.ask("configure", review("configmap"))["allowed"]
    made = webhook.ask("configure", review("configmap", data={"tls.pem": KEY}))
    assert not made["allowed"]
    assert "key tls.pem: holds a secret" in made["status"]["message"]
    changed = review("configmap", data={"tls.pem": KEY}, old={"data": {"colour": "blue"}})
    assert not webhook.ask("configure", changed)["allowed"]
    # What stands there already and is not changed wedges nobody.
    same = review("configmap", data={"tls.pem": KEY}, old={"data": {"tls.pem": KEY}})
    same["request"]["object"]["metadata"]["annotations"] = {"control-plane.alpha.kubernetes.io/leader": "{}"}
    assert webhook.ask("configure", same)["allowed"]
    labelled = copy.deepcopy(same)
    labelled["request"]["object"]["metadata"]["labels"] = {"tier": "front"}
    assert not webhook.ask("configure", labelled)["allowed"]


def test_what_policy_says_of_change_in_place_code_and_size(webhook: WebhookProcess) -> None:
    locked = webhook.ask("configure", review("configmap", namespace="prod"))
    assert "can be changed in place" in locked["status"]["message"]
    assert webhook.ask("configure", review("configmap", namespace="prod", immutable=True))["allowed"]
    code = review("configmap", namespace="prod", immutable=True, data={"start.sh": "#!"})
    assert "changes what code runs" in webhook.ask("configure", code)["status"]["message"]
    long = review("secret", namespace="prod", immutable=True, data={"a": base64.b64encode(b"b" * 3000).decode()})
    assert "more than 2000" in webhook.ask("configure", long)["status"]["message"]
    warned = webhook.ask("configure", review("configmap", data={"start.sh": "#!"}))
    assert warned["allowed"]
    assert "changes what code runs" in warned["warnings"][0]


def test_the_control_plane_and_exempt_namespaces_are_not_asked_of(webhook: WebhookProcess) -> None:
    bad = review("configmap", data={"tls.pem": KEY})
    bad["request"]["userInfo"] = {"username": "system:kube-controller-manager", "groups": ["system:authenticated"]}
    assert webhook.ask("configure", bad)["allowed"]
    account = "system:serviceaccount:kube-system:root-ca-cert-publisher"
    bad["request"]["userInfo"] = {"username": account, "groups": ["system:serviceaccounts:kube-system"]}
    assert webhook.ask("configure", bad)["allowed"]
    bad["request"]["userInfo"] = {"username": account, "groups": ["system:serviceaccounts"]}
    assert not webhook.ask("configure", bad)["allowed"]
    assert webhook.ask("configure", review("configmap", namespace="kube-system", data={"tls.pem": KEY}))["allowed"]
    deleted = review("configmap", data={"tls.pem": KEY})
    deleted["request"] |= {"operation": "DELETE", "object": None}
    assert webhook.ask("configure", deleted)["allowed"]


def test_whoever_may_breaks_the_glass_with_a_reason(webhook: WebhookProcess) -> None:
    bad = review("configmap", data={"tls.pem": KEY})
    bad["request"]["object"]["metadata"]["annotations"] = {"tidegate.dev/break-glass": "the shop is down, INC-77"}
    assert not webhook.ask("configure", bad)["allowed"]
    bad["request"]["userInfo"] = ONCALL
    said = webhook.ask("configure", bad)
    assert said["allowed"]
    assert said["auditAnnotations"]["decision"] == "glass-broken"
    # It is on disk before it is answered.
    assert any(one.act == "glass-broken" and one.by == "ann" for one in records(webhook))


def test_what_is_in_a_secret_is_nowhere_afterwards(webhook: WebhookProcess) -> None:
    encoded = base64.b64encode(PASSWORD.encode()).decode()
    answers = [
        webhook.ask("configure", review("secret", data={"password": encoded})),
        webhook.ask("configure", review("secret", namespace="prod", stringData={"password": PASSWORD})),
        webhook.ask("configure", review("secret", data={"password": f"{PASSWORD}!"})),
        webhook.ask("configure", review("secret", data={"password": [PASSWORD]})),
        webhook.ask("configure", review("configmap", data={"tls.pem": KEY})),
    ]
    assert [one["allowed"] for one in answers] == [True, False, False, False, False]
    webhook.stop()
    try:
        kept = [path.read_bytes() for path in webhook.home.rglob("*") if path.is_file()]
        told = [json.dumps(answers).encode(), *kept]
        for hidden in (PASSWORD, encoded, KEY.splitlines()[1]):
            assert not any(hidden.encode() in one for one in told)
        written = [one for one in records(webhook) if one.kind == "Secret"]
        assert written[0].content.startswith("sha256:")
        assert {one.act for one in written} == {"configuration-admitted", "configuration-denied"}
    finally:
        webhook.start()


def test_hostile_configurations_are_denied_and_told_why(webhook: WebhookProcess) -> None:
    for name, raw in hostile_configurations():
        said = webhook.ask("configure", raw)
        assert not said["allowed"], name
        assert said["status"]["message"].startswith("denied by tidegate"), name
        assert "a defect of its own" not in said["status"]["message"], name
    assert webhook.ask("configure", review("configmap"))["allowed"]

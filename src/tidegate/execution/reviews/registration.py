# SPDX-License-Identifier: Apache-2.0
"""How a cluster is told to ask the webhook: its two configurations, so that nothing gets past it and nothing is wedged.

Nothing is asked of exempt namespaces (its own among them, so that it can always come back), of mirror pods (a node
shows what it runs already), of what is being deleted, and of subresources that change nothing of what runs.
"""

import base64
from collections.abc import Collection, Sequence
from enum import StrEnum
from typing import Any, Final

from tidegate.execution.reviews.asked import CONTROL_PLANE, CONTROLLERS, ROOT_CERTIFICATES
from tidegate.values import Struct

NAME: Final = "tidegate"
TIMEOUT_SECONDS: Final = 5
_PODS: Final = (
    ("", ("pods", "pods/ephemeralcontainers", "pods/resize", "replicationcontrollers", "podtemplates")),
    ("apps", ("deployments", "replicasets", "statefulsets", "daemonsets")),
    ("batch", ("jobs", "cronjobs")),
)
_WAYS_IN: Final = ("pods/exec", "pods/attach", "pods/portforward", "pods/proxy", "services/proxy")
_SCALED: Final = (
    ("", ("replicationcontrollers/scale",)),
    ("apps", ("deployments/scale", "replicasets/scale", "statefulsets/scale")),
)
_NOT_DELETED: Final = ("not-being-deleted", "request.operation == 'CREATE' || !has(object.metadata.deletionTimestamp)")
_CONDITIONS: Final = (
    (
        "not-a-mirror-pod",
        (
            "!(request.userInfo.groups.exists(group, group == 'system:nodes') && has(object.metadata.annotations) && "
            "'kubernetes.io/config.mirror' in object.metadata.annotations)"
        ),
    ),
    _NOT_DELETED,
)


def _changed(path: str, empty: str) -> str:
    new, old = (f"(has({one}.{path}) ? {one}.{path} : {empty})" for one in ("object", "oldObject"))
    return f"{new} != {old}"


_OF_CONFIGURATION: Final = (
    # What it writes itself, such as each namespace's certificates and the tokens of accounts, wedges no namespace.
    (
        "not-the-control-plane",
        f"!(request.userInfo.username in {list(CONTROL_PLANE)} || '{CONTROLLERS}' in request.userInfo.groups)",
    ),
    ("not-kept-by-it", f"request.resource.resource != 'configmaps' || request.name != '{ROOT_CERTIFICATES}'"),
    _NOT_DELETED,
    # A leader election has no content, and changes its annotation every few seconds.
    ("with-content", "request.operation == 'UPDATE' || has(object.data) || has(object.binaryData)"),
    (
        "changed",
        "request.operation == 'CREATE' || "
        + " || ".join(
            _changed(path, empty)
            for path, empty in (
                ("data", "{}"),
                ("binaryData", "{}"),
                ("immutable", "false"),
                ("metadata.labels", "{}"),
            )
        ),
    ),
)


class FailurePolicy(StrEnum):
    """What the API server does while nobody answers."""

    FAIL = "Fail"
    """It refuses."""
    IGNORE = "Ignore"
    """It goes on without."""


class Registration(Struct, frozen=True, kw_only=True):
    """Where the webhook is, as the API server reaches it.

    Attributes:
        authority: PEM of what signed its certificate.
        namespace: of its service; nothing is asked of it.
        url: instead of the service, such as `https://10.0.0.5:8443`; "" for the service.
        exempt: namespaces of which nothing is asked.
        acts: `evict` and `scale`, where rules speak of them.
        configuration: what becomes of ConfigMaps and Secrets while nobody answers; None has nothing asked of them.
    """

    authority: bytes
    namespace: str
    url: str = ""
    exempt: Sequence[str] = ()
    configuration: FailurePolicy | None = FailurePolicy.FAIL
    acts: Collection[str] = ()


def configurations(registration: Registration) -> list[dict[str, Any]]:
    """The MutatingWebhookConfiguration and the ValidatingWebhookConfiguration."""
    mutating = _webhook("mutate", "/mutate", registration) | {
        "sideEffects": "NoneOnDryRun",
        "reinvocationPolicy": "IfNeeded",
    }
    validating = _webhook("validate", "/validate", registration) | {"sideEffects": "NoneOnDryRun"}
    connecting = _webhook("connect", "/validate", registration) | {
        "rules": [
            _rule("", _WAYS_IN, ("CONNECT",)),
            _rule("", ("nodes/proxy",), ("CONNECT",)) | {"scope": "Cluster"},
            *_of_others(registration.acts),
        ],
        "sideEffects": "NoneOnDryRun",
    }
    del connecting["matchConditions"]
    configuring = [_configuring(registration, registration.configuration)] if registration.configuration else []
    return [
        _configuration("MutatingWebhookConfiguration", [mutating]),
        _configuration("ValidatingWebhookConfiguration", [validating, connecting, *configuring]),
    ]


def _of_others(acts: Collection[str]) -> list[dict[str, Any]]:
    """What is asked of where a rule speaks of it, so that nothing else waits for an answer."""
    evictions = [_rule("", ("pods/eviction",), ("CREATE",))] if "evict" in acts else []
    scales = [_rule(group, resources, ("UPDATE",)) for group, resources in _SCALED] if "scale" in acts else []
    return [*evictions, *scales]


def _configuring(registration: Registration, policy: FailurePolicy) -> dict[str, Any]:
    """ConfigMaps and Secrets: by a webhook of their own, so that what fails of one wedges nothing of the other."""
    return _webhook("configure", "/configure", registration) | {
        "rules": [_rule("", ("configmaps", "secrets"), ("CREATE", "UPDATE"))],
        "matchConditions": [{"name": name, "expression": text} for name, text in _OF_CONFIGURATION],
        "failurePolicy": policy.value,
        "sideEffects": "NoneOnDryRun",
    }


def _configuration(kind: str, webhooks: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": kind,
        "metadata": {"name": NAME, "labels": {"app.kubernetes.io/name": NAME}},
        "webhooks": webhooks,
    }


def _webhook(name: str, path: str, registration: Registration) -> dict[str, Any]:
    where: dict[str, Any] = {"caBundle": base64.b64encode(registration.authority).decode()}
    if registration.url:
        where["url"] = registration.url.rstrip("/") + path
    else:
        where["service"] = {"namespace": registration.namespace, "name": "tidegate-webhook", "path": path, "port": 443}
    exempt = sorted({*registration.exempt, registration.namespace})
    return {
        "name": f"{name}.tidegate.dev",
        "clientConfig": where,
        "rules": [_rule(group, resources, ("CREATE", "UPDATE")) for group, resources in _PODS],
        "namespaceSelector": {
            "matchExpressions": [{"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": exempt}]
        },
        "matchConditions": [{"name": name, "expression": text} for name, text in _CONDITIONS],
        "matchPolicy": "Equivalent",
        "failurePolicy": "Fail",
        "timeoutSeconds": TIMEOUT_SECONDS,
        "admissionReviewVersions": ["v1"],
    }


def _rule(group: str, resources: Sequence[str], operations: Sequence[str]) -> dict[str, Any]:
    return {
        "apiGroups": [group],
        "apiVersions": ["v1"],
        "operations": list(operations),
        "resources": list(resources),
        "scope": "Namespaced",
    }

# SPDX-License-Identifier: Apache-2.0
"""How a cluster is told to ask the webhook: its two configurations, so that nothing gets past it and nothing is wedged.

Nothing is asked of exempt namespaces (its own among them, so that it can always come back), of mirror pods (a node
shows what it runs already), of what is being deleted, and of subresources that change nothing of what runs.
"""

import base64
from collections.abc import Sequence
from typing import Any, Final

from tidegate.values import Struct

NAME: Final = "tidegate"
TIMEOUT_SECONDS: Final = 5
_PODS: Final = (
    ("", ("pods", "pods/ephemeralcontainers", "pods/resize", "replicationcontrollers", "podtemplates")),
    ("apps", ("deployments", "replicasets", "statefulsets", "daemonsets")),
    ("batch", ("jobs", "cronjobs")),
)
_WAYS_IN: Final = ("pods/exec", "pods/attach", "pods/portforward")
_CONDITIONS: Final = (
    (
        "not-a-mirror-pod",
        (
            "!(request.userInfo.groups.exists(group, group == 'system:nodes') && has(object.metadata.annotations) && "
            "'kubernetes.io/config.mirror' in object.metadata.annotations)"
        ),
    ),
    ("not-being-deleted", "request.operation == 'CREATE' || !has(object.metadata.deletionTimestamp)"),
)


class Registration(Struct, frozen=True, kw_only=True):
    """Where the webhook is, as the API server reaches it.

    Attributes:
        authority: PEM of what signed its certificate.
        namespace: of its service; nothing is asked of it.
        url: instead of the service, such as `https://10.0.0.5:8443`; "" for the service.
        exempt: namespaces of which nothing is asked.
    """

    authority: bytes
    namespace: str
    url: str = ""
    exempt: Sequence[str] = ()


def configurations(registration: Registration) -> list[dict[str, Any]]:
    """The MutatingWebhookConfiguration and the ValidatingWebhookConfiguration."""
    mutating = _webhook("mutate", "/mutate", registration) | {"sideEffects": "None", "reinvocationPolicy": "IfNeeded"}
    validating = _webhook("validate", "/validate", registration) | {"sideEffects": "NoneOnDryRun"}
    connecting = _webhook("connect", "/validate", registration) | {
        "rules": [_rule("", _WAYS_IN, ("CONNECT",))],
        "sideEffects": "NoneOnDryRun",
    }
    del connecting["matchConditions"]
    return [
        _configuration("MutatingWebhookConfiguration", [mutating]),
        _configuration("ValidatingWebhookConfiguration", [validating, connecting]),
    ]


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

# SPDX-License-Identifier: Apache-2.0
"""The webhook as it runs in a cluster: two copies, least privilege, no rights at the API server: it asks nothing."""

import base64
from collections.abc import Mapping
from typing import Any, Final

from tidegate.values import Struct

_LABELS: Final = {"app.kubernetes.io/name": "tidegate-webhook"}
_PORT: Final = 8443
_HOME: Final = "/var/lib/tidegate"
_GIVEN: Final = "/etc/tidegate"
_USER: Final = 65532


class Deployment(Struct, frozen=True, kw_only=True):
    """What is particular to one cluster.

    Attributes:
        image: of tidegate, best by digest.
        namespace: its own, of which it asks nothing.
        server: address of the server whose verdicts it answers by.
        settings: further environment variables.
        public_keys: PEM of the keys whose verdicts count.
        secrets: certificate, its key and the key of seals by file name; empty when they are put there by others.
    """

    image: str
    namespace: str
    server: str
    public_keys: str
    settings: Mapping[str, str] = {}
    secrets: Mapping[str, bytes] = {}


def deployment(said: Deployment) -> list[dict[str, Any]]:
    """Namespace, account, configuration, secret, service, deployment and disruption budget, in the order to apply."""
    documents = [
        {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": said.namespace, "labels": {"pod-security.kubernetes.io/enforce": "restricted"}},
        },
        # It holds no Role: it asks the API server nothing.
        _object("v1", "ServiceAccount", said) | {"automountServiceAccountToken": False},
        _object("v1", "ConfigMap", said) | {"data": {"server.pub": said.public_keys}},
        _object("v1", "Service", said)
        | {"spec": {"selector": _LABELS, "ports": [{"name": "https", "port": 443, "targetPort": _PORT}]}},
        _object("apps/v1", "Deployment", said) | {"spec": _spec(said)},
        _object("policy/v1", "PodDisruptionBudget", said)
        | {"spec": {"minAvailable": 1, "selector": {"matchLabels": _LABELS}}},
    ]
    if said.secrets:
        data = {name: base64.b64encode(content).decode() for name, content in said.secrets.items()}
        documents.insert(3, _object("v1", "Secret", said) | {"type": "Opaque", "data": data})
    return documents


def _object(version: str, kind: str, said: Deployment) -> dict[str, Any]:
    metadata = {"name": "tidegate-webhook", "namespace": said.namespace, "labels": _LABELS}
    return {"apiVersion": version, "kind": kind, "metadata": metadata}


def _spec(said: Deployment) -> dict[str, Any]:
    together = {"labelSelector": {"matchLabels": _LABELS}, "topologyKey": "kubernetes.io/hostname"}
    return {
        "replicas": 2,
        "selector": {"matchLabels": _LABELS},
        "strategy": {"rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
        "template": {
            "metadata": {"labels": _LABELS},
            "spec": {
                "serviceAccountName": "tidegate-webhook",
                "automountServiceAccountToken": False,
                "priorityClassName": "system-cluster-critical",
                "securityContext": {
                    "runAsNonRoot": True,
                    "runAsUser": _USER,
                    "runAsGroup": _USER,
                    "fsGroup": _USER,
                    "seccompProfile": {"type": "RuntimeDefault"},
                },
                "affinity": {
                    "podAntiAffinity": {
                        "preferredDuringSchedulingIgnoredDuringExecution": [
                            {"weight": 100, "podAffinityTerm": together}
                        ]
                    }
                },
                "containers": [_container(said)],
                "volumes": [
                    {"name": "home", "emptyDir": {"sizeLimit": "2Gi"}},
                    {"name": "config", "configMap": {"name": "tidegate-webhook"}},
                    {"name": "secret", "secret": {"secretName": "tidegate-webhook", "defaultMode": 0o440}},
                ],
            },
        },
    }


def _container(said: Deployment) -> dict[str, Any]:
    variables = {
        "TIDEGATE_HOME": _HOME,
        "TIDEGATE_CLIENT_SERVER": said.server,
        "TIDEGATE_CLIENT_LOGIN_FILE": f"{_GIVEN}/secret/login.json",
        "TIDEGATE_SIGNING_TRUSTED_KEYS": f"{_GIVEN}/config/server.pub",
        "TIDEGATE_WEBHOOK_HOST": "0.0.0.0",  # noqa: S104 - in its own network namespace
        "TIDEGATE_WEBHOOK_PORT": str(_PORT),
        "TIDEGATE_WEBHOOK_TLS_CERTIFICATE_FILE": f"{_GIVEN}/secret/tls.crt",
        "TIDEGATE_WEBHOOK_TLS_KEY_FILE": f"{_GIVEN}/secret/tls.key",
        "TIDEGATE_WEBHOOK_GLASS_KEY_FILE": f"{_GIVEN}/secret/glass.key",
        **said.settings,
    }
    probe = {"port": _PORT, "scheme": "HTTPS"}
    return {
        "name": "webhook",
        "image": said.image,
        "args": ["serve", "--mode", "webhook"],
        "env": [{"name": name, "value": value} for name, value in variables.items()],
        "ports": [{"name": "https", "containerPort": _PORT}],
        "readinessProbe": {"httpGet": {"path": "/readyz", **probe}, "periodSeconds": 2},
        "livenessProbe": {"httpGet": {"path": "/livez", **probe}, "periodSeconds": 10},
        "resources": {"requests": {"cpu": "100m", "memory": "192Mi"}, "limits": {"memory": "384Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [
            {"name": "home", "mountPath": _HOME},
            {"name": "config", "mountPath": f"{_GIVEN}/config", "readOnly": True},
            {"name": "secret", "mountPath": f"{_GIVEN}/secret", "readOnly": True},
        ],
    }

# SPDX-License-Identifier: Apache-2.0
"""The watcher as it runs in its cluster: one copy, with the rights to look, and to act where it takes orders."""

from collections.abc import Mapping
from typing import Any, Final

from tidegate.cluster.step_rights import STEP_RULES
from tidegate.values import Struct

NAME: Final = "tidegate-cluster"
_LABELS: Final = {"app.kubernetes.io/name": NAME}
_HOME: Final = "/var/lib/tidegate"
_GIVEN: Final = "/etc/tidegate"
_USER: Final = 65532
LOOKING: Final[tuple[dict[str, Any], ...]] = (
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["list", "watch"]},
    {"apiGroups": ["apps"], "resources": ["replicasets"], "verbs": ["get"]},
    {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["get"]},
    {"apiGroups": [""], "resources": ["replicationcontrollers"], "verbs": ["get"]},
)
"""What hearing what runs needs: pods, and what stands between them and their workloads."""


class Deployment(Struct, frozen=True, kw_only=True):
    """What is particular to one cluster.

    Attributes:
        image: of tidegate, best by digest.
        namespace: its own.
        cluster: what the cluster is called at the server.
        server: its address.
        public_key: PEM of the key whose orders are carried out; "" takes none, and needs no rights for it.
        settings: further environment variables.
    """

    image: str
    namespace: str
    cluster: str
    server: str
    public_key: str = ""
    settings: Mapping[str, str] = {}


def deployment(said: Deployment) -> list[dict[str, Any]]:
    """Namespace, account, rights, configuration, volume and deployment, in the order to apply."""
    rules = [*LOOKING, *(STEP_RULES if said.public_key else ())]
    account = {"kind": "ServiceAccount", "name": NAME, "namespace": said.namespace}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": NAME}
    rbac = {"apiVersion": "rbac.authorization.k8s.io/v1", "metadata": {"name": NAME, "labels": _LABELS}}
    documents: list[dict[str, Any]] = [
        {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": said.namespace, "labels": {"pod-security.kubernetes.io/enforce": "restricted"}},
        },
        _object("v1", "ServiceAccount", said) | {"automountServiceAccountToken": False},
        {**rbac, "kind": "ClusterRole", "rules": rules},
        {**rbac, "kind": "ClusterRoleBinding", "subjects": [account], "roleRef": role},
        # What it knows survives its pod, so that what ran while it was away is not missed.
        _object("v1", "PersistentVolumeClaim", said)
        | {"spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}},
        _object("apps/v1", "Deployment", said) | {"spec": _spec(said)},
    ]
    if said.public_key:
        documents.insert(4, _object("v1", "ConfigMap", said) | {"data": {"server.pub": said.public_key}})
    return documents


def _object(version: str, kind: str, said: Deployment) -> dict[str, Any]:
    metadata = {"name": NAME, "namespace": said.namespace, "labels": _LABELS}
    return {"apiVersion": version, "kind": kind, "metadata": metadata}


def _spec(said: Deployment) -> dict[str, Any]:
    volumes: list[dict[str, Any]] = [
        {"name": "home", "persistentVolumeClaim": {"claimName": NAME}},
        {"name": "secret", "secret": {"secretName": NAME, "defaultMode": 0o440}},
    ]
    if said.public_key:
        volumes.append({"name": "config", "configMap": {"name": NAME}})
    return {
        "replicas": 1,
        "strategy": {"type": "Recreate"},  # two would tell the same
        "selector": {"matchLabels": _LABELS},
        "template": {
            "metadata": {"labels": _LABELS},
            "spec": {
                "serviceAccountName": NAME,
                "automountServiceAccountToken": True,
                "priorityClassName": "system-cluster-critical",
                "securityContext": {
                    "runAsNonRoot": True,
                    "runAsUser": _USER,
                    "runAsGroup": _USER,
                    "fsGroup": _USER,
                    "seccompProfile": {"type": "RuntimeDefault"},
                },
                "containers": [_container(said)],
                "volumes": volumes,
            },
        },
    }


def _container(said: Deployment) -> dict[str, Any]:
    variables = {
        "TIDEGATE_HOME": _HOME,
        "TIDEGATE_CLIENT_SERVER": said.server,
        "TIDEGATE_CLIENT_LOGIN_FILE": f"{_GIVEN}/secret/login.json",
        "TIDEGATE_CLUSTER_NAME": said.cluster,
        "TIDEGATE_CLUSTER_OWN_NAMESPACE": said.namespace,
        **({"TIDEGATE_CLUSTER_SERVER_KEYS": f"{_GIVEN}/config/server.pub"} if said.public_key else {}),
        **said.settings,
    }
    mounts: list[dict[str, Any]] = [
        {"name": "home", "mountPath": _HOME},
        {"name": "secret", "mountPath": f"{_GIVEN}/secret", "readOnly": True},
    ]
    if said.public_key:
        mounts.append({"name": "config", "mountPath": f"{_GIVEN}/config", "readOnly": True})
    return {
        "name": "watcher",
        "image": said.image,
        "args": ["cluster", "watch"],
        "env": [{"name": name, "value": value} for name, value in variables.items()],
        "resources": {"requests": {"cpu": "50m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": mounts,
    }

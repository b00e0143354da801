# SPDX-License-Identifier: Apache-2.0
"""A cluster that asks a webhook, as `tidegate webhook manifests` has it."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from cluster import Cluster, Said
from webhook_process import WebhookProcess


@dataclass(frozen=True, kw_only=True)
class Asking:
    """A cluster and the webhook it asks."""

    cluster: Cluster
    webhook: WebhookProcess

    def create(self, document: Any, *, user: str = "developer", namespace: str = "default", dry: bool = False) -> Said:
        """Has somebody create an object; what is said of it, JSON when it was let in."""
        words = ["create", "-n", namespace, "-f", "-", "-o", "json", *(["--dry-run=server"] if dry else [])]
        return self.cluster.kubectl(*words, user=user, given=document, check=False)

    def register(self) -> None:
        """Has the API server ask the webhook."""
        apply_registration(self.cluster, self.webhook)

    def wait_until_asked(self) -> None:
        """Waits until the API server has heard of it."""
        unknown = pod("unheard", "nobody/knows:1")
        self.cluster.wait(lambda: self.create(unknown, dry=True).code != 0, "the registration", seconds=60)


@contextmanager
def asking(cluster: Cluster, webhook: WebhookProcess) -> Iterator[Asking]:
    """Registers a running webhook with a cluster for a while."""
    made = Asking(cluster=cluster, webhook=webhook)
    made.register()
    try:
        made.wait_until_asked()
        yield made
    finally:
        for kind in ("mutatingwebhookconfiguration", "validatingwebhookconfiguration"):
            cluster.kubectl("delete", kind, "tidegate", "--ignore-not-found")


def apply_registration(cluster: Cluster, webhook: WebhookProcess) -> None:
    """Applies what the command writes."""
    command = [sys.executable, "-m", "tidegate", "webhook", "manifests", "--url", webhook.url]
    written = subprocess.run(
        command, env={**os.environ, "TIDEGATE_HOME": str(webhook.home)}, capture_output=True, text=True, check=True
    )
    for document in yaml.safe_load_all(written.stdout):
        cluster.kubectl("apply", "-f", "-", given=document)


def pod(name: str, image: str, **metadata: Any) -> dict[str, Any]:
    """A pod as a developer writes it."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, **metadata},
        "spec": {"containers": [{"name": "app", "image": image}]},
    }


def deployment(name: str, image: str, *, replicas: int = 1, annotations: Mapping[str, str] | None = None) -> Any:
    """A Deployment as a developer writes it."""
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "annotations": dict(annotations or {})},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "app", "image": image}]},
            },
        },
    }


def home_of(folder: Path) -> Path:
    """Where a webhook of tests keeps what it has."""
    return folder / "webhook-home"

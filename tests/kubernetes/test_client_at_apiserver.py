# SPDX-License-Identifier: Apache-2.0
"""How a real API server is asked."""

import pytest
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import ConfigMap, Namespace

from cluster import Cluster
from tidegate.errors import NotFoundError, RefusedError
from tidegate.kubernetes import listing
from tidegate.kubernetes.client import find_api_server, open_client
from tidegate.kubernetes.failures import ConflictError, kubernetes_failures
from tidegate.kubernetes.listing import list_objects


def test_objects_are_listed_changed_and_refused(apiserver: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "PAGE", 2)
    with open_client(find_api_server(apiserver.kubeconfig())) as client:
        for number in range(5):
            client.create(
                ConfigMap(metadata=ObjectMeta(name=f"one-{number}", labels={"of": "it"})), namespace="default"
            )
        found = list_objects(client, ConfigMap, namespace="default", labels={"of": "it"})
        assert len({one.metadata.name for one in found if one.metadata}) == 5
        assert list_objects(client, Namespace)
        with pytest.raises(ConflictError), kubernetes_failures("one"):
            client.create(ConfigMap(metadata=ObjectMeta(name="one-1")), namespace="default")
        with pytest.raises(NotFoundError, match="answered 404"), kubernetes_failures("two"):
            client.get(ConfigMap, "two", namespace="default")
        old = client.get(ConfigMap, "one-1", namespace="default")
        client.replace(ConfigMap(metadata=old.metadata, data={"a": "b"}))
        with pytest.raises(ConflictError), kubernetes_failures("one"):
            client.replace(ConfigMap(metadata=old.metadata, data={"a": "c"}))
    with (
        open_client(find_api_server(apiserver.kubeconfig("nobody"))) as client,
        pytest.raises(RefusedError, match="answered 401"),
    ):
        list_objects(client, Namespace)

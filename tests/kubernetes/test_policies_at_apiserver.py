# SPDX-License-Identifier: Apache-2.0
"""Generated network policies at a real API server: it takes each, and gives back the same."""

import pytest

from cluster import Cluster
from network_samples import shop
from tidegate.execution.network.compare import differences
from tidegate.execution.network.generate import policies_for
from tidegate.execution.network.network_policy import policies_in


@pytest.mark.tools
def test_the_api_server_takes_what_is_generated_and_it_differs_in_nothing(apiserver: Cluster) -> None:
    flows, client = shop(), apiserver.client()
    for name in flows.namespaces:
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        assert client.post("/api/v1/namespaces", json=namespace).status_code == 201
    for document in policies_for(flows):
        path = f"/apis/networking.k8s.io/v1/namespaces/{document['metadata']['namespace']}/networkpolicies"
        answer = client.post(path, json=document)
        assert answer.status_code == 201, answer.text
    listed = apiserver.kubectl("get", "networkpolicies", "-A", "-o", "json").document
    running = policies_in([listed], where="cluster")
    assert len(running) == len(policies_for(flows))
    assert differences(flows, running) == ()

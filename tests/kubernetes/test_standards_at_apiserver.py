# SPDX-License-Identifier: Apache-2.0
"""The standards side by side with PodSecurity admission of a real API server, over generated pods."""

import random
from collections import Counter

import pytest

from cluster import Cluster
from podsecurity_judge import pod
from tidegate.execution.standards import Level, violations
from tidegate.execution.workload import parse_workload


@pytest.mark.tools
def test_every_verdict_is_that_of_the_api_server(apiserver: Cluster) -> None:
    client, counted = apiserver.client(), Counter[object]()
    for level in ("baseline", "restricted"):
        labels = {"pod-security.kubernetes.io/enforce": level}
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": level, "labels": labels}}
        assert client.post("/api/v1/namespaces", json=namespace).status_code == 201
        chance = random.Random(f"apiserver {level}")
        for _ in range(150):
            document = pod(chance)
            document["spec"].pop("ephemeralContainers", None)  # pods are not made with them
            answer = client.post(f"/api/v1/namespaces/{level}/pods?dryRun=All", json=document)
            if answer.status_code == 422:
                counted["invalid"] += 1
                continue
            assert answer.status_code in {201, 403}, answer.text
            found = violations(parse_workload(document, where="pod"), Level(level))
            assert (not found) is (answer.status_code == 201), (document, answer.text, found)
            counted[answer.status_code] += 1
    assert min(counted[201], counted[403]) > 20, counted

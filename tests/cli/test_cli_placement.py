# SPDX-License-Identifier: Apache-2.0
"""`tidegate placement explain`: what is added and by whom; a conflict is 1."""

import json
from pathlib import Path

import pytest
from cli_run import Run

STRATEGIES = """\
apiVersion: tidegate.dev/v1
kind: PlacementStrategies
metadata: {name: house}
spec:
  strategies:
    - {name: secrets, namespaces: [bank], nodes: {pool: secret}, class: secret}
"""
POD = """\
apiVersion: v1
kind: Pod
metadata: {name: vault, namespace: bank}
spec:
  containers: [{name: a, image: "registry.example/vault:1"}]
"""


@pytest.fixture(autouse=True)
def files(home: Path) -> None:
    del home
    Path("house.yaml").write_text(STRATEGIES)
    Path("pod.yaml").write_text(POD)


def test_what_is_added_is_told_with_its_strategy(run: Run) -> None:
    found = run("placement", "explain", "pod.yaml", "--strategies", "house.yaml")
    assert found.status == 0
    (one,) = json.loads(found.out)
    assert one["workload"] == "Pod/vault in bank"
    assert {addition["by"] for addition in one["additions"]} == {"strategy secrets"}
    assert [addition["value"] for addition in one["additions"]] == ["secret", "secret"]
    page = run("placement", "explain", "pod.yaml", "--strategies", "house.yaml", "--format", "table")
    assert 'nodeSelector/pool: "secret"' in page.out


def test_a_conflict_names_both_sides(run: Run) -> None:
    Path("pod.yaml").write_text(POD + "  nodeSelector: {pool: dev}\n")
    found = run("placement", "explain", "pod.yaml", "--strategies", "house.yaml")
    assert found.status == 1
    ((conflict,),) = (one["conflicts"] for one in json.loads(found.out))
    assert (
        "strategy secrets asks for pool in (secret), but the workload's nodeSelector asks for pool = dev"
        in conflict["what"]
    )
    assert "denied" in found.err


def test_without_a_strategy_nothing_is_added(run: Run) -> None:
    found = run("placement", "explain", "pod.yaml", "--format", "table")
    assert found.status == 0
    assert "no strategy speaks of it" in found.out


def test_usage(run: Run) -> None:
    assert run("placement", "explain", "nowhere.yaml").status == 2
    Path("house.yaml").write_text(STRATEGIES.replace("pool: secret", "pool: []"))
    refused = run("placement", "explain", "pod.yaml", "--strategies", "house.yaml")
    assert (refused.status, "house.yaml:6:" in refused.err) == (2, True)

# SPDX-License-Identifier: Apache-2.0
"""`tidegate netpol`: policies on standard output, differences with their exit status."""

import json
from pathlib import Path

import pytest
import yaml
from cli_run import Run

FLOWS = """\
apiVersion: tidegate.dev/v1
kind: NetworkFlows
metadata: {name: shop}
spec:
  segments:
    - {name: web, namespace: shop, labels: {app: web}}
    - {name: db, namespace: shop, labels: {app: db}}
  flows:
    - {from: web, to: db, ports: [5432]}
"""
SEEN = {
    "source": {"namespace": "shop", "labels": {"app": "db"}},
    "destination": {"namespace": "shop", "labels": {"app": "web"}},
    "port": 80,
}


@pytest.fixture
def flows(home: Path) -> Path:
    del home
    file = Path("flows.yaml")
    file.write_text(FLOWS)
    return file


def test_what_is_generated_differs_in_nothing(run: Run, flows: Path) -> None:
    made = run("netpol", "generate", flows)
    assert made.status == 0
    assert [one["metadata"]["name"] for one in yaml.safe_load_all(made.out)] == [
        *("tidegate-closed", "tidegate-names", "tidegate-web", "tidegate-db")
    ]
    folder = Path("running/shop")
    folder.mkdir(parents=True)
    (folder / "all.yaml").write_text(made.out)
    same = run("netpol", "diff", flows, "--running", "running", "--format", "table")
    assert (same.status, same.out) == (0, "4 policies allow what is declared, and nothing else\n")
    listed = run("netpol", "generate", flows, "--format", "json")
    (folder / "all.yaml").write_text(listed.out)
    assert run("netpol", "diff", flows, "--running", "running").status == 0


def test_differences_end_in_one(run: Run, flows: Path) -> None:
    documents = list(yaml.safe_load_all(run("netpol", "generate", flows).out))
    documents[2]["spec"]["egress"][0]["ports"][0]["endPort"] = 5433
    documents[3]["spec"]["ingress"][0]["ports"] = []
    Path("running.yaml").write_text(yaml.safe_dump_all(documents))
    found = run("netpol", "diff", flows, "--running", "running.yaml")
    assert found.status == 1
    (one,) = json.loads(found.out)["differences"]
    assert (one["lack"], one["ports"]) == ("wider", ["5433/TCP"])
    assert one["policies"] == ["shop/tidegate-db", "shop/tidegate-web"]
    page = run("netpol", "diff", flows, "--running", "running.yaml", "--format", "table")
    assert "wider" in page.out
    assert "shop/app=web" in page.out


def test_what_was_seen_is_a_first_draft(run: Run, flows: Path) -> None:
    Path("seen.jsonl").write_text(json.dumps(SEEN) + "\n")
    made = run("netpol", "generate", "--observed", "seen.jsonl")
    assert made.status == 0
    assert "tidegate-shop-db" in made.out
    kept = run("netpol", "generate", flows)
    Path("running.yaml").write_text(kept.out)
    found = run("netpol", "diff", flows, "--running", "running.yaml", "--observed", "seen.jsonl")
    assert found.status == 1
    assert [one["lack"] for one in json.loads(found.out)["differences"]] == ["undeclared", "unused"]


def test_usage(run: Run, flows: Path) -> None:
    assert run("netpol", "generate").status == 2
    assert run("netpol", "diff", flows, "--running", "nowhere").status == 2
    flows.write_text(FLOWS.replace("to: db", "to: dp"))
    refused = run("netpol", "generate", flows)
    assert refused.status == 2
    assert "flows.yaml:9:" in refused.err
    assert "known are db, web" in refused.err

# SPDX-License-Identifier: Apache-2.0
"""`tidegate netpol`: policies on standard output, differences with their exit status."""

import json
from pathlib import Path

import pytest
import yaml
from cli_run import Run

from scripted_api_server import Said, scripted_api_server

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
    assert [one["lack"] for one in json.loads(found.out)["differences"]] == ["undeclared", "blocked", "unused"]


def test_usage(run: Run, flows: Path) -> None:
    assert run("netpol", "generate").status == 2
    assert run("netpol", "diff", flows, "--running", "nowhere").status == 2
    flows.write_text(FLOWS.replace("to: db", "to: dp"))
    refused = run("netpol", "generate", flows)
    assert refused.status == 2
    assert "flows.yaml:9:" in refused.err
    assert "known are db, web" in refused.err


def test_a_cluster_itself_is_asked_and_who_may_not_list_is_told_so(
    run: Run, flows: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    labels = {"app": "web"}
    pod = {"metadata": {"name": "web-0", "namespace": "shop", "labels": labels}, "status": {"podIP": "10.1.0.7"}}
    policy = {"metadata": {"name": "old", "namespace": "shop"}, "spec": {"podSelector": {"matchLabels": {"app": "x"}}}}
    objects = {"/api/v1/pods": [pod], "/apis/networking.k8s.io/v1/networkpolicies": [policy]}
    answers = {"status": 200}

    def script(method: str, path: str) -> Said:
        assert method == "GET"
        items = objects.get(path.partition("?")[0], [])
        return Said(pieces=[json.dumps({"items": items}).encode()], status=answers["status"])

    with scripted_api_server(tmp_path, script) as kubeconfig:
        monkeypatch.setenv("TIDEGATE_KUBERNETES_CONFIG_FILE", str(kubeconfig))
        found = run("netpol", "diff", flows, "--live")
        assert found.status == 1
        listed = json.loads(found.out)
        assert listed["policies"] == 1
        assert {(one["lack"], one["source"]) for one in listed["differences"]} >= {
            ("open", "shop"),
            ("bare", "shop/Pod/web-0"),
            ("idle", "shop"),
        }
        alone = run("netpol", "diff", "--live")
        assert alone.status == 0
        assert {one["lack"] for one in json.loads(alone.out)["differences"]} == {"bare", "idle"}
        answers["status"] = 403
        refused = run("netpol", "diff", "--live")
        assert refused.status == 1
        assert "namespaces of the cluster: the API server answered 403" in refused.err


def test_which_policies_run_is_said_once(run: Run, flows: Path) -> None:
    assert run("netpol", "diff", flows).status == 2
    assert run("netpol", "diff", flows, "--live", "--running", "x").status == 2
    assert run("netpol", "diff", "--running", "x").status == 2

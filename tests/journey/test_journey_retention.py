# SPDX-License-Identifier: Apache-2.0
"""Retention in a whole server: the same plan by command and API, what runs stays, what goes is told and collected."""

import json
from pathlib import Path

from whole_server import WholeServer, as_json, python_image, run_tidegate

RULES = """
apiVersion: tidegate.dev/v1
kind: Retention
metadata: {name: house}
spec:
  delete:
    - {name: few, repositories: ["team/*"], tags: ["build-*"], newest: 1}
"""
POD = """
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: prod}
spec: {containers: [{name: main, image: "127.0.0.1/team/app:build-1"}]}
"""


def test_what_no_rule_keeps_goes_and_what_runs_stays(tmp_path: Path) -> None:
    home, layout, rules = tmp_path / "home", tmp_path / "images", tmp_path / "keeping.yaml"
    rules.write_text(RULES)
    tags = [f"build-{number}" for number in range(1, 4)]
    digests = [python_image(layout, tag, {"h11": "0.14.0"}) for tag in tags]
    environment = {
        "TIDEGATE_CURATION_KEEPING_FILES": str(rules),
        "TIDEGATE_CURATION_RETENTION_EVERY_S": "0",
        "TIDEGATE_CURATION_GC_GRACE_S": "0",
        "TIDEGATE_CURATION_GC_EVERY_S": "0",
    }
    with WholeServer(home, environment=environment) as server:
        for tag, digest in zip(tags, digests, strict=True):
            server.push(layout, tag, f"team/app:{tag}")
            server.verdict(digest)
        assert server.review(POD)["allowed"]
        by_command = run_tidegate(home, "retention", "plan", str(rules), "--format", "json")
        plan = server.http.post("/api/v1/retention/plan").json()
        tried = server.http.post("/api/v1/retention/plan", content=RULES.replace("newest: 1", "newest: 9")).json()
        assert tried["going"] == []
        assert as_json(by_command.stdout)["going"] == plan["going"]
        # Built in the same second: which of the others is the newest is told by name.
        assert [one["digest"] for one in plan["going"]] == [digests[1]]
        assert [(one["tag"], one["why"]) for one in plan["staying"]] == [("build-1", "it runs in /prod/Pod/web")], (
            "what runs stays"
        )
        assert "would go: 1 digests" in run_tidegate(home, "retention", "plan", str(rules), "--format", "table").stdout
        done = server.http.post("/api/v1/retention/run").json()
        assert [one["digest"] for one in done["gone"]] == [digests[1]]
        assert server.http.get("/v2/team/app/tags/list").json()["tags"] == ["build-1", "build-3"]
        event = server.wait_for_event("curation.image.deleted")
        assert event["data"]["who"] == "tidegate/retention"
        assert event["data"]["why"] == "retention rule few: not among the 1 newest by time"
        runs = server.api("/retention")["runs"]
        assert [run["told"]["manifests"] for run in runs] == [1]
        assert server.http.post("/api/v1/gc").json()["removed"] > 0
        assert server.http.get(f"/v2/team/app/manifests/{digests[0]}").status_code == 200
        broken = server.http.post("/api/v1/retention/plan", content=RULES.replace("newest", "newst"))
        assert broken.status_code == 422
        assert broken.json()["instance"] == "request:7:64"
        passport = json.dumps(server.api(f"/passports/{digests[1]}"))
        assert "retention rule few" in passport
        assert server.stop() == 0

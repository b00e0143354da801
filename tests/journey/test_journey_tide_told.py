# SPDX-License-Identifier: Apache-2.0
"""One story with one id: from new knowledge to the workload that runs the fix, each step timed."""

from pathlib import Path
from typing import Any

from whole_server import WholeServer, as_json, python_image, run_tidegate

from tidegate.clock import system_clock
from tidegate.knowledge.seed import build_seed

DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop, labels: {tidegate.dev/owner: team-web}}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: web, image: "127.0.0.1:5000/team/web:1.0.0"}]
"""
POLICY = """apiVersion: tidegate.dev/v1
kind: ResponsePolicy
metadata: {name: tests}
spec:
  rules:
    - {name: recalled, acts: [recalled], steps: [freeze], workloadPercent: 100}
  limits: {perNode: 20, namespacePercent: 100, workloadPercent: 100}
"""
CONTAINER, ANOTHER = "ef" * 32, "ab" * 32
QUIET_MINUTES = 2
"""Without any news, after which nothing is waited for any more."""


def served(folder: Path) -> WholeServer:
    (folder / "response.yaml").write_text(POLICY)
    return WholeServer(
        folder / "home", environment={"TIDEGATE_EXECUTION_RESPONSE_FILES": str(folder / "response.yaml")}
    )


def pushed(server: WholeServer, layout: Path, tag: str, h11: str) -> str:
    digest = python_image(layout, tag, {"h11": h11, "uvicorn": "0.33.0"})
    server.push(layout, tag, f"team/web:{tag}")
    assert server.verdict(digest)["state"] == "admitted"
    return digest


def runs(server: WholeServer, digest: str, container: str = CONTAINER) -> None:
    """A node tells what runs there."""
    own = {"id": container, "name": "web", "namespace": "shop", "digest": digest}
    report = {"run": "a" * 32, "containers": [own]}
    server.http.post("/api/v1/nodes/node-1/observations", json=report).raise_for_status()


def told(server: WholeServer, kind: str, *, tide: str = "") -> dict[str, Any]:
    """The first event of a kind, of a tide where one is named."""
    after = quiet = 0
    while quiet < QUIET_MINUTES:
        page = server.api("/events", after=after, wait=60)
        quiet += not page["events"]
        for item in page["events"]:
            event = item["event"]
            if event["type"] == f"dev.tidegate.{kind}" and (not tide or event.get("tideid") == tide):
                return dict(event)
        after = page["next"]
    raise AssertionError(f"no {kind}")


def test_a_tide_from_the_news_to_the_workload_rolled(tmp_path: Path) -> None:
    home, layout = tmp_path / "home", tmp_path / "images"
    with served(tmp_path) as server:
        touched = pushed(server, layout, "1.0.0", "0.14.0")
        assert server.review(DEPLOYMENT, cluster="prod")["allowed"]
        runs(server, touched)
        assert server.api("/tides", state="open")["tides"] == []
        build_seed(home / "knowledge.db", made_at=system_clock(), later=True)
        tide = told(server, "curation.image.recalled")["tideid"]
        order = told(server, "execution.response.ordered", tide=tide)["data"]
        assert not server.review(DEPLOYMENT, cluster="prod")["allowed"]
        assert server.http.get(f"/v2/team/web/manifests/{touched}").status_code == 403
        still = server.api(f"/tides/{tide}")
        assert (still["cause"], still["images"], still["shut"], still["ended_at"]) == ("knowledge", 1, 1, "")
        waits = {(one["what"], one["subject"]) for one in still["open"]}
        assert ("workload", "prod/shop/Deployment/web") in waits
        assert ("container", f"node-1/{CONTAINER}") in waits
        assert ("response", order["response"]) in waits
        assert any(one["waits_for"] == "team-web to roll web" for one in still["open"])
        # The node does as it is ordered; the owner brings a fix, and rolls it.
        outcome = {"done": True, "what": "frozen"}
        server.http.post(f"/api/v1/nodes/node-1/orders/{order['response']}", json=outcome).raise_for_status()
        fixed = pushed(server, layout, "1.0.1", "0.16.0")
        assert told(server, "execution.update.proposed", tide=tide)["data"]["to_digest"] == fixed
        changed = DEPLOYMENT.replace("web:1.0.0", f"web:1.0.1@{fixed}")
        assert server.review(changed, cluster="prod")["allowed"]
        told(server, "execution.update.done", tide=tide)
        runs(server, fixed)
        why = {"why": "it runs the fix"}
        server.http.post(f"/api/v1/incidents/{order['incident']}/close", json=why).raise_for_status()
        told(server, "oversight.tide.ended", tide=tide)
        story = as_json(run_tidegate(home, "tide", "show", tide[:8], "--format", "json").stdout)
        assert [one["name"] for one in story["steps"]] == in_order(story)
        names = {one["name"]: one["count"] for one in story["steps"]}
        assert names.keys() >= {
            "knowledge in force",
            "affected found",
            "decisions remade",
            "recalled",
            "workloads named",
            "incidents opened",
            "containment ordered",
            "contained",
            "workloads refused",
            "pulls refused",
            "fixes proposed",
            "fixed image admitted",
            "workloads rolled",
            "incidents closed",
            "ended",
        }
        assert (story["open"], story["seconds"] is not None) == ([], True)
        shown = run_tidegate(home, "tide", "show", tide, "--server", f"http://{server.address}", "--format", "table")
        assert "workloads rolled" in shown.stdout, shown.stderr
        listed = run_tidegate(home, "tide", "list", "--format", "table")
        assert tide[:12] in listed.stdout
        # Who runs it again opens the story again.
        runs(server, touched, ANOTHER)
        told(server, "oversight.tide.reopened", tide=tide)
        assert server.api("/tides", state="open")["tides"][0]["id"] == tide


def in_order(story: dict[str, Any]) -> list[str]:
    """Names of its steps by when each began; nothing is told before its cause."""
    assert all(0 <= one["after"] <= one["until"] for one in story["steps"])
    return [one["name"] for one in sorted(story["steps"], key=lambda one: one["first_at"])]

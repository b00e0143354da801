# SPDX-License-Identifier: Apache-2.0
"""A fixed image of the same line is admitted: files that name the older one get a patch, here or from a server."""

import subprocess
from pathlib import Path
from typing import Any

from whole_server import WholeServer, as_json, python_image, run_tidegate

from tidegate.clock import system_clock
from tidegate.knowledge.seed import build_seed

DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop, labels: {tidegate.dev/owner: team-web}}  # ours
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - name: web
          image: 127.0.0.1:5000/team/web:1.0.0  # pinned by tidegate
"""


def _push(server: WholeServer, layout: Path, tag: str, h11: str, state: str = "admitted") -> str:
    digest = python_image(layout, tag, {"h11": h11, "uvicorn": "0.33.0"})
    server.push(layout, tag, f"team/web:{tag}")
    assert server.verdict(digest)["state"] == state
    return digest


def _until(server: WholeServer, digest: str, state: str) -> None:
    after = 0
    while server.api(f"/images/{digest}")["state"] != state:
        page = server.api("/events", after=after, wait=60)
        assert page["events"], f"{digest} is not {state} within a minute of silence"
        after = page["next"]


def _told(server: WholeServer, kind: str, digest: str) -> dict[str, Any]:
    """The event of an update to an image."""
    after = 0
    while True:
        page = server.api("/events", after=after, wait=60)
        assert page["events"], f"no {kind} within a minute of silence"
        for item in page["events"]:
            if item["event"]["type"] == f"dev.tidegate.{kind}" and item["event"]["data"]["to_digest"] == digest:
                return dict(item["event"])
        after = page["next"]


def test_files_that_name_an_image_with_a_flaw_get_a_patch(tmp_path: Path) -> None:
    known, files = tmp_path / "home", tmp_path / "files"
    files.mkdir()
    (files / "web.yaml").write_text(DEPLOYMENT)
    with WholeServer(known) as server:
        old = _push(server, tmp_path / "images", "1.0.0", "0.14.0")
        same = _push(server, tmp_path / "images", "1.0.1", "0.14.0")
        assert server.review(DEPLOYMENT, cluster="prod")["allowed"]
        told = run_tidegate(known, "update", "propose", str(files), "--check")
        assert (told.returncode, told.stdout) == (0, ""), "nothing is removed by it"
        build_seed(known / "knowledge.db", made_at=system_clock(), later=True)
        for digest in (old, same):
            _until(server, digest, "recalled")
        fixed = _push(server, tmp_path / "images", "1.0.2", "0.16.0")
        # The first to be recalled may have had the other proposed for a moment.
        proposed = _told(server, "execution.update.proposed", fixed)
        assert (proposed["subject"], proposed["data"]["owner"]) == ("prod/shop/Deployment/web", "team-web")
        server_url = f"http://{server.address}"
        told = run_tidegate(known, "update", "propose", str(files), "--check", "--server", server_url)
        assert told.returncode == 1, told.stderr
        assert f"+          image: 127.0.0.1:5000/team/web:1.0.2@{fixed}  # pinned by tidegate\n" in told.stdout
        assert "removes CVE-2025-43859" in told.stderr
        assert "patch after 1.0.0" in told.stderr
        here = run_tidegate(known, "update", "propose", str(files), "--check")
        assert here.stdout == told.stdout
        for words in (("init", "-qb", "main"), ("add", "."), ("commit", "-qm", "first")):
            subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b.c", "-C", files, *words], check=True)
        branches = run_tidegate(known, "update", "branch", str(files), "--format", "json", "--server", server_url)
        (branch,) = as_json(branches.stdout)["branches"]
        shown = subprocess.run(
            ["git", "-C", files, "show", branch["branch"]], capture_output=True, text=True, check=True
        )
        assert f"+          image: 127.0.0.1:5000/team/web:1.0.2@{fixed}" in shown.stdout
        assert f"{server_url}/passports/{fixed}" in shown.stdout
        (listed,) = server.api("/updates", state="proposed")["updates"]
        shown = run_tidegate(known, "update", "show", listed["id"][:8], "--server", server_url, "--format", "table")
        assert "- CVE-2025-43859 in h11" in shown.stdout, shown
        running = as_json(run_tidegate(known, "update", "list", "--running", "--format", "json").stdout)
        assert [one["proposal"]["to"]["tag"] for one in running["judged"]] == ["1.0.2"]
        assert run_tidegate(known, "update", "propose", str(files), "--write").returncode == 0
        changed = DEPLOYMENT.replace("web:1.0.0", f"web:1.0.2@{fixed}")
        assert (files / "web.yaml").read_text() == changed
        found = as_json(run_tidegate(known, "update", "propose", str(files), "--format", "json").stdout)
        assert found["changed"] == []
        assert found["judged"][0]["judged"]["why"] == ["nothing newer of the line of 1.0.2 is on record"]
        assert server.review(changed, cluster="prod")["allowed"]
        assert _told(server, "execution.update.done", fixed)["data"]["update"] == listed["id"]

# SPDX-License-Identifier: Apache-2.0
"""An immutable tag as a real client meets it: refused with the rule and the way out, let go once with a reason."""

import shutil
import subprocess
from pathlib import Path

import pytest
from whole_server import WholeServer, as_json, python_image, run_tidegate

RULES = """
apiVersion: tidegate.dev/v1
kind: ImmutableTags
metadata: {name: releases}
spec:
  rules:
    - {name: released, repositories: ["team/**"], tags: ["@release"]}
"""


def _copy(tmp_path: Path, tag: str, target: str) -> subprocess.CompletedProcess[str]:
    program = shutil.which("skopeo") or pytest.skip("skopeo is missing: apt-get install skopeo")
    accept = tmp_path / "policy.json"
    accept.write_text('{"default":[{"type":"insecureAcceptAnything"}]}')
    words = ["copy", "--dest-tls-verify=false", f"oci:{tmp_path / 'images'}:{tag}", f"docker://{target}"]
    return subprocess.run([program, "--policy", str(accept), *words], capture_output=True, text=True, check=False)


@pytest.mark.tools
def test_a_client_is_told_the_rule_and_the_way_out(tmp_path: Path) -> None:
    home, layout, rules = tmp_path / "home", tmp_path / "images", tmp_path / "keeping.yaml"
    rules.write_text(RULES)
    one, two = (python_image(layout, tag, {"h11": "0.14.0"}) for tag in ("one", "two"))
    with WholeServer(home, environment={"TIDEGATE_CURATION_KEEPING_FILES": str(rules)}) as server:
        name = f"{server.address}/team/app:1.0"
        assert _copy(tmp_path, "one", name).returncode == 0
        assert _copy(tmp_path, "one", name).returncode == 0, "the same again"
        refused = _copy(tmp_path, "two", name)
        assert refused.returncode != 0
        assert "immutable (rule released)" in refused.stderr
        assert "tidegate tag override team/app:1.0" in refused.stderr
        answer = server.http.delete("/v2/team/app/manifests/1.0")
        assert answer.status_code == 403
        assert answer.json()["errors"][0]["code"] == "DENIED"
        assert answer.json()["errors"][0]["detail"] == {
            "repository": "team/app",
            "tag": "1.0",
            "heldBy": "rule released",
        }
        assert server.http.delete(f"/v2/team/app/manifests/{one}").status_code == 403
        act = {"repository": "team/app", "tag": "1.0", "why": "was built from the wrong branch"}
        assert server.http.post("/api/v1/tags/override", json=act).status_code == 201
        assert _copy(tmp_path, "two", name).returncode == 0
        assert _copy(tmp_path, "one", name).returncode != 0, "once"
        moves = server.api("/tags/history", repository="team/app", tag="1.0")
        assert [(move["before"], move["after"]) for move in moves] == [(one, two), (None, one)]
        assert "wrong branch" in moves[0]["why"]
        assert [item["used_at"] is not None for item in server.api("/tags/overrides")] == [True]
        assert server.http.post("/api/v1/tags/freeze", json={**act, "tag": "none"}).status_code == 404


def test_the_command_freezes_overrides_and_tells(tmp_path: Path) -> None:
    home, layout = tmp_path / "home", tmp_path / "images"
    one, two = (python_image(layout, tag, {"h11": "0.14.0"}) for tag in ("one", "two"))
    with WholeServer(home) as server:
        server.push(layout, "one", "team/app:1.0")
        assert run_tidegate(home, "tag", "freeze", "team/app:1.0", "--why", "audit").returncode == 0
        assert server.http.delete("/v2/team/app/manifests/1.0").status_code == 403
        held = as_json(run_tidegate(home, "tag", "holds", "--format", "json").stdout)
        assert [(item["tag"], item["why"]) for item in held["freezes"]] == [("1.0", "audit")]
        assert run_tidegate(home, "tag", "override", "team/app:1.0", "--why", "wrong").returncode == 0
        server.push(layout, "two", "team/app:1.0")
        assert run_tidegate(home, "tag", "unfreeze", "team/app:1.0", "--why", "x").returncode == 2
    told = as_json(run_tidegate(home, "tag", "history", "team/app:1.0", "--format", "json").stdout)
    assert [(move["before"], move["after"]) for move in told] == [(one, two), (None, one)]
    assert "override" in run_tidegate(home, "tag", "history", "team/app").stdout
    assert run_tidegate(home, "tag", "freeze", "team/app", "--why", "x").returncode == 2


def test_a_broken_file_of_rules_is_told_with_its_place(tmp_path: Path) -> None:
    rules = tmp_path / "keeping.yaml"
    rules.write_text(RULES.replace("tags:", "tag:"))
    (tmp_path / "tidegate.toml").write_text(f'[curation]\nkeeping_files = ["{rules}"]\n')
    words = ("--config", str(tmp_path / "tidegate.toml"), "tag", "holds")
    ran = run_tidegate(tmp_path / "home", *words)
    assert ran.returncode == 2
    assert "keeping.yaml:7:51: unknown key 'tag'; did you mean 'tags'?" in ran.stderr

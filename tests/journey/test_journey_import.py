# SPDX-License-Identifier: Apache-2.0
"""Lists of images taken in from a real upstream: by command with and without a server, by API, and dry."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from whole_server import WholeServer, as_json, python_image

from docker_registry import DockerRegistry, intake_file


@pytest.fixture(scope="module")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerRegistry]:
    folder = tmp_path_factory.mktemp("upstream")
    with DockerRegistry(folder) as running:
        python_image(folder, "clean", {"h11": "0.14.0"})
        python_image(folder, "bad", {"apache-airflow": "1.10.10"})
        running.push(folder, "clean", "team/clean:1")
        running.push(folder, "bad", "team/bad:1")
        yield running


def run(home: Path, file: Path, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "TIDEGATE_HOME": str(home), "TIDEGATE_INTAKE_FILE": str(file)}
    command = [str(Path(sys.executable).with_name("tidegate")), "intake", *words]
    return subprocess.run(
        command, env=environment, input=stdin, capture_output=True, text=True, check=False, timeout=120
    )


def test_a_list_is_taken_in_without_a_server_and_gone_on_with(upstream: DockerRegistry, tmp_path: Path) -> None:
    file, home = intake_file(tmp_path, upstream.host, fresh_s=300.0), tmp_path / "home"
    names = tmp_path / "images.txt"
    names.write_text(f"{upstream.host}/team/clean:1\n{upstream.host}/team/clean:1 bases/clean:7\n")
    dry = run(home, file, "import", str(names), "--dry-run", "--format", "json")
    assert dry.returncode == 0, dry.stderr
    assert [line["state"] for line in as_json(dry.stdout)] == ["would be taken"] * 2
    assert upstream.requests("GET", "/blobs/") > 0, "the configuration, for its age"
    done = run(home, file, "import", str(names), "--format", "json")
    assert done.returncode == 0, done.stderr
    assert "2 images: 2 admitted" in done.stderr
    lines = as_json(done.stdout)
    assert [(line["repository"], line["locator"], line["state"]) for line in lines] == [
        ("hub/team/clean", "1", "admitted"),
        ("bases/clean", "7", "admitted"),
    ]
    before = upstream.requests("GET", "/blobs/")
    names.write_text(
        f"{upstream.host}/team/clean:1\n{upstream.host}/team/bad:1\n{upstream.host}/team/none:1\nquay.io/x\n"
    )
    again = run(home, file, "import", str(names), "--format", "json")
    assert again.returncode == 1
    told = {line["written"].rpartition("/")[2]: (line["progress"], line["why"]) for line in as_json(again.stdout)}
    assert told["clean:1"] == ("admitted", "")
    assert told["bad:1"][0] == told["none:1"][0] == told["x"][0] == "refused"
    assert "being exploited" in told["bad:1"][1]
    assert "is not there" in told["none:1"][1]
    assert "no upstream brings quay.io/x" in told["x"][1]
    assert upstream.requests("GET", "/blobs/") - before == 3, "nothing that is here was fetched again"


def test_a_running_server_takes_up_what_a_command_puts_on_record(upstream: DockerRegistry, tmp_path: Path) -> None:
    file, home = intake_file(tmp_path, upstream.host, watch=["team/clean:1"]), tmp_path / "home"
    with WholeServer(home, environment={"TIDEGATE_INTAKE_FILE": str(file)}) as server:
        done = run(home, file, "import", "-", "--format", "json", stdin=f"{upstream.host}/team/clean:1\n")
        assert done.returncode == 0, done.stderr
        assert as_json(done.stdout)[0]["state"] == "admitted"
        manifest = (
            f"apiVersion: v1\nkind: Pod\nspec: {{containers: [{{name: a, image: '{upstream.host}/team/bad:1'}}]}}\n"
        )
        begun = server.http.post("/api/v1/intake/imports", params={"name": "pod.yaml"}, content=manifest)
        assert begun.status_code == 202
        report = server.api(f"/intake/imports/{begun.json()['id']}", wait=60)
        assert [(line["locator"], line["state"]) for line in report["lines"]] == [("1", "rejected")]
        dry = server.http.post(
            "/api/v1/intake/imports", params={"dry_run": True}, content=f"{upstream.host}/team/bad:1"
        )
        assert dry.json()[0]["state"] == "is here, rejected"
        assert {one["name"] for one in server.api("/intake/imports")} == {"-", "pod.yaml"}
        assert [one["under"] for one in server.api("/intake/upstreams")] == ["hub"]
        watched = server.api("/intake/names", watched=True)
        assert [(one["repository"], one["outcome"], one["state"]) for one in watched] == [
            ("hub/team/clean", "arrived", "admitted")
        ]
        assert watched[0]["look_at"] > watched[0]["checked_at"]
        looked = server.http.post("/api/v1/intake/look", params={"repository": "hub/team/clean", "locator": "1"})
        assert looked.status_code == 202
        refused = server.http.post("/api/v1/intake/look", params={"repository": "team/clean", "locator": "1"})
        assert refused.status_code == 403
    listed = run(home, file, "list", "--watched")
    assert listed.returncode == 0
    assert "hub/team/clean:1" in listed.stdout
    missing = run(home, file, "import", str(tmp_path / "no.txt"))
    assert (missing.returncode, missing.stdout) == (2, "")


def test_an_upstream_that_is_away_is_an_outside_failure(tmp_path: Path) -> None:
    file = intake_file(tmp_path, "127.0.0.1:1")
    dry = run(tmp_path / "home", file, "import", "-", "--dry-run", stdin="127.0.0.1:1/team/clean:1\n")
    assert dry.returncode == 3
    assert "cannot be reached" in dry.stdout

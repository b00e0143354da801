# SPDX-License-Identifier: Apache-2.0
"""States that people set, from the command and the API, at every gate of a whole server."""

import base64
import json
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from whole_server import WholeServer, as_json, python_image, run_tidegate

from tidegate.artifact import Platform
from tidegate.evidence import STATE_CHANGE
from tidegate.oci.layer_builder import LayerBuilder
from tidegate.oci.write import write_image, write_index

POD = """
apiVersion: v1
kind: Pod
metadata: {{name: web, namespace: {namespace}}}
spec:
  containers:
    - {{name: main, image: "127.0.0.1:5000/{image}"}}
"""


def _admitted(server: WholeServer, tmp_path: Path, name: str) -> str:
    digest = python_image(tmp_path / name, "one", {"h11": "0.14.0", name: "1.0"})
    server.push(tmp_path / name, "one", f"states/{name}:1")
    assert server.verdict(digest)["state"] == "admitted"
    return digest


def _act(server: WholeServer, digest: str, act: str, **body: Any) -> Any:
    answer = server.http.post(f"/api/v1/images/{digest}/{act}", json={"reason": f"test of {act}", **body})
    assert answer.status_code == 200, answer.text
    return answer.json()


def _wait_for_the_work(server: WholeServer) -> None:
    ends = time.monotonic() + 120
    while "tidegate_queue_size 0.0" not in server.http.get("/metrics").text:
        assert time.monotonic() < ends
        server.api("/events", after=10**9, wait=0.2)


def _runs(server: WholeServer, name: str, namespace: str = "shop", cluster: str = "lab") -> tuple[bool, str]:
    review = server.review(POD.format(image=f"states/{name}:1", namespace=namespace), cluster=cluster, dry_run=True)
    return review["allowed"], " ".join(review["reasons"])


def test_a_restriction_holds_at_the_pull_and_at_the_execution_gate(server: WholeServer, tmp_path: Path) -> None:
    digest = _admitted(server, tmp_path, "kept")
    _act(server, digest, "restrict", who=["anonymous", "namespace:shop"], where=["prod-*"])
    assert server.http.get("/v2/states/kept/manifests/1").status_code == 200
    assert _runs(server, "kept", "shop", "prod-eu")[0]
    for namespace, cluster in (("shop", "lab"), ("other", "prod-eu"), ("shop", "")):
        allowed, said = _runs(server, "kept", namespace, cluster)
        assert not allowed
        assert "kept for" in said
        assert "test of restrict" in said
    _act(server, digest, "restrict", who=["anna"])
    refused = server.http.get("/v2/states/kept/manifests/1")
    assert refused.status_code == 403
    assert "kept for anna" in refused.json()["errors"][0]["message"]
    assert [row["state"] for row in server.api("/refusals", repository="states/kept")["refusals"]] == ["restricted"]
    assert _act(server, digest, "release")["after"] == "admitted"
    assert server.http.get("/v2/states/kept/manifests/1").status_code == 200


def test_a_rule_holds_at_both_gates_until_it_is_lifted(server: WholeServer, tmp_path: Path) -> None:
    _admitted(server, tmp_path, "ruled")
    body = {"pattern": "states/ruled*", "reason": "pilot", "who": ["namespace:shop"]}
    number = server.http.post("/api/v1/restrictions", json=body).json()["id"]
    assert [rule["pattern"] for rule in server.api("/restrictions")["rules"]] == ["states/ruled*"]
    assert server.http.get("/v2/states/ruled/manifests/1").status_code == 403
    assert _runs(server, "ruled", "shop")[0]
    assert not _runs(server, "ruled", "other")[0]
    assert server.http.delete(f"/api/v1/restrictions/{number}", params={"reason": "over"}).status_code == 200
    assert server.http.get("/v2/states/ruled/manifests/1").status_code == 200
    assert _runs(server, "ruled", "other")[0]
    assert server.http.delete(f"/api/v1/restrictions/{number}", params={"reason": "over"}).status_code == 404


def test_an_index_does_not_run_where_one_of_its_images_is_kept_for_others(server: WholeServer, tmp_path: Path) -> None:
    children = []
    for architecture in ("amd64", "arm64"):
        layer = LayerBuilder().file("arch", f"kept {architecture}").build()
        platform = Platform(os="linux", architecture=architecture)
        children.append(write_image(tmp_path, None, [layer], {"User": "10001"}, platform=platform))
    digest = str(write_index(tmp_path, "both", children).digest)
    server.push(tmp_path, "both", "states/parts:1")
    assert server.verdict(digest)["state"] == "admitted"
    assert _runs(server, "parts")[0]
    _act(server, str(children[0].digest), "restrict", who=["namespace:other"])
    assert server.http.get(f"/v2/states/parts/manifests/{children[0].digest}").status_code == 403
    allowed, said = _runs(server, "parts", "shop")
    assert not allowed
    assert "test of restrict" in said
    assert _runs(server, "parts", "other")[0]


def test_what_a_person_recalled_no_judgement_lets_out(server: WholeServer, tmp_path: Path) -> None:
    digest = _admitted(server, tmp_path, "recalled")
    done = run_tidegate(server.home, "vend", "recall", "states/recalled:1", "--reason", "the key leaked", "-f", "json")
    assert done.returncode == 0, done.stderr
    assert as_json(done.stdout)["after"] == "recalled"
    refused = server.http.get("/v2/states/recalled/manifests/1")
    assert refused.status_code == 403
    assert "the key leaked" in refused.json()["errors"][0]["message"]
    allowed, said = _runs(server, "recalled")
    assert not allowed
    assert "recalled by" in said or "curation" in said
    assert server.http.post(f"/api/v1/images/{digest}/judge").status_code == 202
    _wait_for_the_work(server)
    assert server.api(f"/images/{digest}")["state"] == "recalled"
    assert not _runs(server, "recalled")[0]
    after = server.api("/events", limit=1000)["next"]
    done = run_tidegate(server.home, "vend", "release", digest, "--reason", "another key")
    assert done.returncode == 0, done.stderr
    server.wait_for_event("curation.image.admitted", after=after)
    assert server.http.get("/v2/states/recalled/manifests/1").status_code == 200
    assert _runs(server, "recalled")[0]
    assert server.api(f"/passports/{digest}")["sound"]


def test_an_unlawful_change_is_refused_with_the_lawful_ones(server: WholeServer, tmp_path: Path) -> None:
    digest = _admitted(server, tmp_path, "gone")
    assert run_tidegate(server.home, "vend", "deprecate", digest).returncode == 2  # no reason
    _act(server, digest, "deprecate", sunset="2030-01-31", replacement="states/next:1")
    served = server.http.get("/v2/states/gone/manifests/1")
    assert served.headers["sunset"] == "Thu, 31 Jan 2030 23:59:59 GMT"
    assert "use states/next:1" in served.headers["warning"]
    refused = server.http.post(f"/api/v1/images/{digest}/restrict", json={"reason": "no", "who": ["anna"]})
    assert refused.status_code == 403
    assert refused.json()["detail"] == "it may become admitted, recalled, retired"
    _act(server, digest, "retire")
    done = run_tidegate(server.home, "vend", "release", digest, "--reason", "no")
    assert done.returncode == 1
    assert "retired is final" in done.stderr
    assert server.http.get("/v2/states/gone/manifests/1").status_code == 403
    assert not _runs(server, "gone")[0]


@pytest.mark.parametrize("body", [{}, {"reason": ""}, {"reason": "x", "who": [1]}, {"reason": "x"}])
def test_half_a_restriction_is_refused(server: WholeServer, body: dict[str, Any]) -> None:
    answer = server.http.post(f"/api/v1/images/sha256:{'0' * 64}/restrict", json=body)
    assert answer.status_code == 422


_SAID = "application/vnd.in-toto.tidegate-state-change+dsse"


def test_the_command_changes_states_and_promotes_elsewhere(server: WholeServer, tmp_path: Path) -> None:
    digest = _admitted(server, tmp_path, "afar")
    there = ("--format", "json", "--server", server.address)  # the folder here is empty
    for name, words, after in (
        ("states/afar:1", ("restrict", "--who", "anna"), "restricted"),
        (digest, ("release",), "admitted"),
        ("states/afar:1", ("deprecate", "--sunset", "2099-06-30", "--replacement", "states/new:2"), "deprecated"),
        (f"states/afar@{digest}", ("release",), "admitted"),
    ):
        done = run_tidegate(tmp_path / "own", "vend", words[0], name, *words[1:], "--reason", "from afar", *there)
        assert (done.returncode, as_json(done.stdout)["after"]) == (0, after), done.stderr
    promote = ("vend", "promote", "states/afar:1", "states/promoted:1", "--reason", "from afar")
    done = run_tidegate(tmp_path / "own", *promote, *there)
    assert (done.returncode, as_json(done.stdout)["state"]) == (0, "done"), done.stderr
    assert server.http.get("/v2/states/promoted/manifests/1").headers["docker-content-digest"] == digest
    missing = run_tidegate(tmp_path / "own", "vend", "recall", "states/afar:9", "--reason", "x", *there)
    assert (missing.returncode, "no such image" in missing.stderr) == (2, True), missing.stderr


def _said(server: WholeServer, repository: str, digest: str) -> list[dict[str, Any]]:
    """The predicates of the state changes that hang on an image, as any client finds them."""
    found = server.http.get(f"/v2/{repository}/referrers/{digest}", params={"artifactType": _SAID})
    predicates = []
    for hung in found.json()["manifests"]:
        assert hung["annotations"]["in-toto.io/predicate-type"] == STATE_CHANGE
        manifest = server.http.get(f"/v2/{repository}/manifests/{hung['digest']}").json()
        envelope = server.http.get(f"/v2/{repository}/blobs/{manifest['layers'][0]['digest']}").json()
        statement = json.loads(base64.b64decode(envelope["payload"]))
        assert statement["subject"][0]["digest"]["sha256"] == digest.removeprefix("sha256:")
        predicates.append(statement["predicate"])
    return sorted(predicates, key=lambda one: str(one["at"]))


def _wait_for_said(server: WholeServer, repository: str, digest: str, acts: set[str]) -> list[dict[str, Any]]:
    ends = time.monotonic() + 120
    found = _said(server, repository, digest)
    while {one["act"] for one in found} != acts:
        assert time.monotonic() < ends, found
        server.api("/events", after=10**9, wait=0.2)
        found = _said(server, repository, digest)
    return found


def test_what_people_say_hangs_on_the_image_in_each_repository(server: WholeServer, tmp_path: Path) -> None:
    digest = _admitted(server, tmp_path, "hung")
    assert _said(server, "states/hung", digest) == []
    _act(server, digest, "deprecate", replacement="states/other:2")
    (first,) = _wait_for_said(server, "states/hung", digest, {"deprecate"})
    assert (first["why"], first["replacement"], first["after"]) == ("test of deprecate", "states/other:2", "deprecated")
    server.push(tmp_path / "hung", "one", "states/hung-elsewhere:1")  # where it comes later, it hangs too
    _wait_for_said(server, "states/hung-elsewhere", digest, {"deprecate"})
    _act(server, digest, "recall")
    for repository in ("states/hung", "states/hung-elsewhere"):
        _wait_for_said(server, repository, digest, {"deprecate", "recall"})
    assert server.http.get("/v2/states/hung/manifests/1").status_code == 403
    tree = server.http.get(f"/v2/states/hung/manifests/{digest.replace(':', '-')}")  # clients of the tag schema
    assert _SAID in tree.text
    _act(server, digest, "release")
    _wait_for_said(server, "states/hung", digest, {"deprecate", "recall", "release"})
    oras = shutil.which("oras")
    if oras is not None:
        found = subprocess.run(
            [oras, "discover", "--plain-http", "--format", "json", f"{server.address}/states/hung@{digest}"],
            capture_output=True,
            text=True,
            check=True,
        )
        assert found.stdout.count(_SAID) == 3

# SPDX-License-Identifier: Apache-2.0
"""Images through the curation gate and out over the execution gate, by a whole server."""

from pathlib import Path

from msgspec.structs import replace
from whole_server import WholeServer, as_json, python_image, run_tidegate

from tidegate.artifact import Descriptor, Digest, Platform
from tidegate.oci.layer_builder import LayerBuilder
from tidegate.oci.write import write_image, write_index

POD = """
apiVersion: v1
kind: Pod
metadata: {{name: {name}, namespace: shop, labels: {{tidegate.dev/owner: team-web}}}}
spec:
  containers:
    - {{name: main, image: "127.0.0.1:5000/{image}"}}
"""


def _child(layout: Path, architecture: str, h11: bool) -> Descriptor:
    name, version = ("h11", "0.14.0") if h11 else ("apache-airflow", "1.10.10")
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n\n"
    layer = LayerBuilder().file(f"srv/{name}.dist-info/METADATA", metadata).file("arch", architecture).build()
    platform = Platform(os="linux", architecture=architecture)
    return write_image(layout, None, [layer], {"User": "10001"}, platform=platform)


def test_an_admitted_image_is_vended_with_its_evidence(server: WholeServer, tmp_path: Path) -> None:
    digest = python_image(tmp_path, "good", {"h11": "0.14.0"})
    server.push(tmp_path, "good", "gates/good:1")
    assert server.verdict(digest)["state"] == "admitted"
    assert server.http.get("/v2/gates/good/manifests/1").headers["docker-content-digest"] == digest
    listed = server.http.get(f"/v2/gates/good/referrers/{digest}").json()["manifests"]
    assert sorted(item["annotations"]["in-toto.io/predicate-type"] for item in listed) == [
        "https://cyclonedx.org/bom",
        "https://slsa.dev/verification_summary/v1",
        "https://tidegate.dev/predicates/scan/v1",
    ]
    for item in listed:
        manifest = server.http.get(f"/v2/gates/good/manifests/{item['digest']}").json()
        envelope = server.http.get(f"/v2/gates/good/blobs/{manifest['layers'][0]['digest']}").json()
        assert envelope["payloadType"] == "application/vnd.in-toto+json"
        assert len(envelope["signatures"]) == 1


def test_a_rejected_image_is_withheld_with_reasons_and_fixes(server: WholeServer, tmp_path: Path) -> None:
    digest = python_image(tmp_path, "bad", {"apache-airflow": "1.10.10"})
    server.push(tmp_path, "bad", "gates/bad:1")
    found = server.verdict(digest)
    assert found["state"] == "rejected"
    assert any("1.10.11" in reason["fix"] for reason in found["verdict"]["reasons"])
    refused = server.http.get("/v2/gates/bad/manifests/1")
    assert refused.status_code == 403
    assert "exploited" in refused.json()["errors"][0]["message"]


def test_an_index_is_as_good_as_its_worst_image(server: WholeServer, tmp_path: Path) -> None:
    good = [_child(tmp_path, "amd64", h11=True), _child(tmp_path, "arm64", h11=True)]
    mixed = [good[0], _child(tmp_path, "arm64", h11=False)]
    all_good = write_index(tmp_path, "good-index", good).digest
    one_bad = write_index(tmp_path, "bad-index", mixed).digest
    server.push(tmp_path, "good-index", "gates/index:good")
    server.push(tmp_path, "bad-index", "gates/index:bad")
    assert server.verdict(all_good)["state"] == "admitted"
    found = server.verdict(one_bad)
    assert found["state"] == "rejected"
    assert any(reason["item"].startswith("linux/arm64") for reason in found["verdict"]["reasons"])
    assert server.http.get("/v2/gates/index/manifests/good").status_code == 200
    assert server.http.get("/v2/gates/index/manifests/bad").status_code == 403


def test_what_cannot_be_examined_is_never_admitted(server: WholeServer, tmp_path: Path) -> None:
    layer = LayerBuilder().file("a", "b" * 5000).build()
    broken = layer.read()[:40]
    torn = replace(
        layer,
        blob=broken,
        descriptor=replace(layer.descriptor, digest=Digest.of(broken), size=len(broken)),
    )
    digest = str(write_image(tmp_path, "torn", [torn], {"User": "1"}).digest)
    server.push(tmp_path, "torn", "gates/torn:1")
    assert server.verdict(digest)["state"] == "rejected"
    changes = [e for e in server.api(f"/passports/{digest}")["entries"] if e["kind"] == "state"]
    assert "cut short" in changes[-1]["why"]


def test_a_pod_is_pinned_and_hardened_or_denied(server: WholeServer, tmp_path: Path) -> None:
    digest = python_image(tmp_path, "pod", {"h11": "0.14.0"}, User="root")
    server.push(tmp_path, "pod", "gates/pod:1")
    server.verdict(digest)
    review = server.review(POD.format(name="pod", image="gates/pod:1"), cluster="c1")
    assert review["allowed"], review
    container = review["documents"][0]["spec"]["containers"][0]
    assert container["image"].endswith(f"@{digest}")
    assert container["securityContext"]["runAsUser"] != 0
    assert container["securityContext"]["capabilities"]["drop"] == ["ALL"]
    unknown = server.review(POD.format(name="pod", image="gates/nobody:1"))
    assert not unknown["allowed"]
    assert "nobody knows" in unknown["reasons"][0]


def test_a_dry_run_leaves_no_trace(server: WholeServer, tmp_path: Path) -> None:
    digest = python_image(tmp_path, "dry", {"h11": "0.14.0"})
    server.push(tmp_path, "dry", "gates/dry:1")
    server.verdict(digest)
    before = server.api("/events", limit=1000)["next"], server.api(f"/passports/{digest}")["ledger_size"]
    assert server.review(POD.format(name="dry", image="gates/dry:1"), dry_run=True)["allowed"]
    passport = server.api(f"/passports/{digest}")
    assert (server.api("/events", limit=1000)["next"], passport["ledger_size"]) == before
    assert passport["workloads"] == []


def test_the_command_and_the_server_share_one_record(server: WholeServer, tmp_path: Path) -> None:
    digest = python_image(tmp_path, "shared", {"h11": "0.14.0"})
    server.push(tmp_path, "shared", "gates/shared:1")
    server.verdict(digest)
    shown = run_tidegate(server.home, "passport", "gates/shared:1", "--format", "json")
    assert shown.returncode == 0, shown.stderr
    assert as_json(shown.stdout)["digest"] == digest
    assert as_json(shown.stdout)["sound"]
    pod = tmp_path / "pod.yaml"
    pod.write_text(POD.format(name="cli", image="gates/shared:1"))
    admitted = run_tidegate(server.home, "admit", str(pod), "--to", "execution", "--cluster", "c2")
    assert admitted.returncode == 0, admitted.stderr
    assert f"@{digest}" in admitted.stdout
    assert server.api(f"/passports/{digest}")["workloads"][0]["workload"] == "c2/shop/Pod/cli"
    bad = python_image(tmp_path, "worse", {"apache-airflow": "1.10.10"})
    refused = run_tidegate(server.home, "admit", f"oci:{tmp_path}:worse", "--to", "curation")
    assert refused.returncode == 1, refused.stderr
    assert bad in refused.stdout
    assert "exploited" in refused.stdout
    assert run_tidegate(server.home, "admit", bad, "--to", "execution").returncode == 1


def test_pages_of_other_sites_cannot_use_the_api(server: WholeServer) -> None:
    assert server.http.get("/api/v1/images", headers={"Origin": "http://evil.example"}).status_code == 403
    same = {"Origin": f"http://{server.address}"}
    assert server.http.get("/api/v1/images", headers=same).status_code == 200


def test_errors_are_problem_details(server: WholeServer) -> None:
    missing = server.http.get("/api/v1/images/sha256:" + "0" * 64)
    assert missing.status_code == 404
    assert missing.headers["content-type"] == "application/problem+json"
    assert server.http.get("/api/v1/images/no-digest").status_code == 422
    huge = server.http.post("/api/v1/admission/workloads", content=b" " * (5 << 20))
    assert huge.status_code == 413
    assert "max_manifest_bytes" in huge.json()["title"]


def test_health_and_figures(server: WholeServer) -> None:
    assert server.http.get("/livez").status_code == 200
    assert server.http.get("/readyz").status_code == 200
    text = server.http.get("/metrics").text
    for name in (
        "tidegate_manifests",
        "tidegate_ledger_entries",
        "tidegate_knowledge_age_seconds",
        "tidegate_queue_size",
    ):
        assert name in text


def test_a_known_image_in_one_more_repository_is_judged_for_it_too(server: WholeServer, tmp_path: Path) -> None:
    digest = python_image(tmp_path, "twice", {"h11": "0.14.0", "click": "8.1.8"})
    server.push(tmp_path, "twice", "gates/first:1")
    assert server.verdict(digest)["state"] == "admitted"
    seen = server.api("/events", limit=1000)["next"]
    server.push(tmp_path, "twice", "gates/second:1")
    assert server.http.get("/v2/gates/second/manifests/1").status_code == 200
    server.wait_for_event("curation.image.shelved", after=seen)
    before = len(server.http.get(f"/v2/gates/first/referrers/{digest}").json()["manifests"])
    while len(server.http.get(f"/v2/gates/second/referrers/{digest}").json()["manifests"]) < before:
        assert server.api("/events", after=seen, limit=1, wait=5) is not None
    assert server.api(f"/passports/{digest}")["repositories"] == ["gates/first", "gates/second"]


def test_a_second_server_over_the_same_folder_is_refused(server: WholeServer) -> None:
    second = run_tidegate(server.home, "serve", "--port", "0")
    assert second.returncode == 2
    assert "another server" in second.stderr
    assert server.http.get("/livez").status_code == 200

# SPDX-License-Identifier: Apache-2.0
"""Tests, reviews, provenance and the commit trail that people attest beside an image, as a policy demands them."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from whole_server import WholeServer, python_image

from tidegate.cli import main
from tidegate.signing.keys import SigningKey

POLICY = """
apiVersion: tidegate.dev/v1
kind: Policy
metadata: {name: care}
spec:
  rules:
    - name: tests-passed
      boundaries: [curation]
      reads: {tests: {maxAge: 30d}}
      when: "!tests.all_passed"
      verdict: deny
      message: "{tests.failed_runs} runs failed"
    - name: two-others
      boundaries: [curation]
      reads: {reviews: {maxAge: 30d}}
      when: reviews.independent_approvals < 2 || reviews.approving_keys < 2
      verdict: deny
      message: "{reviews.independent_approvals} approved by {reviews.approving_keys} keys"
    - name: commits
      boundaries: [curation]
      reads: {provenance: {maxAge: 30d}, commits: {maxAge: 30d}}
      when: "!commits.passed || commits.tip != provenance.source_digest"
      verdict: deny
      message: not the commits that were checked
"""
COMMIT = "c" * 40
PROVENANCE = {
    "buildDefinition": {
        "buildType": "https://type",
        "resolvedDependencies": [{"uri": "git+https://host/app", "digest": {"gitCommit": COMMIT}}],
    },
    "runDetails": {"builder": {"id": "https://builder"}},
}
TRAIL = {"repository": "https://host/app", "base": "", "tip": COMMIT, "count": 1, "signed": 1, "passed": True}


class Signers:
    """Keys of people and machines, and the server that trusts them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.public: list[str] = []
        for name in ("ci", "ann", "bob"):
            key = SigningKey.generate()
            key.save(folder / f"{name}.pem")
            (folder / f"{name}.pub").write_bytes(key.verifying.to_pem())
            self.public.append(str(folder / f"{name}.pub"))

    def attest(self, image: str, who: str, kind: str, predicate: Any, *more: str) -> None:
        """`tidegate attest`, as people run it."""
        file = self.folder / "predicate.json"
        file.write_text(json.dumps(predicate))
        words = ("--key", str(self.folder / f"{who}.pem"), "--type", kind, "--predicate", str(file), "--insecure")
        assert main(["attest", image, *words, *more]) == 0


@pytest.fixture(scope="module")
def signers(tmp_path_factory: pytest.TempPathFactory) -> Signers:
    return Signers(tmp_path_factory.mktemp("signers"))


@pytest.fixture(scope="module")
def server(signers: Signers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WholeServer]:
    folder = tmp_path_factory.mktemp("careful")
    (folder / "care.yaml").write_text(POLICY)
    environment = {
        "TIDEGATE_POLICY_FILES": str(folder / "care.yaml"),
        "TIDEGATE_SIGNING_TRUSTED_KEYS": os.pathsep.join(signers.public),
    }
    with WholeServer(folder / "home", environment=environment) as running:
        yield running


def review(who: str, decision: str = "approved") -> dict[str, Any]:
    return {"reviewer": who, "decision": decision, "authors": ["carl@example.com"], "scope": "image"}


def denied(server: WholeServer, digest: str) -> set[str]:
    return {reason["rule"] for reason in server.verdict(digest)["verdict"]["reasons"] if reason["verdict"] == "deny"}


def test_what_people_attest_lets_an_image_pass_and_a_rejection_takes_it_back(
    server: WholeServer, signers: Signers, tmp_path: Path
) -> None:
    digest = python_image(tmp_path / "l", "app", {"h11": "0.14.0"})
    server.push(tmp_path / "l", "app", "team/app:1")
    assert server.verdict(digest)["state"] == "rejected"
    assert denied(server, digest) == {"tests-passed", "two-others", "commits"}
    image = f"{server.address}/team/app@{digest}"
    report = tmp_path / "junit.xml"
    report.write_text('<testsuite name="unit"><testcase name="a"/></testsuite>')
    predicate = tmp_path / "tests.json"
    assert main(["predicate", "tests", str(report), "-o", str(predicate)]) == 0
    signers.attest(image, "ci", "slsaprovenance1", PROVENANCE)  # as a Sigstore bundle
    signers.attest(image, "ci", "tests", json.loads(predicate.read_bytes()))
    signers.attest(image, "ci", "commits", TRAIL)
    # By its tag, though enforce mode keeps the bytes back: what comes before the verdict cannot wait for it.
    signers.attest(f"{server.address}/team/app:1", "ann", "review", review("ann@example.com"))
    after = server.api("/events", limit=1000)["next"]
    signers.attest(image, "bob", "review", review("bob@example.com"), "--store", "tag")  # under cosign's tag
    assert server.wait_for_event("curation.image.admitted", after=after)["subject"] == digest
    assert denied(server, digest) == set()
    told = [entry["what"] for entry in server.api(f"/passports/{digest}")["entries"]]
    assert "approved by ann@example.com (image)" in told
    assert "tests unit: PASSED, 0 failed" in told
    assert f"commit trail to {COMMIT[:12]}: passed, 1 of 1 signed" in told
    after = server.api("/events", limit=1000)["next"]
    signers.attest(image, "bob", "review", review("bob@example.com", "rejected"))
    server.wait_for_event("curation.image.recalled", after=after)
    assert denied(server, digest) == {"two-others"}

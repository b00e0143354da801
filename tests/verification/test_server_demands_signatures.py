# SPDX-License-Identifier: Apache-2.0
"""A real server whose policy demands a signature: refused at the push, admitted when the signature comes after it."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from verification_run import KeyFiles, Run

sys.path.insert(0, str(Path(__file__).parents[1] / "journey"))
from whole_server import WholeServer, python_image

POLICY = """apiVersion: tidegate.dev/v1
kind: Policy
metadata: {name: signed}
spec:
  rules:
    - name: signed
      boundaries: [curation]
      reads: {signatures: {maxAge: 1d}}
      when: "!signatures.verified"
      verdict: deny
      message: "{signatures.reason}"
"""
TRUST = """apiVersion: tidegate.dev/v1
kind: TrustPolicy
metadata: {name: company}
spec:
  authorities: [{name: release, keys: [release.pub]}]
  requirements: [{name: released, by: [release]}]
"""


@pytest.mark.parametrize("stored", ["bundle", "tag"])
def test_a_signature_that_comes_after_the_verdict_is_heard(
    stored: str, run: Run, tmp_path: Path, make_keys: Callable[..., KeyFiles]
) -> None:
    ours, mallory = make_keys(), make_keys()
    (tmp_path / "policy.yaml").write_text(POLICY)
    (tmp_path / "trust.yaml").write_text(TRUST)
    (tmp_path / "release.pub").write_bytes(ours.public.read_bytes())
    environment = {
        "TIDEGATE_POLICY_FILES": str(tmp_path / "policy.yaml"),
        "TIDEGATE_POLICY_PROFILES": "",
        "TIDEGATE_SIGNING_TRUST_POLICY_FILE": str(tmp_path / "trust.yaml"),
    }
    with WholeServer(tmp_path / "server", environment=environment) as server:
        digest = python_image(tmp_path / "l", "app", {"h11": "0.14.0"})
        server.push(tmp_path / "l", "app", "team/app:1")
        found = server.verdict(digest)
        assert found["state"] == "rejected"
        assert "there is no signature" in str(found["verdict"]["reasons"])
        image = f"{server.address}/team/app@{digest}"
        after = server.api("/events", limit=1000)["next"]
        subject = tmp_path / "l"
        assert subject.exists()
        assert run("sign", f"oci:{subject}:app", "--key", mallory.private).status == 0
        signed = run("sign", image, "--key", ours.private, "--store", stored)
        assert signed.status == 0, signed.said
        assert server.wait_for_event("curation.image.admitted", after=after)["subject"] == digest

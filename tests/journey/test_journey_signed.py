# SPDX-License-Identifier: Apache-2.0
"""A real server whose policy demands signatures: refused at the push, admitted when the right one comes after it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from whole_server import WholeServer, python_image

from tidegate.cli import main
from tidegate.signing.keys import SigningKey

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
  requirements:
    - {name: released, by: [release], images: ["*/team/*"]}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("signed")
    for name in ("release", "mallory"):
        key = SigningKey.generate()
        key.save(made / f"{name}.key")
        (made / f"{name}.pub").write_bytes(key.verifying.to_pem())
    (made / "policy.yaml").write_text(POLICY)
    (made / "trust.yaml").write_text(TRUST)
    return made


@pytest.fixture(scope="module")
def demanding(folder: Path) -> Iterator[WholeServer]:
    environment = {
        "TIDEGATE_POLICY_FILES": str(folder / "policy.yaml"),
        "TIDEGATE_SIGNING_TRUST_POLICY_FILE": str(folder / "trust.yaml"),
    }
    with WholeServer(folder / "server", environment=environment) as server:
        yield server


@pytest.mark.parametrize("stored", ["bundle", "tag"])
def test_a_signature_that_comes_after_the_verdict_is_heard(
    stored: str, demanding: WholeServer, folder: Path, tmp_path: Path
) -> None:
    digest = python_image(tmp_path / "l", stored, {"h11": "0.14.0"})
    demanding.push(tmp_path / "l", stored, f"team/{stored}:1")
    found = demanding.verdict(digest)
    assert found["state"] == "rejected"
    assert "released: there is no signature" in str(found["verdict"]["reasons"])
    address = demanding.address.removeprefix("http://")
    words = ["sign", f"{address}/team/{stored}@{digest}", "--store", stored, "--key"]
    after = demanding.api("/events", limit=1000)["next"]
    assert main([*words, str(folder / "mallory.key")]) == 0
    assert main([*words, str(folder / "release.key")]) == 0
    assert demanding.wait_for_event("curation.image.admitted", after=after)["subject"] == digest
    assert demanding.verdict(digest)["state"] == "admitted"


def test_an_image_elsewhere_is_for_nobody(demanding: WholeServer, tmp_path: Path) -> None:
    digest = python_image(tmp_path / "l", "else", {"h11": "0.14.0"})
    demanding.push(tmp_path / "l", "else", "other/app:1")
    found = demanding.verdict(digest)
    assert found["state"] == "rejected"
    assert "no requirement of the policy is for" in str(found["verdict"]["reasons"])


def test_a_trust_policy_that_is_changed_counts_from_the_next_image_on(
    demanding: WholeServer, folder: Path, tmp_path: Path
) -> None:
    digest = python_image(tmp_path / "l", "later", {"h11": "0.14.0"})
    demanding.push(tmp_path / "l", "later", "team/later:1")
    assert demanding.verdict(digest)["state"] == "rejected"
    after = demanding.api("/events", limit=1000)["next"]
    (folder / "trust.yaml").write_text(TRUST.replace("release.pub", "mallory.pub"))
    try:
        address = demanding.address.removeprefix("http://")
        assert main(["sign", f"{address}/team/later@{digest}", "--key", str(folder / "mallory.key")]) == 0
        assert demanding.wait_for_event("curation.image.admitted", after=after)["subject"] == digest
    finally:
        (folder / "trust.yaml").write_text(TRUST)

# SPDX-License-Identifier: Apache-2.0
"""The gate demands that a trust policy is met: its verdict is evidence, signed and on record, and a rule reads it."""

import json
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from verification_run import KeyFiles, Ran, Run

from tidegate.knowledge.build import build

MakeKeys = Callable[..., KeyFiles]
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
      message: "the trust policy {signatures.policy} is not met: {signatures.reason}"
"""
TRUST = """apiVersion: tidegate.dev/v1
kind: TrustPolicy
metadata: {name: company}
spec:
  authorities: [{name: release, keys: [release.pub]}]
  requirements: [{name: released, by: [release]}]
"""


@pytest.fixture
def admit(tmp_path: Path, run: Run, layout: Path, make_keys: MakeKeys) -> Callable[..., Ran]:
    """Puts the image before the gate; settings name both policies, or none to trust."""
    (tmp_path / "osv" / "PyPI").mkdir(parents=True)
    with zipfile.ZipFile(tmp_path / "osv" / "PyPI" / "all.zip", "w") as archive:
        archive.writestr("empty.json", "{")
    (tmp_path / "osv" / "ecosystems.txt").write_text("PyPI\n")
    (tmp_path / "home").mkdir(mode=0o700)
    build(tmp_path / "osv", tmp_path / "home" / "knowledge.db", made_at=datetime(2026, 1, 2, tzinfo=UTC))
    (tmp_path / "policy.yaml").write_text(POLICY)
    (tmp_path / "trust.yaml").write_text(TRUST)
    (tmp_path / "release.pub").write_bytes(make_keys().public.read_bytes())

    def put(*more: object, trust: bool = True) -> Ran:
        named = f'[signing]\ntrust_policy_file = "{tmp_path}/trust.yaml"\n' if trust else ""
        (tmp_path / "tidegate.toml").write_text(f'[policy]\nfiles = ["{tmp_path}/policy.yaml"]\n{named}')
        return run("admit", f"oci:{layout}", "--to", "curation", "--format", "json", *more)

    return put


def test_an_image_passes_when_it_is_signed_by_whom_the_policy_names(
    admit: Callable[..., Ran], run: Run, layout: Path, tmp_path: Path, make_keys: MakeKeys
) -> None:
    release, mallory = tmp_path / "keys-0" / "private.pem", make_keys().private
    assert (tmp_path / "release.pub").read_bytes() == (tmp_path / "keys-0" / "public.pem").read_bytes()

    untrusting = admit(trust=False)
    assert untrusting.status == 1
    assert "there is no signatures of this artifact" in untrusting.out

    unsigned = admit()
    assert unsigned.status == 1
    assert "company is not met: released: there is no signature" in unsigned.out

    assert run("sign", f"oci:{layout}", "--key", mallory).status == 0
    stranger = admit("--dry-run")
    assert stranger.status == 1
    assert "no signature by release holds" in stranger.out

    assert run("sign", f"oci:{layout}", "--key", release).status == 0
    assert admit("--dry-run").status == 0
    assert admit().status == 0

    digest = json.loads(run("verify", f"oci:{layout}", "--policy", "trust.yaml", "--format", "json").out)["subject"]
    passport = run("passport", digest, "--format", "json")
    assert "https://tidegate.dev/predicates/signatures/v1" in passport.out


def test_signing_twice_and_both_forms_lie_beside_each_other(run: Run, layout: Path, make_keys: MakeKeys) -> None:
    ours, theirs = make_keys(), make_keys()
    for key in (ours, ours, theirs):
        assert run("sign", f"oci:{layout}", "--key", key.private, "--store", "both").status == 0
    both = ("verify", f"oci:{layout}", "--key", ours.public, "--key", theirs.public)
    found = run(*both, "--threshold", 2, "--format", "json")
    assert found.status == 0
    assert found.json["requirements"][0]["signers"] == sorted([ours.key.key_id, theirs.key.key_id])
    assert {one["form"] for one in found.json["signatures"]} == {"bundle", "simple"}
    assert "✔" in run(*both).out

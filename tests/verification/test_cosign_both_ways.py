# SPDX-License-Identifier: Apache-2.0
"""A real cosign verifies what we sign, and we verify what it signs, in both forms, for each kind of key it knows."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from verification_run import KeyFiles, Run

from cosign import Cosign
from tidegate.signing.scheme import Scheme

pytestmark = pytest.mark.tools

PREDICATE = {"passed": True, "by": "anna"}
TYPE = "https://acme.example/review/v1"
KINDS = [Scheme.ECDSA_P256, Scheme.ECDSA_P384, Scheme.ED25519, Scheme.RSA_PKCS1]
_HASH = {Scheme.ECDSA_P384: ["--signature-digest-algorithm", "sha384"]}
MakeKeys = Callable[..., KeyFiles]


@pytest.mark.parametrize("stored", ["tag", "bundle"])
@pytest.mark.parametrize("scheme", KINDS)
def test_cosign_verifies_what_we_sign(
    scheme: Scheme, stored: str, image: str, run: Run, cosign: Cosign, make_keys: MakeKeys
) -> None:
    ours, other = make_keys(scheme), make_keys(scheme)
    assert run("sign", image, "--key", ours.private, "--store", stored, "-a", "env=prod").status == 0
    how = ["verify", *_HASH.get(scheme, []), "--private-infrastructure", "--insecure-ignore-tlog"]
    how += _bundled(cosign.folder) if stored == "bundle" else ["-a", "env=prod"]
    cosign.do(*how, "--key", ours.public, image)
    assert cosign.run(*how, "--key", other.public, image).status != 0
    assert run("verify", image, "--key", ours.public, "-a", "env=prod").status == 0
    assert run("verify", image, "--key", other.public).status == 1


@pytest.mark.parametrize("stored", ["tag", "bundle"])
@pytest.mark.parametrize("scheme", [Scheme.ECDSA_P256, Scheme.RSA_PKCS1])
def test_cosign_verifies_what_we_attest(
    scheme: Scheme, stored: str, image: str, run: Run, cosign: Cosign, make_keys: MakeKeys, tmp_path: Path
) -> None:
    ours = make_keys(scheme)
    (tmp_path / "predicate.json").write_text(json.dumps(PREDICATE))
    words = ["attest", image, "--key", ours.private, "--store", stored, "--type", TYPE]
    assert run(*words, "--predicate", "predicate.json").status == 0
    how = ["verify-attestation", *_HASH.get(scheme, []), "--insecure-ignore-tlog", "--type", TYPE, "--key", ours.public]
    how += _bundled(cosign.folder) if stored == "bundle" else []
    assert cosign.do(*how, image)
    said = ("verify", image, "--key", ours.public, "--type", TYPE, "--condition")
    assert run(*said, "predicate.passed == true").status == 0
    assert run(*said, "predicate.passed == false").status == 1


@pytest.mark.parametrize(
    ("scheme", "stored"),
    [
        (Scheme.ECDSA_P256, "tag"),
        (Scheme.ED25519, "tag"),
        (Scheme.ECDSA_P384, "bundle"),
        (Scheme.ED25519, "bundle"),
        (Scheme.RSA_PKCS1, "bundle"),
    ],
)
def test_we_verify_what_cosign_signs_and_attests(
    scheme: Scheme, stored: str, image: str, run: Run, cosign: Cosign, make_keys: MakeKeys, tmp_path: Path
) -> None:
    theirs, other = make_keys(scheme), make_keys(scheme)
    form = ["--new-bundle-format"] if stored == "bundle" else []
    key = ["--tlog-upload=false", "--key", theirs.cosign, "--yes", *form]
    cosign.do("sign", *key, *([] if form else ["-a", "env=prod"]), image)
    (tmp_path / "predicate.json").write_text(json.dumps(PREDICATE))
    cosign.do("attest", *key, "--type", TYPE, "--predicate", "predicate.json", image)
    annotation = [] if form else ["-a", "env=prod"]
    done = run("verify", image, "--key", theirs.public, *annotation, "--format", "json")
    assert done.status == 0, done.out
    assert done.json["requirements"][0]["signers"] == [theirs.key.key_id]
    assert {one["form"] for one in done.json["signatures"]} == ({"bundle"} if form else {"simple", "dsse"})
    said = ("--type", TYPE, "--condition", "predicate.by == 'anna'")
    assert run("verify", image, "--key", theirs.public, *said).status == 0
    refused = run("verify", image, "--key", other.public, *said)
    assert refused.status == 1
    assert "not signed by its key" in refused.out


def _bundled(folder: Path) -> list[str]:
    """How cosign is asked for bundles; it wants a trusted root even where a key is named: one that trusts nobody."""
    path = folder / "trusted_root.json"
    path.write_text('{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}')
    return ["--new-bundle-format", "--trusted-root", str(path)]

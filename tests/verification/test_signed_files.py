# SPDX-License-Identifier: Apache-2.0
"""Bills of materials and VEX in files with a signature around them: by whom, when a trust policy says whom to trust."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from verification_run import KeyFiles, Run

from tidegate.artifact import Digest
from tidegate.evidence import SBOM, PredicateType, Statement, Subject
from tidegate.signing.bundle import write_bundle
from tidegate.signing.envelope import sign
from tidegate.signing.keys import SigningKey

BILL = {
    "bomFormat": "CycloneDX",
    "specVersion": "1.6",
    "components": [{"type": "library", "name": "h11", "version": "0.14.0", "purl": "pkg:pypi/h11@0.14.0"}],
}
VEX = {
    "@context": "https://openvex.dev/ns/v0.2.0",
    "@id": "https://acme.example/vex/1",
    "author": "acme",
    "timestamp": "2026-01-01T00:00:00Z",
    "version": 1,
    "statements": [
        {
            "vulnerability": {"name": "CVE-2026-1"},
            "products": [{"@id": "pkg:pypi/h11@0.14.0"}],
            "status": "not_affected",
            "justification": "component_not_present",
        }
    ],
}
TRUST = """apiVersion: tidegate.dev/v1
kind: TrustPolicy
metadata: {name: company}
spec:
  authorities: [{name: release, keys: [release.pub]}]
  requirements: [{name: released, by: [release]}]
"""


def wrapped(form: str, document: dict[str, Any], kind: str, key: SigningKey) -> bytes:
    statement = Statement(
        subjects=(Subject(name="app", digest=Digest.of(b"app")),),
        predicate_type=PredicateType(kind),
        predicate=document,
    )
    return sign(statement, key).content if form == "envelope" else write_bundle(statement.to_bytes(), key)


@pytest.mark.parametrize("form", ["envelope", "bundle"])
@pytest.mark.parametrize(
    ("words", "document", "kind"),
    [
        (("convert", "doc.json", "--format", "spdx-json"), BILL, SBOM),
        (("vex", "convert", "doc.json", "--format", "csaf", "--author", "us"), VEX, "https://openvex.dev/ns"),
    ],
    ids=["sbom", "vex"],
)
def test_whose_signature_is_around_it(
    form: str,
    words: tuple[str, ...],
    document: dict[str, Any],
    kind: str,
    run: Run,
    tmp_path: Path,
    make_keys: Callable[..., KeyFiles],
) -> None:
    ours, mallory, file = make_keys(), make_keys(), tmp_path / "doc.json"
    (tmp_path / "release.pub").write_bytes(ours.public.read_bytes())
    (tmp_path / "trust.yaml").write_text(TRUST)
    (tmp_path / "trusting.toml").write_text(f'[signing]\ntrust_policy_file = "{tmp_path}/trust.yaml"\n')
    trusting = ("--config", tmp_path / "trusting.toml")

    file.write_bytes(wrapped(form, document, kind, mallory.key))
    unasked = run(*words)
    assert unasked.status == 0, unasked.said
    assert "its signature is not verified" in unasked.said
    refused = run(*words, *trusting)
    assert refused.status == 1
    assert "nobody whom the trust policy company names signed it (release: not signed by its key)" in refused.said

    file.write_bytes(wrapped(form, document, kind, ours.key))
    done = run(*words, *trusting)
    assert done.status == 0, done.said
    assert f"signed by release ({ours.key.key_id})" in done.said
    assert "h11" in done.out

    file.write_text(json.dumps(document))
    assert run(*words, *trusting).status == 0, "what carries no signature is read as ever"

# SPDX-License-Identifier: Apache-2.0
"""Trust policies from YAML: what the reference page shows is read, and what is wrong is told with its line."""

import base64
import json
import re
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from tidegate.errors import InvalidInputError, NotFoundError
from tidegate.signing.keys import SigningKey
from tidegate.signing.scheme import Scheme
from tidegate.verification.document import load_trust_policy, parse_trust_policy
from tidegate.verification.policy import CertificateAuthority, KeyAuthority, TrustPolicy

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "trust-policy.md"
CERTIFICATE = Path(__file__).parents[1] / "signing" / "sigstore_conformance.json"
GOOD = """apiVersion: tidegate.dev/v1
kind: TrustPolicy
metadata: {name: company}
spec:
  authorities:
    - name: release
      keys: [a.pub, b.pub]
  requirements:
    - name: signed
      by: [release]
      threshold: 2
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a", "b"):
        (tmp_path / f"{name}.pub").write_bytes(SigningKey.generate().verifying.to_pem())
    return tmp_path


def parsed(text: str, folder: Path) -> TrustPolicy:
    return parse_trust_policy(text.encode(), file="trust.yaml", folder=folder)


def test_a_policy_is_read(folder: Path) -> None:
    found = parsed(GOOD, folder)
    release = found.authorities["release"]
    assert isinstance(release, KeyAuthority)
    assert len(release.keys.keys) == 2
    assert found.requirements[0].threshold == 2
    assert found.requirements[0].images == ("*",)
    (folder / "trust.yaml").write_text(GOOD)
    assert load_trust_policy(folder / "trust.yaml") == found
    with pytest.raises(NotFoundError, match="no such trust policy"):
        load_trust_policy(folder / "absent.yaml")


def test_keys_inside_and_fewer_schemes(folder: Path) -> None:
    pem = SigningKey.generate(Scheme.RSA_PSS).verifying.to_pem().decode().replace("\n", "\n          ")
    text = GOOD.replace(
        "keys: [a.pub, b.pub]", f"keys:\n        - |\n          {pem}\n      schemes: [rsa-pss-sha256]"
    ).replace("threshold: 2", "threshold: 1")
    release = parsed(text, folder).authorities["release"]
    assert isinstance(release, KeyAuthority)
    assert [key.schemes for key in release.keys.keys.values()] == [(Scheme.RSA_PSS,)]


def test_what_the_reference_page_shows_is_read(tmp_path: Path) -> None:
    shown = re.search(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert shown
    for name in ("anna", "ben", "carla"):
        (tmp_path / f"{name}.pub").write_bytes(SigningKey.generate().verifying.to_pem())
    conformance = json.loads(CERTIFICATE.read_bytes())
    root = conformance["roots"]["public"]
    (tmp_path / "trusted_root.json").write_text(json.dumps(root))
    der = root["certificateAuthorities"][0]["certChain"]["certificates"][0]["rawBytes"]
    certificate = x509.load_der_x509_certificate(base64.b64decode(der))
    (tmp_path / "company-ca.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    found = parsed(shown[1], tmp_path)
    assert set(found.authorities) == {"release", "pipeline", "own-ca"}
    assert [one.name for one in found.requirements] == ["signed", "built-by-us"]
    assert found.requirements[1].is_for("registry.example/team/app")
    assert not found.requirements[1].is_for("registry.example/other")
    own = found.authorities["own-ca"]
    assert isinstance(own, CertificateAuthority)
    assert own.roots is not None


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("kind: TrustPolicy", "kind: Policy", r"trust.yaml:2:7: unknown kind; write TrustPolicy"),
        ("v1", "v9", "unknown apiVersion"),
        ("requirements:", "requires:", "unknown key 'requires'"),
        ("[a.pub, b.pub]", "[]", "names nobody"),
        ("[a.pub, b.pub]", "[absent.pub]", "no such key file"),
        ("by: [release]", "by: [releas]", "no authority is called 'releas'; did you mean 'release'"),
        ("threshold: 2", "threshold: 3", "there are but 2 keys"),
        ("threshold: 2", "threshold: 0", "not a whole number"),
        ("threshold: 2", "condition: 'true'", "asked of a predicate"),
        ("threshold: 2", "predicate: a://b\n      condition: 1 +", "not CEL"),
        ("threshold: 2", "predicate: a://b\n      condition: '1'", "is int, not true or false"),
        ("keys: [a.pub, b.pub]", "logged: true", "keys or certificates"),
        ("keys: [a.pub, b.pub]", "keys: [a.pub, b.pub]\n      logged: true", "needs a trustedRoot"),
        ("keys: [a.pub, b.pub]", "keys: [a.pub, b.pub]\n      logged: maybe", "neither true nor false"),
        ("keys: [a.pub, b.pub]", "keys: [a.pub]\n      schemes: [md5]", "unknown scheme 'md5'"),
        ("keys: [a.pub, b.pub]", "keys: [a.pub]\n      schemes: [ed25519]", "cannot sign as ed25519"),
        ("keys: [a.pub, b.pub]", "certificates: {identities: [{issuer: a}]}", "an identity has a name"),
        ("keys: [a.pub, b.pub]", "certificates: {identities: [{nameMatches: '('}]}", "not a regular expression"),
        ("keys: [a.pub, b.pub]", "certificates: {identities: [{nameMatches: 'a)|(b'}]}", "not a regular expression"),
        ("keys: [a.pub, b.pub]", "certificates: {identities: [{name: a, issuer: b}]}", "needs a trustedRoot"),
        ("keys: [a.pub, b.pub]", "certificates: {identities: [{name: a}]}", "an identity without its issuer"),
    ],
)
def test_what_is_wrong_is_told(old: str, new: str, why: str, folder: Path) -> None:
    assert old in GOOD
    with pytest.raises(InvalidInputError, match=re.escape(why) if "." not in why else why):
        parsed(GOOD.replace(old, new), folder)


def test_two_of_one_name(folder: Path) -> None:
    twice = GOOD.replace("  requirements:", "    - {name: release, keys: [a.pub]}\n  requirements:")
    with pytest.raises(InvalidInputError, match="the same name"):
        parsed(twice, folder)

# SPDX-License-Identifier: Apache-2.0
"""Sigstore's own conformance bundles, true and false ones: log entries, proofs, timestamps, certificates, keys.

Some are over bare bytes, which no image's signature is; what surrounds the signature is the same.
"""

import base64
import json
import tempfile
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tidegate.artifact import Digest
from tidegate.errors import InvalidInputError, NotFoundError, RefusedError
from tidegate.rules.condition import Pattern
from tidegate.signing import bundle as room
from tidegate.signing.envelope import EnvelopeSignature, unbase64
from tidegate.signing.found import COSIGN_SIGN, Claim, Form, FoundSignature
from tidegate.signing.keys import TrustedKeys, VerifyingKey
from tidegate.signing.transparency import TrustedRoot
from tidegate.verification.policy import Authority, CertificateAuthority, Identity, KeyAuthority
from tidegate.verification.vouching import Effort, vouch
from tidegate.wire import from_json

CONFORMANCE: dict[str, Any] = json.loads((Path(__file__).parent / "sigstore_conformance.json").read_bytes())
AT = datetime(2027, 6, 1, tzinfo=UTC)
ANYBODY = Identity(name=Pattern.parse(".*"), issuer=Pattern.parse(".*"))


@cache
def root_named(name: str) -> TrustedRoot:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "root.json"
        path.write_text(json.dumps(CONFORMANCE["roots"][name]))
        return TrustedRoot.load(path)


def found_in(case: dict[str, Any]) -> FoundSignature:
    """What `read_bundle` gives; and of a bundle over bare bytes, what it would give if there were such images."""
    raw = case["bundle"].encode()
    document = from_json(raw, room._Bundle, what="bundle", max_bytes=1 << 24)
    if document.dsseEnvelope is not None:
        return room.read_bundle(raw)
    assert document.messageSignature is not None
    artifact = base64.b64decode(case["artifact"])
    material = document.verificationMaterial
    return FoundSignature(
        form=Form.BUNDLE,
        where="bundle",
        digest=Digest.of(raw),
        signed=artifact,
        payload=artifact,
        claim=Claim(subjects=(), predicate_type=COSIGN_SIGN),
        signatures=(EnvelopeSignature(signature=unbase64(document.messageSignature["signature"], "bundle")),),
        certificate=room._certificate(material, "bundle"),
        log=room._log(material, "bundle", must_be_proved=document.mediaType != room._WITHOUT_PROOFS),
    )


def authority_of(case: dict[str, Any]) -> Authority:
    if "key" not in case:
        return CertificateAuthority(name="anybody", identities=(ANYBODY,), must_be_logged=True)
    keys = TrustedKeys.of([VerifyingKey.parse(case["key"].encode())])
    return KeyAuthority(name="key", keys=keys, must_be_logged="tlogEntries" in case["bundle"])


@pytest.mark.parametrize("name", CONFORMANCE["cases"])
def test_conformance(name: str) -> None:
    case = CONFORMANCE["cases"][name]
    root = root_named(case["root"])
    if not name.endswith("_fail"):
        (voucher,) = vouch(found_in(case), authority_of(case), root, AT, Effort())
        assert voucher.log or "key" in case
        return
    with pytest.raises((RefusedError, InvalidInputError)) as caught:
        vouch(found_in(case), authority_of(case), root, AT, Effort())
    assert caught.value.what


def _keyless() -> FoundSignature:
    return found_in(CONFORMANCE["cases"]["happy-path-intoto-in-dsse-v3"])


def test_identity_and_issuer_are_asked_for() -> None:
    found, root = _keyless(), root_named("public")
    assert found.certificate is not None
    name, issuer = found.certificate.identities[0], found.certificate.issuer
    assert issuer == "https://token.actions.githubusercontent.com"
    for identity, holds in (
        (Identity(name=name, issuer=issuer), True),
        (Identity(name=Pattern.parse("https://github.com/sigstore-conformance/.*"), issuer=issuer), True),
        (Identity(name=name, issuer="https://accounts.example"), False),
        (Identity(name=name[:-1], issuer=issuer), False),
        (Identity(name=Pattern.parse("https://github.com/sigstore"), issuer=issuer), False),
    ):
        authority = CertificateAuthority(name="one", identities=(identity,))
        if holds:
            assert vouch(found, authority, root, AT, Effort())[0].identity == name
        else:
            with pytest.raises(RefusedError, match="who is not asked for"):
                vouch(found, authority, root, AT, Effort())


@pytest.mark.parametrize(
    ("start", "end"), [("2021-01-12T11:53:27Z", "2021-02-01T00:00:00Z"), ("2026-01-01T00:00:00Z", "")]
)
def test_a_log_that_was_retired_or_is_not_begun_takes_nothing_in(start: str, end: str, tmp_path: Path) -> None:
    """Its key may be anybody's by now, and signs whatever moment they like."""
    document = json.loads(json.dumps(CONFORMANCE["roots"]["public"]))
    for log in document["tlogs"]:
        log["publicKey"]["validFor"] = {"start": start, **({"end": end} if end else {})}
    (tmp_path / "root.json").write_text(json.dumps(document))
    authority = CertificateAuthority(name="one", identities=(ANYBODY,))
    with pytest.raises(RefusedError, match="not in use at that time"):
        vouch(_keyless(), authority, TrustedRoot.load(tmp_path / "root.json"), AT, Effort())
    assert vouch(_keyless(), authority, root_named("public"), AT, Effort())


@pytest.mark.parametrize("left_out", ["tlogs", "certificateAuthorities", "ctlogs", "all"])
def test_a_root_that_names_nobody_refuses_and_does_no_more(left_out: str, tmp_path: Path) -> None:
    """Whoever hangs a log entry on an image must not end the verifying of what else hangs there."""
    parts = ("tlogs", "certificateAuthorities", "ctlogs", "timestampAuthorities")
    dropped = parts if left_out == "all" else (left_out,)
    document = {**CONFORMANCE["roots"]["public"], **{name: [] for name in dropped}}
    (tmp_path / "root.json").write_text(json.dumps(document))
    authority = CertificateAuthority(name="one", identities=(ANYBODY,))
    with pytest.raises(RefusedError):
        vouch(_keyless(), authority, TrustedRoot.load(tmp_path / "root.json"), AT, Effort())


def test_without_a_root_nothing_is_proved() -> None:
    with pytest.raises(RefusedError, match="no trusted root is given"):
        vouch(_keyless(), CertificateAuthority(name="one", identities=(ANYBODY,)), None, AT, Effort())


@pytest.mark.parametrize("keep", [0, 1])
def test_a_truncated_proof(keep: int) -> None:
    case = CONFORMANCE["cases"]["happy-path-intoto-in-dsse-v3"]
    document = json.loads(case["bundle"])
    proof = document["verificationMaterial"]["tlogEntries"][0]["inclusionProof"]
    proof["hashes"] = proof["hashes"][:keep]
    found = found_in({**case, "bundle": json.dumps(document)})
    with pytest.raises(RefusedError, match="log entry does not hold"):
        vouch(found, CertificateAuthority(name="one", identities=(ANYBODY,)), root_named("public"), AT, Effort())


def test_what_was_logged_after_now() -> None:
    authority = CertificateAuthority(name="one", identities=(ANYBODY,))
    with pytest.raises(RefusedError, match="in the future"):
        vouch(_keyless(), authority, root_named("public"), datetime(2020, 1, 1, tzinfo=UTC), Effort())


def test_roots_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        TrustedRoot.load(tmp_path / "absent.json")
    (tmp_path / "broken.json").write_text("{}")
    with pytest.raises(InvalidInputError, match="no trusted root"):
        TrustedRoot.load(tmp_path / "broken.json")

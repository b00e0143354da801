# SPDX-License-Identifier: Apache-2.0
"""What signs and who is trusted: bundles, payloads, envelopes, certificates, key files, log entries, trust policies."""

import base64
import json
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from fuzz_parser import Parser

from tidegate.artifact import Descriptor, Digest
from tidegate.artifact import media_type as mt
from tidegate.errors import RefusedError
from tidegate.evidence import SCAN, Statement, Subject
from tidegate.evidence.predicates.signatures import read_signatures
from tidegate.evidence.short_types import predicate_type_of
from tidegate.key_file import read_key_file, read_private_key_file
from tidegate.oci.signatures import Attached, Hanging
from tidegate.signing import notation, simple
from tidegate.signing.bundle import MEDIA_TYPE, read_bundle, write_bundle
from tidegate.signing.certificate import SignerCertificate, load_certificates
from tidegate.signing.cosign_key import open_cosign_key
from tidegate.signing.envelope import sign
from tidegate.signing.found import FoundSignature
from tidegate.signing.keys import SigningKey
from tidegate.signing.log_entry import demand_agreement
from tidegate.signing.statement_claim import signature_statement, statement_claim
from tidegate.signing.transparency import TrustedRoot
from tidegate.verification.document import load_trust_policy
from tidegate.verification.reading import read_all, read_attached
from tidegate.wire import from_json, to_json

_IMAGE = Digest("sha256:" + "ab" * 32)
_SECRET = ec.derive_private_key(0x7654321, ec.SECP256R1())
_KEY = SigningKey.of(_SECRET)
_CERTIFICATE = (
    x509.CertificateBuilder()
    .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "one")]))
    .issuer_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "one")]))
    .public_key(_SECRET.public_key())
    .serial_number(1)
    .not_valid_before(datetime(2026, 1, 1, tzinfo=UTC))
    .not_valid_after(datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=9999))
    .add_extension(x509.SubjectAlternativeName([x509.RFC822Name("a@b.example")]), critical=False)
    .sign(_SECRET, hashes.SHA256())
)
_PAYLOAD = signature_statement(_IMAGE, {"a": "b"})
_BUNDLE = write_bundle(_PAYLOAD, _KEY, SignerCertificate(_CERTIFICATE))
_ENVELOPE = sign(
    Statement(subjects=(Subject(name="a", digest=_IMAGE),), predicate_type=SCAN, predicate={}), _KEY
).content
_DER = _CERTIFICATE.public_bytes(Encoding.DER)
_PEM = _CERTIFICATE.public_bytes(Encoding.PEM)
CERTIFICATE = _PEM
_TRUST = b"""apiVersion: tidegate.dev/v1
kind: TrustPolicy
metadata: {name: one}
spec:
  authorities:
    - name: team
      keys: [key.pub]
      schemes: [ecdsa-p256-sha256]
    - name: people
      certificates: {roots: [ca.pem], identities: [{nameMatches: "a.*", issuer: b}]}
  requirements:
    - {name: signed, by: [team], images: [a/*], annotations: {a: b}}
    - {name: built, by: [team, people], predicate: "https://a.example/b", condition: "predicate.a == 1"}
"""


def signing() -> Iterator[Parser]:
    """One parser for each form."""
    yield Parser(name="sigstore-bundle", form="json", read=read_bundle, samples=(_BUNDLE, write_bundle(_PAYLOAD, _KEY)))
    yield Parser(
        name="simple-signature", form="json", read=_simple, samples=(simple.simple_payload(None, _IMAGE, {"a": "b"}),)
    )
    yield Parser(name="simple-annotations", form="json", read=_beside, samples=(_annotations(),))
    yield Parser(
        name="statement-claim", form="json", read=lambda data: statement_claim(data, where="f"), samples=(_PAYLOAD,)
    )
    yield Parser(name="notation-jws", form="json", read=notation.read_notation, samples=(_notation(),))
    yield Parser(name="attached-signature", form="json", read=_attached, samples=(_BUNDLE, _ENVELOPE))
    yield Parser(name="log-entry", form="json", read=_entry, samples=(_log_entry(),))
    yield Parser(name="signer-certificate", form="text", read=_certificates, samples=(_PEM, _PEM * 2))
    yield Parser(name="signer-certificate-der", form="binary", read=_der, samples=(_DER,))
    yield Parser(name="trust-policy", form="yaml", read=_policy, samples=(_TRUST,), slow=True)
    yield Parser(name="trusted-root", form="json", read=_root, samples=(_trusted_root(),), slow=True)
    yield Parser(name="signatures-predicate", form="json", read=_report, samples=(_verification(),))
    yield Parser(name="key-file", form="text", read=_key_file, samples=(_PEM,), slow=True)
    with tempfile.TemporaryDirectory() as name:
        _KEY.save_for_cosign(Path(name) / "k", password=b"x")
        cosign = (Path(name) / "k").read_bytes()
    yield Parser(
        name="cosign-key", form="text", read=lambda data: open_cosign_key(data, b"x"), samples=(cosign,), slow=True
    )
    yield Parser(
        name="predicate-type",
        form="text",
        read=lambda data: predicate_type_of(data.decode("latin-1")),
        samples=(b"spdx",),
    )


def _predicate_type(data: bytes) -> object:
    return predicate_type_of(data.decode("latin-1"))


def _layer(data: bytes, kind: str) -> Attached:
    annotations = {simple.SIGNATURE: "AAAA", simple.CERTIFICATE: _PEM.decode()}
    layer = Descriptor(media_type=kind, digest=Digest.of(data), size=len(data), annotations=annotations)
    return Attached(layer=layer, where="f", content=data)


def _simple(data: bytes) -> object:
    one = _layer(data, mt.SIMPLE_SIGNING)
    return simple.read_simple(data, one.layer, where="f")


def _attached(data: bytes) -> object:
    one = _layer(data, MEDIA_TYPE if b"mediaType" in data else mt.DSSE)
    read = read_all(Hanging(attached=(one,)))
    return read.found or read.unread, read_attached(one)


def _beside(data: bytes) -> object:
    text = data.decode("utf-8", "surrogateescape")
    return simple.log_beside({simple.BUNDLE: text, simple.TIMESTAMP: '{"SignedRFC3161Timestamp":"AAAA"}'}, where="f")


def _entry(data: bytes) -> None:
    entry = {
        "canonicalizedBody": base64.b64encode(data).decode(),
        "kindVersion": {"kind": "hashedrekord", "version": "0.0.1"},
    }
    found = read_bundle(_BUNDLE)
    assert isinstance(found, FoundSignature)
    with suppress(RefusedError):  # it was read to its end, and speaks of another signature
        demand_agreement(entry, found, b"")


def _certificates(data: bytes) -> object:
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "c").write_bytes(data)
        first, *rest = load_certificates(Path(name) / "c")
    found = SignerCertificate(first, tuple(rest))
    return found.identities, found.issuer, found.key


def _der(data: bytes) -> object:
    found = SignerCertificate.from_der([data])
    return found.identities, found.issuer, found.key


def _policy(data: bytes) -> object:
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "key.pub").write_bytes(_KEY.verifying.to_pem())
        (Path(name) / "ca.pem").write_bytes(_PEM)
        (Path(name) / "p").write_bytes(data)
        return load_trust_policy(Path(name) / "p")


def _root(data: bytes) -> object:
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "r").write_bytes(data)
        return TrustedRoot.load(Path(name) / "r")


def _report(data: bytes) -> object:
    return read_signatures(from_json(data, dict[str, Any], what="f", max_bytes=1 << 20))


def _verification() -> bytes:
    return to_json(
        {
            "subject": _IMAGE,
            "repository": "a.example/b",
            "policy": "one",
            "policy_digest": _IMAGE,
            "verified": True,
            "at": "2027-01-01T00:00:00Z",
            "requirements": [{"name": "a", "met": True, "threshold": 1, "signers": ["b"]}],
            "signatures": [{"where": "a", "form": "bundle", "holds": True, "vouchers": [{"authority": "a"}]}],
        }
    )


def _key_file(data: bytes) -> object:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "k"
        path.write_bytes(data)
        path.chmod(0o600)
        return read_key_file(path), read_private_key_file(str(path))


def _annotations() -> bytes:
    payload = {"body": base64.b64encode(b'{"kind":"a"}').decode(), "integratedTime": 1, "logIndex": 2, "logID": "ab"}
    return json.dumps({"SignedEntryTimestamp": "AAAA", "Payload": payload}).encode()


def _log_entry() -> bytes:
    key = base64.b64encode(_PEM).decode()
    spec = {
        "data": {"hash": {"algorithm": "sha256", "value": "ab" * 32}},
        "signature": {"content": "AAAA", "publicKey": {"content": key}},
    }
    return json.dumps({"kind": "hashedrekord", "apiVersion": "0.0.1", "spec": spec}).encode()


def _notation() -> bytes:
    def part(document: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(document).encode()).decode().rstrip("=")

    protected = {
        "alg": "ES256",
        "cty": "application/vnd.cncf.notary.payload.v1+json",
        "crit": ["io.cncf.notary.signingScheme", "io.cncf.notary.expiry"],
        "io.cncf.notary.signingScheme": "notary.x509",
        "io.cncf.notary.expiry": "2030-01-01T00:00:00Z",
    }
    return json.dumps(
        {
            "payload": part({"targetArtifact": {"digest": _IMAGE, "annotations": {"a": "b"}}}),
            "protected": part(protected),
            "header": {"x5c": [base64.b64encode(_CERTIFICATE.public_bytes(Encoding.DER)).decode()]},
            "signature": base64.urlsafe_b64encode(b"r" * 64).decode().rstrip("="),
        }
    ).encode()


def _trusted_root() -> bytes:
    der = _SECRET.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    key = base64.b64encode(der).decode()
    return json.dumps(
        {
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "certificateAuthorities": [],
            "ctlogs": [],
            "tlogs": [
                {
                    "baseUrl": "https://log.example",
                    "hashAlgorithm": "SHA2_256",
                    "publicKey": {
                        "rawBytes": key,
                        "keyDetails": "PKIX_ECDSA_P256_SHA_256",
                        "validFor": {"start": "2026-01-01T00:00:00Z"},
                    },
                    "logId": {"keyId": "AAAA"},
                }
            ],
        }
    ).encode()

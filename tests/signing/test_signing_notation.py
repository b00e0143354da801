# SPDX-License-Identifier: Apache-2.0
"""Signatures of the Notary Project, written here by another library's JWS, and every field of them changed."""

import json
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc import jws
from joserfc.jwk import ECKey, RSAKey

from signing_authority import DURING, Authority
from tidegate.artifact import Digest
from tidegate.errors import InvalidInputError, RefusedError
from tidegate.signing.keys import TrustedKeys, VerifyingKey
from tidegate.signing.notation import read_notation
from tidegate.verification.policy import CertificateAuthority, Identity, KeyAuthority
from tidegate.verification.vouching import Effort, vouch

IMAGE = Digest.of(b"image")
CA = Authority()
TRUSTED = CertificateAuthority(name="notary", identities=(Identity(name="CN=anna"),), roots=CA.roots)
PROTECTED = {
    "cty": "application/vnd.cncf.notary.payload.v1+json",
    "crit": ["io.cncf.notary.signingScheme", "io.cncf.notary.expiry"],
    "io.cncf.notary.signingScheme": "notary.x509",
    "io.cncf.notary.signingTime": "2027-01-02T00:00:00Z",
    "io.cncf.notary.expiry": "2028-01-01T00:00:00Z",
}
PAYLOAD = {"targetArtifact": {"mediaType": "a", "digest": IMAGE, "size": 1, "annotations": {"env": "prod"}}}
KEYS: dict[str, Callable[[], Any]] = {
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "ES384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "PS256": lambda: rsa.generate_private_key(65537, 2048),
    "PS384": lambda: rsa.generate_private_key(65537, 3072),
}
_ALL = list(jws.JWSRegistry.algorithms)


def signed(algorithm: str = "ES256", *, payload: object = None, key: Any = None, **protected: object) -> bytes:
    private = key or KEYS[algorithm]()
    leaf = CA.middle.issue("anna", key=private)
    header = {name: value for name, value in {**PROTECTED, "alg": algorithm, **protected}.items() if value is not None}
    parts = [_b64(json.dumps(header).encode()), _b64(json.dumps(payload or PAYLOAD).encode())]
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    own = (RSAKey if isinstance(private, rsa.RSAPrivateKey) else ECKey).import_key(pem)
    signature = jws.JWSRegistry.algorithms[algorithm].sign(".".join(parts).encode(), own)
    chain = [leaf.certificate, CA.middle.certificate, CA.root.certificate]
    x5c = [b64encode(one.public_bytes(Encoding.DER)).decode() for one in chain]
    document = {"protected": parts[0], "payload": parts[1], "header": {"x5c": x5c}, "signature": _b64(signature)}
    return json.dumps(document).encode()


def _b64(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


@pytest.mark.parametrize("algorithm", KEYS)
def test_what_holds(algorithm: str) -> None:
    found = read_notation(signed(algorithm))
    assert found.claim.subjects == (IMAGE,)
    assert found.claim.annotations == {"env": "prod"}
    (voucher,) = vouch(found, TRUSTED, None, DURING, Effort())
    assert voucher.identity == "CN=anna"


@pytest.mark.parametrize(
    ("protected", "why"),
    [
        ({"cty": "application/json"}, "carries 'application/json'"),
        ({"crit": []}, "signing scheme critical"),
        ({"crit": ["io.cncf.notary.signingScheme", "io.cncf.notary.verificationPlugin"]}, "is not known"),
        ({"crit": ["io.cncf.notary.signingScheme"]}, "expiry is not critical"),
        ({"io.cncf.notary.signingScheme": "notary.other"}, "unknown signing scheme"),
        ({"io.cncf.notary.expiry": "soon"}, "no moment"),
    ],
)
def test_headers_that_are_refused(protected: dict[str, Any], why: str) -> None:
    with pytest.raises(InvalidInputError, match=why):
        read_notation(signed(**protected))


def edited(change: Callable[[dict[str, Any]], object]) -> bytes:
    document = json.loads(signed())
    change(document)
    return json.dumps(document).encode()


def test_an_algorithm_that_is_not_the_keys() -> None:
    def downgrade(it: dict[str, Any]) -> None:
        header = {**PROTECTED, "alg": "HS256"}
        it["protected"] = _b64(json.dumps(header).encode())

    with pytest.raises(InvalidInputError, match="'HS256' where its key signs as ES256"):
        read_notation(edited(downgrade))


@pytest.mark.parametrize(
    "change",
    [
        lambda it: it.update(payload=_b64(json.dumps(PAYLOAD | {"more": 1}).encode())),
        lambda it: it.update(signature=_b64(b"r" * 64)),
        lambda it: it.update(protected=_b64(json.dumps({**PROTECTED, "alg": "ES256", "x": 1}).encode())),
    ],
    ids=["payload", "signature", "protected"],
)
def test_what_is_signed_is_changed(change: Callable[[dict[str, Any]], object]) -> None:
    with pytest.raises(RefusedError, match="not signed by the key of its certificate"):
        vouch(read_notation(edited(change)), TRUSTED, None, DURING, Effort())


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda it: it["header"].update(x5c=[]), "no certificate"),
        (lambda it: it["header"].update(x5c=["AAAA"]), "not a certificate"),
        (lambda it: it.update(signature=_b64(b"short")), "another length"),
        (lambda it: it.update(payload="%"), "malformed base64url"),
        (lambda it: it.update(payload=_b64(b"{}")), "names no target"),
        (lambda it: it.pop("protected"), "not the JSON expected"),
    ],
)
def test_malformed_ones(change: Callable[[dict[str, Any]], object], why: str) -> None:
    with pytest.raises(InvalidInputError, match=why):
        read_notation(edited(change))


def test_who_is_trusted() -> None:
    found = read_notation(signed())
    strangers = CertificateAuthority(name="n", identities=TRUSTED.identities, roots=Authority().roots)
    with pytest.raises(RefusedError, match="no trusted root vouches"):
        vouch(found, strangers, None, DURING, Effort())
    with pytest.raises(RefusedError, match="expired"):
        vouch(found, TRUSTED, None, DURING + timedelta(days=999), Effort())
    assert found.certificate is not None
    keys = KeyAuthority(name="k", keys=TrustedKeys.of([VerifyingKey.of(found.certificate.leaf.public_key())]))
    with pytest.raises(RefusedError, match="by certificates, not by keys"):
        vouch(found, keys, None, DURING, Effort())

# SPDX-License-Identifier: Apache-2.0
"""What an entry of a transparency log speaks of: the same bytes, the same signature and the same signer, or it is void.

Kinds of Rekor v1 (`hashedrekord` and `dsse` 0.0.1, `intoto` 0.0.2) and of Rekor v2 (`hashedrekord` and `dsse` 0.0.2).
A log entry that is true, of another signature, is what a swapped bundle brings (CVE-2022-36056).
"""

import base64
import hashlib
from collections.abc import Callable, Mapping
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from tidegate.bounds import MIB
from tidegate.errors import InvalidInputError, RefusedError
from tidegate.signing.envelope import unbase64
from tidegate.signing.found import FoundSignature
from tidegate.wire import from_json

_MAX_BODY_BYTES: Final = 4 * MIB
_HASHES: Final = frozenset({"sha256", "sha384", "sha512", "SHA2_256", "SHA2_384", "SHA2_512"})


def demand_agreement(entry: Mapping[str, Any], found: FoundSignature, verifier: bytes) -> None:
    """Demands that a log entry speaks of a signature.

    Args:
        entry: protobuf-specs' `TransparencyLogEntry` in JSON.
        found: the signature, which holds.
        verifier: who made it: the certificate, or the public key, in DER.

    Raises:
        RefusedError: it speaks of other bytes, another signature or another signer.
        InvalidInputError: it is malformed, or of a kind that is not known.
    """
    where = found.where
    body = unbase64(str(entry.get("canonicalizedBody", "")), where)
    document = from_json(body, dict[str, Any], what=f"{where} log entry", max_bytes=_MAX_BODY_BYTES)
    stated = entry.get("kindVersion")
    kind = (document.get("kind"), document.get("apiVersion"))
    if not isinstance(stated, dict) or (stated.get("kind"), stated.get("version")) != kind:
        raise RefusedError("its log entry is of another kind than it says", where=where)
    read = _KINDS.get(kind)
    if read is None:
        raise InvalidInputError(f"a log entry of unknown kind {kind[0]} {kind[1]}"[:120], where=where)
    try:
        hashed, signature, maker = read(document["spec"], found)
    except (KeyError, TypeError, IndexError, ValueError, AttributeError) as error:
        raise InvalidInputError("its log entry is malformed", where=where) from error
    for holds, what in (
        (hashed, "bytes"),
        (signature == found.signatures[0].signature, "signature"),
        (maker == verifier, "signer"),
    ):
        if not holds:
            raise RefusedError(f"its log entry speaks of another {what}", where=where)


_Read = tuple[bool, bytes, bytes]
"""Whether the bytes are the same; the signature; the signer's certificate or key in DER."""


def _hashedrekord(spec: Any, found: FoundSignature) -> _Read:
    hashed = spec["data"]["hash"]
    return (
        _hashes_to(found.signed, hashed["algorithm"], bytes.fromhex(hashed["value"])),
        base64.b64decode(spec["signature"]["content"], validate=True),
        _der_of_pem(spec["signature"]["publicKey"]["content"]),
    )


def _dsse(spec: Any, found: FoundSignature) -> _Read:
    hashed, (signature,) = spec["payloadHash"], spec["signatures"]
    return (
        _hashes_to(found.payload, hashed["algorithm"], bytes.fromhex(hashed["value"])),
        base64.b64decode(signature["signature"], validate=True),
        _der_of_pem(signature["verifier"]),
    )


def _intoto(spec: Any, found: FoundSignature) -> _Read:
    content = spec["content"]
    hashed, (signature,) = content["payloadHash"], content["envelope"]["signatures"]
    return (
        _hashes_to(found.payload, hashed["algorithm"], bytes.fromhex(hashed["value"])),
        base64.b64decode(base64.b64decode(signature["sig"], validate=True), validate=True),
        _der_of_pem(signature["publicKey"]),
    )


def _hashedrekord_2(spec: Any, found: FoundSignature) -> _Read:
    inner = spec["hashedRekordV002"]
    return (
        _hashes_to(found.signed, inner["data"]["algorithm"], base64.b64decode(inner["data"]["digest"])),
        base64.b64decode(inner["signature"]["content"], validate=True),
        _der_of_verifier(inner["signature"]["verifier"]),
    )


def _dsse_2(spec: Any, found: FoundSignature) -> _Read:
    inner = spec["dsseV002"]
    (signature,) = inner["signatures"]
    return (
        _hashes_to(found.payload, inner["payloadHash"]["algorithm"], base64.b64decode(inner["payloadHash"]["digest"])),
        base64.b64decode(signature["content"], validate=True),
        _der_of_verifier(signature["verifier"]),
    )


_KINDS: Final[Mapping[tuple[object, object], Callable[[Any, FoundSignature], _Read]]] = {
    ("hashedrekord", "0.0.1"): _hashedrekord,
    ("dsse", "0.0.1"): _dsse,
    ("intoto", "0.0.2"): _intoto,
    ("hashedrekord", "0.0.2"): _hashedrekord_2,
    ("dsse", "0.0.2"): _dsse_2,
}


def _hashes_to(content: bytes, algorithm: str, digest: bytes) -> bool:
    if algorithm not in _HASHES:
        raise ValueError(algorithm)
    return hashlib.new(algorithm.replace("SHA2_", "sha"), content).digest() == digest


def _der_of_pem(text: str) -> bytes:
    pem = base64.b64decode(text, validate=True)
    if b"BEGIN CERTIFICATE" in pem:
        return x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER)
    return load_pem_public_key(pem).public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _der_of_verifier(verifier: Mapping[str, Any]) -> bytes:
    raw = verifier["x509Certificate"] if "x509Certificate" in verifier else verifier["publicKey"]
    return base64.b64decode(raw["rawBytes"], validate=True)

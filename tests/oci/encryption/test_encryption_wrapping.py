# SPDX-License-Identifier: Apache-2.0
"""Keys and wrapped keys: every form openssl writes, whom a secret is for, and hostile annotations."""

import base64
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from encryption_keys import KeyPair, openssl

from tidegate.artifact import Descriptor, Digest
from tidegate.artifact import media_type as mt
from tidegate.errors import BoundExceededError, InvalidInputError, NotFoundError, UsageError
from tidegate.oci.encryption.block_cipher import LayerKey
from tidegate.oci.encryption.jwe import addressees, unwrap, without, wrap
from tidegate.oci.encryption.keys import DecryptionKey, RecipientKey, load_decryption_key, load_recipient
from tidegate.oci.encryption.options import LayerSecret, read_options
from tidegate.oci.encryption.wrapping import (
    KEYS_JWE,
    MAX_ANNOTATION_BYTES,
    MAX_WRAPPED,
    PUBLIC_OPTIONS,
    NotAddressedError,
    recipients_of,
    secret_of,
    with_recipients,
    without_recipients,
    wrapped_annotations,
)

Pairs = dict[str, KeyPair]
SECRET = LayerSecret(key=LayerKey(b"k" * 32, b"n" * 16), digest=Digest.of(b"plain"), hmac=b"h" * 32)


def layer(annotations: dict[str, str]) -> Descriptor:
    return Descriptor(media_type=mt.OCI_LAYER + "+encrypted", digest=Digest.of(b"x"), size=1, annotations=annotations)


def secret(annotations: dict[str, str], *keys: DecryptionKey) -> LayerSecret:
    return secret_of(layer(annotations), keys, where="layer")


def b64(value: bytes | str | dict[str, Any]) -> str:
    data = json.dumps(value).encode() if isinstance(value, dict) else value
    return base64.b64encode(data.encode() if isinstance(data, str) else data).decode()


def test_every_recipient_can_unwrap_and_nobody_else(pairs: Pairs, stranger: KeyPair) -> None:
    said = wrapped_annotations(SECRET, [pair.recipient for pair in pairs.values()])
    for pair in pairs.values():
        found = secret(said, stranger.key, pair.key)
        assert (found.key.key, found.key.nonce, found.digest, found.hmac) == (
            SECRET.key.key,
            SECRET.key.nonce,
            SECRET.digest,
            SECRET.hmac,
        )
    with pytest.raises(NotAddressedError, match=r"none of the keys given.*--key \(it is for"):
        secret(said, stranger.key)
    with pytest.raises(NotAddressedError, match="no key was given"):
        secret(said)


def test_recipients_are_named_by_thumbprint_and_can_be_added_and_taken_out(pairs: Pairs) -> None:
    rsa, p256, p384, p521 = pairs.values()
    said = wrapped_annotations(SECRET, [rsa.recipient, p256.recipient])
    more = with_recipients(layer(said), SECRET, [p384.recipient, p256.recipient], where="layer")
    assert [it.kid for it in recipients_of(layer(more), where="layer")] == [
        rsa.recipient.kid,
        p256.recipient.kid,
        p384.recipient.kid,
    ]
    assert with_recipients(layer(more), SECRET, [p384.recipient], where="layer") == more
    assert secret(more, p384.key).key.key == SECRET.key.key

    fewer = without_recipients(layer(more), {p256.recipient.kid, p384.recipient.kid}, where="layer")
    assert secret(fewer, rsa.key).key.key == SECRET.key.key
    for gone in (p256, p384):
        with pytest.raises(NotAddressedError):
            secret(fewer, gone.key)
    with pytest.raises(UsageError, match="nobody could decrypt"):
        without_recipients(layer(fewer), {rsa.recipient.kid}, where="layer")
    with pytest.raises(UsageError, match="none of its recipients"):
        without_recipients(layer(fewer), {p521.recipient.kid}, where="layer")


def test_one_recipient_is_written_flat_and_several_in_the_general_form(pairs: Pairs) -> None:
    one, two = list(pairs.values())[:2]
    flat, general = json.loads(wrap(b"s", [one.recipient])), json.loads(wrap(b"s", [one.recipient, two.recipient]))
    assert "recipients" not in flat
    assert flat["header"]["alg"] == "RSA-OAEP"
    assert [it["header"]["alg"] for it in general["recipients"]] == ["RSA-OAEP", "ECDH-ES+A256KW"]
    with pytest.raises(ValueError, match="1 to 256"):
        wrap(b"s", [])


@pytest.mark.parametrize("kind", ["rsa:2048", "ec:P-521"])
def test_keys_in_every_form(pairs: Pairs, kind: str, tmp_path: Path) -> None:
    pair = pairs[kind]
    old = "rsa" if kind.startswith("rsa") else "ec"
    document = wrap(b"s", [pair.recipient])
    jwk = pair.key.jose.as_dict(private=True)
    privates = [
        openssl("pkey", "-in", pair.private, "-outform", "DER"),
        openssl(old, "-in", pair.private, *(["-traditional"] if old == "rsa" else [])),
        openssl(old, "-in", pair.private, "-outform", "DER", *(["-traditional"] if old == "rsa" else [])),
        json.dumps(jwk).encode(),
    ]
    for private in privates:
        key = DecryptionKey.parse(private)
        assert key.recipient == pair.recipient
        assert unwrap(document, [key], where="layer") == b"s"
    publics = [
        openssl("pkey", "-in", pair.private, "-pubout", "-outform", "DER"),
        json.dumps(pair.key.jose.as_dict(private=False)).encode(),
        pair.recipient.to_pem(),
    ]
    publics += [openssl("rsa", "-in", pair.private, "-RSAPublicKey_out")] if old == "rsa" else []
    for public in publics:
        assert RecipientKey.parse(public) == pair.recipient

    guarded, password = tmp_path / "guarded.pem", tmp_path / "password"
    password.write_text("correct horse\n")
    password.chmod(0o600)
    openssl("pkey", "-in", pair.private, "-aes256", "-passout", f"file:{password}", "-out", guarded)
    guarded.chmod(0o600)
    assert load_decryption_key(f"{guarded}:{password}").recipient == pair.recipient
    with pytest.raises(UsageError, match="under a password; write FILE:PASSWORD_FILE"):
        load_decryption_key(str(guarded))
    with pytest.raises(InvalidInputError, match="under no password"):
        load_decryption_key(f"{pair.private}:{password}")
    password.write_text("wrong")
    with pytest.raises(InvalidInputError, match="password is wrong"):
        load_decryption_key(f"{guarded}:{password}")
    with pytest.raises(UsageError, match="can be read by others"):
        load_decryption_key(f"{guarded}:pass=secret")


def test_a_private_key_is_for_its_owner_and_never_shown(pairs: Pairs, tmp_path: Path) -> None:
    key = pairs["ec:P-256"].key
    copy = tmp_path / "key.pem"
    copy.write_bytes(pairs["ec:P-256"].private.read_bytes())
    copy.chmod(0o644)
    with pytest.raises(UsageError, match="chmod 600"):
        load_decryption_key(str(copy))
    with pytest.raises(TypeError, match="not serialised"):
        pickle.dumps(key)
    assert "PRIVATE" not in repr(key)
    assert str(key.jose.as_dict(private=True)["d"]) not in repr(key)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: openssl("genpkey", "-algorithm", "rsa", "-pkeyopt", "rsa_keygen_bits:1024"), "RSA of 1024 bits"),
        (lambda: openssl("genpkey", "-algorithm", "ed25519"), "cannot decrypt; use RSA of 2048"),
        (lambda: openssl("genpkey", "-algorithm", "ec", "-pkeyopt", "ec_paramgen_curve:secp256k1"), "EC on secp256k1"),
        (lambda: b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "no private key"),
        (lambda: b"\x30\x82", "no private key"),
        (lambda: b'{"kty":"oct","k":"AAAA"}', "no private JWK"),
        (lambda: b'{"kty":"EC"}', "no private JWK"),
        (lambda: b"{", "not the JSON expected"),
        (lambda: b"{" + b" " * 40_000, "max_bytes"),
    ],
)
def test_what_is_no_key_is_told(make: Callable[[], bytes], told: str) -> None:
    with pytest.raises(InvalidInputError, match=told):
        DecryptionKey.parse(make())


def test_a_recipient_needs_a_public_key_in_a_file(pairs: Pairs, tmp_path: Path) -> None:
    pair = pairs["ec:P-256"]
    assert load_recipient(f"jwe:{pair.public}") == load_recipient(str(pair.public)) == pair.recipient
    with pytest.raises(InvalidInputError, match="no public key"):
        load_recipient(str(pair.private))
    with pytest.raises(NotFoundError, match="no such key file"):
        load_recipient(f"jwe:{tmp_path}/none.pem")
    with pytest.raises(UsageError, match="pgp are not known here; use jwe"):
        load_recipient("pgp:somebody@example.org")


@pytest.mark.parametrize(
    ("annotations", "told"),
    [
        ({}, "no annotation says for whom"),
        ({KEYS_JWE: "e30="}, "has no annotation org.opencontainers.image.enc.pubopts"),
        ({KEYS_JWE: "=", PUBLIC_OPTIONS: "e30="}, "keys.jwe is not base64"),
        ({KEYS_JWE: "é", PUBLIC_OPTIONS: "e30="}, "keys.jwe is not base64"),
        ({KEYS_JWE: "e30=", PUBLIC_OPTIONS: "e3"}, "pubopts is not base64"),
        ({KEYS_JWE: b64("{}"), PUBLIC_OPTIONS: "e30="}, "not the JSON expected"),
        ({KEYS_JWE: b64("a.b.c"), PUBLIC_OPTIONS: "e30="}, "not the JSON expected"),
        ({KEYS_JWE: b64("[" * 2000), PUBLIC_OPTIONS: "e30="}, "not the JSON expected"),
        ({KEYS_JWE: b64("{" + '"a":{' * 100_000), PUBLIC_OPTIONS: "e30="}, "MAX_JWE_BYTES"),
        ({KEYS_JWE: "e30=," * (MAX_WRAPPED + 1), PUBLIC_OPTIONS: "e30="}, "MAX_WRAPPED = 64"),
        ({KEYS_JWE: "A" * (MAX_ANNOTATION_BYTES + 4), PUBLIC_OPTIONS: "e30="}, "MAX_ANNOTATION_BYTES"),
    ],
)
def test_hostile_annotations_are_told(pairs: Pairs, annotations: dict[str, str], told: str) -> None:
    with pytest.raises(InvalidInputError, match=told):
        secret(annotations, pairs["ec:P-256"].key)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"protected": "e30" * 2000}, "too long"),
        ({"protected": "e30"}, None),
        ({"iv": "!"}, "base64url"),
        ({"tag": "AAAA"}, None),
        ({"ciphertext": "AAAA"}, None),
        ({"recipients": [{"header": {"alg": "dir"}, "encrypted_key": ""}]}, None),
        ({"recipients": [{"header": {"alg": "PBES2-HS256+A128KW", "p2c": 2**31}, "encrypted_key": "AAAA"}]}, None),
        ({"recipients": [{"header": {"alg": 7}, "encrypted_key": "AAAA"}]}, None),
        ({"recipients": [{"encrypted_key": "AAAA"}] * 257}, "MAX_JWE_RECIPIENTS = 256"),
        ({"recipients": [{"header": {"alg": "ECDH-ES+A256KW", "epk": {"kty": "EC"}}, "encrypted_key": "AAAA"}]}, None),
        ({"recipients": [{"header": {"alg": "ECDH-ES+A256KW", "epk": 3}, "encrypted_key": "AAAA"}]}, None),
        ({"recipients": []}, None),
        ({"unprotected": {"crit": ["x"]}}, None),
        ({"aad": "AAAA"}, None),
        ({"protected": base64.urlsafe_b64encode(b'{"enc":"A256GCM","zip":"DEF"}').decode().rstrip("=")}, "compressed"),
    ],
)
def test_hostile_wrapped_keys_are_told_or_passed_over(
    pairs: Pairs, stranger: KeyPair, change: dict[str, Any], told: str | None
) -> None:
    key = pairs["ec:P-256"].key
    document = json.loads(wrap(b"s", [key.recipient, stranger.recipient]))
    assert unwrap(json.dumps(document).encode(), [key], where="layer") == b"s"
    hostile = json.dumps(document | change).encode()
    if told is None:
        assert unwrap(hostile, [key], where="layer") is None
    else:
        with pytest.raises(InvalidInputError, match=told):
            unwrap(hostile, [key], where="layer")


def test_more_recipients_than_may_be_tried_are_refused(pairs: Pairs) -> None:
    many = [{"header": {"alg": "ECDH-ES+A256KW"}, "encrypted_key": "AAAA"}] * 200
    document = json.loads(wrap(b"s", [pairs["rsa:2048"].recipient, pairs["ec:P-384"].recipient]))
    said = wrapped_annotations(SECRET, [pairs["ec:P-256"].recipient])
    hostile = {**said, KEYS_JWE: ",".join([b64(document | {"recipients": many})] * 3)}
    with pytest.raises(BoundExceededError, match="MAX_RECIPIENTS = 512"):
        secret(hostile, pairs["ec:P-256"].key)


@pytest.mark.parametrize(
    ("private", "public", "told"),
    [
        ({}, {}, "encrypted with ''"),
        ({}, {"cipher": "AES_128_CBC"}, "known is AES_256_CTR_HMAC_SHA256"),
        ({}, {"cipher": "AES_256_CTR_HMAC_SHA256"}, "no HMAC"),
        ({}, {"cipher": "AES_256_CTR_HMAC_SHA256", "hmac": "AAAA"}, "no HMAC"),
        ({"symkey": "AAAA"}, {"cipher": "AES_256_CTR_HMAC_SHA256", "hmac": b64(b"h" * 32)}, "another length"),
        ({"symkey": b64(b"k" * 32)}, {"cipher": "AES_256_CTR_HMAC_SHA256", "hmac": b64(b"h" * 32)}, "another length"),
        ({"symkey": 7}, {"cipher": "AES_256_CTR_HMAC_SHA256", "hmac": b64(b"h" * 32)}, "malformed"),
    ],
)
def test_options_that_do_not_fit_are_told(private: dict[str, Any], public: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidInputError, match=told):
        read_options(json.dumps(private).encode(), json.dumps(public).encode(), where="layer")


def test_a_malformed_secret_is_never_quoted() -> None:
    public = SECRET.public_options()
    with pytest.raises(InvalidInputError) as caught:
        read_options(b'{"symkey":"c2VjcmV0c2VjcmV0", oops', public, where="layer")
    assert "c2Vj" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_whose_a_key_is_can_be_asked_and_changed_in_foreign_forms(pairs: Pairs) -> None:
    key = pairs["rsa:2048"].key
    flat = json.loads(wrap(b"s", [key.recipient]))
    assert without(json.dumps(flat).encode(), {"nobody"}, where="x") == json.dumps(flat).encode()
    assert without(json.dumps(flat).encode(), {key.recipient.kid}, where="x") is None
    unnamed = flat | {"header": {"alg": "RSA-OAEP"}}
    assert [it.kid for it in addressees(json.dumps(unnamed).encode(), where="x")] == [""]
    assert unwrap(json.dumps(unnamed).encode(), [key], where="x") == b"s"

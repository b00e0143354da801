# SPDX-License-Identifier: Apache-2.0
"""Key files: who may read them, what they hold, and what never leaves them."""

import hashlib
import pickle
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa, x25519
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from tidegate.errors import BoundExceededError, InvalidInputError, NotFoundError, OutsideError, UsageError
from tidegate.key_file import MAX_KEY_BYTES
from tidegate.signing.keys import SigningKey, TrustedKeys, VerifyingKey
from tidegate.signing.scheme import Scheme


def test_save_and_load(tmp_path: Path) -> None:
    key, path = SigningKey.generate(), tmp_path / "key.pem"
    key.save(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_bytes().startswith(b"-----BEGIN PRIVATE KEY-----")
    assert SigningKey.load(path).key_id == key.key_id
    assert [item.name for item in tmp_path.iterdir()] == ["key.pem"]


def test_an_existing_file_is_never_replaced(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    path.write_text("mine")
    with pytest.raises(UsageError, match="already there"):
        SigningKey.generate().save(path)
    assert path.read_text() == "mine"
    assert [item.name for item in tmp_path.iterdir()] == ["key.pem"]
    with pytest.raises(OutsideError):
        SigningKey.generate().save(tmp_path / "missing" / "key.pem")


def test_a_file_others_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    SigningKey.generate().save(path)
    path.chmod(0o640)
    with pytest.raises(UsageError, match="chmod 600"):
        SigningKey.load(path)


def test_the_key_id_is_the_hash_of_the_public_key() -> None:
    key = SigningKey.generate().verifying
    der = key.public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert key.key_id == hashlib.sha256(der).hexdigest()
    assert VerifyingKey.parse(key.to_pem()) == key


@pytest.mark.tools
def test_openssl_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    key = SigningKey.generate()
    key.save(path)
    try:
        shown = subprocess.run(["openssl", "pkey", "-in", path, "-pubout"], capture_output=True, check=True)
    except FileNotFoundError:
        pytest.skip("openssl is missing; apt-get install openssl")
    assert VerifyingKey.parse(shown.stdout) == key.verifying


def test_the_secret_never_shows(tmp_path: Path) -> None:
    key = SigningKey.generate()
    path = tmp_path / "key.pem"
    key.save(path)
    assert repr(key) == f"SigningKey(verifying=VerifyingKey(key_id='{key.key_id}'))"
    with pytest.raises(TypeError):
        pickle.dumps(key)
    body = path.read_text().splitlines()[1]
    path.write_text(f"-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n")
    with pytest.raises(InvalidInputError) as caught:
        SigningKey.load(path)
    assert body not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    "private",
    [
        ec.generate_private_key(ec.SECP224R1()),
        ec.generate_private_key(ec.SECP256K1()),
        rsa.generate_private_key(public_exponent=65537, key_size=1024),  # noqa: S505 - that is the point
        x25519.X25519PrivateKey.generate(),
    ],
    ids=["P-224", "secp256k1", "RSA-1024", "X25519"],
)
def test_weak_and_other_keys_are_refused(private: Any, tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    path.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    path.chmod(0o600)
    with pytest.raises(InvalidInputError, match="not a key to sign with"):
        SigningKey.load(path)
    public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    with pytest.raises(InvalidInputError, match="not a key to sign with"):
        VerifyingKey.parse(public)


def test_a_key_under_a_password(tmp_path: Path) -> None:
    key, path, empty = SigningKey.generate(Scheme.ED25519), tmp_path / "key.pem", tmp_path / "empty.pem"
    key.save(path, password=b"correct horse")
    assert b"BEGIN ENCRYPTED PRIVATE KEY" in path.read_bytes()
    assert SigningKey.load(path, password=b"correct horse").key_id == key.key_id
    with pytest.raises(UsageError, match="under a password"):
        SigningKey.load(path)
    with pytest.raises(InvalidInputError, match="password is wrong"):
        SigningKey.load(path, password=b"wrong")
    empty.write_bytes(b"")
    empty.chmod(0o600)
    with pytest.raises(InvalidInputError, match="no private key"):
        SigningKey.load(empty)


def test_a_key_keeps_to_its_schemes() -> None:
    key = SigningKey.generate(Scheme.RSA_PKCS1)
    either = VerifyingKey.of(key.verifying.public)
    assert either.schemes[0] is Scheme.RSA_PSS
    assert either.verifies(key.sign(b"x"), b"x")
    assert not either.only(Scheme.RSA_PSS).verifies(key.sign(b"x"), b"x"), "a downgraded padding"
    assert not either.verifies(key.sign(b"x"), b"y")
    with pytest.raises(InvalidInputError, match="cannot sign as ed25519; it can rsa-pss-sha256, rsa-pkcs1v15-sha256"):
        key.signing_as(Scheme.ED25519)


def test_trusted_keys_are_loaded_from_files(tmp_path: Path) -> None:
    keys = [SigningKey.generate().verifying for _ in range(2)]
    paths = [tmp_path / f"{at}.pub" for at in range(2)]
    for key, path in zip(keys, paths, strict=True):
        path.write_bytes(key.to_pem())
    assert TrustedKeys.load(paths).ids == {key.key_id for key in keys}
    with pytest.raises(NotFoundError, match=r"absent\.pub"):
        TrustedKeys.load([tmp_path / "absent.pub"])
    paths[0].write_bytes(b"x")
    with pytest.raises(InvalidInputError, match=r"0\.pub: no public key"):
        TrustedKeys.load(paths)
    paths[0].write_bytes(b"x" * (MAX_KEY_BYTES + 1))
    with pytest.raises(BoundExceededError):
        TrustedKeys.load(paths)


def test_trusted_keys_have_a_bound() -> None:
    with pytest.raises(BoundExceededError, match="MAX_TRUSTED_KEYS"):
        TrustedKeys.of(VerifyingKey.of(ec.derive_private_key(at, ec.SECP256R1()).public_key()) for at in range(1, 258))

# SPDX-License-Identifier: Apache-2.0
"""Key files: who may read them, what they hold, and what never leaves them."""

import hashlib
import pickle
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    PublicFormat,
)

from tidegate.errors import BoundExceededError, InvalidInputError, NotFoundError, OutsideError, UsageError
from tidegate.signing.bounds import MAX_KEY_FILE_BYTES
from tidegate.signing.keys import SigningKey, TrustedKeys, VerifyingKey


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
    assert VerifyingKey.from_pem(key.to_pem()) == key


@pytest.mark.tools
def test_openssl_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    key = SigningKey.generate()
    key.save(path)
    try:
        shown = subprocess.run(["openssl", "pkey", "-in", path, "-pubout"], capture_output=True, check=True)
    except FileNotFoundError:
        pytest.skip("openssl is missing; apt-get install openssl")
    assert VerifyingKey.from_pem(shown.stdout) == key.verifying


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


def test_other_keys_are_refused(tmp_path: Path) -> None:
    secret = ec.generate_private_key(ec.SECP256R1())
    edwards = ed25519.Ed25519PrivateKey.generate()
    bad: dict[str, bytes | SigningKey] = {
        "locked": secret.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x")),
        "p384": SigningKey._of(ec.generate_private_key(ec.SECP384R1())),
        "empty": b"",
    }
    for name, content in bad.items():
        path = tmp_path / name
        if isinstance(content, SigningKey):
            content.save(path)
        else:
            path.write_bytes(content)
            path.chmod(0o600)
        with pytest.raises(InvalidInputError):
            SigningKey.load(path)
    with pytest.raises(InvalidInputError, match="P-256"):
        VerifyingKey.from_pem(edwards.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))


def test_trusted_keys_are_loaded_from_files(tmp_path: Path) -> None:
    keys = [SigningKey.generate().verifying for _ in range(2)]
    paths = [tmp_path / f"{at}.pub" for at in range(2)]
    for key, path in zip(keys, paths, strict=True):
        path.write_bytes(key.to_pem())
    assert TrustedKeys.load(paths).ids == {key.key_id for key in keys}
    with pytest.raises(NotFoundError, match=r"absent\.pub"):
        TrustedKeys.load([tmp_path / "absent.pub"])
    paths[0].write_bytes(b"x")
    with pytest.raises(InvalidInputError, match=r"0\.pub: not a public key"):
        TrustedKeys.load(paths)
    paths[0].write_bytes(b"x" * (MAX_KEY_FILE_BYTES + 1))
    with pytest.raises(BoundExceededError):
        TrustedKeys.load(paths)


def test_trusted_keys_have_a_bound() -> None:
    with pytest.raises(BoundExceededError, match="MAX_TRUSTED_KEYS"):
        TrustedKeys.of(VerifyingKey.of(ec.derive_private_key(at, ec.SECP256R1()).public_key()) for at in range(1, 258))

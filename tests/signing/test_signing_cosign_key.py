# SPDX-License-Identifier: Apache-2.0
"""Private keys as cosign keeps them: read, written, and refused by name."""

import base64
import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tidegate.errors import BoundExceededError, InvalidInputError, UsageError
from tidegate.signing.cosign_key import is_cosign_key, open_cosign_key
from tidegate.signing.keys import SigningKey, VerifyingKey
from tidegate.signing.scheme import Scheme

COSIGN = Path(__file__).parents[2] / ".tools" / "bin" / "cosign"
PASSWORD = b"correct horse"


def _saved(folder: Path, scheme: Scheme = Scheme.ECDSA_P256) -> tuple[SigningKey, Path]:
    key, path = SigningKey.generate(scheme), folder / "cosign.key"
    key.save_for_cosign(path, password=PASSWORD)
    return key, path


def _cosign(*arguments: object, folder: Path) -> None:
    if not COSIGN.exists():
        pytest.skip("cosign is missing; tools/go-programs.sh cosign builds it")
    environment = {**os.environ, "COSIGN_PASSWORD": PASSWORD.decode(), "HOME": str(folder)}
    done = subprocess.run(
        [COSIGN, *map(str, arguments)], cwd=folder, env=environment, capture_output=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr


def test_what_was_written_is_read(tmp_path: Path) -> None:
    for number, scheme in enumerate((Scheme.ECDSA_P256, Scheme.ED25519, Scheme.RSA_PSS)):
        (folder := tmp_path / str(number)).mkdir()
        key, path = _saved(folder, scheme)
        assert path.stat().st_mode & 0o777 == 0o600
        assert SigningKey.load(path, password=PASSWORD).key_id == key.key_id


def test_passwords(tmp_path: Path) -> None:
    key, path = _saved(tmp_path)
    with pytest.raises(UsageError, match="under a password; write FILE:PASSWORD_FILE"):
        SigningKey.load(path)
    with pytest.raises(InvalidInputError, match="password is wrong, or the key is damaged") as caught:
        SigningKey.load(path, password=b"wrong")
    assert caught.value.__cause__ is None
    open_one = tmp_path / "open.key"
    key.save_for_cosign(open_one, password=b"")
    assert SigningKey.load(open_one, password=b"").key_id == key.key_id


@pytest.mark.tools
def test_we_read_what_cosign_generates(tmp_path: Path) -> None:
    _cosign("generate-key-pair", folder=tmp_path)
    key = SigningKey.load(tmp_path / "cosign.key", password=PASSWORD)
    assert key.verifying == VerifyingKey.load(tmp_path / "cosign.pub")


@pytest.mark.tools
def test_cosign_reads_what_we_write(tmp_path: Path) -> None:
    key, path = _saved(tmp_path)
    _cosign("public-key", "--key", path, "--outfile", tmp_path / "out.pub", folder=tmp_path)
    assert VerifyingKey.load(tmp_path / "out.pub") == key.verifying


def _altered(path: Path, change: Callable[[dict[str, Any]], object]) -> bytes:
    document = json.loads(base64.b64decode("".join(path.read_text().splitlines()[1:-1])))
    change(document)
    body = base64.b64encode(json.dumps(document).encode()).decode()
    return (
        f"-----BEGIN ENCRYPTED COSIGN PRIVATE KEY-----\n{body}\n-----END ENCRYPTED COSIGN PRIVATE KEY-----\n".encode()
    )


def test_hostile_files(tmp_path: Path) -> None:
    _, path = _saved(tmp_path)
    assert is_cosign_key(path.read_bytes())
    assert open_cosign_key(_altered(path, str), PASSWORD)[:1] == b"0"
    changes: list[tuple[Callable[[dict[str, Any]], object], str]] = [
        (lambda it: it["kdf"].update(name="md5"), "locked by md5"),
        (lambda it: it["cipher"].update(name="none"), "locked by scrypt and none"),
        (lambda it: it["kdf"]["params"].update(N=65535), "no parameters of scrypt"),
        (lambda it: it["kdf"]["params"].update(p=10**9), "no parameters of scrypt"),
        (lambda it: it["cipher"].update(nonce="AAAA"), "damaged"),
        (lambda it: it.update(ciphertext="AAAA"), "damaged"),
        (lambda it: it.pop("kdf"), "not the JSON expected"),
        (lambda it: it["kdf"].update(salt="%"), "malformed base64"),
    ]
    for change, message in changes:
        with pytest.raises(InvalidInputError, match=message):
            open_cosign_key(_altered(path, change), PASSWORD)
    with pytest.raises(BoundExceededError, match="MAX_SCRYPT_BYTES"):
        open_cosign_key(_altered(path, lambda it: it["kdf"]["params"].update(N=2**30)), PASSWORD)
    with pytest.raises(InvalidInputError, match="broken off"):
        open_cosign_key(path.read_bytes()[:200], PASSWORD)

# SPDX-License-Identifier: Apache-2.0
"""Each way of signing, judged by openssl both ways; Ed25519ph by the vector of RFC 8032."""

import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519

from tidegate.signing.keys import SigningKey, VerifyingKey
from tidegate.signing.scheme import Scheme

MESSAGE = b"what is signed"
_DIGEST = {
    Scheme.ECDSA_P256: "sha256",
    Scheme.ECDSA_P384: "sha384",
    Scheme.ECDSA_P384_SHA256: "sha256",
    Scheme.ECDSA_P521: "sha512",
    Scheme.ECDSA_P521_SHA256: "sha256",
    Scheme.RSA_PKCS1: "sha256",
    Scheme.RSA_PSS: "sha256",
    Scheme.RSA_PSS_SHA384: "sha384",
    Scheme.RSA_PSS_SHA512: "sha512",
}
JUDGED = [scheme for scheme in Scheme if scheme is not Scheme.ED25519_PH]


def _openssl(scheme: Scheme, *arguments: object) -> subprocess.CompletedProcess[bytes]:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is missing; apt-get install openssl")
    how: list[str] = ["-rawin"]
    if scheme in _DIGEST:
        how += ["-digest", _DIGEST[scheme]]
    if "pss" in scheme:
        how += ["-pkeyopt", "rsa_padding_mode:pss", "-pkeyopt", "rsa_pss_saltlen:digest"]
    return subprocess.run(
        ["openssl", "pkeyutl", *how, *map(str, arguments)], capture_output=True, check=False, timeout=60
    )


@pytest.mark.tools
@pytest.mark.parametrize("scheme", JUDGED)
def test_openssl_verifies_what_we_sign(scheme: Scheme, tmp_path: Path) -> None:
    key = SigningKey.generate(scheme)
    for name, content in (("pub", key.verifying.to_pem()), ("sig", key.sign(MESSAGE)), ("data", MESSAGE)):
        (tmp_path / name).write_bytes(content)
    judge = ("-verify", "-pubin", "-inkey", tmp_path / "pub", "-sigfile", tmp_path / "sig", "-in", tmp_path / "data")
    done = _openssl(scheme, *judge)
    assert done.returncode == 0, done.stdout + done.stderr
    (tmp_path / "data").write_bytes(MESSAGE + b"!")
    assert _openssl(scheme, *judge).returncode != 0


@pytest.mark.tools
@pytest.mark.parametrize("scheme", JUDGED)
def test_we_verify_what_openssl_signs(scheme: Scheme, tmp_path: Path) -> None:
    key = SigningKey.generate(scheme)
    key.save(tmp_path / "key")
    (tmp_path / "data").write_bytes(MESSAGE)
    done = _openssl(scheme, "-sign", "-inkey", tmp_path / "key", "-in", tmp_path / "data", "-out", tmp_path / "sig")
    assert done.returncode == 0, done.stderr
    signature = (tmp_path / "sig").read_bytes()
    assert key.verifying.verifies(signature, MESSAGE)
    assert not key.verifying.verifies(signature, MESSAGE + b"!")
    assert not key.verifying.verifies(signature[:-1], MESSAGE)
    assert not key.verifying.verifies(b"", MESSAGE)
    assert not SigningKey.generate(scheme).verifying.verifies(signature, MESSAGE)


def test_the_vector_of_ed25519ph() -> None:
    """RFC 8032 section 7.3."""
    secret = bytes.fromhex("833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42")
    expected = bytes.fromhex(
        "98a70222f0b8121aa9d30f813d683f809e462b469c7ff87639499bb94e6dae41"
        "31f85042463c2a355a2003d062adf5aaa10b8c61e636062aaad11c2a26083406"
    )
    key = SigningKey.of(ed25519.Ed25519PrivateKey.from_private_bytes(secret)).signing_as(Scheme.ED25519_PH)
    assert key.sign(b"abc") == expected
    assert VerifyingKey.of(key.verifying.public).verifies(expected, b"abc")
    assert not key.verifying.only(Scheme.ED25519).verifies(expected, b"abc")
    assert not key.verifying.verifies(expected[:-1], b"abc")

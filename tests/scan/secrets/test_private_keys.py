# SPDX-License-Identifier: Apache-2.0
"""Real keys of every kind, made here; the same under a passphrase; and what only looks like a key."""

import base64
import itertools
import json
import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)

from tidegate.inventory import SecretFact
from tidegate.scan.secrets.detector import SecretDetector

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | dsa.DSAPrivateKey | ed25519.Ed25519PrivateKey
PLAIN, GUARDED = NoEncryption(), BestAvailableEncryption(b"correct horse")
FORMS = {
    "pkcs8": PrivateFormat.PKCS8,
    "traditional": PrivateFormat.TraditionalOpenSSL,
    "openssh": PrivateFormat.OpenSSH,
}


@pytest.fixture(scope="module")
def detector() -> SecretDetector:
    return SecretDetector()


@pytest.fixture(scope="session")
def keys() -> dict[str, Key]:
    return {
        "rsa": rsa.generate_private_key(65537, 2048),
        "ec": ec.generate_private_key(ec.SECP256R1()),
        "ed25519": ed25519.Ed25519PrivateKey.generate(),
        "dsa": dsa.generate_private_key(1024),  # noqa: S505 - its form is tested, and a larger one takes seconds
    }


def pem(key: Key, form: str, guard: KeySerializationEncryption = PLAIN) -> bytes:
    return key.private_bytes(Encoding.PEM, FORMS[form], guard)


def rules(facts: list[SecretFact]) -> list[str]:
    return [fact.rule for fact in facts]


KINDS = [
    *itertools.product(("rsa", "ec"), ("pkcs8", "traditional", "openssh")),
    ("dsa", "pkcs8"),
    ("dsa", "traditional"),
    ("ed25519", "pkcs8"),
    ("ed25519", "openssh"),
]


@pytest.mark.parametrize(("algorithm", "form"), KINDS)
def test_a_key_is_found_in_every_dress(
    detector: SecretDetector, keys: dict[str, Key], algorithm: str, form: str
) -> None:
    key = pem(keys[algorithm], form)
    lines = key.decode().splitlines()
    dresses = {
        "plain": key,
        "crlf": key.replace(b"\n", b"\r\n"),
        "json": json.dumps({"type": "service_account", "private_key": key.decode()}).encode(),
        "yaml": b"key: |\n" + b"".join(b"    " + line.encode() + b"\n" for line in lines),
        "source": ('KEY = (\n    "' + '\\n"\n    "'.join(lines) + '"\n)').encode(),
        "joined": ('KEY = "' + '\\n" +\n    "'.join(lines) + '"').encode(),
        "shell": b'KEY="' + key + b'"',
        "no end": key[: key.index(b"-----END")],
        "one line": " ".join(lines).encode(),
    }
    for dress, content in dresses.items():
        assert rules(detector.scan_batch([(dress, content)])) == ["private-key"], dress


@pytest.mark.parametrize(("algorithm", "form"), KINDS)
def test_a_guarded_key_is_told_apart(detector: SecretDetector, keys: dict[str, Key], algorithm: str, form: str) -> None:
    if form == "openssh":
        key = _guarded_by_ssh_keygen(pem(keys[algorithm], form))
    else:
        key = pem(keys[algorithm], form, GUARDED)
    for content in (key, json.dumps({"key": key.decode()}).encode(), key.replace(b"\n", b"\r\n")):
        assert rules(detector.scan_batch([("id", content)])) == ["encrypted-private-key"]


def test_a_plus_in_the_body_is_part_of_it(detector: SecretDetector) -> None:
    # The mark of an encrypted key lies behind a dozen of them; were one lost, it would not be seen.
    scheme = bytes.fromhex("2a864886f70d01050d")
    body = base64.b64encode(b"\x30\x82\x01" + bytes.fromhex("fbefbe") * 3 + scheme + bytes(range(60))).decode()
    assert "+" * 12 in body
    for lines in ([body], [body[:4], body[4:]], ["    " + body[:4], "    " + body[4:]]):
        content = "-----BEGIN PRIVATE KEY-----\n" + "\n".join(lines) + "\n-----END PRIVATE KEY-----\n"
        assert rules(detector.scan_batch([("f", content.encode())])) == ["encrypted-private-key"]


def test_two_keys_in_one_file_are_two(detector: SecretDetector, keys: dict[str, Key]) -> None:
    content = pem(keys["rsa"], "pkcs8") + b"\n" + pem(keys["ec"], "traditional")
    facts = detector.scan_batch([("chain.pem", content)])
    assert [fact.line for fact in facts] == [1, pem(keys["rsa"], "pkcs8").count(b"\n") + 2]
    assert facts[1].redacted.startswith("EC private key (")


def test_public_keys_and_headers_alone_are_none(detector: SecretDetector, keys: dict[str, Key]) -> None:
    key = pem(keys["rsa"], "traditional")
    body = base64.b64encode(b"not a key at all, " * 20)
    for content in (
        key.replace(b"PRIVATE", b"PUBLIC"),
        key[:31] + b"\n-----END RSA PRIVATE KEY-----\n",
        b'if line == "-----BEGIN RSA PRIVATE KEY-----": return parse(line)',
        b"-----BEGIN PRIVATE KEY-----\n" + body + b"\n-----END PRIVATE KEY-----\n",
        b"-----BEGIN OPENSSH PRIVATE KEY-----\n" + body + b"\n-----END OPENSSH PRIVATE KEY-----\n",
    ):
        assert detector.scan_batch([("f", content)]) == []


def test_a_key_inside_a_program_is_its_own_business(detector: SecretDetector, keys: dict[str, Key]) -> None:
    assert detector.scan_batch([("bin/app", b"\x7fELF\0" + pem(keys["rsa"], "pkcs8"))]) == []


@pytest.mark.tools
@pytest.mark.parametrize(("passphrase", "rule"), [("", "private-key"), ("correct horse", "encrypted-private-key")])
@pytest.mark.parametrize("algorithm", ["ed25519", "rsa1024", "nistp256"])
def test_an_openpgp_key_is_found(
    detector: SecretDetector, tmp_path: Path, passphrase: str, rule: str, algorithm: str
) -> None:
    if shutil.which("gpg") is None:
        pytest.skip("gpg is missing: apt-get install gnupg")
    home = tmp_path / "g"
    home.mkdir(mode=0o700)
    gpg = ["gpg", "--homedir", str(home), "--batch", "--pinentry-mode", "loopback", "--passphrase", passphrase]
    subprocess.run([*gpg, "--quick-gen-key", "nobody <n@example.invalid>", algorithm], check=True, capture_output=True)
    armoured = subprocess.run([*gpg, "--armor", "--export-secret-keys"], check=True, capture_output=True).stdout
    subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=True, capture_output=True)
    assert rules(detector.scan_batch([("secret.asc", armoured)])) == [rule]


def _guarded_by_ssh_keygen(key: bytes) -> bytes:
    # cryptography needs the bcrypt package for this; OpenSSH's file only has to name a cipher to be a guarded one.
    head, *body, foot = key.splitlines()
    blob = base64.b64decode(b"".join(body))
    plain = b"\0\0\0\4none\0\0\0\4none\0\0\0\0"
    named = b"\0\0\0\x0aaes256-ctr\0\0\0\6bcrypt\0\0\0\x18" + bytes(24)
    assert plain in blob
    return b"\n".join([head, base64.b64encode(blob.replace(plain, named, 1)), foot, b""])

# SPDX-License-Identifier: Apache-2.0
"""Keys of notes of every type: read, written, and refused where they are not what they say."""

import base64
import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from filled_ledger import run_tlogcheck
from tidegate.errors import InvalidInputError, RefusedError
from tidegate.ledger import Checkpoint, NoteSigner, verify_checkpoint
from tidegate.ledger.cosignature import MLDSA_COSIGNATURE, Cosigner, CosignerKey, cosigned_at
from tidegate.ledger.note import open_note, signature_line
from tidegate.ledger.note_key import EcdsaNoteKey, parse_note_key

TEXT = Checkpoint(origin="log.example/a", size=3, root=bytes(32)).to_text()


def spki(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def vkey(name: str, key_id: bytes, kind: int, public: bytes) -> str:
    return f"{name}+{key_id.hex()}+{base64.b64encode(bytes([kind]) + public).decode()}"


@pytest.mark.parametrize("curve", [ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1()], ids=lambda curve: curve.name)
def test_a_checkpoint_signed_with_ecdsa(curve: ec.EllipticCurve) -> None:
    private = ec.generate_private_key(curve)
    public = spki(private)
    key = parse_note_key(vkey("log.example/a", hashlib.sha256(public).digest()[:4], 2, public))
    signature = private.sign(TEXT.encode(), ec.ECDSA(SHA256()))
    note = f"{TEXT}\n{signature_line(key.name, key.key_id, signature)}"
    assert verify_checkpoint(note, key).size == 3
    with pytest.raises(RefusedError, match="does not hold"):
        verify_checkpoint(note.replace("\n3\n", "\n4\n"), key)
    bent = signature[:-1] + bytes([signature[-1] ^ 1])
    with pytest.raises(RefusedError, match="does not hold"):
        verify_checkpoint(f"{TEXT}\n{signature_line(key.name, key.key_id, bent)}", key)


def test_other_keys_are_no_ecdsa_keys() -> None:
    for private in (ec.generate_private_key(ec.SECP256K1()), rsa.generate_private_key(65537, 2048)):
        with pytest.raises(InvalidInputError, match="no ECDSA key"):
            EcdsaNoteKey.of("log", spki(private))
    with pytest.raises(InvalidInputError, match="no public key"):
        EcdsaNoteKey.of("log", b"nothing")


def test_a_cosignature_of_mldsa() -> None:
    private = MLDSA44PrivateKey.generate()
    public = private.public_key().public_bytes_raw()
    key = CosignerKey.of("w.example/pq", MLDSA_COSIGNATURE, public)
    assert parse_note_key(str(key)) == key
    stamp = (1_700_000_000).to_bytes(8, "big")
    named, origin = b"w.example/pq", b"log.example/a"
    message = (
        b"subtree/v1\n\0" + bytes([len(named)]) + named + stamp + bytes([len(origin)]) + origin
        + bytes(8) + (3).to_bytes(8, "big") + bytes(32)
    )  # fmt: skip
    signature = stamp + private.sign(message)
    assert key.holds(TEXT, signature)
    assert not key.holds(TEXT.replace("\n3\n", "\n4\n"), signature)
    assert not key.holds(TEXT, (1_700_000_001).to_bytes(8, "big") + signature[8:])
    assert not key.holds("no checkpoint\n", signature)
    assert not CosignerKey.of("w.example/other", MLDSA_COSIGNATURE, public).holds(TEXT, signature)


def test_keys_that_are_not_what_they_say() -> None:
    signer = NoteSigner.generate("log.example/a").verifier
    good = str(signer)
    assert parse_note_key(good) == signer
    for wrong in (
        vkey("log.example/a", b"\0\0\0\0", 1, signer.public),
        vkey("log.example/a", signer.key_id, 1, signer.public[:-1]),
        vkey("log.example/a", signer.key_id, 4, signer.public),
        vkey("log.example/a", signer.key_id, 6, signer.public),
        vkey("log.example/a", signer.key_id, 9, signer.public),
        vkey("", signer.key_id, 1, signer.public),
        vkey("a b", signer.key_id, 1, signer.public),
        good.replace("+", " "),
        good[:-4],
        "",
    ):
        with pytest.raises(InvalidInputError):
            parse_note_key(wrong)


def test_a_known_key_whose_signature_does_not_hold_spoils_the_note() -> None:
    one, two = NoteSigner.generate("log.example/a"), NoteSigner.generate("w.example/b")
    note = one.sign(TEXT)
    forged = note + signature_line(two.name, two.verifier.key_id, bytes(64))
    assert [item.key for item in open_note(forged, (one.verifier,))[1]] == [one.verifier]
    with pytest.raises(RefusedError, match=r"w\.example/b does not hold"):
        open_note(forged, (one.verifier, two.verifier))


@pytest.mark.tools
def test_go_and_we_cosign_for_each_other(tmp_path: Path) -> None:
    """Ed25519 cosignatures both ways, and those of ML-DSA-44 that Go makes."""
    signer, cosigner = NoteSigner.generate("log.example/a"), Cosigner.from_seed("w.example/ours", bytes(range(32)))
    (tmp_path / "note").write_text(signer.sign(TEXT) + cosigner.cosign(TEXT, datetime.now(UTC)))
    found = run_tlogcheck("-cosigned", str(cosigner.key), tmp_path / "note")
    assert (found.returncode, found.stdout) == (0, "cosigned by w.example/ours\n"), found.stderr
    (tmp_path / "text").write_text(TEXT)
    made = run_tlogcheck("-cosign", "w.example/theirs", tmp_path / "text")
    assert made.returncode == 0, made.stderr
    lines = made.stdout.splitlines()
    for vkey, line in zip(lines[::2], lines[1::2], strict=True):
        key = parse_note_key(vkey)
        assert isinstance(key, CosignerKey)
        (held,) = open_note(f"{TEXT}\n{line}\n", (key,))[1]
        assert abs(cosigned_at(held.content) - datetime.now(UTC)) < timedelta(minutes=5)
        with pytest.raises(RefusedError):
            open_note(f"{TEXT.replace('3', '4', 1)}\n{line}\n", (key,))
    assert len(lines) == 4

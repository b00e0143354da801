# SPDX-License-Identifier: Apache-2.0
"""What encrypting costs: a layer against the bare cipher over the same bytes, an image against skopeo's.

python bench/encryption.py
"""

import hashlib
import hmac
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR

from tidegate.artifact import Descriptor, Digest
from tidegate.artifact import media_type as mt
from tidegate.oci.encryption.keys import DecryptionKey
from tidegate.oci.encryption.layer import LayerDecryption, LayerEncryption
from tidegate.oci.layer_builder import BuiltLayer
from tidegate.oci.write import write_image

LAYER_BYTES = 64_000_000
CHUNK_BYTES = 256 << 10
ROUNDS = 7

Row = dict[str, Any]


def run() -> list[Row]:
    """Measures everything here; what is compared takes turns."""
    return [*_layer(), *_image()]


def _layer() -> list[Row]:
    data = os.urandom(LAYER_BYTES)
    key = DecryptionKey.of(ec.generate_private_key(ec.SECP256R1()))
    plain = Descriptor(media_type=mt.OCI_LAYER, digest=Digest.of(data), size=len(data))
    encrypted, ciphertext = _encrypted(data, plain, key)

    def decrypt() -> None:
        work = LayerDecryption(BytesIO(ciphertext), encrypted, [key])
        while work.stream.read(CHUNK_BYTES):
            pass

    bare, ours, back = _taking_turns(lambda: _bare(data), lambda: _encrypted(data, plain, key), decrypt)
    name = f"of {LAYER_BYTES // 1_000_000} MB, both sides hashed, against AES-CTR + HMAC alone"
    return [_row(f"encrypt a layer {name}", ours, bare, 2.6), _row(f"decrypt a layer {name}", back, bare, 2.6)]


def _image() -> list[Row]:
    """The command against skopeo, processes and files included."""
    if shutil.which("skopeo") is None or shutil.which("openssl") is None:
        return []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        blob = folder / "blob"
        blob.write_bytes(os.urandom(LAYER_BYTES))
        digest = Digest.of(blob.read_bytes())
        kind = mt.OCI_LAYER_GZIP  # so that skopeo does not pack it on the way
        descriptor = Descriptor(media_type=kind, digest=digest, size=LAYER_BYTES)
        write_image(folder / "image", "1", [BuiltLayer(descriptor=descriptor, diff_id=digest, blob=blob)])
        public = folder / "key.pub.pem"
        public.write_bytes(DecryptionKey.of(ec.generate_private_key(ec.SECP256R1())).recipient.to_pem())
        policy = folder / "policy.json"
        policy.write_text('{"default":[{"type":"insecureAcceptAnything"}]}')
        source, made = f"oci:{folder}/image:1", folder / "made"
        tidegate = str(Path(sys.executable).with_name("tidegate"))
        ours, theirs = _taking_turns(
            lambda: _done(made, tidegate, "encrypt", source, f"oci:{made}:1", "-r", f"jwe:{public}"),
            lambda: _done(
                made,
                *("skopeo", "--policy", str(policy), "copy", "--encryption-key", f"jwe:{public}"),
                *(source, f"oci:{made}:1"),
            ),
        )
    return [_row(f"tidegate encrypt of {LAYER_BYTES // 1_000_000} MB, against skopeo copy", ours, theirs, 1.0)]


def _bare(data: bytes) -> None:
    cipher, mac = Cipher(AES(b"k" * 32), CTR(b"n" * 16)).encryptor(), hmac.new(b"k" * 32, digestmod=hashlib.sha256)
    for at in range(0, len(data), CHUNK_BYTES):
        mac.update(cipher.update(data[at : at + CHUNK_BYTES]))
    mac.digest()


def _encrypted(data: bytes, plain: Descriptor, key: DecryptionKey) -> tuple[Descriptor, bytes]:
    work, hashed, parts = LayerEncryption(BytesIO(data), plain, [key.recipient]), hashlib.sha256(), []
    while chunk := work.stream.read(CHUNK_BYTES):
        hashed.update(chunk)
        parts.append(chunk)
    return work.descriptor(Digest(f"sha256:{hashed.hexdigest()}")), b"".join(parts)


def _done(made: Path, *words: str) -> None:
    shutil.rmtree(made, ignore_errors=True)
    subprocess.run(words, check=True, capture_output=True)


def _taking_turns(*acts: Callable[[], object]) -> list[float]:
    """Milliseconds of the quickest run of each."""
    best = [float("inf")] * len(acts)
    for _ in range(ROUNDS):
        for number, act in enumerate(acts):
            began = time.perf_counter()
            act()
            best[number] = min(best[number], (time.perf_counter() - began) * 1000)
    return best


def _row(name: str, value: float, reference: float, target: float) -> Row:
    return {
        "name": name,
        "value": round(value, 1),
        "unit": "ms",
        "reference": round(reference, 1),
        "ratio": round(value / reference, 2),
        "target": target,
    }


if __name__ == "__main__":
    print(json.dumps(run(), indent=1))

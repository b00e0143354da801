# SPDX-License-Identifier: Apache-2.0
"""Encrypted images read with a key: the same facts as the plain one's, and none by a lie."""

import json
from pathlib import Path

import pytest
from encryption_keys import KeyPair, blob, document

from tidegate.artifact import Descriptor, Digest
from tidegate.artifact import media_type as mt
from tidegate.cli import main
from tidegate.oci.encryption.block_cipher import Encrypting, LayerKey
from tidegate.oci.encryption.options import LayerSecret
from tidegate.oci.encryption.wrapping import wrapped_annotations
from tidegate.oci.write import LayerBuilder, wire_descriptor, write_blob, write_image
from tidegate.wire import to_json

Pairs = dict[str, KeyPair]
Capture = pytest.CaptureFixture[str]


def said(capsys: Capture, *words: object) -> tuple[int, str, str]:
    status = main([str(word) for word in words])
    out, err = capsys.readouterr()
    return status, out, err


@pytest.fixture
def image(tmp_path: Path, stranger: KeyPair) -> Path:
    """A layout with an image that has a package and a secret, named `1`."""
    folder = tmp_path / "image"
    installed = "C:Q1aaaaaaaaaaaaaaaaaaaaaaaaaaaa=\nP:musl\nV:1.2.4-r0\nA:x86_64\n\n"
    layers = [
        LayerBuilder().file("etc/os-release", "ID=alpine\nVERSION_ID=3.18.0\n").build(),
        LayerBuilder().file("lib/apk/db/installed", installed).file("home/key", stranger.private.read_bytes()).build(),
    ]
    write_image(folder, "1", layers, {"User": "1000"})
    return folder


@pytest.mark.parametrize("verb", ["scan", "sbom", "explain"])
@pytest.mark.parametrize("form", ["oci", "oci-archive"])
def test_the_same_is_found_with_the_key_and_nothing_without(
    image: Path, pairs: Pairs, tmp_path: Path, capsys: Capture, verb: str, form: str
) -> None:
    pair = pairs["ec:P-256"]
    target = f"{form}:{tmp_path}/secret"
    assert said(capsys, "encrypt", f"oci:{image}:1", f"{target}:1", "-r", pair.public)[0] == 0
    words = [verb, "--quiet", *(["--format", "json"] if verb != "sbom" else [])]
    homes = [f"--home={tmp_path}/{name}" for name in ("one", "two", "three")]

    status, out, err = said(capsys, *words, target, homes[0])
    assert (status, out) == (2, "")
    assert "is encrypted; name the private key of one of its recipients with --decryption-key" in err
    status, out, err = said(capsys, *words, target, homes[0], "--decryption-key", pairs["rsa:2048"].private)
    assert (status, out) == (2, "")
    assert "none of the keys given can decrypt it" in err

    _, plain, _ = said(capsys, *words, f"oci:{image}:1", homes[1])
    status, hidden, err = said(capsys, *words, target, homes[2], "--decryption-key", pair.private)
    assert status == 0, err
    wanted, found = json.loads(plain), json.loads(hidden)
    if verb == "scan":
        assert wanted["secrets"]
    for key in ("components", "secrets", "custody", "census", "findings"):
        assert found.get(key) == wanted.get(key), key


def test_facts_of_a_known_layer_are_not_borrowed_by_one_that_says_it_is_the_same(
    image: Path, pairs: Pairs, tmp_path: Path, capsys: Capture
) -> None:
    home = f"--home={tmp_path}/home"
    assert said(capsys, "scan", "--quiet", f"oci:{image}:1", home)[0] == 0
    manifest = document(image, "1")
    known = Digest(manifest["layers"][1]["digest"])
    evil = LayerBuilder().file("bin/evil", "#!").build()
    key = LayerKey.generate()
    stream = Encrypting(_Whole(evil.read()), key)
    ciphertext = stream.read()
    secret = LayerSecret(key=key, digest=known, hmac=stream.hmac)
    made = write_blob(image, ciphertext, "")
    lying = Descriptor(
        media_type=mt.OCI_LAYER_GZIP + mt.ENCRYPTED,
        digest=made.digest,
        size=made.size,
        annotations=wrapped_annotations(secret, [pairs["ec:P-256"].recipient]),
    )
    manifest["layers"][1] = wire_descriptor(lying)
    root = write_blob(image, to_json(manifest), mt.OCI_MANIFEST)
    words = ("scan", "--quiet", f"oci:{image}@{root.digest}", home, "--decryption-key", pairs["ec:P-256"].private)
    status, out, err = said(capsys, *words)
    assert (status, out) == (2, "")
    assert "digest mismatch" in err
    assert blob(image, lying.digest) == ciphertext


class _Whole:
    def __init__(self, data: bytes) -> None:
        self._data = data

    def read(self, size: int = -1, /) -> bytes:
        del size
        data, self._data = self._data, b""
        return data

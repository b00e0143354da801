# SPDX-License-Identifier: Apache-2.0
"""Whole images through the command: to and fro, several platforms, other recipients, and what is tampered with."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from encryption_keys import KeyPair, blob, document, layer_bytes, openssl, root_of

from tidegate.artifact import Digest, Manifest, Platform, parse_manifest
from tidegate.artifact import media_type as mt
from tidegate.cli import main
from tidegate.oci.encryption.wrapping import secret_of
from tidegate.oci.write import LayerBuilder, write_blob, write_image, write_index
from tidegate.values import replace
from tidegate.wire import to_json

Pairs = dict[str, KeyPair]
Capture = pytest.CaptureFixture[str]


def ran(capsys: Capture, *words: object) -> tuple[int, str]:
    """Exit status and standard error of a command line."""
    status = main([str(word) for word in words])
    return status, capsys.readouterr().err


def encrypt(capsys: Capture, *words: object) -> None:
    status, told = ran(capsys, "encrypt", *words)
    assert status == 0, told


@pytest.fixture
def secret(plain: Path, pairs: Pairs, tmp_path: Path, capsys: Capture) -> Path:
    """A layout with the plain image encrypted for the P-256 key, named `1`."""
    folder = tmp_path / "secret"
    encrypt(capsys, f"oci:{plain}:1", f"oci:{folder}:1", "-r", f"jwe:{pairs['ec:P-256'].public}")
    return folder


def test_an_image_comes_back_as_it_was(
    plain: Path, secret: Path, pairs: Pairs, tmp_path: Path, capsys: Capture
) -> None:
    before, after = document(plain, "1"), document(secret, "1")
    assert after["config"] == before["config"]
    assert after["annotations"] == {"team": "harbour"}
    assert [it["mediaType"] for it in after["layers"]] == [it["mediaType"] + "+encrypted" for it in before["layers"]]
    assert [it["size"] for it in after["layers"]] == [it["size"] for it in before["layers"]]
    for hidden, known in zip(layer_bytes(secret, "1"), layer_bytes(plain, "1"), strict=True):
        assert known not in hidden
    assert not {it["digest"] for it in after["layers"]} & {it["digest"] for it in before["layers"]}

    status, _ = ran(capsys, "decrypt", f"oci:{secret}:1", f"oci:{tmp_path}/back:1", "--key", pairs["ec:P-256"].private)
    assert status == 0
    back = document(tmp_path / "back", "1")
    assert back["layers"] == before["layers"]
    assert layer_bytes(tmp_path / "back", "1") == layer_bytes(plain, "1")
    assert back == before


def test_through_archives_and_a_registry(
    plain: Path, pairs: Pairs, registry_host: str, tmp_path: Path, capsys: Capture
) -> None:
    pair = pairs["rsa:2048"]
    archive = tmp_path / "secret.tar"
    encrypt(capsys, f"oci:{plain}:1", f"oci-archive:{archive}", "-r", pair.public)
    name = f"{registry_host}/team/secret:1"
    assert ran(capsys, "decrypt", f"oci-archive:{archive}", f"registry:{name}", "--key", pair.private)[0] == 0
    encrypt(capsys, f"registry:{name}", f"registry:{registry_host}/other:2", "-r", pair.public)
    status, _ = ran(
        capsys, "decrypt", f"registry:{registry_host}/other:2", f"oci:{tmp_path}/back:1", "--key", pair.private
    )
    assert status == 0
    assert layer_bytes(tmp_path / "back", "1") == layer_bytes(plain, "1")

    status, told = ran(capsys, "encrypt", f"oci:{plain}:1", f"oci-archive:{archive}", "-r", pair.public)
    assert (status, "is there already; name another file" in told) == (2, True)


@pytest.mark.parametrize(
    ("options", "hidden"),
    [(["--layer", "0"], [0]), (["--layer", "-1", "--layer", "1"], [1, 2]), (["--beyond", "BASE"], [1, 2])],
)
def test_some_layers_alone(
    plain: Path, pairs: Pairs, tmp_path: Path, capsys: Capture, options: list[str], hidden: list[int]
) -> None:
    base = tmp_path / "base"
    write_image(
        base, "1", [LayerBuilder().file("etc/os-release", "ID=one\n").file("bin/tool", b"\x7fELF", mode=0o755).build()]
    )
    words = [f"oci:{base}:1" if it == "BASE" else it for it in options]
    encrypt(capsys, f"oci:{plain}:1", f"oci:{tmp_path}/out:1", "-r", pairs["ec:P-384"].public, *words)
    made = document(tmp_path / "out", "1")["layers"]
    assert [at for at, layer in enumerate(made) if layer["mediaType"].endswith("+encrypted")] == hidden
    for at in {0, 1, 2} - set(hidden):
        assert made[at] == document(plain, "1")["layers"][at]


def test_what_makes_no_sense_is_told(plain: Path, secret: Path, pairs: Pairs, tmp_path: Path, capsys: Capture) -> None:
    pair = pairs["ec:P-256"]
    out = f"oci:{tmp_path}/out:1"
    cases: list[tuple[list[object], str]] = [
        (["encrypt", f"oci:{plain}:1", out], "name a public key with --recipient"),
        (["encrypt", f"oci:{plain}:1", out, "-r", pair.public, "--layer", "3"], "there is no layer 3; it has 3"),
        (["encrypt", f"oci:{plain}:1", out, "-r", pair.public, "--beyond", f"oci:{plain}:1"], "no layer was to be"),
        (["encrypt", f"oci:{plain}:1", "docker-archive:x", "-r", pair.public], "write oci:DIR"),
        (["encrypt", f"oci:{secret}:1", out, "-r", pairs["rsa:2048"].public], "no key was given"),
        (["decrypt", f"oci:{plain}:1", out, "--key", pair.private], "no layer is encrypted"),
        (["decrypt", f"oci:{secret}:1", out], "name one with --key"),
        (["decrypt", f"oci:{secret}:1", out, "--key", pairs["rsa:2048"].private], "none of the keys given can decrypt"),
        (["decrypt", f"oci:{secret}:1", out, "--key", tmp_path / "none"], "no such key file"),
    ]
    for words, told in cases:
        status, err = ran(capsys, *words)
        assert (status, told in err) == (2, True), err
    assert not (tmp_path / "out" / "index.json").exists()


def test_recipients_come_and_go_without_another_ciphertext(
    secret: Path, pairs: Pairs, stranger: KeyPair, tmp_path: Path, capsys: Capture
) -> None:
    first, second, third = pairs["ec:P-256"], pairs["rsa:2048"], pairs["ec:P-521"]
    two, one, anew = (tmp_path / name for name in ("two", "one", "anew"))

    def opens(layout: Path, pair: KeyPair) -> bool:
        status, _ = ran(capsys, "decrypt", f"oci:{layout}:1", f"oci:{tmp_path}/x:1", "--key", pair.private)
        return status == 0

    encrypt(capsys, f"oci:{secret}:1", f"oci:{two}:1", "--key", first.private, "-r", second.public)
    encrypt(capsys, f"oci:{two}:1", f"oci:{one}:1", "--remove-recipient", first.public)
    encrypt(capsys, f"oci:{two}:1", f"oci:{anew}:1", "--key", second.private, "-r", third.public, "--anew")
    for layout in (two, one, anew):
        assert layer_bytes(layout, "1") == layer_bytes(secret, "1")
    assert [opens(two, it) for it in (first, second, third)] == [True, True, False]
    assert [opens(one, it) for it in (first, second, third)] == [False, True, False]
    assert [opens(anew, it) for it in (first, second, third)] == [False, False, True]
    status, told = ran(capsys, "encrypt", f"oci:{one}:1", f"oci:{tmp_path}/y:1", "--remove-recipient", stranger.public)
    assert (status, "none of its recipients" in told) == (2, True)


def test_an_index_with_all_its_platforms(pairs: Pairs, tmp_path: Path, capsys: Capture) -> None:
    folder = tmp_path / "many"
    shared = LayerBuilder().file("shared", "s" * 5000).build()
    children = []
    for name in ("amd64", "arm64"):
        own = LayerBuilder().file("own", name).build()
        children.append(write_image(folder, None, [shared, own], platform=Platform(os="linux", architecture=name)))
    statement = write_blob(folder, b"{}", mt.IN_TOTO)
    config = write_blob(folder, to_json({"rootfs": {"type": "layers", "diff_ids": [Digest.of(b"{}")]}}), mt.OCI_CONFIG)
    attestation = {
        "schemaVersion": 2,
        "mediaType": mt.OCI_MANIFEST,
        "config": {"mediaType": mt.OCI_CONFIG, "digest": config.digest, "size": config.size},
        "layers": [{"mediaType": mt.IN_TOTO, "digest": statement.digest, "size": statement.size}],
    }
    hung = write_blob(
        folder, to_json(attestation), mt.OCI_MANIFEST, platform=Platform(os="unknown", architecture="unknown")
    )
    marks = {"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": children[1].digest}
    write_index(folder, "all", [*children, replace(hung, annotations=marks)], annotations={"kept": "yes"})

    pair = pairs["ec:P-256"]
    encrypt(capsys, f"oci:{folder}:all", f"oci:{tmp_path}/out:all", "-r", pair.public)
    made = document(tmp_path / "out", "all")
    assert made["annotations"] == {"kept": "yes"}
    assert [it["platform"]["architecture"] for it in made["manifests"]] == ["amd64", "arm64", "unknown"]
    amd, arm, beside = made["manifests"]
    assert beside["digest"] == hung.digest
    assert beside["annotations"]["vnd.docker.reference.digest"] == arm["digest"] != children[1].digest
    inner = [json.loads(blob(tmp_path / "out", it["digest"]))["layers"] for it in (amd, arm)]
    assert inner[0][0] == inner[1][0]

    status, _ = ran(capsys, "decrypt", f"oci:{tmp_path}/out:all", f"oci:{tmp_path}/back:all", "--key", pair.private)
    assert status == 0
    assert document(tmp_path / "back", "all") == document(folder, "all")


def test_a_docker_manifest_becomes_one_of_oci_and_loses_what_it_embeds(
    plain: Path, pairs: Pairs, tmp_path: Path, capsys: Capture
) -> None:
    before = document(plain, "1")
    before["mediaType"], before["config"]["mediaType"] = mt.DOCKER_MANIFEST, mt.DOCKER_CONFIG
    before["extra"] = {"kept": True}
    before["layers"][0] |= {
        "mediaType": mt.DOCKER_LAYER_GZIP,
        "urls": ["https://plain.example/layer"],
        "data": "AAAA",
        "annotations": {"note": "kept"},
        "unknown": 1,
    }
    before["layers"][2]["mediaType"] = mt.DOCKER_LAYER
    root = write_blob(plain, to_json(before), mt.DOCKER_MANIFEST)
    encrypt(
        capsys, f"oci:{plain}@{root.digest}", f"oci:{tmp_path}/out:1", "-r", pairs["ec:P-256"].public, "--layer", "0"
    )
    made = document(tmp_path / "out", "1")
    assert (made["mediaType"], made["config"]["mediaType"]) == (mt.OCI_MANIFEST, mt.OCI_CONFIG)
    assert made["extra"] == {"kept": True}
    first, _, last = made["layers"]
    assert first["mediaType"] == mt.OCI_LAYER_GZIP + "+encrypted"
    assert not {"urls", "data"} & first.keys()
    assert (first["unknown"], first["annotations"]["note"]) == (1, "kept")
    assert last["mediaType"] == mt.OCI_LAYER


def _tamper(layout: Path, change: str) -> None:
    """Does something to the first layer; its descriptor is made to fit, as one would who can write everything."""
    manifest = document(layout, "1")
    layer: dict[str, Any] = manifest["layers"][0]
    data = bytearray(blob(layout, layer["digest"]))
    if change == "damaged on its way":
        data[100] ^= 1
        (layout / "blobs" / layer["digest"].replace(":", "/")).write_bytes(data)
        return
    if change == "changed":
        data[100] ^= 1
    elif change == "cut":
        del data[-7:]
    elif change == "grown":
        data += b"\0" * 10
    digest = write_blob(layout, bytes(data), "").digest
    manifest["layers"][0] = layer | {"digest": digest, "size": len(data)}
    if change == "another's key":
        manifest["layers"][0]["annotations"] = manifest["layers"][1]["annotations"]
    root = write_blob(layout, to_json(manifest), mt.OCI_MANIFEST)
    index = json.loads((layout / "index.json").read_bytes())
    index["manifests"][0] |= {"digest": root.digest, "size": root.size}
    (layout / "index.json").write_text(json.dumps(index))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("damaged on its way", "digest mismatch"),
        ("changed", "changed or cut short"),
        ("cut", "changed or cut short"),
        ("grown", "changed or cut short"),
        ("another's key", "changed or cut short"),
    ],
)
def test_nothing_is_written_of_a_layer_that_was_tampered_with(
    secret: Path, pairs: Pairs, tmp_path: Path, capsys: Capture, change: str, told: str
) -> None:
    _tamper(secret, change)
    out = tmp_path / "out"
    status, err = ran(capsys, "decrypt", f"oci:{secret}:1", f"oci:{out}:1", "--key", pairs["ec:P-256"].private)
    assert (status, told in err) == (2, True), err
    assert not (out / "index.json").exists()
    assert len(list((out / "blobs").rglob("*"))) == 2  # the folder and the configuration
    assert root_of(secret, "1")


def test_a_nonce_that_was_changed_in_the_open_half_is_found_by_the_digest(
    secret: Path, pairs: Pairs, tmp_path: Path, capsys: Capture
) -> None:
    manifest = document(secret, "1")
    said = manifest["layers"][0]["annotations"]
    name = "org.opencontainers.image.enc.pubopts"
    nonce = {"nonce": base64.b64encode(b"n" * 16).decode()}
    options = json.loads(base64.b64decode(said[name])) | {"cipheroptions": nonce}
    said[name] = base64.b64encode(json.dumps(options).encode()).decode()
    root = write_blob(secret, to_json(manifest), mt.OCI_MANIFEST)
    words = (f"oci:{secret}@{root.digest}", f"oci:{tmp_path}/out:1", "--key", pairs["ec:P-256"].private)
    status, err = ran(capsys, "decrypt", *words)
    assert (status, "decrypted: digest mismatch" in err) == (2, True), err


def test_the_ciphertext_is_openssls(secret: Path, plain: Path, pairs: Pairs) -> None:
    manifest = parse_manifest(blob(secret, root_of(secret, "1")["digest"]))
    assert isinstance(manifest, Manifest)
    descriptor = manifest.layers[0]
    key = secret_of(descriptor, [pairs["ec:P-256"].key], where="layer").key
    ciphertext = blob(secret, descriptor.digest)
    back = openssl("enc", "-d", "-aes-256-ctr", "-K", key.key.hex(), "-iv", key.nonce.hex(), given=ciphertext)
    assert back == layer_bytes(plain, "1")[0]
